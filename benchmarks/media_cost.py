"""What a frame costs the native engine by codec and by SRTP suite: streams that talk to each other in one process.

    python -m benchmarks.media_cost [--streams 200] [--seconds 4] [--only NAME]...

A frame is what a stream does every 20 ms: receive a packet, take it through the jitter buffer, decode, encode what is
played (noise that swells and fades, so that Opus has work to do), send, and RTCP. Time is the processor's, of the
engine's thread alone; "beyond PCMU" is what the codec or the encryption adds. Loopback charges the receiver's share of
the kernel to the sender. Rows are taken in one run: compare them with each other.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from microsip_core.media.codec_registry import codecs_of
from microsip_core.media.engine import create_engine
from microsip_core.media.opus import encoder_settings
from microsip_core.media.srtp import PROFILES, SrtpKeys, new_key
from microsip_core.media.stream import EncoderSettings, PayloadFormat, Stream, StreamConfig
from microsip_core.sdp.crypto import SUITES


@dataclass(frozen=True, slots=True)
class Case:
    """A row."""

    name: str
    form: PayloadFormat
    suite: str = ""


def cases() -> Iterator[Case]:
    """PCMU first, then everything else that the engine can carry."""
    pcmu = PayloadFormat("PCMU", 0)
    yield Case("PCMU", pcmu)
    for suite in PROFILES:
        yield Case(f"PCMU, {suite}", pcmu, suite)
    for codec in codecs_of("native")[1:]:
        form = codec.rtp_format
        settings = encoder_settings("", codec.sample_rate) if form.name == "opus" else EncoderSettings()
        rate = codec.sample_rate if form.name == "opus" else 0
        yield Case(codec.name, PayloadFormat(
            form.name, form.payload_type, form.clock_rate, form.channels, 20, rate, settings,
        ))


def connect(first: Stream, second: Stream, case: Case) -> None:
    """Let two streams talk to each other."""
    receive = {case.form.payload_type: case.form}
    keys: tuple[SrtpKeys | None, SrtpKeys | None] = (None, None)
    if case.suite:
        octets = SUITES[case.suite].key_octets + SUITES[case.suite].salt_octets
        forth, back = new_key(octets), new_key(octets)
        keys = (SrtpKeys(case.suite, forth, back), SrtpKeys(case.suite, back, forth))
    first.configure(second.rtp_address, second.rtcp_address, case.form, receive, srtp=keys[0])
    second.configure(first.rtp_address, first.rtcp_address, case.form, receive, srtp=keys[1])


def measure(case: Case, streams: int, seconds: float) -> tuple[float, int, int]:
    """Return microseconds of processor time a frame, packets received and packets lost."""
    rng = np.random.default_rng(1)
    envelope = np.repeat(rng.uniform(200, 8000, 50), 800)
    sound = np.clip(rng.normal(0, 1, len(envelope)).cumsum() % 2.0 - 1.0, -1, 1) * envelope
    engine = create_engine("native")
    try:
        opened = [engine.open_stream(StreamConfig()) for _ in range(streams)]
        for first, second in zip(opened[::2], opened[1::2], strict=True):
            connect(first, second, case)
        for stream in opened:
            stream.play(sound.astype(np.int16), rate=16_000, loop=True)
        time.sleep(2.0)
        before = engine.statistics()
        time.sleep(seconds)
        after = engine.statistics()
        figures = [stream.statistics() for stream in opened]
    finally:
        engine.close()
    spent = int(str(after["cpu_ns"])) - int(str(before["cpu_ns"]))
    frames = int(str(after["frames"])) - int(str(before["frames"]))
    return (
        spent / 1000 / max(frames, 1), sum(f["packets_received"] for f in figures),
        sum(f["packets_lost"] for f in figures),
    )


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--streams", type=int, default=200, help="an even number")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    arguments = parser.parse_args()
    print(f"{'':34} {'us a frame':>10} {'beyond PCMU':>12} {'packets':>9} {'lost':>6}")
    plain = None
    for case in cases():
        if arguments.only and case.name not in arguments.only and plain is not None:
            continue
        cost, packets, lost = measure(case, arguments.streams // 2 * 2, arguments.seconds)
        plain = cost if plain is None else plain
        print(f"{case.name:34} {cost:10.2f} {cost - plain:12.2f} {packets:9} {lost:6}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
