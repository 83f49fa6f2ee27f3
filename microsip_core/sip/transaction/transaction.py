"""Transactions: what those of clients and of servers have in common, which is their timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..state_table import Machine

if TYPE_CHECKING:
    from ..hop import Hop
    from ..message import Request
    from ..timers import Timer
    from .layer import TransactionLayer


class Transaction(Machine):
    """A request and the responses to it, with the two timers that a transaction has at the most at one time."""

    __slots__ = ("_data", "_end_timer", "_interval", "_retransmit_timer", "hop", "layer", "owner", "request")

    def __init__(self, layer: TransactionLayer, request: Request, hop: Hop, owner: Any, data: bytes) -> None:
        self.layer = layer
        self.request: Request | None = request
        self.hop = hop
        self.owner = owner
        self._data = data
        """What is sent again."""
        self._retransmit_timer: Timer | None = None
        self._end_timer: Timer | None = None
        self._interval = 0.0

    @property
    def settled(self) -> bool:
        """Whether nobody waits for anything any more: a final response is there, or there will be none."""
        return self.request is None

    def on_timer(self, kind: int, now: float) -> None:
        """Feed the timer to the machine."""
        self.handle(kind, None, now)

    def _arm(self, when: float, kind: int) -> None:
        """Replace the timer that leads out of the present state."""
        if self._end_timer is not None:
            self.layer.timer_heap.cancel(self._end_timer)
        self._end_timer = self.layer.timer_heap.schedule(when, self, kind)

    def _arm_retransmission(self, interval: float, kind: int, now: float) -> None:
        """Have the machine told ``kind`` after ``interval`` seconds, which the next interval goes by."""
        self._interval = interval
        self._retransmit_timer = self.layer.timer_heap.schedule(now + interval, self, kind)

    def _stop_retransmission(self) -> None:
        if self._retransmit_timer is not None:
            self.layer.timer_heap.cancel(self._retransmit_timer)
            self._retransmit_timer = None

    def _stop_timers(self) -> None:
        self._stop_retransmission()
        if self._end_timer is not None:
            self.layer.timer_heap.cancel(self._end_timer)
            self._end_timer = None

    def _end(self, _: object, now: float) -> None:
        self._finish()

    def _finish(self) -> None:
        """Leave the layer."""
        raise NotImplementedError
