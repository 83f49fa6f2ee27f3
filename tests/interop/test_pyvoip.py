"""Calls with pyVoIP 1.6.8, which registers with our loopback server, in both directions; audio both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio

from microsip_core import Call, UserAgent
from microsip_core.server import LoopbackServer

from .conftest import read_channels, tone_seconds
from .peers import Peer, printed, start_pyvoip


@pytest_asyncio.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    loopback = LoopbackServer(users={"alice": "secret", "bob": "secret"})
    await loopback.start()
    yield loopback
    await loopback.close()


async def hear_own_tone(call: Call, tone: Path, recording: Path) -> None:
    """pyVoIP passes audio through 8-bit samples and its own clock: ask for the tone, not for its whole length."""
    call.record(recording)
    call.play(tone)
    await asyncio.sleep(5)
    await call.hangup()
    sent, received = read_channels(recording)
    assert tone_seconds(sent) > 3.5
    assert tone_seconds(received) > 1.0


async def test_we_call_pyvoip(
    agent: UserAgent, server: LoopbackServer, started: Callable[[Peer], Peer], tone: Path, tmp_path: Path,
) -> None:
    host, port = server.address
    peer = started(start_pyvoip(tmp_path, user="bob", password="secret", registrar_port=port))
    await printed(peer, "registered")
    account = await agent.create_account(f"sip:alice@{host}:{port}", "secret")
    call = await agent.invite(f"sip:bob@{host}:{port}", account=account, timeout=10)
    await hear_own_tone(call, tone, tmp_path / "call.wav")
    assert call.ended_by == "local"


async def test_pyvoip_calls_us(
    agent: UserAgent, server: LoopbackServer, started: Callable[[Peer], Peer], tone: Path, tmp_path: Path,
) -> None:
    host, port = server.address
    await agent.create_account(f"sip:alice@{host}:{port}", "secret")
    started(start_pyvoip(tmp_path, user="bob", password="secret", registrar_port=port, call="alice"))
    call = await asyncio.wait_for(agent.next_call(), 15)
    await call.answer()
    await hear_own_tone(call, tone, tmp_path / "call.wav")
