"""Which local address leads to a remote one, and what to say when none does."""

from __future__ import annotations

import socket

from microsip_core.errors import NetworkError
from microsip_core.transport.address import HostPort, is_wildcard, join_host_port, numeric_family


def concrete(local: HostPort, remote: HostPort | None) -> HostPort:
    """Return the address without wildcard that a socket has towards ``remote``."""
    host, port = local
    if not is_wildcard(host):
        return local
    family = numeric_family(host) or socket.AF_INET
    if remote is None:
        return "127.0.0.1" if family == socket.AF_INET else "::1", port
    return routing_address(remote[0], family), port


def routing_address(host: str, family: socket.AddressFamily) -> str:
    """Return the local address from which packets to ``host`` leave; connecting a UDP socket sends nothing."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError as error:
            raise send_error((host, 0), error) from error
        return str(probe.getsockname()[0])


def send_error(remote: HostPort, error: OSError) -> NetworkError:
    """Put into words why a datagram did not get to ``remote``."""
    peer = join_host_port(remote) if remote[1] else remote[0]
    reason = error.strerror or str(error)
    if isinstance(error, ConnectionRefusedError):
        return NetworkError(
            "nothing listens there", step="send", peer=peer, remedy="Check the port, and that the server is running",
        )
    return NetworkError(
        reason, step="send", peer=peer, remedy="Check the network connection and the address",
    )
