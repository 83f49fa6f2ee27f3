"""The answering side of a first INVITE (RFC 3261 s13.3).

    WAITING --accept--> ACCEPTED --ACK--> DONE

WAITING may send provisional responses, and repeats the last one every minute so that no proxy loses patience
(s13.3.1.1). It ends without an answer by our refusal, by CANCEL or BYE (487), by the patience of the caller (Expires)
or by ours (ring time-out).
ACCEPTED repeats the 2xx until the ACK comes. If none comes within 64*T1, the dialog is ended by BYE (s13.3.1.4).
LEAVING is ACCEPTED after a hang-up of ours: the BYE may not be sent before the ACK has come or will not come (s15).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from ..events import CallConfirmed, EndCause
from ..state_table import Machine, table
from .offer_answer import OfferAnswerState, sdp_of
from .reason import reason_of
from .session_state import SessionState
from .success_response import SuccessResponse

if TYPE_CHECKING:
    from ..message import Request, Response
    from ..timers import Timer
    from ..transaction.server import ServerTransaction
    from .invite_session import Headers, InviteSession
    from .prack import ReliableResponses

REFRESH = 60.0
"""Seconds between repetitions of a provisional response."""


class IncomingState(IntEnum):
    """See the module."""

    WAITING = 0
    ACCEPTED = 1
    LEAVING = 2
    DONE = 3


class IncomingInput(IntEnum):
    """What may happen while a call is being answered. The timer inputs are the timer kinds too."""

    PROVISIONAL = 0
    """We send a 101-199; the argument is the response, as with the next two."""
    SUCCESS = 1
    REFUSAL = 2
    HANGUP = 3
    """We hang up after our 2xx; the argument are headers of the BYE."""
    CANCEL = 4
    """The argument is the request, as with the next two."""
    BYE = 5
    ACK = 6
    TIMER_RING = 7
    TIMER_REFRESH = 8
    NO_ACK = 9
    FAILED = 10
    """A response could not be sent; the argument is the error."""


class IncomingSetup(Machine):
    """See the module. It is the owner of the INVITE's server transaction, and dropped by the session once it is
    through."""

    __slots__ = (
        "_bye_headers", "_expires", "_last", "_refresh_timer", "_ring_timer", "_session", "_success",
        "held", "preview", "reliable", "request", "transaction",
    )

    def __init__(self, session: InviteSession, transaction: ServerTransaction, request: Request) -> None:
        self.state: int = IncomingState.WAITING
        self.request = request
        self.preview: bytes | None = None
        """The answer shown in an unreliable provisional response; the 2xx must repeat it."""
        self._session = session
        self.transaction = transaction
        transaction.owner = self
        self._expires: int | None = None
        self._last: Response | None = None
        self._success: SuccessResponse | None = None
        self._ring_timer: Timer | None = None
        self._refresh_timer: Timer | None = None
        self._bye_headers: Headers = ()
        self.held: tuple[int, bytes | None, Headers] | None = None
        """Status, description and headers of a 2xx that waits for a PRACK."""
        self.reliable: ReliableResponses | None = None

    def start(self, now: float) -> None:
        """Begin to wait for our user."""
        self._expires = self.request.expires
        patience = self._session.endpoint.config.ring_timeout
        if self._expires is not None and (patience is None or self._expires <= patience):
            patience = self._expires
        else:
            self._expires = None
        if patience is not None:
            self._ring_timer = self._schedule(now + patience, IncomingInput.TIMER_RING)

    # -- what others report

    def on_timer(self, kind: int, now: float) -> None:
        """Feed the timer to the machine."""
        self.handle(kind, None, now)

    def on_no_ack(self, now: float) -> None:
        """The 2xx, or a reliable provisional response, was repeated in vain."""
        self.handle(IncomingInput.NO_ACK, None, now)

    @property
    def waiting(self) -> bool:
        """Whether no final response has been sent."""
        return self.state == IncomingState.WAITING

    @property
    def local_tag(self) -> str:
        """The To tag of our responses."""
        return self._session.established_dialog.local_tag

    def on_cancel(self, request: Request, now: float) -> None:
        """A CANCEL for the INVITE came, and has been answered."""
        self.handle(IncomingInput.CANCEL, request, now)

    def on_server_failure(self, error: str, now: float) -> None:
        """A response could not be sent."""
        self.handle(IncomingInput.FAILED, error, now)

    def awaits_ack(self, cseq: int) -> bool:
        """Whether an ACK with this CSeq number is for us."""
        return self._success is not None and self._success.cseq == cseq

    # -- actions

    def _send_provisional(self, response: Response, now: float) -> None:
        self._last = response
        self._session.state = SessionState.EARLY
        self.transaction.respond(response, now)
        self._arm_refresh(now)

    def _refresh(self, _: None, now: float) -> None:
        if self._last is not None:
            self.transaction.respond(self._last, now)
        self._arm_refresh(now)

    def _arm_refresh(self, now: float) -> None:
        self._cancel(self._refresh_timer)
        self._refresh_timer = self._schedule(now + REFRESH, IncomingInput.TIMER_REFRESH)

    def _accept(self, response: Response, now: float) -> None:
        self._stop_waiting()
        session = self._session
        session.state = SessionState.CONNECTING
        if session.dialog is not None:
            session.dialog.early = False
        cseq = self.request.cseq.number
        session.endpoint.unacknowledged[self._caller] = session
        self._success = SuccessResponse(session.endpoint.layer, self.transaction, response, cseq, self, now)
        if session.replaces is not None:
            replaced, session.replaces = session.replaces, None
            replaced.replaced(now)

    def _refuse(self, response: Response, now: float) -> None:
        self._stop_waiting()
        self.transaction.respond(response, now)
        self.transaction.owner = None
        self._session.end(now, EndCause.REJECTED, "local", response.status, response.reason)
        self._session.release(now)

    def _canceled(self, request: Request, now: float) -> None:
        self._give_up(487, EndCause.CANCELED, "remote", request, now, reason_of(request)[1])

    def _ring_out(self, _: None, now: float) -> None:
        status = 480 if self._expires is None else 487
        self._give_up(status, EndCause.NO_ANSWER, "timeout", None, now)

    def _no_prack(self, _: None, now: float) -> None:
        self._give_up(504, EndCause.NO_ACK, "timeout", None, now)

    def _give_up(
        self, status: int, cause: EndCause, by: str, message: Request | None, now: float, reason: str = "",
    ) -> None:
        self._stop_waiting()
        response = self._session.invite_response(self.request, status, None, (), None)
        self.transaction.respond(response, now)
        self.transaction.owner = None
        self._session.end(now, cause, by, status, reason or response.reason, message)
        self._session.release(now)

    def _fail(self, error: str, now: float) -> None:
        self._stop_waiting()
        self._session.end(now, EndCause.TRANSPORT, "transport", 503, error)
        self._session.release(now)

    def _confirm(self, ack: Request, now: float) -> None:
        self._stop_repeating()
        session = self._session
        sdp = None
        if session.offer_answer.state == OfferAnswerState.OFFERED:
            sdp = sdp_of(ack)
            if sdp is None:
                session.end(now, EndCause.NEGOTIATION, "local", 0, "no answer in the ACK", ack)
                session.send_bye(now)
                return
            session.offer_answer.take_answer(sdp)
        session.confirmed()
        session.endpoint.emit(CallConfirmed(session, sdp))

    def _leave(self, headers: Headers, now: float) -> None:
        self._bye_headers = headers
        self._session.end(now, EndCause.HANGUP, "local", 0, "")

    def _left(self, _: object, now: float) -> None:
        self._stop_repeating()
        self._session.send_bye(now, self._bye_headers)

    def _no_ack(self, _: None, now: float) -> None:
        self._stop_repeating()
        self._session.end(now, EndCause.NO_ACK, "timeout", 0, "no ACK")
        self._session.send_bye(now)

    def _bye_before_ack(self, request: Request, now: float) -> None:
        self._stop_repeating()
        self._session.ended_by_peer(request, now)

    # -- timers

    def _schedule(self, when: float, kind: IncomingInput) -> Timer:
        return self._session.endpoint.layer.timer_heap.schedule(when, self, kind)

    def _cancel(self, timer: Timer | None) -> None:
        if timer is not None:
            self._session.endpoint.layer.timer_heap.cancel(timer)

    def _stop_waiting(self) -> None:
        self._cancel(self._ring_timer)
        self._cancel(self._refresh_timer)
        self._ring_timer = self._refresh_timer = self._last = None
        if self.reliable is not None:
            self.reliable.stop()
            if self.state == IncomingState.DONE:
                self.reliable = None

    def _stop_repeating(self) -> None:
        self.reliable = None
        if self._success is not None:
            self._success.stop()
            self._success = None
            self._session.endpoint.unacknowledged.pop(self._caller, None)

    @property
    def _caller(self) -> tuple[str, str]:
        return self.request.call_id, self.request.from_.tag or ""

    TABLE = table(IncomingState, IncomingInput, {
        IncomingState.WAITING: {
            IncomingInput.PROVISIONAL: (_send_provisional, IncomingState.WAITING),
            IncomingInput.SUCCESS: (_accept, IncomingState.ACCEPTED),
            IncomingInput.REFUSAL: (_refuse, IncomingState.DONE),
            IncomingInput.CANCEL: (_canceled, IncomingState.DONE),
            IncomingInput.BYE: (_canceled, IncomingState.DONE),
            IncomingInput.TIMER_RING: (_ring_out, IncomingState.DONE),
            IncomingInput.TIMER_REFRESH: (_refresh, IncomingState.WAITING),
            IncomingInput.NO_ACK: (_no_prack, IncomingState.DONE),
            IncomingInput.FAILED: (_fail, IncomingState.DONE),
        },
        IncomingState.ACCEPTED: {
            IncomingInput.HANGUP: (_leave, IncomingState.LEAVING),
            IncomingInput.BYE: (_bye_before_ack, IncomingState.DONE),
            IncomingInput.ACK: (_confirm, IncomingState.DONE),
            IncomingInput.NO_ACK: (_no_ack, IncomingState.DONE),
        },
        IncomingState.LEAVING: {
            IncomingInput.BYE: (_bye_before_ack, IncomingState.DONE),
            IncomingInput.ACK: (_left, IncomingState.DONE),
            IncomingInput.NO_ACK: (_left, IncomingState.DONE),
        },
    })
