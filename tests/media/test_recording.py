"""Recordings: every format, pauses, a crash in the middle, and a disk that is too slow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from media_room import PCMU, Room, connect, strongest
from numpy.typing import NDArray
from sound_files import sine

from microsip_core.errors import FileError, NotSupported
from microsip_core.media import sound_writer
from microsip_core.media.engine import create_engine, native_available
from microsip_core.media.stream import Stream
from microsip_core.media.wav import read_wav

pytestmark = pytest.mark.skipif(not native_available(), reason="the native core is not built")
RATE = 8000
LEFT, RIGHT = 500.0, 1200.0
CRASHING = """
import sys, time
from microsip_core.media.engine import create_engine
from microsip_core.media.stream import PayloadFormat, StreamConfig
import numpy as np
stream = create_engine("native").open_stream(StreamConfig())
stream.configure(("127.0.0.1", 9), None, PayloadFormat("PCMU", 0), {})
stream.play((8000 * np.sin(np.arange(8000) * 0.3926990817)).astype(np.int16), rate=8000, loop=True)
stream.record(sys.argv[1], stereo=True)
print("recording", flush=True)
time.sleep(60)
"""


@pytest.fixture
def room() -> Iterator[Room]:
    engine = create_engine("native")
    yield Room(engine)
    engine.close()


@pytest.fixture
def talking(room: Room) -> tuple[Stream, Stream]:
    """Two streams that play a tone to each other."""
    a, b = room.open(), room.open()
    connect(a, b)
    connect(b, a)
    a.play(sine(LEFT, 1.0, RATE), rate=RATE, loop=True)
    b.play(sine(RIGHT, 1.0, RATE), rate=RATE, loop=True)
    return a, b


def decoded(path: Path) -> tuple[int, NDArray[np.int16]]:
    """The rate and the channels (rows) of a sound file."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="s16p", layout=stream.layout.name, rate=stream.rate)
        frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        return stream.rate, np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


@pytest.mark.parametrize("suffix", ["wav", "flac", "opus", "ogg", "mp3"])
@pytest.mark.parametrize("stereo", [True, False])
def test_the_name_says_the_format(
    room: Room, talking: tuple[Stream, Stream], tmp_path: Path, suffix: str, stereo: bool,
) -> None:
    path = tmp_path / f"call.{suffix}"
    talking[0].record(path, stereo=stereo)
    room.pump(0.7)
    talking[0].stop_record()
    finished = room.wait_for(talking[0], "recording_finished")
    assert finished.detail == ""
    assert finished.value >= 600
    rate, channels = decoded(path)
    assert rate == (48000 if suffix in ("opus", "ogg") else RATE)
    assert abs(channels.shape[1] / rate - finished.value / 1000) < 0.12  # encoders pad
    later = channels[:, -rate // 2: -rate // 10]
    if stereo:
        assert strongest(later[0], rate) == pytest.approx(LEFT, abs=10)
        assert strongest(later[1], rate) == pytest.approx(RIGHT, abs=10)
    else:
        assert len(channels) == 1
        spectrum = np.abs(np.fft.rfft(later[0]))
        for tone in (LEFT, RIGHT):
            assert spectrum[round(tone * len(later[0]) / rate)] > 50 * np.median(spectrum)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_what_comes_during_a_pause_is_not_in_the_file(room: Room, tmp_path: Path, suffix: str) -> None:
    stream = room.open()
    stream.configure(("127.0.0.1", 9), None, PCMU, {})
    path = tmp_path / f"paused.{suffix}"
    recording = stream.record(path, stereo=False)
    for frequency, paused in ((600, False), (1500, True), (900, False)):
        stream.pause_record(recording, paused)
        playback = stream.play(sine(frequency, 0.5, RATE), rate=RATE)
        ends = lambda wanted=playback: any(e.reference == wanted for e in room.of(stream, "playback_finished"))  # noqa: E731
        assert room.wait(ends)
    stream.stop_record()
    finished = room.wait_for(stream, "recording_finished")
    assert finished.value < 1300
    samples = decoded(path)[1][0].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(samples)) / len(samples)
    at = {tone: spectrum[round(tone * len(samples) / RATE)] for tone in (600, 900, 1500)}
    assert at[600] > 500
    assert at[900] > 500
    assert at[1500] < 50


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_a_conference_is_recorded_too(
    room: Room, talking: tuple[Stream, Stream], tmp_path: Path, suffix: str,
) -> None:
    path = tmp_path / f"meeting.{suffix}"
    mixer = room.engine.open_mixer(RATE)
    near, far = room.open(), room.open()
    connect(near, far)
    connect(far, near)
    far.play(sine(LEFT, 1.0, RATE), rate=RATE, loop=True)
    member = mixer.join(near)
    recording = mixer.record(path)
    room.pump(0.5)
    mixer.pause_record(recording)
    room.pump(0.3)
    member.leave()
    mixer.close()
    assert room.wait(lambda: any(e.stream_id == mixer.id and e.kind == "recording_finished" for e in room.events))
    finished = next(e for e in room.events if e.stream_id == mixer.id and e.kind == "recording_finished")
    assert finished.detail == ""
    assert 300 <= finished.value <= 750
    rate, channels = decoded(path)
    assert len(channels) == 1
    assert strongest(channels[0][-rate // 4:], rate) == pytest.approx(LEFT, abs=10)


def test_a_wav_file_survives_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "crash.wav"
    process = subprocess.Popen([sys.executable, "-c", CRASHING, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"recording\n"
    deadline = time.monotonic() + 20
    while (not path.exists() or path.stat().st_size < 1.5 * RATE * 4) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    samples = read_wav(path)
    assert len(samples) >= RATE // 2  # the header is a second old at most
    channels = decoded(path)[1]
    assert len(channels) == 2
    assert strongest(channels[0][-RATE // 2:]) == pytest.approx(500, abs=5)


def test_a_disk_that_stands_still_is_told_and_counted(
    room: Room, talking: tuple[Stream, Stream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The writer waits until the stall has been told; sound that found no room is missing, and said to be."""
    told = []
    write = sound_writer.SoundWriter.write

    def slow(self: sound_writer.SoundWriter, samples: NDArray[np.int16]) -> None:
        deadline = time.monotonic() + 20
        while not told and time.monotonic() < deadline:
            time.sleep(0.02)
        write(self, samples)

    monkeypatch.setattr(sound_writer.SoundWriter, "write", slow)
    recording = talking[0].record(tmp_path / "slow.flac")
    stalled = room.wait_for(talking[0], "recording_stalled", 15)
    assert (stalled.value, stalled.reference) == (2000, recording)
    told.append(True)
    talking[0].stop_record()
    finished = room.wait_for(talking[0], "recording_finished")
    assert "too slow: " in finished.detail
    assert "ms are missing" in finished.detail
    assert finished.value >= 2000


def test_a_full_disk_ends_an_encoded_recording(
    room: Room, talking: tuple[Stream, Stream], tmp_path: Path,
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    link = tmp_path / "full.flac"
    link.symlink_to("/dev/full")
    try:
        talking[0].record(link)
    except FileError as error:  # PyAV writes the header at once, or with what follows
        told = str(error)
    else:
        room.pump(0.3)
        talking[0].stop_record()
        told = room.wait_for(talking[0], "recording_finished").detail
    assert "space" in told


def test_what_can_not_be_made_is_refused(room: Room, talking: tuple[Stream, Stream], tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        talking[0].record(tmp_path / "nowhere" / "a.mp3")
    engine = create_engine("reference")
    stream = Room(engine).open()
    for refused in (lambda: stream.record(tmp_path / "a.flac"), lambda: stream.pause_record(1)):
        with pytest.raises(NotSupported):
            refused()
    engine.close()


def test_an_engine_that_closes_completes_its_recordings(tmp_path: Path) -> None:
    engine = create_engine("native")
    room = Room(engine)
    a, b = room.open(), room.open()
    connect(a, b)
    a.play(sine(LEFT, 1.0, RATE), rate=RATE, loop=True)
    a.record(tmp_path / "end.flac")
    room.pump(0.4)
    engine.close()
    room.events += engine.poll_events()
    assert room.of(a, "recording_finished")[0].detail == ""
    assert decoded(tmp_path / "end.flac")[1].shape[1] >= RATE * 0.2
