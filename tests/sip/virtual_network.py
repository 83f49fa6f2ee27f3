"""A network without sockets and a clock without waiting: endpoints joined by links that lose, repeat and reorder,
seeded."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from microsip_core.ids import IdSource
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.sip.identity import Identity
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message

Address = tuple[str, int]


class Element(Protocol):
    """What can be joined to the network: an endpoint, or something scripted."""

    def receive(self, data: bytes, source: Source, now: float) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def next_timeout(self) -> float | None: ...
    def next_event(self) -> Any: ...
    def data_to_send(self) -> list[OutgoingPacket]: ...


@dataclass
class Link:
    """What a datagram meets on its way. Times in seconds, the others are probabilities."""

    delay: float = 0.01
    jitter: float = 0.0
    """Up to this much more, so that packets overtake each other."""
    loss: float = 0.0
    duplicate: float = 0.0


@dataclass
class Node:
    """An element at an address."""

    name: str
    address: Address
    element: Element
    on_event: Callable[[Any, float], None] | None = None
    events: list[Any] = field(default_factory=list)


@dataclass(order=True)
class Delivery:
    when: float
    number: int
    data: bytes = field(compare=False)
    sender: Node = field(compare=False)
    receiver: Address = field(compare=False)
    transport: str = field(compare=False)


class VirtualNetwork:
    """All nodes, the packets between them, and the time."""

    def __init__(self, link: Link | None = None, seed: int = 1, *, trace: bool = False) -> None:
        self.now = 0.0
        self.link = link or Link()
        self.random = random.Random(seed)
        self.nodes: dict[Address, Node] = {}
        self.packets = 0
        self.trace: list[tuple[float, str, str, str]] | None = [] if trace else None
        """(time, sender, receiver or "-" when lost, start line with CSeq)"""
        self.intercept: Callable[[Node, Address, bytes], bool] | None = None
        """Called for every packet; False drops it."""
        self.errors: list[BaseException] = []
        self._deliveries: list[Delivery] = []
        self._number = 0
        self._actions: list[tuple[float, int, Callable[[float], None]]] = []
        self._last: dict[tuple[Address, Address], float] = {}

    def join(self, name: str, host: str, element: Element, port: int = 5060) -> Node:
        node = Node(name, (host, port), element)
        self.nodes[node.address] = node
        return node

    def endpoint(self, name: str, host: str, port: int = 5060, identity: Identity | None = None, **config: Any) -> Node:
        """Join a new endpoint; ``config`` goes into its EndpointConfig."""
        settings = EndpointConfig(local_address=lambda hop: (host, port), **config)
        identity = identity or Identity(aor=f"sip:{name}@example.com")
        return self.join(name, host, Endpoint(settings, IdSource(f"{name}{self.random.random()}"), identity), port)

    def at(self, when: float, action: Callable[[float], None]) -> None:
        """Have ``action(now)`` called at a time."""
        self._number += 1
        heapq.heappush(self._actions, (when, self._number, action))

    def run(self, until: float | None = None, *, limit: int = 5_000_000) -> None:
        """Run until nothing is left to happen, or until a time."""
        for _ in range(limit):
            self._pump()
            when = self._next()
            if when is None or (until is not None and when > until):
                if until is not None:
                    self.now = max(self.now, until)
                return
            self.now = max(self.now, when)
            self._step()
        raise AssertionError("the network does not come to rest")

    # -- inside

    def _next(self) -> float | None:
        times = [timeout for node in self.nodes.values() if (timeout := node.element.next_timeout()) is not None]
        if self._deliveries:
            times.append(self._deliveries[0].when)
        if self._actions:
            times.append(self._actions[0][0])
        return min(times, default=None)

    def _step(self) -> None:
        now = self.now
        while self._actions and self._actions[0][0] <= now:
            heapq.heappop(self._actions)[2](now)
        while self._deliveries and self._deliveries[0].when <= now:
            delivery = heapq.heappop(self._deliveries)
            receiver = self.nodes.get(delivery.receiver)
            if receiver is not None:
                source = Source(delivery.transport, *delivery.sender.address, receiver.address)
                receiver.element.receive(delivery.data, source, now)
        for node in self.nodes.values():
            timeout = node.element.next_timeout()
            if timeout is not None and timeout <= now:
                node.element.handle_timeout(now)

    def _pump(self) -> None:
        """Take events and packets until there are none."""
        busy = True
        while busy:
            busy = False
            for node in self.nodes.values():
                while (event := node.element.next_event()) is not None:
                    busy = True
                    node.events.append(event)
                    if node.on_event is not None:
                        node.on_event(event, self.now)
                for packet in node.element.data_to_send():
                    busy = True
                    self._send(node, packet)

    def _send(self, sender: Node, packet: OutgoingPacket) -> None:
        self.packets += 1
        link = self.link
        receiver = (packet.hop.host, packet.hop.port or 5060)
        if packet.source is not None and packet.hop.reliable:
            receiver = (packet.source.host, packet.source.port)
        reliable = packet.hop.reliable
        lost = not reliable and self.random.random() < link.loss
        if self.intercept is not None and not self.intercept(sender, receiver, packet.data):
            lost = True
        if self.trace is not None:
            known = self.nodes.get(receiver)
            self.trace.append((self.now, sender.name, "-" if lost or not known else known.name, summary(packet.data)))
        if lost:
            return
        if reliable:
            key = (sender.address, receiver)
            when = self._last[key] = max(self.now + link.delay, self._last.get(key, 0.0))
            self._deliver(when, sender, receiver, packet)
            return
        self._deliver(self.now + link.delay + self.random.random() * link.jitter, sender, receiver, packet)
        while self.random.random() < link.duplicate:
            self._deliver(self.now + link.delay + self.random.random() * (link.jitter + 0.05), sender, receiver, packet)

    def _deliver(self, when: float, sender: Node, receiver: Address, packet: OutgoingPacket) -> None:
        self._number += 1
        delivery = Delivery(when, self._number, packet.data, sender, receiver, packet.hop.transport)
        heapq.heappush(self._deliveries, delivery)

    def flow(self) -> list[str]:
        """The trace as ``sender->receiver message`` lines, without times."""
        return [f"{sender}->{receiver} {text}" for _, sender, receiver, text in self.trace or ()]


class Script:
    """An element that does what its ``on_message`` says: for peers no endpoint of ours would be."""

    def __init__(self, host: str, port: int = 5060) -> None:
        self.host, self.port = host, port
        self.received: list[Request | Response] = []
        self.on_message: Callable[[Request | Response, Source, float], None] | None = None
        self._outgoing: list[OutgoingPacket] = []

    def receive(self, data: bytes, source: Source, now: float) -> None:
        message = parse_message(data)
        self.received.append(message)
        if self.on_message is not None:
            self.on_message(message, source, now)

    def send(self, message: Request | Response | bytes, host: str, port: int = 5060, transport: str = "UDP") -> None:
        data = message if isinstance(message, bytes) else message.to_bytes()
        self._outgoing.append(OutgoingPacket(data, Hop(transport, host, port), None, None))

    def reply(self, response: Response, source: Source) -> None:
        self.send(response, source.host, source.port, source.transport)

    def data_to_send(self) -> list[OutgoingPacket]:
        packets, self._outgoing = self._outgoing, []
        return packets

    def handle_timeout(self, now: float) -> None: ...

    def next_timeout(self) -> float | None:
        return None

    def next_event(self) -> None:
        return None


def summary(data: bytes) -> str:
    """Return method or status, with the CSeq method of a response."""
    message = parse_message(data)
    return message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"


def endpoint_of(node: Node) -> Endpoint:
    """Return the endpoint at a node, or behind the guard there."""
    endpoint = getattr(node.element, "endpoint", node.element)
    assert isinstance(endpoint, Endpoint)
    return endpoint


def leftovers(endpoint: Endpoint) -> dict[str, int]:
    """Return what is still alive in an endpoint: empty when all is cleaned up."""
    layer = endpoint.layer
    counts = {
        "sessions": len(endpoint.live_sessions),
        "unacknowledged": len(endpoint.unacknowledged),
        "dialogs": len(endpoint.dialogs),
        "clients": layer.client_count,
        "servers": layer.server_count,
        "merge keys": len(layer._merge_keys),
        "timers": len(layer.timer_heap),
    }
    return {name: count for name, count in counts.items() if count}
