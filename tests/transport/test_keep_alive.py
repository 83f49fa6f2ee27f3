"""Kept UDP flows on a clock of their own: when something is sent, and when a flow counts as lost (RFC 5626 s4.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from microsip_core.errors import NetworkError
from microsip_core.sip.hop import Hop
from microsip_core.transport.keep_alive import CRLF, KeepAlive

HOP = Hop("UDP", "192.0.2.1", 5060)
MAPPED = ("203.0.113.9", 61000)


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """The part of a loop that keep-alives use; ``run`` makes time pass."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waiting: list[tuple[float, Handle, Callable[[], None]]] = []

    def call_later(self, delay: float, call: Callable[..., None], *arguments: Any) -> Handle:
        handle = Handle()
        self.waiting.append((self.now + delay, handle, lambda: call(*arguments)))
        return handle

    def create_task(self, work: Any) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)

    async def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            self.waiting = [entry for entry in self.waiting if not entry[1].cancelled]
            due = min(self.waiting, key=lambda entry: entry[0], default=None)
            if due is None or due[0] > end:
                self.now = end
                return
            self.waiting.remove(due)
            self.now = due[0]
            due[2]()
            for _ in range(5):
                await asyncio.sleep(0)


class Bench:
    """A keeper of flows, what it has sent and asked, and the flows it gave up."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sent: list[tuple[float, bytes]] = []
        self.asked: list[float] = []
        self.lost: list[Hop] = []
        self.answer: tuple[str, int] | NetworkError = MAPPED
        self.fault: NetworkError | None = None
        self.keeper = KeepAlive(
            self.clock, send=self.send, ask=self.ask, lost=self.lost.append,  # type: ignore[arg-type]
            uniform=lambda low, high: high,
        )

    def send(self, data: bytes, hop: Hop) -> None:
        self.sent.append((self.clock.now, data))
        if self.fault is not None:
            raise self.fault

    async def ask(self, hop: Hop) -> tuple[str, int]:
        self.asked.append(self.clock.now)
        if isinstance(self.answer, NetworkError):
            raise self.answer
        return self.answer


async def test_crlf_where_nobody_answers() -> None:
    bench = Bench()
    bench.keeper.keep(HOP, "alice", 15.0, outbound=False)
    bench.keeper.keep(HOP, "bob", 20.0, outbound=False)
    bench.keeper.keep(HOP, "bob", 20.0, outbound=False)  # said again at each refresh
    await bench.clock.run(46.0)
    assert bench.sent == [(15.0, CRLF), (30.0, CRLF), (45.0, CRLF)]  # one flow, kept once
    bench.keeper.release("alice")
    bench.fault = NetworkError("no route")
    await bench.clock.run(34.0)
    assert len(bench.sent) == 5  # goes on through an outage
    bench.keeper.release("bob")
    await bench.clock.run(100.0)
    assert len(bench.sent) == 5
    assert bench.keeper.hops == []
    assert bench.lost == []


async def test_who_joins_a_flow_does_not_put_its_keep_alive_off() -> None:
    bench = Bench()
    for number in range(30):
        bench.keeper.keep(HOP, number, 15.0, outbound=False)
        await bench.clock.run(1.0)
    bench.keeper.keep(HOP, "hasty", 5.0, outbound=False)
    await bench.clock.run(10.0)
    assert [when for when, _ in bench.sent] == [15.0, 30.0, 35.0, 40.0]


async def test_stun_where_the_registrar_answers_for_the_flow() -> None:
    bench = Bench()
    bench.keeper.keep(HOP, "alice", 29.0, outbound=True)
    await bench.clock.run(60.0)
    assert bench.asked == [29.0, 58.0]
    assert bench.sent == []
    assert bench.lost == []
    bench.keeper.close()
    bench.keeper.close()
    await bench.clock.run(60.0)
    assert len(bench.asked) == 2


@pytest.mark.parametrize("answer", [NetworkError("the STUN server does not answer"), ("203.0.113.9", 61001)])
async def test_flow_that_fails_or_comes_out_elsewhere_is_lost(answer: tuple[str, int] | NetworkError) -> None:
    bench = Bench()
    bench.keeper.keep(HOP, "alice", 29.0, outbound=True)
    await bench.clock.run(30.0)
    bench.answer = answer
    await bench.clock.run(100.0)
    assert bench.lost == [HOP]
    assert bench.keeper.hops == []  # until somebody has registered by it again
    assert len(bench.asked) == 2


async def test_pauses_are_spread() -> None:
    bench = Bench()
    drawn: list[tuple[float, float]] = []
    bench.keeper._uniform = lambda low, high: drawn.append((low, high)) or low  # type: ignore[func-returns-value]
    bench.keeper.keep(HOP, "alice", 120.0, outbound=True)
    assert drawn == [(96.0, 120.0)]  # RFC 5626 s4.4.1: 80 to 100 %
