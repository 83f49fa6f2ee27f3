"""The transport layer: which socket a hop gets, what we are called there, and what happens when sending fails."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from microsip_core.errors import Busy, DnsError
from microsip_core.sip.hop import Hop, OutgoingPacket
from microsip_core.transport.address import HostPort

from .owner import Owner


@pytest.fixture
async def peer() -> AsyncIterator[Owner]:
    owner = Owner()
    await owner.layer.open()
    yield owner
    await owner.layer.close()


def to(address: HostPort, transport: str = "UDP") -> Hop:
    return Hop(transport, *address)


async def test_packet_reaches_its_hop(peer: Owner) -> None:
    owner = Owner()
    await owner.layer.open()
    owner.layer.send([OutgoingPacket(b"one", to(peer.layer.listen_address), None, None)])
    await peer.until(lambda: bool(peer.messages))
    data, source = peer.messages[0]
    assert data == b"one"
    assert (source.host, source.port) == owner.layer.listen_address
    assert source.local == peer.layer.listen_address
    await owner.layer.close()


async def test_keep_alive_asked_for_again_at_each_refresh_is_not_put_off(peer: Owner) -> None:
    owner = Owner()
    await owner.layer.open()
    kept, other = to(peer.layer.listen_address), Hop("UDP", "127.0.0.9", 5060)
    owner.layer.keep_alive(kept, "alice", 15.0, outbound=False)
    timer = owner.layer._keep_alive._flows[kept].timer
    owner.layer.keep_alive(kept, "alice", 15.0, outbound=False)
    assert owner.layer._keep_alive._flows[kept].timer is timer
    owner.layer.keep_alive(other, "alice", 15.0, outbound=False)
    assert owner.layer._keep_alive.hops == [other]
    owner.layer.keep_alive(other, "alice", 0.0, outbound=False)
    assert owner.layer._keep_alive.hops == []
    await owner.layer.close()


async def test_wildcard_socket_goes_by_a_concrete_name(peer: Owner) -> None:
    owner = Owner("0.0.0.0:0")
    await owner.layer.open()
    hop = to(peer.layer.listen_address)
    assert owner.layer.local_address(hop)[0] == "127.0.0.1"
    owner.layer.send([OutgoingPacket(b"request", hop, None, None)])
    await peer.until(lambda: bool(peer.messages))
    source = peer.messages[0][1]
    peer.layer.send([OutgoingPacket(b"answer", Hop("UDP", source.host, source.port), source, None)])
    await owner.until(lambda: bool(owner.messages))
    assert owner.messages[0][1].local == ("127.0.0.1", owner.layer.listen_address[1])
    assert len(owner.layer.local_addresses) == 1
    await owner.layer.close()


async def test_response_leaves_by_the_socket_the_request_came_in_by(peer: Owner) -> None:
    owner = Owner("127.0.0.1:0")
    await owner.layer.open()
    other = Owner("127.0.0.2:0")
    await other.layer.open()
    second = owner.layer._open_udp("127.0.0.3", 0, socket.AF_INET)
    other.layer.send([OutgoingPacket(b"request", to(second.local), None, None)])
    await owner.until(lambda: bool(owner.messages))
    source = owner.messages[0][1]
    assert source.local == second.local
    owner.layer.send([OutgoingPacket(b"response", Hop("UDP", source.host, source.port), source, None)])
    await other.until(lambda: bool(other.messages))
    assert (other.messages[0][1].host, other.messages[0][1].port) == second.local
    await owner.layer.close()
    await other.layer.close()


async def test_ipv6_loopback_gets_a_socket_of_its_own() -> None:
    owner, peer = Owner(), Owner("[::1]:0")
    await owner.layer.open()
    await peer.layer.open()
    hop = to(peer.layer.listen_address)
    assert owner.layer.local_address(hop)[0] == "::1"
    owner.layer.send([OutgoingPacket(b"six", hop, None, None)])
    await peer.until(lambda: bool(peer.messages))
    assert peer.messages[0][1].host == "::1"
    await owner.layer.close()
    await peer.layer.close()


async def test_name_is_resolved_and_packets_wait_for_it_in_order(
    peer: Owner, monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def look_up(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        await asyncio.sleep(0)
        return [(socket.AF_INET, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    owner = Owner()
    await owner.layer.open()
    hop = Hop("UDP", "sip.example.com", peer.layer.listen_address[1])
    assert owner.layer.local_address(hop) == owner.layer.listen_address
    owner.layer.send([OutgoingPacket(b"%d" % number, hop, None, None) for number in range(3)])
    await peer.until(lambda: len(peer.messages) == 3)
    assert [data for data, _ in peer.messages] == [b"0", b"1", b"2"]
    await owner.layer.close()


async def test_unknown_host_is_reported_by_token() -> None:
    owner = Owner()
    await owner.layer.open()
    token = object()
    owner.layer.send([OutgoingPacket(b"x", Hop("UDP", "nowhere.invalid", None), None, token)])
    await owner.until(lambda: bool(owner.failures))
    assert owner.failures[0][0] is token
    assert isinstance(owner.failures[0][1], DnsError)
    with pytest.raises(DnsError):
        await owner.layer.reach(Hop("UDP", "nowhere.invalid", None))
    await owner.layer.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of ICMP errors on unconnected sockets")
async def test_closed_port_is_reported_by_branch() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        dead = gone.getsockname()
    owner = Owner()
    await owner.layer.open()
    message = b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK77;a=b\r\n\r\n"
    owner.layer.send([OutgoingPacket(message, to(dead), None, object())])
    await owner.until(lambda: bool(owner.failures))
    branch, error = owner.failures[0]
    assert branch == "z9hG4bK77"
    assert error.peer == f"127.0.0.1:{dead[1]}"
    assert "nothing listens" in str(error)
    await owner.layer.close()


async def test_transport_we_do_not_have_is_reported(peer: Owner) -> None:
    owner = Owner()
    await owner.layer.open()
    owner.layer.send([OutgoingPacket(b"x", to(peer.layer.listen_address, "SCTP"), None, 7)])
    assert owner.failures[0][0] == 7
    assert "SCTP" in str(owner.failures[0][1])
    await owner.layer.close()


async def test_trace_sees_both_directions(peer: Owner) -> None:
    owner = Owner(traced=True)
    await owner.layer.open()
    there, here = peer.layer.listen_address, owner.layer.listen_address
    owner.layer.send([OutgoingPacket(b"out", to(there), None, None)])
    peer.layer.send([OutgoingPacket(b"in", to(here), None, None)])
    await owner.until(lambda: bool(owner.messages))
    assert owner.traced == [("out", "UDP", here, there, b"out"), ("in", "UDP", here, there, b"in")]
    await owner.layer.close()


async def test_second_listener_on_a_port_is_told_so(peer: Owner) -> None:
    owner = Owner(f"127.0.0.1:{peer.layer.listen_address[1]}")
    with pytest.raises(Busy, match="in use"):
        await owner.layer.open()
    await owner.layer.close()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
async def test_close_leaves_no_descriptor_and_no_task() -> None:
    before = set(os.listdir("/proc/self/fd"))
    owner = Owner()
    await owner.layer.open()
    owner.layer.local_address(Hop("UDP", "::1", 5060))
    owner.layer.send([OutgoingPacket(b"x", Hop("UDP", "nowhere.invalid", None), None, None)])
    await owner.layer.close()
    await owner.layer.close()
    assert set(os.listdir("/proc/self/fd")) == before
    assert asyncio.all_tasks() == {asyncio.current_task()}
