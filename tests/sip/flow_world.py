"""Phones, proxies and scripted servers on one virtual network: the stage of the call flows of the RFCs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microsip_core.ids import IdSource
from microsip_core.server.auth import AuthSettings, ChallengeMode
from microsip_core.server.config import ServerConfig
from microsip_core.server.core import ServerCore
from microsip_core.sip import builder
from microsip_core.sip.endpoint import Endpoint
from microsip_core.sip.events import (
    CallAnswered,
    CallEnded,
    CallIncoming,
    CallOfferAnswered,
    CallOfferReceived,
    CallProgress,
    RequestReceived,
    ResponseReceived,
    TransferRequested,
)
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.sip.identity import Credential, Identity
from microsip_core.sip.message import Request, Response
from microsip_core.sip.session.invite_session import InviteSession
from microsip_core.sip.session.session_state import SessionState

from .calls import ANSWER, OFFER
from .virtual_network import Link, Node, Script, VirtualNetwork, endpoint_of, leftovers

GOOD = Link(0.01)
BAD = Link(0.02, 0.1, loss=0.1, duplicate=0.1)
LINKS = [(GOOD, 1), (BAD, 2), (BAD, 3), (Link(0.05, 0.4, loss=0.2, duplicate=0.2), 4)]
PASSWORD = "secret"


class _ServerNode(ServerCore):
    """A server as an element of the network."""

    def next_event(self) -> None:
        return None


class Phone:
    """A user agent whose user answers, refuses or waits as ``on_call`` says, and follows every transfer."""

    def __init__(self, world: World, name: str, node: Node) -> None:
        self.world, self.name, self.node = world, name, node
        self.endpoint: Endpoint = endpoint_of(node)
        self.sessions: list[InviteSession] = []
        self.on_call: Callable[[InviteSession], object] = lambda session: self.answer(session)
        self.on_request: Callable[[RequestReceived], object] = lambda event: event.incoming.respond(200, world.now)
        self.answer_sdp = ANSWER
        node.on_event = self._act

    @property
    def uri(self) -> str:
        return f"sip:{self.name}@{self.node.address[0]}"

    def answer(self, session: InviteSession) -> None:
        session.progress(180, self.world.now)
        session.accept(self.answer_sdp, self.world.now)

    def ring(self, session: InviteSession) -> None:
        session.progress(180, self.world.now)

    def call(self, uri: str, sdp: bytes | None = OFFER, **options: Any) -> InviteSession:
        session = self.endpoint.invite(uri, sdp, self.world.now, **options)
        self.sessions.append(session)
        return session

    def of(self, kind: type[Any], session: InviteSession | None = None) -> list[Any]:
        """The events of one kind so far, of one session or of all."""
        return [event for event in self.node.events
                if isinstance(event, kind) and (session is None or event.session is session)]

    def end_of(self, session: InviteSession) -> CallEnded:
        """How a session ended; waits for it."""
        self.world.until(lambda: bool(self.of(CallEnded, session)))
        (end,) = self.of(CallEnded, session)
        assert isinstance(end, CallEnded)
        return end

    def _act(self, event: Any, now: float) -> None:
        if isinstance(event, CallIncoming):
            self.sessions.append(event.session)
            self.on_call(event.session)
        elif isinstance(event, (CallAnswered, CallOfferAnswered)) and event.is_offer:
            if self.answer_sdp:
                event.session.acknowledge(self.answer_sdp, now)
        elif isinstance(event, CallOfferReceived):
            event.session.answer_offer(self.answer_sdp or OFFER, now)
        elif isinstance(event, RequestReceived):
            self.on_request(event)
        elif isinstance(event, TransferRequested):
            self._follow(event, now)
        elif isinstance(event, (CallProgress, CallAnswered, CallEnded)) and isinstance(event.session.owner, _Telling):
            event.session.owner.tell(event.status)

    def _follow(self, event: TransferRequested, now: float) -> None:
        event.transfer.accept(now)
        headers = [("Replaces", event.replaces)] if event.replaces else []
        self.call(event.target, headers=headers, owner=_Telling(event, self.world))


class _Telling:
    """Tells whoever asked for a transfer how it goes."""

    def __init__(self, event: TransferRequested, world: World) -> None:
        self._transfer, self._world = event.transfer, world
        self.done = False

    def tell(self, status: int) -> None:
        if not status or self.done:
            return
        self.done = status >= 200
        self._transfer.notify(status, self._world.now)


class World:
    """The network, what is on it, and what has passed by."""

    def __init__(self, link: Link = GOOD, seed: int = 1) -> None:
        self.network = _NamedNetwork(link, seed, trace=True)
        self.phones: dict[str, Phone] = {}
        self.servers: list[ServerCore] = []

    @property
    def now(self) -> float:
        return self.network.now

    def phone(self, name: str, host: str, *, route: str | None = None, domain: str = "", **config: Any) -> Phone:
        """Join a user agent; ``route`` is the proxy it sends everything by, ``domain`` where its account is."""
        identity = Identity(
            f"sip:{name.rstrip('0123456789')}@{domain or host}", credentials=[Credential("any", PASSWORD)],
            routes=(f"sip:{route};lr",) if route else (),
        )
        identity.credentials = [Credential(name.rstrip("0123456789"), PASSWORD)]
        config.setdefault("answer_timeout", 300.0)
        node = self.network.endpoint(name, host, identity=identity, transfers=True, **config)
        phone = self.phones[name] = Phone(self, name, node)
        return phone

    def proxy(
        self, name: str, host: str, challenge: ChallengeMode = ChallengeMode.NONE, names: tuple[str, ...] = (),
    ) -> ServerCore:
        """Join a registrar and proxy for the users of the domain ``host``, with further ``names``."""
        users = dict.fromkeys(("alice", "bob", "carol"), PASSWORD)
        settings = ServerConfig(users=users, domains=(host, *names), realm=host, auth=AuthSettings(challenge))
        core = _ServerNode(settings, lambda hop: (host, 5060), b"0123456789abcdef", ids=IdSource(name))
        core.domain.listening = frozenset({(host, 5060)})
        self.network.join(name, host, core)
        self.servers.append(core)
        return core

    def script(self, name: str, host: str, answer: Callable[[Request], Response | None]) -> Script:
        """Join a server that answers each request with what ``answer`` makes of it."""
        script = Script(host)
        answers: dict[tuple[str | None, str], Response | None] = {}

        def take(message: Request | Response, source: Source, now: float) -> None:
            if isinstance(message, Request):
                key = message.via.branch, message.method
                if key not in answers:
                    answers[key] = answer(message)
                response = answers[key]
                if response is not None:
                    script.reply(response, source)

        script.on_message = take
        self.network.join(name, host, script)
        return script

    def register(self, *names: str, registrar: str) -> None:
        """Register phones, and forget what passed by."""
        for name in names:
            phone = self.phones[name]
            phone.endpoint.register(phone.endpoint.identity, f"sip:{registrar}", self.now, expires=3600)
        self.settle()
        self.forget()

    def run(self, seconds: float) -> None:
        self.network.run(self.now + seconds)

    def settle(self) -> None:
        """Let pass what retransmissions need to get through."""
        self.run(12.0 if self.network.link.loss else 0.5)

    def until(self, reached: Callable[[], bool], limit: float = 300.0) -> None:
        """Let time pass until ``reached``."""
        end = self.now + limit
        while not reached():
            assert self.now < end, f"not reached within {limit:g} s: {self.ladder()}"
            self.run(0.05)

    def talking(self, *sessions: InviteSession) -> None:
        """Wait until sessions are confirmed."""
        self.until(lambda: all(session.state == SessionState.CONFIRMED for session in sessions))

    def forget(self) -> None:
        assert self.network.trace is not None
        self.network.trace.clear()

    def ladder(self) -> list[str]:
        """What has passed by, in order: ``alice->bob INVITE``."""
        return self.network.flow()

    def end(self) -> None:
        """Hang up what is left, unregister, let all timers run out, and see that nothing remains anywhere."""
        for phone in self.phones.values():
            phone.endpoint.close_all(self.now)
        self.network.run()
        for phone in self.phones.values():
            assert leftovers(phone.endpoint) == {}, phone.name
            assert phone.endpoint.idle
        for server in self.servers:
            assert server.statistics(self.now)["transactions"] == 0


class _NamedNetwork(VirtualNetwork):
    """A network where hosts may have names, for several addresses each; the first that has not failed is taken."""

    def __init__(self, link: Link, seed: int, *, trace: bool) -> None:
        super().__init__(link, seed, trace=trace)
        self.names: dict[str, list[str]] = {}

    def another_target(self, hop: Hop) -> bool:
        """The first address of a name has failed."""
        addresses = self.names.get(hop.host, [])
        if len(addresses) > 1:
            del addresses[0]
            return True
        return False

    def _send(self, sender: Node, packet: OutgoingPacket) -> None:
        addresses = self.names.get(packet.hop.host)
        if addresses:
            packet = packet._replace(hop=packet.hop._replace(host=addresses[0]))
        super()._send(sender, packet)


def ladder(text: str) -> list[str]:
    """A ladder from its lines, ``alice->bob INVITE`` each."""
    return [line.strip() for line in text.strip().splitlines()]


def response_of(phone: Phone) -> Response:
    """The response to the last request of its own that a phone sent."""
    phone.world.until(lambda: bool(phone.of(ResponseReceived)))
    response = phone.of(ResponseReceived)[-1].response
    assert isinstance(response, Response)
    return response


def redirect_to(contact: str) -> Callable[[Request], Response | None]:
    """What a redirect server does."""
    return lambda request: builder.response_to(
        request, 302, to_tag="r", headers=[("Contact", f"<{contact}>")],
    ) if request.method == "INVITE" else None
