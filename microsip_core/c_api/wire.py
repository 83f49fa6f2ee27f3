"""What goes between the C library and its engine process: frames of tagged values, both little-endian.

A frame is the length of what follows (u32), a number that ties an answer to its request (u32, 0: an event), and values:
``n`` none, ``i`` int64, ``d`` double, ``s`` text and ``b`` octets (u32 length), ``[`` a list (u32 count).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from microsip_core.errors import ParseError

Value = None | int | float | str | bytes | Sequence["Value"]

LARGEST_FRAME = 4 << 20
_LARGEST_LIST = 10_000
_DEEPEST = 4


def frame(number: int, values: Sequence[Value]) -> bytes:
    """Return the frame with these values."""
    body = struct.pack("<I", number) + b"".join(map(_encoded, values))
    return struct.pack("<I", len(body)) + body


def _encoded(value: Value) -> bytes:
    if value is None:
        return b"n"
    if isinstance(value, int):
        return struct.pack("<cq", b"i", value)
    if isinstance(value, float):
        return struct.pack("<cd", b"d", value)
    if isinstance(value, str):
        data = value.encode("utf-8", "replace")
        return struct.pack("<cI", b"s", len(data)) + data
    if isinstance(value, bytes):
        return struct.pack("<cI", b"b", len(value)) + value
    return struct.pack("<cI", b"[", len(value)) + b"".join(map(_encoded, value))


def values_of(body: bytes) -> tuple[int, list[Value]]:
    """Return number and values of a frame without its length. Raises ParseError."""
    try:
        number, = struct.unpack_from("<I", body)
        values, at = [], 4
        while at < len(body):
            value, at = _decoded(body, at, 0)
            values.append(value)
    except (struct.error, UnicodeDecodeError) as error:
        raise ParseError(f"a malformed frame: {error}", step="read a request") from error
    return number, values


def _decoded(body: bytes, at: int, depth: int) -> tuple[Value, int]:
    tag = body[at:at + 1]
    at += 1
    if tag == b"n":
        return None, at
    if tag in (b"i", b"d"):
        return struct.unpack_from("<q" if tag == b"i" else "<d", body, at)[0], at + 8
    size, = struct.unpack_from("<I", body, at)
    at += 4
    if tag == b"[" and size <= _LARGEST_LIST and depth < _DEEPEST:
        found: list[Value] = []
        for _ in range(size):
            value, at = _decoded(body, at, depth + 1)
            found.append(value)
        return found, at
    if tag not in (b"s", b"b") or size > len(body) - at:
        raise ParseError("a malformed frame: no such value", step="read a request")
    data = body[at:at + size]
    return (data.decode() if tag == b"s" else data), at + size
