"""Calls and registrations over TCP, TLS and several listeners at once; what a lost connection costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from certificates import Authority
from leaks import open_descriptors

from microsip_core.errors import CallRefused, InvalidArgument, NetworkError, TlsError
from microsip_core.server.server import LoopbackServer
from microsip_core.transport.tls import TlsSettings
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.states import AccountState, EndCause
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent

USERS = {"alice": "secret", "bob": "hunter2"}


@pytest.fixture
async def server(authority: Authority) -> AsyncIterator[LoopbackServer]:
    """A server that listens for everything, and challenges everything."""
    async with LoopbackServer(
        users=USERS, challenge="all", transports=("udp", "tcp", "tls", "ws", "wss"), services=False,
        tls=authority.settings("127.0.0.1"),
    ) as running:
        yield running


def uri_of(agent: UserAgent, transport: str, user: str = "bob") -> str:
    host, port = agent.transport.listen_address_of(transport.upper())
    return f"sip:{user}@{'[' + host + ']' if ':' in host else host}:{port};transport={transport}"


def via(agent: UserAgent) -> set[str]:
    """Return the transports of the Vias in the messages the agent has seen."""
    lines = [line for entry in agent.trace for line in entry.data.split(b"\r\n") if line.startswith(b"Via:")]
    return {line.partition(b"SIP/2.0/")[2].partition(b" ")[0].decode() for line in lines}


async def call_and_hang_up(caller: UserAgent, callee: UserAgent, uri: str, *, by_callee: bool = True) -> None:
    """Call, and let the callee, whose BYE finds its own way back, or the caller end it."""
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite(uri, timeout=5)
    other = callee.calls[0]
    await other.wait("active", 2)
    await (other if by_callee else call).hangup()
    assert await (call if by_callee else other).wait_ended(2) is EndCause.NORMAL


@pytest.mark.parametrize("by_callee", [True, False])
async def test_call_over_tcp(make_agent: MakeAgent, by_callee: bool) -> None:
    caller, callee = await make_agent(trace=100), await make_agent(listen="tcp:127.0.0.1:0", trace=100)
    await call_and_hang_up(caller, callee, uri_of(callee, "tcp"), by_callee=by_callee)
    assert via(caller) == via(callee) == {"TCP"}
    assert caller.transport.streams.counters["opened"] + callee.transport.streams.counters["opened"] == 1
    invite = next(entry.data for entry in caller.trace if entry.data.startswith(b"INVITE"))
    assert b";transport=tcp>" in invite


async def test_call_over_ipv6_tcp(make_agent: MakeAgent) -> None:
    caller, callee = await make_agent(), await make_agent(listen="tcp:[::1]:0")
    await call_and_hang_up(caller, callee, uri_of(callee, "tcp"))


@pytest.mark.parametrize("by_callee", [True, False])
@pytest.mark.parametrize("scheme", ["sip", "sips"])
async def test_call_over_tls(make_agent: MakeAgent, authority: Authority, scheme: str, by_callee: bool) -> None:
    """The caller can not be called: its connection is all there is."""
    caller = await make_agent(config=UserAgentConfig(tls=authority.settings(), trace=100))
    callee = await make_agent(config=UserAgentConfig(listen="tls:127.0.0.1:0", tls=authority.settings("127.0.0.1")))
    uri = uri_of(callee, "tls")
    if scheme == "sips":
        uri = uri.replace("sip:", "sips:").replace(";transport=tls", "")
    await call_and_hang_up(caller, callee, uri, by_callee=by_callee)
    assert via(caller) == {"TLS"}
    assert callee.transport.streams.counters["accepted"] == 1


async def test_wrong_certificate_ends_the_call_with_what_to_do(make_agent: MakeAgent, authority: Authority) -> None:
    caller = await make_agent(config=UserAgentConfig(tls=authority.settings()))
    callee = await make_agent(config=UserAgentConfig(listen="tls:127.0.0.1:0", tls=authority.settings("b.example")))
    with pytest.raises(TlsError, match=r"is for b\.example and not for 127\.0\.0\.1"):
        await caller.invite(uri_of(callee, "tls"), timeout=5)
    with pytest.raises(TlsError, match=r"b\.example"):
        await caller.create_account("sip:bob@127.0.0.1", "x", registrar=uri_of(callee, "tls").replace("bob@", ""))


async def test_several_listeners_at_once(make_agent: MakeAgent, authority: Authority) -> None:
    callee = await make_agent(config=UserAgentConfig(
        listen=["127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0", "udp:[::1]:0"],
        tls=authority.settings("127.0.0.1"),
    ))
    assert [name for name, _ in callee.transport.local_addresses] == ["UDP", "TCP", "TLS", "UDP"]
    caller = await make_agent(config=UserAgentConfig(tls=authority.settings()))
    for transport in ("udp", "tcp", "tls"):
        await call_and_hang_up(caller, callee, uri_of(callee, transport))
    host, port = callee.transport.local_addresses[3][1]
    await call_and_hang_up(caller, callee, f"sip:bob@[{host}]:{port}")


async def test_refused_tcp_call_says_so(make_agent: MakeAgent, caller: UserAgent) -> None:
    callee = await make_agent(listen="tcp:127.0.0.1:0")
    uri = uri_of(callee, "tcp")
    await callee.close()
    with pytest.raises(NetworkError, match="nothing listens there"):
        await caller.invite(uri, timeout=5)


@pytest.mark.parametrize("listen", ["sctp:127.0.0.1:0", "127.0.0.1:x", "tcp:127.0.0.1:70000"])
async def test_bad_listen_address(listen: str) -> None:
    agent = UserAgent(listen=listen, media="none")
    with pytest.raises(InvalidArgument):
        await agent.start()


async def test_a_transport_we_lack_is_named_at_once(caller: UserAgent) -> None:
    """RFC 3261 s19.1.1 knows SCTP, and we do not speak it: not in a call, a request, or to a registrar."""
    uri = "sip:bob@127.0.0.1:5999;transport=sctp"
    with pytest.raises(NetworkError, match="SCTP is not available"):
        await caller.invite(uri, timeout=5)
    with pytest.raises(NetworkError, match="SCTP is not available"):
        await caller.options(uri, timeout=5)
    with pytest.raises(NetworkError, match="SCTP is not available"):
        await caller.create_account("sip:alice@127.0.0.1:5999", "secret", proxy="sip:127.0.0.1;transport=sctp")
    async with LoopbackServer(users={"alice": "secret"}, services=False) as server:
        account = await caller.create_account(server.uri("alice"), "secret", proxy=server.proxy)
        with pytest.raises(CallRefused) as refused:
            await account.invite(uri, timeout=5)
        assert refused.value.status >= 500


async def test_tcp_only_agent_calls_by_tcp(make_agent: MakeAgent) -> None:
    caller = await make_agent(listen="tcp:127.0.0.1:0", trace=10)
    callee = await make_agent(listen="tcp:127.0.0.1:0")
    await call_and_hang_up(caller, callee, uri_of(callee, "tcp").partition(";")[0])
    assert via(caller) == {"TCP"}


@pytest.mark.parametrize("transports", [
    ("tcp", "tcp"), ("tls", "tls"), ("tls", "udp"), ("udp", "tcp"), ("ws", "ws"), ("wss", "udp"), ("tls", "ws"),
])
async def test_registered_phones_call_through_the_server(
    make_agent: MakeAgent, authority: Authority, server: LoopbackServer, transports: tuple[str, str],
) -> None:
    agents: list[UserAgent] = []
    for user, transport in zip(USERS, transports, strict=True):
        agent = await make_agent(config=UserAgentConfig(tls=authority.settings(), trace=100))
        agents.append(agent)
        await agent.create_account(server.uri(user), USERS[user], proxy=server.proxy_for(transport))
    caller, callee = agents
    for by_callee in (True, False):
        await call_and_hang_up(caller, callee, server.uri("bob"), by_callee=by_callee)
    assert via(caller) == {transports[0].upper(), transports[1].upper()} or transports[0] == transports[1]
    assert server.statistics().get("transport_errors", 0) == 0


async def test_lost_connection_is_opened_again_and_the_account_registered_anew(
    make_agent: MakeAgent, authority: Authority, server: LoopbackServer,
) -> None:
    bob = await make_agent(config=UserAgentConfig(tls=authority.settings()))
    account = await bob.create_account(server.uri("bob"), "hunter2", proxy=server.proxy_for("tls"))
    before = server.registered("bob")
    bob.transport.streams.connections[0].abort()
    async with asyncio.timeout(5):
        async for event in account.events():
            if event.type.value == "registered":
                break
    assert account.state is AccountState.REGISTERED
    assert len(server.registered("bob")) == 1
    assert server.registered("bob") != before
    caller = await make_agent()
    await caller.create_account(server.uri("alice"), "secret")
    await call_and_hang_up(caller, bob, server.uri("bob"))


async def test_descriptors_tasks_and_timers_are_back_to_start(authority: Authority) -> None:
    before, tasks = open_descriptors(), asyncio.all_tasks()
    settings: dict[str, Any] = {"listen": ["127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0"], "trace": 0}
    for transport in ("tcp", "tls"):
        async with (
            UserAgent(UserAgentConfig(tls=authority.settings("127.0.0.1"), **settings), media="none") as callee,
            UserAgent(UserAgentConfig(tls=authority.settings()), media="none") as caller,
        ):
            for _ in range(5):
                await call_and_hang_up(caller, callee, uri_of(callee, transport))
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == tasks
    assert open_descriptors() == before


def test_tls_settings_are_public() -> None:
    import microsip_core

    assert microsip_core.TlsSettings is TlsSettings
