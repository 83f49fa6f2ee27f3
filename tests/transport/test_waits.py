"""How long messages waited is told: by the kernel for datagrams, by the turns of the loop for streams."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Callable

import pytest

from microsip_core.sip.hop import Source
from microsip_core.transport.lateness import Lateness
from microsip_core.transport.udp import UdpLink, open_udp_socket


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a datagram arrived")
@pytest.mark.parametrize(("count", "expected"), [
    pytest.param(10, [0], id="all at once: none has waited for want of capacity"),
    pytest.param(150, [0, 100, 100], id="a batch leaves some: those have waited"),
])
async def test_each_batch_of_datagrams_tells_how_long_its_first_has_waited(
    count: int, expected: list[int], monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[tuple[int, object]] = []
    taken: list[bytes] = []
    done = asyncio.Event()

    def receive(data: bytes, source: Source) -> None:
        taken.append(data)
        if len(taken) == count:
            done.set()

    link = UdpLink(
        asyncio.get_running_loop(), open_udp_socket("127.0.0.1", 0, socket.AF_INET),
        receive, lambda: None, lambda *_: None, lambda link, remote: link.local,
        waits=lambda waited, queue: waits.append((int(waited) // 100 * 100, queue)),
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for number in range(count):
            peer.sendto(b"%d" % number, link.local)
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 100)  # they were there before that
    await asyncio.wait_for(done.wait(), 5)
    link.close()
    assert taken == [b"%d" % number for number in range(count)]
    assert waits == [(waited, link.local) for waited in expected]


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


def test_messages_of_streams_have_waited_no_longer_than_busy_turns_of_the_loop_take() -> None:
    loop, told = Loop(), []
    lateness = Lateness(loop, lambda waited, queue: told.append(round(waited, 3)))  # type: ignore[arg-type]
    for _ in range(100):
        lateness.tell()
        loop.now += 0.003
    loop.turn()
    lateness.tell()  # came in during the long turn
    loop.now += 0.001
    loop.turn()
    assert told[:64] == [0.0] * 64
    assert told[64:] == [round(0.003 * number, 3) for number in range(64, 100)] + [0.3]
    assert loop.ready == []  # nothing is watched while nothing is late
    loop.now += 3600
    lateness.tell()
    assert told[-1] == 0.0


def test_a_long_turn_with_few_messages_says_nothing_of_our_capacity() -> None:
    loop, told = Loop(), []
    lateness = Lateness(loop, lambda waited, queue: told.append(waited))  # type: ignore[arg-type]
    for _ in range(10):
        lateness.tell()
        loop.now += 1
        loop.turn()
    assert told == [0.0] * 10
