"""The non-INVITE server transaction: RFC 3261 s17.2.2, figure 8.

TRYING says nothing until the user does (RFC 4320 s4.1: a 100 would be wrong here). PROCEEDING and COMPLETED repeat the
last response for every retransmitted request. COMPLETED lasts 64*T1 (timer J), nothing over a reliable transport. A
user that says nothing for 64*T1 has lost its chance: the client has given up (RFC 4320 s4.2), so the transaction ends
without an answer, and the user is told.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from ..state_table import table
from .server import ServerInput, ServerTransaction

if TYPE_CHECKING:
    from ..hop import Hop, Source
    from ..message import Request, Response
    from .layer import ServerKey, TransactionLayer


class NonInviteServerState(IntEnum):
    """The states of figure 8."""

    TRYING = 0
    PROCEEDING = 1
    COMPLETED = 2
    TERMINATED = 3


class NonInviteServerTransaction(ServerTransaction):
    """See the module."""

    __slots__ = ()

    def __init__(
        self, layer: TransactionLayer, request: Request, source: Source, hop: Hop, key: ServerKey,
        merge_key: str | None,
    ) -> None:
        super().__init__(layer, request, source, hop, key, merge_key)
        self.state: int = NonInviteServerState.TRYING

    def start(self, now: float) -> None:
        """Nothing is sent before the user speaks."""

    def wait(self, now: float) -> None:
        """The user did not answer at once: limit the time it may take."""
        if self.state <= NonInviteServerState.PROCEEDING:
            self._arm(now + self.layer.timers.timeout, ServerInput.TIMER_END)

    # -- actions

    def _complete(self, response: Response, now: float) -> None:
        self._send(response, now)
        if self.hop.reliable:
            self.state = NonInviteServerState.TERMINATED
            self._finish()
        else:
            self.request = None
            if response.status >= 300:
                # no longer ongoing (s8.2.2.2): what is like it by another way is refused for the same reason, not as
                # merged; a success is kept apart, lest it happen twice
                self.layer.forget_merge_key(self)
            self._arm(now + self.layer.timers.timeout, ServerInput.TIMER_END)

    def _give_up(self, _: None, now: float) -> None:
        self._fail("not answered in time", now)

    TABLE = table(NonInviteServerState, ServerInput, {
        NonInviteServerState.TRYING: {
            ServerInput.SEND_PROVISIONAL: (ServerTransaction._send, NonInviteServerState.PROCEEDING),
            ServerInput.SEND_SUCCESS: (_complete, NonInviteServerState.COMPLETED),
            ServerInput.SEND_FAILURE: (_complete, NonInviteServerState.COMPLETED),
            ServerInput.TIMER_END: (_give_up, NonInviteServerState.TERMINATED),
            ServerInput.TRANSPORT_ERROR: (ServerTransaction._fail, NonInviteServerState.TERMINATED),
        },
        NonInviteServerState.PROCEEDING: {
            ServerInput.REQUEST: (ServerTransaction._send_again, NonInviteServerState.PROCEEDING),
            ServerInput.SEND_PROVISIONAL: (ServerTransaction._send, NonInviteServerState.PROCEEDING),
            ServerInput.SEND_SUCCESS: (_complete, NonInviteServerState.COMPLETED),
            ServerInput.SEND_FAILURE: (_complete, NonInviteServerState.COMPLETED),
            ServerInput.TIMER_END: (_give_up, NonInviteServerState.TERMINATED),
            ServerInput.TRANSPORT_ERROR: (ServerTransaction._fail, NonInviteServerState.TERMINATED),
        },
        NonInviteServerState.COMPLETED: {
            ServerInput.REQUEST: (ServerTransaction._send_again, NonInviteServerState.COMPLETED),
            ServerInput.TIMER_END: (ServerTransaction._end, NonInviteServerState.TERMINATED),
            ServerInput.TRANSPORT_ERROR: (ServerTransaction._fail, NonInviteServerState.TERMINATED),
        },
    })
