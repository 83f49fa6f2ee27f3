"""SIP over WebSocket, against ourselves and against the peers of the websockets library (RFC 7118)."""

from __future__ import annotations

import asyncio
import os

import pytest
import websockets.asyncio.client
import websockets.asyncio.server
import websockets.exceptions
from certificates import Authority
from websockets.typing import Subprotocol

from microsip_core.errors import NetworkError, TlsError
from microsip_core.sip.hop import Hop
from microsip_core.transport.stream_limits import StreamLimits

from .conftest import MakeOwner
from .owner import Owner, eventually

MESSAGE = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"
SIP = Subprotocol("sip")


def hop(owner: Owner, protocol: str = "WS") -> Hop:
    return Hop(protocol, *owner.layer.listen_address_of(protocol))


def url(owner: Owner) -> str:
    host, port = owner.layer.listen_address
    return f"ws://{host}:{port}/sip"


@pytest.fixture
async def server(make_owner: MakeOwner) -> Owner:
    return await make_owner("ws:127.0.0.1:0")


@pytest.mark.parametrize("protocol", ["WS", "WSS"])
async def test_messages_both_ways(make_owner: MakeOwner, authority: Authority, protocol: str) -> None:
    server = await make_owner(f"{protocol.lower()}:127.0.0.1:0", tls=authority.settings("127.0.0.1"))
    client = await make_owner(tls=authority.settings(), traced=True)
    await client.layer.reach(hop(server, protocol))
    client.send(MESSAGE, hop(server, protocol))
    client.send(b"MESSAGE \xff\x00", hop(server, protocol))  # no text: a binary frame
    await server.until(lambda: len(server.messages) == 2)
    assert [data for data, _ in server.messages] == [MESSAGE, b"MESSAGE \xff\x00"]
    source = server.messages[0][1]
    assert source.transport == protocol
    server.send(MESSAGE, Hop(protocol, source.host, source.port))
    await client.until(lambda: bool(client.messages))
    assert client.layer.local_address(hop(server, protocol)) == client.messages[0][1].local
    assert [(way, name) for way, name, *_ in client.traced] == [("out", protocol)] * 2 + [("in", protocol)]


async def test_browser_like_client(server: Owner) -> None:
    async with websockets.asyncio.client.connect(url(server), subprotocols=[SIP]) as client:
        assert client.subprotocol == "sip"
        await client.send(MESSAGE.decode())
        await server.until(lambda: bool(server.messages))
        source = server.messages[0][1]
        server.send(MESSAGE, Hop("WS", "abc.invalid", None), source)
        assert await client.recv() == MESSAGE.decode()
        await (await client.ping())
        await client.send("\r\n\r\n")
        assert await client.recv() == "\r\n"
        await client.send([b"OPTIONS ", b"sip:x SIP/2.0\r\n", b"\r\n"])  # a fragmented message
        await server.until(lambda: len(server.messages) == 2)
        assert server.messages[1][0] == b"OPTIONS sip:x SIP/2.0\r\n\r\n"
    await eventually(lambda: not server.layer.streams.connections)


async def test_response_to_a_browser_that_is_gone_fails(server: Owner) -> None:
    async with websockets.asyncio.client.connect(url(server), subprotocols=[SIP]) as client:
        await client.send(MESSAGE.decode())
        await server.until(lambda: bool(server.messages))
    source = server.messages[0][1]
    await eventually(lambda: not server.layer.streams.connections)
    server.send(b"SIP/2.0 200 OK\r\n\r\n", Hop("WS", source.host, source.port), source, token=1)
    assert server.failures[0][0] == 1


@pytest.mark.parametrize("subprotocols", [None, [Subprotocol("chat")]])
async def test_other_sub_protocols_are_refused(server: Owner, subprotocols: list[Subprotocol] | None) -> None:
    with pytest.raises(websockets.exceptions.InvalidStatus):
        await websockets.asyncio.client.connect(url(server), subprotocols=subprotocols)
    await eventually(lambda: not server.layer.streams._made)
    assert server.layer.streams.counters["accepted"] == 0


async def test_plain_http_and_rubbish_are_turned_away(server: Owner) -> None:
    rubbish = os.urandom(200) + b"\r\n\r\n"
    for octets in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS sip:x SIP/2.0\r\n\r\n", rubbish):
        reader, writer = await asyncio.open_connection(*server.layer.listen_address)
        writer.write(octets)
        async with asyncio.timeout(3):
            await reader.read()
        writer.close()
    await eventually(lambda: not server.layer.streams._made)
    assert server.messages == []


async def test_silent_caller_and_oversized_message(make_owner: MakeOwner) -> None:
    server = await make_owner("ws:127.0.0.1:0", limits=StreamLimits(message_seconds=0.2))
    reader, writer = await asyncio.open_connection(*server.layer.listen_address)
    async with asyncio.timeout(3):
        assert await reader.read() == b""
    writer.close()
    async with websockets.asyncio.client.connect(url(server), subprotocols=[SIP]) as client:
        await client.send(b"x" * 100_000)
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            await client.recv()
    assert client.close_code == 1009
    assert server.messages == []


async def test_handshake_that_is_refused_says_what_the_server_answered(make_owner: MakeOwner) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(refuse, "127.0.0.1", 0)
    client = await make_owner()
    with pytest.raises(NetworkError, match="answered 403"):
        await client.layer.reach(Hop("WS", *listening.sockets[0].getsockname()))
    listening.close()
    await asyncio.sleep(0.01)


async def test_wrong_certificate(make_owner: MakeOwner, authority: Authority) -> None:
    server = await make_owner("wss:127.0.0.1:0", tls=authority.settings("other.example"))
    client = await make_owner(tls=authority.settings())
    with pytest.raises(TlsError, match=r"other\.example"):
        await client.layer.reach(hop(server, "WSS"))


async def test_our_client_at_a_server_of_the_library_pings_and_is_closed(make_owner: MakeOwner) -> None:
    received: list[str | bytes] = []
    pinged = asyncio.Event()

    async def serve(connection: websockets.asyncio.server.ServerConnection) -> None:
        received.append(await connection.recv())
        await asyncio.sleep(0.3)
        pinged.set()
        await connection.close()

    async with websockets.asyncio.server.serve(serve, "127.0.0.1", 0, subprotocols=[SIP]) as listening:
        client = await make_owner(limits=StreamLimits(keep_alive_seconds=0.05, pong_seconds=0.2))
        there = Hop("WS", *next(iter(listening.sockets)).getsockname()[:2])
        client.send(MESSAGE, there)
        await client.until(lambda: bool(client.layer.streams.connections))
        connection = client.layer.streams.connections[0]
        await eventually(lambda: connection._answers_pings)
        await client.until(lambda: client.lost == [there])
    assert pinged.is_set()
    assert received == [MESSAGE.decode()]
