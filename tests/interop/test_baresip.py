"""Calls with baresip 1.0 in both directions, directly and registered with our loopback server; audio both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from microsip_core import Call, UserAgent
from microsip_core.server import LoopbackServer

from .baresip_peer import start_baresip
from .conftest import address, read_channels, tone_seconds
from .peers import HOST, Peer, printed


async def hear_own_tone(call: Call, tone: Path, recording: Path) -> None:
    """Play the tone for four seconds to a peer that loops audio back, and require to hear it."""
    call.record(recording)
    call.play(tone)
    await asyncio.sleep(4)
    call.stop_record()
    await asyncio.sleep(0.5)
    sent, received = read_channels(recording)
    assert tone_seconds(sent) > 3.0
    assert tone_seconds(received) > 3.0


@pytest.mark.parametrize(("codec", "ours"), [("pcmu/8000/1", "PCMU"), ("pcma/8000/1", "PCMA")])
async def test_we_call_baresip(
    agent: UserAgent, started: Callable[[Peer], Peer], tone: Path, tmp_path: Path, codec: str, ours: str,
) -> None:
    baresip = started(start_baresip(tmp_path, "bob", codec=codec))
    call = await agent.invite(f"sip:bob@{HOST}:{baresip.port}", timeout=10)
    await hear_own_tone(call, tone, tmp_path / "call.wav")
    assert call.statistics().codec == ours
    await call.hangup()
    assert call.ended_by == "local"
    assert call.status == 200


async def test_baresip_calls_us(agent: UserAgent, started: Callable[[Peer], Peer], tone: Path, tmp_path: Path) -> None:
    baresip = started(start_baresip(tmp_path, "bob", commands=(f"d sip:us@{address(agent)}",)))
    call = await asyncio.wait_for(agent.next_call(), 10)
    await call.answer()
    await hear_own_tone(call, tone, tmp_path / "call.wav")
    await call.hangup()
    await printed(baresip, "session closed")


async def test_baresip_ends_the_call_and_we_see_it(
    agent: UserAgent, started: Callable[[Peer], Peer], tmp_path: Path,
) -> None:
    started(start_baresip(tmp_path, "bob", commands=(f"d sip:us@{address(agent)}",), seconds=3))
    call = await asyncio.wait_for(agent.next_call(), 10)
    await call.answer()
    await asyncio.wait_for(call.wait_ended(), 10)
    assert call.ended_by == "remote"


async def test_baresip_registers_with_our_server_and_is_called_through_it(
    agent: UserAgent, started: Callable[[Peer], Peer], tone: Path, tmp_path: Path,
) -> None:
    server = LoopbackServer(users={"alice": "secret", "bob": "secret"}, challenge="all", algorithms=("MD5",))
    await server.start()
    try:
        domain = f"{server.address[0]}:{server.address[1]}"
        started(start_baresip(tmp_path, "bob", domain=domain, password="secret"))
        account = await agent.create_account(f"sip:alice@{domain}", "secret")
        await asyncio.sleep(1.0)
        call = await agent.invite(f"sip:bob@{domain}", account=account, timeout=10)
        await hear_own_tone(call, tone, tmp_path / "call.wav")
        await call.hangup()
        assert call.ended_by == "local"
    finally:
        await server.close()
