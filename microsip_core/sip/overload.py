"""Says when new requests are to be refused because we can not keep up (local overload control, RFC 6357 s4).

What tells is how long messages wait in our sockets before we come to them. A wait above ``target`` may be a burst,
which is served; one that lasts for ``interval`` is a standing queue: more comes in than we can do. From then on new
requests are refused, which costs a small part of serving them, until a message is met that waited no longer than
``target`` (the rule of CoDel, RFC 8289 s4). So calls that are taken are answered before their callers repeat
themselves (T1, 500 ms), the work of a call is never begun for a caller that has given up, and what belongs to calls
under way is not held up by calls we could not serve.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from ..errors import InvalidArgument

_KNOWN_QUEUES = 64  # sockets come and go with the network


@dataclass(frozen=True, slots=True)
class OverloadSettings:
    """When to refuse new requests. Times in seconds.

    ``target``: the wait that is no trouble. ``interval``: for how long it may be exceeded. ``retry_after``: what those
    refused are told, from 1 on; the shortest by default, since the queue is gone within less.
    """

    target: float = 0.1
    interval: float = 0.25
    retry_after: int = 1

    def __post_init__(self) -> None:
        if not self.target > 0 or not self.interval >= 0:
            raise InvalidArgument("target must be more than 0, and interval not less")
        if self.retry_after < 1:
            raise InvalidArgument("retry_after must be 1 at least")


class OverloadControl:
    """Judges by the waits it is told; see the module. Each socket is a queue of its own."""

    __slots__ = ("_late", "_late_since", "settings")

    def __init__(self, settings: OverloadSettings) -> None:
        self.settings = settings
        self._late: dict[Hashable, tuple[float, float]] = {}
        self._late_since: float | None = None

    def note_wait(self, waited: float, now: float, queue: Hashable) -> None:
        """Tell for how many seconds the oldest message has waited of those that are now taken from ``queue``."""
        if waited <= self.settings.target:
            self._late_since = None
            if self._late:
                self._late.pop(queue, None)
            return
        since, last = self._late.pop(queue, (now, now))
        if now - waited - last > self.settings.interval:
            since = now  # nothing waited in between: that queue was gone
        if len(self._late) >= _KNOWN_QUEUES:
            self._late.clear()
        self._late[queue] = since, now
        self._late_since = since

    def refuses(self, now: float) -> bool:
        """Whether a new request from the queue named last is to be refused."""
        return self._late_since is not None and now - self._late_since >= self.settings.interval
