"""pjsua2 (PJSIP 2.15) registered with our loopback server: calls both ways, hold, transfers both ways, digits."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from microsip_core import Call, UserAgent, UserAgentConfig
from microsip_core.server import LoopbackServer

from .conftest import read_channels, tone_seconds
from .peers import Peer, free_udp_port, printed, require_module, start

PASSWORD = "secret"


@pytest.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer(users={"alice": PASSWORD, "bob": PASSWORD}, challenge="all") as loopback:
        yield loopback


@pytest.fixture
async def alice(server: LoopbackServer) -> AsyncIterator[UserAgent]:
    async with UserAgent(UserAgentConfig(accept_transfers=True)) as agent:
        await agent.create_account(server.uri("alice"), PASSWORD)
        yield agent


@pytest.fixture
async def bob(server: LoopbackServer, started: Callable[[Peer], Peer], tmp_path: Path) -> Peer:
    require_module("pjsua2", "pjsua2-python==2.15.1.post1")
    port = free_udp_port()
    script = Path(__file__).with_name("pjsua2_phone.py")
    command = [sys.executable, str(script), "bob", PASSWORD, str(server.address[1]), str(port)]
    phone = started(start("pjsua2", command, port, tmp_path / "pjsua2.log", tmp_path, typed=True))
    await printed(phone, "registered 200")
    return phone


async def called(alice: UserAgent, server: LoopbackServer, bob: Peer) -> Call:
    """Call pjsua2, which answers."""
    call = alice.start_call(server.uri("bob"), timeout=10)
    await printed(bob, "incoming")
    bob.type("answer")
    await call.wait("active", 10)
    return call


async def test_we_call_pjsua2(
    alice: UserAgent, server: LoopbackServer, bob: Peer, tone: Path, tmp_path: Path,
) -> None:
    call = await called(alice, server, bob)
    call.record(tmp_path / "call.wav")
    call.play(tone)
    await asyncio.sleep(2.0)
    call.stop_play()
    await call.send_dtmf("5#")
    await printed(bob, "digit #")
    await call.hold()
    await call.unhold()
    await call.hangup()
    await printed(bob, "call DISCONNECTED 200")
    assert tone_seconds(read_channels(tmp_path / "call.wav")[1]) > 1.0


async def test_pjsua2_calls_us_holds_and_hangs_up(alice: UserAgent, server: LoopbackServer, bob: Peer) -> None:
    bob.type(f"call {server.uri('alice')}")
    call = await alice.next_call(10)
    await call.answer()
    await printed(bob, "call CONFIRMED")
    await printed(bob, "media 1")
    bob.type("dtmf 42")
    assert await call.recv_dtmf(2, timeout=10) == "42"
    bob.type("hold")
    await call.wait("remote_held", 10)
    bob.type("unhold")
    await call.wait("active", 10)
    bob.type("hangup")
    await call.wait_ended(10)
    assert call.ended_by == "remote"


async def test_pjsua2_transfers_us(alice: UserAgent, server: LoopbackServer, bob: Peer) -> None:
    bob.type(f"call {server.uri('alice')}")
    call = await alice.next_call(10)
    await call.answer()
    await printed(bob, "call CONFIRMED")
    bob.type(f"transfer {server.uri('echo')}")
    await printed(bob, "transfer 200")
    assert call.transferred_to is not None
    assert call.transferred_to.state == "active"
    await call.transferred_to.hangup()
    bob.type("hangup")
    await call.wait_ended(10)


async def test_we_transfer_pjsua2(alice: UserAgent, server: LoopbackServer, bob: Peer) -> None:
    call = await called(alice, server, bob)
    await call.transfer(server.uri("echo"))
    assert call.state == "ended"
    await printed(bob, "transferred to")
    assert server.statistics()["service_calls_now"] == 1


async def test_attended_transfer_of_pjsua2(alice: UserAgent, server: LoopbackServer, bob: Peer) -> None:
    call = await called(alice, server, bob)
    other = await alice.invite(server.uri("echo"), timeout=10)
    await call.transfer_to(other)
    assert (call.state, other.state) == ("ended", "ended")
    assert server.statistics()["service_calls_now"] == 1
