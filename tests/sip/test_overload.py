"""Under more calls than can be served: those taken are served in time, the rest is refused cheaply, and it ends at
once. All of it on a clock of its own."""

from __future__ import annotations

from collections import deque

import pytest

from microsip_core.errors import InvalidArgument
from microsip_core.ids import IdSource
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import CallIncoming
from microsip_core.sip.hop import Source
from microsip_core.sip.overload import OverloadControl, OverloadSettings

from .calls import ANSWER, OFFER
from .test_admission import ask, request

QUEUE = ("10.0.0.2", 5060)
SOURCE = Source("UDP", "192.0.2.7", 5060, QUEUE)


@pytest.mark.parametrize(("waits", "refused"), [
    pytest.param([(0.0, 0.05), (0.3, 0.1), (0.6, 0.09)], False, id="short waits, for however long"),
    pytest.param([(0.0, 2.0)], False, id="a burst after a stall"),
    pytest.param([(0.0, 2.0), (0.2, 1.9)], False, id="a burst that is being served"),
    pytest.param([(0.0, 0.2), (0.1, 0.3), (0.25, 0.4)], True, id="a queue that stands"),
    pytest.param([(0.0, 0.2), (0.5, 0.45)], True, id="one whose first batch took long"),
    pytest.param([(0.0, 0.2), (0.3, 0.3), (0.35, 0.1)], False, id="a queue that is gone"),
    pytest.param([(0.0, 0.2), (0.3, 0.3), (0.35, 0.1), (0.4, 0.2)], False, id="a new queue begins anew"),
    pytest.param([(0.0, 0.2), (60.0, 0.3)], False, id="two stalls a minute apart"),
])
def test_a_queue_that_stands_is_told_from_a_burst(waits: list[tuple[float, float]], refused: bool) -> None:
    control = OverloadControl(OverloadSettings(target=0.1, interval=0.25))
    now = 0.0
    for now, waited in waits:
        control.note_wait(waited, now, "socket")
    assert control.refuses(now) is refused


def test_each_socket_is_judged_by_its_own_queue() -> None:
    control = OverloadControl(OverloadSettings(target=0.1, interval=0.25))
    for now in (0.0, 0.1, 0.2, 0.3):
        control.note_wait(0.0, now, "idle")
        assert not control.refuses(now)
        control.note_wait(0.3, now, "late")
    assert control.refuses(0.3)


def test_sockets_that_came_and_went_are_not_kept() -> None:
    control = OverloadControl(OverloadSettings())
    for number in range(1000):
        control.note_wait(1.0, 0.0, number)
    assert len(control._late) <= 64


@pytest.mark.parametrize(
    "settings", [{"target": 0.0}, {"interval": -1.0}, {"retry_after": 0}, {"target": float("nan")}],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InvalidArgument):
        OverloadSettings(**settings)  # type: ignore[arg-type]


def make_endpoint() -> Endpoint:
    return Endpoint(
        EndpointConfig(local_address=lambda hop: QUEUE, overload=OverloadSettings(retry_after=3)), IdSource(1),
    )


def be_late(endpoint: Endpoint) -> float:
    for now in (0.0, 0.2, 0.4):
        endpoint.note_wait(0.3, now, QUEUE)
    return 0.4


def test_who_is_late_refuses_new_calls_before_any_work_and_goes_on_with_those_there_are() -> None:
    endpoint = make_endpoint()
    ask(endpoint, request("INVITE", 1, body=OFFER))
    event = endpoint.next_event()
    assert isinstance(event, CallIncoming)
    event.session.accept(ANSWER, 0.0)
    endpoint.data_to_send()
    tag = event.session.established_dialog.local_tag
    transactions, now = endpoint.layer.server_count, be_late(endpoint)
    for method in ("INVITE", "MESSAGE"):
        [refusal] = ask(endpoint, request(method, 2, body=OFFER), now=now)
        assert (refusal.status, refusal.get("Retry-After")) == (503, "3")
    assert endpoint.next_event() is None
    assert endpoint.layer.server_count == transactions
    assert endpoint.statistics.overloaded == 2
    assert ask(endpoint, request("OPTIONS", 3), now=now)[0].status == 200
    assert ask(endpoint, request("BYE", 4, to_tag=f";tag={tag}", call_id="1"), now=now)[0].status == 200
    endpoint.note_wait(0.0, now, QUEUE)
    ask(endpoint, request("INVITE", 5, body=OFFER), now=now)
    assert any(isinstance(event, CallIncoming) for event in iter(endpoint.next_event, None))


def test_a_repeated_request_of_a_call_that_was_taken_is_none_to_refuse() -> None:
    endpoint = make_endpoint()
    invite = request("INVITE", 1, body=OFFER)
    ask(endpoint, invite)
    event = endpoint.next_event()
    assert isinstance(event, CallIncoming)
    event.session.progress(180, 0.0)
    endpoint.data_to_send()
    assert ask(endpoint, invite, now=be_late(endpoint))[0].status == 180


def test_a_repeated_request_that_was_refused_stays_refused_until_its_caller_has_that() -> None:
    endpoint = make_endpoint()
    now = be_late(endpoint)
    invite = request("INVITE", 1, body=OFFER)
    first = ask(endpoint, invite, now=now)[0].to_bytes()
    endpoint.note_wait(0.0, now, QUEUE)  # late no more, but the repetition was sent before our 503 was there
    assert ask(endpoint, invite, now=now)[0].to_bytes() == first
    assert endpoint.next_event() is None
    assert ask(endpoint, request("ACK", 1).replace(b"z9hG4bKACK", b"z9hG4bKINVITE"), now=now) == []
    assert not endpoint.layer._turned_away


def test_refused_requests_that_nobody_acknowledges_are_remembered_up_to_a_bound() -> None:
    endpoint = make_endpoint()
    now = be_late(endpoint)
    for number in range(9000):
        endpoint.receive(request("INVITE", number), SOURCE, now)
    assert len(endpoint.layer._turned_away) == 8192


SERVED, REFUSED, SECONDS = 0.002, 0.000_1, 5  # what a call costs, and what refusing one: 500 calls a second at most


def answered_in_time(offered: int, settings: OverloadSettings | None) -> tuple[int, float]:
    """Offer calls at a steady rate to a server with one queue. Returns how many a second are answered within T1, and
    how long after the last one the server is late."""
    control = OverloadControl(settings) if settings is not None else None
    arrivals = deque(number / offered for number in range(offered * SECONDS))
    clock, in_time = 0.0, 0
    while arrivals:
        clock = max(clock, arrivals[0])
        if control is not None:
            control.note_wait(clock - arrivals[0], clock, QUEUE)
        refused = control is not None and control.refuses(clock)
        clock += REFUSED if refused else SERVED
        in_time += not refused and clock - arrivals[0] <= 0.5
        arrivals.popleft()
    return round(in_time / SECONDS), clock - SECONDS


@pytest.mark.parametrize("times", [0.5, 0.9])
def test_below_its_capacity_a_server_serves_everybody(times: float) -> None:
    offered = round(times / SERVED)
    assert answered_in_time(offered, OverloadSettings())[0] == offered


@pytest.mark.parametrize("times", [1.5, 3, 6])
def test_above_its_capacity_a_server_serves_most_of_it_and_is_through_at_once(times: float) -> None:
    rate, left = answered_in_time(round(times / SERVED), OverloadSettings())
    assert rate >= 0.6 / SERVED * (1 - times * REFUSED / SERVED)
    assert left < 0.5
    without, still_busy = answered_in_time(round(times / SERVED), None)
    assert without < 0.4 / SERVED
    assert still_busy > 2
