"""All connections of an endpoint: found again for reuse, opened when needed, mourned when they die (RFC 3261 s18)."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable

from microsip_core.errors import NetworkError
from microsip_core.sip.hop import DEFAULT_PORTS, Hop, OutgoingPacket, Source
from microsip_core.transport import tcp
from microsip_core.transport.address import HostPort, numeric_family
from microsip_core.transport.connection import Connection
from microsip_core.transport.connector import Connector, connection_error
from microsip_core.transport.lateness import Lateness
from microsip_core.transport.link import Failed, Flush, Receive, Trace, Waits
from microsip_core.transport.resolver import Resolver
from microsip_core.transport.stream_limits import StreamLimits
from microsip_core.transport.tls import TlsSettings

_MOST_WAITING = 10_000  # packets for one hop while its connection is being made
_CLOSE_SECONDS = 1.0


class _Resent(OutgoingPacket):
    """A packet that is sent a second time, because its connection died; there is no third time."""

    __slots__ = ()


class _Opening:
    """A connection being made, and the packets that wait for it."""

    __slots__ = ("packets", "task")

    def __init__(self, task: asyncio.Task[Connection]) -> None:
        self.task = task
        self.packets: list[OutgoingPacket] = []


class StreamLayer:
    """The connections of all stream transports; what a connection calls its owner.

    ``call_from`` gives the local address to open a connection from, None for any; ``called_at`` where the peer of a hop
    can call us, None for: only over a connection of ours. ``lost`` is told of the end of a connection we had opened.
    ``counters`` has what happened since the start: accepted, opened, failed, refused, lost, resent.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, resolver: Resolver, *, receive: Receive, flush: Flush, failed: Failed,
        lost: Callable[[Hop], None] | None, trace: Trace | None, limits: StreamLimits, tls: TlsSettings,
        waits: Waits | None,
        call_from: Callable[[HostPort, socket.AddressFamily], str | None],
        called_at: Callable[[Hop], HostPort | None],
    ) -> None:
        self.limits = limits
        self.flush = flush
        self.counters: Counter[str] = Counter()
        self.listeners: list[tcp.Listener] = []
        self.connector = Connector(loop, self, tls)
        self._loop = loop
        self._resolver = resolver
        self._receive = receive
        self._failed = failed
        self._lost = lost
        self._trace = trace
        self._lateness = Lateness(loop, waits) if waits is not None else None
        self._call_from = call_from
        self._called_at = called_at
        self._made: set[Connection] = set()
        self._by_source: dict[Source, Connection] = {}
        self._by_hop: dict[Hop, Connection] = {}
        self._by_remote: dict[tuple[str, str, int], Connection] = {}
        self._openings: dict[Hop, _Opening] = {}
        self._accepted: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_gone: asyncio.Event | None = None

    # -- sending ----------------------------------------------------------------------------------------------------

    def send(self, packet: OutgoingPacket) -> None:
        """Send over the connection the packet's ``source`` names, else over one to its hop, a new one if need be."""
        source = packet.source
        connection = self._by_source.get(source) if source is not None else None
        if connection is None or not connection.alive:
            connection = self.find(packet.hop)
            if connection is None:
                self._send_when_open(packet)
                return
        try:
            connection.write(packet)
        except OSError as error:
            self._report(packet, connection_error(error, packet.hop.transport, _remote(packet.hop)))
            return
        if self._trace is not None and connection.source is not None:
            host, port = connection.source[1:3]
            self._trace("out", connection.protocol, connection.source.local, (host, port), packet.data)

    def find(self, hop: Hop) -> Connection | None:
        """Return an open connection that leads to ``hop``: one opened to it, or to or from its numeric address."""
        connection = self._by_hop.get(hop)
        if connection is None and numeric_family(hop.host) is not None:
            connection = self._by_remote.get((hop.transport, *_remote(hop)))
        return connection if connection is not None and connection.alive else None

    async def connect(self, hop: Hop) -> Connection:
        """Return an open connection to ``hop``, a new one if need be. Raises DnsError, NetworkError, TlsError."""
        connection = self.find(hop)
        if connection is not None:
            return connection
        return await asyncio.shield(self._opening(hop).task)

    def leave(self, hop: Hop) -> None:
        """Use the connection to ``hop`` no more for new requests, by whatever name it is known."""
        connection = self._by_hop.pop(hop, None) or self.find(hop)
        if connection is not None and connection.source is not None:
            self._by_remote.pop(connection.source[:3], None)

    def _send_when_open(self, packet: OutgoingPacket) -> None:
        hop = packet.hop
        if packet.data.startswith(b"SIP/2.0") and hop.transport in ("WS", "WSS"):
            self._report(packet, connection_error(None, hop.transport, _remote(hop)))  # a browser can not be called
            return
        packets = self._opening(hop).packets
        if len(packets) >= _MOST_WAITING:
            self._report(packet, NetworkError("too many messages wait for a connection", step="send", peer=hop.host))
        else:
            packets.append(packet)

    def _opening(self, hop: Hop) -> _Opening:
        opening = self._openings.get(hop)
        if opening is None:
            opening = self._openings[hop] = _Opening(self._loop.create_task(self._open(hop)))
            opening.task.add_done_callback(lambda task: self._opened(hop, task))
        return opening

    async def _open(self, hop: Hop) -> Connection:
        """Try the targets of a hop one after the other (RFC 3263 s4.3)."""
        failure: NetworkError | None = None
        for target in await self._resolver.resolve(hop):
            try:
                return await self.connector.connect(hop, target, self._call_from(target.address, target.family))
            except NetworkError as error:
                failure = failure or error
                self._resolver.avoid(hop, target)
        assert failure is not None
        raise failure

    def _opened(self, hop: Hop, task: asyncio.Task[Connection]) -> None:
        packets = self._openings.pop(hop).packets
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self.counters["opened"] += 1
        else:
            self.counters["failed"] += 1
            if not isinstance(error, NetworkError):
                error = NetworkError(str(error), step="connect", peer=hop.host)
        for packet in packets:
            if error is None:
                self.send(packet)
            else:
                self._report(packet, error)

    def _report(self, packet: OutgoingPacket, error: NetworkError) -> None:
        if packet.token is not None:
            self._failed(packet.token, error)

    # -- listening --------------------------------------------------------------------------------------------------

    def listen(self, protocol: str, host: str, port: int, family: socket.AddressFamily) -> tcp.Listener:
        """Open a listening socket. Raises Busy, NetworkError, and TlsError without a certificate for TLS and WSS."""
        if protocol in ("TLS", "WSS"):
            self.connector.require_certificate()
        opened = tcp.open_listening_socket(host, port, family)
        listener = tcp.Listener(protocol, self._loop, opened, self._on_accepted)
        self.listeners.append(listener)
        return listener

    def _on_accepted(self, listener: tcp.Listener, opened: socket.socket, remote: HostPort) -> None:
        host, limits = remote[0], self.limits
        if self._accepted[host] >= limits.connections_per_source or self._accepted.total() >= limits.connections:
            self.counters["refused"] += 1
            opened.close()
            return
        self._accepted[host] += 1
        task = self._loop.create_task(self._accept(listener.protocol, opened, host))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, protocol: str, opened: socket.socket, host: str) -> None:
        connection: Connection | None = None
        try:
            connection = await self.connector.accept(protocol, opened)
        finally:
            if connection is None or connection.source is None:
                self._forget_accepted(host)

    def _forget_accepted(self, host: str) -> None:
        self._accepted[host] -= 1
        if self._accepted[host] <= 0:
            del self._accepted[host]

    # -- what connections report ------------------------------------------------------------------------------------

    def made(self, connection: Connection) -> None:
        """Keep a connection for :meth:`close`. One of ours goes by the address at which we can be called, if any."""
        self._made.add(connection)
        address = self._called_at(connection.hop) if connection.hop is not None else None
        if address is not None and connection.source is not None:
            connection.source = connection.source._replace(local=address)

    def opened(self, connection: Connection) -> None:
        """Keep a connection that stands, to be found again. Raises TlsError when it leads to somebody else."""
        self.connector.check(connection)
        source, hop = connection.source, connection.hop
        assert source is not None
        self._by_source[source] = connection
        self._by_remote[source[:3]] = connection
        if hop is None:
            self.counters["accepted"] += 1
        else:
            self._by_hop[hop] = connection

    def received(self, connection: Connection, data: bytes) -> None:
        """Hand over a message."""
        if connection.source is not None:
            if self._lateness is not None:
                self._lateness.tell()
            self._receive(data, connection.source)

    def closed(self, connection: Connection, error: Exception | None) -> None:
        """Forget a connection that is gone, and repeat the requests the peer may never have seen."""
        source, hop = connection.source, connection.hop
        self._made.discard(connection)
        if source is None:
            return
        if hop is None:
            self._forget_accepted(source.host)
        if self._by_source.get(source) is connection:
            del self._by_source[source]
            self.counters["lost"] += 1
        if self._by_remote.get(source[:3]) is connection:
            del self._by_remote[source[:3]]
        was_known = hop is not None and self._by_hop.get(hop) is connection
        if hop is not None and was_known:
            del self._by_hop[hop]
        if self._all_gone is not None:
            if not self._made:
                self._all_gone.set()
            return
        self._resend(connection, error)
        if hop is not None and was_known and self._lost is not None:
            self._lost(hop)

    def _resend(self, connection: Connection, error: Exception | None) -> None:
        oldest = self._loop.time() - self.limits.resend_seconds
        for when, packet in connection.unconfirmed:
            if when < oldest:
                continue
            if isinstance(packet, _Resent):
                self._report(packet, connection_error(error, packet.hop.transport, _remote(packet.hop)))
            else:
                self.counters["resent"] += 1
                self.send(_Resent(*packet))

    def drop(self) -> None:
        """Close all there is at once: the network it was on is gone. What had no answer yet is sent once more."""
        for listener in self.listeners:
            listener.close()
        self.listeners.clear()
        for opening in self._openings.values():
            packets, opening.packets = opening.packets, []
            opening.task.cancel()
            for packet in packets:
                self._report(packet, NetworkError("the network has changed", step="connect", peer=packet.hop.host))
        for connection in list(self._made):
            connection.abort()

    # -- life -------------------------------------------------------------------------------------------------------

    @property
    def connections(self) -> list[Connection]:
        """The connections that stand."""
        return list(self._by_source.values())

    async def close(self) -> None:
        """Close every connection, in an orderly way where the peer is quick about it. May be called again."""
        for listener in self.listeners:
            listener.close()
        tasks: list[asyncio.Task[Connection] | asyncio.Task[None]] = [*self._tasks]
        tasks += [opening.task for opening in self._openings.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._made:
            self._all_gone = asyncio.Event()
            for connection in list(self._made):
                connection.close()
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._all_gone.wait()
            except TimeoutError:
                for connection in list(self._made):
                    connection.abort()
                await asyncio.sleep(0)


def _remote(hop: Hop) -> HostPort:
    return hop.host, hop.port or DEFAULT_PORTS.get(hop.transport, 5060)
