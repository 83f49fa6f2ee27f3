"""Files, samples or tones being played into a call."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microsip_core.media.stream import Stream


@dataclass(frozen=True, slots=True)
class PlaybackResult:
    """How a playback ended, and how much of it went out: ``played_ms``, pauses not counted.

    ``reason`` is "finished", "stopped", "replaced" (by another one), "call_ended", or "error": then ``error`` says what
    could not be read.
    """

    reason: str
    played_ms: int
    error: str = ""

    @property
    def played(self) -> float:
        """Seconds that went out."""
        return self.played_ms / 1000


class Playback:
    """Returned by ``Call.play``; await it for the :class:`PlaybackResult`. Not awaiting it is fine.

    Its methods do nothing once it has ended. They raise NotSupported on the reference core, but for ``stop``.
    """

    __slots__ = ("_paused", "_result", "_stream", "_waiters", "id")

    def __init__(self, playback_id: int, stream: Stream | None = None) -> None:
        self.id = playback_id
        self._stream = stream
        self._paused = False
        self._result: PlaybackResult | None = None
        self._waiters: list[asyncio.Future[PlaybackResult]] = []

    @property
    def result(self) -> PlaybackResult | None:
        """The result, None while it plays."""
        return self._result

    @property
    def paused(self) -> bool:
        """Whether silence is sent in its place."""
        return self._paused and self._result is None

    @property
    def position(self) -> float:
        """Seconds that went out so far; what was skipped by :meth:`seek` is not counted."""
        if self._result is not None:
            return self._result.played
        return self._stream.played() if self._stream is not None else 0.0

    def pause(self) -> None:
        """Send silence until :meth:`resume`."""
        if self._result is None and self._stream is not None:
            self._stream.pause_play(self.id, True)
            self._paused = True

    def resume(self) -> None:
        """Go on where it was paused."""
        if self._result is None and self._stream is not None:
            self._stream.pause_play(self.id, False)
            self._paused = False

    def seek(self, seconds: float) -> None:
        """Go on at a time from the beginning: of the file being played, in a list. Tones do not mind."""
        if self._result is None and self._stream is not None:
            self._stream.seek_play(self.id, seconds)

    def stop(self) -> None:
        """End it now."""
        if self._result is None and self._stream is not None:
            self._stream.stop_play()

    def detach(self) -> None:
        """What its methods would act on is another playback by now; called by the call."""
        self._stream = None

    def finish(self, reason: str, played_ms: int, error: str = "") -> None:
        """Set the result; called by the call."""
        if self._result is not None:
            return
        self._result = PlaybackResult(reason, played_ms, error)
        self._stream = None
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(self._result)
        self._waiters.clear()

    async def _wait(self) -> PlaybackResult:
        if self._result is None:
            waiter: asyncio.Future[PlaybackResult] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            return await waiter
        return self._result

    def __await__(self) -> Generator[Any, None, PlaybackResult]:
        return self._wait().__await__()
