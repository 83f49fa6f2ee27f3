"""A simple adaptive jitter buffer: samples are laid on a timeline by timestamp and read off at the receiver's pace.

How much audio waits ("depth") is kept near a target of frame time plus three times the jitter. It grows by itself: when
nothing waits, concealment is played and the timeline stands still, so that the packets that come late still fit. It
shrinks by leaving a quiet frame out. This is the readable one; the native core's buffer is the good one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RING = 1 << 16  # samples: 8 s at 8 kHz
_FADE_SECONDS = 0.06  # concealment is silent after this (G.711 appendix I)
_OUTAGE_FRAMES = 5  # frames without a packet after which the timeline starts anew
_PATIENCE = 100  # pulls that the buffer may be too deep before a frame is left out
_QUIET = 200.0  # mean magnitude of a frame that nobody misses


class JitterBuffer:
    """Samples in by RTP timestamp, samples out in order. Times are in seconds, audio is int16 mono at ``rate`` Hz."""

    def __init__(self, rate: int = 8000, min_ms: int = 0, max_ms: int = 500, initial_ms: int = 0) -> None:
        self.rate = rate
        self._lowest, self._highest = min_ms * rate // 1000, max_ms * rate // 1000
        self._initial = max((initial_ms or 40) * rate // 1000, self._lowest)
        self._ring = np.zeros(_RING, np.int16)
        self._filled = np.zeros(_RING, np.bool_)
        self._last = np.zeros(0, np.int16)  # what concealment repeats
        self._restart()
        self.late = self.discarded = 0
        self.played = self.concealed = self.removed = self.inserted = 0
        self.depth_sum = self.depth_count = self.depth_max = 0

    def _restart(self) -> None:
        self._next: int | None = None  # timestamp to play next
        self._end = 0  # timestamp after the newest sample
        self._begin_at = 0.0  # nothing is played before
        self._dry = 0  # samples of concealment in a row
        self._dry_frames = 0
        self._deep = 0  # pulls in a row deeper than wanted
        self.target = self._initial  # samples

    def reset(self) -> None:
        """Start anew with the next packet (new SSRC); the counters stay."""
        self._filled[:] = False
        self._restart()

    @property
    def depth(self) -> int:
        """Samples from the one to be played next to the newest."""
        return self._end - self._next if self._next is not None and self._end > self._next else 0

    def push(self, timestamp: int, samples: NDArray[np.int16], now: float) -> None:
        """Lay the samples of a packet on the timeline."""
        if self._next is None or self._dry_frames >= _OUTAGE_FRAMES:
            self._filled[:] = False
            self._next = self._end = timestamp
            self._begin_at = now + self.target / self.rate
            self._dry = self._dry_frames = 0
        start = self._next + ((timestamp - self._next + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        skip = max(self._next - start, 0)
        if skip >= len(samples):
            self.late += 1
            return
        if start + len(samples) - self._next > _RING:
            self.discarded += 1
            self.reset()
            return
        places = np.arange(start + skip, start + len(samples)) % _RING
        self._ring[places] = samples[skip:]
        self._filled[places] = True
        self._end = max(self._end, start + len(samples))
        if self.depth > self._highest:
            self._leave_out(self.depth - self.target)

    def pull(self, count: int, now: float, jitter: float = 0.0) -> NDArray[np.int16]:
        """Return the next ``count`` samples; ``jitter`` is the interarrival jitter in seconds."""
        if self._next is None or now < self._begin_at - 0.001:
            return np.zeros(count, np.int16)
        self._adapt(count, jitter)
        places = np.arange(self._next, self._next + count) % _RING
        present = self._filled[places]
        if self.depth < count:
            return self._underrun(count)
        frame = self._ring[places]
        self._filled[places] = False
        self._next += count
        self._dry_frames = 0
        self.played += count
        self.depth_sum += self.depth + count
        self.depth_count += 1
        self.depth_max = max(self.depth_max, self.depth + count)
        if not present.all():
            frame = np.where(present, frame, self._conceal(count, int(count - present.sum())))
        if present[-1]:
            self._dry = 0
            self._last = frame
        return frame

    def _underrun(self, count: int) -> NDArray[np.int16]:
        """Time stands still on the timeline, which is how the buffer gets deeper; a longer outage is a pause."""
        self._dry_frames += 1
        if self._dry_frames > _OUTAGE_FRAMES:
            return np.zeros(count, np.int16)
        self.inserted += count
        return self._conceal(count)

    def _adapt(self, count: int, jitter: float) -> None:
        wanted = count + int(3.0 * jitter * self.rate)
        self.target = min(max(wanted, self._lowest, 2 * count), max(self._highest, 2 * count))
        self._deep = self._deep + 1 if self.depth > self.target + count else 0
        if self._deep and self._next is not None:
            frame = self._ring[np.arange(self._next, self._next + count) % _RING]
            if (self._deep > 10 and np.abs(frame.astype(np.int32)).mean() < _QUIET) or self._deep > _PATIENCE:
                self._leave_out(count)
                self._deep = 0

    def _leave_out(self, count: int) -> None:
        if self._next is not None and count > 0:
            self._filled[np.arange(self._next, self._next + count) % _RING] = False
            self._next += count
            self.removed += count

    def _conceal(self, count: int, missing: int | None = None) -> NDArray[np.int16]:
        """Repeat the last frame and fade it out."""
        self.concealed += count if missing is None else missing
        if not len(self._last):
            return np.zeros(count, np.int16)
        fade = 1.0 - np.arange(self._dry, self._dry + count) / (_FADE_SECONDS * self.rate)
        self._dry += count
        return (np.resize(self._last, count) * np.clip(fade, 0.0, 1.0)).astype(np.int16)
