"""baresip 1.0 told what to do in a call: hold and resume, transfer us, be transferred; a text message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from microsip_core import Call, CallRefused, UserAgent, UserAgentConfig
from microsip_core.server import LoopbackServer

from .baresip_peer import command, start_baresip
from .peers import HOST, Peer, printed


@pytest.fixture
async def alice() -> AsyncIterator[UserAgent]:
    async with UserAgent(UserAgentConfig(accept_transfers=True)) as agent:
        yield agent


@pytest.fixture
def baresip(started: Callable[[Peer], Peer], tmp_path: Path) -> Peer:
    return started(start_baresip(tmp_path, "bob"))


async def called(alice: UserAgent, baresip: Peer) -> Call:
    return await alice.invite(f"sip:bob@{HOST}:{baresip.port}", timeout=10)


async def test_baresip_holds_and_resumes(alice: UserAgent, baresip: Peer) -> None:
    call = await called(alice, baresip)
    await command(baresip, "hold")
    await call.wait("remote_held", 10)
    await command(baresip, "resume")
    await call.wait("active", 10)
    await command(baresip, "hangup")
    await call.wait_ended(10)
    assert call.ended_by == "remote"


async def test_we_hold_and_resume(alice: UserAgent, baresip: Peer) -> None:
    call = await called(alice, baresip)
    await call.hold()
    assert call.state == "held"
    await call.unhold()
    assert call.state == "active"
    await call.hangup()


async def test_baresip_transfers_us(alice: UserAgent, baresip: Peer) -> None:
    async with LoopbackServer() as server:
        call = await called(alice, baresip)
        await command(baresip, "transfer", server.uri("echo"))
        await call.wait_ended(10)
        assert call.transferred_to is not None
        assert call.transferred_to.state == "active"
        await call.transferred_to.hangup()


async def test_we_transfer_baresip(alice: UserAgent, baresip: Peer) -> None:
    async with LoopbackServer() as server:
        call = await called(alice, baresip)
        await call.transfer(server.uri("echo"))
        assert call.state == "ended"
        assert server.statistics()["service_calls_now"] == 1


async def test_calls_go_on_where_baresip_can_not_take_our_place(alice: UserAgent, baresip: Peer) -> None:
    """This version knows no Replaces: it leaves the header in the URI it calls, which is refused with 400."""
    async with LoopbackServer() as server:
        call = await called(alice, baresip)
        other = await alice.invite(server.uri("echo"), timeout=10)
        with pytest.raises(CallRefused, match="400"):
            await call.transfer_to(other)
        assert (call.state, other.state) == ("active", "active")


async def test_our_message_is_shown(alice: UserAgent, baresip: Peer) -> None:
    await alice.send_message(f"sip:bob@{HOST}:{baresip.port}", "hello from us", timeout=5)
    await printed(baresip, "hello from us")
