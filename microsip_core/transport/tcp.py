"""TCP sockets: opening connections, listening, and accepting no more than is wanted."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from microsip_core.errors import Busy, NetworkError
from microsip_core.transport.address import HostPort, join_host_port

_BACKLOG = 512
_BATCH = 64
_PAUSE_SECONDS = 0.5  # between attempts to accept when descriptors have run out
_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_ACCEPT_GONE = (errno.ECONNABORTED, errno.EPROTO, errno.EPERM)


def open_listening_socket(host: str, port: int, family: socket.AddressFamily) -> socket.socket:
    """Bind a non-blocking TCP socket and listen. Raises Busy when the port is taken, NetworkError when it can not."""
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise _listen_error(host, port, error) from error
    return opened


def _listen_error(host: str, port: int, error: OSError) -> Busy | NetworkError:
    address = join_host_port((host, port))
    if error.errno == errno.EADDRINUSE:
        return Busy(
            f"TCP port {port} of {host} is in use by another program", step="listen", peer=address,
            remedy="Stop that program, choose another port, or port 0 for a free one",
        )
    if error.errno == errno.EACCES:
        remedy = "Ports below 1024 need privileges: choose a higher one"
    else:
        remedy = "Give an address of this host, 127.0.0.1, or 0.0.0.0 for every one"
    return NetworkError(f"can not listen: {error.strerror or error}", step="listen", peer=address, remedy=remedy)


async def connect(
    loop: asyncio.AbstractEventLoop, remote: HostPort, family: socket.AddressFamily, local_host: str | None,
) -> socket.socket:
    """Return a connected socket. ``local_host`` is the address to call from, None for any. Raises OSError."""
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        if local_host is not None:
            opened.bind((local_host, 0))
        await loop.sock_connect(opened, remote)
        if opened.getsockname() == opened.getpeername():  # a port of ours that happened to be the one called
            raise ConnectionRefusedError(errno.ECONNREFUSED, "connected to itself")
        tune(opened)
    except BaseException:
        opened.close()
        raise
    return opened


def tune(opened: socket.socket) -> None:
    """Send at once, and notice a peer that has vanished without a word."""
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", 60), ("TCP_KEEPALIVE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4),
        ("TCP_USER_TIMEOUT", 30_000),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)


class Listener:
    """A listening socket on the loop. ``accept`` gets each new connection's socket, to keep or to close.

    ``protocol`` is TCP, TLS, WS or WSS; ``local`` the address it is bound to.
    """

    def __init__(
        self, protocol: str, loop: asyncio.AbstractEventLoop, opened: socket.socket,
        accept: Callable[[Listener, socket.socket, HostPort], None],
    ) -> None:
        self.protocol = protocol
        self.local: HostPort = opened.getsockname()[:2]
        self.family = opened.family
        self._loop = loop
        self._socket = opened
        self._accept = accept
        self._pause: asyncio.TimerHandle | None = None
        loop.add_reader(opened.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        for _ in range(_BATCH):
            try:
                accepted, remote = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _ACCEPT_GONE:
                    continue
                if error.errno in _OUT_OF_DESCRIPTORS:
                    self._wait()
                    return
                raise
            accepted.setblocking(False)
            self._accept(self, accepted, remote[:2])

    def _wait(self) -> None:
        """Leave callers in the kernel's queue until descriptors may be free again."""
        self._loop.remove_reader(self._socket.fileno())
        self._pause = self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket.fileno(), self._on_readable)

    def close(self) -> None:
        """Stop listening. May be called again."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
