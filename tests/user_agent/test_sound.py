"""Calls with real sound between two user agents, on both media cores."""

from __future__ import annotations

import asyncio
import os
import socket
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microsip_core.errors import FileError, InvalidArgument
from microsip_core.media.engine import native_available
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.call_audio import CallAudio
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.playback import PlaybackResult
from microsip_core.user_agent.states import CallState, EndCause

from .conftest import MakeAgent

RATE = 8000


@pytest.fixture(params=["reference", pytest.param("native", marks=pytest.mark.skipif(
    not native_available(), reason="the native core is not built"))])
def core(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def calls(make_agent: MakeAgent, core: str) -> tuple[Call, Call]:
    """Both sides of an answered call."""
    caller, callee = await make_agent(media=None, core=core), await make_agent(media=None, core=core)
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite("sip:bob@{}:{}".format(*callee.listen_address))
    other = callee.calls[0]
    await other.wait("active", 2)
    return call, other


def tone(frequency: float, seconds: float) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * frequency * np.arange(int(RATE * seconds)) / RATE)).astype(np.int16)


def strongest(samples: np.ndarray) -> float:
    """Return the frequency with the most energy."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE / len(samples)


async def listen(audio: CallAudio, seconds: float) -> np.ndarray:
    """Collect what is heard, in frames of 20 ms."""
    frames: list[np.ndarray] = []
    async for frame in audio:
        assert len(frame) == RATE // 50
        frames.append(frame)
        if len(frames) >= seconds * 50:
            break
    return np.concatenate(frames)


async def test_played_tone_is_heard_and_awaited(calls: tuple[Call, Call]) -> None:
    call, other = calls
    audio = other.audio
    hearing = asyncio.create_task(listen(audio, 0.8))
    result = await asyncio.wait_for(call.play(tone(700, 0.6), rate=RATE), 5)
    assert result == PlaybackResult("finished", 600)
    heard = await asyncio.wait_for(hearing, 5)
    loud = heard[np.abs(heard) > 200]
    assert len(loud) > 0.4 * RATE
    middle = int(np.argmax(np.abs(heard) > 2000)) + 800
    assert strongest(heard[middle:middle + 2000]) == pytest.approx(700, abs=5)


async def test_barge_in_ends_playback_and_empties_the_queue(calls: tuple[Call, Call]) -> None:
    call = calls[0]
    playback = call.play(tone(700, 10), rate=RATE)
    await asyncio.sleep(0.3)
    call.stop_play()
    result = await asyncio.wait_for(playback, 1)
    assert result.reason == "stopped"
    assert 200 <= result.played_ms <= 450
    written = call.audio.write(tone(500, 2))
    assert written > RATE
    await asyncio.sleep(0.1)
    dropped = call.audio.clear()
    assert written - RATE // 2 < dropped < written
    assert call.audio.unplayed == 0


async def test_send_waits_for_room_and_all_of_it_arrives(calls: tuple[Call, Call]) -> None:
    call, other = calls
    other_audio = other.audio
    speech = tone(440, 0.5)
    hearing = asyncio.create_task(listen(other_audio, 1.0))
    await call.audio.send(speech)
    heard = await asyncio.wait_for(hearing, 5)
    assert int(np.count_nonzero(np.abs(heard) > 200)) > 0.8 * len(speech)


@pytest.mark.parametrize("samples", [
    np.zeros(160), np.zeros(160, np.float32), np.zeros(160, np.int32), np.zeros((80, 2), np.int16), bytes(320), [0] * 9,
])
async def test_samples_that_are_not_int16_are_refused(calls: tuple[Call, Call], samples: Any) -> None:
    with pytest.raises(InvalidArgument, match="int16"):
        calls[0].audio.write(samples)
    with pytest.raises(InvalidArgument, match="int16"):
        await calls[0].audio.send(samples)


@pytest.mark.parametrize("samples", [-1, 0, RATE + 1])
async def test_reading_what_can_never_be_there_is_refused(calls: tuple[Call, Call], samples: int) -> None:
    with pytest.raises(InvalidArgument, match="read"):
        await asyncio.wait_for(calls[0].audio.read(samples), 5)


async def test_audio_ends_with_the_call(calls: tuple[Call, Call]) -> None:
    call, other = calls
    reading = asyncio.create_task(listen(call.audio, 60))
    await asyncio.sleep(0.1)
    await other.hangup()
    heard = await asyncio.wait_for(reading, 2)
    assert len(heard) < 2 * RATE
    assert len(await call.audio.read(100)) == 0


async def test_reader_is_not_canceled_by_closing_the_agent(calls: tuple[Call, Call]) -> None:
    call = calls[0]
    reading = asyncio.create_task(call.audio.read(RATE))
    await asyncio.sleep(0.05)
    await call.agent.shut_down()
    assert len(await asyncio.wait_for(reading, 2)) == 0


async def test_recording_holds_both_sides(calls: tuple[Call, Call], tmp_path: Path) -> None:
    call, other = calls
    path = tmp_path / "both.wav"
    call.record(path)
    call.play(tone(500, 1), rate=RATE)
    other.play(tone(1200, 1), rate=RATE)
    await asyncio.sleep(0.9)
    await asyncio.wait_for(call.stop_record(), 3)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).reshape(-1, 2)
    assert 0.7 * RATE < len(samples) < 1.3 * RATE
    middle = samples[3200:5200]
    assert strongest(middle[:, 0]) == pytest.approx(500, abs=6)
    assert strongest(middle[:, 1]) == pytest.approx(1200, abs=6)


async def test_recording_of_a_call_that_ends_is_complete(calls: tuple[Call, Call], tmp_path: Path) -> None:
    call, other = calls
    path = tmp_path / "ended.wav"
    call.record(path, stereo=False)
    await asyncio.sleep(0.3)
    await other.hangup()
    await call.wait_ended(2)
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 1
        assert file.getnframes() > 0.15 * RATE


@pytest.mark.parametrize("content", [None, b"", b"RIFF\0\0\0\0WAVEjunk", b"x" * 100])
async def test_missing_and_corrupt_files(calls: tuple[Call, Call], tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError):
        calls[0].play(str(path))
    with pytest.raises(FileError):
        calls[0].record(str(tmp_path / "no" / "such" / "folder.wav"))
    assert calls[0].state is CallState.ACTIVE


async def test_digits_arrive(calls: tuple[Call, Call]) -> None:
    call, other = calls
    receiving = asyncio.create_task(other.recv_dtmf(4, 5))
    await asyncio.wait_for(call.send_dtmf("1*9#", method="rfc4733", duration_ms=80, gap_ms=60), 5)
    assert await receiving == "1*9#"


async def test_echo_mute_and_statistics(calls: tuple[Call, Call]) -> None:
    call, other = calls
    other.echo()
    audio = call.audio
    call.play(tone(600, 1.5), rate=RATE)
    heard = await asyncio.wait_for(listen(audio, 0.8), 5)
    assert np.abs(heard).max() > 4000
    call.mute()
    await asyncio.sleep(0.4)
    await listen(audio, 0.02 * (audio._tap.readable // 160))  # what came before the silence
    assert np.abs(await asyncio.wait_for(listen(audio, 0.2), 5)).max() < 300
    await call.hangup()
    statistics = call.statistics()
    assert statistics is not None
    assert statistics.codec == call.codec == "PCMU"
    assert statistics.send.packets > 50
    assert statistics.receive.packets > 50
    assert statistics.receive.lost == 0


async def test_hold_stops_the_sound_and_resume_brings_it_back(calls: tuple[Call, Call]) -> None:
    call, other = calls
    await asyncio.sleep(0.1)
    await call.hold()
    assert (call.state, other.state) == (CallState.HELD, CallState.REMOTE_HELD)
    before = statistics_of(call)
    await asyncio.sleep(0.3)
    assert statistics_of(call) - before <= 3
    await call.unhold()
    assert (call.state, other.state) == (CallState.ACTIVE, CallState.ACTIVE)
    before = statistics_of(call)
    await asyncio.sleep(0.3)
    assert statistics_of(call) - before > 10


def statistics_of(call: Call) -> int:
    """Return the packets received so far."""
    statistics = call.statistics()
    assert statistics is not None
    return statistics.receive.packets


async def test_peer_that_vanishes_is_noticed(make_agent: MakeAgent, core: str) -> None:
    caller = await make_agent(config=UserAgentConfig(media_timeout=0.4), media=None, core=core)
    callee = await make_agent(media=None, core=core)
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite("sip:bob@{}:{}".format(*callee.listen_address))
    await asyncio.sleep(0.3)
    other = callee.calls[0]
    assert other.media is not None
    other.media.close()  # its sound dies without a word of SIP
    assert await call.wait_ended(3) is EndCause.MEDIA_TIMEOUT
    assert "no RTP" in str(call.error)


async def test_codec_of_one_call(make_agent: MakeAgent, core: str) -> None:
    caller, callee = await make_agent(media=None, core=core), await make_agent(media=None, core=core)
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite("sip:bob@{}:{}".format(*callee.listen_address), codecs=["PCMA"])
    assert call.codec == "PCMA"


def four_free_ports() -> int:
    """Return the first of four ports that nobody has, an even one."""
    for base in range(41000 + os.getpid() % 500 * 4, 60000, 4):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        try:
            for offset, one in enumerate(sockets):
                one.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
        return base
    raise AssertionError("no free ports")


async def test_port_range_is_kept_and_its_end_is_told(make_agent: MakeAgent, core: str) -> None:
    low = four_free_ports()
    config = UserAgentConfig(port_range=(low, low + 3))
    caller, callee = await make_agent(config=config, media=None, core=core), await make_agent(media=None, core=core)
    callee.on_incoming = lambda call: call.answer()
    uri = "sip:bob@{}:{}".format(*callee.listen_address)
    made = [await caller.invite(uri) for _ in range(2)]
    for call in made:
        assert call.media is not None
        assert call.media.stream is not None
        assert low <= call.media.stream.rtp_address[1] <= low + 3
    third = caller.start_call(uri)
    assert third.state is CallState.ENDED
    assert str(low) in str(third.error)


async def test_an_unanswered_call_plays_early_media(make_agent: MakeAgent, core: str) -> None:
    caller, callee = await make_agent(media=None, core=core), await make_agent(media=None, core=core)
    call = caller.start_call("sip:bob@{}:{}".format(*callee.listen_address))
    other = await callee.next_call(2)
    other.ring(early_media=True)
    playback = other.play(tone(600, 5), rate=RATE)
    await call.wait("early", 2)
    heard = await asyncio.wait_for(listen(call.audio, 0.6), 5)
    assert strongest(heard[-2000:]) == pytest.approx(600, abs=5)
    assert call.answered is None
    playback.stop()
    result = await asyncio.wait_for(playback, 2)
    assert result.reason == "stopped"
    assert 0.3 < result.played < 5
    other.reject(486)


async def test_a_playback_is_paused_moved_and_told(make_agent: MakeAgent, tmp_path: Path) -> None:
    if not native_available():
        pytest.skip("the native core is not built")
    caller, callee = await make_agent(media=None, core="native"), await make_agent(media=None, core="native")
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite("sip:bob@{}:{}".format(*callee.listen_address))
    first = call.play(tone(600, 5), rate=RATE)
    first.pause()
    assert first.paused
    second = call.play(tone(700, 5), rate=RATE)
    first.resume()  # it has been replaced: this is not for the second
    first.stop()
    assert (await asyncio.wait_for(first, 2)).reason == "replaced"
    assert first.position < 0.1
    second.seek(4.9)
    result = await asyncio.wait_for(second, 2)
    assert result.reason == "finished"
    assert second.position == result.played < 1
    files = []
    for number in range(2):
        files.append(tmp_path / f"{number}.wav")
        with wave.open(str(files[-1]), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(tone(500, 0.1).tobytes())
    assert await asyncio.wait_for(call.play(files), 3) == PlaybackResult("finished", 200)
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"nothing")
    broken = await asyncio.wait_for(call.play(bad), 3)
    assert (broken.reason, broken.played_ms) == ("error", 0)
    assert "bad.mp3" in broken.error
