"""SIP over TCP on loopback: reuse, repetition, limits, failures in words."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import pytest

from microsip_core.errors import Busy, NetworkError
from microsip_core.sip.hop import Hop, Source
from microsip_core.transport.stream_limits import StreamLimits

from .conftest import MakeOwner
from .owner import Owner, eventually


def message(name: str, body: str = "") -> bytes:
    return f"OPTIONS sip:{name}@x SIP/2.0\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def tcp(owner: Owner) -> Hop:
    return Hop("TCP", *owner.layer.listen_address_of("TCP"))


@pytest.fixture
async def server(make_owner: MakeOwner) -> Owner:
    return await make_owner("tcp:127.0.0.1:0")


async def connections(owner: Owner, count: int) -> None:
    """Wait until the owner has that many connections."""
    await eventually(lambda: len(owner.layer.streams.connections) == count)


async def test_requests_share_one_connection_and_responses_come_back_over_it(
    make_owner: MakeOwner, server: Owner,
) -> None:
    client = await make_owner()
    for number in range(3):
        client.send(message(str(number)), tcp(server))
    await server.until(lambda: len(server.messages) == 3)
    assert [data for data, _ in server.messages] == [message(str(number)) for number in range(3)]
    source = server.messages[0][1]
    assert source.transport == "TCP"
    assert source.local == server.layer.listen_address
    server.send(b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", Hop("TCP", source.host, 9), source)
    await client.until(lambda: bool(client.messages))
    assert client.layer.streams.counters["opened"] == 1
    assert server.layer.streams.counters["accepted"] == 1


async def test_request_to_the_address_of_a_caller_goes_over_its_connection(
    make_owner: MakeOwner, server: Owner,
) -> None:
    client = await make_owner()
    client.send(message("1"), tcp(server))
    await server.until(lambda: bool(server.messages))
    source = server.messages[0][1]
    server.send(message("back"), Hop("TCP", source.host, source.port))
    await client.until(lambda: bool(client.messages))
    assert client.messages[0][1].port == server.layer.listen_address[1]


async def test_response_whose_connection_is_gone_goes_to_the_sent_by(make_owner: MakeOwner, server: Owner) -> None:
    client = await make_owner(["127.0.0.1:0", "tcp:127.0.0.1:0"])
    gone = Source("TCP", "127.0.0.1", 1, server.layer.listen_address)
    server.send(b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", tcp(client), gone)
    await client.until(lambda: bool(client.messages))


async def test_via_and_contact_name_a_listener_which_is_opened_when_needed(
    make_owner: MakeOwner, server: Owner,
) -> None:
    client = await make_owner()
    local = client.layer.local_address(tcp(server))
    assert local[0] == client.layer.listen_address_of(None)[0]
    assert ("TCP", local) in client.layer.local_addresses
    assert client.layer.local_address(tcp(server)) == local
    server.send(message("1"), Hop("TCP", *local))
    await client.until(lambda: bool(client.messages))


async def test_wildcard_listener_goes_by_a_concrete_name(make_owner: MakeOwner, server: Owner) -> None:
    client = await make_owner("tcp:0.0.0.0:0")
    assert client.layer.local_address(tcp(server))[0] == "127.0.0.1"


async def test_ipv6(make_owner: MakeOwner) -> None:
    server = await make_owner("tcp:[::1]:0")
    client = await make_owner()
    assert client.layer.local_address(tcp(server))[0] == "::1"
    client.send(message("six"), tcp(server))
    await server.until(lambda: bool(server.messages))
    assert server.messages[0][1].host == "::1"


async def test_refused_connection_fails_each_waiting_request_by_its_token(make_owner: MakeOwner) -> None:
    client = await make_owner()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = Hop("TCP", *probe.getsockname())
        client.send(message("1"), dead, token="one")
        client.send(message("2"), dead, token="two")
        client.send(message("3"), dead)
        await client.until(lambda: len(client.failures) == 2)
    assert [token for token, _ in client.failures] == ["one", "two"]
    assert "nothing listens there" in str(client.failures[0][1])
    assert f"TCP 127.0.0.1:{dead.port}" in str(client.failures[0][1])


async def test_silent_host_is_given_up_in_time(make_owner: MakeOwner) -> None:
    client = await make_owner(limits=StreamLimits(connect_seconds=0.2))
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:  # Linux lets a full queue's callers wait
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        client.send(message("1"), Hop("TCP", *full.getsockname()), token=1)
        await client.until(lambda: bool(client.failures))
        for filler in fillers:
            filler.close()
    assert "no connection within 0.2 s" in str(client.failures[0][1])


async def test_request_lost_with_its_connection_is_sent_again_over_a_new_one(make_owner: MakeOwner) -> None:
    """A server that closes an idle connection crosses our request: the peer never reads it."""
    received: list[bytes] = []
    closing: list[Callable[[], None]] = []

    class Forgetful(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            if not closing:
                closing.append(transport.abort)  # type: ignore[attr-defined]
                transport.pause_reading()  # type: ignore[attr-defined]

        def data_received(self, data: bytes) -> None:
            received.append(data)

    listening = await asyncio.get_running_loop().create_server(Forgetful, "127.0.0.1", 0)
    hop = Hop("TCP", *listening.sockets[0].getsockname())
    client = await make_owner()
    client.send(message("1"), hop, token=1)
    await connections(client, 1)
    await eventually(lambda: bool(closing))
    closing[0]()
    await eventually(lambda: bool(received))
    assert received == [message("1")]
    assert client.failures == []
    assert client.layer.streams.counters["resent"] == 1
    assert client.lost == [hop]
    await client.layer.close()
    listening.close()
    await asyncio.sleep(0.01)


async def test_request_that_kills_every_connection_is_sent_twice_and_reported(make_owner: MakeOwner) -> None:
    count = 0

    class Crashing(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal count
            count += 1
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.abort()  # type: ignore[attr-defined]

    listening = await asyncio.get_running_loop().create_server(Crashing, "127.0.0.1", 0)
    client = await make_owner()
    client.send(message("1"), Hop("TCP", *listening.sockets[0].getsockname()), token=1)
    await client.until(lambda: bool(client.failures))
    assert client.failures[0][0] == 1
    assert count == 2
    listening.close()


async def test_answered_request_is_not_repeated_when_the_connection_ends(make_owner: MakeOwner, server: Owner) -> None:
    client = await make_owner()
    client.send(message("1"), tcp(server), token=1)
    await server.until(lambda: bool(server.messages))
    server.send(b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", tcp(server), server.messages[0][1])
    await client.until(lambda: bool(client.messages))
    await server.layer.close()
    await client.until(lambda: bool(client.lost))
    assert client.failures == []
    assert client.layer.streams.counters["resent"] == 0


@pytest.mark.parametrize(("line", "status"), [
    ("Content-Length: x", "400 "), ("Content-Type: text/plain", "400 "), ("Content-Length: 1000000", "413 "),
    ("Content-Length: 0\r\nX: " + "x" * 70_000, "513 "),
])
async def test_stream_that_can_not_be_cut_is_refused_and_closed(server: Owner, line: str, status: str) -> None:
    """Even if it comes in pieces; and what can not be answered is closed without a word."""
    request = f"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n{line}\r\n\r\n".encode()
    for octets in (request, request.replace(b"OPTIONS", b"ACK", 1)):
        reader, writer = await asyncio.open_connection(*server.layer.listen_address)
        for start in range(0, len(octets), 40_000):
            writer.write(octets[start:start + 40_000])
            await asyncio.sleep(0.01)
        answer = await reader.read()
        if octets is request:
            assert answer.startswith(f"SIP/2.0 {status}".encode())
            assert b"Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\n" in answer
        else:
            assert answer == b""
        writer.close()
    await connections(server, 0)
    assert server.messages == []


async def test_callers_beyond_the_limits_are_turned_away(make_owner: MakeOwner) -> None:
    server = await make_owner("tcp:127.0.0.1:0", limits=StreamLimits(connections_per_source=2, connections=3))
    address = server.layer.listen_address
    pairs = [await asyncio.open_connection(*address) for _ in range(3)]
    others = [await asyncio.open_connection(*address, local_addr=(f"127.0.0.{last}", 0)) for last in (2, 3)]
    assert await pairs[2][0].read() == b""
    assert await others[1][0].read() == b""
    await connections(server, 3)
    assert server.layer.streams.counters["refused"] == 2
    pairs[0][1].close()
    await connections(server, 2)
    pairs.append(await asyncio.open_connection(*address))
    await connections(server, 3)
    for _, writer in pairs + others:
        writer.close()
    await connections(server, 0)


async def test_silent_caller_and_dripping_caller_are_cut_off(make_owner: MakeOwner) -> None:
    server = await make_owner("tcp:127.0.0.1:0", limits=StreamLimits(message_seconds=0.2))
    silent, silent_writer = await asyncio.open_connection(*server.layer.listen_address)
    dripping, dripping_writer = await asyncio.open_connection(*server.layer.listen_address)
    _, busy_writer = await asyncio.open_connection(*server.layer.listen_address)
    busy_writer.write(message("1"))

    async def drip() -> None:
        while not dripping.at_eof():
            dripping_writer.write(b"O")
            await asyncio.sleep(0.02)

    dripper = asyncio.create_task(drip())
    async with asyncio.timeout(3):
        for reader in (silent, dripping):
            with contextlib.suppress(ConnectionError):  # a reset is as good as an end
                assert await reader.read() == b""
    dripper.cancel()
    await connections(server, 1)
    for writer in (silent_writer, dripping_writer, busy_writer):
        writer.close()


async def test_keep_alives_both_ways(make_owner: MakeOwner, server: Owner) -> None:
    client = await make_owner(limits=StreamLimits(keep_alive_seconds=0.05))
    connection = await client.layer.streams.connect(tcp(server))
    await eventually(lambda: connection._answers_pings)
    assert connection.alive
    assert client.messages == server.messages == []


async def test_peer_that_ceases_to_answer_pings_is_given_up(make_owner: MakeOwner) -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(1)
    listening.setblocking(False)
    client = await make_owner(limits=StreamLimits(keep_alive_seconds=0.05, pong_seconds=0.1))
    hop = Hop("TCP", *listening.getsockname())
    await client.layer.streams.connect(hop)
    loop = asyncio.get_running_loop()
    accepted, _ = await loop.sock_accept(listening)
    assert await loop.sock_recv(accepted, 100) == b"\r\n\r\n"
    await loop.sock_sendall(accepted, b"\r\n")
    await client.until(lambda: client.lost == [hop])
    accepted.close()
    listening.close()


async def test_peer_that_does_not_read_is_given_up(make_owner: MakeOwner) -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(1)
    client = await make_owner(limits=StreamLimits(backlog=100_000))
    hop = Hop("TCP", *listening.getsockname())
    await client.layer.streams.connect(hop)
    for _ in range(1000):
        client.send(message("1", "x" * 30_000), hop, token=1)
        if client.failures:
            break
    assert "does not read" in str(client.failures[0][1])
    await client.until(lambda: client.lost == [hop])
    listening.close()


async def test_port_in_use_is_said_so(make_owner: MakeOwner, server: Owner) -> None:
    host, port = server.layer.listen_address
    with pytest.raises(Busy, match=f"TCP port {port}"):
        await make_owner(f"tcp:{host}:{port}")
    with pytest.raises(NetworkError):
        await make_owner("tcp:192.0.2.1:0")


async def test_connection_is_closed_to_a_peer_that_closes(make_owner: MakeOwner, server: Owner) -> None:
    client = await make_owner()
    hop = tcp(server)
    await client.layer.streams.connect(hop)
    await connections(server, 1)
    server.layer.streams.connections[0].close()
    await client.until(lambda: client.lost == [hop])
    client.send(message("again"), hop)
    await server.until(lambda: bool(server.messages))
