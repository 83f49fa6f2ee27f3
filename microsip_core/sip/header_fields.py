"""Header fields of a message: lines kept as they came, indexed when first asked, changed by name (RFC 3261 s7.3)."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InvalidArgument
from .grammar import is_token, split_list
from .headers import CANONICAL_NAMES, KEYS, LIST_KEYS, header_key
from .parse_error import SipParseError

NO_LENGTH = -1
UNKNOWN_LENGTH = -2
MALFORMED_LINE = "Malformed Header Line"
REPEATED_HEADER = "Repeated Header"

_key_of = KEYS.get
SINGLE_KEYS = frozenset(("from", "to", "call-id", "cseq", "max-forwards", "content-length"))


class HeaderFields:
    """The header fields of a message as text.

    ``_lines`` is the truth: the start line and one unfolded line per header, in order. ``_index`` maps the key of a
    header to its raw value, as it stands behind the colon; those of several lines are joined by LF, as none holds.
    It is built when the first header is asked for. Changing a header keeps the two in step. ``_head`` is the head not
    yet split into lines, None afterwards.
    """

    __slots__ = ("_fault", "_head", "_index", "_length", "_lines")

    _head: str | None
    _lines: list[str]
    _index: dict[str, str] | None
    _fault: str | None
    """What is wrong with the lines: MALFORMED_LINE or REPEATED_HEADER; known once the index is built."""
    _length: int
    """What the Content-Length line says, NO_LENGTH, or UNKNOWN_LENGTH when there may be lines not to be trusted."""

    def get(self, name: str) -> str | None:
        """Return the first line's value of a header, unfolded and stripped, or None. A list is not taken apart."""
        value = (self._index or self._build_index()).get(_key_of(name) or header_key(name))
        if value is None:
            return None
        return value.strip() if "\n" not in value else value.partition("\n")[0].strip()

    def get_all(self, name: str) -> list[str]:
        """Return every value of a header in order; of a list header every element, whichever line it stood on."""
        key = _key_of(name) or header_key(name)
        value = (self._index or self._build_index()).get(key)
        if value is None:
            return []
        if key not in LIST_KEYS:
            return [line.strip() for line in value.split("\n")]
        if "\n" not in value:
            return split_list(value)
        return [element for line in value.split("\n") for element in split_list(line)]

    def __contains__(self, name: str) -> bool:
        return (_key_of(name) or header_key(name)) in (self._index or self._build_index())

    def names(self) -> list[str]:
        """Return the names of all header lines in order, in the spelling of the RFCs where known."""
        if self._index is None:
            self._build_index()
        keys = map(_line_key, self._lines[1:])
        return [
            CANONICAL_NAMES.get(key) or line.partition(":")[0].strip()
            for key, line in zip(keys, self._lines[1:], strict=True)
        ]

    def add(self, name: str, value: str) -> None:
        """Append a header line. Raises InvalidArgument when the name is no token or the value has a line break."""
        line, key, value = _checked_line(name, value)
        index = self._index or self._build_index()
        self._lines.append(line)
        index[key] = f"{index[key]}\n{value}" if key in index else value
        self._forget(key)

    def insert_first(self, name: str, value: str) -> None:
        """Insert a header line in front of the others of its name, or in front of all. Raises as ``add``."""
        line, key, value = _checked_line(name, value)
        index = self._index or self._build_index()
        if key in index:
            index[key] = f"{value}\n{index[key]}"
            self._lines.insert(self._position(key), line)
        else:
            index[key] = value
            self._lines.insert(1, line)
        self._forget(key)

    def set(self, name: str, value: str) -> None:
        """Replace all header lines of a name by one at the place of the first, or append one. Raises as ``add``."""
        line, key, value = _checked_line(name, value)
        index = self._index or self._build_index()
        if key in index:
            position = self._position(key)
            if "\n" in index[key]:
                self._drop_lines(key)
                self._lines.insert(position, line)
            else:
                self._lines[position] = line
        else:
            self._lines.append(line)
        index[key] = value
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
        if key not in index:
            return None
        position = self._position(key)
        value, several, others = index[key].partition("\n")
        first, *rest = (split_list(value) or [""]) if key in LIST_KEYS else [value.strip()]
        if rest:
            value = " " + ", ".join(rest)
            self._lines[position] = f"{CANONICAL_NAMES.get(key, name)}:{value}"
            index[key] = value + several + others
        else:
            del self._lines[position]
            if several:
                index[key] = others
            else:
                del index[key]
        self._forget(key)
        return first

    def replace_first(self, name: str, value: str) -> None:
        """Replace the first value of a header, of a list the first element, or append a line. Raises as ``add``."""
        line, key, value = _checked_line(name, value)
        index = self._index or self._build_index()
        if key not in index:
            self.add(name, value[1:])
            return
        first, several, others = index[key].partition("\n")
        if key in LIST_KEYS and "," in first and (rest := split_list(first)[1:]):
            value = ", ".join((value, *rest))
            line = f"{name}:{value}"
        index[key] = value + several + others
        self._lines[self._position(key)] = line
        self._forget(key)

    # -- inside

    def _forget(self, key: str) -> None:
        """Forget what was parsed out of a header that changes."""
        if key == "content-length":
            self._length = UNKNOWN_LENGTH

    def _required(self, key: str, name: str) -> str:
        value = (self._index or self._build_index()).get(key)
        if value is None:
            raise SipParseError(400, f"Missing {name}")
        value = value.strip() if "\n" not in value else value.partition("\n")[0].strip()
        if not value:
            raise SipParseError(400, f"Empty {name}")
        return value

    def _split_head(self) -> None:
        head = self._head
        if head is None:
            return
        self._head = None
        lines = head.split("\r\n")
        text = "".join(lines)
        if "\n" in text or "\r" in text:
            # A lone CR or LF may be a line end for the next element and not for us: it must neither pass nor be echoed.
            self._fault = MALFORMED_LINE
            self._length = UNKNOWN_LENGTH
            lines = [_without_lone_line_ends(line) for line in lines]
        self._lines = lines

    def _build_index(self) -> dict[str, str]:
        if self._head is not None:
            self._split_head()
        index: dict[str, str] = {}
        keys = KEYS
        lines = iter(self._lines)
        next(lines)
        try:
            for line in lines:
                name, _, value = line.partition(":")
                key = keys[name]
                if key in index:
                    self._index_again(index, key, value)
                else:
                    index[key] = value
        except KeyError:
            index = self._build_index_of_unusual()
        self._index = index
        return index

    def _build_index_of_unusual(self) -> dict[str, str]:
        """Make the index where a line has an unusual name, is folded, or is no header, which is noted as the fault."""
        if any(line[:1] in (" ", "\t") for line in self._lines):
            self._unfold()
        index: dict[str, str] = {}
        for line in self._lines[1:]:
            key = _line_key(line)
            value = line.partition(":")[2]
            if not is_token(key):
                self._fault = self._fault or MALFORMED_LINE
            elif key in index:
                self._index_again(index, key, value)
            else:
                index[key] = value
        return index

    def _index_again(self, index: dict[str, str], key: str, value: str) -> None:
        index[key] += "\n" + value
        if key in SINGLE_KEYS:
            self._fault = REPEATED_HEADER
            if key == "content-length":
                self._length = UNKNOWN_LENGTH

    def _unfold(self) -> None:
        """Join continuation lines to the line they continue, with one space (RFC 3261 s7.3.1)."""
        lines = [[self._lines[0]]]
        for line in self._lines[1:]:
            if line[:1] not in (" ", "\t"):
                lines.append([line])
            elif len(lines) > 1:
                lines[-1].append(line.strip(" \t"))
            else:  # the start line can not be folded
                self._fault = MALFORMED_LINE
        self._lines = [pieces[0] if len(pieces) == 1 else " ".join(pieces) for pieces in lines]

    def _position(self, key: str) -> int:
        """Return where the first line of ``key`` is; there is one."""
        return next(position for position, line in enumerate(self._lines) if position and _line_key(line) == key)

    def _drop_lines(self, key: str) -> None:
        self._lines[1:] = [line for line in self._lines[1:] if _line_key(line) != key]


def _line_key(line: str) -> str:
    """Return the key of a header line, empty when it has no colon."""
    name, colon, _ = line.partition(":")
    return (_key_of(name) or header_key(name)) if colon else ""


def _checked_line(name: str, value: str) -> tuple[str, str, str]:
    """Return the line, its key and its index value. Raises InvalidArgument: a line break would smuggle in a header."""
    if "\n" in value or "\r" in value:
        raise InvalidArgument(f"the value of header {name!r} has a line break")
    key = _key_of(name)
    if key is None:
        key = header_key(name)
        if not is_token(key):
            raise InvalidArgument(f"{name!r} is no header name")
    value = f" {value}"
    return f"{name}:{value}", key, value


def header_lines(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return checked header lines, without Content-Length, which the message writes itself.

    Raises InvalidArgument on a name that is no token and on a line break.
    """
    checked = [_checked_line(name, value) for name, value in headers]
    return [line for line, key, _ in checked if key != "content-length"]


def _without_lone_line_ends(line: str) -> str:
    """Return a line with spaces for lone CRs and LFs; one that begins so shall not become a continuation by that."""
    clean = line.replace("\r", " ").replace("\n", " ")
    return clean if line[:1] not in ("\r", "\n") else "?" + clean[1:]
