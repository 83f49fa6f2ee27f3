"""The transaction user: what stands above the transaction layer (a UA core or a proxy core), and is told what
happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..hop import Source
    from ..message import Request, Response
    from .client import ClientTransaction
    from .server import ServerTransaction


class TransactionUser(Protocol):
    """Callbacks of :class:`~microsip_core.sip.transaction.layer.TransactionLayer`. They may call back into the layer
    at once."""

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A new request, retransmissions absorbed; answer with ``transaction.respond``. A CANCEL that matches no
        INVITE comes here too."""

    def on_ack(self, request: Request, source: Source, now: float) -> None:
        """An ACK to a 2xx (one to a failure response ends in the transaction). There is nothing to respond."""

    def on_cancel(self, invite: ServerTransaction, cancel: ServerTransaction, request: Request, now: float) -> None:
        """A CANCEL for ``invite``. The user answers ``cancel`` (200) and, if it can, ``invite`` (487)."""

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """A response, without retransmissions; but every 2xx to an INVITE, retransmitted and forked ones too (RFC
        6026)."""

    def on_client_timeout(self, transaction: ClientTransaction, now: float) -> None:
        """No final response came (timers B and F)."""

    def on_client_transport_error(self, transaction: ClientTransaction, error: str, now: float) -> None:
        """The request could not be sent; the transaction is over."""

    def on_server_failure(self, transaction: ServerTransaction, error: str, now: float) -> None:
        """Our response could not be sent, or no ACK came for a failure response (timer H); the transaction is over."""

    def on_stray_response(self, response: Response, source: Source, now: float) -> None:
        """A response that matches no transaction, such as a 2xx that comes very late."""
