"""The transport layer (RFC 3261 s18): chooses or opens the socket for each hop, and says what we are called there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable

from microsip_core.errors import Busy, NetworkError
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.transport.address import (
    HostPort,
    is_loopback,
    is_wildcard,
    join_host_port,
    numeric_family,
    split_host_port,
)
from microsip_core.transport.link import Flush, Link, Receive
from microsip_core.transport.resolver import Resolver
from microsip_core.transport.udp import UdpLink, open_udp_socket

Failed = Callable[[object, NetworkError], None]  # the token of a packet, or the branch in it, and why it was not sent
Trace = Callable[[str, str, HostPort, HostPort, bytes], None]  # "in" or "out", transport, local, remote, message
_KNOWN_HOPS = 4096


class TransportLayer:
    """All sockets of one endpoint.

    ``receive`` takes each message, ``flush`` is called after each batch of them. ``failed`` is told of messages that
    could not be sent. ``listen`` is "HOST:PORT"; where that address can not reach a destination a further socket is
    opened on the local address that routes there.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, listen: str, *, receive: Receive, flush: Flush, failed: Failed,
        trace: Trace | None = None,
    ) -> None:
        self._loop = loop
        self._listen = listen
        self._receive = receive if trace is None else self._receive_traced
        self._receive_next = receive
        self._flush = flush
        self._failed = failed
        self._trace = trace
        self._links: list[Link] = []
        self._routes: dict[Hop, tuple[Link, HostPort]] = {}
        self._by_local: dict[HostPort, Link] = {}
        self._waiting: dict[Hop, list[OutgoingPacket]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.resolver = Resolver(loop)

    async def open(self) -> None:
        """Open the listening socket. Raises Busy, NetworkError, DnsError."""
        host, port = split_host_port(self._listen or "127.0.0.1:0")
        family = numeric_family(host)
        if family is None:
            target = (await self.resolver.resolve(Hop("UDP", host, port or None)))[0]
            host, family = target.address[0], target.family
        self._open_udp(host, port, family)

    @property
    def listen_address(self) -> HostPort:
        """Address of the listening socket."""
        if not self._links:
            raise NetworkError("no socket is open", step="listen")
        return self._links[0].local

    @property
    def local_addresses(self) -> list[tuple[str, HostPort]]:
        """Transport and address of each open socket, the listening one first."""
        return [(link.protocol, link.local) for link in self._links]

    def _open_udp(self, host: str, port: int, family: socket.AddressFamily) -> Link:
        opened = open_udp_socket(host, port, family)
        link = UdpLink(self._loop, opened, self._receive, self._flush, self._on_unreachable, self._concrete_local)
        self._links.append(link)
        self._by_local[link.local] = link
        return link

    # -- which socket ---------------------------------------------------------------------------------------------

    async def reach(self, hop: Hop) -> None:
        """Resolve the host of ``hop`` and open the socket for it. Raises DnsError, NetworkError, Busy."""
        await self.resolver.resolve(hop)
        self._route(hop)

    def reach_now(self, hop: Hop) -> bool:
        """Do as :meth:`reach` if it needs no waiting; returns whether it did."""
        return self._route(hop) is not None

    def local_address(self, hop: Hop) -> HostPort:
        """Return what to call ourselves towards ``hop`` in Via and Contact. Sending tells what is wrong, this never."""
        try:
            route = self._route(hop)
        except NetworkError:
            route = None
        link, remote = route or (self._links[0], None)
        return self._concrete_local(link, remote)

    def _route(self, hop: Hop) -> tuple[Link, HostPort] | None:
        """Return socket and numeric address for ``hop``, None when its name must be looked up first."""
        route = self._routes.get(hop)
        if route is not None:
            return route
        targets = self.resolver.known(hop)
        if targets is None:
            return None
        target = targets[0]
        if target.transport != "UDP":
            raise NetworkError(
                f"transport {target.transport} is not available", step="send", peer=join_host_port(target.address),
                remedy="Use UDP: leave transport= out of the URI",
            )
        route = (self._link_to(target.address[0], target.family), target.address)
        if target.address[0] == hop.host:  # what a name stands for may change: the resolver keeps that
            if len(self._routes) >= _KNOWN_HOPS:
                self._routes.clear()
            self._routes[hop] = route
        return route

    def _link_to(self, host: str, family: socket.AddressFamily) -> Link:
        loopback = is_loopback(host)
        for link in self._links:
            local = link.local[0]
            if numeric_family(local) == family and (is_wildcard(local) or is_loopback(local) == loopback):
                return link
        local = ("127.0.0.1" if family == socket.AF_INET else "::1") if loopback else _routing_address(host, family)
        try:
            return self._open_udp(local, self._links[0].local[1], family)
        except Busy:
            return self._open_udp(local, 0, family)

    def _concrete_local(self, link: Link, remote: HostPort | None) -> HostPort:
        host, port = link.local
        if not is_wildcard(host):
            return link.local
        family = numeric_family(host) or socket.AF_INET
        if remote is None:
            local = ("127.0.0.1" if family == socket.AF_INET else "::1", port)
        else:
            local = (_routing_address(remote[0], family), port)
        self._by_local[local] = link
        return local

    # -- sending --------------------------------------------------------------------------------------------------

    def send(self, packets: Iterable[OutgoingPacket]) -> None:
        """Send each packet; what can not be sent is reported to ``failed``."""
        for packet in packets:
            try:
                route = self._routes.get(packet.hop) or self._route(packet.hop)
                if route is None:
                    self._send_when_resolved(packet)
                    continue
                link, remote = route
                source = packet.source
                if source is not None:
                    link = self._by_local.get(source.local, link)
                link.send(packet.data, remote)
            except OSError as error:
                self._report(packet.token, packet.hop, error)
            except NetworkError as error:
                if packet.token is not None:
                    self._failed(packet.token, error)
            else:
                if self._trace is not None:
                    self._trace("out", link.protocol, self._concrete_local(link, remote), remote, packet.data)

    def _send_when_resolved(self, packet: OutgoingPacket) -> None:
        waiting = self._waiting.get(packet.hop)
        if waiting is not None:
            waiting.append(packet)
            return
        self._waiting[packet.hop] = [packet]
        task = self._loop.create_task(self._resolve_and_send(packet.hop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resolve_and_send(self, hop: Hop) -> None:
        try:
            await self.resolver.resolve(hop)
        except NetworkError as error:
            for packet in self._waiting.pop(hop):
                if packet.token is not None:
                    self._failed(packet.token, error)
        else:
            self.send(self._waiting.pop(hop))
        self._flush()

    def _report(self, token: object, hop: Hop, error: OSError) -> None:
        if token is not None:
            self._failed(token, _send_error((hop.host, hop.port or 5060), error))

    def _on_unreachable(self, remote: HostPort, data: bytes, error: OSError) -> None:
        """An earlier datagram did not arrive, says ICMP, which quotes the datagram."""
        branch = None if data.startswith(b"SIP/2.0") else _topmost_branch(data)  # a lost response is repeated or missed
        if branch is not None:
            self._failed(branch, _send_error(remote, error))

    def _receive_traced(self, data: bytes, source: Source) -> None:
        if self._trace is not None:
            self._trace("in", source.transport, source.local, (source.host, source.port), data)
        self._receive_next(data, source)

    async def close(self) -> None:
        """Close every socket. May be called again."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.resolver.close()
        for link in self._links:
            link.close()
        self._routes.clear()
        self._waiting.clear()


def _routing_address(host: str, family: socket.AddressFamily) -> str:
    """Return the local address from which packets to ``host`` leave; connecting a UDP socket sends nothing."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError as error:
            raise _send_error((host, 0), error) from error
        return str(probe.getsockname()[0])


def _send_error(remote: HostPort, error: OSError) -> NetworkError:
    peer = join_host_port(remote) if remote[1] else remote[0]
    reason = error.strerror or str(error)
    if isinstance(error, ConnectionRefusedError):
        return NetworkError(
            "nothing listens there", step="send", peer=peer, remedy="Check the port, and that the server is running",
        )
    return NetworkError(
        reason, step="send", peer=peer, remedy="Check the network connection and the address",
    )


def _topmost_branch(data: bytes) -> str | None:
    """Return the branch of the first Via in a message that may be cut short."""
    _, found, rest = data.partition(b"branch=")
    if not found:
        return None
    end = min((index for index in map(rest.find, (b";", b",", b"\r", b" ")) if index >= 0), default=len(rest))
    return rest[:end].decode("ascii", "replace")
