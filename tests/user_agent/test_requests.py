"""Text messages and OPTIONS between user agents on real sockets, and with a peer that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from microsip_core.errors import (
    AuthenticationError,
    CallRefused,
    DnsError,
    InvalidArgument,
    InvalidState,
    LimitExceeded,
    TimedOut,
)
from microsip_core.server import LoopbackServer
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import Event
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import RawPeer

UriOf = Callable[[UserAgent], str]


async def next_of(stream: EventStream, kind: str) -> Event:
    async with asyncio.timeout(3):
        async for event in stream:
            if event.type == kind:
                return event
    raise AssertionError(f"no {kind}")


async def test_message_arrives_and_its_sender_is_told(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    received, sent = callee.events(), caller.events()
    await caller.send_message(uri_of(callee), "Grüße, ☎\r\nbis später")
    event = await next_of(received, "message")
    assert (event.text, event.peer, event.call, event.account) == (
        "Grüße, ☎\r\nbis später", "sip:microsip@127.0.0.1", None, None,
    )
    outcome = await next_of(sent, "message_status")
    assert (outcome.status, outcome.peer) == (200, uri_of(callee))


async def test_messages_between_accounts_of_a_server_that_challenges_all(make_agent: MakeAgent) -> None:
    users = {"alice": "secret", "bob": "hidden"}
    async with LoopbackServer(users=users, challenge="all") as server:
        alice, bob = await make_agent(), await make_agent()
        for agent, name in ((alice, "alice"), (bob, "bob")):
            await agent.create_account(server.uri(name), users[name])
        received = bob.accounts[0].events()
        await alice.send_message("bob", "hello")
        event = await next_of(received, "message")
        assert (event.text, event.peer, event.account) == ("hello", server.uri("alice"), bob.accounts[0])
        stranger = await make_agent()
        stranger.add_account(server.uri("alice"))
        with pytest.raises(AuthenticationError, match="password is wanted"):
            await stranger.send_message("bob", "hello")


async def test_limit_on_size_on_both_sides(caller: UserAgent, make_agent: MakeAgent, uri_of: UriOf) -> None:
    callee = await make_agent(config=UserAgentConfig(max_message_size=10))
    with pytest.raises(CallRefused, match="413"):
        await caller.send_message(uri_of(callee), "eleven char")
    with pytest.raises(LimitExceeded, match="11 octets"):
        await callee.send_message(uri_of(caller), "eleven char")
    _events = caller.events()
    await callee.send_message(uri_of(caller), "ten chars.")


@pytest.mark.parametrize(("headers", "body", "status", "text"), [
    ("Content-Type: application/octet-stream\r\n", "x", "415", None),
    ("Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "x", "415", None),
    ("Content-Type: Text/Plain;charset=morse\r\n", "x", "200", "x"),
    ("Content-Type: text/plain;charset=utf-16-be\r\n", "\0h\0i", "200", "hi"),
    ("", "", "200", ""),
])
async def test_strange_messages(
    callee: UserAgent, peer: RawPeer, headers: str, body: str, status: str, text: str | None,
) -> None:
    events = callee.events()
    await peer.send(
        f"MESSAGE sip:u@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bK1\r\n"
        f"Max-Forwards: 70\r\nFrom: <{peer.uri}>;tag=1\r\nTo: <sip:u@127.0.0.1>\r\nCall-ID: 1\r\n"
        f"CSeq: 1 MESSAGE\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}", callee.listen_address,
    )
    response = await peer.receive("SIP/2.0")
    assert response.split(" ")[1] == status
    if text is None:
        assert "\r\nAccept: text/plain" in response
    else:
        event = await next_of(events, "message")
        assert (event.text, event.peer) == (text, peer.uri)


async def test_a_message_that_nobody_reads_is_not_confirmed(caller: UserAgent, callee: UserAgent) -> None:
    """RFC 3428 s7: a 200 says that it was delivered."""
    uri = "sip:u@{}:{}".format(*callee.listen_address)
    with pytest.raises(CallRefused, match="480"):
        await caller.send_message(uri, "is anybody there?")
    events = callee.events()
    await caller.send_message(uri, "now?")
    assert (await next_of(events, "message")).text == "now?"


async def test_message_that_nobody_answers(caller: UserAgent, peer: RawPeer) -> None:
    events = caller.events()
    with pytest.raises(TimedOut, match=r"0\.05 s"):
        await caller.send_message(peer.uri, "x", timeout=0.05)
    assert (await next_of(events, "message_status")).status == 0
    await peer.respond(await peer.receive("MESSAGE"), "200 OK")  # too late: nobody minds
    with pytest.raises(DnsError):
        await caller.send_message("sip:x@nowhere.invalid", "x", timeout=5)
    with pytest.raises(InvalidArgument):
        await caller.send_message("mailto:x@y", "x")


async def test_options_tells_status_and_time(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    reply = await caller.options(uri_of(callee))
    assert (reply.status, reply.reason) == (200, "OK")
    assert 0 < reply.round_trip_ms < 1000
    assert {"INVITE", "MESSAGE"} <= set(reply.allow)
    assert "REFER" not in reply.allow
    assert reply.user_agent.startswith("microsip-core/")


async def test_options_takes_a_refusal_for_an_answer(caller: UserAgent, peer: RawPeer) -> None:
    asking = asyncio.create_task(caller.options(peer.uri))
    await peer.respond(await peer.receive("OPTIONS"), "404 Not Found")
    assert (await asking).status == 404
    with pytest.raises(TimedOut):
        await caller.options(peer.uri, timeout=0.05)
    await caller.close()
    with pytest.raises(InvalidState):
        await caller.options(peer.uri)
