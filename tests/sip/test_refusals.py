"""What is wrong with a request is told by its status, and by the headers that say what would be right."""

from __future__ import annotations

import pytest

from microsip_core.ids import IdSource
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import CallIncoming, RequestReceived
from microsip_core.sip.hop import Source
from microsip_core.sip.limits import Limits
from microsip_core.sip.message import Response
from microsip_core.sip.parser import parse_message

from .calls import ANSWER, OFFER

BODY = b"v=0\r\n"


def make_endpoint(**config: object) -> Endpoint:
    return Endpoint(EndpointConfig(local_address=lambda hop: ("10.0.0.2", 5060), **config), IdSource(1))  # type: ignore[arg-type]


def message(
    start: str = "OPTIONS sip:bob@10.0.0.2 SIP/2.0", *changes: tuple[str, str | None], body: bytes = b"",
) -> bytes:
    """Return a good request but for the changes: (header, value) in place of the header, None to leave it out."""
    method = start.partition(" ")[0]
    headers: dict[str, str | None] = {
        "Via": "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1", "From": "<sip:a@192.0.2.7>;tag=a", "To": "<sip:bob@10.0.0.2>",
        "Call-ID": "c1", "CSeq": f"1 {method}", "Max-Forwards": "70", "Contact": "<sip:a@192.0.2.7>",
        "Content-Length": str(len(body)),
    }
    headers.update(changes)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return f"{start}\r\n{lines}\r\n".encode("utf-8", "surrogateescape") + body


def ask(endpoint: Endpoint, data: bytes, transport: str = "UDP") -> list[Response]:
    """Return the final responses; calls are answered, and delivered requests left to the core."""
    endpoint.receive(data, Source(transport, "192.0.2.7", 5060, ("10.0.0.2", 5060)), 0.0)
    while (event := endpoint.next_event()) is not None:
        if isinstance(event, CallIncoming):
            event.session.accept(ANSWER, 0.0)
        elif isinstance(event, RequestReceived):
            event.incoming.decline(0.0)
    responses = [parse_message(packet.data) for packet in endpoint.data_to_send()]
    return [one for one in responses if isinstance(one, Response) and one.status >= 200]


INVITE = "INVITE sip:bob@10.0.0.2 SIP/2.0"
OPTIONS = "OPTIONS sip:bob@10.0.0.2 SIP/2.0"
SDP = ("Content-Type", "application/sdp")
LONG = "x" * 3000
FORKED = "SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK9, SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK0"
CASES: list[tuple[str, bytes, int, str | None]] = [
    ("no To", message(OPTIONS, ("To", None)), 400, None),
    ("no From", message(OPTIONS, ("From", None)), 400, None),
    ("no Call-ID", message(OPTIONS, ("Call-ID", None)), 400, None),
    ("no CSeq", message(OPTIONS, ("CSeq", None)), 400, None),
    ("CSeq of another method", message(OPTIONS, ("CSeq", "1 INVITE")), 400, None),
    ("CSeq without method", message(OPTIONS, ("CSeq", "1")), 400, None),
    ("CSeq too large", message(OPTIONS, ("CSeq", "4294967296 OPTIONS")), 400, None),
    ("CSeq negative", message(OPTIONS, ("CSeq", "-1 OPTIONS")), 400, None),
    ("CSeq in hexadecimal", message(OPTIONS, ("CSeq", "0x10 OPTIONS")), 400, None),
    ("Max-Forwards too large", message(OPTIONS, ("Max-Forwards", "256")), 400, None),
    ("Max-Forwards negative", message(OPTIONS, ("Max-Forwards", "-1")), 400, None),
    ("two Call-IDs", message(OPTIONS, ("i", "other")), 400, None),
    ("two Froms", message(OPTIONS, ("f", "<sip:x@h>;tag=x")), 400, None),
    ("two Tos", message(OPTIONS, ("t", "<sip:x@h>")), 400, None),
    ("two CSeqs", message(OPTIONS, ("cseq", "2 OPTIONS")), 400, None),
    ("two Max-Forwards", message(OPTIONS, ("max-forwards", "9")), 400, None),
    ("two lengths", message(OPTIONS, ("l", "5"), body=b"12345678"), 400, None),
    ("length negative", message(OPTIONS, ("Content-Length", "-5")), 400, None),
    ("length beyond the end", message(OPTIONS, ("Content-Length", "500")), 400, None),
    ("length of words", message(OPTIONS, ("Content-Length", "many")), 400, None),
    ("unclosed quotes", message(OPTIONS, ("To", '"Bob <sip:bob@h>')), 400, None),
    ("unclosed bracket", message(OPTIONS, ("To", "<sip:bob@h")), 400, None),
    ("header without colon", message(OPTIONS).replace(b"Max-Forwards: 70", b"Max-Forwards 70"), 400, None),
    ("header without name", message(OPTIONS).replace(b"Max-Forwards: 70", b": 70"), 400, None),
    ("NUL in a header", message(OPTIONS, ("Subject", "a\0b")), 0, None),
    ("URI in brackets", message("OPTIONS <sip:bob@10.0.0.2> SIP/2.0"), 400, None),
    ("two spaces before the URI", message("OPTIONS  sip:bob@10.0.0.2 SIP/2.0"), 400, None),
    ("spaces in the URI", message("OPTIONS sip:bob@10.0.0.2; lr SIP/2.0"), 400, None),
    ("headers in the URI", message("OPTIONS sip:bob@10.0.0.2?Route=%3Csip:x%3E SIP/2.0"), 400, None),
    ("IPv6 without brackets", message("OPTIONS sip:bob@2001:db8::1 SIP/2.0"), 400, None),
    ("three colons", message("OPTIONS sip:bob@[2001:db8:::1] SIP/2.0"), 400, None),
    ("port too large", message("OPTIONS sip:bob@10.0.0.2:70000 SIP/2.0"), 400, None),
    ("bad escape", message("OPTIONS sip:b%6gb@10.0.0.2 SIP/2.0"), 400, None),
    ("no branch value", message(OPTIONS, ("Via", "SIP/2.0/UDP")), 400, None),
    ("a method we know and lack", message("PUBLISH sip:bob@10.0.0.2 SIP/2.0"), 405, "Allow"),
    ("REGISTER", message("REGISTER sip:10.0.0.2 SIP/2.0"), 405, "Allow"),
    ("a method nobody knows", message("XYZZY sip:bob@10.0.0.2 SIP/2.0"), 501, "Allow"),
    ("a method in small letters", message("options sip:bob@10.0.0.2 SIP/2.0"), 501, "Allow"),
    ("a long URI", message(f"OPTIONS sip:{LONG}@10.0.0.2 SIP/2.0"), 414, None),
    ("another type", message(INVITE, ("Content-Type", "text/plain"), body=BODY), 415, "Accept"),
    ("another encoding", message(INVITE, SDP, ("Content-Encoding", "gzip"), body=BODY), 415, "Accept-Encoding"),
    ("another scheme", message("OPTIONS http://10.0.0.2/ SIP/2.0"), 416, None),
    ("a scheme nobody knows", message("OPTIONS nobody:knows SIP/2.0"), 416, None),
    ("an extension we lack", message(OPTIONS, ("Require", "nothing.we.have")), 420, "Unsupported"),
    ("a session of seconds", message(INVITE, SDP, ("Session-Expires", "10"), ("k", "timer"), body=BODY), 422, "Min-SE"),
    ("BYE to nobody", message("BYE sip:bob@10.0.0.2 SIP/2.0", ("To", "<sip:b@h>;tag=x")), 481, None),
    ("CANCEL of nothing", message("CANCEL sip:bob@10.0.0.2 SIP/2.0"), 481, None),
    ("NOTIFY to nobody", message("NOTIFY sip:bob@10.0.0.2 SIP/2.0", ("Event", "x")), 481, None),
    ("a dialog we have not", message(INVITE, ("To", "<sip:bob@10.0.0.2>;tag=none")), 481, None),
    ("version 3", message("OPTIONS sip:bob@10.0.0.2 SIP/3.0"), 505, None),
    ("version 7", message("OPTIONS sip:bob@10.0.0.2 SIP/7.0"), 505, None),
    ("a long header", message(OPTIONS, ("Subject", "x" * 9000)), 513, None),
    ("many headers", message(OPTIONS, *((f"X-{number}", "1") for number in range(300))), 513, None),
    ("no Contact", message(INVITE, ("Contact", None), ("From", "<tel:12>;tag=a")), 400, None),
    ("an odd Contact", message(INVITE, ("Contact", "<sip:>")), 400, None),
]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize(("data", "status", "header"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_wrong_is_told(data: bytes, status: int, header: str | None, transport: str) -> None:
    endpoint = make_endpoint()
    responses = ask(endpoint, data, transport)
    if status == 0:  # dropped or answered, as we like
        assert len(responses) <= 1
        return
    assert [one.status for one in responses] == [status]
    assert header is None or header in responses[0]
    assert responses[0].to_bytes().count(b"\0") == 0
    assert endpoint.statistics.refused == {status: 1}


def test_bodies_that_are_too_large() -> None:
    endpoint = make_endpoint(limits=Limits(max_body=1000))
    assert [one.status for one in ask(endpoint, message(INVITE, SDP, body=b"x" * 1001))] == [413]
    assert [one.status for one in ask(endpoint, message(INVITE, SDP, body=b"x" * 70_000))] == [513]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ([("Content-Type", "text/plain")], 415),
        ([("Content-Type", "application/sdp"), ("Content-Encoding", "gzip")], 415),
        ([("Content-Type", "text/plain"), ("Content-Disposition", "render;handling=optional")], None),
    ],
)
def test_a_change_of_a_call_with_a_body_that_is_no_description(
    method: str, changes: list[tuple[str, str | None]], status: int | None,
) -> None:
    endpoint = make_endpoint()
    (answer,) = ask(endpoint, message(INVITE, SDP, body=OFFER))
    to = f"<sip:bob@10.0.0.2>;tag={answer.to.tag}"
    ask(endpoint, message("ACK sip:bob@10.0.0.2 SIP/2.0", ("To", to), ("Via", "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK2")))
    data = message(
        f"{method} sip:bob@10.0.0.2 SIP/2.0", ("To", to), ("CSeq", f"2 {method}"),
        ("Via", "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK3"), *changes, body=BODY,
    )
    found = ask(endpoint, data)
    assert [one.status for one in found if one.status >= 300] == ([status] if status is not None else [])
    assert all("Accept" in one for one in found if one.status == 415)
    assert endpoint.sessions


def test_a_merged_request_is_told() -> None:
    endpoint = make_endpoint(deliver_others=True)
    endpoint.receive(message(INVITE, SDP, body=OFFER), Source("UDP", "192.0.2.7", 5060, ("10.0.0.2", 5060)), 0.0)
    other = message(INVITE, SDP, ("Via", FORKED), body=OFFER)
    assert 482 in [one.status for one in ask(endpoint, other)]


def test_what_was_refused_is_refused_again_by_another_way() -> None:
    """Only an ongoing request can be merged with (s8.2.2.2): a refusal does not turn into 482."""
    endpoint = make_endpoint()
    register = "REGISTER sip:10.0.0.2 SIP/2.0"
    other = message(register, ("Via", FORKED))
    assert [one.status for data in (message(register), other) for one in ask(endpoint, data)] == [405, 405]


@pytest.mark.parametrize(
    ("change", "counter"),
    [
        (("Via: ", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKfirst, "), "malformed"),
        (("Via: ", "v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKfirst\r\nVia: "), "malformed"),
        (("tag=", "tag=another"), "stray_responses"),
        (("Call-ID: ", "Call-ID: another"), "stray_responses"),
        (("CSeq: 1", "CSeq: 2"), "stray_responses"),
    ],
)
def test_a_response_that_is_not_to_our_request_is_dropped(change: tuple[str, str], counter: str) -> None:
    """RFC 3261 s8.1.3.3: a response with two Vias went astray; s8.2.6.2: the others can not be to what we sent."""
    endpoint = make_endpoint()
    endpoint.invite("sip:a@192.0.2.7", OFFER, 0.0)
    (packet,) = endpoint.data_to_send()
    head = packet.data.decode().partition("\r\n\r\n")[0]
    kept = [line for line in head.split("\r\n")[1:] if line.startswith(("Via", "From", "To", "Call-ID", "CSeq"))]
    answer = "\r\n".join(["SIP/2.0 200 OK", *kept, "Contact: <sip:a@192.0.2.7>", "Content-Length: 0", "", ""])
    answer = answer.replace("To: <sip:a@192.0.2.7>", "To: <sip:a@192.0.2.7>;TAG=x")
    assert change[0] in answer
    ask(endpoint, answer.replace(*change, 1).encode())
    assert getattr(endpoint.statistics, counter) == 1
    assert not endpoint.dialogs
    endpoint.receive(answer.encode(), Source("UDP", "192.0.2.7", 5060, ("10.0.0.2", 5060)), 0.0)
    assert b"ACK" in b"".join(one.data for one in endpoint.data_to_send())
