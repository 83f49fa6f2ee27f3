"""Opus on the native core: what is asked of the encoder, and calls in wideband and full band, with and without loss."""

from __future__ import annotations

import itertools
import random
import socket
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from media_room import Room, best_match, strongest
from numpy.typing import NDArray

from microsip_core.media import opus
from microsip_core.media.engine import create_engine, native_available
from microsip_core.media.media_session import EngineMediaBackend, EngineMediaSession
from microsip_core.media.resampler import resample, to_int16
from microsip_core.media.stream import EncoderSettings, PayloadFormat, Stream

pytestmark = pytest.mark.skipif(
    not native_available() or not opus.install(), reason="the native core or libopus is not there",
)
SPEECH = Path(__file__).parents[1] / "vectors" / "speech" / "P501_D_EN_fm_SWB_48k.pcm"


@pytest.fixture
def room() -> Iterator[Room]:
    engine = create_engine("native")
    yield Room(engine)
    engine.close()


def form(number: int, rate: int, ptime_ms: int = 20, fmtp: str = "") -> PayloadFormat:
    return PayloadFormat("opus", number, 48_000, 2, ptime_ms, rate, opus.encoder_settings(fmtp, rate))


def connect(stream: Stream, to: Stream, send: PayloadFormat, receive: PayloadFormat) -> None:
    stream.configure(
        to.rtp_address, to.rtcp_address, send, {receive.payload_type: receive}, 102, {102: 48_000},
    )


@pytest.mark.parametrize(("fmtp", "settings"), [
    ("", EncoderSettings(24_000, 16_000, 5)),
    ("useinbandfec=1", EncoderSettings(24_000, 16_000, 5, 10, redundancy=True)),
    ("usedtx=1; useinbandfec=0", EncoderSettings(24_000, 16_000, 5, silence_suppression=True)),
    ("maxaveragebitrate=12000;stereo=1", EncoderSettings(12_000, 16_000, 5)),
    ("maxaveragebitrate=1", EncoderSettings(6000, 16_000, 5)),
    ("maxplaybackrate=8000", EncoderSettings(24_000, 8000, 5)),
    ("MAXPLAYBACKRATE=48000", EncoderSettings(24_000, 16_000, 5)),
    ("useinbandfec=yes;;=;usedtx=\u0661;maxplaybackrate=9999999999", EncoderSettings(24_000, 16_000, 5)),
])
def test_what_the_peer_asks_for(fmtp: str, settings: EncoderSettings) -> None:
    assert opus.encoder_settings(fmtp, 16_000) == settings


def test_the_packet_time_is_one_that_opus_has() -> None:
    assert [opus.packet_time(ms) for ms in (10, 20, 30, 40, 50, 60)] == [10, 20, 20, 40, 40, 60]


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
def test_a_tone_and_digits_with_payload_types_of_each_side(room: Room, rate: int, ptime_ms: int) -> None:
    a, b = room.open(), room.open()
    connect(a, b, form(107, rate, ptime_ms), form(96, rate, ptime_ms))
    connect(b, a, form(96, rate, ptime_ms), form(107, rate, ptime_ms))
    b.echo(True)
    tap = a.open_tap()
    a.play_tone([((1000,), 0, 0)])
    assert room.wait(lambda: tap.readable > rate)
    heard = tap.read(tap.readable)
    assert strongest(heard[-rate // 2 :], rate) == pytest.approx(1000, abs=5)
    a.send_dtmf("5#")
    assert room.wait(lambda: len(room.of(b, "dtmf")) == 2)
    assert [event.detail for event in room.of(b, "dtmf")] == ["5", "#"]
    assert [event.value for event in room.of(b, "dtmf")] == pytest.approx([160, 160], abs=ptime_ms + 1)
    figures = b.statistics()
    assert figures["sample_rate"] == rate
    assert figures["invalid"] == figures["packets_lost"] == 0
    assert figures["jitter_us"] < 5000
    assert figures["octets_received"] < figures["packets_received"] * ptime_ms * 8  # far less than G.711


def wideband_speech() -> NDArray[np.int16]:
    full = np.fromfile(SPEECH, "<i2")[: 48_000 * 8].astype(np.float64)
    return to_int16(resample(full, 48_000, 16_000))


def judged(clean: NDArray[np.int16], heard: NDArray[np.int16]) -> tuple[float, float]:
    """PESQ-WB and STOI, the latter second by second: the jitter buffer may change the delay in a pause."""
    pesq, stoi = pytest.importorskip("pesq"), pytest.importorskip("pystoi")
    place, _ = best_match(clean[: 16_000 * 2], heard)
    part = heard[place : place + len(clean)]
    seconds = [clean[at : at + 16_000] for at in range(0, len(clean) - 16_000, 16_000)]
    aligned = [heard[at : at + 16_000] for at in (best_match(second, heard)[0] for second in seconds)]
    return (
        float(pesq.pesq(16_000, clean[: len(part)], part, "wb")),
        float(stoi.stoi(np.concatenate(seconds).astype(float), np.concatenate(aligned).astype(float), 16_000)),
    )


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_speech(room: Room, rate: int) -> None:
    clean = wideband_speech()
    a, b = room.open(), room.open()
    connect(a, b, form(107, rate), form(107, rate))
    connect(b, a, form(107, rate), form(107, rate))
    tap = b.open_tap(16_000)
    parts: list[NDArray[np.int16]] = []
    playback = a.play(clean, rate=16_000)

    def finished() -> bool:
        parts.append(tap.read(tap.readable))
        return any(event.reference == playback for event in room.of(a, "playback_finished"))

    assert room.wait(finished, 20)
    room.wait(lambda: tap.readable > 4000)
    parts.append(tap.read(tap.readable))
    pesq, stoi = judged(clean, np.concatenate(parts))
    print(f"Opus at {rate} Hz: PESQ-WB {pesq:.2f}, STOI {stoi:.3f}")
    assert pesq > 3.8
    assert stoi > 0.93


class LossyWire:
    """Between two streams: drops every packet that the seed says."""

    def __init__(self, room: Room, loss: float) -> None:
        self.room, self.loss, self.random = room, loss, random.Random(7)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    def forward(self, to: tuple[str, int]) -> None:
        while True:
            try:
                packet = self.socket.recv(2000)
            except BlockingIOError:
                return
            if self.random.random() >= self.loss:
                self.socket.sendto(packet, to)


@pytest.mark.parametrize("redundancy", [True, False])
def test_lost_packets_are_taken_from_the_one_after(room: Room, redundancy: bool) -> None:
    clean = wideband_speech()
    a, b = room.open(), room.open(jitter_min_ms=60)
    wire = LossyWire(room, 0.1)
    send = form(107, 16_000, 20, "useinbandfec=1" if redundancy else "")
    a.configure(wire.socket.getsockname(), None, send, {107: send})
    b.configure(wire.socket.getsockname(), None, send, {107: send}, sending=False)
    playback = a.play(clean, rate=16_000)

    def finished() -> bool:
        wire.forward(b.rtp_address)
        return any(event.reference == playback for event in room.of(a, "playback_finished"))

    assert room.wait(finished, 20)
    wire.socket.close()
    figures = b.statistics()
    assert figures["packets_lost"] > 10
    if redundancy:
        assert figures["samples_recovered"] > 1600
        assert figures["samples_concealed"] + figures["samples_recovered"] > figures["packets_lost"] * 200
    else:
        assert figures["samples_recovered"] == 0


def test_silence_is_not_sent_to_a_peer_that_asks_for_that(room: Room) -> None:
    a, b = room.open(), room.open()
    connect(a, b, form(107, 16_000, 20, "usedtx=1"), form(107, 16_000))
    connect(b, a, form(107, 16_000), form(107, 16_000))
    assert room.wait(lambda: a.statistics()["ticks"] > 90, 20)
    figures = a.statistics()
    assert figures["packets_sent"] < 40
    assert figures["send_errors"] == 0
    tap = b.open_tap()
    a.play_tone([((1000,), 0, 0)])
    assert room.wait(lambda: tap.readable > 16_000)
    assert strongest(tap.read(tap.readable)[-4000:], 16_000) == pytest.approx(1000, abs=5)


def test_garbage_is_survived(room: Room) -> None:
    chance = random.Random(1)
    stream = room.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        stream.configure(wire.getsockname(), None, form(107, 16_000), {107: form(107, 16_000)})
        for number in range(1500):
            head = struct.pack("!BBHII", 0x80, 107, number, number * 960, 5)
            wire.sendto(head + chance.randbytes(chance.randrange(200)), stream.rtp_address)
            if number % 50 == 49:
                room.pump(0.02)
        assert room.wait(lambda: stream.statistics()["packets_received"] > 500)


def test_g711_and_opus_take_turns_in_one_stream(room: Room) -> None:
    a, b = room.open(), room.open()
    pcmu = PayloadFormat("PCMU", 0)
    for wide in itertools.islice(itertools.cycle([form(107, 16_000), pcmu, form(107, 48_000)]), 4):
        connect(a, b, wide, wide)
        connect(b, a, wide, wide)
        tap = b.open_tap()
        a.play_tone([((700,), 0, 0)])
        rate = tap.sample_rate  # that of the first codec: a tap keeps its rate when the codec changes
        assert room.wait(lambda: tap.readable > rate)  # noqa: B023 -- called here only
        assert strongest(tap.read(tap.readable)[-rate // 2 :], rate) == pytest.approx(700, abs=5)


def test_it_is_negotiated(room: Room) -> None:
    backend = EngineMediaBackend(room.engine)
    ours = backend.open_session(local_host="127.0.0.1", codecs=["opus", "PCMU"], ptime_ms=30)
    theirs = backend.open_session(local_host="127.0.0.1", codecs=["PCMU", "opus-fullband"])
    offer = ours.create_offer()
    assert b"a=rtpmap:107 opus/48000/2\r\n" in offer
    assert b"a=rtpmap:102 telephone-event/48000\r\n" in offer
    assert b"a=rtpmap:101 telephone-event/8000\r\n" in offer
    ours.accept_answer(theirs.accept_offer(offer))
    _require_opus(ours, 16_000)
    _require_opus(theirs, 48_000)
    assert ours.agreed is not None
    assert ours.agreed.telephone_event == 102
    assert room.wait(lambda: ours.statistics().receive.packets > 20)
    assert theirs.stream is not None
    assert ours.stream is not None
    ours.stream.send_dtmf("9")
    assert room.wait_for(theirs.stream, "dtmf").detail == "9"
    ours.close()
    theirs.close()


def _require_opus(session: EngineMediaSession, rate: int) -> None:
    assert session.codec == "opus"
    assert session.stream is not None
    assert session.stream.open_tap().sample_rate == rate


def test_digits_to_a_peer_that_has_events_at_8000_hz_only(room: Room) -> None:
    a, b = room.open(), room.open()
    wide = form(107, 16_000)
    a.configure(b.rtp_address, None, wide, {107: wide}, 101, {101}, telephone_event_clock=8000)
    b.configure(a.rtp_address, None, wide, {107: wide}, 101, {101})
    a.send_dtmf("3", 200)
    event = room.wait_for(b, "dtmf")
    assert (event.detail, event.value) == ("3", 200)


def test_what_opus_does_to_wav_files(room: Room, tmp_path: Path) -> None:
    a, b = room.open(), room.open()
    connect(a, b, form(107, 48_000), form(107, 48_000))
    connect(b, a, form(107, 48_000), form(107, 48_000))
    a.record(tmp_path / "call.wav", stereo=False)
    room.pump(0.5)
    a.stop_record()
    room.wait_for(a, "recording_finished")
    with wave.open(str(tmp_path / "call.wav")) as recording:
        assert recording.getframerate() == 48_000
        assert recording.getnframes() == pytest.approx(24_000, abs=3000)
