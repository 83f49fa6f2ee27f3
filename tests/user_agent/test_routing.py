"""Where requests go: domains with several servers, large requests by TCP and back."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from transport.name_server import NameServer

from microsip_core.errors import NetworkError
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent

LARGE = [("X-Filler", "x" * 1300)]
Domain = Callable[..., Awaitable[str]]


@pytest.fixture
async def domain() -> AsyncIterator[Domain]:
    """Serve a zone for example.com with the given SRV records; returns the name server's address."""
    servers: list[NameServer] = []

    async def serve(**records: list[str]) -> str:
        zone = {(f"_sip._{transport}.example.com", "SRV"): values for transport, values in records.items()}
        server = await NameServer({**zone, ("a.example.com", "A"): ["127.0.0.1"]}).start()
        servers.append(server)
        return server.address

    yield serve
    for server in servers:
        server.close()


def dead_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def answered(caller: UserAgent, callee: UserAgent, uri: str, **options: object) -> None:
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite(uri, timeout=5, **options)  # type: ignore[arg-type]
    other = callee.calls[0]
    await call.hangup()
    await other.wait_ended(2)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_call_to_a_domain_goes_on_to_the_server_that_is_there(
    make_agent: MakeAgent, domain: Domain, transport: str,
) -> None:
    callee = await make_agent(listen=["127.0.0.1:0", "tcp:127.0.0.1:0"])
    records = {transport: [f"1 0 {dead_port()} a.example.com.", f"2 0 {callee.listen_address[1]} a.example.com."]}
    caller = await make_agent(config=UserAgentConfig(nameservers=[await domain(**records)], trace=50))
    for _ in range(2):
        await answered(caller, callee, "sip:bob@example.com")
    invites = [entry for entry in caller.trace if entry.direction == "out" and entry.data.startswith(b"INVITE")]
    assert {entry.transport for entry in invites} == {transport.upper()}
    assert len(invites) == (3 if transport == "udp" else 2)  # the second call knows which server failed
    assert caller.endpoint.statistics.failovers == (1 if transport == "udp" else 0)


async def test_no_server_of_the_domain_is_there(make_agent: MakeAgent, domain: Domain) -> None:
    records = [f"{number} 0 {dead_port()} a.example.com." for number in range(3)]
    caller = await make_agent(config=UserAgentConfig(nameservers=[await domain(udp=records)]))
    with pytest.raises(NetworkError, match="nothing listens"):
        await caller.invite("sip:bob@example.com", timeout=5)
    assert caller.endpoint.statistics.failovers == 2


async def test_large_call_goes_by_tcp(make_agent: MakeAgent) -> None:
    callee = await make_agent(listen=["127.0.0.1:0", "tcp:127.0.0.1:0"])
    caller = await make_agent(trace=50)
    await answered(caller, callee, "sip:bob@{}:{}".format(*callee.listen_address), headers=LARGE)
    invite = next(entry for entry in caller.trace if entry.data.startswith(b"INVITE"))
    assert invite.transport == "TCP"
    assert b"Via: SIP/2.0/TCP" in invite.data
    assert caller.endpoint.statistics.switched_to_tcp == 1


async def test_large_call_falls_back_to_udp(make_agent: MakeAgent) -> None:
    callee = await make_agent(config=UserAgentConfig(listen_tcp=False))
    caller = await make_agent(trace=50)
    for _ in range(2):
        await answered(caller, callee, "sip:bob@{}:{}".format(*callee.listen_address), headers=LARGE)
    invites = [entry for entry in caller.trace if entry.data.startswith(b"INVITE")]
    assert [entry.transport for entry in invites] == ["UDP", "UDP"]
    statistics = caller.endpoint.statistics
    assert (statistics.switched_to_tcp, statistics.tcp_refused) == (1, 1)
