"""SIP requests and responses, with header values parsed when first read and then kept (RFC 3261 s7)."""

from __future__ import annotations

from typing import Self

from .grammar import parse_number, split_list
from .header_fields import NO_LENGTH, UNKNOWN_LENGTH, HeaderFields
from .header_values import CSeq, NameAddr, Via, parse_cseq, parse_name_addr, parse_via
from .parse_error import SipParseError
from .uri import SipUri, hide_password


class Message(HeaderFields):
    """What requests and responses have in common: header values and the body."""

    __slots__ = ("_contact", "_cseq", "_from", "_to", "_via", "body")

    body: bytes
    _via: Via | None
    _from: NameAddr | None
    _to: NameAddr | None
    _cseq: CSeq | None
    _contact: NameAddr | None

    @property
    def via(self) -> Via:
        """The topmost Via. Raises SipParseError 400 when missing or malformed."""
        value = self._via
        if value is None:
            raw = self._required("via", "Via")
            value = self._via = parse_via(raw if "," not in raw else (split_list(raw) or [""])[0])
        return value

    @property
    def vias(self) -> list[Via]:
        """All Via values, topmost first. Raises SipParseError 400."""
        return [parse_via(value) for value in self.get_all("Via")]

    @property
    def from_(self) -> NameAddr:
        """The From value. Raises SipParseError 400."""
        value = self._from
        if value is None:
            value = self._from = parse_name_addr(self._required("from", "From"))
        return value

    @property
    def to(self) -> NameAddr:
        """The To value. Raises SipParseError 400."""
        value = self._to
        if value is None:
            value = self._to = parse_name_addr(self._required("to", "To"))
        return value

    @property
    def cseq(self) -> CSeq:
        """The CSeq value. Raises SipParseError 400."""
        value = self._cseq
        if value is None:
            value = self._cseq = parse_cseq(self._required("cseq", "CSeq"))
        return value

    @property
    def call_id(self) -> str:
        """The Call-ID. Raises SipParseError 400 when missing or empty."""
        return self._required("call-id", "Call-ID")

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact value, None when there is none. Raises SipParseError 400."""
        value = self._contact
        if value is None:
            if "contact" not in (self._index or self._build_index()):
                return None
            raw = self._required("contact", "Contact")
            if "," in raw:
                raw = (split_list(raw) or [""])[0]
            value = self._contact = parse_name_addr(raw)
        return value

    @property
    def contacts(self) -> list[NameAddr]:
        """All Contact values. Raises SipParseError 400."""
        return [parse_name_addr(value) for value in self.get_all("Contact")]

    @property
    def routes(self) -> list[NameAddr]:
        """All Route values, topmost first. Raises SipParseError 400."""
        return [parse_name_addr(value) for value in self.get_all("Route")]

    @property
    def record_routes(self) -> list[NameAddr]:
        """All Record-Route values, topmost first. Raises SipParseError 400."""
        return [parse_name_addr(value) for value in self.get_all("Record-Route")]

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, 0 to 255, None when absent. Raises SipParseError 400 when malformed."""
        text = self.get("Max-Forwards")
        if text is None:
            return None
        number = parse_number(text, 255)
        if number is None:
            raise SipParseError(400, "Malformed Max-Forwards")
        return number

    @property
    def content_type(self) -> str | None:
        """Content-Type as written, None when absent. See ``media_type``."""
        return self.get("Content-Type")

    @property
    def media_type(self) -> str | None:
        """Content-Type without parameters and white space, lowered, None when absent."""
        text = self.get("Content-Type")
        return "".join(text.partition(";")[0].split()).lower() if text is not None else None

    @property
    def expires(self) -> int | None:
        """Expires in seconds, at most 2**32 - 1; None, the default to be taken, when absent or malformed (s20.19)."""
        text = self.get("Expires")
        if text is None:
            return None
        if text.isascii() and text.isdigit():
            number = parse_number(text, 0xFFFFFFFF)
            return 0xFFFFFFFF if number is None else number
        return None

    @property
    def size(self) -> int:
        """About how many octets the message holds."""
        head = self._head
        return len(self.body) + (len(head) if head is not None else sum(map(len, self._lines)))

    def to_bytes(self) -> bytes:
        """Return the message as it goes on the wire, with the right Content-Length whatever happened to the body."""
        if self._head is not None:
            self._split_head()
        lines = self._lines
        body = self.body
        lines[0] = self._start_line()
        if self._length != len(body):
            if self._length != NO_LENGTH:
                self.remove("Content-Length")
                self._length = NO_LENGTH
                lines = self._lines
            text = "\r\n".join(lines)
            return f"{text}\r\nContent-Length: {len(body)}\r\n\r\n".encode("utf-8", "surrogateescape") + body
        lines.append("\r\n")
        text = "\r\n".join(lines)
        del lines[-1]
        return text.encode("utf-8", "surrogateescape") + body

    def _start_line(self) -> str:
        raise NotImplementedError

    def _forget(self, key: str) -> None:
        """Forget what was parsed out of a header that changes."""
        if key == "via":
            self._via = None
        elif key == "contact":
            self._contact = None
        elif key == "to":
            self._to = None
        elif key == "from":
            self._from = None
        elif key == "cseq":
            self._cseq = None
        elif key == "content-length":
            self._length = UNKNOWN_LENGTH


class Request(Message):
    """A SIP request. ``method`` and ``uri``, the raw Request-URI, may be assigned."""

    __slots__ = ("method", "uri")

    def __init__(
        self, method: str, uri: str, head: str | None, lines: list[str], body: bytes = b"", length: int = NO_LENGTH
    ) -> None:
        """For parser and builder. Not shared with Response: the call of a common one would cost a tenth of a parse."""
        self.method = method
        self.uri = uri
        self.body = body
        self._head = head
        self._lines = lines
        self._length = length
        self._index = None
        self._fault = None
        self._via = self._from = self._to = self._cseq = self._contact = None

    @property
    def request_uri(self) -> SipUri:
        """The Request-URI parsed. Raises SipParseError: 416 when its scheme is not SIP or SIPS, 400 when malformed."""
        return SipUri.parse(self.uri)

    def copy(self) -> Self:
        """Return an independent copy; the body, being immutable, is shared."""
        self._split_head()
        return type(self)(self.method, self.uri, None, self._lines.copy(), self.body, self._length)

    def _start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    def __repr__(self) -> str:
        return f"<Request {self.method} {hide_password(self.uri)}>"


class Response(Message):
    """A SIP response: ``status`` 100 to 699, ``reason`` the phrase, which may be empty. Both may be assigned."""

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str, head: str | None, lines: list[str], body: bytes = b"", length: int = NO_LENGTH
    ) -> None:
        """For the parser and the builder."""
        self.status = status
        self.reason = reason
        self.body = body
        self._head = head
        self._lines = lines
        self._length = length
        self._index = None
        self._fault = None
        self._via = self._from = self._to = self._cseq = self._contact = None

    def copy(self) -> Self:
        """Return an independent copy; the body, being immutable, is shared."""
        self._split_head()
        return type(self)(self.status, self.reason, None, self._lines.copy(), self.body, self._length)

    def _start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"
