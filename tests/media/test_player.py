"""Playing files of any format: what is heard, how it ends, how much was played; pause, seek, lists and loops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from media_room import Room, connect, strongest
from numpy.typing import NDArray
from sound_files import sine, write_sound

from microsip_core.errors import FileError, InvalidArgument
from microsip_core.media.audio_file import AudioFile
from microsip_core.media.engine import create_engine, native_available
from microsip_core.media.feeder import FedPlayback
from microsip_core.media.stream import Stream

native = pytest.mark.skipif(not native_available(), reason="the native core is not built")


def whole(file: AudioFile) -> NDArray[np.int16]:
    parts = []
    while (part := file.read()) is not None:
        parts.append(part)
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


@pytest.mark.parametrize(("suffix", "rate", "channels"), [
    ("mp3", 44100, 2), ("flac", 96000, 1), ("m4a", 32000, 1), ("opus", 48000, 2), ("wav", 11025, 1),
])
def test_any_format_is_read_as_mono_at_the_wanted_rate(tmp_path: Path, suffix: str, rate: int, channels: int) -> None:
    path = write_sound(tmp_path / f"a:b.{suffix}", sine(700, 1.5, rate), rate, channels)
    file = AudioFile(path, 16000)
    assert file.duration == pytest.approx(1.5, abs=0.1)
    samples = whole(file)
    assert len(samples) / 16000 == pytest.approx(1.5, abs=0.1)
    middle = samples[4000:20000]
    assert strongest(middle, 16000) == pytest.approx(700, abs=2)
    loud = 6000 if channels == 1 else 3000  # one of two is silent
    assert np.abs(middle).max() == pytest.approx(loud, rel=0.45)
    file.close()


def test_seeking_is_exact_and_beyond_the_end_there_is_nothing(tmp_path: Path) -> None:
    steps = np.concatenate([sine(400 + 100 * k, 1.0, 44100) for k in range(5)])
    file = AudioFile(write_sound(tmp_path / "steps.mp3", steps, 44100), 8000)
    file.seek(3.0)
    samples = whole(file)
    assert len(samples) / 8000 == pytest.approx(2.0, abs=0.08)
    assert strongest(samples[800:7200]) == pytest.approx(700, abs=2)
    file.seek(1.0)
    assert strongest(whole(file)[800:7200]) == pytest.approx(500, abs=2)
    file.seek(60.0)
    assert len(whole(file)) < 800
    file.close()


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"ID3\x04" + bytes(range(256)) * 30, b"RIFF\xff\xff\xff\xffWAVE"],
)
def test_what_is_no_sound_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "noise.mp3"
    path.write_bytes(content)
    with pytest.raises(FileError):
        whole(AudioFile(path, 8000))


def test_a_playlist_does_not_fetch_from_the_network(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    with pytest.raises(FileError):
        whole(AudioFile(path, 8000))
    with pytest.raises(FileError):
        AudioFile("http://127.0.0.1:9/a.mp3", 8000)


# -- feeding, without engine or clock ---------------------------------------------------------------------------------


class Bucket:
    """A feed that is read by hand."""

    def __init__(self) -> None:
        self.samples: list[int] = []
        self.ended = self.let_go = False

    def space(self) -> int:
        return 10 - len(self.samples)

    def write(self, samples: NDArray[np.int16]) -> int:
        taken = min(self.space(), len(samples))
        self.samples += samples[:taken].tolist()
        return taken

    def clear(self) -> int:
        self.samples.clear()
        return 0

    def end(self) -> None:
        self.ended = True

    def gone(self) -> bool:
        return self.let_go


class Numbers:
    """A file of 8 samples: ten times its name plus 0 to 7, in blocks of 4; one called "0" is empty."""

    def __init__(self, name: str) -> None:
        if name == "bad":
            raise FileError("bad: broken")
        self._name, self._at, self.closed = int(name), 8 if name == "0" else 0, False

    def read(self) -> NDArray[np.int16] | None:
        self._at += 4
        return None if self._at > 8 else np.arange(self._at - 4, self._at, dtype=np.int16) + 10 * self._name

    def seek(self, seconds: float) -> None:
        self._at = int(seconds)

    def close(self) -> None:
        self.closed = True


def fed(bucket: Bucket, *names: str, loop: bool = False) -> FedPlayback:
    return FedPlayback(bucket, names, loop, Numbers)


def test_files_follow_each_other_without_a_gap_and_wait_for_room() -> None:
    bucket = Bucket()
    playback = fed(bucket, "1", "2")
    assert playback.work()
    assert bucket.samples == [10, 11, 12, 13, 14, 15, 16, 17, 20, 21]
    bucket.samples.clear()
    assert not playback.work()
    assert bucket.samples == [22, 23, 24, 25, 26, 27]
    assert bucket.ended
    assert playback.error is None


def test_a_loop_begins_again_and_one_of_empty_files_ends() -> None:
    bucket = Bucket()
    playback = fed(bucket, "1", loop=True)
    for _ in range(4):
        assert playback.work()
        bucket.samples.clear()
    empty = Bucket()
    assert not fed(empty, "0", "0", loop=True).work()
    assert empty.ended


def test_seeking_throws_away_what_waits() -> None:
    bucket = Bucket()
    playback = fed(bucket, "1", "2")
    playback.work()
    playback.seek(4)  # of the second file, which is being read
    assert not playback.work()
    assert bucket.samples == [24, 25, 26, 27]


def test_a_file_that_can_not_be_read_ends_the_list_and_says_why() -> None:
    bucket = Bucket()
    playback = fed(bucket, "1", "bad", "2")
    assert not playback.work()
    assert len(bucket.samples) == 8
    assert bucket.ended
    assert playback.error is not None
    assert "broken" in str(playback.error)


def test_a_playback_that_nobody_hears_is_given_up() -> None:
    bucket = Bucket()
    playback = fed(bucket, "1", loop=True)
    bucket.let_go = True
    assert not playback.work()


# -- through the engine -----------------------------------------------------------------------------------------------


@pytest.fixture
def room() -> Iterator[Room]:
    engine = create_engine("native")
    yield Room(engine)
    engine.close()


@pytest.fixture
def pair(room: Room) -> tuple[Stream, Stream]:
    first, second = room.open(), room.open()
    connect(first, second)
    connect(second, first)
    return first, second


@native
def test_a_list_is_played_to_its_end_and_counted(room: Room, pair: tuple[Stream, Stream], tmp_path: Path) -> None:
    stream, other = pair
    tap = other.open_tap()
    files = [
        write_sound(tmp_path / "a.mp3", sine(600, 0.4, 44100), 44100),
        write_sound(tmp_path / "b.flac", sine(1000, 0.4, 16000), 16000),
    ]
    playback = stream.play_files(files)
    event = room.wait_for(stream, "playback_finished")
    assert (event.detail, event.reference) == ("finished", playback)
    assert event.value == pytest.approx(800, abs=110)  # MP3 pads its frames
    assert stream.played() == pytest.approx(event.value / 1000, abs=0.021)
    room.pump(0.1)
    heard = tap.read(16000)
    loud = np.flatnonzero(np.abs(heard) > 1000)
    assert strongest(heard[loud[0] + 800:loud[0] + 2400]) == pytest.approx(600, abs=8)
    assert strongest(heard[loud[-1] - 2400:loud[-1] - 800]) == pytest.approx(1000, abs=8)


@native
def test_pause_sends_silence_and_seek_moves_both_kinds(room: Room, pair: tuple[Stream, Stream], tmp_path: Path) -> None:
    stream = pair[0]
    steps = np.concatenate([sine(500, 2.0, 8000), sine(1500, 0.3, 8000)])
    for streamed in (False, True):
        path = write_sound(tmp_path / "steps.flac", steps, 8000)
        playback = stream.play_files([path], loop=False) if streamed else stream.play(steps, rate=8000)
        assert room.wait(lambda: stream.played() > 0.1)
        stream.pause_play(playback)
        room.pump(0.08)
        before = stream.played()
        room.pump(0.15)
        assert stream.played() == before
        assert stream.level()[0] == -127
        stream.seek_play(playback, 2.1)
        stream.pause_play(playback, False)
        assert room.wait(lambda wanted=playback: any(
            event.reference == wanted for event in room.of(stream, "playback_finished")
        ))
        event = room.of(stream, "playback_finished")[-1]
        assert event.detail == "finished"
        assert event.value < 1000  # not the 2.3 s that there are
    with pytest.raises(InvalidArgument):
        stream.seek_play(playback, -1)


@native
def test_a_broken_file_ends_the_playback_with_the_reason(
    room: Room, pair: tuple[Stream, Stream], tmp_path: Path,
) -> None:
    stream = pair[0]
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(os.urandom(64))
    stream.play_files([write_sound(tmp_path / "a.flac", sine(600, 0.1, 8000), 8000), bad])
    event = room.wait_for(stream, "playback_finished")
    assert event.detail.startswith("error: ")
    assert "bad.mp3" in event.detail
    assert event.value == pytest.approx(100, abs=2)
    with pytest.raises(FileError):
        stream.play_files([tmp_path / "missing.mp3"])
    with pytest.raises(InvalidArgument):
        stream.play_files([])
    first = stream.play_files([tmp_path / "a.flac"], loop=True)
    stream.play_files([tmp_path / "a.flac"], loop=True)
    assert room.wait(lambda: any(
        (event.reference, event.detail) == (first, "replaced") for event in room.of(stream, "playback_finished")
    ))
