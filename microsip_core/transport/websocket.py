"""SIP over WebSocket, both ends (RFC 7118): one message a WebSocket message, sub-protocol "sip"."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from microsip_core.sip.hop import DEFAULT_PORTS, Hop
from microsip_core.sip.limits import DEFAULT_LIMITS
from microsip_core.sip.stream_framing import PING, PONG
from microsip_core.transport.address import join_host_port
from microsip_core.transport.connection import Connection

if TYPE_CHECKING:
    from microsip_core.transport.connection import ConnectionOwner

_SIP = Subprotocol("sip")
_GOING_AWAY = 1001
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class WebSocketConnection(Connection):
    """A connection that speaks WebSocket before it speaks SIP; the rest is as with TCP and TLS."""

    def __init__(self, protocol: str, loop: asyncio.AbstractEventLoop, owner: ConnectionOwner, hop: Hop | None) -> None:
        super().__init__(protocol, loop, owner, hop)
        self._fragments: list[bytes] = []
        self._web: ClientProtocol | ServerProtocol
        size = DEFAULT_LIMITS.max_message
        if hop is None:
            self._web = ServerProtocol(subprotocols=[_SIP], max_size=size)
        else:
            scheme = "wss" if protocol == "WSS" else "ws"
            where = join_host_port((hop.host, hop.port or DEFAULT_PORTS[protocol]))
            self._web = ClientProtocol(parse_uri(f"{scheme}://{where}/"), subprotocols=[_SIP], max_size=size)

    # -- handshake --------------------------------------------------------------------------------------------------

    def on_connected(self) -> None:
        """Ask for WebSocket, or wait to be asked."""
        if isinstance(self._web, ClientProtocol):
            self._web.send_request(self._web.connect())
            self._write_out()

    def _shake_hands(self, event: Request | Response) -> None:
        web = self._web
        if isinstance(web, ServerProtocol) and isinstance(event, Request):
            response = web.accept(event)
            if response.status_code == 101 and web.subprotocol is None:  # before version 13 it is not insisted on
                response = web.reject(400, "This server speaks the WebSocket sub-protocol sip.\n")
            web.send_response(response)
        self._write_out()
        if web.state is OPEN:
            self._message_since = self._loop.time() if self.hop is None else None
            self.stand()

    # -- octets in --------------------------------------------------------------------------------------------------

    def take_stream(self, data: bytes) -> None:
        """Take octets of the HTTP handshake or of WebSocket frames."""
        web = self._web
        web.receive_data(data)
        for event in web.events_received():
            if isinstance(event, Frame):
                self._take_frame(event)
            else:
                self._shake_hands(event)
        self._write_out()
        if web.close_expected():
            failure = web.handshake_exc or (web.parser_exc if web.state is not OPEN else None)
            if failure is not None:
                self.end(_refusal(failure))
            else:
                self.close()

    def _take_frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.PONG:
            self.pong_received()
        elif opcode in _DATA:
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                message = b"".join(self._fragments)
                self._fragments.clear()
                self._take_message(message)
            elif self._message_since is None:
                self._message_since = self._loop.time()

    def _take_message(self, message: bytes) -> None:
        if message == PING:
            self.send_message(PONG)
        elif message == PONG:
            self.pong_received()
        elif message:
            self.take(message)

    # -- octets out -------------------------------------------------------------------------------------------------

    def send_message(self, data: bytes) -> None:
        """Send one message, as text where it is text."""
        if data.isascii() or _is_text(data):
            self._web.send_text(data)
        else:
            self._web.send_binary(data)
        self._write_out()

    def send_ping(self) -> None:
        """Send a Ping frame (RFC 7118 s6)."""
        self._web.send_ping(b"sip")
        self._write_out()

    def _write_out(self) -> None:
        for data in self._web.data_to_send():
            if data and self.alive:
                self.send_raw(data)

    def close(self) -> None:
        """Take leave and close. May be called again."""
        if self.alive and self._web.state is OPEN:
            self._web.send_close(_GOING_AWAY)
            self._write_out()
        super().close()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _refusal(failure: Exception) -> OSError:
    """Return what the peer made of our handshake, or we of its octets."""
    if isinstance(failure, InvalidStatus):
        return OSError(errno.EPROTO, f"the WebSocket server answered {failure.response.status_code}")
    return OSError(errno.EPROTO, f"not SIP over WebSocket ({failure})")
