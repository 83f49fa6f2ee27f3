"""The driver, over an endpoint of cardboard: order, re-entrance, timers, faults."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

import pytest

from microsip_core.errors import NetworkError
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.user_agent.driver import Driver

SOURCE = Source("UDP", "127.0.0.1", 5060, ("127.0.0.1", 5061))
HOP = Hop("UDP", "127.0.0.1", 5060)


class CardboardEndpoint:
    """Notes what is done to it and hands out what it is given."""

    def __init__(self) -> None:
        self.events: deque[Any] = deque()
        self.packets: list[OutgoingPacket] = []
        self.received: list[bytes] = []
        self.failed: list[tuple[object, str]] = []
        self.due: float | None = None
        self.fired: list[float] = []
        self.idle = False

    def receive(self, data: bytes, source: Source, now: float) -> None:
        self.received.append(data)
        if data == b"fault":
            raise RuntimeError("cardboard")
        self.events.append(data)

    def next_event(self) -> Any:
        return self.events.popleft() if self.events else None

    def data_to_send(self) -> list[OutgoingPacket]:
        packets, self.packets = self.packets, []
        return packets

    def next_timeout(self) -> float | None:
        return self.due

    def handle_timeout(self, now: float) -> None:
        assert self.due is not None
        assert now >= self.due
        self.fired.append(now)
        self.due = None
        self.events.append("timeout")

    def transport_failed(self, token: object, error: str, now: float) -> None:
        if token == "fault":
            raise RuntimeError("cardboard")
        self.failed.append((token, error))
        self.events.append("failed")


class Bench:
    def __init__(self) -> None:
        self.endpoint = CardboardEndpoint()
        self.log: list[Any] = []
        self.react: dict[Any, Any] = {}
        self.driver = Driver(
            asyncio.get_running_loop(), self.endpoint, self.send, self.deliver,  # type: ignore[arg-type]
        )

    def send(self, packets: list[OutgoingPacket]) -> None:
        self.log.extend(packet.data for packet in packets)

    def deliver(self, event: Any) -> None:
        self.log.append(event)
        if event in self.react:
            self.react[event]()


@pytest.fixture
async def bench() -> Bench:
    return Bench()


def packet(data: bytes) -> OutgoingPacket:
    return OutgoingPacket(data, HOP, None, None)


async def test_a_command_inside_an_event_is_done_in_the_same_run_and_in_order(bench: Bench) -> None:
    def command() -> None:
        bench.endpoint.packets.append(packet(b"BYE"))
        bench.endpoint.events.append("second")
        bench.driver.pump()  # as a call does; must not deliver "second" before "first" is through
        bench.log.append("first is through")

    bench.react[b"INVITE"] = command
    bench.driver.receive(b"INVITE", SOURCE)
    bench.driver.pump()
    assert bench.log == [b"INVITE", "first is through", "second", b"BYE"]


async def test_a_fault_in_the_core_costs_one_message(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    for data in (b"one11", b"fault", b"two22"):
        bench.driver.receive(data, SOURCE)
    bench.driver.pump()
    assert bench.log == [b"one11", b"two22"]
    assert "127.0.0.1:5060" in caplog.text


async def test_a_fault_about_what_could_not_be_sent_costs_nothing_else(
    bench: Bench, caplog: pytest.LogCaptureFixture,
) -> None:
    bench.endpoint.packets.append(packet(b"out"))
    bench.driver.transport_failed("fault", NetworkError("gone"))
    assert bench.log == [b"out"]
    assert "could not be sent" in caplog.text


async def test_a_fault_in_a_handler_costs_one_event(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.react[b"first"] = lambda: 1 / 0
    bench.driver.receive(b"first", SOURCE)
    bench.driver.receive(b"second", SOURCE)
    bench.endpoint.packets.append(packet(b"out"))
    bench.driver.pump()
    assert bench.log == [b"first", b"second", b"out"]
    assert "ZeroDivisionError" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\0\0\0\0", b""])
async def test_keep_alives_do_not_reach_the_core(bench: Bench, data: bytes) -> None:
    bench.driver.receive(data, SOURCE)
    assert bench.endpoint.received == []


async def test_timer_fires_when_due_and_only_one_is_armed(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    bench.endpoint.due = start + 60
    bench.driver.pump()
    bench.endpoint.due = start + 0.02  # an earlier one takes its place
    bench.driver.pump()
    bench.endpoint.due = start + 0.05  # a later one need not: the timer looks again
    bench.driver.pump()
    fired = asyncio.Event()
    bench.react["timeout"] = fired.set
    await asyncio.wait_for(fired.wait(), 2)
    assert start + 0.049 <= bench.endpoint.fired[0] < start + 1
    assert bench.log == ["timeout"]


async def test_transport_failure_is_told_with_its_own_words(bench: Bench) -> None:
    error = NetworkError("nothing listens there", step="send", peer="127.0.0.1:9")
    seen: list[NetworkError | None] = []
    bench.react["failed"] = lambda: seen.append(bench.driver.transport_error(str(error)))
    bench.driver.transport_failed("branch", error)
    assert bench.endpoint.failed == [("branch", str(error))]
    assert seen == [error]
    assert bench.driver.transport_error("something else") is None


async def test_until_idle_is_bounded_and_ends_early(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    await bench.driver.until_idle(0.05)
    assert loop.time() - before >= 0.04
    bench.endpoint.idle = True
    await asyncio.wait_for(bench.driver.until_idle(60), 1)


async def test_closed_driver_is_silent(bench: Bench) -> None:
    bench.endpoint.due = asyncio.get_running_loop().time() + 0.01
    bench.driver.pump()
    bench.driver.close()
    bench.endpoint.events.append("late")
    bench.driver.pump()
    await asyncio.sleep(0.03)
    assert bench.log == []
    assert bench.endpoint.fired == []
