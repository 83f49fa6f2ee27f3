"""Forking by our loopback server and by kamailio, with sipp as the callees; and Path through a chain of kamailios."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from microsip_core import Account, CallRefused, UserAgent
from microsip_core.server import LoopbackServer

from .kamailio_peer import start_edge, start_kamailio
from .peers import HOST, Peer
from .sipp_scenarios import over, passed, start_scenario

PASSWORD = "secret"
Started = Callable[[Peer], Peer]


@dataclass
class Proxy:
    """A registrar and proxy on loopback, and where its sipp callees are started."""

    port: int
    folder: Path
    started: Started

    def uri(self, user: str) -> str:
        return f"sip:{user}@{HOST}:{self.port}"

    async def callee(self, scenario: str, q: float = 1.0) -> Peer:
        """Start sipp with a scenario, and register it as one of the phones of bob."""
        peer = self.started(start_scenario(self.folder, scenario, service="bob"))
        keys = {"user": "bob", "contact": f"sip:bob@{HOST}:{peer.port}", "q": f"{q:g}"}
        await passed(self.started(start_scenario(
            self.folder, "register", target=f"{HOST}:{self.port}", service="bob", keys=keys,
        )))
        return peer


@pytest.fixture(params=["ours", "kamailio"])
async def proxy(request: pytest.FixtureRequest, started: Started, tmp_path: Path) -> AsyncIterator[Proxy]:
    if request.param == "kamailio":
        yield Proxy(started(start_kamailio(tmp_path, password=PASSWORD)).port, tmp_path, started)
        return
    async with LoopbackServer(
        users={"alice": PASSWORD, "bob": PASSWORD}, challenge="all", algorithms=("MD5",), services=False,
    ) as server:
        yield Proxy(server.address[1], tmp_path, started)


async def caller(agent: UserAgent, proxy: Proxy) -> Account:
    return await agent.create_account(proxy.uri("alice"), PASSWORD)


async def test_the_one_who_answers_gets_the_call_and_the_other_is_cancelled(agent: UserAgent, proxy: Proxy) -> None:
    account = await caller(agent, proxy)
    callees = [await proxy.callee("ring_then_answer"), await proxy.callee("ring_until_cancelled")]
    call = await agent.invite(proxy.uri("bob"), account=account, timeout=10)
    await call.hangup()
    for callee in callees:
        await passed(callee)


async def test_both_answer_and_one_of_the_calls_is_ended(agent: UserAgent, proxy: Proxy) -> None:
    """Each proxy passes on every 2xx (RFC 3261 s16.7): the second call is acknowledged and ended by us."""
    account = await caller(agent, proxy)
    callees = [await proxy.callee("ring_then_answer"), await proxy.callee("answer_despite_cancel")]
    call = await agent.invite(proxy.uri("bob"), account=account, timeout=10)
    await asyncio.sleep(0.8)
    await call.hangup()
    for callee in callees:
        await passed(callee)


async def test_the_caller_gives_up_and_every_branch_is_cancelled(agent: UserAgent, proxy: Proxy) -> None:
    account = await caller(agent, proxy)
    callees = [await proxy.callee("ring_until_cancelled"), await proxy.callee("ring_until_cancelled")]
    call = agent.start_call(proxy.uri("bob"), account=account)
    await call.wait("ringing", 10)
    await asyncio.sleep(0.3)
    await call.hangup()
    await over(call, "local")
    for callee in callees:
        await passed(callee)


async def test_all_refuse(agent: UserAgent, proxy: Proxy) -> None:
    account = await caller(agent, proxy)
    callees = [await proxy.callee("decline"), await proxy.callee("decline")]
    with pytest.raises(CallRefused) as caught:
        await agent.invite(proxy.uri("bob"), account=account, timeout=10)
    assert caught.value.status == 480
    for callee in callees:
        await passed(callee)


async def test_next_phone_is_called_when_the_first_refuses(agent: UserAgent, proxy: Proxy) -> None:
    """Serial forking, by the q of the contacts."""
    account = await caller(agent, proxy)
    callees = [await proxy.callee("decline", q=0.9), await proxy.callee("ring_then_answer", q=0.3)]
    call = await agent.invite(proxy.uri("bob"), account=account, timeout=10)
    await call.hangup()
    for callee in callees:
        await passed(callee)


@pytest.mark.parametrize("ends", ["caller", "callee"])
async def test_calls_to_who_registered_through_an_edge_proxy(
    agent: UserAgent, started: Started, tmp_path: Path, ends: str,
) -> None:
    """The edge adds Path to the registration, so calls come through it, and every request of theirs."""
    registrar = started(start_kamailio(tmp_path, password=PASSWORD))
    edge = started(start_edge(tmp_path, registrar.port))
    home = f"{HOST}:{registrar.port}"
    account = await agent.create_account(f"sip:alice@{home}", PASSWORD)
    async with UserAgent() as callee:
        callee.on_incoming = lambda call: call.answer()
        await callee.create_account(f"sip:bob@{home}", PASSWORD, proxy=f"sip:{HOST}:{edge.port};lr")
        call = await agent.invite(f"sip:bob@{home}", account=account, timeout=10)
        other = callee.calls[0]
        assert [via for via in other.invite_request.get_all("Via") if str(edge.port) in via]
        await call.hold()
        await other.wait("remote_held", 5)
        await call.unhold()
        first, second = (call, other) if ends == "caller" else (other, call)
        await first.hangup()
        await over(second)
