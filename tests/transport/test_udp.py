"""The UDP link: batches, a full send buffer, ICMP errors, ports in use, and nothing left behind."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable

import pytest

from microsip_core.errors import Busy, NetworkError
from microsip_core.sip.hop import Source
from microsip_core.transport.address import HostPort
from microsip_core.transport.udp import UdpLink, open_udp_socket


class Receiver:
    """Collects what a link reports."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, Source]] = []
        self.batches: list[int] = []
        self.unreachable: list[tuple[HostPort, bytes, OSError]] = []
        self.changed = asyncio.Event()

    def link(self, host: str = "127.0.0.1", family: socket.AddressFamily = socket.AF_INET) -> UdpLink:
        return UdpLink(
            asyncio.get_running_loop(), open_udp_socket(host, 0, family),
            lambda data, source: self.messages.append((data, source)), self._flush, self._on_unreachable,
            lambda link, remote: link.local,
        )

    def _flush(self) -> None:
        self.batches.append(len(self.messages))
        self.changed.set()

    def _on_unreachable(self, remote: HostPort, data: bytes, error: OSError) -> None:
        self.unreachable.append((remote, data, error))
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def test_message_arrives_with_its_source() -> None:
    receiver = Receiver()
    link = receiver.link()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.sendto(b"hello", link.local)
        await receiver.until(lambda: bool(receiver.messages))
        assert receiver.messages == [(b"hello", Source("UDP", *peer.getsockname(), link.local))]
        link.send(b"answer", peer.getsockname())
        peer.settimeout(2)
        assert peer.recvfrom(100) == (b"answer", link.local)
    link.close()


async def test_many_datagrams_are_taken_in_few_batches_and_none_is_lost() -> None:
    receiver = Receiver()
    link = receiver.link()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for number in range(1000):  # more than the system's default buffer holds of such datagrams
            peer.sendto(b"%d " % number + b"x" * 1000, link.local)
    await receiver.until(lambda: len(receiver.messages) == 1000)
    assert [int(data.split()[0]) for data, _ in receiver.messages] == list(range(1000))
    assert len(receiver.batches) <= 1000 / 64 + 2
    link.close()


async def test_datagrams_are_queued_while_the_buffer_is_full() -> None:
    receiver, sender = Receiver(), Receiver()
    link = sender.link()

    class FullSocket:
        """The link's socket, with a send buffer that is full for a while."""

        full = True

        def __init__(self, real: socket.socket) -> None:
            self.real = real

        def sendto(self, data: bytes, remote: HostPort) -> int:
            if self.full:
                raise BlockingIOError
            return self.real.sendto(data, remote)

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    full = FullSocket(link._socket)
    link._socket = full  # type: ignore[assignment]
    target = receiver.link()
    for number in range(5):
        link.send(b"%d" % number, target.local)
    await asyncio.sleep(0)
    assert receiver.messages == []
    full.full = False
    link.send(b"5", target.local)  # must not overtake those that wait
    await receiver.until(lambda: len(receiver.messages) == 6)
    assert [data for data, _ in receiver.messages] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    link.close()
    target.close()


async def test_send_queue_is_bounded() -> None:
    sender = Receiver()
    link = sender.link()

    class Full:
        def sendto(self, data: bytes, remote: HostPort) -> int:
            raise BlockingIOError

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    real = link._socket
    link._socket = Full()  # type: ignore[assignment]
    for _ in range(2000):
        link.send(b"x", ("127.0.0.1", 9))
    with pytest.raises(OSError, match="buffer"):
        link.send(b"x", ("127.0.0.1", 9))
    link.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of ICMP errors on unconnected sockets")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_closed_port_is_reported_with_the_datagram(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as gone:
        gone.bind((host, 0))
        dead = gone.getsockname()[:2]
    receiver = Receiver()
    link = receiver.link(host, family)
    link.send(b"INVITE branch=z9hG4bKx", dead)
    await receiver.until(lambda: bool(receiver.unreachable))
    remote, data, error = receiver.unreachable[0]
    assert remote == dead
    assert data == b"INVITE branch=z9hG4bKx"
    assert isinstance(error, ConnectionRefusedError)
    batches = len(receiver.batches)
    await asyncio.sleep(0.05)
    assert len(receiver.batches) <= batches + 1, "the error must not keep waking the loop"
    link.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of ICMP errors on unconnected sockets")
async def test_error_of_one_peer_does_not_hit_the_next_send_to_another() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        dead = gone.getsockname()
    receiver, target = Receiver(), Receiver()
    link, other = receiver.link(), target.link()
    for _ in range(3):
        link.send(b"lost", dead)
        link.send(b"kept", other.local)
    await target.until(lambda: len(target.messages) == 3)
    await receiver.until(lambda: len(receiver.unreachable) == 3)
    link.close()
    other.close()


def test_port_in_use_names_address_and_remedy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        with pytest.raises(Busy) as caught:
            open_udp_socket("127.0.0.1", port, socket.AF_INET)
    assert caught.value.peer == f"127.0.0.1:{port}"
    assert str(port) in str(caught.value)
    assert "another port" in str(caught.value)


def test_foreign_address_is_a_network_error() -> None:
    with pytest.raises(NetworkError, match="address of this host"):
        open_udp_socket("192.0.2.1", 0, socket.AF_INET)


async def test_works_on_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> None:
        receiver = Receiver()
        link = receiver.link()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
                gone.bind(("127.0.0.1", 0))
                dead = gone.getsockname()
            link.send(b"lost", dead)
            await asyncio.sleep(0.05)
            peer.sendto(b"hello", link.local)
            await receiver.until(lambda: bool(receiver.messages))
            link.send(b"lost", dead)
            peer.sendto(b"again", link.local)
            await receiver.until(lambda: len(receiver.messages) == 2)
        link.close()

    await run_on(uvloop.new_event_loop, scenario)


async def run_on(new_loop: Callable[[], asyncio.AbstractEventLoop], scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine function on a loop of its own, in a thread."""

    def work() -> None:
        loop = new_loop()
        try:
            loop.run_until_complete(scenario())  # type: ignore[arg-type]
        finally:
            loop.close()

    await asyncio.get_running_loop().run_in_executor(None, work)
