"""Matching, timing and limits of the transaction layer, message by message."""

from __future__ import annotations

from typing import Any

import pytest

from microsip_core.ids import IdSource
from microsip_core.sip import builder
from microsip_core.sip.hop import Hop, Source
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message
from microsip_core.sip.timers import Timers
from microsip_core.sip.transaction.layer import TransactionLayer

SOURCE = Source("UDP", "10.0.0.2", 5060, ("10.0.0.1", 5060))
TCP_SOURCE = Source("TCP", "10.0.0.2", 40000, ("10.0.0.1", 5060))
HOP = Hop("UDP", "10.0.0.2", 5060)


class Recorder:
    """A transaction user that notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.transactions: list[Any] = []

    def on_request(self, transaction: Any, request: Request, now: float) -> None:
        self.calls.append(("request", request.method))
        self.transactions.append(transaction)

    def on_ack(self, request: Request, source: Source, now: float) -> None:
        self.calls.append(("ack", request.via.branch))

    def on_cancel(self, invite: Any, cancel: Any, request: Request, now: float) -> None:
        self.calls.append(("cancel", invite))
        cancel.respond(builder.response_to(request, 200, to_tag="b"), now)

    def on_response(self, transaction: Any, response: Response, now: float) -> None:
        self.calls.append(("response", response.status))

    def on_client_timeout(self, transaction: Any, now: float) -> None:
        self.calls.append(("timeout", now))

    def on_client_transport_error(self, transaction: Any, error: str, now: float) -> None:
        self.calls.append(("error", error))

    def on_server_failure(self, transaction: Any, error: str, now: float) -> None:
        self.calls.append(("failure", error))

    def on_stray_response(self, response: Response, source: Source, now: float) -> None:
        self.calls.append(("stray", response.status))


@pytest.fixture
def user() -> Recorder:
    return Recorder()


@pytest.fixture
def layer(user: Recorder) -> TransactionLayer:
    return TransactionLayer(user, IdSource(1))


def make_request(
    method: str = "INVITE",
    branch: str = "z9hG4bKone",
    *,
    host: str = "10.0.0.2",
    to: str = "<sip:bob@x>",
    cseq: int = 1,
    transport: str = "UDP",
    via_params: str = "",
) -> Request:
    request = builder.request(
        method,
        "sip:bob@10.0.0.1",
        via=f"SIP/2.0/{transport} {host}{via_params};branch={branch}",
        from_="<sip:alice@x>;tag=a",
        to=to,
        call_id="call",
        cseq=cseq,
    )
    parsed = parse_message(request.to_bytes())
    assert isinstance(parsed, Request)
    return parsed


def answer(transaction: Any, status: int, now: float) -> None:
    transaction.respond(builder.response_to(transaction.request, status, to_tag="b"), now)


def sent(layer: TransactionLayer) -> list[str]:
    """Take what is to be sent, as start lines."""
    return [packet.data.partition(b"\r\n")[0].decode() for packet in layer.data_to_send()]


def times_of_sending(layer: TransactionLayer, until: float) -> list[float]:
    times = []
    while (when := layer.next_timeout()) is not None and when <= until:
        layer.handle_timeout(when)
        times += [when] * len(layer.data_to_send())
    return times


# -- timing


def test_an_invite_is_retransmitted_with_doubling_intervals_for_64_t1(layer: TransactionLayer, user: Recorder) -> None:
    layer.send_request(make_request(), HOP, 0.0)
    layer.data_to_send()
    assert times_of_sending(layer, 100.0) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert user.calls == [("timeout", 32.0)]
    assert layer.client_count == 0


def test_another_request_is_retransmitted_at_most_t2_apart(layer: TransactionLayer, user: Recorder) -> None:
    layer.send_request(make_request("OPTIONS"), HOP, 0.0)
    layer.data_to_send()
    assert times_of_sending(layer, 100.0) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert user.calls == [("timeout", 32.0)]


def test_a_provisional_response_slows_a_request_down_to_t2(layer: TransactionLayer) -> None:
    request = make_request("OPTIONS")
    layer.send_request(request, HOP, 0.0)
    layer.data_to_send()
    layer.receive(builder.response_to(request, 100), SOURCE, 0.1)
    assert times_of_sending(layer, 12.0) == [0.5, 4.5, 8.5]


def test_nothing_is_retransmitted_over_tcp_but_time_out_remains(layer: TransactionLayer, user: Recorder) -> None:
    layer.send_request(make_request(transport="TCP"), Hop("TCP", "10.0.0.2"), 0.0)
    layer.data_to_send()
    assert times_of_sending(layer, 100.0) == []
    assert user.calls == [("timeout", 32.0)]


def test_a_failure_response_is_repeated_until_its_ack(layer: TransactionLayer, user: Recorder) -> None:
    request = make_request()
    layer.receive(request, SOURCE, 0.0)
    user.transactions[0].respond(builder.response_to(request, 486, to_tag="b"), 0.0)
    layer.data_to_send()
    assert times_of_sending(layer, 8.0) == [0.5, 1.5, 3.5, 7.5]
    layer.receive(make_request("ACK", to="<sip:bob@x>;tag=b"), SOURCE, 8.0)
    assert times_of_sending(layer, 100.0) == []
    assert layer.server_count == 0
    assert ("ack", "z9hG4bKone") not in user.calls


def test_without_an_ack_the_user_is_told(layer: TransactionLayer, user: Recorder) -> None:
    request = make_request()
    layer.receive(request, SOURCE, 0.0)
    user.transactions[0].respond(builder.response_to(request, 486, to_tag="b"), 0.0)
    times_of_sending(layer, 100.0)
    assert user.calls[-1] == ("failure", "no ACK")


def test_trying_is_said_after_200_ms_unless_the_user_was_quicker(layer: TransactionLayer, user: Recorder) -> None:
    layer.receive(make_request(), SOURCE, 0.0)
    quick = make_request(branch="z9hG4bKtwo", cseq=2)
    layer.receive(quick, SOURCE, 0.0)
    user.transactions[1].respond(builder.response_to(quick, 180, to_tag="b"), 0.1)
    assert sent(layer) == ["SIP/2.0 180 Ringing"]
    layer.handle_timeout(0.2)
    assert sent(layer) == ["SIP/2.0 100 Trying"]
    assert layer.next_timeout() is None


def test_trying_may_be_said_at_once(user: Recorder) -> None:
    layer = TransactionLayer(user, IdSource(1), Timers(trying=0))
    layer.receive(make_request(), SOURCE, 0.0)
    assert sent(layer) == ["SIP/2.0 100 Trying"]


def test_a_request_its_user_never_answers_is_forgotten(layer: TransactionLayer, user: Recorder) -> None:
    request = make_request("OPTIONS")
    layer.receive(request, SOURCE, 0.0)
    assert times_of_sending(layer, 100.0) == []
    assert layer.server_count == 0
    assert user.transactions[0].answered
    assert user.calls == [("request", "OPTIONS"), ("failure", "not answered in time")]
    user.transactions[0].respond(builder.response_to(request, 200, to_tag="b"), 40.0)
    assert sent(layer) == []


# -- absorption


def test_retransmitted_requests_get_the_last_response_again(layer: TransactionLayer, user: Recorder) -> None:
    request = make_request()
    layer.receive(request, SOURCE, 0.0)
    layer.receive(make_request(), SOURCE, 0.1)
    assert sent(layer) == []
    user.transactions[0].respond(builder.response_to(request, 180, to_tag="b"), 0.2)
    layer.receive(make_request(), SOURCE, 0.3)
    assert sent(layer) == ["SIP/2.0 180 Ringing"] * 2
    user.transactions[0].respond(builder.response_to(request, 200, to_tag="b"), 0.4)
    layer.receive(make_request(), SOURCE, 0.5)
    assert sent(layer) == ["SIP/2.0 200 OK"]
    assert user.calls == [("request", "INVITE")]


def test_retransmitted_responses_are_absorbed_and_failures_acknowledged_again(
    layer: TransactionLayer, user: Recorder
) -> None:
    request = make_request()
    layer.send_request(request, HOP, 0.0)
    layer.data_to_send()
    for _ in range(3):
        layer.receive(builder.response_to(request, 486, to_tag="b"), SOURCE, 0.1)
    assert sent(layer) == ["ACK sip:bob@10.0.0.1 SIP/2.0"] * 3
    assert user.calls == [("response", 486)]


def test_every_2xx_goes_up_for_64_t1(layer: TransactionLayer, user: Recorder) -> None:
    request = make_request()
    layer.send_request(request, HOP, 0.0)
    for now, tag in ((0.1, "b"), (0.6, "b"), (20.0, "c")):
        layer.receive(builder.response_to(request, 200, to_tag=tag), SOURCE, now)
    layer.handle_timeout(32.2)
    layer.receive(builder.response_to(request, 200, to_tag="d"), SOURCE, 33.0)
    assert user.calls == [("response", 200)] * 3 + [("stray", 200)]


def test_the_ack_of_a_2xx_goes_up_with_its_own_branch_and_with_the_old_one(
    layer: TransactionLayer, user: Recorder
) -> None:
    request = make_request()
    layer.receive(request, SOURCE, 0.0)
    user.transactions[0].respond(builder.response_to(request, 200, to_tag="b"), 0.1)
    layer.receive(make_request("ACK", "z9hG4bKack", to="<sip:bob@x>;tag=b"), SOURCE, 0.2)
    layer.receive(make_request("ACK", to="<sip:bob@x>;tag=b"), SOURCE, 0.2)
    assert user.calls[1:] == [("ack", "z9hG4bKack"), ("ack", "z9hG4bKone")]


# -- matching


def test_branch_sent_by_and_method_tell_transactions_apart(user: Recorder) -> None:
    layer = TransactionLayer(user, IdSource(1), merged=False)
    for request in (
        make_request("OPTIONS"),
        make_request("OPTIONS", "z9hG4bKtwo"),
        make_request("OPTIONS", host="10.0.0.3"),
        make_request("OPTIONS", via_params=":5070"),
        make_request("INFO"),
        make_request("OPTIONS"),
    ):
        layer.receive(request, SOURCE, 0.0)
    assert [method for _, method in user.calls] == ["OPTIONS"] * 4 + ["INFO"]


@pytest.mark.parametrize(("name", "value"), [("CSeq", "1 BYE"), ("CSeq", "2 INVITE"), ("Call-ID", "another")])
def test_a_response_to_another_request_with_our_branch_is_none_of_ours(
    layer: TransactionLayer, user: Recorder, name: str, value: str,
) -> None:
    request = make_request()
    layer.send_request(request, HOP, 0.0)
    for status in (180, 200, 200):
        response = builder.response_to(request, status, to_tag="b")
        response.set(name, value)
        layer.receive(response, SOURCE, 0.1)
    assert user.calls == [("stray", 180), ("stray", 200), ("stray", 200)]
    layer.receive(builder.response_to(request, 200, to_tag="b"), SOURCE, 0.2)
    assert user.calls[-1] == ("response", 200)


def test_a_request_without_the_cookie_is_matched_as_of_old(layer: TransactionLayer, user: Recorder) -> None:
    request = make_request(branch="1")
    layer.receive(request, SOURCE, 0.0)
    layer.receive(make_request(branch="1"), SOURCE, 0.1)
    layer.receive(make_request(branch="1", cseq=2), SOURCE, 0.2)
    assert user.calls == [("request", "INVITE")] * 2
    user.transactions[0].respond(builder.response_to(request, 486, to_tag="b"), 0.3)
    assert not user.transactions[0].settled
    layer.receive(make_request("ACK", branch="1", to="<sip:bob@x>;tag=b"), SOURCE, 0.4)
    assert user.transactions[0].settled
    layer.receive(make_request("CANCEL", branch="1", cseq=2), SOURCE, 0.5)
    assert user.calls[-1] == ("cancel", user.transactions[1])


def test_a_request_without_any_branch_is_matched_too(layer: TransactionLayer, user: Recorder) -> None:
    text = make_request("OPTIONS").to_bytes().replace(b";branch=z9hG4bKone", b"")
    for _ in range(2):
        layer.receive(parse_message(text), SOURCE, 0.0)
    assert user.calls == [("request", "OPTIONS")]


def test_a_cancel_finds_its_invite_and_is_answered_by_its_own_transaction(
    layer: TransactionLayer, user: Recorder
) -> None:
    layer.receive(make_request(), SOURCE, 0.0)
    for now in (0.1, 0.2):
        layer.receive(make_request("CANCEL"), SOURCE, now)
    assert user.calls == [("request", "INVITE"), ("cancel", user.transactions[0])]
    assert sent(layer) == ["SIP/2.0 200 OK"] * 2


def test_a_cancel_for_nothing_goes_up_as_a_request(layer: TransactionLayer, user: Recorder) -> None:
    layer.receive(make_request("CANCEL"), SOURCE, 0.0)
    assert user.calls == [("request", "CANCEL")]


def test_the_same_request_by_another_path_is_merged(layer: TransactionLayer, user: Recorder) -> None:
    layer.receive(make_request(), SOURCE, 0.0)
    for _ in range(2):
        layer.receive(make_request(branch="z9hG4bKother,SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKforked"), SOURCE, 0.1)
    packets = layer.data_to_send()
    assert [packet.data.partition(b"\r\n")[0] for packet in packets] == [b"SIP/2.0 482 Loop Detected"] * 2
    assert packets[0].data == packets[1].data
    assert user.calls == [("request", "INVITE")]
    assert layer.refused == {482: 2}
    assert layer.server_count == 1


def test_a_branch_after_a_refused_one_is_not_merged(layer: TransactionLayer, user: Recorder) -> None:
    """A proxy that forks serially tries the next branch once the first one has failed."""
    second = "z9hG4bKother,SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKforked"
    layer.receive(make_request(), SOURCE, 0.0)
    answer(user.transactions[-1], 486, 0.1)
    layer.receive(make_request("ACK"), SOURCE, 0.2)
    layer.receive(make_request(branch=second), SOURCE, 0.3)
    answer(user.transactions[-1], 200, 0.4)
    assert sent(layer) == ["SIP/2.0 486 Busy Here", "SIP/2.0 200 OK"]
    assert not layer.refused


def test_a_request_tried_again_by_its_sender_itself_is_not_merged(layer: TransactionLayer, user: Recorder) -> None:
    """It has one Via: no proxy has forked it, and who tries another way (RFC 3263 s4.3) wants an answer there."""
    for branch in ("z9hG4bKone", "z9hG4bKother"):
        layer.receive(make_request(branch=branch), SOURCE, 0.0)
        answer(user.transactions[-1], 200, 0.0)
    assert sent(layer) == ["SIP/2.0 200 OK"] * 2
    layer.handle_timeout(64.0)
    assert (layer.server_count, len(layer._merge_keys)) == (0, 0)


def test_the_same_request_by_another_transport_is_answered_there(layer: TransactionLayer, user: Recorder) -> None:
    """Even with the same branch: who sends by TCP does not read UDP. Its CANCEL and ACK find their own."""
    for source in (SOURCE, TCP_SOURCE):
        layer.receive(make_request(), source, 0.0)
    first, second = user.transactions
    layer.receive(make_request("CANCEL"), TCP_SOURCE, 0.1)
    assert user.calls[-1] == ("cancel", second)
    for transaction in (first, second):
        answer(transaction, 487, 0.2)
    packets = layer.data_to_send()
    assert [(one.hop.transport, one.data[8:11]) for one in packets] == [
        ("TCP", b"200"), ("UDP", b"487"), ("TCP", b"487"),
    ]
    layer.receive(make_request("ACK"), TCP_SOURCE, 0.3)
    assert first.state is not second.state
    layer.receive(make_request("ACK"), SOURCE, 0.3)
    assert all(call[0] != "ack" for call in user.calls)


def test_a_cancel_and_an_ack_by_the_wrong_transport_are_understood(layer: TransactionLayer, user: Recorder) -> None:
    layer.receive(make_request(), TCP_SOURCE, 0.0)
    layer.receive(make_request("CANCEL"), SOURCE, 0.1)
    assert user.calls[-1] == ("cancel", user.transactions[0])
    answer(user.transactions[0], 487, 0.2)
    layer.receive(make_request("ACK"), SOURCE, 0.3)
    layer.handle_timeout(0.3)
    assert all(call[0] != "ack" for call in user.calls)


def test_a_proxy_takes_merged_requests(user: Recorder) -> None:
    layer = TransactionLayer(user, IdSource(1), merged=False)
    layer.receive(make_request(), SOURCE, 0.0)
    layer.receive(make_request(branch="z9hG4bKother"), SOURCE, 0.1)
    assert user.calls == [("request", "INVITE")] * 2


def test_a_request_in_a_dialog_is_not_taken_for_a_merged_one(layer: TransactionLayer, user: Recorder) -> None:
    for branch in ("z9hG4bKone", "z9hG4bKtwo"):
        layer.receive(make_request("INFO", branch, to="<sip:bob@x>;tag=b"), SOURCE, 0.0)
    assert user.calls == [("request", "INFO")] * 2


# -- limits and errors


def test_beyond_the_limit_a_request_is_refused_without_a_transaction(user: Recorder) -> None:
    layer = TransactionLayer(user, IdSource(1), max_transactions=2)
    for number in range(4):
        layer.receive(make_request("OPTIONS", f"z9hG4bK{number}", cseq=number), SOURCE, 0.0)
    assert layer.server_count == 2
    packets = layer.data_to_send()
    assert [packet.data.partition(b"\r\n")[0] for packet in packets] == [b"SIP/2.0 503 Service Unavailable"] * 2
    assert b"\r\nRetry-After: 10\r\n" in packets[0].data
    assert user.calls == [("request", "OPTIONS")] * 2


def test_beyond_the_limit_of_octets_too(user: Recorder) -> None:
    layer = TransactionLayer(user, IdSource(1), max_octets=20_000)
    for number in range(8):
        request = make_request("OPTIONS", f"z9hG4bK{number}", cseq=number)
        request.body = b"x" * 5000
        layer.receive(request, SOURCE, 0.0)
    assert sent(layer) == ["SIP/2.0 503 Service Unavailable"] * 4
    for transaction in user.transactions:
        transaction.respond(builder.response_to(make_request("OPTIONS"), 200, to_tag="b"), 0.1)
    sent(layer)
    layer.handle_timeout(40.0)
    layer.receive(make_request("OPTIONS", "z9hG4bKlast", cseq=9), SOURCE, 40.0)
    assert sent(layer) == []
    assert layer.server_count == 1


def test_a_send_error_ends_a_client_transaction_at_once(layer: TransactionLayer, user: Recorder) -> None:
    layer.send_request(make_request("OPTIONS"), HOP, 0.0)
    token = layer.data_to_send()[0].token
    layer.transport_failed(token, "no route", 0.1)
    layer.transport_failed(token, "no route", 0.2)
    layer.transport_failed(None, "no route", 0.2)
    assert user.calls == [("error", "no route")]
    assert layer.client_count == 0
    assert layer.next_timeout() is None


def test_a_send_error_is_told_by_the_branch_too(layer: TransactionLayer, user: Recorder) -> None:
    layer.send_request(make_request("OPTIONS"), HOP, 0.0)
    layer.transport_failed("z9hG4bKother", "port unreachable", 0.1)
    assert user.calls == []
    layer.transport_failed("z9hG4bKone", "port unreachable", 0.1)
    assert user.calls == [("error", "port unreachable")]


# -- where responses go


@pytest.mark.parametrize(
    ("host", "params", "source", "hop"),
    [
        ("10.0.0.2", "", SOURCE, Hop("UDP", "10.0.0.2", 5060)),
        ("10.0.0.2:5070", "", SOURCE, Hop("UDP", "10.0.0.2", 5070)),
        ("client.example.com", "", SOURCE, Hop("UDP", "10.0.0.2", 5060)),
        (
            "192.168.1.2:5070",
            ";rport",
            Source("UDP", "10.0.0.9", 61000, ("10.0.0.1", 5060)),
            Hop("UDP", "10.0.0.9", 61000),
        ),
        ("10.0.0.2", ";maddr=224.0.1.75", SOURCE, Hop("UDP", "224.0.1.75", 5060)),
        ("10.0.0.2:5070", ";rport", TCP_SOURCE, Hop("TCP", "10.0.0.2", 5070)),
        ("10.0.0.2", "", TCP_SOURCE, Hop("TCP", "10.0.0.2", 5060)),
    ],
)
def test_where_a_response_goes(
    layer: TransactionLayer, user: Recorder, host: str, params: str, source: Source, hop: Hop
) -> None:
    request = make_request("OPTIONS", host=host, via_params=params, transport=source.transport)
    layer.receive(request, source, 0.0)
    user.transactions[0].respond(builder.response_to(request, 200, to_tag="b"), 0.0)
    packet = layer.data_to_send()[0]
    assert packet.hop == hop
    assert packet.source == source


def test_received_and_rport_are_noted_in_the_via(layer: TransactionLayer) -> None:
    request = make_request("OPTIONS", host="192.168.1.2:5070", via_params=";rport")
    layer.receive(request, Source("UDP", "10.0.0.9", 61000, ("10.0.0.1", 5060)), 0.0)
    assert (request.via.received, request.via.rport) == ("10.0.0.9", 61000)


# -- CANCEL by us


def test_a_cancel_waits_for_the_first_provisional_response(layer: TransactionLayer, user: Recorder) -> None:
    request = make_request()
    transaction = layer.send_request(request, HOP, 0.0)
    layer.data_to_send()
    assert transaction.cancel(0.1, [("Reason", "SIP;cause=200")]) is None
    assert sent(layer) == []
    layer.receive(builder.response_to(request, 100), SOURCE, 0.2)
    packet = layer.data_to_send()[0]
    cancel = parse_message(packet.data)
    assert isinstance(cancel, Request)
    assert cancel.method == "CANCEL"
    assert cancel.via.branch == "z9hG4bKone"
    assert cancel.get("Reason") == "SIP;cause=200"
    layer.receive(builder.response_to(cancel, 200, to_tag="b"), SOURCE, 0.3)
    layer.receive(builder.response_to(request, 487, to_tag="b"), SOURCE, 0.4)
    assert user.calls == [("response", 100), ("response", 200), ("response", 487)]


def test_a_canceled_invite_is_given_up_after_64_t1(layer: TransactionLayer, user: Recorder) -> None:
    request = make_request()
    transaction = layer.send_request(request, HOP, 0.0)
    layer.receive(builder.response_to(request, 180, to_tag="b"), SOURCE, 1.0)
    transaction.cancel(2.0)
    assert transaction.cancel(2.5) is None
    times_of_sending(layer, 33.9)
    assert ("timeout", 34.0) not in user.calls
    times_of_sending(layer, 100.0)
    assert user.calls.count(("timeout", 34.0)) == 2
    assert layer.client_count == 0


def test_what_has_its_final_response_is_not_canceled(layer: TransactionLayer) -> None:
    request = make_request()
    transaction = layer.send_request(request, HOP, 0.0)
    layer.receive(builder.response_to(request, 200, to_tag="b"), SOURCE, 1.0)
    layer.data_to_send()
    assert transaction.cancel(2.0) is None
    assert sent(layer) == []
    other = layer.send_request(make_request("OPTIONS", "z9hG4bKtwo"), HOP, 0.0)
    layer.data_to_send()
    assert other.cancel(0.1) is None
    assert sent(layer) == []
