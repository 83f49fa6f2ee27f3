"""One TCP or TLS connection: frames messages, answers keep-alives, and bounds what a peer can cost us."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import secrets
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, cast

from microsip_core.errors import NetworkError
from microsip_core.sip.builder import response_to
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.sip.stream_framing import PING, PONG, StreamFramer

if TYPE_CHECKING:
    from microsip_core.sip.message import Request
    from microsip_core.sip.parse_error import SipParseError
    from microsip_core.transport.stream_limits import StreamLimits

_LINGER_SECONDS = 1.0  # for which we read on after our last word, and
_LINGER_OCTETS = 1024 * 1024  # how much of it
_UNCONFIRMED = 64  # requests remembered for a repetition: those of a burst just before the connection died


class ConnectionOwner(Protocol):
    """What a connection reports to."""

    limits: StreamLimits

    def made(self, connection: Connection) -> None:
        """There is a connection; ``closed`` will follow."""

    def opened(self, connection: Connection) -> None:
        """The connection stands, its handshakes through. May raise NetworkError: it is then not to be used."""

    def received(self, connection: Connection, data: bytes) -> None:
        """A message came in."""

    def flush(self) -> None:
        """The batch of messages is over."""

    def closed(self, connection: Connection, error: Exception | None) -> None:
        """The connection is gone."""


class Connection(asyncio.Protocol):
    """A connection from its making to its end. ``hop`` is where we opened it to, None for one that a peer opened.

    Once the peer has answered a ping it is expected to answer every one, or to send something else; before, silence
    proves nothing, since many servers know no keep-alive (RFC 5626 s4.4.1).
    """

    def __init__(self, protocol: str, loop: asyncio.AbstractEventLoop, owner: ConnectionOwner, hop: Hop | None) -> None:
        self.protocol = protocol
        self.hop = hop
        self.source: Source | None = None
        self.ready: asyncio.Future[None] | None = loop.create_future() if hop is not None else None
        self.unconfirmed: deque[tuple[float, OutgoingPacket]] = deque(maxlen=_UNCONFIRMED)
        """Requests written since the peer was last heard, and when: it may never have seen them."""
        self._loop = loop
        self._owner = owner
        self._limits = owner.limits
        self._framer = StreamFramer(opened_here=hop is not None)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self._heard = False
        self._message_since: float | None = None
        self._ping_at = 0.0
        self._pong_due: float | None = None
        self._answers_pings = False
        self._linger_octets = _LINGER_OCTETS
        self._ping_seconds = owner.limits.keep_alive_seconds
        self._spread = False

    # -- asyncio's side ---------------------------------------------------------------------------------------------

    def certificate(self) -> dict[str, Any] | None:
        """Return the peer's verified certificate as ``getpeercert`` gives it; None without TLS or without one."""
        return self._transport.get_extra_info("peercert") if self._transport is not None else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the addresses, and start the watch."""
        self._transport = cast(asyncio.Transport, transport)
        remote = transport.get_extra_info("peername")
        local = transport.get_extra_info("sockname")
        if not remote or not local:  # reset by the peer before we came to it
            self._transport.abort()
            return
        self.source = Source(self.protocol, remote[0], remote[1], local[:2])
        self._owner.made(self)
        now = self._loop.time()
        self._message_since = now if self.hop is None else None
        self._ping_at = now + self._ping_seconds
        self._watch(now)
        self.on_connected()

    def on_connected(self) -> None:
        """TCP stands, and TLS where there is some: so does the connection, unless more is to be agreed."""
        self.stand()

    def stand(self) -> None:
        """Messages may be exchanged from now on."""
        try:
            self._owner.opened(self)
        except (OSError, NetworkError) as error:
            self.abort(error)
            return
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Hand over the messages these octets complete."""
        if self._error is not None:
            self._linger_octets -= len(data)
            if self._linger_octets < 0:
                self.close()
            return
        self._pong_due = None
        self.unconfirmed.clear()
        self.take_stream(data)
        self._owner.flush()

    def take_stream(self, data: bytes) -> None:
        """Cut octets of a SIP stream into messages and keep-alives."""
        framer = self._framer
        frames = framer.feed(data)
        for frame in frames:
            if frame == PING:
                self.send_raw(PONG)
            elif frame == PONG:
                self.pong_received()
            else:
                self.take(frame)
        error = framer.error
        if error is not None:
            if frames:
                self._owner.flush()  # what came before is answered first, while the connection is there
            if error.request_head is not None and error.request_head.method != "ACK":
                self._refuse(error.request_head, error)
            self.end(OSError(errno.EBADMSG, f"not a SIP stream: {error}"))
        elif not framer.buffered:
            if self._heard or frames:
                self._message_since = None
        elif frames or self._message_since is None:
            self._message_since = self._loop.time()

    def _refuse(self, request: Request, error: SipParseError) -> None:
        """Answer a request whose end can not be found: behind it the stream has no meaning any more (s18.3)."""
        response = response_to(request, error.status, error.reason, to_tag=secrets.token_hex(4))
        try:
            self.send_raw(response.to_bytes())
        except OSError:
            return  # nobody is left to be answered

    def take(self, message: bytes) -> None:
        """Hand over one message."""
        self._heard = True
        self._message_since = None
        self._owner.received(self, message)

    def pong_received(self) -> None:
        """The peer has answered a ping."""
        self._answers_pings = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport = None
        error = self._error or exc
        if self.ready is not None and not self.ready.done():
            self.ready.set_exception(error or ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))
        self._owner.closed(self, error)

    # -- our side ---------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether what is written now has a chance to arrive."""
        return self._error is None and self._transport is not None and not self._transport.is_closing()

    def write(self, packet: OutgoingPacket) -> None:
        """Send a message. Raises OSError when the peer has stopped reading."""
        data = packet.data
        if packet.token is not None and not data.startswith(b"SIP/2.0"):
            self.unconfirmed.append((self._loop.time(), packet))
        self.send_message(data)

    def send_message(self, data: bytes) -> None:
        """Write one message in the form of this transport."""
        self.send_raw(data)

    def send_raw(self, data: bytes) -> None:
        """Write octets. Raises OSError when too many wait already; the connection is given up then."""
        transport = self._transport
        if transport is None or not self.alive:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        if transport.get_write_buffer_size() + len(data) > self._limits.backlog:
            error = OSError(errno.ENOBUFS, "the peer does not read what we send")
            self.abort(error)
            raise error
        transport.write(data)

    def expect_pongs(self, seconds: float) -> None:
        """Ping at least every ``seconds`` from now on, and have each ping answered (RFC 5626 s4.4.1)."""
        self._answers_pings = True
        if seconds >= self._ping_seconds or self._timer is None:
            return
        now = self._loop.time()
        self._ping_seconds, self._spread = seconds, True
        self._ping_at = min(self._ping_at, now + self._next_ping())
        self._timer.cancel()
        self._watch(now)

    def _next_ping(self) -> float:
        """Return the seconds to the next ping: where a server sets the time, 80 to 100 % of it (RFC 5626 s4.4.1)."""
        return self._ping_seconds * (random.uniform(0.8, 1.0) if self._spread else 1.0)  # noqa: S311 (no secret)

    def close(self) -> None:
        """Close after what has been written is out. May be called again."""
        if self._transport is not None:
            self._transport.close()

    def abort(self, error: Exception | None = None) -> None:
        """Close at once, because of ``error``."""
        self._error = self._error or error
        if self._transport is not None:
            self._transport.abort()

    def end(self, error: Exception) -> None:
        """Close because of ``error``, in a way that lets the peer read what was written last.

        A socket that is closed with octets unread is reset, and the peer loses what it has not read yet. So our side
        alone is closed at first, and what still comes is read and dropped, for a moment.
        """
        transport = self._transport
        if transport is None or not self.alive:
            return
        self._error = error
        try:
            if transport.can_write_eof():
                transport.write_eof()
        except OSError:  # the peer has reset it meanwhile
            transport.abort()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._loop.time() + _LINGER_SECONDS, self._on_timer)

    # -- time -------------------------------------------------------------------------------------------------------

    def _watch(self, now: float) -> None:
        """Come back in time for what is due next. Nothing is armed or cancelled per message, hence the upper bound."""
        due = now + self._limits.message_seconds / 2
        if self.hop is not None:
            due = min(due, self._ping_at if self._pong_due is None else self._pong_due)
        self._timer = self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        """Look after the connection now and then."""
        self._timer = None
        transport, now = self._transport, self._loop.time() + 0.001
        if transport is None:
            return
        since = self._message_since
        if transport.is_closing():
            transport.abort()  # the peer does not take what was left to send
        elif self._error is not None:
            self.close()
            self._watch(now)
        elif self._pong_due is not None and now >= self._pong_due:
            self.abort(TimeoutError(errno.ETIMEDOUT, "the peer has ceased to answer keep-alives"))
        elif since is not None and now - since >= self._limits.message_seconds:
            self.abort(TimeoutError(errno.ETIMEDOUT, "the peer did not complete a message in time"))
        else:
            if self.hop is not None and now >= self._ping_at:
                self._ping(now)
            self._watch(now)

    def _ping(self, now: float) -> None:
        try:
            self.send_ping()
        except OSError:
            return  # the connection is given up then
        if self._answers_pings:
            self._pong_due = now + self._limits.pong_seconds
        self._ping_at = now + self._next_ping()

    def send_ping(self) -> None:
        """Ask for a sign of life in the form of this transport."""
        self.send_raw(PING)
