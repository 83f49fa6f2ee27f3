"""Looks into recordings: which tone is in which channel, and from when."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from microsip_core.diagnosis.waveform import read_channels

SENT, RECEIVED = 0, 1


def level_of(path: str | Path, channel: int, frequency: float) -> float:
    """The level of a tone in the loudest second of a channel, as the amplitude of an int16 sine."""
    rate, channels = read_channels(path)
    samples = channels[channel].astype(np.float64)
    window = min(rate, len(samples))
    steps = range(0, len(samples) - window + 1, rate // 10) if window else range(0)
    return max((_amplitude(samples[start : start + window], frequency, rate) for start in steps), default=0.0)


def _amplitude(samples: NDArray[np.float64], frequency: float, rate: int) -> float:
    turn = np.exp(-2j * np.pi * frequency / rate * np.arange(len(samples)))
    return float(2 * abs(np.dot(samples, turn)) / len(samples))
