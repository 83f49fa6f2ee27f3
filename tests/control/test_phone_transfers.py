"""The phone transfers calls, sends messages and reloads what calls go by: by numbers, requests and command lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from microsip_core.control.launch import parse_launch
from microsip_core.control.numbers import Number
from microsip_core.control.phone import Phone
from microsip_core.errors import InvalidArgument, NoCall
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.user_agent import UserAgent

from .test_phone import until, uri

Way = Callable[[Phone, str], Awaitable[object]]


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[Phone]:
    (tmp_path / "M.ini").write_text("[Settings]\nsingleMode=0\n")
    one = Phone(tmp_path / "M.ini", media="none")
    await one.start()
    yield one
    await one.close()


@pytest.fixture
async def peer() -> AsyncIterator[UserAgent]:
    async with UserAgent(UserAgentConfig(accept_transfers=True), media="none") as agent:
        yield agent


@pytest.fixture
async def third() -> AsyncIterator[UserAgent]:
    async with UserAgent(media="none") as agent:
        yield agent


async def dialled(phone: Phone, other: UserAgent) -> Call:
    """Let the phone call somebody, who answers."""
    await phone.number(Number.DIAL, uri(other))
    call = await other.next_call(5)
    await call.answer()
    await until(lambda: phone.calls.status() == 2)
    return call


@pytest.mark.parametrize("way", [
    pytest.param(lambda phone, target: phone.number(Number.TRANSFER, target), id="number"),
    pytest.param(lambda phone, target: phone.request("transfer", {"target": target}), id="request"),
    pytest.param(lambda phone, target: phone.execute(parse_launch([f"/transfer:{target}"])), id="/transfer:"),
])
async def test_a_call_is_transferred(phone: Phone, peer: UserAgent, third: UserAgent, way: Way) -> None:
    call = await dialled(phone, peer)
    assert await way(phone, uri(third, "carol")) in ((1, "call 1"), "call 1")
    await (await third.next_call(5)).answer()
    await call.wait_ended(5)
    await until(lambda: not phone.agent.calls)


async def test_a_transfer_needs_a_call_and_a_target(phone: Phone, peer: UserAgent) -> None:
    code, said = await phone.number(Number.TRANSFER, uri(peer))
    assert (code, "no call" in said) == (0, True)
    await dialled(phone, peer)
    with pytest.raises(InvalidArgument):
        await phone.request("transfer", {"target": "not a uri at all:"})
    with pytest.raises(NoCall):
        await phone.request("connect", {})


async def test_two_calls_are_connected(phone: Phone, peer: UserAgent, third: UserAgent) -> None:
    first, second = await dialled(phone, peer), await dialled(phone, third)
    assert await phone.request("connect", {"call": 1, "other": 2}) == "calls 1 and 2"
    await first.wait_ended(5)
    await second.wait_ended(5)
    await until(lambda: not phone.agent.calls)


@pytest.mark.parametrize("way", [
    pytest.param(lambda phone, target: phone.number(Number.MESSAGE, f"{target} good  morning"), id="number"),
    pytest.param(lambda phone, target: phone.request("message", {"target": target, "text": "good  morning"}),
                 id="request"),
    pytest.param(lambda phone, target: phone.execute(parse_launch([target, "good  morning"])), id="command line"),
])
async def test_a_message_is_sent(phone: Phone, third: UserAgent, way: Way) -> None:
    events = third.events()
    assert await way(phone, uri(third)) in ((1, "sent"), "sent")
    async for event in events:
        if event.type is EventType.MESSAGE:
            assert event.text == "good  morning"
            break


async def test_a_message_that_nobody_takes_is_told(phone: Phone) -> None:
    code, said = await phone.number(Number.MESSAGE, "sip:bob@127.0.0.1:9 hello")
    assert code == 0
    assert "127.0.0.1:9" in said
    assert (await phone.number(Number.MESSAGE, "sip:bob@127.0.0.1:9"))[0] == 0


async def test_codecs_and_ports_change_while_it_runs(phone: Phone, peer: UserAgent) -> None:
    phone.path.write_text("[Settings]\nsingleMode=0\naudioCodecs=PCMA\nrtpPortMin=41000\nrtpPortMax=41999\n")
    assert "audioCodecs" in await phone.request("reload", {})
    assert phone.agent.config.codecs == ("PCMA",)
    await phone.number(Number.DIAL, uri(peer))
    call = await peer.next_call(5)
    assert b"m=audio" in (call.invite_request.body if call.invite_request is not None else b"")
    assert b" RTP/AVP 8" in call.invite_request.body  # type: ignore[union-attr]
