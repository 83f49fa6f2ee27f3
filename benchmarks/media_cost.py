"""What a frame costs the native engine by codec and by SRTP suite: streams that talk to each other in one process.

    python -m benchmarks.media_cost [--streams 200] [--seconds 4] [--only NAME]...

A frame is what a stream does every 20 ms: receive a packet, take it through the jitter buffer, decode, encode what is
played (noise that swells and fades, so that Opus has work to do), send, and RTCP. Time is the processor's, of the
engine's thread alone; "beyond PCMU" is what the codec or the encryption adds. Loopback charges the receiver's share of
the kernel to the sender. Rows are taken in one run: compare them with each other. Beside
Opus stands what libopus takes by itself for the same sound, and what we add beyond PCMU as a multiple of it.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from collections.abc import Iterator

from microsip_core.media.codec_registry import codecs_of
from microsip_core.media.engine import create_engine
from microsip_core.media.opus import find_library
from microsip_core.media.srtp import PROFILES
from microsip_core.media.stream import PayloadFormat, StreamConfig

from .media_cases import Case, format_of, sound

_BITRATE, _COMPLEXITY = 4002, 4010  # requests of opus_encoder_ctl
_VOIP = 2048
_RUNS = 400  # frames coded alone


def cases() -> Iterator[Case]:
    """PCMU first, then everything else that the engine can carry."""
    yield Case("PCMU", format_of("PCMU"))
    for suite in PROFILES:
        yield Case(f"PCMU, {suite}", format_of("PCMU"), suite)
    for codec in codecs_of("native")[1:]:
        yield Case(codec.name, format_of(codec.name))


def measure(case: Case, streams: int, seconds: float) -> tuple[float, int, int]:
    """Return microseconds of processor time a frame, packets received and packets lost."""
    noise = sound()
    engine = create_engine("native")
    try:
        opened = [engine.open_stream(StreamConfig()) for _ in range(streams)]
        for first, second in zip(opened[::2], opened[1::2], strict=True):
            case.configure(first, second.rtp_address, second.rtcp_address)
            case.configure(second, first.rtp_address, first.rtcp_address)
        for stream in opened:
            stream.play(noise, rate=16_000, loop=True)
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


def opus_alone(form: PayloadFormat) -> float:
    """Return what libopus by itself takes to encode a frame and decode one, in microseconds of this thread's time.

    The same sound, settings and frame length as the engine's; called in turn, as the engine does for many calls.
    """
    library = find_library()
    assert library is not None
    size_of, init, ctl, encode, size_of_decoder, init_decoder, decode = (
        ctypes.CFUNCTYPE(ctypes.c_int)(address) for address in library.addresses
    )
    for function in (size_of, init, ctl, encode, size_of_decoder, init_decoder, decode):
        function.argtypes = None  # type: ignore[assignment]
    rate = form.sample_rate
    noise = sound() if rate == 16_000 else sound().repeat(rate // 16_000)
    frame = rate // 50
    encoder = ctypes.create_string_buffer(size_of(1))
    decoder = ctypes.create_string_buffer(size_of_decoder(1))
    init(encoder, rate, 1, _VOIP)
    init_decoder(decoder, rate, 1)
    ctl(encoder, _COMPLEXITY, form.encoder.complexity)
    ctl(encoder, _BITRATE, form.encoder.bitrate)
    packet = ctypes.create_string_buffer(1500)
    out = (ctypes.c_int16 * frame)()
    began = time.thread_time_ns()
    for run in range(_RUNS):
        start = run * frame % (len(noise) - frame)
        length = encode(encoder, ctypes.c_void_p(noise[start:].ctypes.data), frame, packet, len(packet))
        decode(decoder, packet, length, out, frame, 0)
    return (time.thread_time_ns() - began) / _RUNS / 1000


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
        alone = opus_alone(case.form) if case.form.name == "opus" else 0.0
        beside = f"   libopus alone {alone:.2f}, ratio {(cost - plain) / alone:.2f}" if alone else ""
        print(f"{case.name:34} {cost:10.2f} {cost - plain:12.2f} {packets:9} {lost:6}{beside}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
