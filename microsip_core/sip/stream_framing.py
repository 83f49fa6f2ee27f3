"""Cuts a byte stream into SIP messages by Content-Length (RFC 3261 s18.3) and finds keep-alives (RFC 5626 s4.4.1)."""

from __future__ import annotations

import re

from .grammar import parse_number
from .limits import DEFAULT_LIMITS, Limits
from .message import Request
from .parse_error import SipParseError
from .parser import salvage_request

PING = b"\r\n\r\n"
"""Double CRLF from the side that opened the connection: answer it with PONG."""
PONG = b"\r\n"

_LONGEST_LENGTH = 0xFFFFFFFF
_DESCRIPTION = re.compile(rb"(?:[a-z]=[^\r\n]*(?:\r?\n|\Z))*")


class StreamFramer:
    """Takes octets as they arrive and gives whole messages.

    ``opened_here`` says which end of the connection we are: the end that opened it receives PONG, the other PING.
    Other line ends between messages are passed over (RFC 3261 s7.5). When the stream can not be framed any more
    ``error`` says why; nothing comes out from then on and the connection is to be closed, after an answer where
    ``error.request_head`` is there to be answered.
    """

    __slots__ = ("_buffer", "_end", "_limits", "_opened_here", "_scanned", "error")

    def __init__(self, limits: Limits = DEFAULT_LIMITS, *, opened_here: bool = False) -> None:
        self._limits = limits
        self._opened_here = opened_here
        self._buffer = bytearray()
        self._scanned = 0
        self._end = 0
        self.error: SipParseError | None = None

    @property
    def buffered(self) -> int:
        """Octets of a message that is not complete; a connection on which this stays above zero is slow or dead."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take octets and return, in order, the messages they complete and the keep-alives (equal to PING or PONG)."""
        frames: list[bytes] = []
        if self.error is not None:
            return frames
        self._buffer += data
        try:
            while (frame := self._next_frame()) is not None:
                frames.append(frame)
        except SipParseError as error:
            self.error = error
            self._buffer.clear()
        return frames

    def _next_frame(self) -> bytes | None:
        """Return the next frame, None when more octets are needed. Raises SipParseError when there can be none."""
        if not self._end:
            keep_alive = self._skip_line_ends()
            if keep_alive is not None:
                return keep_alive
            if not self._find_end():
                return None
        if len(self._buffer) < self._end:
            return None
        frame = bytes(self._buffer[: self._end])
        del self._buffer[: self._end]
        self._end = self._scanned = 0
        return frame

    def _skip_line_ends(self) -> bytes | None:
        buffer = self._buffer
        while buffer and buffer[0] in PONG:
            if buffer.startswith(PONG) and self._opened_here:
                del buffer[:2]
                return PONG
            if buffer.startswith(PING):
                del buffer[:4]
                return PING
            if PING.startswith(buffer):
                return None  # the rest of a ping, or a message, is to come
            del buffer[:1]
        return None

    def _find_end(self) -> bool:
        """Find where the message at the beginning of the buffer ends; False when its head is not complete."""
        buffer = self._buffer
        head_end = buffer.find(b"\r\n\r\n", self._scanned)
        if head_end < 0:
            if len(buffer) > self._limits.max_message:
                raise SipParseError(513, "Message Too Large", salvage_request(bytes(buffer[: self._limits.max_header])))
            self._scanned = max(0, len(buffer) - 3)
            return False
        head = bytes(buffer[:head_end])
        length = self._content_length(head, head_end + 4)
        if length > self._limits.max_body:
            raise SipParseError(413, "Request Entity Too Large", salvage_request(head))
        self._end = head_end + 4 + length
        if self._end > self._limits.max_message:
            raise SipParseError(513, "Message Too Large", salvage_request(head))
        return True

    def _content_length(self, head: bytes, start: int) -> int:
        lengths = _plain_length(head) or _all_lengths(head)
        if not lengths:
            return self._length_that_is_not_told(head, start)
        if len(lengths) != 1 or lengths[0] is None:
            raise SipParseError(400, "Malformed Content-Length", salvage_request(head))
        return lengths[0]

    def _length_that_is_not_told(self, head: bytes, start: int) -> int:
        """Return the length of a body that shows its own end, for elements of RFC 2543, which need not tell it.

        Without a Content-Type there is none; a session description that came together with the head is as long as there
        are lines like its own.
        """
        media_type = _message(head).media_type
        if media_type is None:
            return 0
        if media_type != "application/sdp":
            raise SipParseError(400, "Missing Content-Length", salvage_request(head))
        description = _DESCRIPTION.match(self._buffer, start)
        return description.end() - start if description is not None else 0


def _plain_length(head: bytes) -> list[int | None]:
    """Return the Content-Length where the head clearly has just one, on a line of its own; else nothing."""
    lowered = head.lower()
    before, found, behind = lowered.partition(b"\r\ncontent-length:")
    if not found or b"\r\nl" in lowered or b"\r\ncontent-length" in behind or b"\r\ncontent-length" in before:
        return []
    text, _, behind = behind.partition(b"\r\n")
    if behind[:1] in (b" ", b"\t"):
        return []
    return [parse_number(text.decode("latin-1").strip(), _LONGEST_LENGTH)]


def _all_lengths(head: bytes) -> list[int | None]:
    """Return what the Content-Length lines in any spelling say, each different value once, None for a malformed one."""
    return list({parse_number(value, _LONGEST_LENGTH) for value in _message(head).get_all("Content-Length")})


def _message(head: bytes) -> Request:
    """Return something to read headers from."""
    return Request("", "", head.decode("utf-8", "surrogateescape"), [])
