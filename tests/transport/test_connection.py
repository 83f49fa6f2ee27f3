"""The watch over a connection, on a clock that the test moves: pings, pongs, slow and silent peers (RFC 5626)."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any

import pytest

from microsip_core.sip.hop import Hop, OutgoingPacket
from microsip_core.transport.connection import Connection
from microsip_core.transport.stream_limits import StreamLimits

HOP = Hop("TCP", "192.0.2.1", 5060)
MESSAGE = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"
PING, PONG = b"\r\n\r\n", b"\r\n"
LIMITS = StreamLimits(message_seconds=30, keep_alive_seconds=100, pong_seconds=10)


class Handle:
    def __init__(self) -> None:
        self.canceled = False

    def cancel(self) -> None:
        self.canceled = True


class Clock:
    """As much of an event loop as a connection needs."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, int, Handle, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, callback: Callable[[], None]) -> Handle:
        handle = Handle()
        heapq.heappush(self._timers, (when, len(self._timers), handle, callback))
        return handle

    def move(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, handle, callback = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            if not handle.canceled:
                callback()
        self.now = end

    @property
    def armed(self) -> int:
        return sum(not handle.canceled for _, _, handle, _ in self._timers)


class Wire:
    """As much of a transport as a connection needs."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = ""
        self.waiting = 0
        self.half_closed = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_closed = True

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("192.0.2.1", 5060), "sockname": ("192.0.2.9", 40000)}.get(name)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return bool(self.closed)

    def close(self) -> None:
        self.closed = self.closed or "closed"

    def abort(self) -> None:
        self.closed = "aborted"


class Owner:
    """Takes what the connection reports."""

    limits = LIMITS

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.ends: list[Exception | None] = []

    def made(self, connection: Connection) -> None: ...
    def opened(self, connection: Connection) -> None: ...
    def flush(self) -> None: ...

    def received(self, connection: Connection, data: bytes) -> None:
        self.messages.append(data)

    def closed(self, connection: Connection, error: Exception | None) -> None:
        self.ends.append(error)


class Line:
    """A connection with all that stands around it."""

    def __init__(self, hop: Hop | None) -> None:
        self.clock, self.wire, self.owner = Clock(), Wire(), Owner()
        self.connection = Connection("TCP", self.clock, self.owner, hop)  # type: ignore[arg-type]
        self.connection.connection_made(self.wire)  # type: ignore[arg-type]

    def taken(self) -> list[bytes]:
        written, self.wire.written = self.wire.written, []
        return written


@pytest.fixture
async def opened() -> Line:
    return Line(HOP)


@pytest.fixture
async def accepted() -> Line:
    return Line(None)


async def test_pings_every_keep_alive_interval_also_after_a_pong(opened: Line) -> None:
    opened.clock.move(99)
    assert opened.taken() == []
    for _ in range(5):
        opened.clock.move(2)
        assert opened.taken() == [PING]
        opened.connection.data_received(PONG)
        opened.clock.move(98)
        assert opened.taken() == []
    assert opened.wire.closed == ""
    assert opened.clock.armed == 1


async def test_peer_that_never_answered_pings_is_kept(opened: Line) -> None:
    opened.clock.move(1000)
    assert 8 <= len(opened.taken()) <= 10
    assert opened.wire.closed == ""


async def test_peer_that_ceases_to_answer_pings_is_given_up(opened: Line) -> None:
    opened.clock.move(101)
    opened.connection.data_received(PONG)
    opened.clock.move(100)
    assert opened.taken() == [PING, PING]
    opened.clock.move(8)
    assert opened.wire.closed == ""
    opened.clock.move(3)
    assert opened.wire.closed == "aborted"
    opened.connection.connection_lost(None)
    assert isinstance(opened.owner.ends[0], TimeoutError)
    assert opened.clock.armed == 0


async def test_peer_that_grants_outbound_has_to_answer_from_the_first_ping_on(opened: Line) -> None:
    """RFC 5626 s4.4.1: every 80 to 100 % of the Flow-Timer, and a pong within 10 s."""
    opened.clock.move(15)
    opened.connection.expect_pongs(40.0)
    opened.clock.move(31.9)
    assert opened.taken() == []
    opened.clock.move(8.2)
    assert opened.taken() == [PING]
    opened.connection.data_received(PONG)
    opened.clock.move(40)
    assert opened.taken() == [PING]
    opened.clock.move(11)
    assert opened.wire.closed == "aborted"
    assert opened.clock.armed == 0


async def test_any_octets_show_that_the_peer_is_there(opened: Line) -> None:
    opened.clock.move(101)
    opened.connection.data_received(PONG)
    opened.clock.move(100)
    opened.connection.data_received(MESSAGE)
    opened.clock.move(12)
    assert opened.wire.closed == ""
    assert opened.owner.messages == [MESSAGE]


async def test_ping_is_answered_also_between_messages(accepted: Line) -> None:
    accepted.connection.data_received(MESSAGE + PING + MESSAGE + PING)
    assert accepted.taken() == [PONG, PONG]
    assert accepted.owner.messages == [MESSAGE, MESSAGE]


async def test_caller_who_says_nothing_is_cut_off(accepted: Line) -> None:
    accepted.clock.move(29)
    assert accepted.wire.closed == ""
    accepted.clock.move(20)
    assert accepted.wire.closed == "aborted"


async def test_caller_who_has_spoken_may_be_silent(accepted: Line) -> None:
    accepted.connection.data_received(MESSAGE)
    accepted.clock.move(100_000)
    assert accepted.wire.closed == ""
    assert accepted.taken() == []  # who opened it sends the pings


@pytest.mark.parametrize("hop", [HOP, None])
async def test_message_that_comes_by_drops_is_cut_off(hop: Hop | None) -> None:
    line = Line(hop)
    line.connection.data_received(MESSAGE)
    for octet in MESSAGE[:-1]:
        line.connection.data_received(bytes([octet]))
        line.clock.move(1.1)
        if line.wire.closed:
            break
    assert line.wire.closed == "aborted"
    assert line.owner.messages == [MESSAGE]


async def test_requests_count_as_unseen_until_the_peer_is_heard(opened: Line) -> None:
    request, response = (OutgoingPacket(data, HOP, None, 1) for data in (MESSAGE, b"SIP/2.0 200 OK\r\n\r\n"))
    for packet in (request, response, request._replace(token=None)):
        opened.connection.write(packet)
    assert [packet for _, packet in opened.connection.unconfirmed] == [request]
    opened.connection.data_received(PONG)
    assert not opened.connection.unconfirmed
    for _ in range(1000):
        opened.connection.write(request)
    assert len(opened.connection.unconfirmed) <= 64


async def test_backlog_is_bounded(opened: Line) -> None:
    opened.wire.waiting = LIMITS.backlog
    with pytest.raises(OSError, match="does not read"):
        opened.connection.write(OutgoingPacket(MESSAGE, HOP, None, 1))
    assert opened.wire.closed == "aborted"
    with pytest.raises(BrokenPipeError):
        opened.connection.write(OutgoingPacket(MESSAGE, HOP, None, 1))


@pytest.mark.parametrize("octets", [0, 2 * 1024 * 1024])
async def test_a_peer_that_is_refused_can_read_why_before_it_is_cut_off(accepted: Line, octets: int) -> None:
    """A socket closed with octets unread is reset, and the answer is lost: what comes is read on, but not for ever."""
    accepted.connection.data_received(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: x\r\n\r\n")
    (answer,) = accepted.taken()
    assert answer.startswith(b"SIP/2.0 400 ")
    assert (accepted.wire.half_closed, accepted.wire.closed) == (True, "")
    assert not accepted.connection.alive
    with pytest.raises(BrokenPipeError):
        accepted.connection.write(OutgoingPacket(MESSAGE, HOP, None, 1))
    accepted.connection.data_received(MESSAGE + b"x" * octets)
    assert accepted.owner.messages == []
    if not octets:
        accepted.clock.move(2)
    assert accepted.wire.closed == "closed"
    accepted.clock.move(LIMITS.message_seconds)
    assert accepted.wire.closed == "aborted"
    accepted.connection.connection_lost(None)
    assert accepted.clock.armed == 0
    assert accepted.owner.ends[0] is not None
