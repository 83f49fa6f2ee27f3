"""Which addresses a server takes for its own, and how many of them it learns."""

from __future__ import annotations

from microsip_core.server.domain import Domain
from microsip_core.sip.uri import SipUri


def test_a_server_learns_the_addresses_it_is_reached_at_and_not_without_end() -> None:
    """A wildcard may stand for a whole IPv6 network; who sends to each of its addresses shall not fill our memory."""
    domain = Domain(["example.test"], [("::", 5060)])
    for number in range(10_000):
        domain.learn((f"2001:db8::{number:x}", 5060))
    assert len(domain.listening) == 256
    assert domain.is_own_address("2001:db8::1", None)
    assert domain.is_own_route(SipUri.parse("sip:[2001:db8::1]"))
    assert not domain.is_own_address("2001:db8::ffff", None)
    domain.learn(("2001:db8::1", 5060))
    assert len(domain.listening) == 256
