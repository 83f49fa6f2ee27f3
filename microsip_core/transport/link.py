"""What every transport protocol offers the transport layer, and what it gets to report to."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from microsip_core.errors import NetworkError
from microsip_core.sip.hop import Source
from microsip_core.transport.address import HostPort

Receive = Callable[[bytes, Source], None]  # a datagram or a framed message came in
Flush = Callable[[], None]  # the batch of messages is over: time to send what came of it
Waits = Callable[[float, Hashable], None]  # seconds the oldest message of the batch that follows has waited; its socket
Unreachable = Callable[[HostPort, bytes, OSError], None]  # what was sent to that address did not get there
Failed = Callable[[object, NetworkError], None]  # the token of a packet, or the branch in it, and why it was not sent
Trace = Callable[[str, str, HostPort, HostPort, bytes], None]  # "in" or "out", transport, local, remote, message
TakeStun = Callable[[bytes, "Link", HostPort], bool]  # a datagram that may be STUN; returns whether it was
Concrete = Callable[["Link", HostPort], HostPort]  # the local address, no wildcard, towards that remote one


class Link(Protocol):
    """One open socket, or one set of connections from one local address."""

    protocol: str
    local: HostPort

    def send(self, data: bytes, remote: HostPort) -> None:
        """Send or queue a message. Raises OSError when it can not be sent; later failures go to Unreachable."""

    def close(self) -> None:
        """Close at once, without a word to the peer. May be called again."""
