"""Limits on connections, so that a peer can spend neither our memory nor our descriptors, and dead ones are noticed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Limits of the connection-oriented transports; times in seconds, sizes in octets.

    ``connections`` and ``connections_per_source`` bound the accepted ones; further ones are closed at once.
    ``connect_seconds`` is for opening a connection, its TLS and WebSocket handshakes included.
    ``message_seconds`` is how long a peer may take over one message, and how long it may stay silent after connecting.
    ``keep_alive_seconds`` is the time between our pings on a connection we opened: RFC 5626 s4.4.1 has 95 to 120.
    ``pong_seconds`` is how long a peer that answers pings may take over it before the connection counts as dead.
    ``backlog`` is what may wait for a peer that does not read, before it is given up.
    ``resend_seconds`` is how long after its writing a request is repeated on a new connection, if the first one died
    without a word from the peer since.
    """

    connections: int = 10_000
    connections_per_source: int = 1024
    connect_seconds: float = 8.0
    message_seconds: float = 30.0
    keep_alive_seconds: float = 100.0
    pong_seconds: float = 10.0
    backlog: int = 4 * 1024 * 1024
    resend_seconds: float = 5.0


DEFAULT_STREAM_LIMITS = StreamLimits()
