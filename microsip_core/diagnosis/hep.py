"""Sends each SIP message to a HEP3 collector, such as Homer or ``sngrep -L``, over UDP."""

from __future__ import annotations

import ipaddress
import logging
import socket
import struct
from typing import TYPE_CHECKING

from ..errors import InvalidArgument, NetworkError
from .message_summary import summarize
from .redaction import mask

if TYPE_CHECKING:
    from .trace import TraceEntry

LOG = logging.getLogger("microsip_core.diagnosis")

_FAMILY, _PROTOCOL, _SOURCE_4, _DESTINATION_4, _SOURCE_6, _DESTINATION_6 = 1, 2, 3, 4, 5, 6
_SOURCE_PORT, _DESTINATION_PORT, _SECONDS, _MICROSECONDS, _KIND, _AGENT = 7, 8, 9, 10, 11, 12
_KEY, _PAYLOAD, _CORRELATION = 14, 15, 17
_IPV4, _IPV6, _SIP = 2, 10, 1
_IP_PROTOCOLS = {"UDP": 17}  # everything else comes over TCP, 6
_LARGEST = 65_507


class HepSender:
    """A trace sink: give it to ``UserAgent(trace_sinks=[HepSender("127.0.0.1", 9060)])``.

    ``host`` is a numeric address or "localhost"; ``agent_id`` (0 to 2**32 - 1) tells several senders apart, ``key`` is
    the collector's password where it wants one. Passwords, digest responses and SRTP keys are crossed out unless
    ``secrets`` is true. ``sent`` counts, and so does ``dropped`` what could not be sent: a collector that is down costs
    no call. Raises InvalidArgument, NetworkError.
    """

    def __init__(
        self, host: str, port: int = 9060, *, agent_id: int = 1, key: str = "", secrets: bool = False,
    ) -> None:
        try:
            address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
        except ValueError:
            raise InvalidArgument(f"{host!r} is no IP address", step="send HEP",
                                  remedy="Give the collector's numeric address") from None
        if not 0 < port < 65536 or not 0 <= agent_id < 1 << 32:
            raise InvalidArgument(f"port {port} or agent id {agent_id} is out of range", step="send HEP")
        self.sent = 0
        self.dropped = 0
        self._agent_id = agent_id
        self._key = key.encode()
        self._secrets = secrets
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        self._socket: socket.socket | None = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect((str(address), port))
        except OSError as error:
            self._socket.close()
            raise NetworkError(str(error.strerror or error), step="send HEP", peer=f"{host}:{port}") from error

    def __call__(self, entry: TraceEntry) -> None:
        """Send one SIP message."""
        data = entry.data if self._secrets else mask(entry.data)
        packet = hep_packet(entry, data, agent_id=self._agent_id, key=self._key)
        if self._socket is None or len(packet) > _LARGEST:
            self.dropped += 1
            return
        try:
            self._socket.send(packet)
        except OSError as error:
            self.dropped += 1
            if self.dropped == 1:
                LOG.warning("the HEP collector can not be reached: %s", error.strerror or error)
        else:
            self.sent += 1

    def close(self) -> None:
        """Close the socket. May be called again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def hep_packet(entry: TraceEntry, data: bytes, *, agent_id: int, key: bytes = b"") -> bytes:
    """Return the HEP3 packet of one message; its Call-ID is the correlation id."""
    outgoing = entry.direction == "out"
    source, destination = (entry.local, entry.remote) if outgoing else (entry.remote, entry.local)
    ends = [_packed(source[0]), _packed(destination[0])]
    seconds, micros = divmod(round(entry.time * 1_000_000), 1_000_000)
    is_ipv6 = any(len(end) == 16 for end in ends)
    if is_ipv6:
        ends = [end if len(end) == 16 else b"\0" * 10 + b"\xff\xff" + end for end in ends]
    chunks = [
        (_FAMILY, bytes([_IPV6 if is_ipv6 else _IPV4])),
        (_PROTOCOL, bytes([_IP_PROTOCOLS.get(entry.transport, 6)])),
        (_SOURCE_6 if is_ipv6 else _SOURCE_4, ends[0]),
        (_DESTINATION_6 if is_ipv6 else _DESTINATION_4, ends[1]),
        (_SOURCE_PORT, struct.pack("!H", source[1] & 0xFFFF)),
        (_DESTINATION_PORT, struct.pack("!H", destination[1] & 0xFFFF)),
        (_SECONDS, struct.pack("!I", seconds & 0xFFFFFFFF)),
        (_MICROSECONDS, struct.pack("!I", micros)),
        (_KIND, bytes([_SIP])),
        (_AGENT, struct.pack("!I", agent_id)),
    ]
    if key:
        chunks.append((_KEY, key))
    call_id = summarize(data).call_id
    if call_id:
        chunks.append((_CORRELATION, call_id.encode("utf-8", "replace")))
    chunks.append((_PAYLOAD, data))
    body = b"".join(struct.pack("!HHH", 0, kind, len(value) + 6) + value for kind, value in chunks
                    if len(value) <= _LARGEST)
    return b"HEP3" + struct.pack("!H", min(len(body) + 6, 0xFFFF)) + body


def _packed(host: str) -> bytes:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).packed
    except ValueError:  # a name, where a connection of ours is told by it
        return bytes(4)
