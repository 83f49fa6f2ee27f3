"""A call between two streams over real sockets, on both cores: play, record, echo, tones, taps, hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from media_room import PCMA, PCMU, Room, best_match, connect, strongest

from microsip_core.errors import CodecError, FileError, InvalidArgument, InvalidState, LimitExceeded
from microsip_core.media.reference import g711
from microsip_core.media.stream import PayloadFormat, Stream
from microsip_core.media.wav import load_wav, write_wav

NOISE = (np.random.default_rng(1).standard_normal(8000) * 3000).astype(np.int16)
"""One second in which every place is unlike every other."""


def right(path: Path) -> np.ndarray:
    return load_wav(path).samples[:, 1].astype(np.int16)


def left(path: Path) -> np.ndarray:
    return load_wav(path).samples[:, 0].astype(np.int16)


@pytest.mark.parametrize("form", [PCMU, PCMA], ids=["PCMU", "PCMA"])
def test_what_is_played_is_received_to_the_bit(room: Room, tmp_path: Path, form: PayloadFormat) -> None:
    a, b = room.open(), room.open()
    connect(a, b, form)
    connect(b, a, form)
    b.record(tmp_path / "b.wav")
    room.wait_for(b, "first_rtp")
    room.pump(0.3)
    playback = a.play(NOISE)
    finished = room.wait_for(a, "playback_finished")
    assert (finished.reference, finished.detail, finished.value) == (playback, "finished", 1000)
    room.pump(0.3)
    b.stop_record()
    recorded = room.wait_for(b, "recording_finished")
    assert recorded.detail == ""
    heard = right(tmp_path / "b.wav")
    assert abs(recorded.value - len(heard) / 8) <= 20
    if form is PCMU:
        coded = g711.decode_mu_law(g711.encode_mu_law(NOISE))
    else:
        coded = g711.decode_a_law(g711.encode_a_law(NOISE))
    # Each tenth of a second is there unchanged, where neither core stretched time.
    exact = 0
    for start in range(0, 8000, 800):
        place, score = best_match(coded[start : start + 800], heard)
        assert score > 0.8
        exact += bool((heard[place : place + 800] == coded[start : start + 800]).all())
    assert exact >= 8


def test_recording_has_what_was_sent_left_and_received_right(
    room: Room, pair: tuple[Stream, Stream], tmp_path: Path,
) -> None:
    a, b = pair
    a.play_tone([((400.0,), 0, 0)])
    b.play_tone([((1000.0,), 0, 0)])
    room.wait_for(a, "first_rtp")
    room.pump(0.3)
    a.record(tmp_path / "stereo.wav")
    b.record(tmp_path / "mono.wav", stereo=False)
    room.pump(0.6)
    for stream in pair:
        stream.stop_record()
        room.wait_for(stream, "recording_finished")
    audio = load_wav(tmp_path / "stereo.wav")
    assert audio.rate == 8000
    assert audio.duration == pytest.approx(0.6, abs=0.1)
    assert strongest(left(tmp_path / "stereo.wav")[1000:3000]) == pytest.approx(400, abs=8)
    assert strongest(right(tmp_path / "stereo.wav")[1000:3000]) == pytest.approx(1000, abs=8)
    mixed = load_wav(tmp_path / "mono.wav").samples[:, 0][1000:3000]
    spectrum = np.abs(np.fft.rfft(mixed * np.hanning(len(mixed))))
    assert set(np.argsort(spectrum)[-2:] * 4) == {400, 1000}


def test_echo(room: Room, pair: tuple[Stream, Stream], tmp_path: Path) -> None:
    a, b = pair
    b.echo(True)
    a.play_tone([((697.0, 1209.0), 0, 0)])
    room.wait_for(a, "first_rtp")
    room.pump(0.3)
    a.record(tmp_path / "a.wav")
    room.pump(0.5)
    b.echo(False)
    room.pump(0.3)
    a.stop_record()
    room.wait_for(a, "recording_finished")
    heard = right(tmp_path / "a.wav").astype(np.float64)
    spectrum = np.abs(np.fft.rfft(heard[:4000] * np.hanning(4000)))
    assert set(np.round(np.argsort(spectrum)[-2:] * 2, -1)) <= {690, 700, 1210}
    assert np.abs(heard[-400:]).max() < 100


def test_tone_cadence_and_level(room: Room, pair: tuple[Stream, Stream], tmp_path: Path) -> None:
    a, _ = pair
    a.record(tmp_path / "a.wav")
    playback = a.play_tone([((440.0,), 100, 100), ((880.0,), 100, 0)])
    finished = room.wait_for(a, "playback_finished")
    assert finished.reference == playback
    assert finished.value == pytest.approx(300, abs=20)
    a.stop_record()
    room.wait_for(a, "recording_finished")
    sent = left(tmp_path / "a.wav")
    start = int(np.argmax(np.abs(sent) > 100))
    assert strongest(sent[start : start + 800]) == pytest.approx(440, abs=10)
    assert np.abs(sent[start + 820 : start + 1580]).max() < 50
    assert strongest(sent[start + 1620 : start + 2380]) == pytest.approx(880, abs=11)
    assert 6500 < np.abs(sent).max() < 7500


def test_playing_again_replaces_and_stopping_stops(room: Room, pair: tuple[Stream, Stream]) -> None:
    a, _ = pair
    first = a.play(NOISE, loop=True)
    room.pump(0.1)
    second = a.play_tone([((440.0,), 0, 0)])
    room.pump(0.1)
    a.stop_play()
    assert room.wait(lambda: len(room.of(a, "playback_finished")) == 2)
    ends = room.of(a, "playback_finished")
    assert [(event.reference, event.detail) for event in ends] == [(first, "replaced"), (second, "stopped")]
    assert 20 <= ends[0].value <= 250


def test_wav_files_of_another_rate_are_played(room: Room, pair: tuple[Stream, Stream], tmp_path: Path) -> None:
    a, b = pair
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)).astype(np.int16)
    write_wav(tmp_path / "48k.wav", np.column_stack((tone, tone)), 48000)
    room.wait_for(b, "first_rtp")
    a.record(tmp_path / "a.wav")
    a.play(tmp_path / "48k.wav")
    assert room.wait_for(a, "playback_finished").value == 1000
    a.stop_record()
    room.wait_for(a, "recording_finished")
    sent = left(tmp_path / "a.wav")
    start = int(np.argmax(np.abs(sent) > 100))
    assert strongest(sent[start + 500 : start + 4500]) == pytest.approx(1000, abs=4)
    assert np.abs(sent).max() == pytest.approx(8000, rel=0.03)


def test_array_of_another_rate_is_played(room: Room, pair: tuple[Stream, Stream]) -> None:
    a, _ = pair
    a.play(np.zeros(16000, np.int16), rate=16000)
    assert room.wait_for(a, "playback_finished").value == 1000


def test_tap_hears_and_speaks(room: Room, pair: tuple[Stream, Stream]) -> None:
    a, b = pair
    tap_a, tap_b = a.open_tap(), b.open_tap()
    assert tap_a.sample_rate == 8000
    room.wait_for(b, "first_rtp")
    room.pump(0.2)
    tap_b.read(tap_b.readable)
    assert tap_a.write(NOISE) == 8000
    heard = np.zeros(0, np.int16)

    def collect() -> bool:
        nonlocal heard
        heard = np.concatenate((heard, tap_b.read(1600)))
        return len(heard) >= 12000

    assert room.wait(collect)
    assert best_match(NOISE[2000:3000], heard)[1] > 0.99
    assert tap_b.dropped == 0
    assert tap_a.unplayed == 0


def test_clear_silences_the_tap_at_once(room: Room, pair: tuple[Stream, Stream]) -> None:
    a, b = pair
    tap_a, tap_b = a.open_tap(), b.open_tap()
    room.wait_for(b, "first_rtp")
    room.pump(0.2)
    tap_a.write(NOISE)
    room.pump(0.2)
    assert tap_a.clear() > 4000
    assert tap_a.unplayed == 0
    tap_b.read(tap_b.readable)
    room.pump(0.4)
    heard = tap_b.read(tap_b.readable).astype(np.float64)
    # What was on its way: the frame being sent, and what waits in the jitter buffer.
    loud = np.flatnonzero(np.abs(heard) > 500)
    assert len(loud) == 0 or loud[-1] < 8 * 160


def test_tap_at_another_rate(room: Room, pair: tuple[Stream, Stream]) -> None:
    a, b = pair
    tap_a, tap_b = a.open_tap(16000), b.open_tap(16000)
    room.wait_for(b, "first_rtp")
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.int16)
    assert tap_a.write(tone) == 16000
    room.pump(0.9)
    heard = tap_b.read(tap_b.readable)
    assert len(heard) == pytest.approx(0.9 * 16000, rel=0.25)
    assert strongest(heard[-4000:], 16000) == pytest.approx(1000, abs=8)
    assert np.abs(heard[-4000:]).max() == pytest.approx(8000, rel=0.06)


def test_full_tap_accepts_what_fits(pair: tuple[Stream, Stream]) -> None:
    tap = pair[0].open_tap()
    space = tap.writable_space
    assert space >= 8000
    assert tap.write(np.zeros(space + 8000, np.int16)) <= space + 320
    assert tap.writable_space <= 320
    tap.close()
    tap.close()


def test_mute_and_gain(room: Room, pair: tuple[Stream, Stream]) -> None:
    a, b = pair
    a.play_tone([((440.0,), 0, 0)])
    room.wait_for(b, "first_rtp")
    room.pump(0.3)
    plain = a.level()[0]
    assert plain == pytest.approx(-16.4, abs=0.5)  # 7000 / sqrt(2) below 32768
    assert b.level()[1] == pytest.approx(plain, abs=1.0)
    a.set_gain(send=0.5)
    b.set_gain(receive=2.0)
    room.pump(0.3)
    assert a.level()[0] == pytest.approx(plain - 6, abs=0.5)
    assert b.level()[1] == pytest.approx(plain, abs=1.0)
    a.set_mute(True)
    room.pump(0.3)
    assert a.level()[0] == -127
    assert b.level()[1] < -60


def test_hold_and_resume(room: Room, pair: tuple[Stream, Stream]) -> None:
    a, b = pair
    room.wait_for(b, "first_rtp")
    connect(a, b, sending=False, receiving=True)
    room.pump(0.1)
    before = a.statistics()["packets_sent"]
    room.pump(0.2)
    assert a.statistics()["packets_sent"] == before
    connect(a, b, receiving=False)
    room.pump(0.2)
    assert a.statistics()["packets_sent"] > before
    assert a.statistics()["discarded"] >= 5
    played = a.statistics()["samples_played"]
    room.pump(0.1)
    assert a.statistics()["samples_played"] == played


@pytest.mark.parametrize("ptime", [10, 30, 60])
def test_other_packet_times(room: Room, tmp_path: Path, ptime: int) -> None:
    a, b = room.open(), room.open()
    connect(a, b, PayloadFormat("PCMU", 0, ptime_ms=ptime))
    connect(b, a)
    b.record(tmp_path / "b.wav")
    room.wait_for(b, "first_rtp")
    room.pump(0.2)
    a.play(NOISE)
    room.wait_for(a, "playback_finished")
    room.pump(0.3)
    b.stop_record()
    room.wait_for(b, "recording_finished")
    counters = a.statistics()
    assert counters["octets_sent"] == counters["packets_sent"] * ptime * 8
    assert best_match(NOISE[3000:5000], right(tmp_path / "b.wav"))[1] > 0.95


def test_ipv6(room: Room) -> None:
    a, b = room.open(local_host="::1"), room.open(local_host="::1")
    connect(a, b)
    connect(b, a)
    assert room.wait_for(b, "first_rtp").detail.endswith(str(a.rtp_address[1]))


class TestMistakes:
    def test_playing(self, pair: tuple[Stream, Stream], tmp_path: Path) -> None:
        a, _ = pair
        with pytest.raises(FileError, match=r"nowhere\.wav"):
            a.play(tmp_path / "nowhere.wav")
        broken = tmp_path / "broken.wav"
        write_wav(broken, NOISE)
        whole = broken.read_bytes()
        for data, what in (
            (b"This is no audio at all, only words.", "not a WAV file"), (b"", "empty file"),
            (whole[:5000], "truncated: 16000 octets of audio announced, 4956 are there"), (whole[:44], "truncated"),
            (whole[:20] + b"\x11\0" + whole[22:], "unsupported encoding IMA ADPCM"),
        ):
            broken.write_bytes(data)
            with pytest.raises(FileError, match=rf"broken\.wav: {what}"):
                a.play(broken)
        with pytest.raises(InvalidArgument):
            a.play(np.zeros((10, 2), np.int16))
        with pytest.raises(InvalidArgument):
            a.play_tone([((5000.0,), 100, 0)])
        with pytest.raises(InvalidArgument):
            a.play_tone([])

    def test_recording(self, pair: tuple[Stream, Stream], tmp_path: Path) -> None:
        with pytest.raises(FileError, match="nowhere"):
            pair[0].record(tmp_path / "nowhere" / "a.wav")

    def test_digits(self, room: Room, pair: tuple[Stream, Stream]) -> None:
        a, _ = pair
        for digits, options in (("12x", {}), ("1", {"duration_ms": 10}), ("1", {"gap_ms": 0})):
            with pytest.raises(InvalidArgument):
                a.send_dtmf(digits, **options)
        with pytest.raises(LimitExceeded):
            a.send_dtmf("1" * 65)
        silent = room.open()
        silent.configure(("127.0.0.1", 4000), None, PCMU, {0: PCMU})
        with pytest.raises(InvalidState):
            silent.send_dtmf("1")

    def test_configuration(self, room: Room) -> None:
        stream = room.open()
        with pytest.raises(CodecError, match="G729"):
            stream.configure(("127.0.0.1", 4000), None, PayloadFormat("G729", 18), {})
        for remote in (("localhost", 4000), ("127.0.0.1", 0), ("127.0.0.1", 65536), ("::1", 4000)):
            with pytest.raises(InvalidArgument):
                stream.configure(remote, None, PCMU, {0: PCMU})
        with pytest.raises(InvalidArgument):
            stream.configure(None, None, PayloadFormat("PCMU", 0, ptime_ms=25), {})
        with pytest.raises(InvalidArgument):
            stream.configure(None, None, PayloadFormat("PCMU", 128), {})

    def test_gain(self, pair: tuple[Stream, Stream]) -> None:
        with pytest.raises(InvalidArgument):
            pair[0].set_gain(send=9.0)

    def test_closed_stream(self, pair: tuple[Stream, Stream]) -> None:
        a, _ = pair
        final = a.close()
        assert a.close() == final
        assert a.statistics() == final
        for command in (
            lambda: a.play(NOISE), lambda: a.send_dtmf("1"), lambda: a.echo(True), lambda: a.stop_play(),
            lambda: a.open_tap(),
        ):
            with pytest.raises(InvalidState):
                command()
