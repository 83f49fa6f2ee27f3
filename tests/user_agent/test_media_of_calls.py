"""What a call does with its sound, over a fake stream: which command reaches it, and what its events become."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from microsip_core.errors import CallRefused, InvalidArgument, InvalidState, TimedOut
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.playback import PlaybackResult
from microsip_core.user_agent.states import EndCause
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import FakeBackend


@pytest.fixture
async def other(make_agent: MakeAgent) -> UserAgent:
    """The user agent at the far end."""
    agent = await make_agent(media=FakeBackend())
    agent.on_incoming = lambda call: call.answer()
    return agent


@pytest.fixture
async def call(make_agent: MakeAgent, backend: FakeBackend, other: UserAgent) -> Call:
    """An answered call whose media is ``backend``."""
    caller = await make_agent(media=backend)
    return await caller.invite("sip:bob@{}:{}".format(*other.listen_address))


async def test_commands_reach_the_stream(call: Call, backend: FakeBackend) -> None:
    call.mute()
    call.unmute()
    call.echo()
    call.play("a.wav", loop=True)
    call.stop_play()
    call.record("b.wav", stereo=False)
    assert backend.stream().done == [
        ("set_mute", True), ("set_mute", False), ("echo", True), ("play", "a.wav", True), ("stop_play",),
        ("record", "b.wav", False),
    ]
    assert call.codec == "PCMU"
    statistics = call.statistics()
    assert statistics is not None
    assert statistics.send.packets == 7


async def test_media_is_opened_on_the_address_of_the_call(call: Call, backend: FakeBackend) -> None:
    assert backend.sessions[-1].local_host == "127.0.0.1"
    await call.hangup()
    assert backend.sessions[-1].closed


async def test_playback_ends_with_reason_and_length(call: Call, backend: FakeBackend) -> None:
    events = call.events()
    first, second, third = (call.play(name) for name in ("1.wav", "2.wav", "3.wav"))
    backend.tell("playback_finished", 400, "replaced", first.id)
    backend.tell("playback_finished", 1234, "finished", second.id)
    assert await asyncio.wait_for(first, 2) == PlaybackResult("replaced", 400)
    assert await asyncio.wait_for(second, 2) == PlaybackResult("finished", 1234)
    waiting = asyncio.create_task(asyncio.wait_for(third, 2))
    await asyncio.sleep(0)
    backend.tell("playback_finished", 60, "stopped", third.id)  # the engine tells it while the call closes
    await call.hangup()
    assert await waiting == PlaybackResult("call_ended", 60)
    assert [event.text async for event in events if event.type == "playback_finished"] == [
        "replaced", "finished", "call_ended",
    ]


async def test_playback_of_an_engine_that_says_nothing_ends_too(call: Call) -> None:
    playback = call.play("1.wav")
    await call.hangup()
    assert await asyncio.wait_for(playback, 2) == PlaybackResult("call_ended", 0)


async def test_recording_is_complete_when_stop_record_returns(
    call: Call, backend: FakeBackend, caplog: pytest.LogCaptureFixture,
) -> None:
    events = call.events()
    await call.stop_record()
    call.record("a.wav")
    stopping = asyncio.create_task(asyncio.wait_for(call.stop_record(), 2))
    await asyncio.sleep(0.03)
    assert not stopping.done()
    backend.tell("recording_finished", 100, "disk full", 1)
    await stopping
    assert "disk full" in caplog.text
    assert call.recording_error is not None
    assert (call.recording_error.step, call.recording_error.peer) == ("record", "a.wav")
    assert "disk full" in call.recording_error.message
    call.record("b.wav")
    hanging_up = asyncio.create_task(_wait(call.hangup()))
    await asyncio.sleep(0.03)
    assert call.state == "ended"
    assert not hanging_up.done()  # the file is not complete
    backend.tell("recording_finished", 100, "", 2)
    await asyncio.wait_for(hanging_up, 1)
    assert [(event.type.value, event.text) async for event in events] == [
        ("recording_started", "a.wav"), ("recording_stopped", "a.wav"),
        ("recording_started", "b.wav"), ("call_ended", "OK"), ("recording_stopped", "b.wav"),
    ]


async def _wait(outcome: Awaitable[None]) -> None:
    await outcome


async def test_recording_that_never_completes_holds_nobody_up(
    make_agent: MakeAgent, backend: FakeBackend, other: UserAgent,
) -> None:
    caller = await make_agent(media=backend)
    call = await caller.invite("sip:bob@{}:{}".format(*other.listen_address))
    events = caller.events()
    call.record("a.wav")
    call.hangup()
    await asyncio.wait_for(caller.close(), 3)
    assert [event.type.value async for event in events] == [
        "recording_started", "call_ended", "recording_stopped", "shutdown",
    ]


async def test_digits_come_in(call: Call, backend: FakeBackend) -> None:
    waiting = asyncio.create_task(call.recv_dtmf(3, 2))
    for digit in "1#A2":
        backend.tell("dtmf", 160, digit)
    assert await waiting == "1#A"
    assert await call.recv_dtmf(5, 0.05) == "2"
    both = [asyncio.create_task(call.recv_dtmf(1)) for _ in range(2)]
    await asyncio.sleep(0)
    backend.tell("dtmf", 160, "5")
    backend.tell("dtmf", 160, "6")
    assert await asyncio.wait_for(asyncio.gather(*both), 2) == ["5", "6"]
    for impossible in (0, 1001):
        with pytest.raises(InvalidArgument):
            await call.recv_dtmf(impossible)
    waiting = asyncio.create_task(call.recv_dtmf(1))
    await asyncio.sleep(0)
    call.hangup()
    assert await asyncio.wait_for(waiting, 2) == ""


async def test_digits_go_out_as_telephone_events(call: Call, backend: FakeBackend) -> None:
    sending = asyncio.create_task(call.send_dtmf("12d", duration_ms=100, gap_ms=50))
    await asyncio.sleep(0.03)
    assert backend.stream().done == [("send_dtmf", "12D", 100, 50)]
    backend.tell("dtmf_sent", 2)
    await asyncio.sleep(0.05)
    assert not sending.done()
    backend.tell("dtmf_sent", 1)
    await asyncio.wait_for(sending, 2)


async def test_many_digits_go_out_in_portions_and_one_request_after_the_other(
    call: Call, backend: FakeBackend,
) -> None:
    async def engine() -> None:
        stream, told = backend.stream(), 0
        while True:
            for _, digits, *_ in stream.done[told:]:
                backend.tell("dtmf_sent", len(digits))
            told = len(stream.done)
            await asyncio.sleep(0.01)

    working = asyncio.create_task(engine())
    await asyncio.gather(call.send_dtmf("1" * 70), call.send_dtmf("2"))
    assert [digits for _, digits, *_ in backend.stream().done] == ["1" * 32, "1" * 32, "1" * 6, "2"]
    working.cancel()


async def test_digits_go_by_info_where_the_peer_takes_no_telephone_events(
    call: Call, backend: FakeBackend, other: UserAgent,
) -> None:
    backend.stream().takes_telephone_events = False
    await call.send_dtmf("5*", duration_ms=40, gap_ms=20)
    assert await other.calls[0].recv_dtmf(2, 2) == "5*"
    with pytest.raises(InvalidState):
        await call.send_dtmf("1", method="rfc4733")
    await call.send_dtmf("9", method="info", duration_ms=40, gap_ms=20)
    assert await other.calls[0].recv_dtmf(1, 2) == "9"


async def test_the_same_key_by_both_ways_counts_once(call: Call) -> None:
    call.take_digit("1", "rfc4733", 10.0)
    call.take_digit("1", "info", 10.1)
    call.take_digit("1", "info", 10.6)
    call.take_digit("1", "info", 10.7)
    assert await call.recv_dtmf(9, 0.01) == "111"


@pytest.mark.parametrize("digits", ["", "12x", "1 2", "१"])
async def test_what_is_no_digit(call: Call, digits: str) -> None:
    with pytest.raises(InvalidArgument):
        await call.send_dtmf(digits)


@pytest.mark.parametrize("options", [{"method": "shout"}, {"duration_ms": 10}, {"gap_ms": 9000}])
async def test_dtmf_settings_out_of_range(call: Call, options: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        await call.send_dtmf("1", **options)  # type: ignore[arg-type]


async def test_end_of_the_call_while_digits_are_sent(call: Call, backend: FakeBackend) -> None:
    sending = asyncio.create_task(call.send_dtmf("1"))
    await asyncio.sleep(0.01)
    call.hangup()
    with pytest.raises(InvalidState):
        await asyncio.wait_for(sending, 2)
    with pytest.raises(InvalidState):
        await call.send_dtmf("1")


async def test_peer_whose_media_ceases_is_hung_up(call: Call, backend: FakeBackend, other: UserAgent) -> None:
    backend.tell("media_timeout", 5000)
    with pytest.raises(TimedOut, match="no RTP from the peer for 5 s"):
        await call.wait("held", 2)
    assert (call.end_cause, call.ended_by) == (EndCause.MEDIA_TIMEOUT, "local")


async def test_peer_that_never_sent_media_or_is_on_hold_is_not_hung_up(call: Call, backend: FakeBackend) -> None:
    events = call.events()
    backend.tell("media_timeout", 5000, "never")
    await asyncio.sleep(0.05)
    await call.hold()
    backend.tell("media_timeout", 5000)
    await asyncio.sleep(0.05)
    assert call.state == "held"
    await call.hangup()
    assert [event.type.value async for event in events].count("media_timeout") == 1


async def test_fault_in_a_media_event_costs_only_that_event(
    call: Call, backend: FakeBackend, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(call, "take_digit", None)
    backend.tell("dtmf", 160, "1")
    backend.tell("first_rtp", 0, "127.0.0.1:4000")
    events = call.events()
    await asyncio.sleep(0.05)
    await call.hangup()
    assert "fault while handling dtmf" in caplog.text
    assert "media_started" in [event.type.value async for event in events]


async def test_commands_before_the_answer(make_agent: MakeAgent, backend: FakeBackend, other: UserAgent) -> None:
    other.on_incoming = None
    caller = await make_agent(media=backend)
    call = caller.start_call("sip:bob@{}:{}".format(*other.listen_address))
    for act in (call.mute, call.stop_play, lambda: call.play("x"), lambda: call.record("x"), lambda: call.audio):
        with pytest.raises(InvalidState, match="no media"):
            act()
    assert call.statistics() is None
    assert call.codec is None


async def test_info_that_is_no_digit_is_refused(call: Call, other: UserAgent) -> None:
    assert call.session is not None
    request = call.session.send_request("INFO", call.agent.now(), body=b"x", content_type="text/plain")
    request.owner = asyncio.get_running_loop().create_future()
    call.agent.pump()
    refusal = await asyncio.wait_for(request.owner, 2)
    assert refusal.status == 415
    assert refusal.response.get_all("Accept") == ["application/dtmf-relay", "application/dtmf"]


async def test_info_refused_by_the_peer(call: Call, other: UserAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(other.calls[0]), "take_info", lambda *_: False)
    with pytest.raises(CallRefused, match="415"):
        await call.send_dtmf("1", method="info")
