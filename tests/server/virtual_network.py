"""A network of sans-IO nodes with a clock of its own, and phones on it: minutes of calls in a blink."""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Protocol

from microsip_core.ids import IdSource
from microsip_core.server.auth import AuthSettings, ChallengeMode
from microsip_core.server.config import ServerConfig
from microsip_core.server.core import ServerCore
from microsip_core.sip import events
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.hop import OutgoingPacket, Source
from microsip_core.sip.identity import Credential, Identity
from microsip_core.sip.session.invite_session import InviteSession

Address = tuple[str, int]
SERVER: Address = ("127.0.0.1", 5060)
DOMAIN = "example.test"
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    b"a=rtpmap:0 PCMU/8000\r\n"
)


class Node(Protocol):
    """What can be attached: an endpoint, a server core."""

    def receive(self, data: bytes, source: Source, now: float) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def next_timeout(self) -> float | None: ...
    def data_to_send(self) -> list[OutgoingPacket]: ...


class VirtualNetwork:
    """Delivers packets after ``delay`` to ``delay + jitter`` seconds, loses a share and doubles a share of them."""

    def __init__(
        self, *, seed: int = 1, loss: float = 0.0, duplicated: float = 0.0, delay: float = 0.005, jitter: float = 0.0,
    ) -> None:
        self.now = 1000.0
        self.loss = loss
        self._duplicated = duplicated
        self._delay = delay
        self._jitter = jitter
        self._random = random.Random(seed)
        self._nodes: dict[Address, tuple[Node, Callable[[], None]]] = {}
        self._in_flight: list[tuple[float, int, bytes, Address, Address]] = []
        self._number = 0
        self.carried = 0

    def attach(self, address: Address, node: Node, after: Callable[[], None] = lambda: None) -> None:
        """Connect a node; ``after`` is called whenever it may have something to tell."""
        self._nodes[address] = (node, after)

    def flush(self, address: Address) -> None:
        """Let the node at ``address`` tell and send what it has."""
        node, after = self._nodes[address]
        after()
        for packet in node.data_to_send():
            target = (packet.hop.host, packet.hop.port or 5060)
            copies = 1 + (self._random.random() < self._duplicated)
            for _ in range(copies):
                if self._random.random() >= self.loss:
                    self._number += 1
                    due = self.now + self._delay + self._jitter * self._random.random()
                    heappush(self._in_flight, (due, self._number, packet.data, address, target))

    def _step(self, end: float) -> bool:
        """Do what comes next, no later than ``end``; False when there is nothing."""
        timers = [
            (due, address) for address, (node, _) in self._nodes.items() if (due := node.next_timeout()) is not None
        ]
        due, address = min(timers, default=(end + 1.0, SERVER))
        if self._in_flight and self._in_flight[0][0] <= due:
            due = self._in_flight[0][0]
            if due > end:
                return False
            self.now = max(self.now, due)
            _, _, data, origin, target = heappop(self._in_flight)
            if target in self._nodes:
                self.carried += 1
                self._nodes[target][0].receive(data, Source("UDP", *origin, target), self.now)
                self.flush(target)
            return True
        if due > end:
            return False
        self.now = max(self.now, due)
        self._nodes[address][0].handle_timeout(self.now)
        self.flush(address)
        return True

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._step(end):
            pass
        self.now = end

    def run_until(self, reached: Callable[[], bool], limit: float = 120.0) -> None:
        """Let time pass until ``reached``; AssertionError after ``limit`` seconds."""
        end = self.now + limit
        while not reached():
            assert self._step(end), f"not reached within {limit} s"

    @property
    def quiet(self) -> bool:
        """Whether nothing is in flight and no node waits for a timer."""
        return not self._in_flight and all(node.next_timeout() is None for node, _ in self._nodes.values())


def add_server(network: VirtualNetwork, challenge: ChallengeMode = ChallengeMode.NONE, **auth: Any) -> ServerCore:
    """Attach a server with users alice, bob and carol."""
    users = {"alice": "secret", "bob": "secret", "carol": "secret"}
    config = ServerConfig(users=users, domains=(DOMAIN,), auth=AuthSettings(challenge, **auth))
    core = ServerCore(config, lambda hop: SERVER, b"0123456789abcdef", ids=IdSource(1))
    core.domain.listening = frozenset({SERVER})
    network.attach(SERVER, core)
    return core


class Phone:
    """A user agent on the network. ``on_call`` is what it does with one: "answer", "ring", or a status to refuse."""

    def __init__(
        self, network: VirtualNetwork, user: str, port: int, *, on_call: str | int = "answer", password: str = "secret",
        ring_timeout: float = 20.0,
    ) -> None:
        self.network = network
        self.address = ("127.0.0.1", port)
        self.on_call = on_call
        self.user = user
        self.told: list[Any] = []
        self.sessions: list[InviteSession] = []
        self.identity = Identity(
            f"sip:{user}@{DOMAIN}", credentials=[Credential(user, password)],
            routes=(f"sip:{SERVER[0]}:{SERVER[1]};lr",),
        )
        config = EndpointConfig(local_address=lambda hop: self.address, ring_timeout=ring_timeout)
        self.endpoint = Endpoint(config, IdSource(port), self.identity)
        network.attach(self.address, self.endpoint, self._take_events)

    def register(self, expires: int = 300) -> None:
        """Register, and wait for the outcome."""
        self.endpoint.register(self.identity, f"sip:{DOMAIN}", self.network.now, expires=expires)
        self.flush()
        ends = (events.RegistrationSucceeded, events.RegistrationFailed)
        self.network.run_until(lambda: any(isinstance(event, ends) for event in self.told))

    def call(self, user: str) -> InviteSession:
        """Start a call to another user of the domain."""
        session = self.endpoint.invite(f"sip:{user}@{DOMAIN}", SDP, self.network.now, identity=self.identity)
        self.sessions.append(session)
        self.flush()
        return session

    def hangup(self, session: InviteSession) -> None:
        session.hangup(self.network.now)
        self.flush()

    def flush(self) -> None:
        """Send what a command made."""
        self.network.flush(self.address)

    def of(self, kind: type, session: InviteSession | None = None) -> list[Any]:
        """The events of one kind so far, of one session or of all."""
        return [event for event in self.told
                if type(event) is kind and (session is None or event.session is session)]

    def end_of(self, session: InviteSession) -> Any:
        """The one CallEnded of a session, None before."""
        ends = self.of(events.CallEnded, session)
        assert len(ends) <= 1
        return ends[0] if ends else None

    def _take_events(self) -> None:
        while (event := self.endpoint.next_event()) is not None:
            self.told.append(event)
            now = self.network.now
            if isinstance(event, events.CallIncoming):
                self.sessions.append(event.session)
                if isinstance(self.on_call, int):
                    event.session.reject(self.on_call, now)
                    continue
                event.session.progress(180, now)
                if self.on_call == "answer":
                    event.session.accept(SDP, now)
            elif isinstance(event, events.CallOfferReceived):
                event.session.answer_offer(SDP, now)
