"""What an INVITE session consists of, and what can be read off it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import InvalidArgument
from ..authentication import ChallengeCache
from ..builder import response_to
from ..header_fields import header_lines
from ..header_values import NameAddr
from ..parse_error import SipParseError
from .client_request import ClientRequest
from .offer_answer import OfferAnswer, OfferAnswerState
from .session_state import SessionState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..dialog.dialog import Dialog
    from ..endpoint import Endpoint
    from ..hop import Hop, Source
    from ..identity import Identity
    from ..message import Request, Response
    from .client_request import RequestUser
    from .incoming_setup import IncomingSetup
    from .invite_session import InviteSession
    from .local_change import LocalChange
    from .outgoing_setup import OutgoingSetup
    from .remote_change import RemoteChange
    from .session_timer import SessionTimer
    from .transfer import OutgoingTransfer

    Headers = Iterable[tuple[str, str]]


class SessionBase:
    """The parts and the state of a session. ``direction`` is "outgoing" or "incoming", ``owner`` is free for the
    driver."""

    __slots__ = (
        "_local", "_remote", "call_id", "contact", "dialog", "direction", "endpoint", "identity", "local_address",
        "local_change", "min_session_expires", "nonces", "offer_answer", "owner", "released", "remote_change",
        "replaces", "request", "setup", "source", "state", "timer", "transfers",
    )

    def __init__(
        self, endpoint: Endpoint, identity: Identity, direction: str, request: Request, contact: str, owner: Any = None,
    ) -> None:
        outgoing = direction == "outgoing"
        self.endpoint = endpoint
        self.identity = identity
        """Who we are in this call; for an incoming one the driver may put the account called here, for its
        credentials."""
        self.direction = direction
        self.owner = owner
        self.state = SessionState.CALLING if outgoing else SessionState.INCOMING
        self.released = False
        """Whether nothing more is to be sent or answered."""
        self.call_id = request.call_id
        self.contact = contact
        """Our Contact in this session, as a header value."""
        self.local_address = ("", 0)
        """Our address and port towards the peer, where its messages come in."""
        self.source: Source | None = None
        """Where the INVITE of an incoming call came from."""
        self.request: Request | None = request
        """The INVITE that started it (outgoing: as first sent), until the session is confirmed or has ended."""
        self.dialog: Dialog | None = None
        self.offer_answer = OfferAnswer()
        self.nonces: ChallengeCache | None = None
        self.setup: IncomingSetup | OutgoingSetup | None = None
        self.local_change: LocalChange | None = None
        self.remote_change: RemoteChange | None = None
        self.timer: SessionTimer | None = None
        self.min_session_expires = 0
        """The least session interval a peer or proxy has asked for (422), in seconds."""
        self.replaces: InviteSession | None = None
        """The session that ends when this one is accepted (RFC 3891)."""
        self.transfers: tuple[OutgoingTransfer, ...] = ()
        """REFERs of ours whose outcome is still open."""
        self._local = request.get("From" if outgoing else "To") or ""
        self._remote = request.get("To" if outgoing else "From") or ""

    @property
    def local_uri(self) -> str:
        """Our URI in this call: of From (outgoing) or To (incoming)."""
        return _address(self._local).uri

    @property
    def remote_uri(self) -> str:
        """The peer's URI: of To (outgoing) or From (incoming)."""
        return _address(self._remote).uri

    @property
    def remote_display_name(self) -> str | None:
        """The peer's display name, None where it gave none."""
        return _address(self._remote).display_name or None

    @property
    def local_sdp(self) -> bytes | None:
        """Our description now in force."""
        return self.offer_answer.local

    @property
    def remote_sdp(self) -> bytes | None:
        """The peer's description now in force, or its offer that waits for our answer."""
        return self.offer_answer.remote_offer or self.offer_answer.remote

    @property
    def ended(self) -> bool:
        """Whether CallEnded has been told."""
        return self.state == SessionState.ENDED

    @property
    def offer_pending(self) -> bool:
        """Whether a CallOfferReceived still waits for ``answer_offer`` or ``reject_offer``; a peer may withdraw it."""
        return self.remote_change is not None and self.remote_change.awaits_answer

    @property
    def busy(self) -> bool:
        """Whether the session is being set up or changed, so that no other change may be begun."""
        return (
            self.setup is not None or self.local_change is not None or self.remote_change is not None
            or self.offer_answer.state != OfferAnswerState.STABLE
        )

    # -- for the parts

    @property
    def established_dialog(self) -> Dialog:
        """The dialog, where there is bound to be one."""
        assert self.dialog is not None
        return self.dialog

    def usage_nonces(self) -> ChallengeCache:
        """The nonces of this dialog."""
        if self.nonces is None:
            self.nonces = ChallengeCache()
        return self.nonces

    def invite_response(
        self, request: Request, status: int, reason: str | None, headers: Headers, sdp: bytes | None,
    ) -> Response:
        """Make a response to the INVITE, or to a request that changes the session."""
        endpoint = self.endpoint
        common = endpoint.success_headers if 200 <= status <= 299 else endpoint.response_headers
        return response_to(
            request, status, reason, to_tag=self.dialog.local_tag if self.dialog is not None else None,
            contact=self.contact if status < 300 else None, headers=(*common, *headers) if headers else common,
            body=sdp or b"", content_type="application/sdp" if sdp else None,
        )

    def client_request(self, request: Request, hop: Hop, user: RequestUser, owner: Any = None) -> ClientRequest:
        """Make the client request for a request within the dialog."""
        return ClientRequest(
            self.endpoint, self.identity, request, hop, user, dialog=self.established_dialog,
            nonces=self.usage_nonces(), owner=owner,
        )

    def confirmed(self) -> None:
        """Offer, answer and ACK are through."""
        self.state = SessionState.CONFIRMED
        self.setup = None
        self.request = None


def checked(headers: Headers, reason: str | None = None) -> tuple[tuple[str, str], ...]:
    """Return the headers of a command, to be read more than once.

    Raises InvalidArgument, before anything has been done, for what can not stand in a message.
    """
    if reason is not None and ("\r" in reason or "\n" in reason):
        raise InvalidArgument("a reason phrase has a line break")
    headers = tuple(headers)
    header_lines(headers)
    return headers


def _address(value: str) -> NameAddr:
    """Return a From or To value parsed; one that can not be read stands for its own URI."""
    try:
        return NameAddr.parse(value)
    except SipParseError:
        return NameAddr("", value)
