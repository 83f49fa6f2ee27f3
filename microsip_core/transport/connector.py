"""Makes connections, called and calling: sockets, TLS contexts, and the kind of connection each transport needs."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

from microsip_core.errors import NetworkError, NotSupported, TlsError
from microsip_core.sip.hop import Hop
from microsip_core.transport import tcp
from microsip_core.transport.address import HostPort, join_host_port
from microsip_core.transport.connection import Connection, ConnectionOwner
from microsip_core.transport.resolver import Target
from microsip_core.transport.tls import TlsSettings, check_name, client_context, server_context, tls_error

STREAM_TRANSPORTS = frozenset({"TCP", "TLS", "WS", "WSS"})
_SECURE = frozenset({"TLS", "WSS"})
_SHUTDOWN_SECONDS = 1.0  # for the peer to say good-bye in TLS


class Connector:
    """Makes the connections of one ``owner``. TLS contexts are made when they are first needed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: ConnectionOwner, tls: TlsSettings) -> None:
        self._loop = loop
        self._owner = owner
        self._tls = tls
        self._client_context: ssl.SSLContext | None = None
        self._server_context: ssl.SSLContext | None = None

    @property
    def has_certificate(self) -> bool:
        """Whether we can be called by TLS."""
        return self._tls.certificate is not None

    def require_certificate(self) -> None:
        """Raise TlsError unless TLS and WSS connections can be accepted."""
        self._context(server=True)

    async def connect(self, hop: Hop, target: Target, local_host: str | None) -> Connection:
        """Open a connection. Raises NetworkError, TlsError."""
        peer = join_host_port(target.address)
        seconds = self._owner.limits.connect_seconds
        try:
            async with asyncio.timeout(seconds):
                opened = await tcp.connect(self._loop, target.address, target.family, local_host)
                return await self._shake_hands(hop, opened)
        except TimeoutError as error:
            raise NetworkError(
                f"no connection within {seconds:g} s", step="connect", peer=f"{hop.transport} {peer}",
                remedy="Check the address, that the server runs, and that no firewall is between",
            ) from error
        except OSError as error:
            raise connection_error(error, hop.transport, target.address) from error

    async def _shake_hands(self, hop: Hop, opened: socket.socket) -> Connection:
        connection = self._make(hop.transport, hop)
        try:
            context = self._context(server=False) if hop.transport in _SECURE else None
            seconds = self._owner.limits.connect_seconds if context is not None else None
            await self._loop.create_connection(
                lambda: connection, sock=opened, ssl=context, server_hostname=hop.host if context is not None else None,
                ssl_handshake_timeout=seconds, ssl_shutdown_timeout=_SHUTDOWN_SECONDS if context is not None else None,
            )
        except BaseException:
            opened.close()
            raise
        try:
            assert connection.ready is not None
            await connection.ready
        except BaseException:
            connection.abort()
            raise
        return connection

    async def accept(self, protocol: str, opened: socket.socket) -> Connection | None:
        """Make a connection of an accepted socket; None when its TLS handshake came to nothing."""
        connection = self._make(protocol, None)
        try:
            tcp.tune(opened)
            secure = protocol in _SECURE
            await self._loop.connect_accepted_socket(
                lambda: connection, opened, ssl=self._context(server=True) if secure else None,
                ssl_handshake_timeout=self._owner.limits.connect_seconds if secure else None,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS if secure else None,
            )
        except OSError:
            opened.close()
            return None
        except BaseException:
            opened.close()
            raise
        return connection

    def check(self, connection: Connection) -> None:
        """Check that a connection we opened leads to whom we meant. Raises TlsError."""
        hop = connection.hop
        if hop is not None and self._tls.verify and hop.transport in _SECURE:
            check_name(hop.host, connection.certificate() or {})

    def _make(self, protocol: str, hop: Hop | None) -> Connection:
        if protocol not in STREAM_TRANSPORTS:
            raise NotSupported(f"transport {protocol} is not available", step="connect")
        if protocol in ("WS", "WSS"):
            from microsip_core.transport.websocket import WebSocketConnection

            return WebSocketConnection(protocol, self._loop, self._owner, hop)
        return Connection(protocol, self._loop, self._owner, hop)

    def _context(self, *, server: bool) -> ssl.SSLContext:
        if server:
            if self._server_context is None:
                self._server_context = server_context(self._tls)
            return self._server_context
        if self._client_context is None:
            self._client_context = client_context(self._tls)
        return self._client_context


def connection_error(error: Exception | None, transport: str, remote: HostPort) -> NetworkError:
    """Put what became of a connection, or of an attempt at one, into words."""
    peer = f"{transport} {join_host_port(remote)}"
    if isinstance(error, NetworkError):
        return error
    if isinstance(error, ssl.SSLError):
        return tls_error(error, join_host_port(remote))
    if isinstance(error, ConnectionRefusedError):
        return NetworkError(
            "nothing listens there", step="connect", peer=peer,
            remedy="Check the port and the transport, and that the server is running",
        )
    if transport in _SECURE and isinstance(error, ConnectionError):
        return TlsError(
            "the server closed the connection during the handshake", step="tls", peer=join_host_port(remote),
            remedy="Check that the server speaks TLS at this port, and whether it wants a client certificate",
        )
    if isinstance(error, OSError):
        number = error.errno
        unreachable = number in (errno.ENETUNREACH, errno.EHOSTUNREACH)
        return NetworkError(
            error.strerror or str(error) or type(error).__name__, step="connect", peer=peer,
            remedy="Check the network connection and the address" if unreachable else None,
        )
    return NetworkError(
        "the peer closed the connection" if error is None else str(error) or type(error).__name__, step="send",
        peer=peer,
    )
