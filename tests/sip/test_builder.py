"""Requests from parts, responses from requests, CANCEL and ACK."""

from __future__ import annotations

import pytest

from microsip_core.errors import InvalidArgument
from microsip_core.sip import builder
from microsip_core.sip.builder import ack_for_failure, cancel_for, response_to
from microsip_core.sip.header_values import NameAddr, Via
from microsip_core.sip.message import Request
from microsip_core.sip.parser import check_request, check_response, parse_message
from microsip_core.sip.uri import SipUri


def invite(**changes: object) -> Request:
    arguments: dict[str, object] = {
        "via": Via("UDP", "h", 5060, {"branch": "z9hG4bK1", "rport": None}),
        "from_": NameAddr("Alice", "sip:a@h", {"tag": "1"}),
        "to": "<sip:b@h>",
        "call_id": "c",
        "cseq": 5,
    }
    return builder.request("INVITE", "sip:b@h", **(arguments | changes))  # type: ignore[arg-type]


def test_request_from_parts() -> None:
    request = invite(
        contact="<sip:a@1.2.3.4>",
        routes=["<sip:r1;lr>", NameAddr("", "sip:r2;lr")],
        headers=[("Supported", "timer"), ("X-One", "1")],
        body=b"v=0\r\n",
        content_type="application/sdp",
    )
    assert request.to_bytes() == (
        b"INVITE sip:b@h SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport\r\n"
        b"Route: <sip:r1;lr>\r\n"
        b"Route: <sip:r2;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b"From: Alice <sip:a@h>;tag=1\r\n"
        b"To: <sip:b@h>\r\n"
        b"Call-ID: c\r\n"
        b"CSeq: 5 INVITE\r\n"
        b"Contact: <sip:a@1.2.3.4>\r\n"
        b"Supported: timer\r\n"
        b"X-One: 1\r\n"
        b"Content-Type: application/sdp\r\n"
        b"Content-Length: 5\r\n"
        b"\r\n"
        b"v=0\r\n"
    )
    assert check_request(request) is None
    assert check_request(parse_message(request.to_bytes())) is None  # type: ignore[arg-type]


def test_request_uri_may_be_a_value() -> None:
    request = builder.request(
        "BYE",
        SipUri("sip", "b", None, "::1"),
        via="SIP/2.0/UDP h",
        from_="<sip:a@h>",
        to="<sip:b@h>",
        call_id="c",
        cseq=1,
    )
    assert request.uri == "sip:b@[::1]"


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "<sip:b@h>\r\nX: y"},
        {"call_id": "c\nX: y"},
        {"contact": "<sip:a@h>\rX: y"},
        {"headers": [("X", "y\r\nZ: z")]},
        {"headers": [("X: y\r\nZ", "z")]},
        {"content_type": "a\r\nX: y"},
        {"via": "SIP/2.0/UDP h\r\nX: y"},
        {"routes": ["<sip:r>\r\nX: y"]},
    ],
)
def test_no_header_can_be_smuggled_in(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        invite(**changes)
    with pytest.raises(InvalidArgument):
        builder.request(
            "INVITE",
            "sip:b@h SIP/2.0\r\nX: y",
            via="SIP/2.0/UDP h",
            from_="<sip:a@h>",
            to="<sip:b@h>",
            call_id="c",
            cseq=1,
        )


@pytest.mark.parametrize(("method", "uri"), [("IN VITE", "sip:b@h"), ("", "sip:b@h"), ("INVITE", "sip:b@h SIP/2.0 x")])
def test_start_line_can_not_be_broken(method: str, uri: str) -> None:
    with pytest.raises(InvalidArgument):
        builder.request(method, uri, via="SIP/2.0/UDP h", from_="<sip:a@h>", to="<sip:b@h>", call_id="c", cseq=1)


def test_a_content_length_among_the_headers_is_not_believed() -> None:
    data = invite(headers=[("Content-Length", "99"), ("l", "98")], body=b"abc").to_bytes()
    assert data.count(b"Content-Length") == 1
    assert data.endswith(b"Content-Length: 3\r\n\r\nabc")


RECEIVED = (
    b"INVITE sip:b@h SIP/2.0\r\n"
    b"v: SIP/2.0/UDP one;branch=z9hG4bK1;received=1.2.3.4, SIP/2.0/UDP two\r\n"
    b"Via: SIP/2.0/UDP three\r\n"
    b"Record-Route: <sip:p1;lr>\r\n"
    b"Record-Route: <sip:p2;lr>\r\n"
    b'f: "Al, ice" <sip:a@h>;tag=1\r\n'
    b"t: Bob <sip:b@h>\r\n"
    b"i: c\r\n"
    b"CSeq: 5 INVITE\r\n"
    b"Timestamp: 54\r\n"
    b"Subject: x\r\n"
    b"Content-Length: 0\r\n\r\n"
)


@pytest.fixture
def received() -> Request:
    message = parse_message(RECEIVED)
    assert isinstance(message, Request)
    return message


def test_response_takes_over_what_rfc3261_says(received: Request) -> None:
    response = response_to(
        received,
        200,
        to_tag="t",
        contact="<sip:b@5.6.7.8>",
        headers=[("Allow", "ACK")],
        body=b"sdp",
        content_type="x/y",
    )
    assert response.to_bytes() == (
        b"SIP/2.0 200 OK\r\n"
        b"Via: SIP/2.0/UDP one;branch=z9hG4bK1;received=1.2.3.4, SIP/2.0/UDP two\r\n"
        b"Via: SIP/2.0/UDP three\r\n"
        b"Record-Route: <sip:p1;lr>\r\n"
        b"Record-Route: <sip:p2;lr>\r\n"
        b'From: "Al, ice" <sip:a@h>;tag=1\r\n'
        b"To: Bob <sip:b@h>;tag=t\r\n"
        b"Call-ID: c\r\n"
        b"CSeq: 5 INVITE\r\n"
        b"Contact: <sip:b@5.6.7.8>\r\n"
        b"Allow: ACK\r\n"
        b"Content-Type: x/y\r\n"
        b"Content-Length: 3\r\n\r\nsdp"
    )
    assert check_response(response) is None
    assert response.to.tag == "t"


def test_timestamp_goes_into_100_and_record_route_does_not(received: Request) -> None:
    trying = response_to(received, 100)
    assert trying.get("Timestamp") == "54"
    assert trying.to.tag is None
    assert "Record-Route" not in trying
    assert "Record-Route" in response_to(received, 183, to_tag="t")
    busy = response_to(received, 486, to_tag="t")
    assert "Record-Route" not in busy
    assert "Timestamp" not in busy
    assert busy.reason == "Busy Here"


def test_a_to_tag_is_never_replaced(received: Request) -> None:
    received.set("To", "<sip:b@h;tag=uri>;tag=old")
    assert response_to(received, 200, to_tag="new").to.tag == "old"
    received.set("To", "<sip:b@h;tag=uri>")
    assert response_to(received, 200, to_tag="new").to.tag == "new"
    received.set("To", "sip:b@h;x=y")
    assert response_to(received, 200, to_tag="new").to.params == {"x": "y", "tag": "new"}


def test_requests_that_can_not_be_read_are_answered_too() -> None:
    request = parse_message(b'INVITE sip:b@h SIP/2.0\r\nVia: ;;\r\nTo: "broken\r\nCSeq: x\r\n\r\n')
    assert isinstance(request, Request)
    answer = response_to(request, 400, "Malformed Via", to_tag="t").to_bytes()
    assert answer.startswith(
        b'SIP/2.0 400 Malformed Via\r\nVia: ;;\r\nTo: "broken;tag=t\r\nCSeq: x\r\nContent-Length: 0'
    )


def test_reason_and_to_tag_can_not_smuggle(received: Request) -> None:
    for arguments in ({"reason": "OK\r\nX: y"}, {"to_tag": "t\r\nX: y"}, {"contact": "<sip:a>\nX: y"}):
        with pytest.raises(InvalidArgument):
            response_to(received, 200, **arguments)  # type: ignore[arg-type]


def test_unknown_status_has_an_empty_reason(received: Request) -> None:
    assert response_to(received, 499).to_bytes().startswith(b"SIP/2.0 499 \r\n")
    assert response_to(received, 499, "Odd").to_bytes().startswith(b"SIP/2.0 499 Odd\r\n")


def test_response_does_not_change_its_request(received: Request) -> None:
    response_to(received, 200, to_tag="t", headers=[("X", "y")]).to_bytes()
    assert received.to_bytes() == RECEIVED


def sent_invite() -> Request:
    request = invite(routes=["<sip:r1;lr>", "<sip:r2;lr>"], contact="<sip:a@1.2.3.4>", body=b"sdp", content_type="x/y")
    request.add("Proxy-Authorization", "Digest x")
    return request


def test_cancel() -> None:
    cancel = cancel_for(sent_invite())
    assert cancel.to_bytes() == (
        b"CANCEL sip:b@h SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport\r\n"
        b"Route: <sip:r1;lr>\r\n"
        b"Route: <sip:r2;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b"From: Alice <sip:a@h>;tag=1\r\n"
        b"To: <sip:b@h>\r\n"
        b"Call-ID: c\r\n"
        b"CSeq: 5 CANCEL\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_ack_for_a_failure_has_the_to_of_the_response() -> None:
    request = sent_invite()
    response = parse_message(response_to(request, 486, to_tag="remote").to_bytes())
    ack = ack_for_failure(request, response)  # type: ignore[arg-type]
    assert (ack.method, ack.uri, ack.cseq, ack.body) == ("ACK", "sip:b@h", (5, "ACK"), b"")
    assert ack.to.tag == "remote"
    assert ack.via.branch == "z9hG4bK1"
    assert len(ack.vias) == 1
    assert len(ack.routes) == 2
    assert "Contact" not in ack
    assert check_request(ack) is None


def test_only_the_topmost_via_is_taken_over_by_a_proxy() -> None:
    request = sent_invite()
    request.insert_first("Via", "SIP/2.0/UDP proxy;branch=z9hG4bK2")
    assert [via.host for via in cancel_for(request).vias] == ["proxy"]
