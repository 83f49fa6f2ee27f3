"""The codecs and SRTP suites that the media benchmarks measure, and packets of each as a peer would send them."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from microsip_core.media import _native
from microsip_core.media.codec_registry import codecs_of
from microsip_core.media.feeder import Feeder
from microsip_core.media.native_clips import ClipCache
from microsip_core.media.native_stream import NativeStream
from microsip_core.media.opus import encoder_settings
from microsip_core.media.sound_writer import Encoder
from microsip_core.media.srtp import SrtpKeys
from microsip_core.media.stream import PayloadFormat, Stream, StreamConfig
from microsip_core.sdp.crypto import SUITES

_FRAME_NS = 20_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """What the packets of a call are: a codec, and an SRTP suite or none. All calls of a benchmark share their keys."""

    name: str
    form: PayloadFormat
    suite: str = ""

    @property
    def keys(self) -> SrtpKeys | None:
        """Keys of both directions, the same ones: there is nothing to keep secret."""
        if not self.suite:
            return None
        octets = SUITES[self.suite].key_octets + SUITES[self.suite].salt_octets
        return SrtpKeys(self.suite, bytes(range(octets)), bytes(range(octets)))

    def configure(self, stream: Stream, remote: tuple[str, int] | None, remote_rtcp: tuple[str, int] | None) -> None:
        """Let a stream carry it."""
        stream.configure(remote, remote_rtcp, self.form, {self.form.payload_type: self.form}, srtp=self.keys)


def format_of(name: str) -> PayloadFormat:
    """Return a codec of the native core by name; Opus at the sample rate its name tells, with its usual settings."""
    codec = next(codec for codec in codecs_of("native") if codec.name == name)
    form = PayloadFormat(
        codec.rtp_format.name, codec.rtp_format.payload_type, codec.rtp_format.clock_rate, codec.rtp_format.channels,
    )
    if form.name != "opus":
        return form
    return replace(form, sample_rate=codec.sample_rate, encoder=encoder_settings("", codec.sample_rate))


def sound(seconds: float = 2.5) -> NDArray[np.int16]:
    """Noise at 16 kHz that swells and fades, so that encoders have work to do."""
    rng = np.random.default_rng(1)
    envelope = np.repeat(rng.uniform(200, 8000, round(20 * seconds)), 800)
    return (np.clip(rng.normal(0, 1, len(envelope)).cumsum() % 2.0 - 1.0, -1, 1) * envelope).astype(np.int16)


def packets_of(case: Case, count: int) -> list[bytes]:
    """Return RTP packets of 20 ms as a stream of ours sends them, made on a clock of the benchmark's own."""
    engine = _native.Engine(1, True)
    stream = NativeStream(engine, StreamConfig(), ClipCache(), Feeder(), Encoder(), {})
    packets: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        case.configure(stream, listener.getsockname(), ("127.0.0.1", 9))
        stream.play(sound(), rate=16_000, loop=True)
        now = 0
        while len(packets) < count:
            now += _FRAME_NS
            engine.tick(now)
            try:
                packets.append(listener.recv(2048))
            except BlockingIOError:
                if now > (count + 50) * _FRAME_NS:
                    raise RuntimeError(f"no packets of {case.name} come out") from None
    stream.close()
    engine.stop()
    return packets
