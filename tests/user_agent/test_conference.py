"""Conferences and bridges of real calls: who hears whom, who leaves, what is played and recorded."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from microsip_core.errors import InvalidArgument, InvalidState, NotSupported
from microsip_core.media.engine import native_available
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent

RATE = 8000
TONES = (500.0, 900.0, 1300.0)
native = pytest.mark.skipif(not native_available(), reason="the native core is not built")


class Party:
    """A call of ours, and the far phone that talks a tone into it."""

    def __init__(self, near: Call, far: Call, frequency: float) -> None:
        self.near, self.far, self.frequency = near, far, frequency
        time = np.arange(RATE // 2) / RATE
        far.play((4000 * np.sin(2 * np.pi * frequency * time)).astype(np.int16), rate=RATE, loop=True)

    async def hears(self, seconds: float = 0.4) -> NDArray[np.float64]:
        """Return the amplitudes of the tones of all parties in what the phone hears next."""
        audio = self.far.audio
        audio.read_now(RATE)
        samples = await audio.read(int(RATE * seconds))
        steps = np.arange(len(samples)) / RATE
        return np.array([2 * abs(np.mean(samples * np.exp(-2j * np.pi * tone * steps))) for tone in TONES])


async def parties(make_agent: MakeAgent, count: int) -> tuple[UserAgent, list[Party]]:
    hub, phones = await make_agent(media=None, core="native"), await make_agent(media=None, core="native")
    hub.on_incoming = lambda call: call.answer()
    made = []
    for number in range(count):
        far = await phones.invite("sip:room@{}:{}".format(*hub.listen_address))
        near = hub.calls[number]
        await near.wait("active", 2)
        made.append(Party(near, far, TONES[number]))
    return hub, made


async def settled(party: Party, wanted: list[bool]) -> None:
    """Wait until a phone hears the tones it should, and no others."""
    for _ in range(12):
        heard = await party.hears()
        if [bool(level > 1500) for level in heard] == wanted and all(
            level < 60 for level, on in zip(heard, wanted, strict=True) if not on
        ):
            return
    raise AssertionError(f"heard {heard}, wanted {wanted}")


@native
async def test_everybody_in_a_conference_hears_all_others(make_agent: MakeAgent) -> None:
    hub, (a, b, c) = await parties(make_agent, 3)
    conference = hub.conference(sample_rate=8000)
    for party in (a, b, c):
        conference.add(party.near)
    await settled(a, [False, True, True])
    await settled(b, [True, False, True])
    await settled(c, [True, True, False])
    conference.mute(b.near)
    conference.set_gain(c.near, gain=0.5)
    for _ in range(10):
        heard = await a.hears()
        if heard[2] < 2200:
            break
    assert heard[1] < 60
    assert 1800 < heard[2] < 2200
    info = conference.info()
    assert [member.call for member in info.members] == [a.near, b.near, c.near] == conference.calls
    assert info.members[1].muted
    assert info.members[1].level == -127
    assert info.members[0].level == pytest.approx(-21.3, abs=0.5)  # 4000 / sqrt(2) of 32768
    assert info.frames > 20
    assert a.near.conference is conference
    conference.remove(a.near)
    await b.far.hangup()  # its other end leaves by itself
    await settled(c, [False, False, False])
    assert conference.calls == [c.near]
    assert a.near.conference is None
    with pytest.raises(InvalidArgument):
        conference.mute(a.near)
    conference.end()
    with pytest.raises(InvalidState):
        conference.add(a.near)


@native
async def test_a_conference_plays_and_records_for_all(make_agent: MakeAgent, tmp_path: Path) -> None:
    hub, (a, b) = await parties(make_agent, 2)
    async with hub.conference() as conference:
        conference.add(a.near)
        conference.add(b.near)
        await settled(a, [False, True, False])
        path = tmp_path / "meeting.wav"
        conference.record(path)
        chime = (3000 * np.sin(2 * np.pi * TONES[2] * np.arange(16000) / 16000)).astype(np.int16)
        playback = conference.play(chime, rate=16000)
        await settled(b, [True, False, True])
        assert (await asyncio.wait_for(_result(playback), 3)) == ("finished", 1000)
        replaced = conference.play(chime, rate=16000, loop=True)
        conference.stop_play()
        assert (await asyncio.wait_for(_result(replaced), 3))[0] == "stopped"
        await conference.stop_record()
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 16000)
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert len(samples) > 16000
    steps = np.arange(len(samples)) / 16000
    levels = [2 * abs(np.mean(samples * np.exp(-2j * np.pi * tone * steps))) for tone in TONES]
    assert min(levels[:2]) > 3000
    assert levels[2] > 1000


async def _result(playback: object) -> tuple[str, int]:
    result = await playback  # type: ignore[misc]
    return result.reason, result.played_ms


@native
async def test_bridged_calls_hear_each_other_until_one_ends(make_agent: MakeAgent) -> None:
    hub, (a, b, c) = await parties(make_agent, 3)
    a.near.bridge(b.near)
    await settled(a, [False, True, False])
    await settled(b, [True, False, False])
    c.near.bridge(a.near)  # a leaves b for it
    await settled(a, [False, False, True])
    await settled(b, [False, False, False])
    assert b.near.bridged_to is None
    assert a.near.bridged_to is c.near
    conference = hub.conference()
    conference.add(a.near)  # leaves the bridge
    assert c.near.bridged_to is None
    a.near.bridge(c.near)  # and the conference
    assert conference.calls == []
    await c.near.hangup()
    assert a.near.bridged_to is None
    await settled(a, [False, False, False])
    with pytest.raises(InvalidArgument):
        a.near.bridge(a.near)
    # the user agent closes with a conference open and a call in it
    conference.add(a.near)


async def test_the_reference_core_says_that_it_has_no_conferences(make_agent: MakeAgent) -> None:
    agent = await make_agent(media=None, core="reference")
    with pytest.raises(NotSupported, match="compiler"):
        agent.conference()
    signaling = await make_agent()
    with pytest.raises(NotSupported):
        signaling.conference()
