"""The talkers: the sentences of the demo in turn, or whatever WAV files are given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from microsip_core.media.reference.g711 import encode_mu_law
from microsip_core.media.wav import read_wav

RATE = 8000  # Hz
FRAME = RATE // 50
PAUSE_S = 0.6
_ROOT = Path(__file__).parents[2]
DEMO = [
    _ROOT / "microsip_core" / "cli" / "speech" / "alice.wav", _ROOT / "examples" / "greeting.wav",
    _ROOT / "microsip_core" / "cli" / "speech" / "bob.wav",
]


def talk(seconds: float, files: Sequence[Path] = ()) -> npt.NDArray[np.float64]:
    """Return so many seconds of speech at RATE, -26 dB below full scale while somebody talks, with pauses between."""
    sentences = [read_wav(path, RATE).astype(np.float64) / 32768 for path in files or DEMO]
    pause, parts, length = np.zeros(int(PAUSE_S * RATE)), [], 0
    wanted = int(seconds * 50) * FRAME
    while length < wanted:
        sentence = sentences[len(parts) // 2 % len(sentences)]
        loud = np.repeat(is_active(sentence), FRAME)
        level = np.sqrt(np.mean(sentence[: len(loud)][loud] ** 2))
        parts += [pause, sentence * (10 ** (-26 / 20) / level)]
        length += len(pause) + len(sentence)
    speech = np.concatenate(parts)[:wanted]
    # the pauses of the recordings and those between them are one room
    return speech + np.random.default_rng(1).normal(0, 10 ** (-72 / 20), wanted)


def is_active(speech: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell of each 20 ms whether somebody talks: less than 35 dB below the loud ones."""
    frames = speech[: len(speech) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.mean(frames**2, axis=1)
    return np.asarray(power > np.percentile(power, 95) * 10**-3.5)


def payloads(speech: npt.NDArray[np.float64]) -> list[bytes]:
    """Encode it as PCMU, 20 ms each."""
    codes = encode_mu_law(np.clip(np.round(speech * 32767), -32768, 32767).astype(np.int16))
    return [codes[i:i + FRAME] for i in range(0, len(codes) // FRAME * FRAME, FRAME)]
