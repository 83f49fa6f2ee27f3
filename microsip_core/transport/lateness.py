"""Estimates how long messages of streams wait: TCP does not tell when octets arrived, the turns of the loop do."""

from __future__ import annotations

import asyncio

from microsip_core.transport.link import Waits

_BUSY_TURN = 0.02  # seconds; a turn shorter than that keeps nobody waiting
_MANY = 64  # messages; a turn with fewer took long for other reasons, such as a busy machine


class Lateness:
    """Watches the loop from the first message until a turn is short.

    Everything that can be read is read in one turn of the loop, and what comes in during a turn waits for its end. So a
    message has waited no longer than the turn before this one took, or this one has taken so far.
    """

    __slots__ = ("_before", "_began", "_loop", "_taken", "_waits", "_watching")

    def __init__(self, loop: asyncio.AbstractEventLoop, waits: Waits) -> None:
        self._loop = loop
        self._waits = waits
        self._watching = False
        self._taken = 0
        self._began = self._before = 0.0

    def tell(self) -> None:
        """A message is about to be handed over: tell how long it may have waited."""
        now = self._loop.time()
        if not self._watching:
            self._watching = True
            self._began, self._before, self._taken = now, 0.0, 0
            self._loop.call_soon(self._turn)
        self._taken += 1
        self._waits(max(self._before, now - self._began if self._taken > _MANY else 0.0), "streams")

    def _turn(self) -> None:
        now = self._loop.time()
        self._began, self._before = now, now - self._began
        if self._before < _BUSY_TURN or self._taken < _MANY:
            self._watching = False
        else:
            self._taken = 0
            self._loop.call_soon(self._turn)
