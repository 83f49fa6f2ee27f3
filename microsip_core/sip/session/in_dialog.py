"""Requests within the dialog of a session: checked for order, and each method taken to where it belongs (s12.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..builder import response_to
from ..events import CallOfferAnswered, CallOfferReceived
from .answering import proceed
from .incoming_setup import IncomingInput, IncomingSetup
from .offer_answer import OfferAnswerState, sdp_of, unreadable_body
from .outgoing_setup import OutgoingInput, OutgoingSetup
from .remote_change import RemoteChange
from .session_timer import answer_headers, too_short
from .transfer import receive_notify, receive_refer

if TYPE_CHECKING:
    from ..dialog.dialog import Dialog
    from ..message import Request
    from ..transaction.server import ServerTransaction
    from .invite_session import InviteSession

Headers = tuple[tuple[str, str], ...]
_DESCRIBED = frozenset({"INVITE", "UPDATE", "PRACK"})  # their bodies are session descriptions


def receive_in_dialog(
    session: InviteSession, dialog: Dialog, transaction: ServerTransaction, request: Request, now: float,
) -> None:
    """Take a request that matched ``dialog``, which is one of the session's."""
    method = request.method
    if not dialog.accepts(request):
        _respond(session, transaction, request, 500, now, reason="CSeq Out Of Order")
    elif method == "BYE":
        _receive_bye(session, transaction, request, now)
    elif session.ended:
        _respond(session, transaction, request, 481, now)
    elif method in _DESCRIBED and (unread := unreadable_body(request, sdp_of(request))) is not None:
        _respond(session, transaction, request, 415, now, headers=unread)
    elif method == "INVITE":
        _receive_reinvite(session, dialog, transaction, request, now)
    elif method == "UPDATE":
        _receive_update(session, dialog, transaction, request, now)
    elif method == "PRACK":
        _receive_prack(session, transaction, request, now)
    elif method == "REFER" and session.endpoint.config.transfers:
        receive_refer(session, transaction, request, now)
    elif method == "NOTIFY":
        receive_notify(session, transaction, request, now)
    else:
        session.endpoint.core.receive_other(transaction, request, session, now)


def _receive_bye(session: InviteSession, transaction: ServerTransaction, request: Request, now: float) -> None:
    """Answer a BYE whatever the state, and end the session if it was alive (s15.1.2)."""
    _respond(session, transaction, request, 200, now)
    setup = session.setup
    if isinstance(setup, IncomingSetup):
        setup.handle(IncomingInput.BYE, request, now)
    elif isinstance(setup, OutgoingSetup):
        setup.handle(OutgoingInput.BYE, request, now)
    elif not session.ended:
        session.ended_by_peer(request, now)


def _receive_reinvite(
    session: InviteSession, dialog: Dialog, transaction: ServerTransaction, request: Request, now: float,
) -> None:
    refusal = _obstacle(session)
    if refusal is not None:
        status, headers = refusal
        _respond(session, transaction, request, status, now, headers=headers)
        return
    if not _interval_refused(session, transaction, request, now):
        _take_change(session, dialog, transaction, request, sdp_of(request), now)


def _obstacle(session: InviteSession) -> tuple[int, Headers] | None:
    """Return why a re-INVITE can not be taken just now (s14.2): theirs is open (500), or ours (491)."""
    setup, remote = session.setup, session.remote_change
    if (isinstance(setup, IncomingSetup) and setup.waiting) or (remote is not None and remote.awaits_answer):
        return 500, _retry_after(session)
    if setup is not None or remote is not None or (session.local_change is not None and session.local_change.in_flight):
        return 491, ()
    return None


def _receive_update(
    session: InviteSession, dialog: Dialog, transaction: ServerTransaction, request: Request, now: float,
) -> None:
    """Take an UPDATE (RFC 3311 s5.2): a refresh is answered here, an offer is handed to the driver."""
    sdp = sdp_of(request)
    if _interval_refused(session, transaction, request, now):
        return
    if sdp is None:
        dialog.refresh_target(request)
        timer_headers = answer_headers(session, request, now) if session.setup is None else ()
        transaction.respond(session.invite_response(request, 200, None, timer_headers, None), now)
        return
    state, local = session.offer_answer.state, session.local_change
    if session.offer_pending or state == OfferAnswerState.OFFER_RECEIVED:
        _respond(session, transaction, request, 500, now, headers=_retry_after(session))
    elif session.remote_change is not None or (local is not None and local.in_flight) or session.remote_sdp is None:
        _respond(session, transaction, request, 491, now)
    else:
        _take_change(session, dialog, transaction, request, sdp, now)


def _take_change(
    session: InviteSession, dialog: Dialog, transaction: ServerTransaction, request: Request, sdp: bytes | None,
    now: float,
) -> None:
    """Hand a change of the session to the driver, unless an offer is open."""
    if sdp is not None and not session.offer_answer.take_offer(sdp):
        _respond(session, transaction, request, 491, now)
        return
    dialog.refresh_target(request)
    session.remote_change = RemoteChange(session, transaction, request)
    session.endpoint.emit(CallOfferReceived(session, request, sdp))


def _interval_refused(session: InviteSession, transaction: ServerTransaction, request: Request, now: float) -> bool:
    """Refuse a session interval that is too short (RFC 4028 s9)."""
    config, asked = session.endpoint.config, request.get("Session-Expires")
    if asked is None or config.session_expires is None:
        return False
    least = config.min_session_expires
    if not too_short(asked, request, least):
        return False
    _respond(session, transaction, request, 422, now, headers=(("Min-SE", str(least)),))
    return True


def _receive_prack(session: InviteSession, transaction: ServerTransaction, prack: Request, now: float) -> None:
    """Take a PRACK to the response it is for, with the answer or offer it may carry (s3, s5)."""
    setup = session.setup
    reliable = setup.reliable if isinstance(setup, IncomingSetup) else None
    offer_answer = session.offer_answer
    sdp = sdp_of(prack)
    offered = False
    if reliable is None or not isinstance(setup, IncomingSetup) or not reliable.matches(prack):
        _respond(session, transaction, prack, 481, now)
        return
    if offer_answer.state == OfferAnswerState.OFFERED:
        if sdp is None:
            _respond(session, transaction, prack, 400, now, reason="Answer Missing")
            return
        offer_answer.take_answer(sdp)
        session.endpoint.emit(CallOfferAnswered(session, 200, "OK", sdp, None))
    elif sdp is not None and session.remote_change is None and offer_answer.take_offer(sdp):
        offered = True
        session.remote_change = RemoteChange(session, transaction, prack)
        session.endpoint.emit(CallOfferReceived(session, prack, sdp))
    if not offered:
        _respond(session, transaction, prack, 200, now)
    reliable.acknowledged(now)
    proceed(session, now)


def _retry_after(session: InviteSession) -> Headers:
    return (("Retry-After", str(int(session.endpoint.ids.uniform(0, 11)))),)


def _respond(
    session: InviteSession, transaction: ServerTransaction, request: Request, status: int, now: float, *,
    reason: str | None = None, headers: Headers = (),
) -> None:
    common = session.endpoint.response_headers
    response = response_to(request, status, reason, headers=(*common, *headers) if headers else common)
    transaction.respond(response, now)
