"""Decodes what WM_COPYDATA messages and control frames carry: a number and a text in UTF-8 or UTF-16LE."""

from __future__ import annotations

from microsip_core.control.frames import LARGEST_PAYLOAD
from microsip_core.errors import ParseError

_MARK_8, _MARK_16 = b"\xef\xbb\xbf", b"\xff\xfe"


def decode_text(payload: bytes) -> str:
    """Return the text of a payload, with or without mark and terminating zero.

    It is UTF-16LE when it ends in a zero character or has zero bytes inside, as every text with Latin letters has;
    else UTF-8, and UTF-16LE again if it is no UTF-8. Raises ParseError for what is neither.
    """
    if payload.startswith(_MARK_8):
        return _decode(payload[3:].rstrip(b"\0"), "utf-8")
    if payload.startswith(_MARK_16):
        return _decode(payload[2:], "utf-16-le").rstrip("\0")
    even = len(payload) % 2 == 0
    if even and (payload.endswith(b"\0\0") or b"\0" in payload[:-1]):
        return _decode(payload, "utf-16-le").rstrip("\0")
    try:
        return _decode(payload.rstrip(b"\0"), "utf-8")
    except ParseError:
        if not even:
            raise
    return _decode(payload, "utf-16-le").rstrip("\0")


def _decode(data: bytes, codec: str) -> str:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        raise ParseError("the payload is neither UTF-8 nor UTF-16LE", step="read the command") from error
    if "\0" in text.rstrip("\0"):
        raise ParseError("the payload has a zero character inside", step="read the command")
    return text


def decode_copydata(number: int, data: bytes) -> tuple[int, str]:
    """Return number and text of a WM_COPYDATA message: its dwData and lpData.

    Raises ParseError for data that is no text or too long. Which numbers there are is not looked at here.
    """
    if len(data) > LARGEST_PAYLOAD:
        raise ParseError("the message is too long", step="read the command")
    return number & 0xFFFFFFFF, decode_text(data)
