"""Host and port text: "HOST:PORT" with IPv6 in brackets, and what kind of address a host is."""

from __future__ import annotations

import socket
from typing import NamedTuple

from microsip_core.errors import InvalidArgument

HostPort = tuple[str, int]
TRANSPORTS = ("UDP", "TCP", "TLS", "WS", "WSS")


class ListenAddress(NamedTuple):
    """Where to listen, and for which transport; port 0 is a free one."""

    transport: str
    host: str
    port: int


def parse_listen(text: str) -> ListenAddress:
    """Parse "HOST:PORT" or "TRANSPORT:HOST:PORT", such as "tls:[::1]:5061". Raises InvalidArgument."""
    transport, colon, rest = text.partition(":")
    if colon and transport.upper() in TRANSPORTS and not transport.isdigit():
        host, port = split_host_port(rest)
        return ListenAddress(transport.upper(), host or "127.0.0.1", port)
    host, port = split_host_port(text)
    if ":" in host and not is_ipv6(host):
        raise InvalidArgument(
            f"{text!r} is not an address to listen at",
            remedy=f"Write HOST:PORT, or a transport before it: {', '.join(TRANSPORTS).lower()}",
        )
    return ListenAddress("UDP", host or "127.0.0.1", port)


def is_ipv6(host: str) -> bool:
    """Whether a host is a numeric IPv6 address."""
    return numeric_family(host) == socket.AF_INET6


def split_host_port(text: str, default_port: int = 0) -> HostPort:
    """Split "HOST:PORT", "[V6]:PORT", "HOST" or a bare IPv6 address. Raises InvalidArgument for a bad port."""
    host, port_text = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InvalidArgument(f"{text!r} is not an address", remedy="Write HOST:PORT or [IPV6]:PORT")
        port_text = rest[1:]
    elif text.count(":") == 1:
        host, _, port_text = text.partition(":")
    if not port_text:
        return host, default_port
    if not port_text.isascii() or not port_text.isdigit() or int(port_text) > 65535:
        raise InvalidArgument(f"{port_text!r} is not a port", remedy="A port is a number from 0 to 65535")
    return host, int(port_text)


def join_host_port(address: HostPort) -> str:
    """Return "HOST:PORT", with brackets round an IPv6 address."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def numeric_family(host: str) -> socket.AddressFamily | None:
    """Return the family of a numeric address, None for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except (OSError, UnicodeError, ValueError):
            continue
        return family
    return None


def is_loopback(host: str) -> bool:
    """Whether a numeric address is one of this host only."""
    return host.startswith("127.") or host == "::1"


def is_wildcard(host: str) -> bool:
    """Whether a numeric address stands for every address of this host."""
    return host in ("0.0.0.0", "::")  # noqa: S104 (compared with, not bound)
