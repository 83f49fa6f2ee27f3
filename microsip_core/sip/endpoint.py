"""The one door of the SIP core: datagrams, commands and time go in; events and packets come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import InvalidArgument, LimitExceeded
from ..ids import IdSource
from .admission import Admission, AdmissionSettings, Verdict
from .backoff import RETRY_BASE, RETRY_LIMIT
from .events import EndCause, Event, MalformedReceived, ResponseReceived
from .header_values import NameAddr
from .hop import Hop, OutgoingPacket, Source
from .identity import Identity
from .limits import DEFAULT_LIMITS, Limits
from .message import Request
from .overload import OverloadControl, OverloadSettings
from .parse_error import SipParseError
from .parser import check_request, check_response, parse_message
from .protection import AddressesOf
from .registration import Registration
from .session.client_request import ClientRequest
from .session.invite_session import InviteSession
from .session.outgoing_setup import OutgoingSetup
from .session.session_timer import request_headers
from .session.uac_core import contact_for, new_request
from .session.uas_core import UasCore
from .timers import DEFAULT_TIMERS, Timers
from .transaction.layer import TransactionLayer

if TYPE_CHECKING:
    from .dialog.dialog import Dialog, DialogKey
    from .message import Response
    from .reach import Address, Place

Headers = Iterable[tuple[str, str]]

_METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "NOTIFY")


@dataclass(slots=True)
class EndpointConfig:
    """What an endpoint is told once. Times in seconds."""

    local_address: Callable[[Hop], tuple[str, int]]
    """Address and port for Via and Contact of a message to that hop; a pure, quick function of the driver. Literal IPv6
    without brackets."""
    user_agent: str = "microsip-core"
    """User-Agent of requests and Server of responses; "" leaves them out."""
    timers: Timers = DEFAULT_TIMERS
    limits: Limits = DEFAULT_LIMITS
    default_transport: str = "UDP"
    deliver: frozenset[str] = frozenset({"INFO", "MESSAGE"})
    """Methods handed to the driver as RequestReceived, and told in Allow; other unknown ones are refused with 405 or
    501."""
    deliver_others: bool = False
    """Whether these others are handed to the driver too, which may leave the answer to ``IncomingRequest.decline``."""
    transfers: bool = False
    """Whether a REFER within a call is handed to the driver as TransferRequested; refused with 405 otherwise."""
    joins: bool = False
    """Whether an INVITE may ask to be added to a session of ours (Join, RFC 3911); the header is ignored otherwise."""
    supported: tuple[str, ...] = ()
    """Further option tags for Supported, beside those the core implements itself."""
    answer_timeout: float | None = 180.0
    """How long our INVITE may wait for a final response, unless said otherwise per call; then CANCEL. None: for
    ever."""
    ring_timeout: float | None = 180.0
    """How long an incoming call may wait for our user before it is refused with 480. None: for ever."""
    reliable_provisional: bool = True
    """Whether provisional responses are sent and taken reliably (100rel, RFC 3262) where the peer can."""
    session_expires: int | None = 1800
    """Interval of session timers to ask for (RFC 4028), at least 90 s; None: no session timers at all."""
    min_session_expires: int = 90
    """The least interval a peer may ask for."""
    max_transactions: int = 500_000
    """Server transactions beyond which new requests are refused with 503."""
    max_sessions: int = 50_000
    """Sessions beyond which a new INVITE is refused with 486, and ``invite`` raises LimitExceeded."""
    largest_datagram: int = 1300
    """Octets up to which a request goes by UDP where its URI names no transport; a larger one tries TCP first (RFC 3261
    s18.1.1)."""
    choose_hop: Callable[[Hop], Hop] | None = None
    """Says for a hop whose URI names neither port nor transport which transport the domain prefers, if known (RFC 3263
    s4.1), and for a WS hop whether it is meant to be WSS (RFC 7118 s4.1); a pure, quick function of the driver."""
    admission: AdmissionSettings | None = None
    """Whose requests outside of dialogs are taken, and how many; None: all of everybody's."""
    overload: OverloadSettings | None = None
    """When new requests are refused since the driver can not keep up; None: never."""
    public: tuple[str, int] | None = None
    """Where all of us are to be called whatever our sockets say, unless an identity says otherwise; port 0: that of the
    socket."""
    retry_base: float = RETRY_BASE
    retry_limit: float = RETRY_LIMIT
    """Pauses between failed registrations, in seconds: see ``backoff.recovery_delay``."""
    addresses_of: AddressesOf | None = None
    """The numeric addresses a hop is known to have stood for: by these the servers of an account are recognized within
    calls. A quick function of the driver."""
    another_target: Callable[[Hop], bool] | None = None
    """Told that the server a hop stands for has failed; says whether the hop stands for another one now (RFC 3263
    s4.3)."""


@dataclass(slots=True)
class EndpointStatistics:
    """Counters since the start."""

    received: int = 0
    malformed: int = 0
    stray_responses: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    """Requests the core refused by itself, by status."""
    rate_limited: int = 0
    """How many of these, with 503, since too many came from one source."""
    dropped: int = 0
    """Requests without any answer, since far too many came from one source."""
    overloaded: int = 0
    """Requests refused with 503 since we could not keep up with what came in."""
    strangers: int = 0
    """Requests from outside of the networks allowed, answered with 403 or not at all."""
    switched_to_tcp: int = 0
    """Requests that went by TCP since they were too large for UDP."""
    tcp_refused: int = 0
    """How many of these went by UDP after all."""
    failovers: int = 0
    """Requests sent again to another server of the same domain."""


class Endpoint:
    """A user agent core without sockets (RFC 3261 s8, s12-15).

    Feed it, then always take events, packets and the next timeout. ``now`` is a monotonic time in seconds, of the same
    clock in every call. No method raises for what a peer does. Wrong use of ours raises
    :class:`~microsip_core.errors.InvalidState` or :class:`~microsip_core.errors.InvalidArgument`.
    """

    def __init__(self, config: EndpointConfig, ids: IdSource | None = None, identity: Identity | None = None) -> None:
        """``identity`` speaks where a call names none: for incoming calls, and requests without an account."""
        self.config = config
        self.ids = ids or IdSource()
        self.identity = identity or Identity(aor="sip:anonymous@anonymous.invalid", display_name="Anonymous")
        self.statistics = EndpointStatistics()
        self.core = UasCore(self)
        self.layer = TransactionLayer(self.core, self.ids, config.timers, max_transactions=config.max_transactions)
        self.layer.refused = self.statistics.refused
        self.admission: Admission | None = None
        if config.admission is not None:
            self.admission = Admission(config.admission)
        self.overload = OverloadControl(config.overload) if config.overload is not None else None
        if self.admission is not None or self.overload is not None:
            self.layer.admits = self._admits
        self.dialogs: dict[DialogKey, Dialog] = {}
        self.unacknowledged: dict[tuple[str, str], InviteSession] = {}
        """Sessions whose 2xx waits for its ACK, by Call-ID and From tag."""
        self.live_sessions: set[InviteSession] = set()
        self.registrations: set[Registration] = set()
        self.public_addresses: dict[Place, Address] = {}
        """Socket of ours -> where everybody sees it: what the driver has found out by itself (STUN)."""
        self._bound: dict[str, Identity] = {}
        self.tcp_refused: dict[Hop, float] = {}
        """When a peer refused TCP for a large request."""
        self._events: deque[Event] = deque()
        self._make_headers()

    def _make_headers(self) -> None:
        """Prepare the headers that are the same in every message."""
        config = self.config
        others = config.deliver | {"REFER"} if config.transfers else config.deliver
        methods = (*_METHODS, *sorted(others.difference(_METHODS)))
        reliable = ("100rel",) if config.reliable_provisional else ()
        timer = ("timer",) if config.session_expires is not None else ()
        tags = (*reliable, *timer, "replaces", "norefersub", *(("join",) if config.joins else ()), *config.supported)
        self.option_tags = frozenset(tag.lower() for tag in tags)
        self.allow_header = ("Allow", ", ".join(methods))
        capabilities = (self.allow_header, ("Supported", ", ".join(tags)))
        agent = config.user_agent
        self.request_headers = (("User-Agent", agent),) if agent else ()
        self.response_headers = (("Server", agent),) if agent else ()
        self.success_headers = (*self.response_headers, *capabilities)
        self.invite_headers = capabilities

    # -- the driver's side

    def receive(self, data: bytes, source: Source, now: float) -> None:
        """Take one whole message (a datagram, or a frame cut from a stream). Keep-alives (CRLF, NUL) are dropped."""
        self.statistics.received += 1
        try:
            message = parse_message(data, self.config.limits)
        except SipParseError as error:
            if data.strip(b"\r\n\0 "):
                self._refuse_malformed(error.request_head, error.status, error.reason, source, now)
            return
        if isinstance(message, Request):
            refusal = check_request(message)
            if refusal is not None:
                self._refuse_malformed(message, *refusal, source, now)
                return
        else:
            fault = check_response(message) or _strayed(message)
            if fault is not None:
                self._refuse_malformed(None, 400, fault, source, now)
                return
        self.layer.receive(message, source, now)

    def note_wait(self, waited: float, now: float, queue: Hashable) -> None:
        """Tell for how many seconds the oldest message has waited of those that are received next, from the socket
        ``queue``: by this we learn that we can not keep up, and refuse new requests (``config.overload``)."""
        if self.overload is not None:
            self.overload.note_wait(waited, now, queue)

    def _refuse_malformed(
        self, request: Request | None, status: int, reason: str, source: Source, now: float,
    ) -> None:
        """Count what is no usable message, and answer it if it is a request and not one of too many."""
        self.statistics.malformed += 1
        answered = request is not None and request.method != "ACK"
        if answered and self.admission is not None:
            answered = self._judge(source, now) is Verdict.ADMITTED
        if request is not None and answered:
            self.layer.refuse(request, source, status, reason=reason)
        self.emit(MalformedReceived(source, status, reason, answered))

    def _admits(self, request: Request, source: Source, now: float) -> bool:
        """Whether to take a new request; one that is not is refused here, or dropped. Within a dialog all are taken."""
        to_tag = request.to.tag
        if to_tag is not None and (request.call_id, to_tag, request.from_.tag or "") in self.dialogs:
            return True
        verdict = self._judge(source, now) if self.admission is not None else Verdict.ADMITTED
        if verdict is Verdict.ADMITTED:
            return not self._overloaded(request, source, now)
        if verdict is Verdict.LIMITED and self.admission is not None:
            self.layer.turn_away(request, source, self.admission.retry_after)
        elif verdict is Verdict.FORBIDDEN:
            self.layer.refuse(request, source, 403)
        return False

    def _overloaded(self, request: Request, source: Source, now: float) -> bool:
        """Whether a new request is refused here for want of time; an OPTIONS asks only whether we are there."""
        control = self.overload
        if control is None or request.method == "OPTIONS" or not control.refuses(now):
            return False
        self.statistics.overloaded += 1
        self.layer.turn_away(request, source, control.settings.retry_after)
        return True

    def _judge(self, source: Source, now: float) -> Verdict:
        """Judge a request by its source, and count what is not admitted."""
        assert self.admission is not None
        verdict, statistics = self.admission.judge(source.host, now), self.statistics
        if verdict is Verdict.LIMITED:
            statistics.rate_limited += 1
        elif verdict is Verdict.DROPPED:
            statistics.dropped += 1
        elif verdict is not Verdict.ADMITTED:
            statistics.strangers += 1
        return verdict

    def transport_failed(self, token: object | None, error: str, now: float) -> None:
        """Tell that a packet could not be sent, by its token, or by the branch of a request (what ICMP quotes)."""
        self.layer.transport_failed(token, error, now)

    def handle_timeout(self, now: float) -> None:
        """Do all that is due at ``now``."""
        self.layer.timer_heap.fire(now)

    def next_timeout(self) -> float | None:
        """Return when ``handle_timeout`` is to be called next, None for: no need."""
        return self.layer.timer_heap.next_timeout()

    def next_event(self) -> Event | None:
        """Take the oldest event, None if there is none."""
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> list[OutgoingPacket]:
        """Take all packets that wait to be sent, in order."""
        return self.layer.data_to_send()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way that a peer waits for: no session, and no request without final response, of
        ours or theirs. Transactions that only absorb retransmissions do not count."""
        return not self.live_sessions and self.layer.idle

    # -- the user's side

    def invite(
        self, uri: str, sdp: bytes | None, now: float, *, identity: Identity | None = None, headers: Headers = (),
        answer_timeout: float | None = None, call_id: str | None = None, owner: Any = None,
        from_address: NameAddr | None = None,
    ) -> InviteSession:
        """Start a call. ``sdp`` None: late offer, the peer offers in its 2xx. ``owner`` is kept as ``session.owner``.
        ``from_address`` is shown in From instead of the identity's address.

        Raises InvalidArgument for a URI, route or header that can not be used, LimitExceeded at ``max_sessions``.
        """
        if len(self.live_sessions) >= self.config.max_sessions:
            raise LimitExceeded("too many calls at once", step="call", peer=uri)
        identity = identity or self.identity
        request, hop = new_request(
            self, identity, "INVITE", uri, call_id=call_id or self.ids.call_id(), cseq=1, from_tag=self.ids.tag(),
            headers=(*self.invite_headers, *headers), body=sdp or b"",
            content_type="application/sdp" if sdp is not None else None, from_address=from_address,
        )
        contact = contact_for(self, identity, hop, request.uri, request.from_.uri)
        session = InviteSession(self, identity, "outgoing", request, contact, owner)
        session.local_address = self.config.local_address(hop)
        for name, value in request_headers(session):
            request.add(name, value)
        if sdp is not None:
            session.offer_answer.offer(sdp)
        patience = self.config.answer_timeout if answer_timeout is None else answer_timeout
        client_request = ClientRequest(self, identity, request, hop, self, nonces=session.usage_nonces())
        session.setup = client_request.user = OutgoingSetup(session, client_request, patience, now)
        self.live_sessions.add(session)
        client_request.send(now)
        return session

    def register(
        self, identity: Identity, registrar: str, now: float, *, expires: int = 300, headers: Headers = (),
        owner: Any = None,
    ) -> Registration:
        """Register ``identity`` at the registrar (a URI like ``sip:example.com``) and keep it registered until told
        otherwise. ``expires``: seconds to ask for, from 1 on. Raises InvalidArgument."""
        if expires < 1:
            raise InvalidArgument(f"expires must be at least 1 second, not {expires}", step="register")
        registration = Registration(self, identity, registrar, expires, headers, owner)
        registration.refresh(now)
        self.registrations.add(registration)
        return registration

    def request(
        self, method: str, uri: str, now: float, *, identity: Identity | None = None, headers: Headers = (),
        body: bytes = b"", content_type: str | None = None, owner: Any = None, to: str | None = None,
    ) -> ClientRequest:
        """Send a request out of a dialog (OPTIONS, MESSAGE, ...); its end comes as ResponseReceived, challenges being
        answered. ``to`` is a To value for another than ``uri``. Raises InvalidArgument, also for the methods that make
        or need a dialog."""
        if method in ("INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE"):
            raise InvalidArgument(f"{method} is sent by a session", step=f"send {method}")
        identity = identity or self.identity
        request, hop = new_request(
            self, identity, method, uri, call_id=self.ids.call_id(), cseq=1, from_tag=self.ids.tag(), to=to,
            headers=headers, body=body, content_type=content_type,
        )
        client_request = ClientRequest(self, identity, request, hop, self, owner=owner)
        client_request.send(now)
        return client_request

    def close_all(self, now: float) -> None:
        """Hang up every session and unregister every registration; then wait for ``idle``, as long as patience
        lasts."""
        for session in list(self.live_sessions):
            session.hangup(now, status=480)
        for registration in list(self.registrations):
            registration.unregister(now)

    @property
    def sessions(self) -> list[InviteSession]:
        """The sessions that have not ended."""
        return [session for session in self.live_sessions if not session.ended]

    # -- for the parts of the core

    def emit(self, event: Event) -> None:
        """Queue an event for the driver."""
        self._events.append(event)

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A provisional response to a request out of a dialog tells nothing of use."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """The end of a request out of a dialog."""
        self.emit(ResponseReceived(request, status, reason, response, None, cause))

    def count_refusal(self, status: int) -> None:
        """Count a request the core refused by itself."""
        refused = self.statistics.refused
        refused[status] = refused.get(status, 0) + 1

    def forget_session(self, session: InviteSession) -> None:
        """Drop a session that is through, and its dialog."""
        self.live_sessions.discard(session)
        if session.dialog is not None:
            self.dialogs.pop(session.dialog.key, None)
            session.dialog.usage = None

    def forget_registration(self, registration: Registration) -> None:
        """Drop a registration that is through."""
        self.registrations.discard(registration)

    # -- how we are reached

    def public_address(self, identity: Identity, transport: str, local: Address) -> Address:
        """Return where peers see a socket of ours, as far as is known: the socket's own address otherwise."""
        known = identity.reach.address_of((transport, local))
        if known is not None:
            return known
        public = self.config.public
        if public is not None:
            return public[0], public[1] or local[1]
        return self.public_addresses.get((transport, local), local)

    def public_host(self, identity: Identity, local_host: str) -> str:
        """Return the host that peers see us at when we are at ``local_host``, for session descriptions."""
        public = identity.reach.public or self.config.public
        if public is not None:
            return public[0]
        for known in (identity.reach.learned, self.public_addresses):
            for (_, local), seen in known.items():
                if local[0] == local_host:
                    return seen[0]
        return local_host

    def identity_at(self, uri: str) -> Identity:
        """Return who has registered the Contact that a request was sent to, else who speaks where none is named."""
        return self._bound.get(_without_parameters(uri), self.identity)

    def bind(self, identity: Identity, before: str, contact: str) -> None:
        """Note the URI an identity has registered, "" for none, in place of the one ``before``."""
        if self._bound.get(_without_parameters(before)) is identity:
            del self._bound[_without_parameters(before)]
        if contact:
            self._bound[_without_parameters(contact)] = identity


def _strayed(response: Response) -> str | None:
    """Return what is wrong with a response that has a Via of somebody else: it was not for us (s8.1.3.3)."""
    vias = response._index["via"] if response._index is not None else ""
    if ("," in vias or "\n" in vias) and len(response.get_all("Via")) > 1:
        return "More Than One Via"
    return None


def _without_parameters(uri: str) -> str:
    """Return what registrars and proxies leave of a Contact as it was."""
    return uri.partition("<")[2].partition(">")[0].partition(";")[0] if "<" in uri else uri.partition(";")[0]
