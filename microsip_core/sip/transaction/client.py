"""Client transactions: what the INVITE and the non-INVITE kind have in common."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from .transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..hop import Hop, Source
    from ..message import Request, Response
    from .layer import TransactionLayer


class ClientInput(IntEnum):
    """What a client transaction may be fed. The timer inputs are the timer kinds too."""

    PROVISIONAL = 0
    SUCCESS = 1
    FAILURE = 2
    TIMER_RETRANSMIT = 3
    """Timer A (INVITE) or E."""
    TIMER_TIMEOUT = 4
    """Timer B (INVITE) or F; in an INVITE that was canceled also the 64*T1 of s9.1."""
    TIMER_END = 5
    """Timer D, M (INVITE) or K."""
    TRANSPORT_ERROR = 6


class ClientTransaction(Transaction):
    """A request of ours and what came of it.

    ``request`` is kept until a final response came, then it is None. ``owner`` is free for the transaction user.
    """

    __slots__ = ("_call_id", "_cseq", "_flow", "key")

    def __init__(
        self, layer: TransactionLayer, request: Request, hop: Hop, key: str, owner: Any, flow: Source | None,
    ) -> None:
        super().__init__(layer, request, hop, owner, request.to_bytes())
        self.key = key
        self._flow = flow
        self._call_id = request.call_id
        self._cseq = request.cseq

    def start(self, now: float) -> None:
        """Send the request and arm its timers: retransmission over unreliable transports, time-out over all."""
        timers = self.layer.timers
        if not self.hop.reliable:
            self._arm_retransmission(timers.t1, ClientInput.TIMER_RETRANSMIT, now)
        self._arm(now + timers.timeout, ClientInput.TIMER_TIMEOUT)
        self.layer.send(self._data, self.hop, self._flow, self)

    def is_answered_by(self, response: Response) -> bool:
        """Whether a response with our branch is one to this very request."""
        if response.cseq != self._cseq or response.call_id != self._call_id:
            return False
        # s8.2.6.2: a dialog made of another From tag would be none that anybody knows
        return self.request is None or response.from_.tag == self.request.from_.tag

    def receive(self, response: Response, now: float) -> None:
        """Take a response that the layer matched to this transaction."""
        status = response.status
        if status < 200:
            self.handle(ClientInput.PROVISIONAL, response, now)
        elif status < 300:
            self.handle(ClientInput.SUCCESS, response, now)
        else:
            self.handle(ClientInput.FAILURE, response, now)

    def transport_failed(self, error: str, now: float) -> None:
        """Feed the failure of a send to the machine."""
        self.handle(ClientInput.TRANSPORT_ERROR, error, now)

    def cancel(self, now: float, headers: Iterable[tuple[str, str]] = ()) -> ClientTransaction | None:
        """Send a CANCEL for this INVITE, now or when the first provisional response comes (s9.1).

        Returns the transaction of the CANCEL if it was sent now. Does nothing once a final response is there, and for
        other methods.
        """
        return None

    # -- actions

    def _pass_up(self, response: Response, now: float) -> None:
        self.layer.user.on_response(self, response, now)

    def _time_out(self, _: None, now: float) -> None:
        self._finish()
        self.layer.user.on_client_timeout(self, now)
        self.request = None

    def _fail(self, error: str, now: float) -> None:
        self._finish()
        self.layer.user.on_client_transport_error(self, error, now)
        self.request = None

    def _finish(self) -> None:
        """Leave the layer."""
        self._stop_timers()
        self._data = b""
        self.layer.forget_client(self)
