"""Connections that hold half a message, send one without end, or never shake hands: others are served meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from certificates import Authority

from microsip_core.server.server import LoopbackServer
from microsip_core.transport.stream_limits import DEFAULT_STREAM_LIMITS
from microsip_core.transport.streams import StreamLayer
from microsip_core.transport.transport_layer import TransportLayer
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.user_agent import UserAgent

HALF = b"INVITE sip:x@127.0.0.1 SIP/2.0\r\nSubject: " + b"x" * 1000
PLACES = 50
LIMITS = replace(DEFAULT_STREAM_LIMITS, connections_per_source=PLACES, message_seconds=1.0, connect_seconds=1.0)
PATIENCE = 15.0


@pytest.fixture(params=["user agent", "loopback server"])
async def attacked(request: pytest.FixtureRequest, authority: Authority) -> AsyncIterator[TransportLayer]:
    """The transport of one that listens by every transport."""
    tls = authority.settings("127.0.0.1")
    if request.param == "user agent":
        listen = tuple(f"{transport}:127.0.0.1:0" for transport in ("udp", "tcp", "tls", "ws"))
        async with UserAgent(UserAgentConfig(listen=listen, tls=tls, close_timeout=0.0), media="none") as agent:
            agent.transport.streams.limits = LIMITS
            yield agent.transport
    else:
        async with LoopbackServer(challenge="none", transports=("udp", "tcp", "tls", "ws"), tls=tls) as server:
            assert server._transport is not None
            server._transport.streams.limits = LIMITS
            yield server._transport
            assert server.statistics().get("faults", 0) == 0


def question(transport: str, local: tuple[str, int], target: tuple[str, int]) -> bytes:
    host, port = local
    return (
        f"OPTIONS sip:{target[0]}:{target[1]} SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {host}:{port};branch=z9hG4bK{port}\r\n"
        f"From: <sip:a@{host}>;tag=a\r\nTo: <sip:{target[0]}>\r\nCall-ID: {transport}{port}\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def is_served(layer: TransportLayer, transport: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether somebody else gets an answer by a stream."""
    target = layer.listen_address_of(transport)
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(*target, ssl=tls, local_addr=("127.0.0.2", 0))
        writer.write(question(transport, writer.get_extra_info("sockname"), target))
        status = await reader.readline()
        writer.close()
    return status == b"SIP/2.0 200 OK\r\n"


async def hold(layer: TransportLayer, transport: str, count: int, octets: bytes) -> list[asyncio.StreamWriter]:
    """Open connections that send some octets and then nothing."""
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection(*layer.listen_address_of(transport))
        writer.write(octets)
        writers.append(writer)
    return writers


async def settled(streams: StreamLayer) -> None:
    """Wait until all connections are gone."""
    async with asyncio.timeout(PATIENCE):
        while streams._made or streams._accepted or streams._tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)
BEGUN_FRAME = b"\x81\xfe\x40\x00\0\0\0\0" + HALF  # 16,384 octets of text are announced


@pytest.mark.parametrize(("transport", "octets"), [
    ("TCP", HALF), ("TCP", b""), ("TLS", b""), ("TLS", b"\x16\x03\x01\x10\x00"),
    ("WS", UPGRADE[:60]), ("WS", UPGRADE + BEGUN_FRAME),
], ids=["half a request", "nothing", "no handshake", "half a handshake", "half an upgrade", "half a frame"])
async def test_connections_that_come_to_nothing_are_bounded_and_end(
    attacked: TransportLayer, authority: Authority, transport: str, octets: bytes,
) -> None:
    """Each source has a number of places; in them nobody may take all day; and other sources have theirs."""
    context = ssl.create_default_context(cafile=str(authority.ca))
    streams = attacked.streams
    writers = await hold(attacked, transport, 2 * PLACES, octets)
    assert await is_served(attacked, "TCP")
    assert await is_served(attacked, "TLS", context)
    assert streams.counters["refused"] == PLACES
    assert len(streams._made) <= PLACES + 2
    await settled(streams)
    assert streams.connections == []
    for writer in writers:
        writer.close()


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
async def test_a_header_without_end_is_refused_in_words(
    attacked: TransportLayer, authority: Authority, transport: str,
) -> None:
    """All of the 513 arrives, though octets behind the limit were on their way: the socket is not reset over them."""
    context = ssl.create_default_context(cafile=str(authority.ca)) if transport == "TLS" else None
    reader, writer = await asyncio.open_connection(*attacked.listen_address_of(transport), ssl=context)
    writer.write(question(transport, ("127.0.0.1", 9), ("127.0.0.1", 5060))[:-4] + b"\r\nSubject: " + b"x" * 600_000)
    async with asyncio.timeout(PATIENCE):
        assert await is_served(attacked, "TCP")
        answer = await reader.read()
    assert answer.startswith(b"SIP/2.0 513 ")
    assert answer.endswith(b"\r\n\r\n")
    writer.close()
    await settled(attacked.streams)


async def test_what_waits_for_its_end_is_bounded(attacked: TransportLayer) -> None:
    """However much a source sends, each of its places holds less than one largest message."""
    writers = await hold(attacked, "TCP", PLACES, HALF + b"x" * 60_000)
    async with asyncio.timeout(PATIENCE):
        while sum(one._framer.buffered for one in attacked.streams.connections) < PLACES * 60_000:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for writer in writers:
        with contextlib.suppress(ConnectionError):
            writer.write(b"x" * 60_000)
    assert await is_served(attacked, "TCP")
    await settled(attacked.streams)
    for writer in writers:
        writer.close()
