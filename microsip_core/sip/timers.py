"""The timer values of RFC 3261 table 4, and the one heap in which every timer of an endpoint waits."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Timers:
    """Timer values in seconds (RFC 3261 s17 and table 4, RFC 6026).

    ``t1`` is the round-trip estimate, ``t2`` the longest interval between retransmissions, ``t4`` how long a message
    may stay in the network. The others are derived from them unless given.
    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    trying: float = 0.2
    """An INVITE server transaction sends 100 by itself after this time; 0: at once (s17.2.1)."""
    timer_d: float = 32.0
    """Wait for retransmitted failure responses in an INVITE client transaction over UDP: at least 32 s (s17.1.1.2)."""

    @property
    def timeout(self) -> float:
        """64*T1: timers B, F, H, J, L and M."""
        return 64 * self.t1


DEFAULT_TIMERS = Timers()


class TimerOwner(Protocol):
    """Whoever waits for a timer."""

    def on_timer(self, kind: int, now: float) -> None:
        """Act on the timer ``kind``, which this owner scheduled. It has left the heap already."""


Timer = list[Any]
"""A waiting timer: ``[when, number, owner, kind]``. The number makes order total; the owner is None once it is
cancelled."""


class TimerHeap:
    """A heap with lazy deletion: a cancelled timer stays in it, empty, until it surfaces or until empty ones outnumber
    the others."""

    __slots__ = ("_cancelled", "_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._number = 0
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def schedule(self, when: float, owner: TimerOwner, kind: int) -> Timer:
        """Have ``owner.on_timer(kind, now)`` called at ``when``."""
        self._number = number = self._number + 1
        timer: Timer = [when, number, owner, kind]
        heappush(self._heap, timer)
        return timer

    def cancel(self, timer: Timer) -> None:
        """Forget a timer; one that has fired or was cancelled before is no matter."""
        if timer[2] is None:
            return
        timer[2] = None
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2] is not None]
            heapify(self._heap)
            self._cancelled = 0

    def next_timeout(self) -> float | None:
        """Return when the earliest timer is due, or None if there is none."""
        heap = self._heap
        while heap:
            if heap[0][2] is not None:
                when: float = heap[0][0]
                return when
            heappop(heap)
            self._cancelled -= 1
        return None

    def fire(self, now: float) -> None:
        """Call the owners of all timers due at ``now``; those they schedule for no later than ``now`` included."""
        while self._heap and self._heap[0][0] <= now:
            timer = heappop(self._heap)
            owner = timer[2]
            if owner is None:
                self._cancelled -= 1
                continue
            timer[2] = None
            owner.on_timer(timer[3], now)
