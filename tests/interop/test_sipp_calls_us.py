"""What the RFCs allow a caller to do, done by sipp with scenarios of our own: each with one call.

sipp checks what we send against the scenario, and here is checked what the user of our API got from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from microsip_core import Call, UserAgent

from .peers import Peer
from .sipp_scenarios import Case, bracketed, over, passed, start_scenario

Ours = Callable[[UserAgent, str], Awaitable[None]]


async def incoming(agent: UserAgent) -> Call:
    return await agent.next_call(8)


def handler() -> tuple[Callable[[Call], None], asyncio.Future[Call]]:
    """Return a handler of incoming calls and what will be the first call: also one that is over at once."""
    arrived: asyncio.Future[Call] = asyncio.get_running_loop().create_future()
    return arrived.set_result, arrived


async def answer(agent: UserAgent, peer: str) -> None:
    call = await incoming(agent)
    await call.answer()
    await over(call)
    assert call.error is None


def answer_after(seconds: float) -> Ours:
    """Answer when the ringing has been acknowledged, which may take a repetition."""
    async def ours(agent: UserAgent, peer: str) -> None:
        call = await incoming(agent)
        await asyncio.sleep(seconds)
        await call.answer()
        await over(call)

    return ours


async def early_media_then_answer(agent: UserAgent, peer: str) -> None:
    handle, arrived = handler()
    agent.on_incoming = lambda call: (call.ring(early_media=True), handle(call))
    call = await arrived
    await asyncio.sleep(0.5)
    await call.answer()
    await over(call)


async def notice_hold(agent: UserAgent, peer: str) -> None:
    call = await incoming(agent)
    await call.answer()
    await call.wait("remote_held", 5)
    await call.wait("active", 5)
    await over(call)


async def refresh(agent: UserAgent, peer: str) -> None:
    """Take intervals that are over within a test; the least one of the RFC is 90 s."""
    agent.endpoint.config.min_session_expires = 1
    await answer(agent, peer)


async def end_unrefreshed(agent: UserAgent, peer: str) -> None:
    agent.endpoint.config.min_session_expires = 1
    call = await incoming(agent)
    await call.answer()
    await over(call, by="timeout")


async def be_transferred(agent: UserAgent, peer: str) -> None:
    call = await incoming(agent)
    await call.answer()
    await over(call)
    assert call.transferred_to is not None
    assert call.transferred_to.state == "active"
    await call.transferred_to.hangup()


async def refuse_transfer(agent: UserAgent, peer: str) -> None:
    agent.on_transfer = lambda call, uri: False
    call = await incoming(agent)
    await call.answer()
    await over(call)
    assert call.transferred_to is None


async def be_replaced(agent: UserAgent, peer: str) -> None:
    call = await incoming(agent)
    await call.answer()
    await over(call)
    assert call.replaced_by is not None
    await over(call.replaced_by)


async def redirect(agent: UserAgent, peer: str) -> None:
    call = await incoming(agent)
    await call.redirect(["sip:first@192.0.2.7", "sip:second@192.0.2.8"])


async def reject(agent: UserAgent, peer: str) -> None:
    call = await incoming(agent)
    await call.reject(486)


async def be_cancelled(agent: UserAgent, peer: str) -> None:
    agent.on_incoming, arrived = handler()
    call = await arrived
    await over(call)
    assert call.answered is None


async def meet_in_glare(agent: UserAgent, peer: str) -> None:
    call = await incoming(agent)
    await call.answer()
    await call.hold()
    await over(call)


async def take_message(agent: UserAgent, peer: str) -> None:
    async for event in agent.events():
        if event.type == "message":
            assert event.text.strip() == "hello from sipp"
            return


async def take_digit(agent: UserAgent, peer: str) -> None:
    call = await incoming(agent)
    await call.answer()
    assert await call.recv_dtmf(1, timeout=5) == "5"
    await over(call)


async def nothing(agent: UserAgent, peer: str) -> None:
    """The core answers by itself."""


CASES = [
    Case("basic_caller", answer),
    Case("basic_caller", answer, transport="tcp"),
    Case("basic_caller", answer, host="::1"),
    Case("basic_caller", answer, transport="tcp", host="::1"),
    Case("prack_caller", answer_after(1.0), {"patience": "700"}),
    Case("prack_caller", answer_after(0.3), {"patience": "50"}, transport="tcp"),
    Case("update_caller", early_media_then_answer),
    Case("timer_too_short", answer),
    Case("timer_we_refresh", refresh, {"interval": "2"}),
    Case("timer_expires", end_unrefreshed, {"interval": "3"}),
    Case("hold_caller", notice_hold, {"hold": "sendonly", "answer": "recvonly"}),
    Case("hold_caller", notice_hold, {"hold": "inactive", "answer": "inactive"}),
    Case("hold_caller", notice_hold, {"hold": "0.0.0.0", "answer": "(recvonly|inactive)"}),
    Case("hold_caller", notice_hold, {"hold": "sendonly", "answer": "recvonly"}, transport="tcp"),
    Case("refer_caller", be_transferred, target="basic_callee"),
    Case("refer_refused", refuse_transfer),
    Case("replaces_caller", be_replaced),
    Case("replaces_unknown", nothing),
    Case("redirected_caller", redirect),
    Case("late_offer_caller", answer),
    Case("early_media_caller", early_media_then_answer),
    Case("cancel_caller", be_cancelled),
    Case("cancel_caller", be_cancelled, transport="tcp"),
    Case("rejected_caller", reject),
    Case("unknown_extension", nothing),
    Case("glare_caller", meet_in_glare),
    Case("message_caller", take_message),
    Case("info_caller", take_digit),
]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_sipp_calls_us(started: Callable[[Peer], Peer], tmp_path: Path, case: Case) -> None:
    keys, others = case.others(tmp_path, started)
    async with case.agent() as agent:
        host, port = agent.transport.listen_address_of(case.transport.upper())
        ours = asyncio.create_task(case.ours(agent, ""))
        await asyncio.sleep(0)
        sipp = started(start_scenario(
            tmp_path, case.scenario, target=f"{bracketed(host)}:{port}", transport=case.transport, host=case.host,
            keys=keys,
        ))
        try:
            for peer in (sipp, *others):
                await passed(peer)
            await asyncio.wait_for(ours, 5)
        finally:
            ours.cancel()
        assert agent.calls == []
