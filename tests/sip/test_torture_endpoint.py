"""Every torture message and NIST case goes in at the door of an endpoint, and comes out as its manifest says."""

from __future__ import annotations

from typing import Any

import pytest

from microsip_core.ids import IdSource
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import CallIncoming, RequestReceived
from microsip_core.sip.hop import Source
from microsip_core.sip.message import Response
from microsip_core.sip.parser import parse_message

from .calls import ANSWER
from .sip_vectors import manifest, nist_cases, nist_message, torture_message
from .virtual_network import leftovers

# A BYE for no dialog of ours: the manifest's 200 is what a peer in that dialog would say; RFC 3261 s15.1.2 has 481.
BYE_WITHOUT_DIALOG = {"via-received-param-with-delim"}
CASES = [(folder, case) for folder in ("rfc4475", "rfc5118") for case in manifest(folder)]


def statuses(endpoint: Endpoint, data: bytes, transport: str = "UDP") -> list[int]:
    """Feed a message, answer what comes of it as a user would, and return the statuses of all responses."""
    endpoint.receive(data, Source(transport, "192.0.2.7", 5060, ("10.0.0.2", 5060)), 0.0)
    while (event := endpoint.next_event()) is not None:
        if isinstance(event, CallIncoming):
            event.session.progress(180, 0.0)
            event.session.accept(ANSWER, 0.0)
        elif isinstance(event, RequestReceived):
            event.incoming.respond(200, 0.0)
    responses = [parse_message(packet.data) for packet in endpoint.data_to_send()]
    return [response.status for response in responses if isinstance(response, Response)]


def make_endpoint() -> Endpoint:
    return Endpoint(EndpointConfig(local_address=lambda hop: ("10.0.0.2", 5060)), IdSource(1))


def settle(endpoint: Endpoint) -> None:
    """Hang up what an ACK among the messages has confirmed, and let all timers fire: nothing may stay."""
    endpoint.close_all(0.0)
    for _ in range(2000):
        when = endpoint.next_timeout()
        if when is None:
            break
        endpoint.handle_timeout(when)
        endpoint.data_to_send()
    assert leftovers(endpoint) == {}


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize(("folder", "case"), CASES, ids=[case["name"] for _, case in CASES])
def test_a_torture_message_is_answered_as_it_should(folder: str, case: dict[str, Any], transport: str) -> None:
    endpoint = make_endpoint()
    found = statuses(endpoint, torture_message(folder, case["file"]), transport)
    if case["ua"]["action"] == "respond":
        allowed = {*case["ua"]["codes"], *case["ua"].get("also_ok", ())}
        if case["name"] in BYE_WITHOUT_DIALOG:
            allowed = {481}
        assert found
        assert set(found) <= allowed
    else:
        assert found == []
        assert endpoint.statistics.stray_responses == 1
    settle(endpoint)


def test_the_nist_messages_do_no_harm() -> None:
    endpoint = make_endpoint()
    answered = 0
    for case in nist_cases("message"):
        answered += bool(statuses(endpoint, nist_message(case)))
    assert answered > 20
    settle(endpoint)
