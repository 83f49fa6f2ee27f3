"""By which address of ours the peers of connections know us: where we listen for them, or our end of the connection."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from microsip_core.errors import Busy, NetworkError
from microsip_core.sip.hop import Hop
from microsip_core.transport.address import HostPort, is_loopback, is_wildcard, numeric_family
from microsip_core.transport.local_route import concrete, routing_address
from microsip_core.transport.resolver import Resolver
from microsip_core.transport.tcp import Listener

if TYPE_CHECKING:
    from microsip_core.transport.link import Link
    from microsip_core.transport.streams import StreamLayer

_KNOWN_HOPS = 4096


class StreamAddresses:
    """Answers for one transport layer. ``listening`` and ``udp`` are its lists, which grow; ``streams`` is set by it
    before anything is asked."""

    streams: StreamLayer

    def __init__(self, resolver: Resolver, listening: Sequence[tuple[str, HostPort]], udp: Sequence[Link]) -> None:
        self._resolver = resolver
        self._listening = listening
        self._udp = udp
        self._named: dict[Hop, HostPort] = {}
        self._called_at: dict[Hop, HostPort] = {}

    def forget(self) -> None:
        """Forget by which addresses we were known: they have changed."""
        self._named.clear()
        self._called_at.clear()

    def local_address(self, hop: Hop) -> HostPort:
        """Return where we listen for ``hop``; where we do not, our end of the connection, or of the last one."""
        called_at = self.called_at(hop)
        if called_at is not None:
            return called_at
        connection = self.streams.find(hop)
        if connection is not None and connection.source is not None:
            if len(self._named) >= _KNOWN_HOPS:
                self._named.clear()
            self._named[hop] = connection.source.local
        return self._named.get(hop) or self._guess(hop)

    def _guess(self, hop: Hop) -> HostPort:
        """Return a name for us before there is a connection: responses come by the connection anyway."""
        remote, local = self._address_of(hop), self._listening[0][1]
        if remote is None:
            return concrete(local, None)
        try:
            return routing_address(remote[0], numeric_family(remote[0]) or socket.AF_INET), local[1]
        except NetworkError:
            return concrete(local, None)

    def called_at(self, hop: Hop) -> HostPort | None:
        """Return the address at which the peer of ``hop`` can call us, None where it can not."""
        known = self._called_at.get(hop)
        if known is not None:
            return known
        listener, remote = self.listener_for(hop), self._address_of(hop)
        if listener is None:
            return None
        try:
            address = concrete(listener.local, remote)
        except NetworkError:  # no way there just now
            return None
        if remote is not None and remote[0] == hop.host:  # what a name stands for may change
            if len(self._called_at) >= _KNOWN_HOPS:
                self._called_at.clear()
            self._called_at[hop] = address
        return address

    def listener_for(self, hop: Hop) -> Listener | None:
        """Return the listener that ``hop`` can call us at; for TCP one is opened where there is none."""
        remote = self._address_of(hop)
        if remote is None:
            return None
        family = numeric_family(remote[0])
        loopback = is_loopback(remote[0])
        for listener in self.streams.listeners:
            local = listener.local[0]
            if listener.protocol == hop.transport and listener.family == family and (
                is_wildcard(local) or is_loopback(local) == loopback
            ):
                return listener
        if hop.transport != "TCP" or family is None:
            return None
        try:
            local = self._local_host_for(remote[0], family)
            return self.open_listener("TCP", local, 0, family)
        except (NetworkError, Busy):
            return None

    def open_listener(self, protocol: str, host: str, port: int, family: socket.AddressFamily) -> Listener:
        """Listen for connections; a free port is by preference the one of our UDP socket at that host."""
        if not port:
            taken = {listener.local[1] for listener in self.streams.listeners if listener.local[0] == host}
            for link in self._udp:
                if link.local[0] == host and link.local[1] not in taken:
                    try:
                        return self.streams.listen(protocol, host, link.local[1], family)
                    except Busy:
                        break
        return self.streams.listen(protocol, host, port, family)

    def call_from(self, remote: HostPort, family: socket.AddressFamily) -> str | None:
        """Return the local address to open a connection from: one that we were told to listen at, if it leads there."""
        loopback = is_loopback(remote[0])
        for _, (local, _) in self._listening:
            if numeric_family(local) == family and not is_wildcard(local) and is_loopback(local) == loopback:
                return local
        return None

    def _local_host_for(self, host: str, family: socket.AddressFamily) -> str:
        for _, (local, _) in self._listening:
            if numeric_family(local) == family and (is_wildcard(local) or is_loopback(local) == is_loopback(host)):
                return local
        if is_loopback(host):
            return "127.0.0.1" if family == socket.AF_INET else "::1"
        return routing_address(host, family)

    def _address_of(self, hop: Hop) -> HostPort | None:
        targets = self._resolver.known(hop)
        return targets[0].address if targets else None
