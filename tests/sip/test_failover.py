"""Large requests go by TCP first, and requests go on to the next server of a domain, on the virtual clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsip_core.ids import IdSource
from microsip_core.sip.builder import response_to
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import CallIncoming, EndCause, ResponseReceived
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.sip.message import Request
from microsip_core.sip.parser import parse_message

from .calls import OFFER, Phones, one

LARGE = (("X-Filler", "x" * 1300),)
PEER = "sip:bob@10.0.0.2"


class Sender:
    """One endpoint whose packets the test takes."""

    def __init__(self, **config: Any) -> None:
        self.endpoint = Endpoint(
            EndpointConfig(local_address=lambda hop: ("10.0.0.1", 5060), **config), IdSource(1),
        )
        self.now = 0.0

    def request(self, uri: str = PEER, headers: Sequence[tuple[str, str]] = LARGE) -> None:
        self.endpoint.request("OPTIONS", uri, self.now, headers=headers)

    def sent(self) -> tuple[OutgoingPacket, Request]:
        """Return the one packet that waits."""
        (packet,) = self.endpoint.data_to_send()
        request = parse_message(packet.data)
        assert isinstance(request, Request)
        return packet, request

    def answer(self, request: Request, status: int) -> None:
        source = Source("UDP", "10.0.0.2", 5060, ("10.0.0.1", 5060))
        self.endpoint.receive(response_to(request, status, to_tag="t").to_bytes(), source, self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        while (due := self.endpoint.next_timeout()) is not None and due <= self.now:
            self.endpoint.handle_timeout(due)

    def outcome(self) -> ResponseReceived:
        event = self.endpoint.next_event()
        assert isinstance(event, ResponseReceived)
        return event


def test_large_request_goes_by_tcp_and_says_so_in_its_via() -> None:
    sender = Sender()
    sender.request()
    packet, request = sender.sent()
    assert packet.hop == Hop("TCP", "10.0.0.2", None)
    assert request.via.transport == "TCP"
    sender.wait(10)
    assert sender.endpoint.data_to_send() == []  # a reliable transport: no retransmission
    sender.answer(request, 200)
    assert sender.outcome().status == 200
    assert sender.endpoint.statistics.switched_to_tcp == 1
    assert sender.endpoint.statistics.tcp_refused == 0


def test_the_limit_is_1300_octets() -> None:
    probe = Sender()
    probe.request(headers=(("X-Filler", ""),))
    size = len(probe.sent()[0].data)
    for extra, transport in ((1300 - size, "UDP"), (1301 - size, "TCP")):
        sender = Sender()
        sender.request(headers=(("X-Filler", "x" * extra),))
        packet, _ = sender.sent()
        assert (len(packet.data), packet.hop.transport) == (size + extra, transport)


def test_refused_tcp_falls_back_to_udp_and_is_remembered() -> None:
    sender = Sender()
    sender.request()
    first, request = sender.sent()
    sender.endpoint.transport_failed(first.token, "refused", sender.now)
    second, again = sender.sent()
    assert second.hop == Hop("UDP", "10.0.0.2", None)
    assert again.via.transport == "UDP"
    assert again.via.branch != request.via.branch
    assert again.cseq == request.cseq
    sender.answer(again, 200)
    assert sender.outcome().status == 200
    sender.request()
    assert sender.sent()[0].hop.transport == "UDP"
    sender.wait(700)
    sender.endpoint.data_to_send()
    sender.request()
    assert sender.sent()[0].hop.transport == "TCP"
    assert sender.endpoint.statistics.tcp_refused == 1


def test_explicit_transport_and_small_requests_stay_as_they_are() -> None:
    sender = Sender()
    sender.request("sip:bob@10.0.0.2;transport=udp")
    assert sender.sent()[0].hop.transport == "UDP"
    sender.request(headers=())
    assert sender.sent()[0].hop.transport == "UDP"
    sender.request("sip:bob@10.0.0.2;transport=tls")
    assert sender.sent()[0].hop.transport == "TLS"
    assert sender.endpoint.statistics.switched_to_tcp == 0


def test_large_call_by_tcp_ends_by_udp() -> None:
    """Only the INVITE is large; ACK and BYE go where the Contact says."""
    phones = Phones()
    session = phones.call(headers=LARGE)
    phones.run(0.05)
    incoming = one(phones.bob_node, CallIncoming).session
    assert phones.alice.statistics.switched_to_tcp == 1
    incoming.accept(OFFER, phones.now)
    phones.run(0.05)
    session.hangup(phones.now)
    phones.end()


def test_canceled_request_does_not_fall_back() -> None:
    sender = Sender()
    session = sender.endpoint.invite(PEER, OFFER, sender.now, headers=LARGE)
    packet, _ = sender.sent()
    session.hangup(sender.now)
    sender.endpoint.transport_failed(packet.token, "refused", sender.now)
    assert sender.endpoint.data_to_send() == []


class Servers:
    """A domain with servers that fail one after the other."""

    def __init__(self, count: int) -> None:
        self.left = count - 1
        self.asked: list[Hop] = []

    def another(self, hop: Hop) -> bool:
        self.asked.append(hop)
        self.left -= 1
        return self.left >= 0


def test_next_server_after_time_out_error_and_503() -> None:
    servers = Servers(4)
    sender = Sender(another_target=servers.another)
    sender.request("sip:example.com", headers=())
    first, one = sender.sent()
    sender.endpoint.transport_failed(first.token, "unreachable", sender.now)
    _, two = sender.sent()
    sender.answer(two, 503)
    _, three = sender.sent()
    sender.wait(33)
    packets = sender.endpoint.data_to_send()
    four = parse_message(packets[-1].data)
    assert isinstance(four, Request)
    assert len({one.via.branch, two.via.branch, three.via.branch, four.via.branch}) == 4
    assert one.cseq == two.cseq == three.cseq == four.cseq
    assert one.call_id == four.call_id
    sender.answer(four, 200)
    assert sender.outcome().status == 200
    assert sender.endpoint.statistics.failovers == 3
    assert servers.asked == [Hop("UDP", "example.com", None)] * 3


def test_last_server_has_the_last_word() -> None:
    sender = Sender(another_target=Servers(1).another)
    sender.request("sip:example.com", headers=())
    _, request = sender.sent()
    sender.answer(request, 503)
    assert sender.outcome().status == 503
    sender.request("sip:example.com", headers=())
    packet, _ = sender.sent()
    sender.endpoint.transport_failed(packet.token, "unreachable", sender.now)
    assert sender.outcome().cause is EndCause.TRANSPORT


def test_address_with_port_has_no_other_server() -> None:
    servers = Servers(3)
    sender = Sender(another_target=servers.another)
    sender.request("sip:example.com:5060", headers=())
    sender.answer(sender.sent()[1], 503)
    assert sender.outcome().status == 503
    assert servers.asked == []


def test_domain_chooses_the_transport_unless_the_uri_does() -> None:
    sender = Sender(choose_hop=lambda hop: hop._replace(transport="TLS"))
    for uri, transport in (
        ("sip:example.com", "TLS"), ("sip:example.com;transport=tcp", "TCP"), ("sip:example.com:5060", "UDP"),
    ):
        sender.request(uri, headers=())
        assert sender.sent()[0].hop.transport == transport
