"""How long messages waited is told: by the kernel for datagrams, by the turns of the loop for streams."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Callable

import pytest

from microsip_core.transport.lateness import Lateness
from microsip_core.transport.udp import UdpLink, open_udp_socket


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a datagram arrived")
async def test_a_batch_of_datagrams_tells_once_how_long_its_first_has_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[float, object]] = []
    taken: list[bytes] = []
    done = asyncio.Event()
    link = UdpLink(
        asyncio.get_running_loop(), open_udp_socket("127.0.0.1", 0, socket.AF_INET),
        lambda data, source: taken.append(data), done.set, lambda *_: None, lambda link, remote: link.local,
        waits=lambda waited, queue: waits.append((waited, queue)),
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for number in range(10):
            peer.sendto(b"%d" % number, link.local)
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 100)  # they were there before that
    await asyncio.wait_for(done.wait(), 5)
    link.close()
    assert taken == [b"%d" % number for number in range(10)]
    [(waited, queue)] = waits
    assert 100 <= waited < 160
    assert queue == link.local


class Loop:
    """A loop whose turns are taken by hand, on a clock of its own."""

    def __init__(self) -> None:
        self.now = 50.0
        self.ready: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.ready.append(callback)

    def turn(self) -> None:
        ready, self.ready = self.ready, []
        for callback in ready:
            callback()


def test_messages_of_streams_have_waited_no_longer_than_the_turns_of_the_loop_take() -> None:
    loop, told = Loop(), []
    lateness = Lateness(loop, lambda waited, queue: told.append(round(waited, 3)))  # type: ignore[arg-type]
    lateness.tell()
    loop.now += 0.3
    lateness.tell()  # another one, read in the same turn
    loop.turn()
    lateness.tell()  # came in during the long turn
    loop.now += 0.001
    loop.turn()
    assert loop.ready == []  # nothing is watched while nothing is late
    loop.now += 3600
    lateness.tell()
    assert told == [0.0, 0.3, 0.3, 0.0]
