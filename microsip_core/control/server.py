"""The control socket of a running phone: a Unix socket for its owner, or a loopback TCP port with a token."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from microsip_core.control.address import ControlAddress, write_token
from microsip_core.control.journal import EventJournal
from microsip_core.control.log import LOG
from microsip_core.control.numbers import Number
from microsip_core.control.protocol import ControlConnection, JsonRequest, NumberRequest, Request
from microsip_core.errors import ErrorCode, FileError, MicrosipError

MOST_CONNECTIONS = 2048
MOST_UNSENT = 1 << 20
"""Octets that may wait for a client that does not read; then it is dropped and counted."""

AUTHENTICATION_TIME = 5.0  # seconds
_PATIENCE = 1.0  # seconds that closing gives to what is under way
_RESERVED_FILES = 64  # files that connections leave to calls


class ControlHandler(Protocol):
    """What the phone does for its clients. All run on the server's loop."""

    async def number(self, number: Number, text: str) -> tuple[int, str]:
        """Do what a number asks for and return its code and text. MicrosipError is turned into its code."""
        ...

    async def request(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do a request by name and return its result, which must be good for JSON. Raises MicrosipError."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state, good for JSON."""
        ...


class ControlServer:
    """Listens for clients, hands their requests to ``handler``, and pushes events to those who have subscribed.

    ``connections``, ``refused`` and ``dropped`` count the clients there are, those turned away, and those dropped
    because they did not read.
    """

    def __init__(self, handler: ControlHandler, address: ControlAddress) -> None:
        self.handler, self.address = handler, address
        self.journal = EventJournal(secrets.token_hex(8))
        self.token: str | None = None
        self.refused = self.dropped = 0
        self.clients: set[_Client] = set()
        self._server: asyncio.Server | None = None
        self._limit = _connection_limit()

    @property
    def connections(self) -> int:
        """The clients there are."""
        return len(self.clients)

    async def start(self) -> None:
        """Open the socket; a socket that a phone left behind is replaced, so hold the InstanceLock.

        Raises FileError, PermissionDenied.
        """
        loop = asyncio.get_running_loop()
        self.address.make_folder()
        try:
            if self.address.unix:
                listening = _unix_socket(self.address.socket)
                self._server = await loop.create_unix_server(lambda: _Client(self), sock=listening, backlog=256)
            else:
                self._server = await loop.create_server(lambda: _Client(self), "127.0.0.1", 0, backlog=256)
                port = self._server.sockets[0].getsockname()[1]
                self.token = write_token(self.address.token, port)
        except OSError as error:
            raise FileError(error.strerror or str(error), step="open the control socket",
                            peer=str(self.address.socket)) from error

    async def close(self) -> None:
        """Close the socket and every connection; what was answered is sent."""
        if self._server is None:
            return
        self._server.close()
        for path in (self.address.socket, self.address.token):
            path.unlink(missing_ok=True)
        clients = list(self.clients)
        tasks = {task for client in clients for task in client.tasks} - {asyncio.current_task()}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_PATIENCE)
            for task in late:
                task.cancel()
        for client in clients:
            client.close()
        with suppress(TimeoutError):  # one that does not read is not waited for
            await asyncio.wait_for(asyncio.gather(*(client.gone.wait() for client in clients)), _PATIENCE)
        for client in clients:
            client.abort()
        await self._server.wait_closed()
        self._server = None

    def publish(self, kind: str, event: dict[str, Any]) -> None:
        """Send an event to the subscribers, encoded once."""
        data = self.journal.append(kind, event)
        for client in list(self.clients):
            if client.connection.subscribed:
                client.connection.push(kind, data)
                client.flush()

    def accepts(self, transport: asyncio.Transport) -> bool:
        """Tell whether a client may come in: there is room, and it is this user's or root's."""
        if len(self.clients) >= self._limit:
            LOG.warning("a control connection was refused: there are %d already", len(self.clients))
            return False
        user = peer_user(transport.get_extra_info("socket")) if self.address.unix else None
        if user is not None and user not in (os.getuid(), 0):
            LOG.warning("a control connection of user %d was refused", user)
            return False
        return True


def _connection_limit() -> int:
    if sys.platform == "win32":
        return MOST_CONNECTIONS
    import resource

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_CONNECTIONS if files < 0 else max(8, min(MOST_CONNECTIONS, files - _RESERVED_FILES, files * 3 // 4))


def _unix_socket(path: Path) -> socket.socket:
    """Bind the socket so that at no instant others may connect: its folder is ours, its mode set before it listens."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
    except BaseException:
        listening.close()
        raise
    return listening


def peer_user(connected: socket.socket) -> int | None:
    """Return the user id at the other end of a Unix socket, None where the system does not tell."""
    if hasattr(socket, "SO_PEERCRED"):
        credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
        return int(struct.unpack("iII", credentials)[1])
    return None


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: ControlServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._waiting: list[NumberRequest] = []
        self._alarm: asyncio.TimerHandle | None = None
        self.connection = ControlConnection(server.journal, server.token)
        self.tasks: set[asyncio.Task[None]] = set()
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._server.accepts(transport):
            self._server.refused += 1
            transport.abort()
            return
        self._server.clients.add(self)
        if not self.connection.authenticated:
            self._alarm = asyncio.get_running_loop().call_later(AUTHENTICATION_TIME, self._too_late)

    def _too_late(self) -> None:
        if not self.connection.authenticated:
            self._server.refused += 1
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self not in self._server.clients:
            return
        for request in self.connection.receive(data):
            if isinstance(request, NumberRequest):
                self._waiting.append(request)
                if len(self._waiting) == 1:
                    self._spawn(self._do_numbers())
            else:
                self._spawn(self._do_request(request))
        self.flush()
        if self.connection.closing:
            self._server.refused += 1
            self.close()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _do_numbers(self) -> None:
        """Do numbers in their order: their replies have nothing else to tell them apart."""
        while self._waiting:
            request = self._waiting[0]
            try:
                code, text = await self._server.handler.number(request.number, request.text)
                self.connection.reply(request, code, text)
            except Exception as error:
                self._failed(request, error)
            self._waiting.pop(0)
            self.flush()

    async def _do_request(self, request: JsonRequest) -> None:
        try:
            if request.command == "subscribe":
                self.connection.subscribe(request, self._server.handler.snapshot())
            elif request.command == "unsubscribe":
                self.connection.unsubscribe(request)
            elif request.command == "snapshot":
                self.connection.reply_json(request, {
                    "sequence": self._server.journal.sequence, "epoch": self._server.journal.epoch,
                    "snapshot": self._server.handler.snapshot()})
            else:
                self.connection.reply_json(request, await self._server.handler.request(
                    request.command, request.arguments))
        except Exception as error:
            self._failed(request, error)
        self.flush()

    def _failed(self, request: Request, error: Exception) -> None:
        if isinstance(error, MicrosipError):
            self.connection.fail(request, error.code, str(error))
        else:
            LOG.error("a control request failed", exc_info=error)
            self.connection.fail(request, ErrorCode.SIP_ERROR, "the phone failed at this; its log says more")

    def flush(self) -> None:
        """Send what there is; drop the client when it does not read."""
        data = self.connection.data_to_send()
        if not data or self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self._server.dropped += 1
            LOG.warning("a control client was dropped: it does not read")
            self.abort()

    def close(self) -> None:
        """Hang up when all is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._server.clients.discard(self)
        self.connection.subscribed = False
        if self._alarm is not None:
            self._alarm.cancel()
        self.gone.set()
