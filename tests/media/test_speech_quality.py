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
from microsip_core.media.wav import load_wav

SPEECH = Path(__file__).parent.parent / "vectors" / "speech"
RATE = 8000
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


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_both_directions(room: Room, engine: MediaEngine, tmp_path: Path, codec: str) -> None:
    backend = EngineMediaBackend(engine)
    caller = backend.open_session(local_host="127.0.0.1", codecs=[codec])
    callee = backend.open_session(local_host="127.0.0.1", codecs=[codec])
    caller.accept_answer(callee.accept_offer(caller.create_offer()))
    assert caller.stream is not None
    assert callee.stream is not None
    room.wait_for(caller.stream, "first_rtp")
    room.wait_for(callee.stream, "first_rtp")
    caller.stream.record(tmp_path / "caller.wav")
    callee.stream.record(tmp_path / "callee.wav")
    caller.stream.play(p501(), rate=RATE)
    callee.stream.play(voice(), rate=RATE)
    for stream in (caller.stream, callee.stream):
        assert room.wait_for(stream, "playback_finished", 15.0).detail == "finished"
    room.pump(0.5)
    for stream in (caller.stream, callee.stream):
        stream.stop_record()
        room.wait_for(stream, "recording_finished")
    scores = score(p501(), tmp_path / "callee.wav"), score(voice(), tmp_path / "caller.wav")
    print(f"PESQ-NB {codec} on the {engine.core} core: {scores[0]:.3f} to the callee, {scores[1]:.3f} to the caller")
    assert min(scores) >= LEAST, scores
