"""Session and media descriptions (RFC 8866): parsed from octets and back, unknown lines and their order kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .errors import DEFAULT_LIMITS, SdpError, SdpLimits

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

_Index = tuple[dict[str, list[str]], str | None]  # attributes by name, the first c= line
_LINE_TYPES = frozenset(f"{letter}=" for letter in "abcdefghijklmnopqrstuvwxyz")


class Origin(NamedTuple):
    """The o= line (RFC 8866 s5.2). ``session_id`` and ``version`` may exceed 64 bits and are kept as they came."""

    username: str
    session_id: str
    version: str
    network_type: str
    address_type: str
    address: str


class MediaDescription:
    """One m= line and what belongs to it.

    ``lines`` are the lines after m=, without line ends, in their order. Use :meth:`add_attribute` to append to them.
    """

    __slots__ = ("_index", "formats", "kind", "lines", "port", "port_count", "profile")

    def __init__(
        self, kind: str, port: int, profile: str, formats: list[str], lines: Iterable[str] = (), port_count: int = 1,
    ) -> None:
        self.kind = kind
        self.port = port
        self.port_count = port_count
        self.profile = profile
        self.formats = formats
        self.lines = list(lines)
        self._index: _Index | None = None

    @property
    def attributes(self) -> dict[str, list[str]]:
        """The values of each a= line by attribute name; a property attribute such as sendrecv has the value ""."""
        if self._index is None:
            self._index = _index(self.lines)
        return self._index[0]

    @property
    def connection(self) -> str | None:
        """The address of the media-level c= line, without TTL, or ``None`` when there is none."""
        if self._index is None:
            self._index = _index(self.lines)
        line = self._index[1]
        return None if line is None else _connection_address(line)

    @property
    def direction(self) -> str | None:
        """The media-level direction attribute, or ``None`` when the session's or the default applies."""
        return _direction(self.attributes)

    def attribute(self, name: str) -> str | None:
        """Return the first value of an attribute, or ``None``."""
        values = self.attributes.get(name)
        return values[0] if values else None

    def add_attribute(self, name: str, value: str | None = None) -> None:
        """Append an a= line."""
        self.attributes.setdefault(name, []).append(value or "")
        self.lines.append(f"a={name}" if value is None else f"a={name}:{value}")

    def m_line(self) -> str:
        """Return the m= line without its line end."""
        port = self.port if self.port_count == 1 else f"{self.port}/{self.port_count}"
        return f"m={self.kind} {port} {self.profile} {' '.join(self.formats)}".rstrip()

    def __repr__(self) -> str:
        return f"<MediaDescription {self.m_line()}>"


class SessionDescription:
    """A whole description: session-level ``lines`` (v= first, without line ends, in their order) and ``media``."""

    __slots__ = ("_index", "lines", "media")

    def __init__(self, lines: Iterable[str], media: Iterable[MediaDescription] = ()) -> None:
        self.lines = list(lines)
        self.media = list(media)
        self._index: _Index | None = None

    @classmethod
    def parse(cls, data: bytes, limits: SdpLimits = DEFAULT_LIMITS) -> SessionDescription:
        """Parse a description, or raise :class:`SdpError`.

        Tolerated: LF for CRLF, empty lines, missing s= and t=, unknown line types, any order among session-level lines.
        Refused: no v=0 at first, no o=, a line that is not ``letter=value``, a broken m=, NUL, more than ``limits``.
        """
        if len(data) > limits.octets:
            raise SdpError(f"{len(data)} octets, more than the limit of {limits.octets}")
        # RFC 8866 s4.5 makes UTF-8 the default; other octets survive the round trip as surrogates.
        text = data.decode("utf-8", "surrogateescape")
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if "\0" in text or "\r" in text:
            raise SdpError("NUL, or CR without LF")
        lines = text.split("\n")
        if len(lines) > limits.lines:
            raise SdpError(f"more than {limits.lines} lines")
        if lines[0].rstrip() != "v=0":
            raise SdpError("the first line is not v=0", line=1)
        return cls._of_lines(lines, limits)

    @classmethod
    def _of_lines(cls, lines: list[str], limits: SdpLimits) -> SessionDescription:
        session: list[str] = []
        media: list[MediaDescription] = []
        current = session
        for line in lines:
            line_type = line[:2]
            if line_type == "m=":
                media.append(_parse_m_line(line, lines, limits))
                current = media[-1].lines
            elif line_type in _LINE_TYPES:
                current.append(line)
            elif line.strip():
                raise SdpError("not of the form letter=value", line=lines.index(line) + 1)
        if len(session) < 2 or (session[1][:2] != "o=" and not any(line[:2] == "o=" for line in session)):
            raise SdpError("no o= line")
        if len(media) > limits.media:
            raise SdpError(f"more than {limits.media} media descriptions")
        self = cls.__new__(cls)
        self.lines, self.media, self._index = session, media, None
        return self

    def to_bytes(self) -> bytes:
        """Return the description as octets, every line ended by CRLF."""
        lines = list(self.lines)
        for media in self.media:
            lines.append(media.m_line())
            lines += media.lines
        lines.append("")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")

    @property
    def origin(self) -> Origin:
        """The o= line; raises :class:`SdpError` when it has not six fields."""
        fields = next(line for line in self.lines if line.startswith("o="))[2:].split()
        if len(fields) != 6:
            raise SdpError(f"o= has {len(fields)} fields instead of 6")
        return Origin(*fields)

    @property
    def name(self) -> str:
        """The s= line's text, "" when there is none."""
        return next((line[2:] for line in self.lines if line.startswith("s=")), "")

    @property
    def connection(self) -> str | None:
        """The address of the session-level c= line, without TTL, or ``None``."""
        if self._index is None:
            self._index = _index(self.lines)
        line = self._index[1]
        return None if line is None else _connection_address(line)

    @property
    def attributes(self) -> dict[str, list[str]]:
        """The values of each session-level a= line by attribute name."""
        if self._index is None:
            self._index = _index(self.lines)
        return self._index[0]

    def address_of(self, media: MediaDescription) -> str:
        """Return the connection address in force for a stream; raises :class:`SdpError` when there is no c= line."""
        address = media.connection or self.connection
        if address is None:
            raise SdpError(f"no c= line for {media.m_line()}")
        return address

    def direction_of(self, media: MediaDescription) -> str:
        """Return the direction in force for a media description, as its sender sees it (RFC 8866 s6.7)."""
        return media.direction or _direction(self.attributes) or "sendrecv"

    def __repr__(self) -> str:
        return f"<SessionDescription {self.media}>"


def _parse_m_line(line: str, lines: list[str], limits: SdpLimits) -> MediaDescription:
    fields = line[2:].split()
    # Some devices leave the format out when they refuse a stream; RFC 8866 s5.14 wants at least one.
    if len(fields) < 4 and not (len(fields) == 3 and fields[1] == "0"):
        raise SdpError("m= needs media, port, profile and at least one format", line=lines.index(line) + 1)
    if len(fields) - 3 > limits.formats:
        raise SdpError(f"more than {limits.formats} formats", line=lines.index(line) + 1)
    port, _, count = fields[1].partition("/")
    media = MediaDescription.__new__(MediaDescription)
    media.kind = fields[0]
    media.port = _small_number(port, line, lines)
    media.port_count = _small_number(count, line, lines) if count else 1
    media.profile = fields[2]
    media.formats = fields[3:]
    media.lines = []
    media._index = None
    return media


def _small_number(text: str, line: str, lines: list[str]) -> int:
    if text.isdecimal() and text.isascii() and len(text) <= 5 and (number := int(text)) <= 65535:
        return number
    raise SdpError(f"{text[:20]!r} is not a port", line=lines.index(line) + 1)


def _index(lines: list[str]) -> _Index:
    attributes: dict[str, list[str]] = {}
    connection = None
    for line in lines:
        letter = line[0]
        if letter == "a":
            name, _, value = line[2:].rstrip().partition(":")
            if name in attributes:
                attributes[name].append(value)
            else:
                attributes[name] = [value]
        elif letter == "c" and connection is None:
            connection = line
    return attributes, connection


def _connection_address(line: str) -> str:
    fields = line.split()
    if len(fields) != 3:
        raise SdpError(f"c= has {len(fields)} fields instead of 3")
    return fields[2].partition("/")[0]


def _direction(attributes: dict[str, list[str]]) -> str | None:
    for direction in DIRECTIONS:
        if direction in attributes:
            return direction
    return None
