"""How an incoming call is answered: what our user says becomes responses to the INVITE (s13.3.1, RFC 3262 s3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InvalidArgument, InvalidState
from .incoming_setup import IncomingInput, IncomingSetup
from .offer_answer import OfferAnswerState
from .prack import ReliableResponses, requires_reliable, supports_reliable
from .session_state import SessionState
from .session_timer import answer_headers

if TYPE_CHECKING:
    from .invite_session import Headers, InviteSession

_PROGRESS = "send a provisional response"
_ANSWER = "answer the call"
_REFUSE = "refuse the call"


def progress(
    session: InviteSession, status: int, reason: str | None, sdp: bytes | None, headers: Headers, reliable: bool | None,
    now: float,
) -> None:
    """Send a provisional response."""
    setup = _waiting_setup(session, _PROGRESS)
    if not 101 <= status <= 199:
        raise InvalidArgument(f"{status} is no provisional status (101-199)", step=_PROGRESS)
    reliable = _is_reliable(session, setup, sdp, reliable)
    sdp = _early_description(session, setup, sdp, reliable=reliable)
    response = session.invite_response(setup.request, status, reason, headers, sdp)
    if not reliable:
        setup.handle(IncomingInput.PROVISIONAL, response, now)
        return
    session.state = SessionState.EARLY
    if setup.reliable is None:
        setup.reliable = ReliableResponses(session, setup, setup.transaction)
    setup.reliable.send(response, now)


def accept(session: InviteSession, status: int, sdp: bytes | None, headers: Headers, now: float) -> None:
    """Send a 2xx, or have it wait for the PRACK of a reliable response with a description."""
    setup = _waiting_setup(session, _ANSWER)
    if not 200 <= status <= 299:
        raise InvalidArgument(f"{status} is no success status (200-299)", step=_ANSWER)
    if setup.reliable is not None and setup.reliable.holds_description:
        setup.held = (status, sdp, headers)
        return
    sdp = _description(session, setup, sdp)
    timer_headers = answer_headers(session, setup.request, now)
    headers = (*timer_headers, *headers) if timer_headers else headers
    response = session.invite_response(setup.request, status, None, headers, sdp)
    setup.handle(IncomingInput.SUCCESS, response, now)


def proceed(session: InviteSession, now: float) -> None:
    """A PRACK has come: send the 2xx that waited for it."""
    setup = session.setup
    if not isinstance(setup, IncomingSetup) or setup.held is None:
        return
    if setup.reliable is None or not setup.reliable.holds_description:
        (status, sdp, headers), setup.held = setup.held, None
        accept(session, status, sdp, headers, now)


def refuse(session: InviteSession, status: int, reason: str | None, headers: Headers, now: float) -> None:
    """Send a final failure response."""
    setup = _waiting_setup(session, _REFUSE)
    if not 300 <= status <= 699:
        raise InvalidArgument(f"{status} is no failure status (300-699)", step=_REFUSE)
    response = session.invite_response(setup.request, status, reason, headers, None)
    setup.handle(IncomingInput.REFUSAL, response, now)


def _waiting_setup(session: InviteSession, step: str) -> IncomingSetup:
    setup = session.setup
    if not isinstance(setup, IncomingSetup) or not setup.waiting:
        raise InvalidState(f"the call is {session.direction} and {session.state.name}", step=step)
    return setup


def _description(session: InviteSession, setup: IncomingSetup, sdp: bytes | None) -> bytes | None:
    """Note the description of a 2xx as answer or offer, and return it; None where all was answered reliably before."""
    offer_answer = session.offer_answer
    if offer_answer.state == OfferAnswerState.OFFER_RECEIVED:
        sdp = sdp or setup.preview
        if sdp is None:
            raise InvalidArgument("the caller's offer needs an answer", step=_ANSWER)
        offer_answer.answer(sdp)
        return sdp
    if offer_answer.remote is not None:
        return None
    if sdp is None:
        raise InvalidArgument("the INVITE had no offer: the answer has to bring one", step=_ANSWER)
    offer_answer.offer(sdp)
    return sdp


def _is_reliable(session: InviteSession, setup: IncomingSetup, sdp: bytes | None, asked: bool | None) -> bool:
    """Whether a provisional response is to be sent reliably."""
    wanted = sdp is not None if asked is None else asked
    if wanted and session.endpoint.config.reliable_provisional:
        return supports_reliable(setup.request)
    return requires_reliable(setup.request)


def _early_description(
    session: InviteSession, setup: IncomingSetup, sdp: bytes | None, *, reliable: bool,
) -> bytes | None:
    """Note a description in a provisional response, as preview, answer or offer; return it if it is to be sent."""
    offer_answer = session.offer_answer
    if sdp is None:
        return None
    if offer_answer.state == OfferAnswerState.OFFER_RECEIVED:
        setup.preview = sdp
        if reliable:
            offer_answer.answer(sdp)
        return sdp
    if offer_answer.remote is not None:
        return None  # answered before: to repeat it would be a new offer
    if not reliable:
        raise InvalidState("an offer needs a reliable provisional response", step=_PROGRESS)
    offer_answer.offer(sdp)
    return sdp
