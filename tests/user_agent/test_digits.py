"""Digits of a call by all three methods: heard once each, collected, sent as sound."""

from __future__ import annotations

import asyncio

import pytest

from microsip_core.errors import Canceled, InvalidArgument, NotSupported
from microsip_core.media.engine import native_available
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.received_digits import CollectedDigits, KeyPresses

from .conftest import MakeAgent

native = pytest.mark.skipif(not native_available(), reason="the native core is not built")
Report = tuple[str, str, float]


@pytest.mark.parametrize(("reports", "pressed"), [
    ([("1", "rfc4733", 0.0), ("1", "info", 0.1), ("1", "inband", 0.3)], "1"),
    ([("1", "rfc4733", 0.0), ("1", "rfc4733", 0.2)], "11"),
    # the same key twice, by two methods each
    ([("1", "rfc4733", 0.0), ("1", "inband", 0.1), ("1", "rfc4733", 0.24), ("1", "inband", 0.34)], "11"),
    ([("1", "info", 0.0), ("2", "info", 0.1), ("1", "inband", 0.2), ("2", "inband", 0.3)], "12"),
    ([("1", "info", 0.0), ("1", "rfc4733", 2.0)], "11"),
])
def test_a_key_press_counts_once_however_often_it_is_told(reports: list[Report], pressed: str) -> None:
    presses = KeyPresses()
    assert "".join(digit for digit, method, when in reports if presses.is_new(digit, method, when)) == pressed


async def answered(make_agent: MakeAgent, core: str = "native") -> tuple[Call, Call]:
    caller, callee = await make_agent(media=None, core=core), await make_agent(media=None, core=core)
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite("sip:bob@{}:{}".format(*callee.listen_address))
    await callee.calls[0].wait("active", 2)
    return call, callee.calls[0]


@native
async def test_digits_arrive_by_every_method(make_agent: MakeAgent) -> None:
    call, other = await answered(make_agent)
    other.detect_dtmf()
    await asyncio.sleep(0.05)
    for method, digits in (("inband", "4*0D"), ("rfc4733", "123A"), ("info", "5678")):
        collecting = asyncio.create_task(other.collect_digits(4, first_timeout=5))
        await asyncio.wait_for(call.send_dtmf(digits, method=method, duration_ms=60, gap_ms=60), 5)
        assert await asyncio.wait_for(collecting, 5) == CollectedDigits(digits, "count"), method
    sending = asyncio.create_task(call.send_dtmf("123456789", method="inband"))
    await asyncio.sleep(0.1)
    call.stop_play()
    with pytest.raises(Canceled):
        await asyncio.wait_for(sending, 2)


@native
async def test_collecting_ends_by_terminator_time_and_hangup(make_agent: MakeAgent) -> None:
    call, other = await answered(make_agent)
    for digit in "12#34":
        other.take_digit(digit, "info", 0.0)
    assert await other.collect_digits(10) == CollectedDigits("12", "terminator", "#")
    assert await other.collect_digits(10, inter_timeout=0) == CollectedDigits("34", "inter_timeout")
    assert await other.collect_digits(3, first_timeout=0.01) == CollectedDigits("", "first_timeout")
    other.take_digit("*", "info", 0.0)
    assert await other.collect_digits(3, terminators="#*") == CollectedDigits("", "terminator", "*")
    for count, terminators in ((0, "#"), (3, "x")):
        with pytest.raises(InvalidArgument):
            await other.collect_digits(count, terminators=terminators)
    collecting = asyncio.create_task(other.collect_digits(3, first_timeout=None))
    await asyncio.sleep(0)
    await call.hangup()
    assert await asyncio.wait_for(collecting, 2) == CollectedDigits("", "call_ended")


async def test_the_reference_core_says_that_it_hears_none(make_agent: MakeAgent) -> None:
    call, _ = await answered(make_agent, "reference")
    with pytest.raises(NotSupported):
        call.detect_dtmf()
    call.detect_dtmf(False)
