"""Makes sound files of several formats for tests of players and recorders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CODECS = {"mp3": "libmp3lame", "flac": "flac", "m4a": "aac", "opus": "libopus", "wav": "pcm_s24le"}


def sine(frequency: float, seconds: float, rate: int, amplitude: float = 6000) -> NDArray[np.int16]:
    """A tone."""
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def write_sound(path: Path, samples: NDArray[np.int16], rate: int, channels: int = 1) -> Path:
    """Encode samples as the suffix of the path says; with 2 channels the right one is silent."""
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(CODECS[path.suffix[1:]], rate=rate)
        stream.layout = "mono" if channels == 1 else "stereo"
        for start in range(0, len(samples), rate // 10):
            part = samples[start:start + rate // 10]
            packed = part if channels == 1 else np.stack([part, np.zeros_like(part)], axis=1)
            frame = av.AudioFrame.from_ndarray(packed.reshape(1, -1), format="s16", layout=stream.layout.name)
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
