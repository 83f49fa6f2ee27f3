"""Requests and responses by hand in C style, and messages from text and back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import microsip_core as sip
from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.messages import SipHeader, SipMessage
from microsip_core.errors import ErrorCode
from microsip_core.user_agent.received_request import ReceivedRequest

from .test_functions import OtherSide, other, wait_for_event  # noqa: F401

TEXT = (
    "OPTIONS sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    "From: <sip:a@h>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nX-Mark: 7\r\n"
    "Content-Length: 2\r\n\r\nhi"
)


@pytest.fixture
def answering() -> Iterator[str]:
    """The engine, which answers SUBSCRIBE by hand; the URI to reach it."""
    assert sip.sip_init({"methods": ("SUBSCRIBE",), "listen": "127.0.0.1:0"}) == 0
    yield "sip:me@{}:{}".format(*running_engine().agent.listen_address)
    sip.sip_shutdown()


def test_message_from_text_and_back() -> None:
    message = sip.sip_parse(TEXT)
    assert isinstance(message, SipMessage)
    assert (message.is_request, message.method, message.uri, message.body) == (
        True, "OPTIONS", "sip:bob@example.com", b"hi",
    )
    assert (message.from_, message.to, message.call_id, message.cseq) == (
        "<sip:a@h>;tag=1", "<sip:bob@example.com>", "c", "1 OPTIONS",
    )
    assert SipHeader("X-Mark", "7") in message.headers
    assert sip.sip_build(message) == TEXT.encode()
    response = sip.sip_parse(TEXT.replace("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 486 Busy Here"))
    assert isinstance(response, SipMessage)
    assert (response.is_request, response.status, response.reason) == (False, 486, "Busy Here")
    assert sip.sip_parse("nonsense") == ErrorCode.SIP_EPARSE


@pytest.mark.parametrize("message", [
    SipMessage(True, "A B", "sip:x@h"), SipMessage(True, "INFO", "sip:x@h\r\nEvil: 1"), SipMessage(False, status=99),
    SipMessage(False, status=200, reason="OK\r\nEvil: 1"),
    SipMessage(True, "INFO", "sip:x@h", headers=(SipHeader("X", "a\r\nb: c"),)),
])
def test_message_that_can_not_be(message: SipMessage) -> None:
    assert sip.sip_build(message) == ErrorCode.SIP_EINVAL


@pytest.mark.usefixtures("engine")
def test_request_by_hand(other: OtherSide) -> None:  # noqa: F811
    def answer(request: ReceivedRequest) -> None:
        if request.method == "PUBLISH":
            assert request.message.content_type == "application/x-me"
            request.respond(200, headers=[("X-Mark", request.message.get("X-Mark") or "")], body=request.body)

    other.agent.on_request = answer
    headers = "X-Mark: 7\r\nContent-Type: application/x-me\r\n"
    assert sip.sip_send_request("PUBLISH", other.uri, headers, b"hello") == 200
    event = wait_for_event("response")
    assert (event.status, event.text) == (200, "PUBLISH")
    assert (event.message.status, event.message.body) == (200, b"hello")
    assert SipHeader("X-Mark", "7") in event.message.headers
    assert sip.sip_send_request("SUBSCRIBE", other.uri, [("Event", "presence")]) == -1405
    assert sip.sip_send_request("BYE", other.uri) == ErrorCode.SIP_EINVAL
    assert sip.sip_send_request("INFO", other.uri, "no header") == ErrorCode.SIP_EINVAL
    assert sip.sip_send_request("INFO", other.uri, [("X", 5)]) == ErrorCode.SIP_EINVAL


@pytest.mark.usefixtures("engine")
def test_info_in_a_call(other: OtherSide) -> None:  # noqa: F811
    other.agent.on_incoming = lambda call: call.answer()
    call = sip.sip_invite(other.uri)
    assert call > 0
    assert sip.sip_info(call, "Signal=5\r\nDuration=160\r\n", "application/dtmf-relay") == 200
    assert sip.sip_info(call, "x", "application/unknown") == -1415
    sip.sip_hangup(call)
    assert sip.sip_info(call) == ErrorCode.SIP_ESTATE


def test_request_of_a_peer_is_answered_by_hand(answering: str, other: OtherSide) -> None:  # noqa: F811
    async def ask() -> Any:
        return await other.agent.request("SUBSCRIBE", answering, headers=[("Event", "presence")], timeout=5)

    responses: list[Any] = []
    thread = threading.Thread(target=lambda: responses.append(other.run(ask())))
    thread.start()
    event = wait_for_event("request")
    assert (event.text, event.message.method) == ("SUBSCRIBE", "SUBSCRIBE")
    assert event.request > 0
    assert sip.sip_send_response(event.request, 202, "Later", "X-Mark: 7", "text") == 0
    assert sip.sip_send_response(event.request, 200) == ErrorCode.SIP_ESTATE
    thread.join(5)
    assert (responses[0].status, responses[0].reason, responses[0].get("X-Mark")) == (202, "Later", "7")
    assert responses[0].body == b"text"
