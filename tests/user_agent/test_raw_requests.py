"""Requests by hand, out of calls and within them, those of peers answered by hand, and headers on every message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from microsip_core.errors import Canceled, InvalidArgument, InvalidState, TimedOut
from microsip_core.server import LoopbackServer
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message
from microsip_core.sip.session.reason import Reason
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import Event
from microsip_core.user_agent.received_request import ReceivedRequest
from microsip_core.user_agent.states import EndCause
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import RawPeer

UriOf = Callable[[UserAgent], str]
MARK = [("X-Mark", "7")]


async def talk(caller: UserAgent, uri: str, callee: UserAgent) -> tuple[Call, Call]:
    """Both ends of a new call that is active."""
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite(uri)
    other = callee.calls[-1]
    await other.wait("active", 2)
    return call, other


async def next_of(stream: EventStream, kind: str) -> Event:
    async with asyncio.timeout(3):
        async for event in stream:
            if event.type == kind:
                return event
    raise AssertionError(f"no {kind}")


# -- requests by hand


@pytest.mark.parametrize(("method", "status"), [
    ("OPTIONS", 200), ("SUBSCRIBE", 405), ("PUBLISH", 405), ("NOTIFY", 481), ("REFER", 405), ("INFO", 481),
    ("FOO", 501), ("MESSAGE", 480),  # nobody reads it
])
async def test_request_out_of_a_call_gets_the_default_answer(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf, method: str, status: int,
) -> None:
    response = await caller.request(method, uri_of(callee), headers=MARK, body="hello")
    assert (response.status, response.cseq.method) == (status, method)
    if status in (405, 501):
        assert "INVITE" in response.get_all("Allow")


async def test_request_is_answered_by_hand_with_headers_and_body(make_agent: MakeAgent, uri_of: UriOf) -> None:
    caller, callee = await make_agent(), await make_agent(config=UserAgentConfig(methods=("SUBSCRIBE",)))
    seen: list[ReceivedRequest] = []

    def answer(request: ReceivedRequest) -> None:
        seen.append(request)
        if request.method == "SUBSCRIBE":
            request.respond(202, "Will See", headers=MARK, body=b"{}", content_type="application/json")

    callee.on_request = answer
    told, told_caller = callee.events(), caller.events()
    response = await caller.request(
        "SUBSCRIBE", uri_of(callee), headers=[("Event", "presence"), ("Expires", "60"), *MARK],
    )
    assert (response.status, response.reason, response.get("X-Mark"), response.body) == (202, "Will See", "7", b"{}")
    assert response.content_type == "application/json"
    assert response.contact is not None  # it makes a dialog
    request = seen[0]
    assert (request.method, request.call, request.account) == ("SUBSCRIBE", None, None)
    assert (request.message.get("Event"), request.message.get("X-Mark")) == ("presence", "7")
    assert request.answered
    event = await next_of(told, "request")
    assert (event.text, event.peer, event.message) == ("SUBSCRIBE", request.peer, request.message)
    event = await next_of(told_caller, "response")
    assert (event.status, event.text, event.message) == (202, "SUBSCRIBE", response)
    assert "SUBSCRIBE" in (await caller.options(uri_of(callee))).allow
    with pytest.raises(InvalidState):
        request.respond(200)


async def test_challenge_is_answered_for_any_method(make_agent: MakeAgent) -> None:
    users = {"alice": "secret", "bob": "hidden"}
    async with LoopbackServer(users=users, challenge="all") as server:
        alice, bob = await make_agent(), await make_agent()
        for agent, name in ((alice, "alice"), (bob, "bob")):
            await agent.create_account(server.uri(name), users[name])
        bob.on_request = lambda request: request.respond(299, headers=[("X-For", request.account.aor)])
        response = await alice.request("PUBLISH", "bob", body="x")
        assert (response.status, response.get("X-For")) == (299, server.uri("bob"))


async def test_handler_that_takes_its_time_may_answer_later_or_not_at_all(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    async def answer(request: ReceivedRequest) -> None:
        await asyncio.sleep(0.01)
        if request.method == "OPTIONS":
            request.respond(180)
            request.respond(299)

    callee.on_request = answer
    received = callee.events()
    assert (await caller.request("OPTIONS", uri_of(callee))).status == 299
    await caller.send_message(uri_of(callee), "still taken")
    assert (await next_of(received, "message")).text == "still taken"


@pytest.mark.parametrize("later", [False, True])
async def test_fault_in_the_handler_is_a_500(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf, later: bool, caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(request: ReceivedRequest) -> None:
        raise RuntimeError("oops")

    async def fail_later(request: ReceivedRequest) -> None:
        raise RuntimeError("oops")

    callee.on_request = fail_later if later else fail
    assert (await caller.request("OPTIONS", uri_of(callee))).status == 500
    assert "oops" in caplog.text


@pytest.mark.parametrize(("arguments", "options"), [
    (("INVITE", "sip:x@127.0.0.1"), {}), (("REGISTER", "sip:x@127.0.0.1"), {}), (("A B", "sip:x@127.0.0.1"), {}),
    ((None, "sip:x@127.0.0.1"), {}), (("INFO", "sip:"), {}), (("INFO", None), {}),
    (("INFO", "sip:x@127.0.0.1"), {"headers": [("Via", "x")]}),
    (("INFO", "sip:x@127.0.0.1"), {"headers": [("X-Evil", "a\r\nY: b")]}),
    (("INFO", "sip:x@127.0.0.1"), {"body": 5}),
    (("INFO", "sip:x@127.0.0.1"), {"body": b"x", "content_type": "a\r\nb"}),
])
async def test_what_can_not_be_sent_by_hand(caller: UserAgent, arguments: Any, options: Any) -> None:
    with pytest.raises(InvalidArgument):
        await caller.request(*arguments, **options)


async def test_silent_peer_and_closing(make_agent: MakeAgent, peer: RawPeer) -> None:
    caller = await make_agent(config=UserAgentConfig(close_timeout=0.05))
    with pytest.raises(TimedOut, match=r"0\.05 s"):
        await caller.request("OPTIONS", peer.uri, timeout=0.05)
    waiting = asyncio.create_task(caller.request("OPTIONS", peer.uri))
    await asyncio.sleep(0)
    await caller.close()
    with pytest.raises(Canceled):
        await asyncio.wait_for(waiting, 2)


# -- within a call


async def test_requests_within_a_call(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    call, other = await talk(caller, uri_of(callee), callee)
    seen: list[ReceivedRequest] = []

    def answer(request: ReceivedRequest) -> None:
        seen.append(request)
        if request.method == "INFO":
            request.respond(200, headers=MARK, body="pong")

    callee.on_request = answer
    told = other.events()
    response = await call.request("INFO", headers=MARK, body="ping", content_type="text/x-ping")
    assert (response.status, response.get("X-Mark"), response.body) == (200, "7", b"pong")
    assert (seen[0].call, seen[0].body, seen[0].message.get("X-Mark")) == (other, b"ping", "7")
    assert (await next_of(told, "request")).text == "INFO"
    assert (await call.request("OPTIONS")).status == 200
    assert (await call.request("NOTIFY", headers=[("Event", "talk"), ("Subscription-State", "active")])).status == 489
    read = call.events()
    assert (await other.request("MESSAGE", body="hi")).status == 200
    assert (await next_of(read, "message")).text == "hi"
    for method in ("BYE", "INVITE", "UPDATE", ""):
        with pytest.raises(InvalidArgument):
            await call.request(method)
    await call.hangup()
    with pytest.raises(InvalidState):
        await call.request("INFO")


@pytest.mark.parametrize(("headers", "body", "kind", "status"), [
    ([], b"", None, 200),
    ([("Info-Package", "nobody-knows")], b"x", "text/plain", 469),
    ([], b"x", "application/x-unknown", 415),
    ([], b"Signal=5\r\nDuration=160\r\n", "application/dtmf-relay", 200),
    ([], b"5", "application/dtmf", 200),
])
async def test_info_without_a_handler(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf, headers: Any, body: bytes, kind: str | None, status: int,
) -> None:
    call, other = await talk(caller, uri_of(callee), callee)
    assert (await call.request("INFO", headers=headers, body=body, content_type=kind)).status == status
    if kind and "dtmf" in kind:
        assert await other.recv_dtmf(1, 1) == "5"


# -- headers on every message


async def test_headers_go_out_with_every_message_of_a_call(make_agent: MakeAgent, uri_of: UriOf) -> None:
    caller, callee = await make_agent(trace=200), await make_agent(trace=200)

    async def answer(call: Call) -> None:
        call.ring(headers=[("X-Mark", "ring")])
        await call.answer(headers=[("X-Mark", "answer")])

    callee.on_incoming = answer
    call = await caller.invite(uri_of(callee), headers=[("X-Mark", "invite")])
    assert call.response is not None
    assert call.response.get("X-Mark") == "answer"
    other = callee.calls[0]
    await other.wait("active", 2)
    assert other.invite_request is not None
    assert other.invite_request.get("X-Mark") == "invite"
    await call.hold(headers=[("X-Mark", "hold")])
    await call.unhold(headers=[("X-Mark", "unhold")])
    with pytest.raises(Exception, match="405"):
        await call.transfer("sip:x@127.0.0.1", headers=[("X-Mark", "refer")])
    with pytest.raises(InvalidArgument):
        call.transfer("sip:x@127.0.0.1", headers=[("Refer-To", "<sip:y@h>")])
    await call.hangup(headers=[("X-Mark", "bye")], reason=Reason("Q.850", 16, 'Normal "clearing"'))
    await other.wait_ended(2)
    assert other.end_reasons == (Reason("Q.850", 16, 'Normal "clearing"'),)
    assert isinstance(other.end_message, Request)
    assert other.end_message.get("X-Mark") == "bye"
    messages = [parse_message(entry.data) for entry in caller.trace]
    marks = [(one.cseq.method, one.get("X-Mark")) for one in messages if "X-Mark" in one]
    assert marks == [
        ("INVITE", "invite"), ("INVITE", "ring"), ("INVITE", "answer"), ("INVITE", "hold"), ("INVITE", "unhold"),
        ("REFER", "refer"), ("BYE", "bye"),
    ]


async def test_headers_of_refusals_redirections_and_text(make_agent: MakeAgent, uri_of: UriOf) -> None:
    caller, callee = await make_agent(config=UserAgentConfig(max_redirects=0)), await make_agent()
    callee.on_incoming = lambda call: call.reject(503, headers=[("Retry-After", "5")])
    call = caller.start_call(uri_of(callee))
    await call.wait_ended(2)
    assert isinstance(call.end_message, Response)
    assert call.end_message.get("Retry-After") == "5"
    callee.on_incoming = lambda call: call.redirect("sip:x@127.0.0.1", headers=MARK)
    call = caller.start_call(uri_of(callee))
    await call.wait_ended(2)
    assert call.response is not None
    assert (call.response.status, call.response.get("X-Mark")) == (302, "7")
    received = callee.events()
    await caller.send_message(uri_of(callee), "hi", headers=MARK)
    event = await next_of(received, "request")
    assert event.message is not None
    assert event.message.get("X-Mark") == "7"
    reply = await caller.options(uri_of(callee), headers=MARK)
    assert reply.response is not None
    assert reply.response.get("Accept") == "application/sdp"


async def test_cancel_says_that_another_phone_has_answered(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    call = caller.start_call(uri_of(callee))
    other = await callee.next_call(2)
    await call.hangup(reason=Reason("SIP", 200, "Call completed elsewhere"), headers=MARK)
    assert await other.wait_ended(2) is EndCause.ANSWERED_ELSEWHERE
    assert (other.status, other.reason) == (487, "Call completed elsewhere")
    assert isinstance(other.end_message, Request)
    assert other.end_message.get("X-Mark") == "7"
    call = caller.start_call(uri_of(callee))
    other = await callee.next_call(2)
    await call.hangup(reason=Reason("SIP", 600, "Busy everywhere"))
    assert await other.wait_ended(2) is EndCause.CANCELED


async def test_header_that_can_not_be_sent_leaves_the_call_as_it_was(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    call = caller.start_call(uri_of(callee))
    other = await callee.next_call(2)
    evil = [("X-Evil", "a\r\nY: b")]
    commands: list[Callable[[], object]] = [
        lambda: other.ring(headers=evil), lambda: other.answer(headers=evil), lambda: other.reject(headers=evil),
        lambda: other.redirect("sip:x@h", headers=evil), lambda: other.hangup(headers=evil),
        lambda: call.hangup(reason=Reason("SIP\r\nX: y")),
    ]
    for command in commands:
        with pytest.raises(InvalidArgument):
            command()
    await other.answer()
    await call.wait("active", 2)
    for command in (lambda: call.hold(headers=evil), lambda: call.transfer("sip:x@h", headers=evil)):
        with pytest.raises(InvalidArgument):
            command()
    await call.hold()
