"""The audio of a native stream for a program: its rings, at the program's sample rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import _native

_EMPTY = np.zeros(0, np.int16)


class NativeTap:
    """See :class:`microsip_core.media.tap.Tap`.

    The rings are at the stream's rate; conversion happens here, in the thread that reads or writes, and never in the
    media thread.
    """

    __slots__ = ("_hear", "_ratio", "_said", "_say", "_tap", "sample_rate")

    def __init__(self, tap: _native.Tap, stream_rate: int, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._tap = tap
        self._ratio = sample_rate / stream_rate
        self._hear: _Converter | None = None
        self._say: _Converter | None = None
        if sample_rate != stream_rate:
            self._hear = _Converter(stream_rate, sample_rate)
            self._say = _Converter(sample_rate, stream_rate)

    @property
    def readable(self) -> int:
        """Samples that ``read`` could return now."""
        return int(self._tap.readable() * self._ratio)

    @property
    def writable_space(self) -> int:
        """Samples that ``write`` would accept now."""
        return self._writable(self._tap.space())

    @property
    def unplayed(self) -> int:
        """Samples written and not sent yet."""
        return int(self._tap.unplayed() * self._ratio)

    @property
    def dropped(self) -> int:
        """Received samples lost because nobody read them in time."""
        return int(self._tap.dropped() * self._ratio)

    @property
    def starved(self) -> int:
        """Samples of silence sent in the middle of a written stretch because nothing was there in time."""
        return int(self._tap.starved() * self._ratio)

    def read(self, max_samples: int) -> NDArray[np.int16]:
        """Return the oldest received samples, at most ``max_samples``; empty when there are none."""
        count = min(self._tap.readable(), int(max_samples / self._ratio))
        if count <= 0:
            return _EMPTY
        samples = np.empty(count, np.int16)
        taken = samples[: self._tap.read_into(samples)]
        return taken if self._hear is None else self._hear.convert(taken)

    def write(self, samples: NDArray[np.int16]) -> int:
        """Queue samples to be sent; return how many were accepted (as many as ``writable_space`` holds)."""
        array = np.ascontiguousarray(samples, np.int16)
        if self._say is None:
            return self._tap.write(array)
        accepted = min(len(array), self.writable_space)
        self._tap.write(self._say.convert(array[:accepted]))
        return accepted

    def clear(self) -> int:
        """Throw away what was written and not sent yet (barge-in); return the number of samples."""
        if self._say is not None:
            self._say.reset()
        return int(self._tap.clear() * self._ratio)

    def close(self) -> None:
        """Detach from the stream. Safe to call twice."""
        self._tap.close()

    def _writable(self, space: int) -> int:
        return space if self._say is None else max(0, int((space - 2) * self._ratio))


class _Converter:
    __slots__ = ("_resampler", "reset")

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._resampler = _native.Resampler(from_rate, to_rate)
        self.reset = self._resampler.reset

    def convert(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        out = np.empty(self._resampler.bound(len(samples)), np.int16)
        return out[: self._resampler.process(samples, out)]
