"""The INVITE server transaction: RFC 3261 s17.2.1 figure 7, as RFC 6026 s8.5 has mended it.

In PROCEEDING the last provisional response is repeated for every retransmitted INVITE. If the user has said nothing
after 200 ms, a 100 goes out by itself, so that the caller stops retransmitting.

A failure response leads to COMPLETED. It is repeated at T1, 2*T1, ... at most T2 apart (timer G; never over a reliable
transport), until its ACK comes, or 64*T1 are over and the user is told (timer H). CONFIRMED absorbs further ACKs
(timer I: T4, nothing over a reliable transport).

A 2xx leads to ACCEPTED, which lasts 64*T1 (timer L) over any transport and absorbs retransmitted INVITEs. It is the
user that repeats the 2xx until the ACK, which has a branch of its own and is handed up; so is one that does not (RFC
2543).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from ..builder import response_to
from ..state_table import table
from .server import ServerInput, ServerTransaction

if TYPE_CHECKING:
    from ..hop import Hop, Source
    from ..message import Request, Response
    from .layer import ServerKey, TransactionLayer


class InviteServerState(IntEnum):
    """The states of figure 7 and RFC 6026."""

    PROCEEDING = 0
    COMPLETED = 1
    CONFIRMED = 2
    ACCEPTED = 3
    TERMINATED = 4


class InviteServerTransaction(ServerTransaction):
    """See the module."""

    __slots__ = ()

    def __init__(
        self, layer: TransactionLayer, request: Request, source: Source, hop: Hop, key: ServerKey,
        merge_key: str | None,
    ) -> None:
        super().__init__(layer, request, source, hop, key, merge_key)
        self.state: int = InviteServerState.PROCEEDING

    def start(self, now: float) -> None:
        """Say 100 at once or have it said later."""
        delay = self.layer.timers.trying
        if delay > 0:
            self._arm_retransmission(delay, ServerInput.TIMER_TRYING, now)
        else:
            self._send_trying(None, now)

    def wait(self, now: float) -> None:
        """The user did not answer at once: how long a phone may ring is for it to say."""

    @property
    def settled(self) -> bool:
        """Whether nobody waits for anything any more: there is a final response, and if a failure, its ACK."""
        return self.state >= InviteServerState.CONFIRMED

    # -- actions

    def _send_trying(self, _: None, now: float) -> None:
        self._retransmit_timer = None
        assert self.request is not None
        self._send(response_to(self.request, 100), now)

    def _send_provisional(self, response: Response, now: float) -> None:
        self._stop_retransmission()
        self._send(response, now)

    def _accept(self, response: Response, now: float) -> None:
        self._stop_retransmission()
        self._arm(now + self.layer.timers.timeout, ServerInput.TIMER_END)
        self.request = None
        self._data = b""
        self._send_success(response, now)

    def _send_success(self, response: Response, now: float) -> None:
        self.layer.send(response.to_bytes(), self.hop, self.source, self)

    def _complete(self, response: Response, now: float) -> None:
        self._stop_retransmission()
        self.layer.forget_merge_key(self)  # a proxy may fork serially: the next branch is no loop (s8.2.2.2: "ongoing")
        timers = self.layer.timers
        if not self.hop.reliable:
            self._arm_retransmission(timers.t1, ServerInput.TIMER_RETRANSMIT, now)
        self._arm(now + timers.timeout, ServerInput.TIMER_TIMEOUT)
        self.request = None
        self._send(response, now)

    def _retransmit(self, _: None, now: float) -> None:
        self._arm_retransmission(min(2 * self._interval, self.layer.timers.t2), ServerInput.TIMER_RETRANSMIT, now)
        self._send_again(None, now)

    def _confirm(self, ack: Request, now: float) -> None:
        self._stop_retransmission()
        self._data = b""
        if self.hop.reliable:
            self.state = InviteServerState.TERMINATED
            self._finish()
        else:
            self._arm(now + self.layer.timers.t4, ServerInput.TIMER_END)

    def _pass_ack(self, ack: Request, now: float) -> None:
        self.layer.user.on_ack(ack, self.source, now)

    def _give_up(self, _: None, now: float) -> None:
        self._fail("no ACK", now)

    TABLE = table(InviteServerState, ServerInput, {
        InviteServerState.PROCEEDING: {
            ServerInput.REQUEST: (ServerTransaction._send_again, InviteServerState.PROCEEDING),
            ServerInput.SEND_PROVISIONAL: (_send_provisional, InviteServerState.PROCEEDING),
            ServerInput.SEND_SUCCESS: (_accept, InviteServerState.ACCEPTED),
            ServerInput.SEND_FAILURE: (_complete, InviteServerState.COMPLETED),
            ServerInput.TIMER_TRYING: (_send_trying, InviteServerState.PROCEEDING),
            ServerInput.TRANSPORT_ERROR: (ServerTransaction._fail, InviteServerState.TERMINATED),
        },
        InviteServerState.COMPLETED: {
            ServerInput.REQUEST: (ServerTransaction._send_again, InviteServerState.COMPLETED),
            ServerInput.ACK: (_confirm, InviteServerState.CONFIRMED),
            ServerInput.TIMER_RETRANSMIT: (_retransmit, InviteServerState.COMPLETED),
            ServerInput.TIMER_TIMEOUT: (_give_up, InviteServerState.TERMINATED),
            ServerInput.TRANSPORT_ERROR: (ServerTransaction._fail, InviteServerState.TERMINATED),
        },
        InviteServerState.CONFIRMED: {
            ServerInput.TIMER_END: (ServerTransaction._end, InviteServerState.TERMINATED),
        },
        InviteServerState.ACCEPTED: {
            ServerInput.ACK: (_pass_ack, InviteServerState.ACCEPTED),
            ServerInput.SEND_SUCCESS: (_send_success, InviteServerState.ACCEPTED),
            ServerInput.TIMER_END: (ServerTransaction._end, InviteServerState.TERMINATED),
        },
    })
