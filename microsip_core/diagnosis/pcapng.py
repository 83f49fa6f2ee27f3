"""Writes SIP messages and RTP packets as a pcapng file, for Wireshark, tshark, tcpdump, sngrep and the like.

Every message stands in an IP and UDP header made for it, whatever brought it: so each program shows a message that came
over TLS or a WebSocket in clear. How it really travelled stands in the packet's comment.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import struct
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from ..errors import FileError
from .redaction import mask

if TYPE_CHECKING:
    from .ladder import Address
    from .trace import TraceEntry

LOG = logging.getLogger("microsip_core.diagnosis")

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_LINKTYPE_RAW = 101  # the packet begins with its IP header
_OPT_COMMENT, _OPT_USER_APPLICATION, _OPT_NAME, _OPT_RESOLUTION, _OPT_FLAGS = 1, 4, 2, 9, 2
_INBOUND, _OUTBOUND = 1, 2
_UDP = 17
_LARGEST_PAYLOAD = 65_535 - 40 - 8


class PcapngWriter:
    """A trace sink: give it to ``UserAgent(trace_sinks=[...])``, or call it with trace entries yourself.

    ``path`` is written anew. Passwords, digest responses and SRTP keys are crossed out unless ``secrets`` is true: with
    the keys of the session descriptions (RFC 4568) a captured SRTP stream can be decrypted. ``rtp``: take the media
    packets of calls too, as they are on the wire (native media core). ``max_octets`` bounds the
    file; what does not fit is counted in ``dropped``, as is what could not be written, once with a line in the log.
    Raises FileError where the file can not be made.
    """

    def __init__(
        self, path: str | Path, *, rtp: bool = False, secrets: bool = False, max_octets: int = 1 << 30,
    ) -> None:
        self.path = Path(path)
        self.wants_rtp = rtp
        self.written = 0
        self.dropped = 0
        self._secrets = secrets
        self._room = max_octets
        try:
            self._file: BinaryIO | None = self.path.open("wb")
            self._put(_section() + _interface())
        except OSError as error:
            raise FileError(str(error.strerror or error), step="capture", peer=str(path)) from error

    def __call__(self, entry: TraceEntry) -> None:
        """Add one SIP message."""
        data = entry.data if self._secrets else mask(entry.data)
        outgoing = entry.direction == "out"
        source, destination = (entry.local, entry.remote) if outgoing else (entry.remote, entry.local)
        comment = "" if entry.transport == "UDP" else f"over {entry.transport}"
        self.packet(entry.time, source, destination, data, outgoing=outgoing, comment=comment)

    def packet(
        self, time: float, source: Address, destination: Address, data: bytes, *, outgoing: bool, comment: str = "",
    ) -> None:
        """Add the payload of one UDP packet. ``time`` in seconds since the epoch, addresses as (host, port)."""
        block = _packet(time, _datagram(source, destination, data[:_LARGEST_PAYLOAD]), outgoing, comment)
        if self._file is None or len(block) > self._room:
            self.dropped += 1
            return
        try:
            self._put(block)
        except OSError as error:
            self.dropped += 1
            with contextlib.suppress(OSError):  # what it still holds can not be written either
                self._file.close()
            self._file = None
            LOG.warning("the capture %s ends here: %s", self.path, error.strerror or error)
        else:
            self.written += 1

    def _put(self, block: bytes) -> None:
        assert self._file is not None
        self._room -= len(block)
        self._file.write(block)
        self._file.flush()  # a capture is wanted most when the program does not end well

    def close(self) -> None:
        """Close the file. May be called again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> PcapngWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None,
    ) -> None:
        self.close()


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _section() -> bytes:
    options = _option(_OPT_USER_APPLICATION, b"microsip-core") + _option(0, b"")
    return _block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1) + options)


def _interface() -> bytes:
    options = _option(_OPT_NAME, b"sip") + _option(_OPT_RESOLUTION, b"\x09") + _option(0, b"")  # nanoseconds
    return _block(_INTERFACE, struct.pack("<HHI", _LINKTYPE_RAW, 0, 0) + options)


def _packet(time: float, data: bytes, outgoing: bool, comment: str) -> bytes:
    stamp = round(time * 1_000_000) * 1000  # a float has no more to give than microseconds
    options = _option(_OPT_FLAGS, struct.pack("<I", _OUTBOUND if outgoing else _INBOUND))
    if comment:
        options += _option(_OPT_COMMENT, comment.encode())
    head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
    return _block(_PACKET, head + _padded(data) + options + _option(0, b""))


def _datagram(source: Address, destination: Address, payload: bytes) -> bytes:
    """Return the payload with an IP and a UDP header before it, checksums included."""
    source_ip, destination_ip = _address(source[0]), _address(destination[0])
    if source_ip.version != destination_ip.version:
        source_ip, destination_ip = _as_v6(source_ip), _as_v6(destination_ip)
    length = len(payload) + 8
    ends = source_ip.packed + destination_ip.packed
    udp = struct.pack("!HHHH", source[1] & 0xFFFF, destination[1] & 0xFFFF, length, 0)
    checksum = _checksum(ends + struct.pack("!HH", _UDP, length) + udp + payload) or 0xFFFF
    udp = udp[:6] + struct.pack("!H", checksum)
    if source_ip.version == 6:
        return struct.pack("!IHBB", 0x60000000, length, _UDP, 64) + ends + udp + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, length + 20, 0, 0, 64, _UDP, 0) + ends
    return header[:10] + struct.pack("!H", _checksum(header)) + header[12:] + udp + payload


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:  # a name, where a connection of ours is told by it
        return ipaddress.IPv4Address(0)


def _as_v6(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv6Address:
    if isinstance(address, ipaddress.IPv6Address):
        return address
    return ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)


def _checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
