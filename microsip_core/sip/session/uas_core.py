"""The UAS core: what becomes of a request that no transaction absorbed (RFC 3261 s8.2), and the way back for responses.

The order is that of s8.2: method, then headers (Require), then content, then the method's own rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..builder import response_to
from ..dialog.dialog import Dialog, contact_uri, is_target
from ..events import CallIncoming, RequestReceived
from ..headers import METHODS
from ..hop import Hop, Source
from .in_dialog import receive_in_dialog
from .incoming_request import IncomingRequest
from .incoming_setup import IncomingSetup
from .invite_session import InviteSession
from .offer_answer import sdp_of, takes_description, unreadable_body
from .session_timer import too_short
from .transfer import find_joined, find_replaced
from .uac_core import dialog_contact, user_of

if TYPE_CHECKING:
    from ..endpoint import Endpoint
    from ..message import Request, Response
    from ..transaction.client import ClientTransaction
    from ..transaction.server import ServerTransaction

Headers = tuple[tuple[str, str], ...]
_ANY_HOST = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - named to be avoided


class InviteAnswerer(Protocol):
    """Owner of an INVITE server transaction, until it is answered and acknowledged: IncomingSetup or RemoteChange."""

    @property
    def local_tag(self) -> str:
        """The To tag of our responses."""

    def on_cancel(self, request: Request, now: float) -> None:
        """A CANCEL for the INVITE came, and has been answered."""

    def on_server_failure(self, error: str, now: float) -> None:
        """A response could not be sent, or a refusal had no ACK."""


class UasCore:
    """The transaction user of an endpoint."""

    __slots__ = ("_endpoint",)

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    # -- requests

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Take a new request to its dialog, or start what it starts."""
        to_tag = request.to.tag
        if "Require" in request and not self._understands(transaction, request, now):
            return
        if to_tag is not None:
            self._receive_in_dialog(transaction, request, to_tag, now)
        elif request.method == "INVITE":
            self._receive_invite(transaction, request, now)
        elif request.method in ("BYE", "CANCEL", "PRACK", "UPDATE"):
            self.refuse(transaction, request, 481, now)
        else:
            self.receive_other(transaction, request, None, now)

    def _receive_in_dialog(self, transaction: ServerTransaction, request: Request, to_tag: str, now: float) -> None:
        dialog = self._endpoint.dialogs.get((request.call_id, to_tag, request.from_.tag or ""))
        if dialog is None:
            self.refuse(transaction, request, 481, now)
        else:
            receive_in_dialog(dialog.usage, dialog, transaction, request, now)

    def _understands(self, transaction: ServerTransaction, request: Request, now: float) -> bool:
        """Refuse a request that requires an extension we lack (s8.2.2.3). CANCEL is never refused for it."""
        if request.method == "CANCEL":
            return True
        unknown = [tag for tag in request.get_all("Require") if tag.lower() not in self._endpoint.option_tags]
        if unknown:
            self.refuse(transaction, request, 420, now, headers=(("Unsupported", ", ".join(unknown)),))
        return not unknown

    def _receive_invite(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Start an incoming session (s13.3.1), or refuse it."""
        endpoint = self._endpoint
        sdp = sdp_of(request)
        obstacle = self._obstacle(request, sdp)
        if obstacle is not None:
            status, reason, headers = obstacle
            self.refuse(transaction, request, status, now, reason=reason, headers=headers)
            return
        replaces = find_replaced(endpoint, request) if "Replaces" in request else None
        if isinstance(replaces, int):
            self.refuse(transaction, request, replaces, now)
            return
        joins = find_joined(endpoint, request) if endpoint.config.joins and "Join" in request else None
        if isinstance(joins, int):
            self.refuse(transaction, request, joins, now)
            return
        contact = self.contact_towards(transaction.source, request)
        session = InviteSession(endpoint, endpoint.identity, "incoming", request, contact)
        session.source = transaction.source
        session.local_address = transaction.source.local
        session.replaces = replaces
        dialog = session.dialog = Dialog.of_uas(request, endpoint.ids.tag(), transaction.source, session)
        session.setup = setup = IncomingSetup(session, transaction, request)
        endpoint.dialogs[dialog.key] = dialog
        endpoint.live_sessions.add(session)
        if sdp is not None:
            session.offer_answer.take_offer(sdp)
        setup.start(now)
        endpoint.emit(CallIncoming(session, request, sdp, replaces, joins))

    def _obstacle(self, request: Request, sdp: bytes | None) -> tuple[int, str | None, Headers] | None:
        """Return status, reason and headers with which to refuse an INVITE, None to take it."""
        config = self._endpoint.config
        if contact_uri(request) is None and ("Contact" in request or not is_target(request.from_.uri)):
            # an RFC 2543 peer may leave it out, if its From can be called
            return 400, "Unusable Contact" if "Contact" in request else "Contact Missing", ()
        unread = unreadable_body(request, sdp)
        if unread is not None:
            return 415, None, unread
        if "Accept" in request and not takes_description(request):
            return 406, None, ()
        if len(self._endpoint.live_sessions) >= config.max_sessions:
            return 486, None, ()
        asked, least = request.get("Session-Expires"), config.min_session_expires
        if asked is not None and config.session_expires is not None and too_short(asked, request, least):
            return 422, None, (("Min-SE", str(least)),)
        return None

    def receive_other(
        self, transaction: ServerTransaction, request: Request, session: InviteSession | None, now: float,
    ) -> None:
        """Take a request of a method that no session deals with, in or out of a dialog."""
        endpoint = self._endpoint
        if endpoint.config.deliver_others or request.method in endpoint.config.deliver:
            incoming = IncomingRequest(endpoint, transaction, request, session)
            endpoint.emit(RequestReceived(incoming, request, session))
        else:
            self.answer_other(transaction, request, session, now)

    def answer_other(
        self, transaction: ServerTransaction, request: Request, session: InviteSession | None, now: float,
    ) -> None:
        """Answer such a request by ourselves."""
        endpoint = self._endpoint
        method = request.method
        if method == "NOTIFY":
            event = (request.get("Event") or "").partition(";")[0].strip().lower()
            if session is not None and event != "refer":
                self.refuse(transaction, request, 489, now)
            else:
                self.refuse(transaction, request, 481, now, reason="Subscription Does Not Exist")
        elif method == "REFER" and endpoint.config.transfers:
            self.refuse(transaction, request, 403, now, reason="No Call To Transfer")
        elif method == "OPTIONS":
            self._answer_options(transaction, request, now)
        elif method in METHODS:
            self.refuse(transaction, request, 405, now, headers=(endpoint.allow_header,))
        else:
            self.refuse(transaction, request, 501, now, headers=(endpoint.allow_header,))

    def _answer_options(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Tell what we can (s11.2), with the status an INVITE would get."""
        endpoint = self._endpoint
        busy = request.to.tag is None and len(endpoint.live_sessions) >= endpoint.config.max_sessions
        response = response_to(
            request, 486 if busy else 200, to_tag=endpoint.ids.tag(),
            contact=self.contact_towards(transaction.source, request),
            headers=(*endpoint.success_headers, ("Accept", "application/sdp")),
        )
        transaction.respond(response, now)

    # -- ACK and CANCEL

    def on_ack(self, request: Request, source: Source, now: float) -> None:
        """Take an ACK to a 2xx to its session; one of no dialog of ours is of no use to anybody.

        Some callers, pyVoIP among them, invent a To tag for the ACK: a session that waits for the ACK of just this
        Call-ID, From tag and CSeq takes it all the same (the leniency s12.2.2 leaves to a UAS).
        """
        caller = request.call_id, request.from_.tag or ""
        dialog = self._endpoint.dialogs.get((caller[0], request.to.tag or "", caller[1]))
        session = dialog.usage if dialog is not None else self._endpoint.unacknowledged.get(caller)
        if session is not None:
            session.on_ack(request, now)

    def on_cancel(self, invite: ServerTransaction, cancel: ServerTransaction, request: Request, now: float) -> None:
        """Answer a CANCEL (s9.2), and end the INVITE if it is not answered yet."""
        owner: InviteAnswerer | None = invite.owner
        tag = owner.local_tag if owner is not None else self._endpoint.ids.tag()
        cancel.respond(response_to(request, 200, to_tag=tag, headers=self._endpoint.response_headers), now)
        if owner is not None:
            owner.on_cancel(request, now)

    # -- responses

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Hand a response to whoever sent the request."""
        if transaction.owner is not None:
            transaction.owner.on_response(transaction, response, now)

    def on_client_timeout(self, transaction: ClientTransaction, now: float) -> None:
        """Tell whoever sent the request that nobody answers."""
        if transaction.owner is not None:
            transaction.owner.on_timeout(now)

    def on_client_transport_error(self, transaction: ClientTransaction, error: str, now: float) -> None:
        """Tell whoever sent the request that it could not be sent."""
        if transaction.owner is not None:
            transaction.owner.on_transport_error(error, now)

    def on_server_failure(self, transaction: ServerTransaction, error: str, now: float) -> None:
        """Tell whoever was to answer an INVITE."""
        owner: InviteAnswerer | None = transaction.owner
        if owner is not None:
            owner.on_server_failure(error, now)

    def on_stray_response(self, response: Response, source: Source, now: float) -> None:
        """Count it: a 2xx that comes after 64*T1 finds a peer that has given up too."""
        self._endpoint.statistics.stray_responses += 1

    # -- refusals

    def refuse(
        self, transaction: ServerTransaction, request: Request, status: int, now: float, *, reason: str | None = None,
        headers: Headers = (),
    ) -> None:
        """Refuse a request by ourselves, and count it."""
        endpoint = self._endpoint
        endpoint.count_refusal(status)
        response = response_to(
            request, status, reason, to_tag=endpoint.ids.tag(), headers=(*endpoint.response_headers, *headers),
        )
        transaction.respond(response, now)

    def contact_towards(self, source: Source, request: Request) -> str:
        """Return our Contact towards whoever sent ``request``: the address it came in at, the user it was for.

        What the registrar knows us by goes for a request that was sent to the Contact we registered.
        """
        endpoint = self._endpoint
        address = source.local
        if address[0] in _ANY_HOST:
            address = endpoint.config.local_address(Hop(source.transport, source.host, source.port))
        return dialog_contact(
            endpoint, endpoint.identity_at(request.uri), source.transport, address, user_of(request.uri),
            secure=request.uri[:5].lower() == "sips:",
        )
