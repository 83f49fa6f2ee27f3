"""What a user agent does about its media: ports that are too few, calls without sound, an engine that is full."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from microsip_core.errors import Busy, CallRefused, InvalidArgument, LimitExceeded
from microsip_core.media.engine import create_engine
from microsip_core.media.events import MediaEvent
from microsip_core.media.stream import StreamConfig, calls_in
from microsip_core.media.trouble import explain_no_rtp
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.events import Event, EventType
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import FakeBackend

UriOf = Callable[[UserAgent], str]


async def next_of(agent: UserAgent, kind: EventType) -> Event:
    """The next event of a kind."""
    async for event in agent.events():
        if event.type is kind:
            return event
    raise AssertionError("the user agent has closed")


@pytest.mark.parametrize("core", ["native", "reference"])
async def test_a_call_without_sound_is_told_with_its_cause(make_agent: MakeAgent, uri_of: UriOf, core: str) -> None:
    """The callee answers as if it had sound, and never sends RTP."""
    if core == "native":
        pytest.importorskip("microsip_core.media._native")
    caller = await make_agent(config=UserAgentConfig(core=core, no_rtp_after=0.2), media=None)
    callee = await make_agent(media=FakeBackend())
    callee.on_incoming = lambda call: call.answer()
    missing = asyncio.create_task(next_of(caller, EventType.MEDIA_MISSING))
    call = await caller.invite(uri_of(callee))
    event = await asyncio.wait_for(missing, 5)
    assert event.call is call
    assert "nothing at all arrives at 127.0.0.1:" in event.text
    assert "firewall" in event.text
    assert call.state.value == "active"
    statistics = call.statistics()
    assert statistics is not None
    assert statistics.receive.packets == 0


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("nothing", "nothing at all arrives at 127.0.0.1:4000"),
        ("rtcp_only", "RTCP arrives, but no RTP"),
        ("foreign 10.0.0.9:5000", "from 10.0.0.9:5000, which is not the peer"),
        ("payload_type 96", "payload type 96, which was not agreed on"),
        ("not_rtp", "no RTP"),
        ("not_authentic", "not encrypted with the key agreed on"),
        ("a cause of a later version", "nothing at all arrives"),
    ],
)
def test_every_cause_has_words_and_a_remedy(detail: str, words: str) -> None:
    text, remedy = explain_no_rtp(detail, "127.0.0.1:4000", 5000)
    assert text.startswith("no RTP after 5.0 s: ")
    assert words in text
    assert len(remedy) > 20


@pytest.mark.parametrize(
    ("ports", "calls"),
    [((4000, 4001), 1), ((4001, 4002), 0), ((4001, 4003), 1), ((4000, 4099), 50), ((4000, 4000), 0)],
)
def test_a_call_takes_two_ports(ports: tuple[int, int], calls: int) -> None:
    assert calls_in(ports) == calls


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"port_range": (40_001, 40_002)}, "ports 40001 to 40002 (room for 0 calls)"),
        ({"port_range": (40_000, 40_005), "max_calls": 4}, "max_calls is 4, more than the media ports 40000 to 40005"),
    ],
)
async def test_a_range_too_small_is_refused_at_start(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await UserAgent(UserAgentConfig(**changes)).start()  # type: ignore[arg-type]
    assert words in caught.value.message


async def test_a_range_in_use_is_refused_at_start() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1] // 2 * 2
        with pytest.raises(Busy) as caught:
            await UserAgent(UserAgentConfig(port_range=(port, port + 1))).start()
    assert str(port) in caught.value.message


@pytest.mark.parametrize(
    "changes", [{"media_dscp": 64}, {"media_threads": 0}, {"media_load_limit": 101}, {"no_rtp_after": -1.0}],
)
def test_settings_out_of_range_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InvalidArgument):
        UserAgentConfig(**changes)  # type: ignore[arg-type]


async def test_media_is_marked_as_told(make_agent: MakeAgent, uri_of: UriOf) -> None:
    pytest.importorskip("microsip_core.media._native")
    caller, callee = await make_agent(config=UserAgentConfig(media_dscp=34), media=None), await make_agent()
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite(uri_of(callee))
    host, port = call.stream("test").rtp_address
    assert host == "127.0.0.1"
    assert marks_of(port) == {34 << 2}


def marks_of(port: int) -> set[int]:
    """The TOS octets of this process's sockets on a port."""
    import os
    from pathlib import Path

    marks = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if not os.readlink(entry).startswith("socket:"):
                continue
            found = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:
            continue
        with found:
            if found.family == socket.AF_INET and found.getsockname()[1] == port and found.type == socket.SOCK_DGRAM:
                marks.add(found.getsockopt(socket.IPPROTO_IP, socket.IP_TOS))
    return marks


def test_an_engine_that_is_full_says_so() -> None:
    pytest.importorskip("microsip_core.media._native")
    engine = create_engine("native", 2, pinned=True, streams_max=1)
    try:
        streams = [engine.open_stream(StreamConfig()) for _ in range(2)]
        with pytest.raises(LimitExceeded, match="takes no more streams"):
            engine.open_stream(StreamConfig())
        assert engine.statistics()["streams_refused"] == 1
        streams[0].close()
        engine.open_stream(StreamConfig()).close()
    finally:
        engine.close()


async def test_a_full_engine_refuses_calls_as_busy(make_agent: MakeAgent, uri_of: UriOf) -> None:
    caller, callee = await make_agent(), await make_agent()
    assert callee.media._backend is not None

    def full(**_: object) -> None:
        raise LimitExceeded("the media engine takes no more streams", step="open media")

    callee.media._backend.open_session = full  # type: ignore[method-assign, assignment]
    callee.on_incoming = lambda call: call.answer()
    with pytest.raises(CallRefused) as caught:
        await caller.invite(uri_of(callee))
    assert caught.value.status == 486


async def test_overload_is_an_event_of_the_user_agent(make_agent: MakeAgent) -> None:
    agent = await make_agent()
    assert agent.media._backend is not None
    told = asyncio.create_task(next_of(agent, EventType.MEDIA_OVERLOAD))
    await asyncio.sleep(0)
    happened = MediaEvent("overload", 0, 12, "40 late of 1000 frames, 98 % busy", 1.0)
    agent.media._backend.poll_events = lambda: [happened]  # type: ignore[method-assign]
    agent.media.poll()
    event = await asyncio.wait_for(told, 5)
    assert event.call is None
    assert event.text == "12 frames skipped, 40 late of 1000 frames, 98 % busy"
