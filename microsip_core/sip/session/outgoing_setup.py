"""The calling side of a first INVITE (RFC 3261 s13.2, s9.1).

    CALLING --2xx--> DONE                     the INVITE had an offer: the ACK goes out at once
    CALLING --2xx--> ANSWERED --ACK--> DONE   the 2xx has the offer: the ACK waits for our answer

CALLING lasts until a final response, or until we or our patience end it. LEAVING has asked for a CANCEL, which waits
for the first provisional response; what still may come is a failure (487, mostly), or, when the CANCEL was overtaken, a
2xx: that is acknowledged and ended by BYE.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from ..dialog.dialog_set import DialogSet
from ..events import CallAnswered, CallProgress, EndCause
from ..header_values import NameAddr
from ..parse_error import SipParseError
from ..state_table import Machine, table
from .acknowledgement import Acknowledgement
from .offer_answer import OfferAnswerState, sdp_of
from .prack import reliable_sequence, send_prack
from .session_state import SessionState
from .session_timer import lengthen, request_headers, take_response

if TYPE_CHECKING:
    from ..dialog.dialog import Dialog
    from ..message import Request, Response
    from ..timers import Timer
    from .client_request import ClientRequest
    from .invite_session import Headers, InviteSession


class OutgoingState(IntEnum):
    """See the module."""

    CALLING = 0
    ANSWERED = 1
    LEAVING = 2
    DONE = 3


class OutgoingInput(IntEnum):
    """What may happen while a call is being made. The timer input is the timer kind too."""

    PROVISIONAL = 0
    """The argument is the response, as with the next."""
    SUCCESS = 1
    FAILURE = 2
    """The argument is the Outcome."""
    ACKNOWLEDGE = 3
    """Our answer to the offer in the 2xx is ready: the argument."""
    HANGUP = 4
    """The argument are headers for the CANCEL or BYE."""
    BYE = 5
    """The argument is the request."""
    TIMER_ANSWER = 6


class Outcome(NamedTuple):
    """How an INVITE failed: ``response`` None and a cause, or a response and perhaps a cause."""

    status: int
    reason: str
    response: Response | None
    cause: EndCause | None


class OutgoingSetup(Machine):
    """See the module. It is the user of the INVITE's client request, and dropped by the session once it is through."""

    __slots__ = (
        "_acknowledgement", "_answered_tag", "_early_offer", "_invite", "_offered", "_session", "_timer", "dialogs",
    )

    def __init__(self, session: InviteSession, invite: ClientRequest, patience: float | None, now: float) -> None:
        self.state: int = OutgoingState.CALLING
        self.dialogs = DialogSet(session.endpoint.dialogs, invite.uri, session)
        self._session = session
        self._invite = invite
        self._acknowledgement: Acknowledgement | None = None
        self._offered = session.offer_answer.state == OfferAnswerState.OFFERED
        self._answered_tag: str | None = None
        """The fork with which offer and answer are through already, by reliable responses."""
        self._early_offer: Response | None = None
        self._timer: Timer | None = None
        if patience is not None:
            heap = session.endpoint.layer.timer_heap
            self._timer = heap.schedule(now + patience, self, OutgoingInput.TIMER_ANSWER)

    # -- what others report

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A provisional response to the INVITE."""
        if response.status > 100:
            self.handle(OutgoingInput.PROVISIONAL, response, now)

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """The final response to the INVITE, the first of several if they are 2xx."""
        if response is not None and status < 300:
            self.handle(OutgoingInput.SUCCESS, response, now)
        elif status == 422 and response is not None and not self._session.ended and lengthen(self._session, response):
            self.dialogs.close()
            request.repeat(self, request_headers(self._session), now)
        else:
            self.handle(OutgoingInput.FAILURE, Outcome(status, reason, response, cause), now)

    def on_timer(self, kind: int, now: float) -> None:
        """Nobody has answered in time."""
        self.handle(kind, None, now)

    # -- actions

    def _progress(self, response: Response, now: float) -> None:
        session = self._session
        dialog = self.dialogs.provisional(response)
        sequence = reliable_sequence(response) if session.endpoint.config.reliable_provisional else None
        if sequence is not None and (dialog is None or not self.dialogs.in_order(dialog.remote_tag, sequence)):
            return
        session.state = SessionState.EARLY
        sdp = sdp_of(response)
        is_offer = False
        if sdp is not None:
            sdp, is_offer = self._early_description(sdp, dialog, reliable=sequence is not None)
        if is_offer:
            self._early_offer = response
        elif sequence is not None and dialog is not None:
            send_prack(session, dialog, response, None, now)
        if sequence is not None:
            session.dialog = dialog
        tag = dialog.remote_tag if dialog is not None else None
        session.endpoint.emit(CallProgress(session, response.status, response.reason, sdp, tag, response, is_offer))

    def _early_description(self, sdp: bytes, dialog: Dialog | None, *, reliable: bool) -> tuple[bytes | None, bool]:
        """Note a description in a provisional response; return it if it means anything, and whether it is an offer.

        As an answer it may come reliably or as a preview, from several forks; as an offer only reliably (RFC 3262 s5).
        """
        offer_answer = self._session.offer_answer
        if dialog is None or dialog.remote_tag == self._answered_tag:
            return None, False
        if self._offered:
            self.dialogs.early_sdp[dialog.remote_tag] = sdp
            if reliable and offer_answer.take_answer(sdp):
                self._answered_tag = dialog.remote_tag
            return sdp, False
        if reliable and self._answered_tag is None and offer_answer.take_offer(sdp):
            return sdp, True
        return None, False

    @property
    def early_offer_pending(self) -> bool:
        """Whether an offer of a reliable provisional response waits for our answer."""
        return self._early_offer is not None

    def answer_early_offer(self, sdp: bytes, now: float) -> None:
        """Answer it in its PRACK."""
        response, self._early_offer = self._early_offer, None
        assert response is not None
        dialog = self.dialogs.provisional(response)
        assert dialog is not None
        self._session.offer_answer.answer(sdp)
        self._answered_tag = dialog.remote_tag
        send_prack(self._session, dialog, response, sdp, now)

    def _answer(self, response: Response, now: float) -> None:
        session = self._session
        offer_answer = session.offer_answer
        self._confirm(response)
        take_response(session, response, now)
        tag = response.to.tag or ""
        sdp = sdp_of(response)
        if self._answered_tag == tag:
            self._established(offer_answer.remote, response)
        elif self._offered:
            sdp = sdp or self.dialogs.early_sdp.get(tag)
            if sdp is None:
                self._refuse_answer(response, now)
                return
            if not offer_answer.take_answer(sdp):
                offer_answer.remote = sdp  # another fork than the one whose early answer was taken
            self._established(sdp, response)
        elif sdp is None:
            self._refuse_answer(response, now)
        else:
            self.state = OutgoingState.ANSWERED
            self._early_offer = None
            offer_answer.withdraw()
            offer_answer.take_offer(sdp)
            session.state = SessionState.CONNECTING
            session.endpoint.emit(CallAnswered(session, response.status, sdp, response, is_offer=True))

    def _established(self, sdp: bytes | None, response: Response) -> None:
        session = self._session
        self._acknowledge(None)
        session.confirmed()
        session.endpoint.emit(CallAnswered(session, response.status, sdp, response))

    def _refuse_answer(self, response: Response, now: float) -> None:
        """A 2xx that lacks the offer or answer it must have: acknowledge it, and end what it began."""
        self._acknowledge(None)
        self._session.end(now, EndCause.NEGOTIATION, "local", response.status, "no session description", response)
        self._session.send_bye(now)

    def _send_answer(self, sdp: bytes, now: float) -> None:
        self._acknowledge(sdp)
        self._session.confirmed()

    def _leave_answered(self, headers: Headers, now: float) -> None:
        self._acknowledge(None)
        self._session.end(now, EndCause.HANGUP, "local", 0, "")
        self._session.send_bye(now, headers)

    def _bye_answered(self, request: Request, now: float) -> None:
        self._acknowledge(None)
        self._session.ended_by_peer(request, now)

    def _end_late_answer(self, response: Response, now: float) -> None:
        self._confirm(response)
        self._acknowledge(None)
        self._session.send_bye(now)

    def _cancel(self, headers: Headers, now: float) -> None:
        self._stop_timer()
        self._session.end(now, EndCause.CANCELED, "local", 0, "")
        self._invite.cancel(now, headers)

    def _lose_patience(self, _: None, now: float) -> None:
        self._timer = None
        self._session.end(now, EndCause.NO_ANSWER, "timeout", 0, "")
        self._invite.cancel(now)

    def _fail(self, outcome: Outcome, now: float) -> None:
        self._stop_timer()
        self.dialogs.close()
        status, reason, response, cause = outcome
        by = "remote"
        contacts: tuple[str, ...] = ()
        if cause in (EndCause.TIMEOUT, EndCause.TRANSPORT):
            by = cause.value
        elif cause is None and status < 400:
            cause = EndCause.REDIRECTED
            contacts = redirect_targets(response)
        self._session.end(now, cause or EndCause.REJECTED, by, status, reason, response, contacts,
                          self._invite.request)
        self._session.release(now)

    def _canceled(self, outcome: Outcome, now: float) -> None:
        self.dialogs.close()
        self._session.release(now, outcome.status if outcome.response is not None else 0, tell=True)

    # -- ACK

    def _confirm(self, response: Response) -> None:
        """Take the dialog of the 2xx, and hand what else may come for this INVITE to its Acknowledgement."""
        self._stop_timer()
        session = self._session
        session.dialog = self.dialogs.confirm(response)
        self._acknowledgement = Acknowledgement(
            session.endpoint, session.identity, self._invite, session.dialog.remote_tag,
        )
        if self._invite.transaction is not None:
            self._invite.transaction.owner = self._acknowledgement

    def _acknowledge(self, sdp: bytes | None) -> None:
        assert self._acknowledgement is not None
        assert self._session.dialog is not None
        self._acknowledgement.acknowledge(self._session.dialog, self._invite.request.cseq.number, sdp)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._session.endpoint.layer.timer_heap.cancel(self._timer)
            self._timer = None

    TABLE = table(OutgoingState, OutgoingInput, {
        OutgoingState.CALLING: {
            OutgoingInput.PROVISIONAL: (_progress, OutgoingState.CALLING),
            OutgoingInput.SUCCESS: (_answer, OutgoingState.DONE),
            OutgoingInput.FAILURE: (_fail, OutgoingState.DONE),
            OutgoingInput.HANGUP: (_cancel, OutgoingState.LEAVING),
            OutgoingInput.TIMER_ANSWER: (_lose_patience, OutgoingState.LEAVING),
        },
        OutgoingState.ANSWERED: {
            OutgoingInput.ACKNOWLEDGE: (_send_answer, OutgoingState.DONE),
            OutgoingInput.HANGUP: (_leave_answered, OutgoingState.DONE),
            OutgoingInput.BYE: (_bye_answered, OutgoingState.DONE),
        },
        OutgoingState.LEAVING: {
            OutgoingInput.SUCCESS: (_end_late_answer, OutgoingState.DONE),
            OutgoingInput.FAILURE: (_canceled, OutgoingState.DONE),
        },
    })


def redirect_targets(response: Response | None) -> tuple[str, ...]:
    """Return the Contact URIs of a 3xx, best first (s8.1.3.4); those that can not be read are left out."""
    if response is None:
        return ()
    contacts: list[tuple[float, int, str]] = []
    for value in response.get_all("Contact"):
        try:
            contact = NameAddr.parse(value)
        except SipParseError:
            continue
        contacts.append((-contact.q, len(contacts), contact.uri))
    return tuple(uri for _, _, uri in sorted(contacts))
