"""What the RFCs allow a callee to do, done by sipp with scenarios of our own: each with one call.

sipp checks what we send against the scenario, and here is checked what the user of our API got from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from microsip_core import CallRefused, UserAgent

from .peers import HOST, Peer
from .sipp_scenarios import Case, bracketed, complaints, over, passed, start_scenario


async def call_and_hang_up(agent: UserAgent, peer: str) -> None:
    call = await agent.invite(peer, timeout=8)
    await asyncio.sleep(0.1)
    await call.hangup()
    assert call.status == 200


async def call_until_it_ends(agent: UserAgent, peer: str) -> None:
    call = await agent.invite(peer, timeout=8)
    await over(call)


async def call_with_early_media(agent: UserAgent, peer: str) -> None:
    call = agent.start_call(peer, timeout=8)
    await call.wait("early", 5)
    await call.wait("active", 5)
    await call.hangup()


async def call_while_it_refreshes(agent: UserAgent, peer: str) -> None:
    agent.endpoint.config.min_session_expires = 1
    agent.endpoint.config.session_expires = 2
    call = await agent.invite(peer, timeout=8)
    await asyncio.sleep(1.5)
    assert call.state == "active"
    await call.hangup()


async def hold_and_resume(agent: UserAgent, peer: str) -> None:
    call = await agent.invite(peer, timeout=8)
    await call.hold()
    assert call.on_hold
    await call.unhold()
    assert call.state == "active"
    await call.hangup()


async def transfer(agent: UserAgent, peer: str) -> None:
    call = await agent.invite(peer, timeout=8)
    await call.transfer("sip:carol@192.0.2.9")
    assert call.state == "ended"


async def transfer_in_vain(agent: UserAgent, peer: str) -> None:
    call = await agent.invite(peer, timeout=8)
    with pytest.raises(CallRefused) as caught:
        await call.transfer("sip:carol@192.0.2.9")
    assert caught.value.status == 486
    assert call.state == "active"
    await call.hangup()


async def call_with_digest(agent: UserAgent, peer: str) -> None:
    # the password is for the server of the account only: sipp is made that
    account = agent.add_account(peer.replace("us", "alice", 1).partition(";")[0], "secret")
    call = await agent.invite(peer, account=account, timeout=8)
    await call.hold()
    await call.hangup()
    assert call.error is None


async def give_up(agent: UserAgent, peer: str) -> None:
    call = agent.start_call(peer)
    await call.wait("ringing", 5)
    await call.hangup()
    assert call.ended_by == "local"
    assert call.answered is None


async def hold_in_glare(agent: UserAgent, peer: str) -> None:
    call = await agent.invite(peer, timeout=8)
    await call.hold()
    assert call.on_hold
    await call.hangup()


async def send_message(agent: UserAgent, peer: str) -> None:
    await agent.send_message(peer, "hello from us", timeout=5)


async def ask_options(agent: UserAgent, peer: str) -> None:
    reply = await agent.options(peer, timeout=5)
    assert (reply.status, reply.user_agent) == (200, "sipp")
    assert "INVITE" in reply.allow


async def send_digit(agent: UserAgent, peer: str) -> None:
    call = await agent.invite(peer, timeout=8)
    await call.send_dtmf("5", method="info")
    await call.hangup()


async def be_refused(agent: UserAgent, peer: str) -> None:
    with pytest.raises(CallRefused) as caught:
        await agent.invite(peer, timeout=8)
    assert caught.value.status == 486


CASES = [
    Case("basic_callee", call_and_hang_up),
    Case("basic_callee", call_and_hang_up, transport="tcp"),
    Case("basic_callee", call_and_hang_up, host="::1"),
    Case("prack_callee", call_with_early_media),
    Case("prack_callee", call_with_early_media, transport="tcp"),
    Case("update_callee", call_and_hang_up),
    Case("timer_callee_422", call_and_hang_up),
    Case("timer_callee_refreshes", call_while_it_refreshes, {"interval": "2"}),
    Case("timer_callee_we_refresh", call_while_it_refreshes, {"interval": "2"}),
    Case("hold_callee", hold_and_resume, {"answer": "recvonly"}),
    Case("hold_callee", hold_and_resume, {"answer": "inactive"}),
    Case("refer_callee", transfer, {"outcome": "200 OK"}),
    Case("refer_callee", transfer_in_vain, {"outcome": "486 Busy Here"}),
    Case("auth_callee", call_with_digest),
    Case("auth_callee", call_with_digest, transport="tcp"),
    Case("redirecting_callee", call_and_hang_up, target="basic_callee"),
    Case("late_offer_callee", call_and_hang_up),
    Case("early_media_callee", call_with_early_media),
    Case("cancel_callee", give_up),
    Case("cancel_crosses_answer", give_up),
    Case("glare_callee", hold_in_glare),
    Case("message_callee", send_message),
    Case("options_callee", ask_options),
    Case("info_callee", send_digit),
    Case("busy_callee", be_refused),
    Case("fork_callee", call_and_hang_up),
]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_we_call_sipp(started: Callable[[Peer], Peer], tmp_path: Path, case: Case) -> None:
    keys, others = case.others(tmp_path, started)
    sipp = started(start_scenario(tmp_path, case.scenario, transport=case.transport, host=case.host, keys=keys))
    async with case.agent() as agent:
        try:
            await case.ours(agent, f"sip:us@{bracketed(case.host)}:{sipp.port};transport={case.transport}")
        except Exception as error:
            error.add_note(complaints(sipp))
            raise
        for peer in (sipp, *others):
            await passed(peer)
        assert agent.calls == []


async def test_we_connect_two_of_sipp(started: Callable[[Peer], Peer], tmp_path: Path) -> None:
    """Attended transfer (RFC 5589): the REFER has Replaces with the tags of our call to the other one."""
    one, two = (started(start_scenario(tmp_path, name)) for name in ("attended_callee", "basic_callee"))
    async with UserAgent() as agent:
        call, other = [await agent.invite(f"sip:us@{HOST}:{sipp.port}", timeout=8) for sipp in (one, two)]
        await call.transfer_to(other)
        assert (call.state, other.state) == ("ended", "ended")
        for peer in (one, two):
            await passed(peer)
