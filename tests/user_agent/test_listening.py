"""Calls that listen: speech events for barge-in, a machine told from a person, and recordings that pause."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from microsip_core.errors import InvalidArgument, InvalidState, NotSupported
from microsip_core.media.answering_machine import AnsweringMachineRules
from microsip_core.media.engine import native_available
from microsip_core.media.wav import read_wav
from microsip_core.user_agent.call import Call

from .conftest import MakeAgent

pytestmark = pytest.mark.skipif(not native_available(), reason="the native core is not built")
SPEECH = Path(__file__).parents[2] / "microsip_core" / "cli" / "speech" / "alice.wav"
RATE = 8000


def said(seconds: float) -> NDArray[np.int16]:
    spoken = read_wav(SPEECH)
    first = int(np.argmax(np.abs(spoken.astype(np.int32)) > 500))
    return np.concatenate([np.zeros(RATE // 4, np.int16), spoken[first:first + int(seconds * RATE)]])


def beep(seconds: float) -> NDArray[np.int16]:
    return (5000 * np.sin(2 * np.pi * 1000 * np.arange(int(RATE * seconds)) / RATE)).astype(np.int16)


async def answered(make_agent: MakeAgent, core: str = "native") -> tuple[Call, Call]:
    caller, callee = await make_agent(media=None, core=core), await make_agent(media=None, core=core)
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite("sip:bob@{}:{}".format(*callee.listen_address))
    other = callee.calls[0]
    await other.wait("active", 2)
    return call, other


async def test_speech_is_told_when_asked(make_agent: MakeAgent) -> None:
    call, other = await answered(make_agent)
    call.detect_voice(hangover_ms=100)
    told = []

    async def listen() -> None:
        async for event in call.events():
            told.append(str(event.type))
            if event.type == "beep":
                return

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    pause = np.zeros(RATE // 4, np.int16)
    other.play(np.concatenate([said(0.6), pause, beep(0.3), pause, pause]), rate=RATE)
    await asyncio.wait_for(listening, 10)
    heard = [kind for kind in told if kind.startswith("speech") or kind == "beep"]
    assert heard[0] == "speech_started"
    assert heard[-2:] == ["speech_ended", "beep"]
    assert not call.talking
    call.detect_voice(False)
    with pytest.raises(InvalidArgument):
        call.detect_voice(hangover_ms=0)


async def test_a_machine_is_known_and_its_beep_waited_for(make_agent: MakeAgent) -> None:
    call, other = await answered(make_agent)
    deciding = asyncio.create_task(call.detect_answering_machine(
        rules=AnsweringMachineRules(greeting=0.5), wait_for_beep=10,
    ))
    await asyncio.sleep(0)
    with pytest.raises(InvalidState):
        await call.detect_answering_machine()
    other.play(np.concatenate([said(1.5), np.zeros(RATE // 4, np.int16), beep(0.3)]), rate=RATE)
    result = await asyncio.wait_for(deciding, 15)
    assert (result.verdict, result.reason) == ("machine", "greeting")
    assert result.beep_at is not None
    assert result.beep_at > result.decided_at
    assert not call.talking


async def test_a_person_and_an_end(make_agent: MakeAgent) -> None:
    call, other = await answered(make_agent)
    deciding = asyncio.create_task(call.detect_answering_machine())
    await asyncio.sleep(0)
    other.play(said(0.5), rate=RATE)
    assert (await asyncio.wait_for(deciding, 10)).verdict == "human"
    deciding = asyncio.create_task(call.detect_answering_machine())
    await asyncio.sleep(0)
    await other.hangup()
    assert (await asyncio.wait_for(deciding, 5)).reason == "call_ended"
    with pytest.raises(InvalidState):
        await call.detect_answering_machine()


async def test_the_reference_core_refuses(make_agent: MakeAgent) -> None:
    call, _ = await answered(make_agent, "reference")
    with pytest.raises(NotSupported):
        call.detect_voice()
    with pytest.raises(NotSupported):
        await call.detect_answering_machine()
    call.pause_record()  # none is under way


async def test_recordings_pause(make_agent: MakeAgent, tmp_path: Path) -> None:
    call, other = await answered(make_agent)
    call.record(tmp_path / "call.flac", stereo=False)
    call.pause_record()
    await other.play(beep(0.4), rate=RATE)
    call.pause_record(False)
    await call.stop_record()
    assert call.recording_error is None
    assert (tmp_path / "call.flac").stat().st_size > 0
