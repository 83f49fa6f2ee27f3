"""The INVITE client transaction: RFC 3261 s17.1.1 figure 5, as RFC 6026 s8.4 has mended it.

The INVITE is sent in CALLING, and again at T1, 2*T1, 4*T1 ... (timer A) until something comes back or 64*T1 are over
(timer B). A provisional response stops both: from then on it is the user who decides how long a phone may ring.

A failure response is acknowledged here, hop by hop, with the branch of the INVITE; COMPLETED waits for its
retransmissions and acknowledges those too (timer D, 32 s, nothing over a reliable transport).

A 2xx is acknowledged by the user, end to end. ACCEPTED lasts 64*T1 (timer M), over any transport, and hands every 2xx
up: the retransmitted ones, for which the user repeats its ACK, and those of other forks.

A canceled INVITE (s9.1) should end with 487. If nothing final comes within 64*T1 after the CANCEL, the transaction
times out.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from ..builder import ack_for_failure, cancel_for
from ..state_table import table
from .client import ClientInput, ClientTransaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..hop import Hop, Source
    from ..message import Request, Response
    from .layer import TransactionLayer


class InviteClientState(IntEnum):
    """The states of figure 5 and RFC 6026."""

    CALLING = 0
    PROCEEDING = 1
    COMPLETED = 2
    ACCEPTED = 3
    TERMINATED = 4


class InviteClientTransaction(ClientTransaction):
    """See the module."""

    __slots__ = ("_cancel_headers", "_canceled")

    def __init__(
        self, layer: TransactionLayer, request: Request, hop: Hop, key: str, owner: Any, flow: Source | None = None,
    ) -> None:
        super().__init__(layer, request, hop, key, owner, flow)
        self.state: int = InviteClientState.CALLING
        self._canceled = False
        self._cancel_headers: list[tuple[str, str]] | None = None

    def cancel(self, now: float, headers: Iterable[tuple[str, str]] = ()) -> ClientTransaction | None:
        """Send a CANCEL, now or when the first provisional response comes (s9.1)."""
        if self.state == InviteClientState.CALLING:
            self._cancel_headers = list(headers)
            return None
        if self.state != InviteClientState.PROCEEDING or self._canceled or self.request is None:
            return None
        self._canceled = True
        request = cancel_for(self.request)
        for name, value in headers:
            request.add(name, value)
        self._arm(now + self.layer.timers.timeout, ClientInput.TIMER_TIMEOUT)
        return self.layer.send_cancel(request, self.hop, now, self._flow)

    # -- actions

    def _proceed(self, response: Response, now: float) -> None:
        self._stop_timers()
        self._data = b""
        if self._cancel_headers is not None:
            self.cancel(now, self._cancel_headers)
            self._cancel_headers = None
        self.layer.user.on_response(self, response, now)

    def _accept(self, response: Response, now: float) -> None:
        self._stop_timers()
        self._data = b""
        self._arm(now + self.layer.timers.timeout, ClientInput.TIMER_END)
        self.layer.user.on_response(self, response, now)
        self.request = None

    def _complete(self, response: Response, now: float) -> None:
        self._stop_timers()
        assert self.request is not None
        self._data = ack_for_failure(self.request, response).to_bytes()
        self._acknowledge(response, now)
        if self.hop.reliable:
            self.state = InviteClientState.TERMINATED
            self._finish()
        else:
            self._arm(now + self.layer.timers.timer_d, ClientInput.TIMER_END)
        self.layer.user.on_response(self, response, now)
        self.request = None

    def _acknowledge(self, response: Response, now: float) -> None:
        self.layer.send(self._data, self.hop, self._flow, self)

    def _retransmit(self, _: None, now: float) -> None:
        self._arm_retransmission(2 * self._interval, ClientInput.TIMER_RETRANSMIT, now)
        self.layer.send(self._data, self.hop, self._flow, self)

    TABLE = table(InviteClientState, ClientInput, {
        InviteClientState.CALLING: {
            ClientInput.PROVISIONAL: (_proceed, InviteClientState.PROCEEDING),
            ClientInput.SUCCESS: (_accept, InviteClientState.ACCEPTED),
            ClientInput.FAILURE: (_complete, InviteClientState.COMPLETED),
            ClientInput.TIMER_RETRANSMIT: (_retransmit, InviteClientState.CALLING),
            ClientInput.TIMER_TIMEOUT: (ClientTransaction._time_out, InviteClientState.TERMINATED),
            ClientInput.TRANSPORT_ERROR: (ClientTransaction._fail, InviteClientState.TERMINATED),
        },
        InviteClientState.PROCEEDING: {
            ClientInput.PROVISIONAL: (ClientTransaction._pass_up, InviteClientState.PROCEEDING),
            ClientInput.SUCCESS: (_accept, InviteClientState.ACCEPTED),
            ClientInput.FAILURE: (_complete, InviteClientState.COMPLETED),
            ClientInput.TIMER_TIMEOUT: (ClientTransaction._time_out, InviteClientState.TERMINATED),
        },
        InviteClientState.COMPLETED: {
            ClientInput.FAILURE: (_acknowledge, InviteClientState.COMPLETED),
            ClientInput.TIMER_END: (ClientTransaction._end, InviteClientState.TERMINATED),
            ClientInput.TRANSPORT_ERROR: (ClientTransaction._fail, InviteClientState.TERMINATED),
        },
        InviteClientState.ACCEPTED: {
            ClientInput.SUCCESS: (ClientTransaction._pass_up, InviteClientState.ACCEPTED),
            ClientInput.TIMER_END: (ClientTransaction._end, InviteClientState.TERMINATED),
        },
    })
