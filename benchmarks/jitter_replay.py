"""How jitter buffers and their concealment sound and how much delay they add, on the same packets in one run.

    python -m benchmarks.jitter_replay [--quick] [--networks NAME,...] [--pull 10|20] [--seconds 60]
        [--only RECEIVER]... [--speech WAV]... [--json FILE] [--plot FILE.png] [--jobs N]

Speech goes through networks of a fixed kind (benchmarks/jitter/networks.py) as PCMU of 20 ms; each receiver plays what
arrives, pulled every 10 or 20 ms; PESQ and the delay are measured on what it played, nothing else is asked of it
(benchmarks/jitter/score.py). Two phases of the playing clock against the packets are averaged. CPU is the receiver's
alone and only of those that are programs; all other figures repeat exactly. "asked" is the PESQ and delay of
benchmarks/jitter/bars.py, for orientation: they were set on other speech and other dice; here only the
receivers of one run compare. More dice: "ge5#2"; a network of your own: "file:PATH", one delay in ms or nan a line.

It needs the packages pesq and numpy; matplotlib for the plot; cmake and a C compiler. Beside us run, where they are
installed: PJMEDIA (pip install pjsua2-python), aiortc, NetEQ (apt install libtgowt-dev libopus-dev); a fixed buffer
always. All networks and receivers take some 15 minutes on two cores, --quick two.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .jitter.bars import BARS, QUICK
from .jitter.networks import drift_ppm, packets_of
from .jitter.packet_file import replay_of
from .jitter.pjmedia import Pjmedia
from .jitter.plot import draw
from .jitter.receivers import Aiortc, Fixed, Missing, Receiver, microsip, neteq
from .jitter.score import score
from .jitter.speech import is_active, payloads, talk

RECEIVERS: dict[str, Callable[[], Receiver]] = {
    "microsip-core": microsip, "NetEQ": neteq, "PJMEDIA": Pjmedia, "aiortc": Aiortc, "fixed": Fixed,
}
PHASES_MS = (3.0, 11.0)


class Job(NamedTuple):
    network: str
    receiver: str
    pull_ms: int
    seconds: float
    speech: tuple[Path, ...]


def run(job: Job) -> dict[str, Any]:
    """One receiver on one network: a row of the table."""
    receiver, speech = RECEIVERS[job.receiver](), talk(job.seconds, job.speech)
    frames = payloads(speech)
    packets = packets_of(job.network, len(frames), is_active(speech))
    scores, cpu = [], []
    for phase in PHASES_MS:
        replay = replay_of(packets, frames, job.pull_ms, phase)
        heard, cost = receiver.play(replay)
        scores.append(score(speech, heard, phase, drift_ppm(job.network)))
        cpu += [cost] if cost is not None else []
    names = ("pesq", "pesq_worst", "delay_mean_ms", "delay_p95_ms", "mos_cq")
    figures = {name: round(float(np.mean([getattr(s, name) for s in scores])), 3) for name in names}
    bar = BARS.get(job.network.partition("#")[0]) if job.receiver == "microsip-core" else None
    return {"network": job.network, "receiver": receiver.name, "pull_ms": job.pull_ms, **figures,
            "cpu_us": round(float(np.mean(cpu)), 2) if cpu else None, "asked": bar, "track": scores[0].track}


def available(wanted: list[str]) -> Iterator[str]:
    """Those of the receivers that can be had here; the others are named as missing."""
    for name, make in RECEIVERS.items():
        if wanted and name not in wanted:
            continue
        try:
            make()
            yield name
        except Missing as missing:
            print(f"{name}: not run, {missing}")


def line(row: dict[str, Any]) -> str:
    cpu = f"{row['cpu_us']:8.1f}" if row["cpu_us"] is not None else "       -"
    asked = "" if row["asked"] is None else f"{row['asked'][0]:.2f} / {row['asked'][1]:.0f}"
    return (f"{row['network']:14}{row['receiver']:15}{row['pesq']:6.2f}{row['pesq_worst']:7.2f}"
            f"{row['delay_mean_ms']:9.1f}{row['delay_p95_ms']:8.1f}{row['mos_cq']:8.2f}{cpu}  {asked}")


def summary(rows: list[dict[str, Any]]) -> Iterator[str]:
    for receiver in dict.fromkeys(row["receiver"] for row in rows):
        own = [row for row in rows if row["receiver"] == receiver]
        pesq, delay, quality = (np.mean([r[k] for r in own]) for k in ("pesq", "delay_mean_ms", "mos_cq"))
        yield f"mean of {len(own)}: {receiver}: PESQ {pesq:.2f}, {delay:.0f} ms, MOS-CQ {quality:.2f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="six networks, 30 s")
    parser.add_argument("--networks", help="comma-separated; default: all of bars.py")
    parser.add_argument("--pull", type=int, choices=(10, 20), default=10, help="ms of audio taken at a time")
    parser.add_argument("--seconds", type=float, help="of speech, default 60; at least 10")
    parser.add_argument("--only", action="append", default=[], choices=list(RECEIVERS))
    parser.add_argument("--speech", action="append", default=[], type=Path, metavar="WAV")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args()
    given.networks = given.networks.split(",") if given.networks else list(QUICK if given.quick else BARS)
    given.seconds = max(given.seconds or (30.0 if given.quick else 60.0), 10.0)
    return given


def main() -> None:
    given = arguments()
    receivers = list(available(given.only))
    jobs = [Job(network, receiver, given.pull, given.seconds, tuple(given.speech))
            for network in given.networks for receiver in receivers]
    print("network       receiver         PESQ  worst delay ms     p95  MOS-CQ us/20ms  asked")
    rows = []
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        for row in pool.imap(run, jobs):
            rows.append(row)
            print(line(row), flush=True)
    print(*summary(rows), sep="\n")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))
    if given.plot:
        draw(rows, given.plot)


if __name__ == "__main__":
    main()
