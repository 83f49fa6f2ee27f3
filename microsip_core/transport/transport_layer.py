"""The transport layer (RFC 3261 s18): chooses or opens the socket for each hop, and says what we are called there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence

from microsip_core.errors import Busy, InvalidArgument, InvalidState, NetworkError
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.transport.address import (
    HostPort,
    is_loopback,
    is_wildcard,
    join_host_port,
    numeric_family,
    parse_listen,
)
from microsip_core.transport.connector import STREAM_TRANSPORTS, Connector
from microsip_core.transport.keep_alive import KeepAlive
from microsip_core.transport.link import Failed, Flush, Link, Receive, Trace, Waits
from microsip_core.transport.local_route import concrete, routing_address, send_error
from microsip_core.transport.resolver import Resolver
from microsip_core.transport.stream_addresses import StreamAddresses
from microsip_core.transport.stream_limits import DEFAULT_STREAM_LIMITS, StreamLimits
from microsip_core.transport.streams import StreamLayer
from microsip_core.transport.stun_client import StunClient
from microsip_core.transport.tls import TlsSettings, client_context, server_context
from microsip_core.transport.udp import UdpLink, open_udp_socket

_KNOWN_HOPS = 4096


class TransportLayer:
    """All sockets of one endpoint.

    ``receive`` takes each message, ``flush`` is called after each batch of them. ``failed`` is told of messages that
    could not be sent, ``lost`` of the end of connections that we had opened.

    ``listen`` is "HOST:PORT", "TRANSPORT:HOST:PORT" (udp, tcp, tls, ws, wss), or several of them. Where none of these
    addresses can reach a destination by UDP or TCP, a further socket is opened on the local address that routes there.
    With ``listen_tcp`` we listen for TCP, too, at each UDP address where that port is free (RFC 3261 s18.2.1), unless
    a TCP address is given.
    ``stun_server``: STUN requests that come to our UDP sockets are answered (RFC 5626 s5.4).
    ``waits`` is told how long the messages that follow have waited for us, as far as can be known.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, listen: str | Sequence[str], *, receive: Receive, flush: Flush,
        failed: Failed, trace: Trace | None = None, lost: Callable[[Hop], None] | None = None,
        tls: TlsSettings | None = None, limits: StreamLimits = DEFAULT_STREAM_LIMITS,
        nameservers: Sequence[str] = (), stun_server: bool = False, listen_tcp: bool = False,
        waits: Waits | None = None,
    ) -> None:
        self._loop = loop
        self._listen = ([listen] if isinstance(listen, str) else list(listen)) or [""]
        self._receive = receive if trace is None else self._receive_traced
        self._receive_next = receive
        self._flush = flush
        self._failed = failed
        self._trace = trace
        self._waits = waits
        self._links: list[Link] = []
        self._listening: list[tuple[str, HostPort]] = []
        self._routes: dict[Hop, tuple[Link, HostPort]] = {}
        self._by_local: dict[HostPort, Link] = {}
        self._waiting: dict[Hop, list[OutgoingPacket]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listen_tcp = listen_tcp
        self.stun = StunClient(loop, serves=stun_server)
        self._lost = lost
        self._keep_alive = KeepAlive(loop, send=self._send_octets, ask=self.public_address, lost=self._flow_lost)
        self.resolver = Resolver(loop, nameservers)
        self.addresses = StreamAddresses(self.resolver, self._listening, self._links)
        self.streams = self.addresses.streams = StreamLayer(
            loop, self.resolver, receive=self._receive, flush=flush, failed=failed, lost=lost, trace=trace,
            limits=limits, tls=tls or TlsSettings(), waits=waits, call_from=self.addresses.call_from,
            called_at=self.addresses.called_at,
        )

    async def open(self) -> None:
        """Open the listening sockets. Raises Busy, NetworkError, TlsError, DnsError, InvalidArgument."""
        self._listening[:] = await self._open_listed()

    async def reopen(self, listen: str | Sequence[str] | None = None) -> None:
        """Open new sockets in place of all there are, at ``listen`` or where we were told before: the network changed.

        Names are looked up anew. Raises InvalidArgument where ``listen`` can not be read, with nothing changed; else as
        :meth:`open`: then nothing is open, what is sent fails, and this may be called again.
        """
        if listen is not None:
            wanted = ([listen] if isinstance(listen, str) else list(listen)) or [""]
            for text in wanted:
                parse_listen(text)  # before anything is closed
            self._listen = wanted
        self._close_all()
        self.addresses.forget()
        self.resolver.forget()
        try:
            self._listening[:] = await self._open_listed()
        except BaseException:
            self._close_all()
            raise

    def _close_all(self) -> None:
        for link in self._links:
            link.close()
        self._links.clear()
        self._by_local.clear()
        self._routes.clear()
        self.streams.drop()

    async def _open_listed(self) -> list[tuple[str, HostPort]]:
        """Open a socket for each address we were told."""
        return [await self._open_one(text) for text in self._listen]

    async def _open_one(self, text: str) -> tuple[str, HostPort]:
        protocol, host, port = parse_listen(text)
        family = numeric_family(host)
        if family is None:
            target = (await self.resolver.resolve(Hop("UDP", host, port or 5060)))[0]
            host, family = target.address[0], target.family
        if protocol != "UDP":
            return protocol, self.addresses.open_listener(protocol, host, port, family).local
        local = self._open_udp(host, port, family).local
        if self._listen_tcp and not any(parse_listen(one).transport == "TCP" for one in self._listen):
            self._listen_too(local, family)
        return protocol, local

    async def add(self, text: str) -> tuple[str, HostPort]:
        """Listen at one more address, written as in ``listen``; returns transport and address. Raises as :meth:`open`.
        """
        opened = await self._open_one(text)
        self._listening.append(opened)
        self._listen.append(text)
        self._forget_ways()
        return opened

    def remove(self, protocol: str, local: HostPort) -> None:
        """Listen no more at an address that we were told; what was opened for TCP beside a UDP address closes with it.

        Connections go on. Raises InvalidState for the last address, InvalidArgument for one that is none of ours.
        """
        if (protocol, local) not in self._listening:
            raise InvalidArgument(f"we do not listen at {protocol} {join_host_port(local)}", step="close transport")
        if len(self._listening) == 1:
            raise InvalidState("this is the only address", step="close transport", remedy="Add another one before")
        at = self._listening.index((protocol, local))
        del self._listening[at], self._listen[at]
        if protocol == "UDP":
            for link in [one for one in self._links if one.local == local]:
                link.close()
                self._links.remove(link)
        for listener in list(self.streams.listeners):
            beside = protocol == "UDP" and listener.protocol == "TCP" and ("TCP", local) not in self._listening
            if listener.local == local and (listener.protocol == protocol or beside):
                listener.close()
                self.streams.listeners.remove(listener)
        self._forget_ways()

    def _forget_ways(self) -> None:
        """Look anew for the socket that leads to each destination."""
        self._routes.clear()
        self._by_local = {local: link for local, link in self._by_local.items() if link in self._links}
        self.addresses.forget()

    def set_tls(self, tls: TlsSettings) -> None:
        """Use another certificate or other authorities for connections from now on. Raises TlsError for bad files."""
        client_context(tls)
        if tls.certificate is not None:
            server_context(tls)
        self.streams.connector = Connector(self._loop, self.streams, tls)

    def _listen_too(self, local: HostPort, family: socket.AddressFamily) -> None:
        """Listen for TCP where we do for UDP, if we may: large requests come that way (RFC 3261 s18.1.1)."""
        try:
            self.streams.listen("TCP", local[0], local[1], family)
        except (Busy, NetworkError):
            return  # another program has that port for TCP: a peer that gets no connection goes on by UDP

    @property
    def default_transport(self) -> str:
        """The transport for URIs that name none: UDP unless we were told to listen otherwise only."""
        wanted = [parse_listen(text).transport for text in self._listen]
        return wanted[0] if wanted and "UDP" not in wanted else "UDP"

    @property
    def listen_address(self) -> HostPort:
        """Address of the first listening socket."""
        return self.listen_address_of(None)

    def listen_address_of(self, protocol: str | None) -> HostPort:
        """Address of the first listening socket of a transport, None for any. Raises NetworkError without one."""
        for name, local in self._listening:
            if protocol is None or name == protocol:
                return local
        raise NetworkError("no socket is open", step="listen")

    @property
    def local_addresses(self) -> list[tuple[str, HostPort]]:
        """Transport and address of each listening or UDP socket, those asked for first."""
        further = [(link.protocol, link.local) for link in self._links]
        further += [(listener.protocol, listener.local) for listener in self.streams.listeners]
        return [*self._listening, *(entry for entry in further if entry not in self._listening)]

    def _open_udp(self, host: str, port: int, family: socket.AddressFamily) -> Link:
        opened = open_udp_socket(host, port, family)
        link = UdpLink(self._loop, opened, self._receive, self._flush, self._on_unreachable, self._concrete_local,
                       self.stun.receive, self._waits)
        self._links.append(link)
        self._by_local[link.local] = link
        return link

    # -- which socket ---------------------------------------------------------------------------------------------

    async def reach(self, hop: Hop) -> None:
        """Resolve the host of ``hop`` and open what leads there. Raises DnsError, NetworkError, TlsError, Busy."""
        _require_available(hop)
        if hop.transport == "UDP":
            await self.resolver.resolve(hop)
            chosen = self.choose_hop(hop)
            if chosen != hop:
                await self.reach(chosen)
                return
            self._route(hop)
        elif self.addresses.listener_for(hop) is None:
            await self.streams.connect(hop)
        else:
            await self.resolver.resolve(hop)

    def reach_now(self, hop: Hop) -> bool:
        """Do as :meth:`reach` if it needs no waiting; returns whether it did."""
        _require_available(hop)
        if hop.transport == "UDP":
            chosen = self.choose_hop(hop)
            return self._route(hop) is not None if chosen == hop else self.reach_now(chosen)
        if self.streams.find(hop) is not None:
            return True
        return self.resolver.known(hop) is not None and self.addresses.listener_for(hop) is not None

    def known_hosts(self, hop: Hop) -> frozenset[str]:
        """Return the numeric addresses that a hop stands for, as far as they are known now; looks nothing up."""
        return frozenset(target.address[0] for target in self.resolver.known(hop) or ())

    def choose_hop(self, hop: Hop) -> Hop:
        """Return the hop with the transport its domain prefers, if that is known (RFC 3263 s4.1).

        A URI says ws for WSS, too: a WS hop stands for WSS where there is such a connection.
        """
        if hop.transport == "WS":
            secure = hop._replace(transport="WSS")
            return hop if self.streams.find(hop) is not None or self.streams.find(secure) is None else secure
        return hop if hop.port is not None else self.resolver.choose(hop)

    def another_target(self, hop: Hop) -> bool:
        """Take note that the server ``hop`` led to has failed; returns whether it leads to another one now."""
        targets = self.resolver.known(hop)
        if not targets or not self.resolver.avoid(hop, targets[0]):
            return False
        self.streams.leave(hop)
        return True

    def local_address(self, hop: Hop) -> HostPort:
        """Return what to call ourselves towards ``hop`` in Via and Contact. Sending tells what is wrong, this never."""
        known = self._routes.get(hop)
        if known is not None:
            return self._concrete_local(*known)
        if hop.transport != "UDP":
            return self.addresses.local_address(hop)
        try:
            route = self._route(hop)
        except NetworkError:
            route = None
        if route is None and not self._links:
            return self._listening[0][1]
        link, remote = route or (self._links[0], None)
        return self._concrete_local(link, remote)

    def _route(self, hop: Hop) -> tuple[Link, HostPort] | None:
        """Return UDP socket and numeric address for ``hop``, None when its name must be looked up first."""
        route = self._routes.get(hop)
        if route is not None:
            return route
        targets = self.resolver.known(hop)
        if targets is None:
            return None
        target = targets[0]
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
        local = ("127.0.0.1" if family == socket.AF_INET else "::1") if loopback else routing_address(host, family)
        try:
            return self._open_udp(local, self._listening[0][1][1], family)
        except Busy:
            return self._open_udp(local, 0, family)

    def _concrete_local(self, link: Link, remote: HostPort | None) -> HostPort:
        if not is_wildcard(link.local[0]):
            return link.local
        local = concrete(link.local, remote)
        self._by_local[local] = link
        return local

    # -- flows ----------------------------------------------------------------------------------------------------

    async def public_address(self, hop: Hop) -> HostPort:
        """Ask the STUN server at a UDP ``hop`` where it sees the socket that leads there. Raises NetworkError."""
        link, remote = await self._udp_route(hop)
        return await self.stun.ask(link, remote)

    async def local_and_public(self, hop: Hop) -> tuple[HostPort, HostPort]:
        """Return the local address of the socket that leads to a STUN server, and where that sees it."""
        link, remote = await self._udp_route(hop)
        return self._concrete_local(link, remote), await self.stun.ask(link, remote)

    async def _udp_route(self, hop: Hop) -> tuple[Link, HostPort]:
        await self.resolver.resolve(hop)
        route = self._route(hop)
        if route is None:
            raise NetworkError("the address is not known", step="stun", peer=hop.host)
        return route

    def keep_alive(self, hop: Hop, owner: object, seconds: float, *, outbound: bool) -> None:
        """Keep the flow to ``hop`` open for ``owner``, by something sent at least every ``seconds``; 0: do not.

        With ``outbound`` the other end answers for it, and a flow that is not answered counts as lost.
        """
        self._keep_alive.release(owner, but=hop if seconds > 0 else None)
        if seconds <= 0:
            return
        if hop.transport == "UDP":
            self._keep_alive.keep(hop, owner, seconds, outbound=outbound)
        elif outbound:
            connection = self.streams.find(hop)
            if connection is not None:
                connection.expect_pongs(seconds)

    def release_flow(self, owner: object) -> None:
        """``owner`` needs its flow no longer."""
        self._keep_alive.release(owner)

    def abandon(self, hop: Hop) -> None:
        """Use the connection to ``hop`` no more: its other end says that the flow has failed (430)."""
        self.streams.leave(hop)

    def _flow_lost(self, hop: Hop) -> None:
        if self._lost is not None:
            self._lost(hop)

    def _send_octets(self, data: bytes, hop: Hop) -> None:
        route = self._route(hop)
        if route is not None:
            try:
                route[0].send(data, route[1])
            except OSError as error:
                raise send_error(route[1], error) from error

    # -- sending --------------------------------------------------------------------------------------------------

    def send(self, packets: Iterable[OutgoingPacket]) -> None:
        """Send each packet; what can not be sent is reported to ``failed``."""
        for packet in packets:
            try:
                route = self._routes.get(packet.hop)  # UDP hops only
                if route is None:
                    if packet.hop.transport != "UDP":
                        self._send_stream(packet)
                        continue
                    route = self._route(packet.hop)
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

    def _send_stream(self, packet: OutgoingPacket) -> None:
        if packet.hop.transport in STREAM_TRANSPORTS:
            self.streams.send(packet)
        else:
            _require_available(packet.hop)

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
            self._failed(token, send_error((hop.host, hop.port or 5060), error))

    def _on_unreachable(self, remote: HostPort, data: bytes, error: OSError) -> None:
        """An earlier datagram did not arrive, says ICMP, which quotes the datagram."""
        branch = None if data.startswith(b"SIP/2.0") else _topmost_branch(data)  # a lost response is repeated or missed
        if branch is not None:
            self._failed(branch, send_error(remote, error))

    def _receive_traced(self, data: bytes, source: Source) -> None:
        if self._trace is not None:
            self._trace("in", source.transport, source.local, (source.host, source.port), data)
        self._receive_next(data, source)

    async def close(self) -> None:
        """Close every socket. May be called again."""
        self._keep_alive.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.streams.close()
        await self.resolver.close()
        for link in self._links:
            link.close()
        self._routes.clear()
        self._waiting.clear()


def _require_available(hop: Hop) -> None:
    """Raise NetworkError for a transport we do not have, such as SCTP."""
    if hop.transport != "UDP" and hop.transport not in STREAM_TRANSPORTS:
        raise NetworkError(
            f"transport {hop.transport} is not available", step="send",
            peer=join_host_port((hop.host, hop.port or 5060)), remedy="Use one of udp, tcp, tls, ws and wss",
        )


def _topmost_branch(data: bytes) -> str | None:
    """Return the branch of the first Via in a message that may be cut short."""
    _, found, rest = data.partition(b"branch=")
    if not found:
        return None
    end = min((index for index in map(rest.find, (b";", b",", b"\r", b" ")) if index >= 0), default=len(rest))
    return rest[:end].decode("ascii", "replace")
