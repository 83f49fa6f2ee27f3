"""A 2xx to an INVITE, repeated until its ACK comes (RFC 3261 s13.3.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..message import Response
    from ..timers import Timer
    from ..transaction.layer import TransactionLayer
    from ..transaction.server import ServerTransaction


class AckWaiter(Protocol):
    """Whoever answered an INVITE."""

    def on_no_ack(self, now: float) -> None:
        """64*T1 are over without an ACK."""


class SuccessResponse:
    """Sends a 2xx, again after T1, 2*T1, ... at most T2 apart, over any transport, for 64*T1 in all."""

    __slots__ = ("_deadline", "_interval", "_layer", "_response", "_timer", "_transaction", "_waiter", "cseq")

    def __init__(
        self, layer: TransactionLayer, transaction: ServerTransaction, response: Response, cseq: int, waiter: AckWaiter,
        now: float,
    ) -> None:
        self._layer = layer
        self._transaction = transaction
        self._response = response
        self._waiter = waiter
        self._interval = layer.timers.t1
        self._deadline = now + layer.timers.timeout
        self.cseq = cseq
        """CSeq number the ACK must have."""
        self._timer: Timer = layer.timer_heap.schedule(now + self._interval, self, 0)
        transaction.respond(response, now)

    def stop(self) -> None:
        """The ACK is here, or nobody waits for it any more."""
        self._layer.timer_heap.cancel(self._timer)
        self._transaction.owner = None

    def on_timer(self, kind: int, now: float) -> None:
        """Send it again, or give up."""
        if now >= self._deadline:
            self._transaction.owner = None
            self._waiter.on_no_ack(now)
            return
        self._interval = min(2 * self._interval, self._layer.timers.t2)
        self._timer = self._layer.timer_heap.schedule(min(now + self._interval, self._deadline), self, 0)
        self._transaction.respond(self._response, now)
