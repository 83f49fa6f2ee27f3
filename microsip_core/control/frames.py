"""Frames of the control socket: number, length and payload, the first two 32 bits wide in network order."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from microsip_core.errors import ParseError

LARGEST_PAYLOAD = 65_536
"""Octets that a client may send in one frame."""

LARGEST_REPLY = 8 << 20
"""Octets that a client takes in one frame; a snapshot of many calls is long."""

_HEAD = struct.Struct("!II")
_CODE = struct.Struct("!i")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    number: int
    payload: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the frame as it goes over the wire."""
        return _HEAD.pack(self.number, len(self.payload)) + self.payload


class FrameReader:
    """Cuts a stream of bytes into frames."""

    __slots__ = ("_buffer", "_largest")

    def __init__(self, largest: int = LARGEST_PAYLOAD) -> None:
        self._buffer = bytearray()
        self._largest = largest

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes and return the frames that are complete.

        Raises ParseError for a frame that announces more than is taken; the stream can not be read on then.
        """
        self._buffer += data
        frames = []
        at = 0
        while len(self._buffer) - at >= _HEAD.size:
            number, length = _HEAD.unpack_from(self._buffer, at)
            if length > self._largest:
                raise ParseError(f"a frame of {length} octets is too large", step="read the control socket")
            end = at + _HEAD.size + length
            if len(self._buffer) < end:
                break
            frames.append(Frame(number, bytes(self._buffer[at + _HEAD.size:end])))
            at = end
        del self._buffer[:at]
        return frames


def reply_payload(code: int, text: str) -> bytes:
    """Return the payload of a reply to a number: the return code, 32 bits with sign, and a text in UTF-8."""
    return _CODE.pack(code) + text.encode("utf-8", "replace")


def read_reply(payload: bytes) -> tuple[int, str]:
    """Return code and text of a reply. Raises ParseError."""
    if len(payload) < _CODE.size:
        raise ParseError("the reply is too short", step="read the control socket")
    return _CODE.unpack_from(payload)[0], payload[_CODE.size:].decode("utf-8", "replace")


def to_json(value: Any) -> bytes:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def from_json(payload: bytes) -> dict[str, Any]:
    """Return the object that a payload holds. Raises ParseError."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ParseError("the payload is no JSON", step="read the control socket") from error
    if not isinstance(value, dict):
        raise ParseError("the payload is no JSON object", step="read the control socket")
    return value
