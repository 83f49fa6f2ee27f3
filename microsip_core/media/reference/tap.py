"""The audio of a reference stream for a program: a queue of samples per direction."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

from microsip_core.media.resampler import Resampler, to_int16

_CAPACITY_SECONDS = 2


class _SampleQueue:
    """Samples in, samples out, up to a capacity."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.length = 0
        self._parts: deque[NDArray[np.int16]] = deque()

    def write(self, samples: NDArray[np.int16]) -> int:
        accepted = min(len(samples), self.capacity - self.length)
        if accepted:
            self._parts.append(samples[:accepted].copy())
            self.length += accepted
        return accepted

    def read(self, count: int) -> NDArray[np.int16]:
        taken = []
        while self._parts and count > 0:
            part = self._parts.popleft()
            if len(part) > count:
                self._parts.appendleft(part[count:])
                part = part[:count]
            taken.append(part)
            count -= len(part)
        result = np.concatenate(taken) if taken else np.zeros(0, np.int16)
        self.length -= len(result)
        return result


class ReferenceTap:
    """See :class:`microsip_core.media.tap.Tap`. Its locks are held for microseconds only."""

    def __init__(self, stream_rate: int, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.dropped = 0
        self.starved = 0
        self.closed = False
        self._lock = threading.Lock()
        self._received = _SampleQueue(_CAPACITY_SECONDS * sample_rate)
        self._to_send = _SampleQueue(_CAPACITY_SECONDS * sample_rate)
        self._speaking = False
        self._ratio = sample_rate / stream_rate
        self._hear: Resampler | None = None
        self._say: Resampler | None = None
        self._said = np.zeros(0, np.int16)  # at the stream's rate, ready to go
        if sample_rate != stream_rate:
            self._hear = Resampler(stream_rate, sample_rate)
            self._say = Resampler(sample_rate, stream_rate)

    @property
    def readable(self) -> int:
        """Samples that ``read`` could return now."""
        return self._received.length

    @property
    def writable_space(self) -> int:
        """Samples that ``write`` would accept now."""
        return self._to_send.capacity - self._to_send.length

    @property
    def unplayed(self) -> int:
        """Samples written and not sent yet."""
        return self._to_send.length

    def read(self, max_samples: int) -> NDArray[np.int16]:
        """Return the oldest received samples, at most ``max_samples``; empty when there are none."""
        with self._lock:
            return self._received.read(max_samples)

    def write(self, samples: NDArray[np.int16]) -> int:
        """Queue samples to be sent; return how many were accepted."""
        with self._lock:
            return self._to_send.write(np.ascontiguousarray(samples, np.int16))

    def clear(self) -> int:
        """Throw away what was written and not sent yet; return the number of samples."""
        with self._lock:
            self._said = self._said[:0]
            return len(self._to_send.read(self._to_send.length))

    def close(self) -> None:
        """Detach from the stream. Safe to call twice."""
        self.closed = True

    def hear(self, frame: NDArray[np.int16]) -> None:
        """Take a received frame from the stream."""
        samples = frame if self._hear is None else to_int16(self._hear.process(frame))
        with self._lock:
            self.dropped += len(samples) - self._received.write(samples)

    def say(self, count: int) -> NDArray[np.int16] | None:
        """Give the stream a frame to send, filled up with silence; ``None`` when nothing waits."""
        with self._lock:
            if self._say is None:
                frame = self._to_send.read(count)
            else:
                while len(self._said) < count and self._to_send.length:
                    part = self._to_send.read(max(int((count - len(self._said)) * self._ratio), 1))
                    self._said = np.concatenate((self._said, to_int16(self._say.process(part))))
                frame, self._said = self._said[:count], self._said[count:]
            if not len(frame):
                self._speaking = False
                return None
            if len(frame) < count:
                if self._speaking:
                    self.starved += count - len(frame)
                frame = np.concatenate((frame, np.zeros(count - len(frame), np.int16)))
            self._speaking = True
            return frame
