"""Registration and calls through kamailio 5.6 as registrar and record-routing proxy that challenges even BYE."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from microsip_core import AuthenticationError, CallRefused, UserAgent

from .baresip_peer import start_baresip
from .conftest import read_channels, tone_seconds
from .kamailio_peer import start_kamailio
from .peers import HOST, Peer

PASSWORD = "secret"


@pytest.fixture
def kamailio(started: Callable[[Peer], Peer], tmp_path: Path) -> Peer:
    return started(start_kamailio(tmp_path, password=PASSWORD))


@pytest_asyncio.fixture
async def callee() -> AsyncIterator[UserAgent]:
    async with UserAgent() as user_agent:
        yield user_agent


def aor(user: str, kamailio: Peer) -> str:
    return f"sip:{user}@{HOST}:{kamailio.port}"


async def test_register_refresh_and_unregister(agent: UserAgent, kamailio: Peer) -> None:
    account = await agent.create_account(aor("alice", kamailio), PASSWORD, expires=60)
    await account.register()
    assert account.state == "registered"
    assert account.expires is not None
    assert 50 < account.expires <= 60
    await account.unregister()
    assert account.state == "unregistered"
    with pytest.raises(CallRefused, match="404"):
        await agent.invite(aor("alice", kamailio), account=account, timeout=10)


async def test_wrong_password_is_said_so(agent: UserAgent, kamailio: Peer) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await agent.create_account(aor("alice", kamailio), "wrong")
    assert "password" in str(caught.value)


async def test_unknown_user_is_refused_with_404(agent: UserAgent, kamailio: Peer) -> None:
    account = await agent.create_account(aor("alice", kamailio), PASSWORD)
    with pytest.raises(CallRefused) as caught:
        await agent.invite(aor("nobody", kamailio), account=account, timeout=10)
    assert caught.value.status == 404


@pytest.mark.parametrize("ends", ["caller", "callee"])
async def test_two_of_ours_call_through_it_with_audio_both_ways(
    agent: UserAgent, callee: UserAgent, kamailio: Peer, tone: Path, tmp_path: Path, ends: str,
) -> None:
    alice = await agent.create_account(aor("alice", kamailio), PASSWORD)
    await callee.create_account(aor("bob", kamailio), PASSWORD)
    outgoing = agent.start_call(aor("bob", kamailio), account=alice)
    incoming = await asyncio.wait_for(callee.next_call(), 10)
    await incoming.answer()
    await outgoing.wait("active", timeout=10)
    recordings = {outgoing: tmp_path / "caller.wav", incoming: tmp_path / "callee.wav"}
    for call, path in recordings.items():
        call.record(path)
        call.play(tone)
    await asyncio.sleep(3.5)
    first, second = (outgoing, incoming) if ends == "caller" else (incoming, outgoing)
    await first.hangup()
    await asyncio.wait_for(second.wait_ended(), 10)
    assert (first.ended_by, second.ended_by) == ("local", "remote")
    for path in recordings.values():
        for channel in read_channels(path):
            assert tone_seconds(channel) > 2.0


async def test_call_baresip_through_it(
    agent: UserAgent, kamailio: Peer, started: Callable[[Peer], Peer], tone: Path, tmp_path: Path,
) -> None:
    started(start_baresip(tmp_path, "bob", domain=f"{HOST}:{kamailio.port}", password=PASSWORD))
    alice = await agent.create_account(aor("alice", kamailio), PASSWORD)
    await asyncio.sleep(1.0)
    call = await agent.invite(aor("bob", kamailio), account=alice, timeout=10)
    call.record(tmp_path / "call.wav")
    call.play(tone)
    await asyncio.sleep(3.5)
    await call.hangup()
    assert tone_seconds(read_channels(tmp_path / "call.wav")[1]) > 2.0


async def test_caller_gives_up_while_it_rings(agent: UserAgent, callee: UserAgent, kamailio: Peer) -> None:
    alice = await agent.create_account(aor("alice", kamailio), PASSWORD)
    await callee.create_account(aor("bob", kamailio), PASSWORD)
    outgoing = agent.start_call(aor("bob", kamailio), account=alice)
    incoming = await asyncio.wait_for(callee.next_call(), 10)
    await incoming.ring()
    await outgoing.wait("ringing", timeout=10)
    await outgoing.hangup()
    await asyncio.wait_for(incoming.wait_ended(), 10)
    assert incoming.ended_by == "remote"
    assert outgoing.ended_by == "local"
