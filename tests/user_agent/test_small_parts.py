"""Event streams, playbacks, outcomes and what users type as a target."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from microsip_core.errors import InvalidArgument, NotSupported
from microsip_core.sip.message import Request
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import Event, EventType
from microsip_core.user_agent.outcome import DONE, Outcome
from microsip_core.user_agent.playback import Playback, PlaybackResult
from microsip_core.user_agent.target import check_headers, check_media, complete_target, parse_uri


def event(number: int) -> Event:
    return Event(EventType.DTMF, float(number), text=str(number))


async def test_stream_gives_events_in_order_and_ends() -> None:
    stream = EventStream()
    stream.put(event(1))
    reader = asyncio.create_task(_collect(stream))
    await asyncio.sleep(0)
    stream.put(event(2))
    stream.close()
    assert await reader == ["1", "2"]
    assert await _collect(stream) == []


async def _collect(stream: EventStream) -> list[str]:
    return [event.text async for event in stream]


async def test_slow_reader_loses_the_oldest_and_it_is_counted() -> None:
    stream = EventStream()
    for number in range(10_005):
        stream.put(event(number))
    stream.close()
    texts = await _collect(stream)
    assert len(texts) == 10_000
    assert texts[0] == "5"
    assert stream.dropped == 5


async def test_slow_reader_of_large_messages_holds_8_mib_of_them_at_most() -> None:
    stream = EventStream()
    sent = 300
    for number in range(sent):
        message = Request("MESSAGE", "sip:alice@127.0.0.1", None, [""], bytes(60_000))
        stream.put(Event(EventType.MESSAGE, float(number), message=message, text="x" * 4_000))
    stream.close()
    held = [found async for found in stream]
    assert held[-1].time == sent - 1
    assert 7_000_000 < sum(len(found.text) + len(found.message.body) for found in held if found.message) <= 8_388_608
    assert stream.dropped == sent - len(held)


async def test_canceled_reader_leaves_the_stream_usable() -> None:
    stream = EventStream()
    reader = asyncio.create_task(_collect(stream))
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    stream.put(event(3))
    stream.close()
    assert await _collect(stream) == ["3"]


async def test_readers_of_one_stream_share_its_events_and_all_end() -> None:
    stream = EventStream()
    readers = [asyncio.create_task(_collect(stream)) for _ in range(3)]
    await asyncio.sleep(0)
    for number in range(6):
        stream.put(event(number))
    stream.close()
    read = await asyncio.wait_for(asyncio.gather(*readers), 1)
    assert sorted(text for texts in read for text in texts) == list("012345")


async def test_playback_tells_every_waiter_once() -> None:
    playback = Playback(7)
    waiters = [asyncio.create_task(_wait(playback)) for _ in range(2)]
    await asyncio.sleep(0)
    assert playback.result is None
    playback.finish("stopped", 1234)
    playback.finish("finished", 9999)
    assert await asyncio.gather(*waiters) == [PlaybackResult("stopped", 1234)] * 2
    assert await playback == PlaybackResult("stopped", 1234)


async def _wait(playback: Playback) -> PlaybackResult:
    return await playback


async def test_outcome_may_be_awaited_or_dropped() -> None:
    seen: list[int] = []

    async def wait() -> None:
        seen.append(1)

    Outcome(wait)
    assert seen == []
    await Outcome(wait)
    await asyncio.wait_for(Outcome(wait), 1)
    await asyncio.gather(Outcome(wait), DONE)
    assert seen == [1, 1, 1]


@pytest.mark.parametrize(("given", "domain", "expected"), [
    ("sip:bob@example.com", None, "sip:bob@example.com"),
    ("SIPS:bob@example.com", None, "SIPS:bob@example.com"),
    ("bob@example.com:5080", None, "sip:bob@example.com:5080"),
    ("127.0.0.1:5060", None, "sip:127.0.0.1:5060"),
    ("bob", "example.com:5080", "sip:bob@example.com:5080"),
    ("1234", "example.com", "sip:1234@example.com"),
    ("tel:+49 (30) 123-456", "example.com", "sip:+4930123456@example.com"),
    (" callto://bob@example.com ", None, "sip:bob@example.com"),
])
def test_target_is_completed(given: str, domain: str | None, expected: str) -> None:
    assert complete_target(given, domain) == expected


@pytest.mark.parametrize("given", ["", "1234", "bob"])
def test_bare_target_needs_an_account(given: str) -> None:
    with pytest.raises(InvalidArgument, match="account"):
        complete_target(given, None)


@pytest.mark.parametrize("text", [
    "", "sip:", "bob", "sip:bob@", "sip:bob@host:99999", "sip:bob@ho st", "sip:b@h?Subject=x", "sip:b@h\r\nEvil: 1",
])
def test_bad_uri_says_what_is_meant(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_uri(text, "account")
    assert caught.value.step == "account"


@pytest.mark.parametrize("headers", [
    [("Via", "x")], [("v", "x")], [("CONTACT", "<sip:x@h>")], [("Content-Length", "5")], [("Route", "<sip:h;lr>")],
    ["X-Name: x"], [("X-Number", 5)], {"X-Name": "x"}, [("X-A", "a\r\nEvil: 1")], [("X", "a\0")], [("X Y", "a")],
    [("", "a")], "X-Name: x", 5, [("Authorization", "Digest x")], [("RSeq", "1")],
])
def test_headers_of_the_user_agent_are_its_own(headers: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_headers(headers, "invite")
    assert caught.value.remedy
    check_headers([("X-Name", "x"), ("P-Asserted-Identity", "<sip:a@h>")], "invite")


def test_media_kinds() -> None:
    check_media("audio")
    with pytest.raises(NotSupported):
        check_media("audio,video")
    with pytest.raises(InvalidArgument):
        check_media("smell")
