"""A call's sound as numpy frames, both ways, and the one ticker that all readers of a user agent share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument, InvalidState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from microsip_core.media.tap import Tap

_TICK = 0.01


class AudioTicker:
    """Looks every 10 ms, while anybody waits, whether there is sound to read or room to write; one for all calls."""

    __slots__ = ("_loop", "_timer", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def until(self, ready: Callable[[], bool]) -> None:
        """Return when ``ready`` says so."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((ready, future))
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK, self._tick)
        await future

    def _tick(self) -> None:
        still = []
        for entry in self._waiting:
            ready, future = entry
            if future.done():
                continue
            if ready():
                future.set_result(None)
            else:
                still.append(entry)
        self._waiting = still
        self._timer = self._loop.call_later(_TICK, self._tick) if still else None

    def close(self) -> None:
        """Stop, and let those who still wait look for themselves: their calls have ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for _, future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting = []


class CallAudio:
    """``async for frame in call.audio`` gives int16 arrays of 20 ms; ``write`` sends; ``clear`` is for barge-in.

    The iteration ends with the call. While nobody reads, only what the ring can not hold is lost.
    """

    def __init__(self, tap: Tap, ticker: AudioTicker) -> None:
        self._tap = tap
        self._ticker = ticker
        self._closed = False
        self.sample_rate = tap.sample_rate  # Hz, both directions
        self.frame_samples = tap.sample_rate // 50

    @property
    def dropped(self) -> int:
        """Samples received and lost because nobody read them in time."""
        return self._tap.dropped

    @property
    def unplayed(self) -> int:
        """Samples written and not sent yet."""
        return 0 if self._closed else self._tap.unplayed

    async def read(self, samples: int) -> NDArray[np.int16]:
        """Return exactly ``samples`` samples, or none when the call has ended.

        Raises InvalidArgument unless that is 1 sample to 1 second: more than that does not wait in the ring.
        """
        if not 1 <= samples <= self.sample_rate:
            raise InvalidArgument(f"{samples} samples can not be read at once", step="read audio",
                                  remedy=f"Read 1 to {self.sample_rate}, which is 1 second")
        tap = self._tap
        if not self._closed and tap.readable < samples:
            await self._ticker.until(lambda: self._closed or tap.readable >= samples)
        if self._closed:
            import numpy as np

            return np.zeros(0, dtype=np.int16)
        return tap.read(samples)

    def read_now(self, samples: int) -> NDArray[np.int16]:
        """Return what there is, at most ``samples`` samples, without waiting; from any one thread."""
        if self._closed:
            raise InvalidState("the call has ended", step="read audio")
        return self._tap.read(samples)

    def __aiter__(self) -> CallAudio:
        return self

    async def __anext__(self) -> NDArray[np.int16]:
        frame = await self.read(self.frame_samples)
        if len(frame) == 0:
            raise StopAsyncIteration
        return frame

    def write(self, samples: NDArray[np.int16]) -> int:
        """Queue int16 samples to be sent; returns how many were taken (fewer when the ring is full).

        Raises InvalidArgument for anything but a flat array of int16, InvalidState when the call has ended.
        """
        if self._closed:
            raise InvalidState("the call has ended", step="write audio")
        if getattr(samples, "dtype", None) != "int16" or samples.ndim != 1:
            raise InvalidArgument("samples to send have to be a flat int16 array", step="write audio",
                                  remedy="Bytes: np.frombuffer(data, np.int16); floats: (x * 32767).astype(np.int16)")
        return self._tap.write(samples)

    async def send(self, samples: NDArray[np.int16]) -> None:
        """Queue all of ``samples``, waiting for room: back-pressure for a source faster than real time."""
        tap, taken = self._tap, self.write(samples)
        while taken < len(samples):
            await self._ticker.until(lambda: self._closed or tap.writable_space > 0)
            taken += self.write(samples[taken:])

    def clear(self) -> int:
        """Drop at once all that is queued to be sent (the caller has interrupted); returns the number of samples."""
        return 0 if self._closed else self._tap.clear()

    def close(self) -> None:
        """End the iteration; the call does this at its end."""
        if not self._closed:
            self._closed = True
            self._tap.close()
