"""SIP over UDP: a non-blocking socket that is drained in batches, and written to directly."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import sys
import time
from collections import deque

from microsip_core.errors import Busy, NetworkError
from microsip_core.sip.hop import Source
from microsip_core.transport.address import HostPort, join_host_port
from microsip_core.transport.link import Concrete, Flush, Receive, TakeStun, Unreachable, Waits

_LARGEST_DATAGRAM = 65535
_BATCH = 64  # datagrams a wake-up: enough to save wake-ups, few enough that the answers do not wait long
_RECEIVE_BUFFER = 8 * 1024 * 1024  # a burst of calls overflows the system's default of 208 KiB
_SEND_QUEUE = 2000
_KNOWN_SOURCES = 4096

# Linux tells of ICMP errors on unconnected sockets only when asked to (ip(7), IP_RECVERR)
_IP_RECVERR, _IPV6_RECVERR, _MSG_ERRQUEUE = 11, 25, 0x2000
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_ICMP_ORIGINS = (2, 3)

# Linux notes when a datagram arrived (socket(7), SO_TIMESTAMPNS): seconds and nanoseconds
_SO_TIMESTAMPNS = 35
_ARRIVAL = struct.Struct("@ll")
_ARRIVAL_SPACE = socket.CMSG_SPACE(_ARRIVAL.size) if hasattr(socket, "CMSG_SPACE") else 0


def open_udp_socket(host: str, port: int, family: socket.AddressFamily) -> socket.socket:
    """Bind a non-blocking UDP socket. Raises Busy when the port is taken, NetworkError when the address is not ours."""
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _enlarge_receive_buffer(opened)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise _bind_error(host, port, error) from error
    return opened


def _enlarge_receive_buffer(opened: socket.socket) -> None:
    """Ask for a big buffer, past the system's limit where we may."""
    force = getattr(socket, "SO_RCVBUFFORCE", 33 if sys.platform == "linux" else None)
    if force is not None:
        try:
            opened.setsockopt(socket.SOL_SOCKET, force, _RECEIVE_BUFFER)
            return
        except PermissionError:
            pass  # only a privileged process may; the limit of net.core.rmem_max holds then
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)


def _bind_error(host: str, port: int, error: OSError) -> Busy | NetworkError:
    address = join_host_port((host, port))
    if error.errno == errno.EADDRINUSE:
        return Busy(
            f"UDP port {port} of {host} is in use by another program", step="listen", peer=address,
            remedy="Stop that program, choose another port, or port 0 for a free one",
        )
    if error.errno == errno.EACCES:
        remedy = "Ports below 1024 need privileges: choose a higher one"
    else:
        remedy = "Give an address of this host, 127.0.0.1, or 0.0.0.0 for every one"
    return NetworkError(f"can not listen: {error.strerror or error}", step="listen", peer=address, remedy=remedy)


class UdpLink:
    """One UDP socket on the loop.

    ``waits`` is told at each batch how long its first datagram has waited, where the system says so (Linux does).
    """

    protocol = "UDP"
    __slots__ = (
        "_behind", "_concrete", "_flush", "_loop", "_queue", "_receive", "_socket", "_sources", "_stun", "_timed",
        "_unreachable", "_waits", "local",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, opened: socket.socket, receive: Receive, flush: Flush,
        unreachable: Unreachable, concrete: Concrete, stun: TakeStun | None = None, waits: Waits | None = None,
    ) -> None:
        self._loop = loop
        self._socket = opened
        self._receive = receive
        self._flush = flush
        self._unreachable = unreachable
        self._concrete = concrete
        self._stun = stun
        self._waits = waits
        self._behind = False  # the last batch left something in the socket
        self._timed = waits is not None and _ask_for_arrival_times(opened)
        self._sources: dict[object, Source] = {}
        self._queue: deque[tuple[bytes, HostPort]] = deque()
        self.local: HostPort = opened.getsockname()[:2]
        if sys.platform == "linux" and isinstance(loop, asyncio.SelectorEventLoop):
            _ask_for_icmp_errors(opened)  # libuv would stop watching the socket at the first of them
        loop.add_reader(opened.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        receive_from, receive, sources = self._socket.recvfrom, self._receive, self._sources
        data = None
        left = _BATCH
        try:
            while left:
                data, address = receive_from(_LARGEST_DATAGRAM) if left != _BATCH or not self._timed else self._first()
                left -= 1
                if data < b"\2" and self._stun is not None and self._stun(data, self, address[:2]):
                    continue  # SIP begins with a letter, STUN with one of these
                source = sources.get(address)
                receive(data, source if source is not None else self._new_source(address))
        except OSError as error:
            if data is None or not isinstance(error, BlockingIOError):
                self._read_error_queue()  # woken by an error alone
        self._behind = not left
        self._flush()

    def _first(self) -> tuple[bytes, tuple[str, int]]:
        """Take the first datagram of a batch, and tell how long it has waited. Raises OSError.

        Nothing has waited where the batch before emptied the socket: we were kept from it, as by a busy machine, but
        can do all that comes in.
        """
        data, ancillary, _, address = self._socket.recvmsg(_LARGEST_DATAGRAM, _ARRIVAL_SPACE)
        assert self._waits is not None
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == _ARRIVAL.size:
                seconds, nanoseconds = _ARRIVAL.unpack(value)
                self._waits(time.time() - seconds - nanoseconds * 1e-9 if self._behind else 0.0, self.local)
        return data, address

    def _new_source(self, address: tuple[str, int]) -> Source:
        if len(self._sources) >= _KNOWN_SOURCES:
            self._sources.clear()
        remote = address[:2]
        source = self._sources[address] = Source("UDP", *remote, self._concrete(self, remote))
        return source

    def send(self, data: bytes, remote: HostPort) -> None:
        """Send a datagram, or queue it while the socket's buffer is full. Raises OSError."""
        if self._queue:
            self._enqueue(data, remote)
            return
        try:
            self._socket.sendto(data, remote)
        except BlockingIOError:
            self._enqueue(data, remote)
        except OSError:
            if not self._read_error_queue():
                raise
            self._socket.sendto(data, remote)  # that error was of an earlier datagram

    def _enqueue(self, data: bytes, remote: HostPort) -> None:
        if len(self._queue) >= _SEND_QUEUE:
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        if not self._queue:
            self._loop.add_writer(self._socket.fileno(), self._on_writable)
        self._queue.append((data, remote))

    def _on_writable(self) -> None:
        queue = self._queue
        while queue:
            data, remote = queue[0]
            try:
                self._socket.sendto(data, remote)
            except BlockingIOError:
                return
            except OSError as error:
                queue.popleft()
                self._unreachable(remote, data, error)
            else:
                queue.popleft()
        self._loop.remove_writer(self._socket.fileno())
        self._flush()

    def _read_error_queue(self) -> bool:
        """Report datagrams that ICMP says did not arrive; returns whether there were any."""
        if sys.platform != "linux" or self._socket.fileno() < 0:
            return False
        found = False
        while True:
            try:
                data, ancillary, _, address = self._socket.recvmsg(2048, 512, _MSG_ERRQUEUE)
            except OSError:
                return found
            found = True
            number = _icmp_error(ancillary)
            if number and data:
                self._unreachable(address[:2], data, OSError(number, os.strerror(number)))

    def close(self) -> None:
        """Close the socket. May be called again."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket.fileno())
        if self._queue:
            self._loop.remove_writer(self._socket.fileno())
            self._queue.clear()
        self._socket.close()


def _ask_for_icmp_errors(opened: socket.socket) -> None:
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def _ask_for_arrival_times(opened: socket.socket) -> bool:
    """Ask the system to note when each datagram arrived; returns whether it does."""
    if sys.platform != "linux":
        return False
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def _icmp_error(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Return the errno of an extended error that came by ICMP, 0 where there is none."""
    for _, kind, value in ancillary:
        if kind in (_IP_RECVERR, _IPV6_RECVERR) and len(value) >= _EXTENDED_ERROR.size:
            number, origin, *_ = _EXTENDED_ERROR.unpack_from(value)
            if origin in _ICMP_ORIGINS and number != errno.EMSGSIZE:
                return int(number)
    return 0
