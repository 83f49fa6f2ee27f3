"""Async iteration over events, with a bounded queue per subscriber."""

from __future__ import annotations

import asyncio
from collections import deque

from microsip_core.user_agent.events import Event

_LIMIT = 10_000
_MOST_OCTETS = 8 * 1024 * 1024


class EventStream:
    """The events since it was made, for ``async for``. Ends when what it listens to has ended.

    It holds at most 10,000 events, and with them SIP messages and texts of 8 MiB: a reader slower than that loses the
    oldest, counted in ``dropped``. Tasks that read the same stream share its events: each gets others.
    """

    __slots__ = ("__weakref__", "_closed", "_octets", "_queue", "_waiters", "dropped")

    def __init__(self) -> None:
        self._queue: deque[tuple[Event, int]] = deque()
        self._octets = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._closed = False
        self.dropped = 0

    def put(self, event: Event) -> None:
        """Add an event; called by what is listened to."""
        octets = _octets_of(event)
        while self._queue and (len(self._queue) >= _LIMIT or self._octets + octets > _MOST_OCTETS):
            self._take()
            self.dropped += 1
        self._queue.append((event, octets))
        self._octets += octets
        self._wake()

    def _take(self) -> Event:
        event, octets = self._queue.popleft()
        self._octets -= octets
        return event

    def close(self) -> None:
        """End the iteration once the events that wait have been read."""
        self._closed = True
        self._wake()

    @property
    def closed(self) -> bool:
        """Whether no further event will come."""
        return self._closed

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return self._take()


def _octets_of(event: Event) -> int:
    """Return about how much of what peers sent an event keeps in memory, in octets."""
    message = event.message
    return len(event.text) + (message.size if message is not None else 0)
