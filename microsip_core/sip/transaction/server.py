"""Server transactions: what the INVITE and the non-INVITE kind have in common."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from .transaction import Transaction

if TYPE_CHECKING:
    from ..hop import Hop, Source
    from ..message import Request, Response
    from .layer import ServerKey, TransactionLayer


class ServerInput(IntEnum):
    """What a server transaction may be fed. The timer inputs are the timer kinds too."""

    REQUEST = 0
    """The same request again."""
    ACK = 1
    SEND_PROVISIONAL = 2
    SEND_SUCCESS = 3
    SEND_FAILURE = 4
    TIMER_TRYING = 5
    """The 200 ms after which an INVITE gets a 100 by itself."""
    TIMER_RETRANSMIT = 6
    """Timer G."""
    TIMER_TIMEOUT = 7
    """Timer H."""
    TIMER_END = 8
    """Timer I, L (INVITE) or J."""
    TRANSPORT_ERROR = 9


class ServerTransaction(Transaction):
    """A request of a peer and our responses to it.

    ``request`` is None once a final response has been sent: keep what you need. ``owner`` is free for the transaction
    user.
    """

    __slots__ = ("key", "merge_key", "octets", "source")

    def __init__(
        self, layer: TransactionLayer, request: Request, source: Source, hop: Hop, key: ServerKey,
        merge_key: str | None,
    ) -> None:
        super().__init__(layer, request, hop, None, b"")
        self.source = source
        self.key = key
        self.merge_key = merge_key
        self.octets = request.size
        """What the peer has us keep: the request, then the Vias and more of it in the response."""

    @property
    def answered(self) -> bool:
        """Whether a final response has been sent, or can not be sent any more."""
        return self.request is None

    def respond(self, response: Response, now: float) -> None:
        """Send a response. After a final one only further 2xx to an INVITE pass (RFC 6026 s8.5); others are dropped."""
        status = response.status
        if status < 200:
            self.handle(ServerInput.SEND_PROVISIONAL, response, now)
        elif status < 300:
            self.handle(ServerInput.SEND_SUCCESS, response, now)
        else:
            self.handle(ServerInput.SEND_FAILURE, response, now)

    def transport_failed(self, error: str, now: float) -> None:
        """Feed the failure of a send to the machine."""
        self.handle(ServerInput.TRANSPORT_ERROR, error, now)

    # -- actions

    def _send(self, response: Response, now: float) -> None:
        self._data = data = response.to_bytes()
        self.layer.send(data, self.hop, self.source, self)

    def _send_again(self, _: object, now: float) -> None:
        if self._data:
            self.layer.send(self._data, self.hop, self.source, self)

    def _fail(self, error: str, now: float) -> None:
        self._finish()
        self.layer.user.on_server_failure(self, error, now)

    def _finish(self) -> None:
        """Leave the layer."""
        self._stop_timers()
        self.request = None
        self._data = b""
        self.layer.forget_server(self)
