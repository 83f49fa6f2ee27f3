"""Two phones on a virtual network, and what tests of calls have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microsip_core.sip.endpoint import Endpoint
from microsip_core.sip.events import CallIncoming
from microsip_core.sip.session.invite_session import InviteSession

from .virtual_network import Link, Node, VirtualNetwork, endpoint_of, leftovers

OFFER = b"v=0\r\no=alice 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace(b"alice", b"bob").replace(b"10.0.0.1", b"10.0.0.2")
BOB_URI = "sip:bob@10.0.0.2"


class Phones:
    """Alice at 10.0.0.1 calls Bob at 10.0.0.2."""

    def __init__(self, link: Link | None = None, seed: int = 1, **config: Any) -> None:
        self.network = VirtualNetwork(link, seed, trace=True)
        self.alice_node = self.network.endpoint("alice", "10.0.0.1", **config)
        self.bob_node = self.network.endpoint("bob", "10.0.0.2", **config)

    @property
    def alice(self) -> Endpoint:
        return endpoint_of(self.alice_node)

    @property
    def bob(self) -> Endpoint:
        return endpoint_of(self.bob_node)

    @property
    def now(self) -> float:
        return self.network.now

    def call(self, sdp: bytes | None = OFFER, **options: Any) -> InviteSession:
        """Alice calls Bob."""
        return self.alice.invite(BOB_URI, sdp, self.now, **options)

    def ring_bob(self, sdp: bytes | None = OFFER, **options: Any) -> tuple[InviteSession, InviteSession]:
        """Alice's call has reached Bob; returns her session and his."""
        session = self.call(sdp, **options)
        self.run(0.05)
        incoming = one(self.bob_node, CallIncoming)
        return session, incoming.session

    def connect(self) -> tuple[InviteSession, InviteSession]:
        """Alice and Bob talk; what it took is taken out of the trace."""
        session, incoming = self.ring_bob()
        incoming.accept(ANSWER, self.now)
        self.run(0.05)
        self.forget()
        return session, incoming

    def run(self, seconds: float | None = None) -> None:
        self.network.run(None if seconds is None else self.now + seconds)

    def forget(self) -> None:
        """Forget the events and the trace so far."""
        self.alice_node.events.clear()
        self.bob_node.events.clear()
        assert self.network.trace is not None
        self.network.trace.clear()

    def flow(self) -> list[str]:
        """The trace, names shortened to their first letter."""
        return [line.replace("alice", "a").replace("bob", "b") for line in self.network.flow()]

    def end(self) -> None:
        """Run until nothing happens any more, and see that nothing is left."""
        self.run()
        assert leftovers(self.alice) == {}
        assert leftovers(self.bob) == {}


def names(node: Node) -> list[str]:
    """The names of the events of a node so far."""
    return [type(event).__name__ for event in node.events]


def one(node: Node, kind: type[Any]) -> Any:
    """Return the one event of its kind."""
    found = [event for event in node.events if isinstance(event, kind)]
    assert len(found) == 1, f"{len(found)} events {kind.__name__} at {node.name}: {names(node)}"
    return found[0]


def drop(phones: Phones, wanted: Callable[[str, bytes], bool], times: int = 1) -> list[bytes]:
    """Have the network lose the next packets that ``wanted(sender name, data)`` picks; returns what was lost so far."""
    lost: list[bytes] = []

    def intercept(sender: Node, receiver: tuple[str, int], data: bytes) -> bool:
        if len(lost) < times and wanted(sender.name, data):
            lost.append(data)
            return False
        return True

    phones.network.intercept = intercept
    return lost
