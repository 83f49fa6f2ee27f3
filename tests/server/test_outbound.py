"""Outbound (RFC 5626) and GRUU (RFC 5627) at the registrar and through the proxy."""

from __future__ import annotations

import pytest

from microsip_core.sip import events
from microsip_core.sip.hop import Source

from .messages import register
from .test_registrar import Bench
from .virtual_network import DOMAIN, SDP, Phone, VirtualNetwork, add_server

INSTANCE = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
OTHER = "urn:uuid:00000000-7dec-11d0-a765-00a0c91e6bf6"
FLOW = Source("UDP", "127.0.0.1", 40_000, ("127.0.0.1", 5060))


def contact(host: str, instance: str = INSTANCE, reg_id: str = "1") -> str:
    return f'<sip:alice@{host}>;+sip.instance="<{instance}>";reg-id={reg_id}'


def bind(bench: Bench, value: str, cseq: int, supported: str = "path, outbound, gruu") -> list[str]:
    request = register(contacts=[value], cseq=cseq)
    request.set("Supported", supported)
    response = bench.registrar.register(request, "alice", bench.now, "tag1", FLOW)
    assert response.status == 200
    return [found.text for found in bench.location.bindings("alice", bench.now)]


def test_binding_goes_by_instance_and_flow_not_by_address() -> None:
    bench = Bench()
    assert bind(bench, contact("10.0.0.1"), 1) == ["sip:alice@10.0.0.1"]
    assert bind(bench, contact("10.0.0.2"), 2) == ["sip:alice@10.0.0.2"]
    assert bind(bench, contact("10.0.0.2", reg_id="2"), 3) == ["sip:alice@10.0.0.2"] * 2
    assert len(bind(bench, contact("10.0.0.3", OTHER), 4)) == 3
    assert len(bind(bench, contact("10.0.0.9") + ";expires=0", 5)) == 2
    assert all(found.flow == FLOW for found in bench.location.bindings("alice", bench.now))


def test_without_the_option_tag_the_address_counts() -> None:
    bench = Bench()
    bind(bench, contact("10.0.0.1"), 1, "path")
    assert len(bind(bench, contact("10.0.0.2"), 2, "path")) == 2


def test_what_is_granted_is_said() -> None:
    bench = Bench()
    request = register(contacts=[contact("10.0.0.1")])
    request.set("Supported", "path, outbound, gruu")
    response = bench.registrar.register(request, "alice", bench.now, "tag1", FLOW)
    assert (response.get("Require"), response.get("Flow-Timer")) == ("outbound", "120")
    value = response.get("Contact") or ""
    assert f'pub-gruu="sip:alice@example.test;gr={INSTANCE}"' in value
    assert "reg-id=1" in value


def test_gruu_leads_where_the_request_went() -> None:
    """linphone writes To without port, as RFC 3261 s19.1.1 says: such a GRUU would lead to port 5060."""
    bench = Bench()
    request = register(contacts=[contact("10.0.0.1")])
    request.set("Supported", "gruu")
    request.uri = "sip:example.test:5099"
    value = bench.registrar.register(request, "alice", bench.now, "tag1", FLOW).get("Contact") or ""
    assert f'pub-gruu="sip:alice@example.test:5099;gr={INSTANCE}"' in value


@pytest.mark.parametrize(("contacts", "more", "status"), [
    ([contact("10.0.0.1"), "<sip:alice@10.0.0.2>"], (), 400),
    ([contact("10.0.0.1", reg_id="x")], (), 400),
    ([contact("10.0.0.1", "urn:" + "x" * 200)], (), 400),
    ([contact("10.0.0.1")], (("Via", "SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK7"),), 439),
    ([contact("10.0.0.1")], (("Via", "SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK7"), ("Path", "<sip:10.0.0.7;lr>")), 439),
    ([contact("10.0.0.1")], (("Via", "SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK7"), ("Path", "<sip:10.0.0.7;lr;ob>")), 200),
])
def test_what_can_not_be_granted(contacts: list[str], more: tuple[tuple[str, str], ...], status: int) -> None:
    bench = Bench()
    request = register(contacts=contacts)
    request.set("Supported", "outbound")
    for name, value in more:
        request.add(name, value)
    assert bench.send(request).status == status


# -- calls to a phone whose own address leads nowhere


def hidden_phone(network: VirtualNetwork, *, gruu: bool) -> Phone:
    """Alice, who takes herself to be at 10.1.1.1 while the network knows her at 127.0.0.1:5071."""
    alice = Phone(network, "alice", 5071)
    alice.endpoint.config.local_address = lambda hop: ("10.1.1.1", 5060)
    receive = alice.endpoint.receive
    alice.endpoint.receive = (  # type: ignore[method-assign]
        lambda data, source, now: receive(data, source._replace(local=("10.1.1.1", 5060)), now)
    )
    reach = alice.identity.reach
    reach.instance, reach.outbound, reach.gruu, reach.rewrite = INSTANCE, True, gruu, False
    alice.register()
    assert alice.identity.reach.grant.outbound
    return alice


@pytest.mark.parametrize("gruu", [False, True])
@pytest.mark.parametrize("called", [True, False])
def test_call_of_a_phone_behind_a_nat_by_its_flow(gruu: bool, called: bool) -> None:
    network = VirtualNetwork()
    core = add_server(network)
    alice, bob = hidden_phone(network, gruu=gruu), Phone(network, "bob", 5072)
    bob.register()
    session = bob.call("alice") if called else alice.call("bob")
    network.run_until(lambda: bool((alice if called else bob).of(events.CallConfirmed)))
    target = bob.sessions[0].established_dialog.target
    assert target == (f"sip:alice@{DOMAIN};gr={INSTANCE}" if gruu else "sip:alice@10.1.1.1:5060;ob")
    bob.hangup(bob.sessions[0])  # through the flow, or by way of the GRUU
    network.run_until(lambda: alice.end_of(alice.sessions[0]) is not None)
    assert alice.end_of(alice.sessions[0]).by == "remote"
    assert session.ended
    network.run(64.0)
    assert core.statistics(network.now)["transactions"] == 0


def test_gruu_rings_the_one_instance() -> None:
    network = VirtualNetwork()
    add_server(network)
    alice, other, bob = hidden_phone(network, gruu=True), Phone(network, "alice", 5073), Phone(network, "bob", 5072)
    other.register()
    session = bob.endpoint.invite(
        f"sip:alice@{DOMAIN};gr={INSTANCE}", SDP, network.now, identity=bob.identity,
    )
    bob.flush()
    network.run_until(lambda: bool(alice.sessions))
    network.run(1.0)
    assert not other.sessions
    assert not session.ended
    gone = bob.endpoint.invite(f"sip:alice@{DOMAIN};gr={OTHER}", SDP, network.now, identity=bob.identity)
    bob.flush()
    network.run_until(lambda: bob.end_of(gone) is not None)
    assert bob.end_of(gone).status == 480
