"""SIP over TCP, TLS and WebSocket with sipp, baresip and kamailio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from certificates import Authority

from microsip_core import Call, TlsError, UserAgent, UserAgentConfig
from microsip_core.server import LoopbackServer

from .conftest import read_channels, tone_seconds
from .peers import HOST, Peer
from .stream_peers import start_stream_baresip, start_stream_kamailio, start_tcp_sipp

PASSWORD = "secret"
Started = Callable[[Peer], Peer]
MakeAgent = Callable[..., Awaitable[UserAgent]]


@pytest.fixture
async def make_agent(authority: Authority) -> AsyncIterator[MakeAgent]:
    """Make user agents that trust the tests' authority, and have a certificate."""
    agents: list[UserAgent] = []

    async def make(*listen: str, media: str | None = None) -> UserAgent:
        tls = authority.settings(HOST)
        agent = UserAgent(UserAgentConfig(listen=listen or "127.0.0.1:0", tls=tls, trace=200), media=media)
        agents.append(agent)
        return await agent.start()

    yield make
    for agent in agents:
        await agent.close()


def port_of(agent: UserAgent, transport: str) -> int:
    return agent.transport.listen_address_of(transport.upper())[1]


def transports(agent: UserAgent) -> set[str]:
    return {entry.transport for entry in agent.trace}


async def hear_own_tone(call: Call, tone: Path, recording: Path) -> None:
    """Play the tone to a peer that loops audio back, and require to hear it."""
    call.record(recording)
    call.play(tone)
    await asyncio.sleep(3)
    call.stop_record()
    await asyncio.sleep(0.5)
    assert tone_seconds(read_channels(recording)[1]) > 2.0


# --- sipp ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["t1", "tn"])
async def test_sipp_calls_us_over_tcp(make_agent: MakeAgent, started: Started, tmp_path: Path, mode: str) -> None:
    agent = await make_agent("tcp:127.0.0.1:0", media="none")
    ended: list[Call] = []

    async def answer(call: Call) -> None:
        await call.answer()
        await call.wait_ended()
        ended.append(call)

    agent.on_incoming = answer
    sipp = started(start_tcp_sipp(
        tmp_path, "-sn", "uac", "-t", mode, "-m", "50", "-r", "50", "-d", "200",
        target=f"{HOST}:{port_of(agent, 'tcp')}",
    ))
    assert await asyncio.to_thread(sipp.wait, 60) == 0, sipp.output()[-2000:]
    await asyncio.sleep(0)
    assert {call.ended_by for call in ended} == {"remote"}
    assert len(ended) == 50
    assert agent.transport.streams.counters["accepted"] == (1 if mode == "t1" else 50)


async def test_we_call_sipp_over_tcp(make_agent: MakeAgent, started: Started, tmp_path: Path) -> None:
    agent = await make_agent(media="none")
    sipp = started(start_tcp_sipp(tmp_path, "-sn", "uas", "-t", "t1", "-m", "10"))
    for _ in range(10):
        call = await agent.invite(f"sip:service@{HOST}:{sipp.port};transport=tcp", timeout=10)
        await call.hangup()
    assert await asyncio.to_thread(sipp.wait, 60) == 0, sipp.output()[-2000:]
    assert agent.transport.streams.counters["opened"] == 1


# --- baresip -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_we_call_baresip(
    make_agent: MakeAgent, started: Started, authority: Authority, tone: Path, tmp_path: Path, transport: str,
) -> None:
    agent = await make_agent()
    baresip = started(start_stream_baresip(tmp_path, "bob", transport, authority))
    port = baresip.port + 1 if transport == "tls" else baresip.port
    call = await agent.invite(f"sip:bob@{HOST}:{port};transport={transport}", timeout=10)
    await hear_own_tone(call, tone, tmp_path / "call.wav")
    await call.hangup()
    assert call.status == 200
    assert transports(agent) == {transport.upper()}


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_baresip_calls_us_and_hangs_up(
    make_agent: MakeAgent, started: Started, authority: Authority, tmp_path: Path, transport: str,
) -> None:
    agent = await make_agent("127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0")
    target = f"sip:us@{HOST}:{port_of(agent, transport)}"  # it puts the transport of its account there
    started(start_stream_baresip(tmp_path, "bob", transport, authority, command=f"d {target}", seconds=4))
    call = await agent.next_call(10)
    await call.answer()
    await asyncio.wait_for(call.wait_ended(), 15)
    assert call.ended_by == "remote"
    assert transports(agent) == {transport.upper()}


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_baresip_registers_with_our_server_and_is_called_through_it(
    make_agent: MakeAgent, started: Started, authority: Authority, tone: Path, tmp_path: Path, transport: str,
) -> None:
    agent = await make_agent()
    async with LoopbackServer(
        users={"alice": PASSWORD, "bob": PASSWORD}, challenge="all", algorithms=("MD5",), services=False,
        transports=("udp", "tcp", "tls"), tls=authority.settings(HOST),
    ) as server:
        registrar = f"{HOST}:{server.address_of(transport)[1]}"
        started(start_stream_baresip(tmp_path, "bob", transport, authority, registrar=registrar, password=PASSWORD))
        await agent.create_account(server.uri("alice"), PASSWORD, proxy=server.proxy_for(transport))
        for _ in range(50):
            if server.registered("bob"):
                break
            await asyncio.sleep(0.1)
        call = await agent.invite(server.uri("bob"), timeout=10)
        await hear_own_tone(call, tone, tmp_path / "call.wav")
        await call.hangup()
        assert call.status == 200
        assert server.statistics().get("transport_errors", 0) == 0
    assert transports(agent) == {transport.upper()}


async def test_baresip_with_a_certificate_of_nobody_we_trust(
    make_agent: MakeAgent, started: Started, tmp_path: Path,
) -> None:
    agent = await make_agent()
    baresip = started(start_stream_baresip(tmp_path, "bob", "tls", Authority(tmp_path, "Stranger")))
    with pytest.raises(TlsError, match="authority that is not trusted"):
        await agent.invite(f"sip:bob@{HOST}:{baresip.port + 1};transport=tls", timeout=10)


# --- kamailio ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [("tcp", "tcp"), ("tls", "tls"), ("ws", "ws"), ("wss", "udp"), ("udp", "wss")])
async def test_two_of_ours_call_through_kamailio(
    make_agent: MakeAgent, started: Started, authority: Authority, tmp_path: Path, pair: tuple[str, str],
) -> None:
    """Every request is challenged; the first call is ended by the caller, the second by the callee."""
    kamailio = started(start_stream_kamailio(tmp_path, authority, password=PASSWORD))
    agents: list[UserAgent] = []
    for user, transport in zip(("alice", "bob"), pair, strict=True):
        port = kamailio.extra["tls"] if transport in ("tls", "wss") else kamailio.port
        agent = await make_agent(media="none")
        agents.append(agent)
        await agent.create_account(
            f"sip:{user}@{HOST}:{kamailio.port}", PASSWORD, proxy=f"sip:{HOST}:{port};transport={transport}",
        )
    caller, callee = agents
    callee.on_incoming = lambda call: call.answer()
    for by_callee in (False, True):
        call = await caller.invite(f"sip:bob@{HOST}:{kamailio.port}", timeout=10)
        other = callee.calls[0]
        await other.wait("active", 5)
        first, second = (other, call) if by_callee else (call, other)
        await first.hangup()
        await asyncio.wait_for(second.wait_ended(), 10)
        assert (first.ended_by, second.ended_by) == ("local", "remote")
    for agent, transport in zip(agents, pair, strict=True):
        assert transports(agent) == {transport.upper()}
        assert agent.transport.streams.counters["opened"] <= 1
