"""What becomes of requests no call asked for: RFC 3261 s8.2 in its order, and of what is no message at all."""

from __future__ import annotations

from typing import Any

import pytest

from microsip_core.errors import InvalidState
from microsip_core.ids import IdSource
from microsip_core.sip import builder
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import (
    CallEnded,
    CallIncoming,
    MalformedReceived,
    RequestReceived,
    ResponseReceived,
)
from microsip_core.sip.hop import Source
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message

from .calls import ANSWER, BOB_URI, OFFER, Phones, one

SOURCE = Source("UDP", "10.0.0.1", 5060, ("10.0.0.2", 5060))


@pytest.fixture
def bob() -> Endpoint:
    return make_endpoint()


def make_endpoint(**config: Any) -> Endpoint:
    return Endpoint(EndpointConfig(local_address=lambda hop: ("10.0.0.2", 5060), **config), IdSource(1))


def make_request(
    method: str, *, to: str = f"<{BOB_URI}>", contact: str | None = "<sip:alice@10.0.0.1>", **parts: Any
) -> Request:
    parts.setdefault("cseq", 1)
    return builder.request(
        method,
        parts.pop("uri", BOB_URI),
        via=parts.pop("via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKone"),
        from_="<sip:alice@example.com>;tag=a",
        to=to,
        call_id="call",
        contact=contact,
        **parts,
    )


def exchange(endpoint: Endpoint, request: Request | bytes, source: Source = SOURCE) -> list[Response]:
    """Return what the endpoint responds with."""
    endpoint.receive(request if isinstance(request, bytes) else request.to_bytes(), source, 0.0)
    responses = [parse_message(packet.data) for packet in endpoint.data_to_send()]
    assert all(isinstance(response, Response) for response in responses)
    return responses  # type: ignore[return-value]


def test_options_are_answered_with_what_we_can(bob: Endpoint) -> None:
    response = exchange(bob, make_request("OPTIONS", headers=[("Accept", "application/sdp")]))[0]
    assert response.status == 200
    assert {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "MESSAGE"} <= set(response.get_all("Allow"))
    assert response.get("Accept") == "application/sdp"
    assert response.get("Server") == "microsip-core"
    assert response.to.tag is not None
    assert response.contact is not None
    assert response.contact.uri == "sip:bob@10.0.0.2:5060"
    assert bob.next_event() is None


@pytest.mark.parametrize(
    ("method", "to_tag", "status"),
    [
        ("BYE", None, 481),
        ("BYE", "x", 481),
        ("INVITE", "x", 481),
        ("OPTIONS", "x", 481),
        ("INFO", "x", 481),
        ("CANCEL", None, 481),
        ("PRACK", "x", 481),
        ("UPDATE", None, 481),
        ("REGISTER", None, 405),
        ("PUBLISH", None, 405),
        ("NOTIFY", None, 481),
        ("REFER", None, 405),
        ("FROBNICATE", None, 501),
    ],
)
def test_requests_that_lead_nowhere(bob: Endpoint, method: str, to_tag: str | None, status: int) -> None:
    to = f"<{BOB_URI}>" + (f";tag={to_tag}" if to_tag else "")
    response = exchange(bob, make_request(method, to=to))[0]
    assert response.status == status
    assert ("Allow" in response) == (status in (405, 501))
    assert bob.statistics.refused == {status: 1}


def test_an_ack_is_never_answered(bob: Endpoint) -> None:
    assert exchange(bob, make_request("ACK", to=f"<{BOB_URI}>;tag=x")) == []
    assert exchange(bob, b"ACK sip:x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n") == []


def test_extensions_we_lack_are_refused(bob: Endpoint) -> None:
    response = exchange(bob, make_request("INVITE", headers=[("Require", "foo, bar"), ("Require", "baz")], body=OFFER))[
        0
    ]
    assert response.status == 420
    assert response.get_all("Unsupported") == ["foo", "bar", "baz"]
    assert bob.next_event() is None


def test_required_extensions_of_the_driver_pass() -> None:
    endpoint = make_endpoint(supported=("foo",))
    exchange(endpoint, make_request("INVITE", headers=[("Require", "FOO")], body=OFFER, content_type="application/sdp"))
    assert isinstance(endpoint.next_event(), CallIncoming)


@pytest.mark.parametrize(
    ("headers", "content_type", "status"),
    [
        ([], "text/plain", 415),
        ([("Content-Encoding", "gzip")], "application/sdp", 415),
        ([("Content-Disposition", "render; handling=optional")], "text/plain", None),
        ([], "application/sdp", None),
        ([], "Application/SDP ; charset=utf-8", None),
    ],
)
def test_content_types(bob: Endpoint, headers: list[tuple[str, str]], content_type: str, status: int | None) -> None:
    responses = exchange(bob, make_request("INVITE", headers=headers, body=OFFER, content_type=content_type))
    if status is None:
        assert responses == []
        event = bob.next_event()
        assert isinstance(event, CallIncoming)
        assert (event.sdp == OFFER) == (content_type != "text/plain")
    else:
        assert responses[0].status == status
        assert responses[0].get("Accept") == "application/sdp"


def test_a_session_description_in_a_multipart_body(bob: Endpoint) -> None:
    body = (
        b"--frontier\r\nContent-Type: text/plain\r\n\r\nhello\r\n--frontier\r\nContent-Type: application/sdp\r\n\r\n"
        + OFFER
        + b"\r\n--frontier--\r\n"
    )
    exchange(bob, make_request("INVITE", body=body, content_type='multipart/mixed; boundary="frontier"'))
    event = bob.next_event()
    assert isinstance(event, CallIncoming)
    assert event.sdp == OFFER


def test_an_invite_needs_a_contact_that_can_be_used(bob: Endpoint) -> None:
    request = make_request("INVITE", contact="<tel:+123>", body=OFFER, content_type="application/sdp")
    assert exchange(bob, request)[0].status == 400


def test_without_contact_the_from_uri_is_the_target(bob: Endpoint) -> None:
    """RFC 2543 peers send none."""
    exchange(bob, make_request("INVITE", contact=None, body=OFFER, content_type="application/sdp"))
    event = bob.next_event()
    assert isinstance(event, CallIncoming)
    assert event.session.established_dialog.target == "sip:alice@example.com"


def test_a_delivered_request_waits_for_the_driver(bob: Endpoint) -> None:
    assert exchange(bob, make_request("MESSAGE", body=b"hi", content_type="text/plain")) == []
    event = bob.next_event()
    assert isinstance(event, RequestReceived)
    assert (event.request.body, event.session) == (b"hi", None)
    event.incoming.respond(202, 0.0, headers=[("X-A", "1")])
    response = parse_message(bob.data_to_send()[0].data)
    assert isinstance(response, Response)
    assert (response.status, response.get("X-A")) == (202, "1")
    with pytest.raises(InvalidState):
        event.incoming.respond(200, 0.0)


def test_what_is_delivered_is_the_drivers_choice() -> None:
    endpoint = make_endpoint(deliver=frozenset({"REFER", "NOTIFY"}))
    exchange(endpoint, make_request("REFER"))
    assert isinstance(endpoint.next_event(), RequestReceived)
    response = exchange(endpoint, make_request("MESSAGE", via="SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKtwo", cseq=2))[0]
    assert response.status == 405
    assert response.get_all("Allow") == [
        "INVITE",
        "ACK",
        "CANCEL",
        "BYE",
        "OPTIONS",
        "PRACK",
        "UPDATE",
        "NOTIFY",
        "REFER",
    ]


# -- in a dialog


def test_requests_in_a_dialog() -> None:
    phones = Phones()
    alice, bob = phones.connect()
    options = alice.send_request("OPTIONS", phones.now)
    message = alice.send_request("MESSAGE", phones.now, body=b"hi", content_type="text/plain", owner="mine")
    phones.run(0.015)
    received = one(phones.bob_node, RequestReceived)
    assert received.session is bob
    received.incoming.respond(200, phones.now)
    phones.run(0.1)
    responses = [event for event in phones.alice_node.events if isinstance(event, ResponseReceived)]
    assert [(event.request, event.status, event.session) for event in responses] == [
        (options, 200, alice),
        (message, 200, alice),
    ]
    assert message.owner == "mine"
    bob.hangup(phones.now)
    phones.end()


def test_an_old_cseq_is_refused() -> None:
    phones = Phones()
    alice, bob = phones.connect()
    alice.established_dialog.local_cseq = 10
    alice.send_request("OPTIONS", phones.now)
    phones.run(0.1)
    alice.established_dialog.local_cseq = 5
    alice.send_request("OPTIONS", phones.now)
    phones.run(0.1)
    assert [event.status for event in phones.alice_node.events] == [200, 500]
    bob.hangup(phones.now)
    phones.end()


def test_a_dialog_the_peer_has_lost_ends_the_call() -> None:
    phones = Phones()
    alice, bob = phones.connect()
    phones.bob.forget_session(bob)
    alice.send_request("INFO", phones.now)
    phones.run()
    assert one(phones.alice_node, CallEnded).status == 481


def test_a_second_hang_up_is_answered_too() -> None:
    phones = Phones()
    alice, bob = phones.connect()
    bob.hangup(phones.now)
    phones.run(0.05)
    alice._dialog_request("BYE", (), b"", None, None).send(phones.now)
    phones.run(0.1)
    assert phones.flow()[-1] == "b->a 481 BYE"


# -- requests out of a dialog, by us


def test_options_to_a_peer_and_to_nobody() -> None:
    phones = Phones()
    phones.alice.request("OPTIONS", BOB_URI, 0.0, headers=[("Accept", "application/sdp")], owner=1)
    phones.alice.request("OPTIONS", "sip:nobody@10.0.0.99", 0.0, owner=2)
    phones.run()
    events = [event for event in phones.alice_node.events if isinstance(event, ResponseReceived)]
    assert [(event.request.owner, event.status, event.response is None) for event in events] == [
        (1, 200, False),
        (2, 408, True),
    ]


# -- what is no message


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b"", b" "])
def test_keep_alives_are_dropped(bob: Endpoint, data: bytes) -> None:
    assert exchange(bob, data) == []
    assert bob.next_event() is None
    assert bob.statistics.malformed == 0


def test_malformed_requests_are_answered_where_possible_and_counted(bob: Endpoint) -> None:
    good = make_request("OPTIONS").to_bytes()
    for bad, status in (
        (good.replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"), 505),
        (good.replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE"), 400),
        (good.replace(b"sip:bob@10.0.0.2 SIP", b"http://x SIP"), 416),
        (good.replace(b"Call-ID: call\r\n", b""), 400),
        (good.replace(b"Via: SIP/2.0/UDP", b"Via: nonsense"), 400),
        (b"GET / HTTP/1.1\r\n\r\n", None),
        (b"SIP/2.0 200 OK\r\n\r\n", None),
    ):
        responses = exchange(bob, bad)
        assert [response.status for response in responses] == ([status] if status else [])
        event = bob.next_event()
        assert isinstance(event, MalformedReceived)
        assert event.answered == bool(status)
    assert bob.statistics.malformed == 7
    assert bob.layer.server_count == 0


def test_an_unknown_scheme_is_416(bob: Endpoint) -> None:
    assert exchange(bob, make_request("INVITE", uri="tel:+1234", body=OFFER))[0].status == 416


# -- where we are reached


def test_the_contact_is_where_the_call_came_in_at() -> None:
    for local, contact in (
        (("192.0.2.1", 5070), "sip:bob@192.0.2.1:5070"),
        (("0.0.0.0", 5060), "sip:bob@10.0.0.2:5060"),
        (("2001:db8::1", 5060), "sip:bob@[2001:db8::1]:5060"),
    ):
        endpoint = make_endpoint()
        source = SOURCE._replace(local=local)
        exchange(endpoint, make_request("INVITE", body=OFFER, content_type="application/sdp"), source)
        event = endpoint.next_event()
        assert isinstance(event, CallIncoming)
        event.session.accept(ANSWER, 0.0)
        response = parse_message(endpoint.data_to_send()[0].data)
        assert response.contact is not None
        assert response.contact.uri == contact


def test_over_tcp_the_connection_is_reused_and_nothing_is_repeated_but_the_2xx() -> None:
    endpoint = make_endpoint()
    source = Source("TCP", "10.0.0.1", 40000, ("10.0.0.2", 5060))
    request = make_request(
        "INVITE",
        body=OFFER,
        content_type="application/sdp",
        via="SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKone",
        contact="<sip:alice@10.0.0.1>",
    )
    exchange(endpoint, request, source)
    event = endpoint.next_event()
    assert isinstance(event, CallIncoming)
    event.session.accept(ANSWER, 0.0)
    packet = endpoint.data_to_send()[0]
    assert (packet.source, packet.hop.transport) == (source, "TCP")
    response = parse_message(packet.data)
    assert response.contact is not None
    assert response.contact.uri == "sip:bob@10.0.0.2:5060;transport=tcp"
    endpoint.handle_timeout(0.5)
    assert len(endpoint.data_to_send()) == 1
    ack = make_request("ACK", to=f"<{BOB_URI}>;tag={response.to.tag}", via="SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKtwo")
    assert exchange(endpoint, ack, source) == []
    event.session.hangup(1.0)
    bye = endpoint.data_to_send()[0]
    assert (bye.source, bye.hop) == (source, ("TCP", "10.0.0.1", None))


@pytest.mark.parametrize(
    ("contact", "from_", "statuses"),
    [
        ("<tel:+123>", "<sip:alice@example.com>;tag=a", [400]),
        (None, "<tel:+123>;tag=a", [400]),
        (None, "<sip:alice@example.com>;tag=a", []),
    ],
)
def test_a_call_is_taken_only_from_where_it_can_be_ended(
    bob: Endpoint, contact: str | None, from_: str, statuses: list[int],
) -> None:
    request = make_request("INVITE", contact=contact, body=OFFER, content_type="application/sdp")
    request.set("From", from_)
    assert [response.status for response in exchange(bob, request)] == statuses
    assert len(bob.sessions) == (0 if statuses else 1)
