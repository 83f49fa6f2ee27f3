"""Each service user called end to end over real sockets, with both media cores, and its sound looked at."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading

import numpy as np
import pytest

from microsip_core import Call, CallRefused, CallState, EndCause, UserAgent
from microsip_core.server import LoopbackServer, ServerEvent, ServiceSettings
from microsip_core.server.announcement import CHIME_SECONDS, CHIMES_HZ, SAMPLE_RATE, chimes
from microsip_core.server.services import EARLY_TONE_HZ, TONE_HZ

SETTLE = 1600  # samples: 200 ms for the jitter buffers of both sides


def dominant_hz(samples: np.ndarray, rate: int = SAMPLE_RATE) -> float:
    """The strongest frequency, to 5 Hz or so; 0 for silence."""
    if np.abs(samples).max(initial=0) < 100:
        return 0.0
    padded = np.fft.rfft(samples * np.hanning(len(samples)), 4 * rate)
    return float(np.argmax(np.abs(padded)) / 4)


async def heard(call: Call, seconds: float = 0.5) -> np.ndarray:
    """What comes in over the next seconds, the first 200 ms left out."""
    await call.audio.read(SETTLE)
    return await call.audio.read(int(seconds * SAMPLE_RATE))


async def test_echo_sends_back_what_it_hears(alice: UserAgent, server: LoopbackServer) -> None:
    async with await alice.invite(server.uri("echo"), timeout=5) as call:
        call.play_tone([((700.0,), 0, 0)])
        samples = await heard(call)
        assert dominant_hz(samples) == pytest.approx(700.0, abs=5)
        sent_rms = 10000 / np.sqrt(2)
        assert np.sqrt(np.mean(samples.astype(float) ** 2)) > sent_rms / 20
    assert call.end_cause is EndCause.NORMAL


async def test_tone_is_440_hz(alice: UserAgent, server: LoopbackServer) -> None:
    async with await alice.invite(server.uri("tone"), timeout=5) as call:
        assert dominant_hz(await heard(call)) == pytest.approx(TONE_HZ, abs=5)


async def test_play_plays_the_chimes_and_hangs_up(alice: UserAgent, server: LoopbackServer) -> None:
    call = await alice.invite(server.uri("play"), timeout=5)
    frames = [frame async for frame in call.audio]
    samples = np.concatenate(frames)
    start = int(np.argmax(np.abs(samples) > 500))
    chime = int(CHIME_SECONDS * SAMPLE_RATE)
    notes = [samples[start + number * chime + 400 : start + number * chime + 2800] for number in range(3)]
    assert [dominant_hz(note) for note in notes] == [pytest.approx(hz, abs=6) for hz in CHIMES_HZ]
    assert await call.wait_ended(timeout=5) is EndCause.NORMAL
    assert call.ended_by == "remote"
    assert call.duration > 3 * CHIME_SECONDS - 0.3


async def test_sink_is_silent_and_takes_everything(alice: UserAgent, server: LoopbackServer) -> None:
    async with await alice.invite(server.uri("sink"), timeout=5) as call:
        call.play_tone([((700.0,), 0, 0)])
        assert dominant_hz(await heard(call)) == 0.0
        statistics = call.statistics()
        assert statistics is not None
        assert statistics.receive.packets > 20
        assert statistics.send.packets > 20


async def test_busy_refuses(alice: UserAgent, server: LoopbackServer) -> None:
    with pytest.raises(CallRefused) as refused:
        await alice.invite(server.uri("busy"), timeout=5)
    assert (refused.value.status, refused.value.reason) == (486, "Busy Here")


async def test_noanswer_rings_until_the_caller_gives_up(alice: UserAgent, server: LoopbackServer) -> None:
    call = alice.start_call(server.uri("noanswer"))
    await call.wait(CallState.RINGING, timeout=5)
    await asyncio.sleep(0.5)
    assert call.state is CallState.RINGING
    await call.hangup()
    assert (call.end_cause, call.ended_by) == (EndCause.CANCELED, "local")
    await asyncio.sleep(0.1)
    assert server.statistics()["service_calls_now"] == 0


async def test_slow_answers_after_its_delay_and_echoes(alice: UserAgent, server: LoopbackServer) -> None:
    call = alice.start_call(server.uri("slow"))
    await call.wait(CallState.RINGING, timeout=5)
    await call.wait(CallState.ACTIVE, timeout=5)
    assert call.answer_ms is not None
    assert 400 <= call.answer_ms < 2000
    call.play_tone([((700.0,), 0, 0)])
    assert dominant_hz(await heard(call)) == pytest.approx(700.0, abs=5)
    await call.hangup()


async def test_early_is_heard_before_the_answer(alice: UserAgent, server: LoopbackServer) -> None:
    call = alice.start_call(server.uri("early"))
    await call.wait(CallState.EARLY, timeout=5)
    assert dominant_hz(await heard(call)) == pytest.approx(EARLY_TONE_HZ, abs=5)
    assert call.state is CallState.EARLY
    await call.wait(CallState.ACTIVE, timeout=5)
    assert call.status == 200
    call.play_tone([((700.0,), 0, 0)])
    async with asyncio.timeout(5):  # what was not read before comes first
        while dominant_hz(await call.audio.read(SAMPLE_RATE // 4)) != pytest.approx(700.0, abs=5):
            pass
    await call.hangup()


async def test_dtmf_comes_back_and_is_told(
    alice: UserAgent, server: LoopbackServer, told: list[ServerEvent],
) -> None:
    async with await alice.invite(server.uri("dtmf"), timeout=5) as call:
        await call.send_dtmf("159#", duration_ms=80, gap_ms=60)
        assert await call.recv_dtmf(4, timeout=5) == "159#"
    digits = [event.text.rpartition(": ")[2] for event in told if event.kind == "dtmf"]
    assert digits == ["1", "5", "9", "#"]


async def test_a_caller_who_gives_up_leaves_nothing(alice: UserAgent, server: LoopbackServer) -> None:
    for name in ("slow", "early", "noanswer"):
        call = alice.start_call(server.uri(name))
        await call.wait(CallState.RINGING if name != "early" else CallState.EARLY, timeout=5)
        await call.hangup()
    await asyncio.sleep(0.6)
    assert server.statistics()["service_calls_now"] == 0


async def test_an_unknown_service_is_no_user(alice: UserAgent, server: LoopbackServer) -> None:
    with pytest.raises(CallRefused) as refused:
        await alice.invite(server.uri("nothing"), timeout=5)
    assert refused.value.status == 404


def test_the_chimes_are_clean() -> None:
    samples = chimes()
    assert samples.dtype == np.int16
    assert len(samples) == round(3 * CHIME_SECONDS * SAMPLE_RATE)
    assert 4000 < np.abs(samples).max() < 10000
    assert abs(int(samples[0])) < 100


@pytest.mark.skipif(sys.platform != "linux", reason="counts the descriptors in /proc")
async def test_servers_that_come_and_go_leave_no_descriptor_and_no_thread(core: str) -> None:
    async def one_call() -> None:
        server = LoopbackServer(service_settings=ServiceSettings(core=core), challenge="none")
        async with server, UserAgent(core=core) as agent:
            call = await agent.invite(server.uri("echo"), timeout=5)
            await call.hangup()

    def alive() -> tuple[int, int]:
        gc.collect()  # a media engine keeps its event descriptor as long as anybody may poll it
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    await one_call()
    before = alive()
    for _ in range(5):
        await one_call()
    assert alive() == before


async def test_services_take_srtp_where_it_is_offered(server: LoopbackServer) -> None:
    pytest.importorskip("pylibsrtp")
    async with UserAgent(srtp="mandatory") as agent, await agent.invite(server.uri("tone"), timeout=5) as call:
        assert dominant_hz(await heard(call)) == pytest.approx(TONE_HZ, abs=5)
        statistics = call.statistics()
        assert statistics is not None
        assert statistics.receive.srtp is not None
        assert statistics.receive.srtp_forged == 0
