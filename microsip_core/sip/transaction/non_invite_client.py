"""The non-INVITE client transaction: RFC 3261 s17.1.2, figure 6.

The request is sent in TRYING and again after T1, 2*T1, ... but never more than T2 apart (timer E); after a provisional
response, in PROCEEDING, every T2. The whole may last 64*T1 (timer F). COMPLETED only absorbs retransmitted responses
(timer K: T4, nothing over a reliable transport).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from ..state_table import table
from .client import ClientInput, ClientTransaction

if TYPE_CHECKING:
    from ..hop import Hop, Source
    from ..message import Request, Response
    from .layer import TransactionLayer


class NonInviteClientState(IntEnum):
    """The states of figure 6."""

    TRYING = 0
    PROCEEDING = 1
    COMPLETED = 2
    TERMINATED = 3


class NonInviteClientTransaction(ClientTransaction):
    """See the module."""

    __slots__ = ()

    def __init__(
        self, layer: TransactionLayer, request: Request, hop: Hop, key: str, owner: Any, flow: Source | None = None,
    ) -> None:
        super().__init__(layer, request, hop, key, owner, flow)
        self.state: int = NonInviteClientState.TRYING

    # -- actions

    def _complete(self, response: Response, now: float) -> None:
        self._stop_timers()
        self._data = b""
        if self.hop.reliable:
            self.state = NonInviteClientState.TERMINATED
            self._finish()
        else:
            self._arm(now + self.layer.timers.t4, ClientInput.TIMER_END)
        self.layer.user.on_response(self, response, now)
        self.request = None

    def _retransmit_slower(self, _: None, now: float) -> None:
        self._retransmit(min(2 * self._interval, self.layer.timers.t2), now)

    def _retransmit_slowest(self, _: None, now: float) -> None:
        self._retransmit(self.layer.timers.t2, now)

    def _retransmit(self, interval: float, now: float) -> None:
        self._arm_retransmission(interval, ClientInput.TIMER_RETRANSMIT, now)
        self.layer.send(self._data, self.hop, self._flow, self)

    TABLE = table(NonInviteClientState, ClientInput, {
        NonInviteClientState.TRYING: {
            ClientInput.PROVISIONAL: (ClientTransaction._pass_up, NonInviteClientState.PROCEEDING),
            ClientInput.SUCCESS: (_complete, NonInviteClientState.COMPLETED),
            ClientInput.FAILURE: (_complete, NonInviteClientState.COMPLETED),
            ClientInput.TIMER_RETRANSMIT: (_retransmit_slower, NonInviteClientState.TRYING),
            ClientInput.TIMER_TIMEOUT: (ClientTransaction._time_out, NonInviteClientState.TERMINATED),
            ClientInput.TRANSPORT_ERROR: (ClientTransaction._fail, NonInviteClientState.TERMINATED),
        },
        NonInviteClientState.PROCEEDING: {
            ClientInput.PROVISIONAL: (ClientTransaction._pass_up, NonInviteClientState.PROCEEDING),
            ClientInput.SUCCESS: (_complete, NonInviteClientState.COMPLETED),
            ClientInput.FAILURE: (_complete, NonInviteClientState.COMPLETED),
            ClientInput.TIMER_RETRANSMIT: (_retransmit_slowest, NonInviteClientState.PROCEEDING),
            ClientInput.TIMER_TIMEOUT: (ClientTransaction._time_out, NonInviteClientState.TERMINATED),
            ClientInput.TRANSPORT_ERROR: (ClientTransaction._fail, NonInviteClientState.TERMINATED),
        },
        NonInviteClientState.COMPLETED: {
            ClientInput.TIMER_END: (ClientTransaction._end, NonInviteClientState.TERMINATED),
        },
    })
