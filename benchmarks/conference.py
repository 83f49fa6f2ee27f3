"""How large a conference one core of the native engine carries, and what a member costs.

    python -m benchmarks.conference [--members 10,100,500] [--rate 8000] [--seconds 3] [--json]

Every member is a G.711 call whose far end is a stream of a second engine, which talks and listens, so that the figures
of the engine with the conference are its own. All members talk, the worst case for mixing. "cpu" is the processor time
of the engine's one thread: sockets, jitter buffers, codecs and mixing; "mixing" is the part of it that the mixer took.
A size is carried when at least 99.9 % of the frames were on time (not 5 ms late) and no mix was skipped.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass

import numpy as np

from microsip_core.media.engine import create_engine
from microsip_core.media.stream import PayloadFormat, StreamConfig


@dataclass(frozen=True, slots=True)
class Row:
    """One size of conference."""

    members: int
    cpu_percent: float
    mixing_percent: float
    cpu_percent_per_member: float
    late_percent: float
    mixes_skipped: int
    carried: bool


def measure(members: int, rate: int, seconds: float) -> Row:
    """Hold one conference."""
    pcmu = PayloadFormat("PCMU", 0)
    rng = np.random.default_rng(1)
    noise = (rng.normal(0, 1500, 16_000)).astype(np.int16)
    engine, phones = create_engine("native"), create_engine("native")
    try:
        mixer = engine.open_mixer(rate)
        kept = []
        for _ in range(members):
            near, far = engine.open_stream(StreamConfig()), phones.open_stream(StreamConfig())
            near.configure(far.rtp_address, far.rtcp_address, pcmu, {0: pcmu})
            far.configure(near.rtp_address, near.rtcp_address, pcmu, {0: pcmu})
            far.play(noise, rate=8000, loop=True)
            kept.append((near, far, mixer.join(near)))
        time.sleep(2.0)
        before, mixed_before, began = engine.statistics(), mixer.statistics(), time.monotonic()
        time.sleep(seconds)
        after, mixed, passed = engine.statistics(), mixer.statistics(), time.monotonic() - began
    finally:
        engine.close()
        phones.close()

    def grown(name: str) -> int:
        return int(str(after[name])) - int(str(before[name]))

    cpu = 100 * grown("cpu_ns") * 1e-9 / passed
    mixing = 100 * (mixed.mixing_seconds - mixed_before.mixing_seconds) / passed
    skipped = mixed.frames_skipped - mixed_before.frames_skipped
    late = 100 * (grown("frames_late") + grown("frames_skipped")) / max(1, grown("frames"))
    return Row(members, cpu, mixing, cpu / members, late, skipped, late <= 0.1 and skipped == 0)


def main() -> None:
    """Print a row for each size; the larger ones are left out once one was not carried."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", default="10,100,300,600", help="sizes, comma-separated")
    parser.add_argument("--rate", type=int, default=8000, help="Hz of the mixing: 8000, 16000, 32000, 48000")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for size in arguments.members.split(","):
        rows.append(measure(int(size), arguments.rate, arguments.seconds))
        if not arguments.json:
            if len(rows) == 1:
                print("members    cpu %  mixing %  cpu % a member   late %  carried")
            row = rows[-1]
            print(f"{row.members:7d} {row.cpu_percent:8.2f} {row.mixing_percent:9.2f} "
                  f"{row.cpu_percent_per_member:15.4f} {row.late_percent:8.3f}  {'yes' if row.carried else 'no'}")
        if not rows[-1].carried:
            break
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
