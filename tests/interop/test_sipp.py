"""Calls with sipp's built-in scenarios: as caller, as callee, and with media both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from microsip_core import Call, UserAgent

from .conftest import address, read_channels, tone_seconds
from .peers import HOST, Peer, free_udp_port, start_sipp


async def finished(peer: Peer, timeout: float = 60.0) -> int:
    """Wait, without blocking the loop, until the program has ended; return its exit status."""
    return await asyncio.to_thread(peer.wait, timeout)


async def test_sipp_uac_calls_us_and_every_call_passes(
    agent: UserAgent, started: Callable[[Peer], Peer], tmp_path: Path,
) -> None:
    ended: list[Call] = []

    async def answer(call: Call) -> None:
        await call.answer()
        await call.wait_ended()
        ended.append(call)

    agent.on_incoming = answer
    sipp = started(start_sipp(tmp_path, ["-sn", "uac"], "-m", "20", "-r", "10", "-d", "300",
                              target=address(agent)))
    assert await finished(sipp) == 0, sipp.output()[-2000:]
    await asyncio.sleep(0)
    assert len(ended) == 20
    assert {call.ended_by for call in ended} == {"remote"}


async def test_sipp_uac_hears_its_own_echo_and_we_hear_ours(
    agent: UserAgent, started: Callable[[Peer], Peer], tone: Path, tmp_path: Path,
) -> None:
    """uac with -rtp_echo returns every RTP packet we send: our tone must come back."""
    recording = tmp_path / "call.wav"
    done = asyncio.Event()

    async def answer(call: Call) -> None:
        await call.answer()
        call.record(recording)
        call.play(tone)
        await call.wait_ended()
        done.set()

    agent.on_incoming = answer
    sipp = started(start_sipp(tmp_path, ["-sn", "uac"], "-m", "1", "-d", "4000", "-rtp_echo",
                              target=address(agent), media_port=free_udp_port()))
    assert await finished(sipp) == 0, sipp.output()[-2000:]
    await asyncio.wait_for(done.wait(), 5)
    sent, received = read_channels(recording)
    assert tone_seconds(sent) > 3.0
    assert tone_seconds(received) > 3.0


async def test_sipp_uac_pcap_speech_and_digit_are_heard(
    agent: UserAgent, started: Callable[[Peer], Peer], tmp_path: Path,
) -> None:
    """uac_pcap plays a G.711 A-law capture and then the digit 1 by RFC 2833."""
    recording = tmp_path / "call.wav"
    calls: list[Call] = []
    digits: list[str] = []

    async def answer(call: Call) -> None:
        await call.answer()
        call.record(recording)
        calls.append(call)
        digits.append(await call.recv_dtmf(1, timeout=30))

    agent.on_incoming = answer
    sipp = started(start_sipp(tmp_path, ["-sn", "uac_pcap"], "-m", "1", target=address(agent),
                              media_port=free_udp_port()))
    assert await finished(sipp) == 0, sipp.output()[-2000:]
    await calls[0].wait_ended()
    assert digits == ["1"]
    received = read_channels(recording)[1]
    assert len(received) > 7 * 8000
    assert abs(received).max() > 1000
    assert calls[0].statistics().receive.packets > 230  # the capture has packets of 30 ms


async def test_we_call_sipp_uas_and_our_tone_comes_back(
    agent: UserAgent, started: Callable[[Peer], Peer], tone: Path, tmp_path: Path,
) -> None:
    recording = tmp_path / "call.wav"
    sipp = started(start_sipp(tmp_path, ["-sn", "uas"], "-m", "1", "-rtp_echo", media_port=free_udp_port()))
    call = await agent.invite(f"sip:service@{HOST}:{sipp.port}", timeout=10)
    call.record(recording)
    call.play(tone)
    await asyncio.sleep(4)
    await call.hangup()
    assert await finished(sipp) == 0, sipp.output()[-2000:]
    sent, received = read_channels(recording)
    assert tone_seconds(sent) > 3.0
    assert tone_seconds(received) > 3.0
