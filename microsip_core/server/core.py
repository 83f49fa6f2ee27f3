"""The server without sockets: one door for messages and time; registrar, proxy and its own answers behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from microsip_core.ids import IdSource
from microsip_core.sip.builder import response_to
from microsip_core.sip.digest_server import DigestVerdict
from microsip_core.sip.headers import METHODS
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.parser import check_request, check_response, parse_message
from microsip_core.sip.transaction.client import ClientTransaction
from microsip_core.sip.transaction.layer import TransactionLayer
from microsip_core.sip.transaction.server import ServerTransaction
from microsip_core.sip.uri import SipUri

from .auth import Authenticator, Decision
from .config import ServerConfig
from .domain import Domain
from .flow_token import FlowTokens
from .forwarding import preprocess_route, routing_digest
from .journal import Journal
from .location import Binding, LocationService
from .proxy import Proxy, describe
from .registrar import SUPPORTED_EXTENSIONS, Registrar
from .response_context import ResponseContext

OWN_METHODS = "OPTIONS, REGISTER"
_KEEP_ALIVE = frozenset({b"", b"\r\n", b"\r\n\r\n", b"\x00"})


class ServerCore:
    """Registrar, location service and stateful proxy over one transaction layer.

    ``now`` is in monotonic seconds, as everywhere. ``local_address`` gives the address for the Via of a message to a
    hop. ``secret`` signs digest nonces. Implements :class:`~microsip_core.sip.transaction.user.TransactionUser`.
    """

    def __init__(
        self, config: ServerConfig, local_address: Callable[[Hop], tuple[str, int]], secret: bytes, *,
        ids: IdSource | None = None, journal: Journal | None = None,
    ) -> None:
        self.config = config
        self.journal = journal or Journal()
        self.domain = Domain(config.domains)
        self.location = LocationService(max_bindings=config.max_contacts)
        self.services: set[str] = set()
        self.trusted: set[tuple[str, int]] = set()
        self._ids = ids or IdSource()
        self._layer = TransactionLayer(
            self, self._ids, config.timers, max_transactions=config.max_transactions, merged=False,
        )
        self._authenticator = Authenticator(config.realm, config.users, config.auth, secret)
        self._registrar = Registrar(self.location, self.domain, config.users, config.registrar, date=config.date)
        self._proxy = Proxy(
            self._layer, self._ids, self.domain, self.location, config.users, self._authenticator, local_address,
            self.journal, config.timer_c, FlowTokens(secret),
        )

    def add_service(self, user: str, contact: str) -> None:
        """Bind a service user for good; nobody can register it. Requests from its address need no authentication."""
        uri = SipUri.parse(contact)
        self.services.add(user)
        self.trusted.add((uri.host, uri.port or 5060))
        self.location.commit(user, [Binding(uri, contact)], 0.0)

    # -- the driver's side

    def receive(self, data: bytes, source: Source, now: float) -> None:
        """Take one message as it came. Never raises for what it holds: bad ones are counted and refused."""
        if data in _KEEP_ALIVE:
            self.journal.count("keep_alives")
            return
        self.journal.count("received")
        if source.local not in self.domain.listening:
            self.domain.learn(source.local)
        try:
            message = parse_message(data, self.config.limits)
        except SipParseError as error:
            self._malformed(error.request_head, error.status, error.reason, source)
            return
        if isinstance(message, Request):
            problem = check_request(message)
            if problem is not None:
                self._malformed(message, *problem, source)
                return
        elif (fault := check_response(message)) is not None:
            self._malformed(None, 0, fault, source)
            return
        self._layer.receive(message, source, now)

    def _malformed(self, request: Request | None, status: int, reason: str, source: Source) -> None:
        self.journal.count("malformed")
        answerable = request is not None and request.method != "ACK" and _has_usable_via(request)
        self.journal.tell("malformed", f"from {source.host}:{source.port}: {reason}{'' if answerable else ', dropped'}")
        if request is not None and answerable:
            self.journal.count(f"response_{status}")
            self._layer.respond_stateless(request, self._own_response(request, status, reason), source)

    def transport_failed(self, token: object | None, error: str, now: float) -> None:
        """Tell that a packet with this token could not be sent."""
        self.journal.count("transport_errors")
        self._layer.transport_failed(token, error, now)

    def handle_timeout(self, now: float) -> None:
        """Do all that is due at ``now``."""
        self._layer.handle_timeout(now)

    def next_timeout(self) -> float | None:
        """Return when ``handle_timeout`` is to be called next, None for: no need."""
        return self._layer.next_timeout()

    def data_to_send(self) -> list[OutgoingPacket]:
        """Take all packets that wait to be sent, in order."""
        packets = self._layer.data_to_send()
        self.journal.count("sent", len(packets))
        return packets

    # -- the transaction user's side

    def on_request(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Answer or forward a new request."""
        self.journal.count(f"request_{request.method}" if request.method in METHODS else "request_other")
        source = transaction.source
        self.journal.tell("request", lambda: f"{describe(request)} from {source.transport} {source.host}:{source.port}")
        try:
            self._process(transaction, request, now)
        except SipParseError as error:
            self._answer(transaction, request, error.status, now, reason=error.reason)

    def _process(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        if request.method == "CANCEL":
            # s16.10 has an unmatched CANCEL forwarded statelessly, in case its INVITE was; ours never are
            self._answer(transaction, request, 481, now)
            return
        digest = routing_digest(request)
        refusal = self._proxy.validate(request, digest)
        if refusal is not None:
            self._answer(transaction, request, refusal[0], now, headers=refusal[1])
            return
        token = preprocess_route(request, self.domain)
        routed = token is not None
        local = self._proxy.is_for_us(request, routed)
        if local and request.method == "REGISTER":
            self._register(transaction, request, now)
            return
        if not self._authenticated(transaction, request, now):
            return
        if local and request.request_uri.user is None:
            self._answer_as_server(transaction, request, now)
            return
        targets = self._proxy.targets(request, transaction.source, token, now)
        if isinstance(targets, int):
            self._answer(transaction, request, targets, now)
            return
        self._proxy.proxy(transaction, request, targets, now, digest=digest, routed=routed)

    def on_ack(self, request: Request, source: Source, now: float) -> None:
        """Forward the ACK to a 2xx."""
        try:
            token = preprocess_route(request, self.domain)
            self._proxy.forward_ack(request, source, token, now)
        except SipParseError:
            self.journal.count("ack_dropped")

    def on_cancel(self, invite: ServerTransaction, cancel: ServerTransaction, request: Request, now: float) -> None:
        """Cancel the branches of an INVITE (s16.10); its 487 comes from them."""
        self._answer(cancel, request, 200, now)
        if isinstance(invite.owner, ResponseContext):
            invite.owner.cancel(now, request.get_all("Reason"))

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Forward a response."""
        self._proxy.on_response(transaction, response, now)

    def on_client_timeout(self, transaction: ClientTransaction, now: float) -> None:
        """Note a branch that never answered."""
        self.journal.count("timeouts")
        self._proxy.on_client_timeout(transaction, now)

    def on_client_transport_error(self, transaction: ClientTransaction, error: str, now: float) -> None:
        """Note a branch that could not be reached."""
        self._proxy.on_client_transport_error(transaction, now)

    def on_server_failure(self, transaction: ServerTransaction, error: str, now: float) -> None:
        """The sender is gone: what still rings for it is canceled."""
        self.journal.count("server_failures")
        if isinstance(transaction.owner, ResponseContext):
            transaction.owner.cancel(now)

    def on_stray_response(self, response: Response, source: Source, now: float) -> None:
        """Drop a response that belongs to no transaction, 2xx included (RFC 6026 s7.3)."""
        self.journal.count("stray_responses")

    # -- what the server answers itself

    def _register(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        required = [option for option in request.get_all("Require") if option.lower() not in SUPPORTED_EXTENSIONS]
        if required:
            self._answer(transaction, request, 420, now, headers=(("Unsupported", ", ".join(required)),))
            return
        decision = self._authenticator.check_register(request, now)
        if decision.status:
            self._challenge(transaction, request, decision, now)
            return
        response = self._registrar.register(request, decision.user, now, self._ids.tag(), transaction.source)
        self._send(transaction, request, response, now)
        if response.status == 200 and "Contact" in request:
            self.journal.tell("register", lambda: self._whereabouts(request, now))

    def _whereabouts(self, request: Request, now: float) -> str:
        address = self.domain.address_of_record(request.to.sip_uri)
        bindings = self.location.bindings(address, now)
        where = ", ".join(f"{binding.text} ({binding.remaining(now)} s)" for binding in bindings)
        return f"{address} is at {where}" if where else f"{address} is gone"

    def _authenticated(self, transaction: ServerTransaction, request: Request, now: float) -> bool:
        source = transaction.source
        if (source.host, source.port) in self.trusted:
            return True
        decision = self._authenticator.check_proxied(request, now)
        if decision.status:
            self._challenge(transaction, request, decision, now)
            return False
        if decision.user is not None and request.to.tag is None:
            sender = request.from_.sip_uri
            if self.domain.serves(sender) and self.domain.address_of_record(sender) != decision.user:
                self._answer(transaction, request, 403, now, reason="From Of Another User")
                return False
        return True

    def _challenge(self, transaction: ServerTransaction, request: Request, decision: Decision, now: float) -> None:
        self.journal.count("challenges")
        if decision.verdict is DigestVerdict.REFUSED:
            self.journal.count("wrong_credentials")
            self.journal.tell("refused", lambda: f"{describe(request)}: wrong user name or password")
        elif decision.verdict is DigestVerdict.STALE:
            self.journal.count("stale_nonces")
        self._answer(transaction, request, decision.status, now, headers=decision.headers)

    def _answer_as_server(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Answer a request for the server itself, no user of it (s11)."""
        headers = (("Allow", OWN_METHODS), ("Supported", ", ".join(SUPPORTED_EXTENSIONS)))
        self._answer(transaction, request, 200 if request.method == "OPTIONS" else 405, now, headers=headers)

    def _answer(
        self, transaction: ServerTransaction, request: Request, status: int, now: float, *, reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._send(transaction, request, self._own_response(request, status, reason, headers), now)

    def _own_response(
        self, request: Request, status: int, reason: str | None, headers: Iterable[tuple[str, str]] = (),
    ) -> Response:
        return response_to(
            request, status, reason, to_tag=self._ids.tag(), headers=(*headers, ("Server", self.config.server)),
        )

    def _send(self, transaction: ServerTransaction, request: Request, response: Response, now: float) -> None:
        self.journal.count(f"response_{response.status}")
        self.journal.tell("response", lambda: f"{describe(request)}: {response.status} {response.reason}")
        transaction.respond(response, now)

    # -- for people

    def statistics(self, now: float) -> dict[str, int]:
        """Return the counters since the start, and what is alive at ``now``: transactions, registered users."""
        return {
            **self.journal.counters,
            **{f"response_{status}": self.journal.counters.get(f"response_{status}", 0) + count
               for status, count in self._layer.refused.items()},
            "transactions": self._layer.client_count + self._layer.server_count,
            "registered": self.location.expire(now) - len(self.services),
        }


def _has_usable_via(request: Request) -> bool:
    """Tell whether it is known where the answer to a malformed request goes."""
    try:
        return bool(request.via.host)
    except SipParseError:
        return False
