"""Requests within the dialog of a session: checked for order, and each method taken to where it belongs (s12.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..builder import response_to
from ..events import CallOfferReceived
from .incoming_setup import IncomingInput, IncomingSetup
from .offer_answer import sdp_of
from .outgoing_setup import OutgoingInput, OutgoingSetup
from .remote_change import RemoteChange

if TYPE_CHECKING:
    from ..dialog.dialog import Dialog
    from ..message import Request
    from ..transaction.server import ServerTransaction
    from .invite_session import InviteSession

Headers = tuple[tuple[str, str], ...]


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
    elif method == "INVITE":
        _receive_reinvite(session, dialog, transaction, request, now)
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
    sdp = sdp_of(request)
    if sdp is not None and not session.offer_answer.take_offer(sdp):
        _respond(session, transaction, request, 491, now)
        return
    dialog.refresh_target(request)
    session.remote_change = RemoteChange(session, transaction, request)
    session.endpoint.emit(CallOfferReceived(session, request, sdp))


def _obstacle(session: InviteSession) -> tuple[int, Headers] | None:
    """Return why a re-INVITE can not be taken just now (s14.2): theirs is open (500), or ours (491)."""
    setup, remote = session.setup, session.remote_change
    if (isinstance(setup, IncomingSetup) and setup.waiting) or (remote is not None and remote.awaits_answer):
        return 500, (("Retry-After", str(int(session.endpoint.ids.uniform(0, 11)))),)
    if setup is not None or remote is not None or (session.local_change is not None and session.local_change.in_flight):
        return 491, ()
    return None


def _respond(
    session: InviteSession, transaction: ServerTransaction, request: Request, status: int, now: float, *,
    reason: str | None = None, headers: Headers = (),
) -> None:
    common = session.endpoint.response_headers
    response = response_to(request, status, reason, headers=(*common, *headers) if headers else common)
    transaction.respond(response, now)
