"""A file, array or tone being played into a call."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlaybackResult:
    """How a playback ended: ``reason`` is "finished", "stopped" or "call_ended"; ``played_ms`` is what went out."""

    reason: str
    played_ms: int


class Playback:
    """Returned by ``Call.play``; await it for the :class:`PlaybackResult`. Not awaiting it is fine."""

    __slots__ = ("_result", "_waiters", "id")

    def __init__(self, playback_id: int) -> None:
        self.id = playback_id
        self._result: PlaybackResult | None = None
        self._waiters: list[asyncio.Future[PlaybackResult]] = []

    @property
    def result(self) -> PlaybackResult | None:
        """The result, None while it plays."""
        return self._result

    def finish(self, reason: str, played_ms: int) -> None:
        """Set the result; called by the call."""
        if self._result is not None:
            return
        self._result = PlaybackResult(reason, played_ms)
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
