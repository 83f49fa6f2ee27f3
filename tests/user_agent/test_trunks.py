"""Trunks: accounts without registration that know their peer by its address; and several accounts side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from microsip_core.errors import InvalidState, NetworkError
from microsip_core.server import LoopbackServer
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import Event
from microsip_core.user_agent.states import AccountState, EndCause
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


async def test_calls_go_out_by_the_trunk_without_registration(
    make_agent: MakeAgent, caller: UserAgent, callee: UserAgent,
) -> None:
    host, port = callee.listen_address
    account = await caller.create_account(
        "sip:+4930123@company.example", proxy=f"sip:{host}:{port}", trunk=True, asserted_identity="tel:+4930123",
    )
    assert account.state is AccountState.UP
    caller.start_call("+4940999")
    call = await callee.next_call(2)
    assert call.invite_request is not None
    assert call.invite_request.uri == "sip:+4940999@company.example"
    assert call.invite_request.get("P-Asserted-Identity") == "<tel:+4930123>"
    with pytest.raises(InvalidState, match="trunk"):
        await account.register()


async def test_trunk_goes_down_and_up_with_its_other_end(make_agent: MakeAgent, peer: RawPeer) -> None:
    agent = await make_agent()
    events = agent.events()
    account = await agent.create_account(
        "sip:me@127.0.0.1", registrar=f"sip:127.0.0.1:{peer.port}", trunk=True, qualify=0.2,
    )
    options = await peer.receive("OPTIONS sip:127.0.0.1:")
    await peer.respond(options, "405 Method Not Allowed")
    assert (await next_of(events, "trunk_up")).status == 405
    assert account.state is AccountState.UP
    await peer.respond(await peer.receive("OPTIONS"), "503 Service Unavailable")
    assert "503" in (await next_of(events, "trunk_down")).text
    call = agent.start_call("1234")
    assert call.end_cause is EndCause.TRANSPORT
    assert isinstance(call.error, NetworkError)
    assert "trunk is down" in str(call.error)
    await next_of(events, "call_ended")
    await peer.respond(await peer.receive("OPTIONS"), "200 OK")
    await next_of(events, "trunk_up")
    assert account.error is None
    assert "no final response" in (await next_of(events, "trunk_down")).text  # it is silent from now on


async def test_incoming_calls_of_the_trunk_are_known_by_their_source(
    make_agent: MakeAgent, caller: UserAgent,
) -> None:
    agent = await make_agent()
    host, port = agent.listen_address
    account = await agent.create_account("sip:pbx@company.example", registrar="sip:192.0.2.1", trunk=True,
                                         peers=["127.0.0.0/8"])
    caller.start_call(f"sip:+4930123@{host}:{port}")
    call = await agent.next_call(2)
    assert call.account is account
    assert call.session is not None
    assert call.session.identity is account.identity


async def test_server_of_the_trunk_may_call_it_without_being_named_a_peer(
    make_agent: MakeAgent, caller: UserAgent,
) -> None:
    agent = await make_agent()
    host, port = agent.listen_address
    account = await agent.create_account("sip:pbx@company.example", registrar="sip:localhost:5999", trunk=True)
    await asyncio.wait_for(account.learn_server(), 3)
    caller.start_call(f"sip:+4930123@{host}:{port}")
    assert (await agent.next_call(2)).account is account


async def test_calls_to_the_trunk_from_elsewhere_are_refused(make_agent: MakeAgent, caller: UserAgent) -> None:
    agent = await make_agent()
    host, port = agent.listen_address
    await agent.create_account(f"sip:pbx@{host}", registrar="sip:192.0.2.1", trunk=True, peers=["192.0.2.0/24"])
    call = caller.start_call(f"sip:pbx@{host}:{port}")
    await call.wait_ended(2)
    assert call.status == 403
    assert agent.calls == []
    caller.start_call(f"sip:somebody@{host}:{port}")
    assert (await agent.next_call(2)).account is None  # not the trunk's business


async def test_registered_account_beside_a_trunk_gets_its_own_calls(make_agent: MakeAgent, caller: UserAgent) -> None:
    async with LoopbackServer(users={"alice": "secret"}) as server:
        agent = await make_agent()
        trunk = await agent.create_account("sip:pbx@company.example", registrar="sip:192.0.2.1", trunk=True,
                                           peers=["127.0.0.1"])
        alice = await agent.create_account(server.uri("alice"), "secret")
        caller.start_call(server.uri("alice"))
        assert (await agent.next_call(2)).account is alice
        host, port = agent.listen_address
        caller.start_call(f"sip:1234@{host}:{port}")
        assert (await agent.next_call(2)).account is trunk
        await caller.close()
        await agent.close()


async def test_removed_trunk_asks_no_more(make_agent: MakeAgent, peer: RawPeer) -> None:
    agent = await make_agent()
    account = await agent.create_account("sip:me@127.0.0.1", proxy=peer.uri, trunk=True, qualify=0.1)
    await peer.respond(await peer.receive("OPTIONS"), "200 OK")
    agent.remove_account(account)
    with pytest.raises(TimeoutError):
        await peer.receive("OPTIONS", 0.3)


async def test_accounts_have_their_own_transport_identity_and_credentials(make_agent: MakeAgent) -> None:
    alice_at, bob_at = {"alice": "secret"}, {"bob": "hidden"}
    async with (
        LoopbackServer(users=alice_at, challenge="all") as first,
        LoopbackServer(transports=("tcp",), users=bob_at, challenge="all") as second,
    ):
        agent = await make_agent(trace=200)
        alice = await agent.create_account(
            first.uri("alice"), "secret", display_name="Alice", headers=[("X-Mark", "1")],
        )
        uri = second.uri("bob").partition(";")[0]
        bob = await agent.create_account(uri, "hidden", display_name="Bob", transport="TCP")
        assert [account.state for account in agent.accounts] == [AccountState.REGISTERED] * 2
        registers = [entry for entry in agent.trace if entry.data.startswith(b"REGISTER") and entry.direction == "out"]
        assert {(entry.transport, b"X-Mark: 1" in entry.data) for entry in registers} == {("UDP", True), ("TCP", False)}
        for account, name, transport in ((alice, b"Alice", "UDP"), (bob, b"Bob", "TCP")):
            call = await account.invite("echo", timeout=3)
            sent = next(entry for entry in reversed(agent.trace) if entry.data.startswith(b"ACK"))
            assert sent.transport == transport
            assert b'From: "' + name in sent.data or b"From: " + name in sent.data
            await call.hangup()
            assert call.end_cause is EndCause.NORMAL
        await agent.close()
