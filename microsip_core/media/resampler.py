"""Changes the sample rate of audio by any ratio: a polyphase windowed-sinc filter, whole signals or block by block."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_KAISER_BETA = 8.0  # 80 dB in the stop band
_PHASES = 1024
_BLOCK = 8192
_LIVE_CROSSINGS = 16
_FILE_CROSSINGS = 64


class Resampler:
    """Resamples block by block. A block of ``n`` samples gives about ``n * to_rate / from_rate``.

    ``crossings`` is half the length of the filter in samples of the lower rate: 16 delay 8 kHz audio by 2 ms and pass
    80 % of the lower Nyquist band, 64 delay by 8 ms and pass 95 %.
    """

    def __init__(self, from_rate: int, to_rate: int, crossings: int = _LIVE_CROSSINGS) -> None:
        if from_rate <= 0 or to_rate <= 0:
            raise ValueError(f"can not resample from {from_rate} to {to_rate} Hz")
        # Odd ratios are met within a millionth, which bounds the table of filters and is far below any crystal's error.
        ratio = Fraction(from_rate, to_rate).limit_denominator(_PHASES)
        self._up, self._down = ratio.denominator, ratio.numerator
        stretch = max(1.0, self._down / self._up)  # the filter's length grows when the rate falls
        self._half = math.ceil(crossings * stretch)
        self._filters = self._design(crossings, stretch)
        self._buffer = np.zeros(self._half - 1, np.float64)
        self._phase = 0  # of the next output sample, in units of 1/up input sample after the buffer's start

    @property
    def delay(self) -> float:
        """How many input samples an output sample waits for."""
        return float(self._half)

    def _design(self, crossings: int, stretch: float) -> NDArray[np.float64]:
        """Return one filter per phase, each normalised to a gain of 1 at 0 Hz."""
        transition = 5.0 / (2.0 * crossings)  # of the Nyquist band of the lower rate, for this Kaiser window
        cutoff = (1.0 - transition / 2.0) / stretch
        phases = np.arange(self._up, dtype=np.float64)[:, None] / self._up
        taps = np.arange(2 * self._half, dtype=np.float64)[None, :] - (self._half - 1)
        distance = taps - phases
        inside = np.clip(1.0 - (distance / self._half) ** 2, 0.0, None)
        filters = cutoff * np.sinc(cutoff * distance) * np.i0(_KAISER_BETA * np.sqrt(inside))
        normalised: NDArray[np.float64] = filters / filters.sum(axis=1, keepdims=True)
        return normalised

    def process(self, samples: NDArray[np.int16] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the next samples and return what can be made with them."""
        self._buffer = np.concatenate((self._buffer, samples.astype(np.float64)))
        windows = len(self._buffer) - 2 * self._half + 1
        count = max(0, -((self._phase - windows * self._up) // self._down))
        if count == 0:
            return np.zeros(0, np.float64)
        places = self._phase + np.arange(count) * self._down
        starts, phases = np.divmod(places, self._up)
        view = np.lib.stride_tricks.sliding_window_view(self._buffer, 2 * self._half)
        result: NDArray[np.float64] = np.einsum("ij,ij->i", view[starts], self._filters[phases])
        following = self._phase + count * self._down
        used = min(following // self._up, len(self._buffer))
        self._buffer = self._buffer[used:]
        self._phase = following - used * self._up
        return result


def resample(samples: NDArray[np.float64], from_rate: int, to_rate: int) -> NDArray[np.float64]:
    """Return a whole signal at another rate, without delay: ``ceil(len * to_rate / from_rate)`` samples."""
    if from_rate == to_rate or len(samples) == 0:
        return samples
    resampler = Resampler(from_rate, to_rate, _FILE_CROSSINGS)
    length = -(-len(samples) * to_rate // from_rate)
    padded = np.concatenate((samples, np.zeros(int(resampler.delay) + resampler._down, np.float64)))
    blocks = [resampler.process(padded[start : start + _BLOCK]) for start in range(0, len(padded), _BLOCK)]
    return np.concatenate(blocks)[:length]


def to_int16(samples: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round and clip to 16 bits."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
