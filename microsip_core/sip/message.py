"""SIP requests and responses: header lines kept as they came, looked into only when asked (RFC 3261 s7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from ..errors import InvalidArgument
from .grammar import is_token, parse_number, split_list
from .header_values import CSeq, NameAddr, Via
from .headers import CANONICAL_NAMES, KEYS, LIST_KEYS, header_key
from .parse_error import SipParseError
from .uri import SipUri

_key_of = KEYS.get


class Message:
    """What requests and responses have in common.

    ``_lines`` is the truth: the start line and one unfolded line per header, in order. ``_index`` maps the key of a header to
    its raw values (as they stand behind the colon, not stripped) and is built when the first header is asked for; parsed
    values are kept as well. Changing a header keeps the three in step. ``_head`` is the head not yet split into lines.
    """

    __slots__ = ("_contact", "_cseq", "_from", "_head", "_index", "_length", "_lines", "_malformed", "_to", "_via", "body")

    body: bytes
    _head: str | None
    _lines: list[str]
    _index: dict[str, list[str]] | None

    def __init__(self, head: str | None, lines: list[str], body: bytes, length: int) -> None:
        """Used by the parser and the builder. ``length`` is what the one Content-Length line says, -1 when it is to be written anew."""
        self._head = head
        self._lines = lines
        self.body = body
        self._length = length
        self._index = None
        self._malformed = False
        self._via: Via | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._cseq: CSeq | None = None
        self._contact: NameAddr | None = None

    # -- headers as text

    def get(self, name: str) -> str | None:
        """Return the first value of a header, unfolded and stripped, or None. A list is returned whole, as on its line."""
        values = (self._index or self._build_index()).get(_key_of(name) or header_key(name))
        return values[0].strip() if values else None

    def get_all(self, name: str) -> list[str]:
        """Return every value of a header in order; of a list header every element, whichever line it stood on."""
        key = _key_of(name) or header_key(name)
        values = (self._index or self._build_index()).get(key)
        if values is None:
            return []
        if key not in LIST_KEYS:
            return [value.strip() for value in values]
        if len(values) == 1:
            return split_list(values[0])
        return [element for value in values for element in split_list(value)]

    def __contains__(self, name: str) -> bool:
        return (_key_of(name) or header_key(name)) in (self._index or self._build_index())

    def names(self) -> list[str]:
        """Return the names of all header lines in order, in the spelling of the RFCs where known."""
        if self._index is None:
            self._build_index()
        keys = map(_line_key, self._lines[1:])
        return [CANONICAL_NAMES.get(key, line.partition(":")[0].strip()) for key, line in zip(keys, self._lines[1:], strict=True)]

    def add(self, name: str, value: str) -> None:
        """Append a header line. Raises InvalidArgument when the name is no token or the value has a line break."""
        line, key, value = _checked_line(name, value)
        index = self._index or self._build_index()
        self._lines.append(line)
        index.setdefault(key, []).append(value)
        self._forget(key)

    def insert_first(self, name: str, value: str) -> None:
        """Insert a header line in front of the others of its name, or in front of all. Raises as ``add``."""
        line, key, value = _checked_line(name, value)
        index = self._index or self._build_index()
        values = index.get(key)
        if values is None:
            index[key] = [value]
            self._lines.insert(1, line)
        else:
            values.insert(0, value)
            self._lines.insert(self._position(key), line)
        self._forget(key)

    def set(self, name: str, value: str) -> None:
        """Replace all header lines of a name by one at the place of the first, or append one. Raises as ``add``."""
        line, key, value = _checked_line(name, value)
        index = self._index or self._build_index()
        values = index.get(key)
        if values is None:
            self._lines.append(line)
        else:
            position = self._position(key)
            if len(values) > 1:
                self._drop_lines(key)
                self._lines.insert(position, line)
            else:
                self._lines[position] = line
        index[key] = [value]
        self._forget(key)

    def remove(self, name: str) -> None:
        """Remove all header lines of a name, if any."""
        key = header_key(name)
        index = self._index or self._build_index()
        if index.pop(key, None) is not None:
            self._drop_lines(key)
            self._forget(key)

    def remove_first(self, name: str) -> str | None:
        """Remove the first value of a header and return it, stripped; of a list header the first element only."""
        key = header_key(name)
        index = self._index or self._build_index()
        values = index.get(key)
        if values is None:
            return None
        position = self._position(key)
        elements = split_list(values[0]) if key in LIST_KEYS else [values[0].strip()]
        if len(elements) > 1:
            values[0] = ", ".join(elements[1:])
            self._lines[position] = f"{CANONICAL_NAMES.get(key, name)}: {values[0]}"
        else:
            del values[0]
            del self._lines[position]
            if not values:
                del index[key]
        self._forget(key)
        return elements[0] if elements else ""

    # -- headers as values

    @property
    def via(self) -> Via:
        """The topmost Via. Raises SipParseError 400 when missing or malformed."""
        value = self._via
        if value is None:
            raw = self._required("via", "Via")
            value = self._via = Via.parse(raw if "," not in raw else (split_list(raw) or [""])[0])
        return value

    @property
    def vias(self) -> list[Via]:
        """All Via values, topmost first. Raises SipParseError 400."""
        return [Via.parse(value) for value in self.get_all("Via")]

    @property
    def from_(self) -> NameAddr:
        """The From value. Raises SipParseError 400."""
        value = self._from
        if value is None:
            value = self._from = NameAddr.parse(self._required("from", "From"))
        return value

    @property
    def to(self) -> NameAddr:
        """The To value. Raises SipParseError 400."""
        value = self._to
        if value is None:
            value = self._to = NameAddr.parse(self._required("to", "To"))
        return value

    @property
    def cseq(self) -> CSeq:
        """The CSeq value. Raises SipParseError 400."""
        value = self._cseq
        if value is None:
            value = self._cseq = CSeq.parse(self._required("cseq", "CSeq"))
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
            values = (self._index or self._build_index()).get("contact")
            if values is None:
                return None
            raw = values[0].strip()
            if "," in raw:
                raw = (split_list(raw) or [""])[0]
            value = self._contact = NameAddr.parse(raw)
        return value

    @property
    def contacts(self) -> list[NameAddr]:
        """All Contact values. Raises SipParseError 400."""
        return [NameAddr.parse(value) for value in self.get_all("Contact")]

    @property
    def routes(self) -> list[NameAddr]:
        """All Route values, topmost first. Raises SipParseError 400."""
        return [NameAddr.parse(value) for value in self.get_all("Route")]

    @property
    def record_routes(self) -> list[NameAddr]:
        """All Record-Route values, topmost first. Raises SipParseError 400."""
        return [NameAddr.parse(value) for value in self.get_all("Record-Route")]

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
        """Content-Type without parameters, lowered, None when absent."""
        text = self.get("Content-Type")
        return text.partition(";")[0].strip().lower() if text is not None else None

    @property
    def expires(self) -> int | None:
        """Expires in seconds, at most 2**32 - 1; None when absent or malformed (RFC 3261 s20.19 has both mean the default)."""
        text = self.get("Expires")
        if text is None:
            return None
        if text.isascii() and text.isdigit():
            number = parse_number(text, 0xFFFFFFFF)
            return 0xFFFFFFFF if number is None else number
        return None

    # -- wire form

    def to_bytes(self) -> bytes:
        """Return the message as it goes on the wire, with the right Content-Length whatever happened to the body."""
        if self._head is not None:
            self._split_head()
        lines = self._lines
        body = self.body
        lines[0] = self._start_line()
        if self._length != len(body):
            index = self._index
            if index is None or "content-length" in index:
                self.remove("Content-Length")
            text = "\r\n".join(lines)
            return f"{text}\r\nContent-Length: {len(body)}\r\n\r\n".encode("utf-8", "surrogateescape") + body
        lines.append("\r\n")
        text = "\r\n".join(lines)
        del lines[-1]
        return text.encode("utf-8", "surrogateescape") + body

    def copy(self) -> Self:
        """Return an independent copy; the body, being immutable, is shared."""
        if self._head is not None:
            self._split_head()
        other = object.__new__(type(self))
        Message.__init__(other, None, self._lines.copy(), self.body, self._length)
        self._copy_start_line(other)
        return other

    # -- inside

    def _start_line(self) -> str:
        raise NotImplementedError

    def _copy_start_line(self, other: Self) -> None:
        raise NotImplementedError

    def _required(self, key: str, name: str) -> str:
        values = (self._index or self._build_index()).get(key)
        if values is None:
            raise SipParseError(400, f"Missing {name}")
        value = values[0].strip()
        if not value:
            raise SipParseError(400, f"Empty {name}")
        return value

    def _split_head(self) -> None:
        head = self._head
        if head is not None:
            self._lines = head.split("\r\n")
            self._head = None

    def _build_index(self) -> dict[str, list[str]]:
        """Make the index. A line that is no header is left out, and marks the message as malformed."""
        if self._head is not None:
            self._split_head()
        index: dict[str, list[str]] = {}
        names = _key_of
        lines = iter(self._lines)
        next(lines)
        for line in lines:
            name, _, value = line.partition(":")
            key = names(name)
            if key is None:
                if line[:1] in (" ", "\t"):
                    self._unfold()
                    return self._build_index()
                key = header_key(name)
                if not is_token(key) or ":" not in line:
                    self._malformed = True
                    continue
            if key in index:
                index[key].append(value)
            else:
                index[key] = [value]
        self._index = index
        return index

    def _unfold(self) -> None:
        """Join continuation lines to the line they continue, with one space (RFC 3261 s7.3.1)."""
        lines = [self._lines[0]]
        pieces: list[str] = []
        for line in self._lines[1:]:
            if pieces and line[:1] in (" ", "\t"):
                pieces.append(line.strip(" \t"))
            else:
                if pieces:
                    lines.append(" ".join(pieces))
                pieces = [line if line[:1] not in (" ", "\t") else line.lstrip(" \t")]
        lines.append(" ".join(pieces))
        self._lines = lines

    def _position(self, key: str) -> int:
        """Return where the first line of ``key`` is; there is one."""
        return next(position for position, line in enumerate(self._lines) if position and _line_key(line) == key)

    def _drop_lines(self, key: str) -> None:
        self._lines[1:] = [line for line in self._lines[1:] if _line_key(line) != key]

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
            self._length = -1


class Request(Message):
    """A SIP request. ``uri`` is the raw Request-URI; both may be assigned."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, head: str | None, lines: list[str], body: bytes = b"", length: int = -1) -> None:
        super().__init__(head, lines, body, length)
        self.method = method
        self.uri = uri

    @property
    def request_uri(self) -> SipUri:
        """The Request-URI parsed. Raises SipParseError: 416 for a scheme that is not SIP or SIPS, 400 when malformed."""
        return SipUri.parse(self.uri)

    def _start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    def _copy_start_line(self, other: Self) -> None:
        other.method = self.method
        other.uri = self.uri

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri}>"


class Response(Message):
    """A SIP response: ``status`` 100 to 699, ``reason`` the phrase, which may be empty."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, head: str | None, lines: list[str], body: bytes = b"", length: int = -1) -> None:
        super().__init__(head, lines, body, length)
        self.status = status
        self.reason = reason

    def _start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def _copy_start_line(self, other: Self) -> None:
        other.status = self.status
        other.reason = self.reason

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"


def _line_key(line: str) -> str:
    name = line.partition(":")[0]
    return _key_of(name) or header_key(name)


def _checked_line(name: str, value: str) -> tuple[str, str, str]:
    """Return the line, the key and the value, or raise InvalidArgument: a line break would smuggle in a header."""
    if "\n" in value or "\r" in value:
        raise InvalidArgument(f"the value of header {name!r} has a line break")
    key = _key_of(name)
    if key is None:
        key = header_key(name)
        if not is_token(key):
            raise InvalidArgument(f"{name!r} is no header name")
    return f"{name}: {value}", key, value


def header_lines(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return checked header lines. Raises InvalidArgument on a name that is no token and on a line break."""
    return [_checked_line(name, value)[0] for name, value in headers]
