"""SRTP with baresip 1.0 in both directions, in each of its ways: RTP/AVP with keys, RTP/SAVP, RTP/SAVPF."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from microsip_core import Call, CallRefused, UserAgent, UserAgentConfig

from .baresip_peer import start_baresip
from .conftest import address
from .peers import HOST, Peer
from .test_baresip import hear_own_tone

SUITE = "AES_CM_128_HMAC_SHA1_80"
MODULES = ("g711", "srtp")


def require_secure(call: Call, suite: str = SUITE) -> None:
    figures = call.statistics()
    assert figures is not None
    assert figures.receive.srtp == suite
    # with the 32-bit suite baresip 1.0 tags its SRTCP with 32 bits, too, where RFC 4568 s6.2.2 keeps 80
    assert figures.receive.srtp_forged in ((0, 1, 2) if suite.endswith("_32") else (0,))
    assert figures.receive.srtp_replayed == 0


@pytest.mark.parametrize(("theirs", "ours"), [
    ("srtp", "optional"), ("srtp", "mandatory"), ("srtp-mand", "mandatory"),
])
async def test_we_call_baresip(
    started: Callable[[Peer], Peer], tone: Path, tmp_path: Path, theirs: str, ours: str,
) -> None:
    baresip = started(start_baresip(tmp_path, "bob", modules=MODULES, media_encryption=theirs))
    async with UserAgent(srtp=ours) as agent:
        call = await agent.invite(f"sip:bob@{HOST}:{baresip.port}", timeout=10)
        await hear_own_tone(call, tone, tmp_path / "call.wav")
        require_secure(call)
        await call.hangup()


@pytest.mark.parametrize("theirs", ["srtp", "srtp-mand", "srtp-mandf"])
async def test_baresip_calls_us(started: Callable[[Peer], Peer], tone: Path, tmp_path: Path, theirs: str) -> None:
    async with UserAgent(srtp="optional") as agent:
        dial = (f"d sip:us@{address(agent)}",)
        started(start_baresip(tmp_path, "bob", commands=dial, modules=MODULES, media_encryption=theirs))
        call = await asyncio.wait_for(agent.next_call(), 10)
        await call.answer()
        await hear_own_tone(call, tone, tmp_path / "call.wav")
        require_secure(call)
        await call.hangup()


@pytest.mark.parametrize("suite", ["AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"])
async def test_other_suites(started: Callable[[Peer], Peer], tone: Path, tmp_path: Path, suite: str) -> None:
    baresip = started(start_baresip(tmp_path, "bob", modules=MODULES, media_encryption="srtp"))
    async with UserAgent(UserAgentConfig(srtp="mandatory", srtp_suites=(suite,))) as agent:
        call = await agent.invite(f"sip:bob@{HOST}:{baresip.port}", timeout=10)
        await hear_own_tone(call, tone, tmp_path / "call.wav")
        require_secure(call, suite)
        await call.hangup()


async def test_a_baresip_without_srtp(started: Callable[[Peer], Peer], tone: Path, tmp_path: Path) -> None:
    baresip = started(start_baresip(tmp_path, "bob"))
    async with UserAgent(srtp="optional") as agent:
        call = await agent.invite(f"sip:bob@{HOST}:{baresip.port}", timeout=10)
        await hear_own_tone(call, tone, tmp_path / "call.wav")
        figures = call.statistics()
        assert figures is not None
        assert figures.receive.srtp is None
        await call.hangup()
    async with UserAgent(srtp="mandatory") as agent:
        with pytest.raises(CallRefused):
            await agent.invite(f"sip:bob@{HOST}:{baresip.port}", timeout=10)
