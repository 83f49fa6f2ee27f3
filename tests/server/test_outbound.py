"""Outbound (RFC 5626) and GRUU (RFC 5627) at the registrar and through the proxy."""

from __future__ import annotations

import pytest

from microsip_core.server.core import ServerCore
from microsip_core.sip import events
from microsip_core.sip.hop import OutgoingPacket, Source

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


# -- flows that have failed


def two_flows(network: VirtualNetwork, *, newest: int) -> tuple[Phone, Phone]:
    """Bob's phone with two flows, at ports 5071 and 5072; the flow that was registered last is ``newest``."""
    phones = Phone(network, "bob", 5071), Phone(network, "bob", 5072)
    for number, phone in sorted(enumerate(phones, 1), key=lambda entry: entry[0] == newest):
        reach = phone.identity.reach
        reach.instance, reach.reg_id, reach.outbound, reach.gruu, reach.rewrite = INSTANCE, number, True, False, False
        phone.register()
    return phones


def test_instance_rings_by_one_of_its_flows() -> None:
    network = VirtualNetwork()
    add_server(network)
    first, second = two_flows(network, newest=2)
    caller = Phone(network, "alice", 5073)
    caller.call("bob")
    network.run_until(lambda: bool(second.of(events.CallConfirmed)))
    assert (len(first.sessions), len(second.sessions)) == (0, 1)


@pytest.mark.parametrize("failure", ["unreachable", 430, "silent"])
def test_call_comes_by_the_other_flow_where_one_has_failed(failure: str | int) -> None:
    network = VirtualNetwork()
    core = add_server(network)
    first, second = two_flows(network, newest=2)
    if isinstance(failure, int):
        second.on_call = failure
    else:
        network.attach(second.address, Deaf())
    if failure == "unreachable":
        _fail_packets_to(network, core, second.address)
    caller = Phone(network, "alice", 5073)
    session = caller.call("bob")
    network.run_until(lambda: bool(first.of(events.CallConfirmed)) or session.ended)
    assert len(first.sessions) == 1
    assert core.statistics(network.now)["flows_failed"] == 1
    caller.hangup(session)
    network.run_until(lambda: first.end_of(first.sessions[0]) is not None)
    network.run(64.0)
    assert core.statistics(network.now)["transactions"] == 0


def test_caller_is_not_told_that_a_flow_has_failed_that_is_not_its_own() -> None:
    network = VirtualNetwork()
    core = add_server(network)
    for phone in two_flows(network, newest=2):
        _fail_packets_to(network, core, phone.address)
    caller = Phone(network, "alice", 5073)
    session = caller.call("bob")
    network.run_until(lambda: session.ended)
    assert caller.end_of(session).status == 480


@pytest.mark.parametrize("registered_anew", [True, False])
def test_request_in_a_dialog_over_a_flow_that_is_gone(registered_anew: bool) -> None:
    """The BYE follows the phone to its new flow; where there is none, it is answered 430 (RFC 5626 s5.3.1)."""
    network = VirtualNetwork()
    core = add_server(network)
    alice, bob = hidden_phone(network, gruu=False), Phone(network, "bob", 5072)
    bob.register()
    bob.call("alice")
    network.run_until(lambda: bool(alice.of(events.CallConfirmed)))
    _fail_packets_to(network, core, alice.address)
    if registered_anew:  # from another port: the NAT has made another mapping
        network.attach(("127.0.0.1", 5099), alice.endpoint, alice._take_events)
        alice.address = ("127.0.0.1", 5099)
        next(iter(alice.endpoint.registrations)).refresh(network.now)
        alice.flush()
        network.run(1.0)
    bob.hangup(bob.sessions[0])
    network.run(40.0)
    assert (alice.end_of(alice.sessions[0]) is not None) == registered_anew
    assert core.statistics(network.now).get("response_430", 0) == (not registered_anew)


class Deaf:
    """A node that takes everything and says nothing."""

    def receive(self, data: bytes, source: Source, now: float) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def next_timeout(self) -> float | None: ...
    def data_to_send(self) -> list[OutgoingPacket]:
        return []


def _fail_packets_to(network: VirtualNetwork, core: ServerCore, address: tuple[str, int]) -> None:
    """Have what the server sends to an address fail at once, as over a connection that is gone."""
    send = core.data_to_send

    def data_to_send() -> list[OutgoingPacket]:
        kept: list[OutgoingPacket] = []
        while packets := send():
            for packet in packets:
                if (packet.hop.host, packet.hop.port) != address:
                    kept.append(packet)
                elif packet.token is not None:
                    core.transport_failed(packet.token, "no such connection", network.now)
        return kept

    core.data_to_send = data_to_send  # type: ignore[method-assign]
