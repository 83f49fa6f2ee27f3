"""Reduces a recording to one column per pixel, and reads the channels of a WAV file for it."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from microsip_core.errors import FileError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Envelope:
    """Per column the highest, the lowest and the root-mean-square sample value."""

    high: NDArray[np.float64]
    low: NDArray[np.float64]
    rms: NDArray[np.float64]


def envelope(samples: NDArray[np.int16], columns: int) -> Envelope:
    """Return the envelope of ``samples`` in at most ``columns`` columns (fewer when there are fewer samples)."""
    import numpy as np

    values = samples.astype(np.float64)
    columns = max(1, min(columns, len(values)))
    if not len(values):
        zero = np.zeros(1)
        return Envelope(zero, zero, zero)
    edges = np.linspace(0, len(values), columns, endpoint=False).astype(np.int64)
    lengths = np.diff(np.append(edges, len(values)))
    return Envelope(
        np.maximum.reduceat(values, edges), np.minimum.reduceat(values, edges),
        np.sqrt(np.add.reduceat(values * values, edges) / lengths),
    )


def read_channels(path: str | Path) -> tuple[int, list[NDArray[np.int16]]]:
    """Return the sample rate in Hz and the channels of a 16-bit PCM WAV file. Raises FileError."""
    import numpy as np

    try:
        with wave.open(str(path), "rb") as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise FileError(str(error) or "the file ends too early", step="read", peer=str(path)) from error
    if width != 2:
        raise FileError(f"{8 * width}-bit samples", step="read", peer=str(path), remedy="Use 16-bit PCM")
    samples = np.frombuffer(data[: len(data) // (2 * channels) * 2 * channels], dtype="<i2").astype(np.int16)
    return rate, [samples[channel::channels] for channel in range(channels)]
