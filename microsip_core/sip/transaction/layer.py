"""The transaction layer: matches messages to transactions, and keeps the one timer heap (RFC 3261 s17, RFC 6026)."""

from __future__ import annotations

from typing import Any

from ...ids import IdSource
from ..hop import Hop, OutgoingPacket, Source
from ..message import Request, Response
from ..timers import DEFAULT_TIMERS, TimerHeap, Timers
from .client import ClientTransaction
from .server import ServerTransaction
from .user import TransactionUser


class TransactionLayer:
    """All transactions of one element; used by the UA core and by a proxy core alike.

    A request to be sent has its topmost Via already, with a fresh branch. ``timers.trying`` rules the automatic 100 (0: at once).
    ``merged``: refuse merged requests with 482 (RFC 3261 s8.2.2.2; for a UA, not for a proxy).
    """

    timer_heap: TimerHeap
    """Free for others above the layer too: ``schedule(when, owner, kind)``."""

    def __init__(
        self, user: TransactionUser, ids: IdSource, timers: Timers = DEFAULT_TIMERS, *, max_transactions: int = 200_000,
        merged: bool = True,
    ) -> None:
        raise NotImplementedError

    def receive(self, message: Request | Response, source: Source, now: float) -> None:
        """Take a parsed and checked message. A request gets ``received`` and ``rport`` into its topmost Via (s18.2.1, RFC 3581)."""
        raise NotImplementedError

    def send_request(self, request: Request, hop: Hop, now: float, owner: Any = None) -> ClientTransaction:
        """Start a client transaction (any method but ACK). ``owner`` is kept as ``transaction.owner`` for the user."""
        raise NotImplementedError

    def send_stateless(self, data: bytes, hop: Hop, source: Source | None = None, token: object | None = None) -> None:
        """Send outside any transaction: the ACK to a 2xx, a response forwarded statelessly."""
        raise NotImplementedError

    def respond_stateless(self, request: Request, response: Response, source: Source) -> None:
        """Answer a request for which there is no transaction (s8.2.7)."""
        raise NotImplementedError

    def transport_failed(self, token: object | None, error: str, now: float) -> None:
        """Tell that a packet with this token could not be sent."""
        raise NotImplementedError

    def handle_timeout(self, now: float) -> None:
        """Fire all timers due."""
        raise NotImplementedError

    def next_timeout(self) -> float | None:
        """Return when ``handle_timeout`` is to be called next."""
        raise NotImplementedError

    def data_to_send(self) -> list[OutgoingPacket]:
        """Take all packets that wait, in order."""
        raise NotImplementedError
