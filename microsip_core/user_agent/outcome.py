"""What a command that acts at once returns: the action is under way, awaiting its outcome is optional."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Outcome:
    """Await it for the outcome of a command, or drop it. ``asyncio.wait_for`` and ``asyncio.gather`` take it too."""

    __slots__ = ("_wait",)

    def __init__(self, wait: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        self._wait = wait

    async def _finished(self) -> None:
        if self._wait is not None:
            await self._wait()

    def __await__(self) -> Generator[Any, None, None]:
        return self._finished().__await__()


DONE = Outcome()
