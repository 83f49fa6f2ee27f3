"""linphone 5.1 registered with our loopback server: calls both ways, hold, transfers both ways, messages, TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from certificates import Authority

from microsip_core import Call, UserAgent, UserAgentConfig
from microsip_core.server import LoopbackServer

from .conftest import read_channels, tone_seconds
from .linphone_peer import start_linphone
from .peers import HOST, Peer, printed

PASSWORD = "secret"
Started = Callable[[Peer], Peer]


@pytest.fixture
async def server(authority: Authority) -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer(
        users={"alice": PASSWORD, "bob": PASSWORD}, challenge="all", algorithms=("MD5",),
        transports=("udp", "tcp", "tls"), tls=authority.settings(HOST, "localhost"),
    ) as loopback:
        yield loopback


@pytest.fixture
async def alice(server: LoopbackServer) -> AsyncIterator[UserAgent]:
    async with UserAgent(UserAgentConfig(accept_transfers=True)) as agent:
        await agent.create_account(server.uri("alice"), PASSWORD)
        yield agent


async def registered(
    server: LoopbackServer, started: Started, folder: Path, authority: Authority, transport: str = "udp",
) -> Peer:
    """Start linphone and register it as bob."""
    peer = started(start_linphone(folder, "bob", transport=transport, authority=authority))
    # it takes no address of a certificate for the name of a server, only names
    proxy = server.proxy_for(transport).replace(HOST, "localhost" if transport == "tls" else HOST)
    peer.type(f"register {server.uri('bob')} {proxy} {PASSWORD}")
    for _ in range(200):
        if server.registered("bob"):
            return peer
        await asyncio.sleep(0.05)
    pytest.fail(f"linphone did not register:\n{peer.output()[-2000:]}")


async def hear(call: Call, linphone: Peer, tone: Path, folder: Path) -> None:
    """Let linphone play the tone, and require to hear it."""
    linphone.type(f"play {tone}")
    call.record(folder / "call.wav")
    await asyncio.sleep(2.0)
    call.stop_record()
    await asyncio.sleep(0.2)
    assert tone_seconds(read_channels(folder / "call.wav")[1]) > 1.0


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_we_call_linphone(
    alice: UserAgent, server: LoopbackServer, started: Started, authority: Authority, tone: Path, tmp_path: Path,
    transport: str,
) -> None:
    linphone = await registered(server, started, tmp_path, authority, transport)
    linphone.type("autoanswer enable")
    call = await alice.invite(server.uri("bob"), timeout=10)
    await hear(call, linphone, tone, tmp_path)
    await call.hold()
    await call.unhold()
    await call.hangup()
    assert (call.status, call.ended_by) == (200, "local")
    await printed(linphone, "ended (No error)")


@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_linphone_calls_us_holds_and_hangs_up(
    alice: UserAgent, server: LoopbackServer, started: Started, authority: Authority, tone: Path, tmp_path: Path,
    transport: str,
) -> None:
    linphone = await registered(server, started, tmp_path, authority, transport)
    target = server.proxy_for("tls").replace(f"sip:{HOST}", "sip:alice@localhost")  # it finds no other way to TLS
    linphone.type(f"call {target if transport == 'tls' else server.uri('alice')}")
    call = await alice.next_call(10)
    await call.answer()
    await hear(call, linphone, tone, tmp_path)
    linphone.type("pause")
    await call.wait("remote_held", 10)
    linphone.type("resume 1")
    await call.wait("active", 10)
    linphone.type("terminate")
    await call.wait_ended(10)
    assert call.ended_by == "remote"


async def test_linphone_transfers_us(
    alice: UserAgent, server: LoopbackServer, started: Started, authority: Authority, tmp_path: Path,
) -> None:
    linphone = await registered(server, started, tmp_path, authority)
    linphone.type(f"call {server.uri('alice')}")
    call = await alice.next_call(10)
    await call.answer()
    linphone.type(f"transfer {server.uri('echo')}")
    await call.wait_ended(10)
    assert call.transferred_to is not None
    assert call.transferred_to.state == "active"
    await call.transferred_to.hangup()


async def test_we_transfer_linphone(
    alice: UserAgent, server: LoopbackServer, started: Started, authority: Authority, tmp_path: Path,
) -> None:
    linphone = await registered(server, started, tmp_path, authority)
    linphone.type("autoanswer enable")
    call = await alice.invite(server.uri("bob"), timeout=10)
    await call.transfer(server.uri("echo"))
    assert call.state == "ended"
    assert server.statistics()["service_calls_now"] == 1
    linphone.type("terminate")


async def test_we_connect_linphone_with_another_callee(
    alice: UserAgent, server: LoopbackServer, started: Started, authority: Authority, tmp_path: Path,
) -> None:
    """Attended transfer: linphone takes our place in our call with the echo service, by Replaces."""
    linphone = await registered(server, started, tmp_path, authority)
    linphone.type("autoanswer enable")
    call = await alice.invite(server.uri("bob"), timeout=10)
    other = await alice.invite(server.uri("echo"), timeout=10)
    await call.transfer_to(other)
    assert (call.state, other.state) == ("ended", "ended")
    assert server.statistics()["service_calls_now"] == 1
    linphone.type("terminate")


async def test_messages(
    alice: UserAgent, server: LoopbackServer, started: Started, authority: Authority, tmp_path: Path,
) -> None:
    linphone = await registered(server, started, tmp_path, authority)
    events = alice.events()
    linphone.type(f'chat {server.uri("alice")} "hello from linphone"')
    async with asyncio.timeout(10):
        async for event in events:
            if event.type == "message":
                break
    assert event.text.strip('"') == "hello from linphone"
    await alice.send_message(server.uri("bob"), "hello from us", timeout=10)
    await printed(linphone, "hello from us")
