"""SIP domains by NAPTR, SRV and address records, from a responder on loopback (RFC 3263)."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from microsip_core.errors import DnsError, NetworkError
from microsip_core.sip.hop import Hop
from microsip_core.transport.resolver import Resolver

from .conftest import MakeOwner
from .name_server import NameServer

Zone = dict[tuple[str, str], list[str]]
Serve = Callable[..., Awaitable[NameServer]]
DOMAIN = Hop("UDP", "example.com", None)
NAPTR_TCP_FIRST = [
    '20 50 "s" "SIP+D2U" "" _sip._udp.example.com.',
    '10 50 "s" "SIP+D2T" "" tcp.pool.example.com.',
    '5 50 "s" "E2U+email" "" mail.example.com.',
]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[NameServer] = []

    async def start(zone: Zone, **options: int) -> NameServer:
        server = await NameServer(zone, **options).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


def resolver_at(server: NameServer, seed: int = 1) -> Resolver:
    return Resolver(asyncio.get_running_loop(), [server.address], seed)


async def test_naptr_chooses_transport_and_srv_name(serve: Serve) -> None:
    server = await serve({
        ("example.com", "NAPTR"): NAPTR_TCP_FIRST,
        ("tcp.pool.example.com", "SRV"): ["0 0 5070 a.example.com."],
        ("_sip._udp.example.com", "SRV"): ["0 0 5060 b.example.com."],
        ("a.example.com", "A"): ["192.0.2.1"], ("b.example.com", "A"): ["192.0.2.2"],
        ("b.example.com", "AAAA"): ["2001:db8::2"],
    })
    resolver = resolver_at(server)
    udp = await resolver.resolve(DOMAIN)
    assert [target.address for target in udp] == [("192.0.2.2", 5060), ("2001:db8::2", 5060)]
    chosen = resolver.choose(DOMAIN)
    assert chosen == Hop("TCP", "example.com", None)
    assert [target.address for target in await resolver.resolve(chosen)] == [("192.0.2.1", 5070)]
    assert resolver.choose(Hop("UDP", "example.com", 5060)).transport == "UDP"


async def test_srv_by_priority_then_weight(serve: Serve) -> None:
    records = ["10 10 5060 light.example.com.", "10 90 5060 heavy.example.com.", "5 0 5060 first.example.com."]
    zone: Zone = {("_sip._udp.example.com", "SRV"): records}
    for number, name in enumerate(("light", "heavy", "first")):
        zone[(f"{name}.example.com", "A")] = [f"192.0.2.{number}"]
    server = await serve(zone)
    seconds: Counter[str] = Counter()
    for seed in range(60):
        first, second, _ = await resolver_at(server, seed).resolve(DOMAIN)
        assert first.address == ("192.0.2.2", 5060)
        seconds[second.address[0]] += 1
    assert seconds["192.0.2.1"] > 40
    assert seconds["192.0.2.0"] >= 1


async def test_domain_that_offers_tcp_only(serve: Serve) -> None:
    server = await serve({
        ("_sip._tcp.example.com", "SRV"): ["0 0 5061 a.example.com."], ("a.example.com", "A"): ["192.0.2.1"],
    })
    resolver = resolver_at(server)
    await resolver.resolve(DOMAIN)
    assert resolver.choose(DOMAIN).transport == "TCP"


async def test_domain_without_services_is_a_host(serve: Serve) -> None:
    server = await serve({("example.com", "A"): ["192.0.2.9"], ("example.com", "AAAA"): ["2001:db8::9"]})
    resolver = resolver_at(server)
    targets = await resolver.resolve(DOMAIN)
    assert [target.address for target in targets] == [("192.0.2.9", 5060), ("2001:db8::9", 5060)]
    assert resolver.choose(DOMAIN) == DOMAIN
    tls = await resolver.resolve(Hop("TLS", "example.com", None))
    assert tls[0].address == ("192.0.2.9", 5061)
    assert ("_sips._tcp.example.com", "SRV") in server.asked


async def test_port_and_number_and_host_names_ask_no_name_server(serve: Serve) -> None:
    server = await serve({})
    resolver = resolver_at(server)
    await resolver.resolve(Hop("UDP", "localhost", 5060))
    await resolver.resolve(Hop("UDP", "localhost", None))
    await resolver.resolve(Hop("UDP", "192.0.2.1", None))
    assert server.asked == []


async def test_what_was_found_is_kept_for_its_time_to_live(
    serve: Serve, monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = await serve({
        ("_sip._udp.example.com", "SRV"): ["0 0 5060 a.example.com."], ("a.example.com", "A"): ["192.0.2.1"],
    }, ttl=30)
    resolver = resolver_at(server)
    await resolver.resolve(DOMAIN)
    count = len(server.asked)
    await resolver.resolve(DOMAIN)
    assert len(server.asked) == count
    loop = asyncio.get_running_loop()
    later = loop.time() + 31
    monkeypatch.setattr(resolver, "_loop", type("Later", (), {
        "time": staticmethod(lambda: later), "create_task": loop.create_task, "getaddrinfo": loop.getaddrinfo,
    })())
    assert resolver.known(DOMAIN) is None
    await resolver.resolve(DOMAIN)
    assert len(server.asked) > count


async def test_unknown_domain(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(host: str, *_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nothing)
    with pytest.raises(DnsError, match=r"nowhere\.example\.com"):
        await resolver_at(await serve({})).resolve(Hop("UDP", "nowhere.example.com", None))


async def test_silent_name_server_is_asked_once_and_the_system_then(monkeypatch: pytest.MonkeyPatch) -> None:
    async def system(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, 0, 0, "", ("192.0.2.3", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", system)
    monkeypatch.setattr("microsip_core.transport.dns_lookup._SECONDS", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = Resolver(asyncio.get_running_loop(), [f"127.0.0.1:{silent.getsockname()[1]}"])
        async with asyncio.timeout(2):
            targets = await resolver.resolve(DOMAIN)
    assert [target.address for target in targets] == [("192.0.2.3", 5060)]


async def test_failed_target_goes_behind_the_others_and_comes_back(serve: Serve) -> None:
    server = await serve({
        ("_sip._udp.example.com", "SRV"): ["1 0 5060 a.example.com.", "2 0 5060 b.example.com."],
        ("a.example.com", "A"): ["192.0.2.1"], ("b.example.com", "A"): ["192.0.2.2"],
    })
    resolver = resolver_at(server)
    first, second = await resolver.resolve(DOMAIN)
    assert resolver.avoid(DOMAIN, first)
    assert resolver.known(DOMAIN) == [second, first]
    assert not resolver.avoid(DOMAIN, second)
    assert resolver.known(DOMAIN) == [first, second]


async def test_connection_goes_to_the_next_server_when_one_refuses(serve: Serve, make_owner: MakeOwner) -> None:
    peer = await make_owner("tcp:127.0.0.1:0")
    port = peer.layer.listen_address[1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = probe.getsockname()[1]
        server = await serve({
            ("_sip._tcp.example.com", "SRV"): [f"1 0 {dead} a.example.com.", f"2 0 {port} a.example.com."],
            ("a.example.com", "A"): ["127.0.0.1"],
        })
        client = await make_owner(nameservers=[server.address])
        hop = Hop("TCP", "example.com", None)
        client.send(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n", hop, token=1)
        await peer.until(lambda: bool(peer.messages))
    assert client.failures == []
    assert client.layer.another_target(hop) is False
    server.close()


async def test_all_servers_refuse(serve: Serve, make_owner: MakeOwner) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = probe.getsockname()[1]
        server = await serve({
            ("_sip._tcp.example.com", "SRV"): [f"1 0 {dead} a.example.com."], ("a.example.com", "A"): ["127.0.0.1"],
        })
        client = await make_owner(nameservers=[server.address])
        with pytest.raises(NetworkError, match="nothing listens"):
            await client.layer.streams.connect(Hop("TCP", "example.com", None))
    server.close()
