"""G.711 against the full 16-bit sweep of the ITU-T STL (16-bit little-endian words, one code per word)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from media_room import Room
from numpy.typing import NDArray

from microsip_core.media.reference import g711
from microsip_core.media.reference.rtp import RtpPacket, build_rtp, parse_rtp
from microsip_core.media.stream import PayloadFormat, Stream
from microsip_core.media.wav import load_wav

SWEEP = Path(__file__).parent.parent / "vectors" / "codec" / "g711"


def words(name: str) -> NDArray[np.int16]:
    return np.fromfile(SWEEP / name, "<i2")


@pytest.mark.parametrize(
    ("encode", "codes"), [(g711.encode_a_law, "sweep-r.a"), (g711.encode_mu_law, "sweep-r.u")], ids=["A-law", "mu-law"],
)
def test_encoding(encode: Callable[[NDArray[np.int16]], bytes], codes: str) -> None:
    samples = words("sweep.src")
    assert len(samples) == 65536
    assert encode(samples) == words(codes).astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    ("decode", "codes", "samples"),
    [(g711.decode_a_law, "sweep-r.a", "sweep-r.a-a"), (g711.decode_mu_law, "sweep-r.u", "sweep-r.u-u")],
    ids=["A-law", "mu-law"],
)
def test_decoding(decode: Callable[[bytes], NDArray[np.int16]], codes: str, samples: str) -> None:
    decoded = decode(words(codes).astype(np.uint8).tobytes())
    assert decoded.dtype == np.int16
    assert (decoded == words(samples)).all()


@pytest.mark.parametrize("law", ["a_law", "mu_law"])
def test_every_code_survives(law: str) -> None:
    codes = bytes(range(256))
    decoded = getattr(g711, f"decode_{law}")(codes)
    encoded = getattr(g711, f"encode_{law}")(decoded)
    different = [code for code in range(256) if encoded[code] != codes[code]]
    # mu-law has two zeros; the negative one is coded like the positive.
    assert different == ([0x7F] if law == "mu_law" else [])


class Listener:
    """A plain socket that a stream sends to."""

    def __init__(self, stream: Stream, form: PayloadFormat) -> None:
        self.stream = stream
        self.form = form
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5.0)
        stream.configure(self.socket.getsockname(), None, form, {form.payload_type: form})

    def payload(self) -> bytes:
        packet = parse_rtp(self.socket.recv(2048))
        assert packet is not None
        return packet.payload

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(params=[PayloadFormat("PCMU", 0), PayloadFormat("PCMA", 8)], ids=["PCMU", "PCMA"])
def listener(request: pytest.FixtureRequest, room: Room) -> Iterator[Listener]:
    made = Listener(room.open(), request.param)
    yield made
    made.close()


def sweep_of(form: PayloadFormat) -> tuple[NDArray[np.int16], bytes]:
    """The sweep in rising order, and its codes."""
    samples = words("sweep.src")
    order = np.argsort(samples, kind="stable")
    return samples[order], words("sweep-r.u" if form.name == "PCMU" else "sweep-r.a")[order].astype(np.uint8).tobytes()


def test_streams_encode_every_interval(room: Room, listener: Listener) -> None:
    # Encoding never turns back, so the two ends of each interval prove all that lies between.
    samples, codes = sweep_of(listener.form)
    ends = [n for n in range(65536) if n in (0, 65535) or codes[n] != codes[n - 1] or codes[n] != codes[n + 1]]
    assert len(ends) >= 508
    wanted = bytes(codes[n] for n in ends)
    listener.payload()
    listener.stream.play(samples[ends])
    sent = b""
    while wanted not in sent and len(sent) < 16000:
        sent += listener.payload()
    assert wanted in sent


def test_streams_decode_every_code(room: Room, listener: Listener, tmp_path: Path) -> None:
    stream, form = listener.stream, listener.form
    every = bytes(range(256)) + bytes(reversed(range(64)))
    decode = g711.decode_mu_law if form.name == "PCMU" else g711.decode_a_law
    stream.record(tmp_path / "a.wav")
    for number in range(40):
        listener.payload()  # keeps the pace
        payload = every[160 * (number % 2) :][:160]
        packet = RtpPacket(form.payload_type, number, 160 * number, 5, payload)
        listener.socket.sendto(build_rtp(packet), stream.rtp_address)
    room.pump(0.2)
    stream.stop_record()
    room.wait_for(stream, "recording_finished")
    heard = load_wav(tmp_path / "a.wav").samples[:, 1].astype("<i2").tobytes()
    assert decode(every).astype("<i2").tobytes() in heard
