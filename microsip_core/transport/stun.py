"""STUN Binding messages (RFC 8489): made and read without sockets, for keep-alive and for learning our public address.

    request  --> server: where do I come from?
    success  <-- server: XOR-MAPPED-ADDRESS

They share the port with SIP: the two top bits of their first octet are zero, and the magic cookie follows (RFC 5626
s4.4.2). Only the usage without credentials is here, which is the one of RFC 5626 and of address discovery.
"""

from __future__ import annotations

import socket
import struct
import zlib
from typing import NamedTuple

MAGIC_COOKIE = b"\x21\x12\xa4\x42"
HEADER_OCTETS = 20
LARGEST_MESSAGE = 548
"""Octets: what RFC 8489 s6.1 allows over IPv4 where the path is not known."""
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 8.0)
"""Seconds to wait after each of the Rc = 7 transmissions, the last for Rm * RTO (RFC 8489 s6.2.1)."""

_BINDING_REQUEST, _BINDING_INDICATION, _BINDING_SUCCESS, _BINDING_ERROR = 0x0001, 0x0011, 0x0101, 0x0111
_MAPPED_ADDRESS, _ERROR_CODE, _XOR_MAPPED_ADDRESS, _FINGERPRINT = 0x0001, 0x0009, 0x0020, 0x8028
_KNOWN = frozenset({_MAPPED_ADDRESS, _ERROR_CODE, _XOR_MAPPED_ADDRESS, 0x0006, 0x0008, 0x000A, 0x0014, 0x0015})
_FINGERPRINT_XOR = 0x5354554E
_HEADER = struct.Struct("!HH4s12s")
_ATTRIBUTE = struct.Struct("!HH")

Address = tuple[str, int]


class StunMessage(NamedTuple):
    """A Binding message. ``kind`` is "request", "indication", "success" or "error"; ``error`` is the code of the last.

    ``mapped`` is the address the server saw us at, None where it does not say. ``unknown``: it holds an attribute that
    has to be understood and is not (RFC 8489 s5), so that it is of no use.
    """

    kind: str
    transaction: bytes
    mapped: Address | None = None
    error: int = 0
    unknown: bool = False


_KINDS = {
    _BINDING_REQUEST: "request", _BINDING_INDICATION: "indication", _BINDING_SUCCESS: "success",
    _BINDING_ERROR: "error",
}


def binding_request(transaction: bytes) -> bytes:
    """Return a Binding request; ``transaction`` is 12 random octets, by which its answer is known."""
    return _HEADER.pack(_BINDING_REQUEST, 0, MAGIC_COOKIE, transaction)


def binding_success(transaction: bytes, seen: Address) -> bytes:
    """Return the answer to a Binding request that came from ``seen``, a literal address."""
    attribute = _mapped_address(seen, transaction)
    body = _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, len(attribute)) + attribute
    return _HEADER.pack(_BINDING_SUCCESS, len(body), MAGIC_COOKIE, transaction) + body


def is_stun(data: bytes) -> bool:
    """Whether a datagram is a STUN message rather than SIP, as far as its header tells."""
    return len(data) >= HEADER_OCTETS and data[0] < 0x40 and data[4:8] == MAGIC_COOKIE


def parse(data: bytes) -> StunMessage | None:
    """Read a STUN message; None for what is none, is cut short or malformed, or is no Binding."""
    if not is_stun(data) or len(data) > LARGEST_MESSAGE:
        return None
    kind, length, _, transaction = _HEADER.unpack_from(data)
    if kind not in _KINDS or length % 4 or length != len(data) - HEADER_OCTETS:
        return None
    mapped: Address | None = None
    plain: Address | None = None
    error, unknown, position = 0, False, HEADER_OCTETS
    while position < len(data):
        name, size = _ATTRIBUTE.unpack_from(data, position)
        value = data[position + 4:position + 4 + size]
        if len(value) < size:
            return None
        if name == _XOR_MAPPED_ADDRESS:
            mapped = mapped or _read_address(value, transaction)
        elif name == _MAPPED_ADDRESS:
            plain = plain or _read_address(value, None)
        elif name == _ERROR_CODE and size >= 4:
            error = (value[2] & 7) * 100 + value[3] % 100
        elif name == _FINGERPRINT:
            if value != _fingerprint(data[:position]):
                return None
        elif name < 0x8000 and name not in _KNOWN:
            unknown = True
        position += 4 + size + -size % 4
    return StunMessage(_KINDS[kind], transaction, mapped or plain, error, unknown)


def _fingerprint(before: bytes) -> bytes:
    """Return the FINGERPRINT of a message whose part before it is given (RFC 8489 s14.7)."""
    return struct.pack("!I", zlib.crc32(before) ^ _FINGERPRINT_XOR)


def _read_address(value: bytes, transaction: bytes | None) -> Address | None:
    """Read (XOR-)MAPPED-ADDRESS; ``transaction`` None: in the clear. None for an unknown family or length."""
    if len(value) not in (8, 20) or value[1] != (1 if len(value) == 8 else 2):
        return None
    family = socket.AF_INET if len(value) == 8 else socket.AF_INET6
    port, address = struct.unpack_from("!H", value, 2)[0], value[4:]
    if transaction is not None:
        port ^= struct.unpack("!H", MAGIC_COOKIE[:2])[0]
        address = _xor(address, transaction)
    return socket.inet_ntop(family, address), port


def _mapped_address(seen: Address, transaction: bytes) -> bytes:
    family = socket.AF_INET6 if ":" in seen[0] else socket.AF_INET
    port = seen[1] ^ struct.unpack("!H", MAGIC_COOKIE[:2])[0]
    address = _xor(socket.inet_pton(family, seen[0]), transaction)
    return struct.pack("!BBH", 0, 1 if family == socket.AF_INET else 2, port) + address


def _xor(address: bytes, transaction: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(address, MAGIC_COOKIE + transaction, strict=False))
