"""Who floods us is refused, then ignored; who is not allowed is told so or not; all others are served."""

from __future__ import annotations

import pytest

from microsip_core.errors import InvalidArgument
from microsip_core.ids import IdSource
from microsip_core.sip.admission import Admission, AdmissionSettings, Verdict
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import CallIncoming
from microsip_core.sip.hop import Source
from microsip_core.sip.message import Response
from microsip_core.sip.parser import parse_message

from .calls import ANSWER, OFFER

FLOODER, NEIGHBOUR, FRIEND = "192.0.2.7", "192.0.2.8", "198.51.100.9"


def make_endpoint(**settings: object) -> Endpoint:
    admission = AdmissionSettings(**settings)  # type: ignore[arg-type]
    return Endpoint(EndpointConfig(local_address=lambda hop: ("10.0.0.2", 5060), admission=admission), IdSource(1))


def request(
    method: str, number: int, *, to_tag: str = "", call_id: str = "", extra: str = "", body: bytes = b"",
) -> bytes:
    head = (
        f"{method} sip:bob@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;rport;branch=z9hG4bK{method}{number}\r\n"
        f"From: <sip:a@192.0.2.7>;tag=a\r\nTo: <sip:bob@10.0.0.2>{to_tag}\r\nCall-ID: {call_id or number}\r\n"
        f"CSeq: {number} {method}\r\nContact: <sip:a@192.0.2.7>\r\nMax-Forwards: 70\r\n{extra}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def ask(endpoint: Endpoint, data: bytes, host: str = FLOODER, now: float = 0.0) -> list[Response]:
    endpoint.receive(data, Source("UDP", host, 5060, ("10.0.0.2", 5060)), now)
    responses = [parse_message(packet.data) for packet in endpoint.data_to_send()]
    return [response for response in responses if isinstance(response, Response)]


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE", "REFER", "NOTIFY", "BYE", "XYZZY"])
def test_a_flood_of_any_method_is_refused_then_dropped_and_others_are_served(method: str) -> None:
    endpoint = make_endpoint(rate=10.0, burst=20)
    extra = "Event: x\r\nRefer-To: <sip:c@h>\r\n"
    found = [ask(endpoint, request(method, number, extra=extra)) for number in range(100)]
    refused = [one[0] for one in found if one and one[0].status == 503]
    assert [bool(one) and one[0].status == 503 for one in found] == [False] * 20 + [True] * 20 + [False] * 60
    assert all(one.get("Retry-After") == "2" for one in refused)
    assert found[40:] == [[]] * 60
    assert (endpoint.statistics.rate_limited, endpoint.statistics.dropped) == (20, 60)
    assert ask(endpoint, request("OPTIONS", 1000), NEIGHBOUR)[0].status == 200
    assert ask(endpoint, request("OPTIONS", 1001), now=0.05) == []
    assert ask(endpoint, request("OPTIONS", 1002), now=0.2)[0].status == 200  # half a second's worth is back


def test_one_request_repeated_without_end_is_dropped_like_many_requests() -> None:
    endpoint = make_endpoint(rate=1.0, burst=3)
    for number in range(3):
        ask(endpoint, request("INVITE", number))
    found = [ask(endpoint, request("INVITE", 9)) for _ in range(10)]
    assert [bool(one) for one in found] == [True] * 3 + [False] * 7


def test_malformed_requests_count_as_requests() -> None:
    endpoint = make_endpoint(rate=1.0, burst=3)
    broken = request("OPTIONS", 1).replace(b"CSeq: 1 OPTIONS", b"CSeq: x OPTIONS")
    assert [len(ask(endpoint, broken)) for _ in range(10)] == [1] * 3 + [0] * 7
    assert endpoint.statistics.malformed == 10


def test_retransmissions_and_the_dialog_of_a_call_cost_nothing() -> None:
    endpoint = make_endpoint(rate=1.0, burst=1)
    invite = request("INVITE", 1, call_id="c", extra="Content-Type: application/sdp\r\n", body=OFFER)
    ask(endpoint, invite)
    event = endpoint.next_event()
    assert isinstance(event, CallIncoming)
    event.session.accept(ANSWER, 0.0)
    answered = [parse_message(packet.data) for packet in endpoint.data_to_send()]
    tag = f";tag={answered[-1].to.tag}"
    for _ in range(5):
        assert ask(endpoint, invite) == []  # taken in silently: the 200 is repeated by its own timer
    assert endpoint.statistics.rate_limited == 0
    ask(endpoint, request("ACK", 1, to_tag=tag, call_id="c"))
    for number in range(2, 7):
        assert [one.status for one in ask(endpoint, request("OPTIONS", number, to_tag=tag, call_id="c"))] == [200]
    assert ask(endpoint, request("OPTIONS", 8, to_tag=";tag=made-up", call_id="c"))[0].status == 503
    assert ask(endpoint, request("BYE", 9, to_tag=tag, call_id="c"))[0].status == 200


@pytest.mark.parametrize(("silent", "expected"), [(False, [403]), (True, [])])
def test_strangers_are_refused_or_ignored(silent: bool, expected: list[int]) -> None:
    endpoint = make_endpoint(allowed=("198.51.100.0/24",), silent=silent)
    assert [one.status for one in ask(endpoint, request("INVITE", 1))] == expected
    assert ask(endpoint, request("OPTIONS", 2), FRIEND)[0].status == 200
    assert ask(endpoint, request("OPTIONS", 3).replace(b"CSeq: 3", b"CSeq: x")) == []
    assert endpoint.statistics.strangers == 2


@pytest.mark.parametrize(
    ("host", "same", "other"),
    [("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"), ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2")],
)
def test_what_one_source_is(host: str, same: str, other: str) -> None:
    admission = Admission(AdmissionSettings(rate=1.0, burst=1))
    assert admission.judge(host, 0.0) is Verdict.ADMITTED
    assert admission.judge(same, 0.0) is Verdict.LIMITED
    assert admission.judge(other, 0.0) is Verdict.ADMITTED


def test_an_allowed_address_is_told_from_its_neighbours() -> None:
    admission = Admission(AdmissionSettings(allowed=("2001:db8::5",)))
    assert admission.judge("2001:db8::6", 0.0) is Verdict.FORBIDDEN
    assert admission.judge("2001:db8::5", 0.0) is Verdict.ADMITTED
    assert admission.judge("no address", 0.0) is Verdict.FORBIDDEN


def test_this_machine_has_no_limit_by_default() -> None:
    admission = Admission(AdmissionSettings(rate=1.0, burst=1))
    for host in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
        assert {admission.judge(host, 0.0) for _ in range(1000)} == {Verdict.ADMITTED}


def test_the_table_of_sources_is_bounded_and_keeps_those_heard_last() -> None:
    admission = Admission(AdmissionSettings(rate=0.001, burst=2, most_sources=100))
    assert admission.judge(FLOODER, 0.0) is Verdict.ADMITTED
    for number in range(100_000):
        admission.judge(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
        if number % 50 == 0:
            last = admission.judge(FLOODER, 0.0)
    assert len(admission) == 100
    assert last is Verdict.DROPPED


@pytest.mark.parametrize(
    "settings",
    [{"rate": 0.0}, {"rate": float("nan")}, {"burst": 0}, {"allowed": ("10.0.0.300",)}, {"unlimited": ("here",)},
     {"allowed": (7.5,)}, {"most_sources": 0}],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        AdmissionSettings(**settings)  # type: ignore[arg-type]
