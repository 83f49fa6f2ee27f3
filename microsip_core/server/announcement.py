"""The built-in announcement: three rising chimes, as samples, so that the server needs no sound file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 8000
CHIMES_HZ = (523.25, 659.26, 783.99)
CHIME_SECONDS = 0.6
_PEAK = 9000
_DECAY_PER_SECOND = 4.0


def chimes() -> NDArray[np.int16]:
    """Return 1.8 s of int16 samples at 8 kHz: the notes C5, E5 and G5, each struck once and fading."""
    import numpy as np

    time = np.arange(int(CHIME_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    envelope = np.exp(-_DECAY_PER_SECOND * time) * np.minimum(1.0, time / 0.005)  # 5 ms of attack, against the click
    notes = [_PEAK * envelope * np.sin(2 * np.pi * frequency * time) for frequency in CHIMES_HZ]
    return np.concatenate(notes).astype(np.int16)
