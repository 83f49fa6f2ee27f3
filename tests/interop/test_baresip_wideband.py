"""Opus with baresip 1.0 in both directions; sound both ways, and digits."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from microsip_core import Call, UserAgent
from microsip_core.media.codec_registry import codecs_of
from microsip_core.media.engine import native_available

from .baresip_peer import start_baresip
from .conftest import TONE_HZ, address
from .peers import HOST, Peer

pytestmark = pytest.mark.skipif(
    not native_available() or "opus" not in [codec.name for codec in codecs_of("native")],
    reason="the native core or libopus is not there",
)


async def hear_own_tone(call: Call, tone: Path, folder: Path, rate: int) -> None:
    """Play the tone to a peer that loops audio back; most of what comes back is that tone."""
    recording = folder / "call.wav"
    call.record(recording)
    call.play(tone)
    await asyncio.sleep(4)
    await call.stop_record()
    with wave.open(str(recording), "rb") as file:
        assert file.getframerate() == rate
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T
    for heard in samples[:, -2 * rate :].astype(np.float64):
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
        place = round(TONE_HZ * len(heard) / rate)
        assert spectrum[place - 8 : place + 9].sum() > 0.9 * spectrum.sum()


@pytest.mark.parametrize(("ours", "rate"), [("opus", 16_000), ("opus-fullband", 48_000)])
async def test_we_call_baresip(
    started: Callable[[Peer], Peer], tone: Path, tmp_path: Path, ours: str, rate: int,
) -> None:
    baresip = started(start_baresip(tmp_path, "bob", codec="opus/48000/2", modules=("opus",)))
    async with UserAgent(codecs=(ours, "PCMU"), core="native") as agent:
        call = await agent.invite(f"sip:bob@{HOST}:{baresip.port}", timeout=10)
        await hear_own_tone(call, tone, tmp_path, rate)
        figures = call.statistics()
        assert figures is not None
        assert figures.codec == "opus"
        assert figures.receive.invalid == 0
        await call.send_dtmf("42")
        await call.hangup()


async def test_baresip_calls_us(started: Callable[[Peer], Peer], tone: Path, tmp_path: Path) -> None:
    async with UserAgent(codecs=("opus", "PCMU"), core="native", srtp="optional") as agent:
        dial = (f"d sip:us@{address(agent)}",)
        started(start_baresip(
            tmp_path, "bob", commands=dial, codec="opus/48000/2", modules=("opus", "srtp"), media_encryption="srtp",
        ))
        call = await asyncio.wait_for(agent.next_call(), 10)
        await call.answer()
        await hear_own_tone(call, tone, tmp_path, 16_000)
        figures = call.statistics()
        assert figures is not None
        assert (figures.codec, figures.receive.srtp) == ("opus", "AES_CM_128_HMAC_SHA1_80")
        await call.hangup()
