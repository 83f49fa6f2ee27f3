"""Real speech through two media sessions and real sockets, both ways at once, judged by PESQ (ITU-T P.862)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from media_room import Room, best_match
from numpy.typing import NDArray
from pesq import pesq

from microsip_core.media.engine import MediaEngine
from microsip_core.media.media_session import EngineMediaBackend
from microsip_core.media.resampler import resample, to_int16
from microsip_core.media.stream import Stream
from microsip_core.media.wav import load_wav

SPEECH = Path(__file__).parent.parent / "vectors" / "speech"
RATE = 8000
CODECS = ("PCMU", "PCMA")
LEAST = 4.1  # G.711 alone gives 4.3


def p501() -> NDArray[np.int16]:
    samples = np.fromfile(SPEECH / "P501_D_EN_fm_SWB_48k.pcm", "<i2")
    return to_int16(resample(samples.astype(np.float64), 48000, RATE))


def voice() -> NDArray[np.int16]:
    return np.fromfile(SPEECH / "voice.src", "<i2")


def score(original: NDArray[np.int16], path: Path) -> float:
    heard = load_wav(path).samples[:, 1].astype(np.int16)
    place, _ = best_match(original, heard)
    return float(pesq(RATE, original, heard[place : place + len(original)], "nb"))


def start_call(room: Room, engine: MediaEngine, folder: Path, codec: str) -> list[Stream]:
    """Set up a call that plays and records at both ends; return the caller's stream and the callee's."""
    backend = EngineMediaBackend(engine)
    caller = backend.open_session(local_host="127.0.0.1", codecs=[codec])
    callee = backend.open_session(local_host="127.0.0.1", codecs=[codec])
    caller.accept_answer(callee.accept_offer(caller.create_offer()))
    assert caller.stream is not None
    assert callee.stream is not None
    streams = [caller.stream, callee.stream]
    for stream, name in zip(streams, ("caller", "callee"), strict=True):
        room.wait_for(stream, "first_rtp")
        stream.record(folder / f"{codec} {name}.wav")
    caller.stream.play(p501(), rate=RATE)
    callee.stream.play(voice(), rate=RATE)
    return streams


@pytest.mark.slow
def test_both_directions_in_both_codecs(room: Room, engine: MediaEngine, tmp_path: Path) -> None:
    streams = [stream for codec in CODECS for stream in start_call(room, engine, tmp_path, codec)]
    for stream in streams:
        assert room.wait_for(stream, "playback_finished", 15.0).detail == "finished"
    room.pump(0.5)
    for stream in streams:
        stream.stop_record()
        room.wait_for(stream, "recording_finished")
    scores = {
        (codec, end): score(original, tmp_path / f"{codec} {end}.wav")
        for codec in CODECS for end, original in (("callee", p501()), ("caller", voice()))
    }
    for (codec, end), value in scores.items():
        print(f"PESQ-NB at the {end}, {codec}, {engine.core} core: {value:.3f}")
    assert min(scores.values()) >= LEAST, scores
