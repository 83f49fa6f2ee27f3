"""An ini file that goes back as it came: order, comments, unknown keys, line ends and encoding survive a change."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from microsip_core.config.atomic_write import write_atomically
from microsip_core.config.encoding import DEFAULT, Encoding, decode, encode
from microsip_core.errors import FileError, InvalidArgument

LARGEST_FILE = 4 << 20
"""Octets; what is larger is no configuration."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")


@dataclass(slots=True)
class _Line:
    """One line: ``text`` as it stands in the file, ``end`` its line end, and what it says."""

    text: str
    end: str
    section: str = ""
    """The section it opens or stands in, in lower case."""
    key: str = ""
    """The key in lower case, empty for all other lines."""
    opens: bool = False


@dataclass(frozen=True, slots=True)
class IniValue:
    """A value as it stands behind the ``=``, and where. ``text`` is without the pair of quotes round it."""

    key: str
    raw: str
    line: int

    @property
    def text(self) -> str:
        """The value without one pair of quotes round it, which Windows takes off too."""
        raw = self.raw
        if len(raw) >= 2 and raw[0] == raw[-1] and raw[0] in "\"'" and raw[0] not in raw[1:-1]:
            return raw[1:-1]
        return raw


class IniFile:
    """The lines of an ini file. Sections and keys are found in any case; of a key given twice the first one counts.

    ``junk`` are the numbers of lines that are no section, no key with a value, no comment and not empty; they are kept.
    """

    def __init__(self, text: str = "", encoding: Encoding = DEFAULT, path: Path | None = None) -> None:
        self.encoding = encoding
        self.path = path
        self.junk: list[int] = []
        self._lines: list[_Line] = []
        section = ""
        for number, match in enumerate(_LINE.finditer(text), start=1):
            line = self._read_line(match.group(), section, number)
            section = line.section
            self._lines.append(line)
        self._end = next((line.end for line in self._lines if line.end), "\r\n")

    @classmethod
    def parse(cls, data: bytes, path: Path | None = None) -> IniFile:
        """Read the bytes of a file. Raises ConfigError for bytes that are no text."""
        return cls(*decode(data), path)

    @classmethod
    def load(cls, path: Path) -> IniFile:
        """Read a file; one that is not there is empty. Raises FileError, ConfigError."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return cls(path=path)
        except OSError as error:
            raise FileError(error.strerror or str(error), step="read the configuration", peer=str(path)) from error
        if len(data) > LARGEST_FILE:
            raise FileError("the file is too large for a configuration", step="read the configuration", peer=str(path))
        return cls.parse(data, path)

    def _read_line(self, whole: str, section: str, number: int) -> _Line:
        text = whole.rstrip("\r\n")
        end = whole[len(text):]
        bare = text.strip()
        if bare.startswith("[") and "]" in bare:
            return _Line(text, end, bare[1:bare.index("]")].strip().lower(), opens=True)
        key, equals, _ = text.partition("=")
        if not bare or bare[0] in ";#":
            return _Line(text, end, section)
        if not equals or not key.strip():
            self.junk.append(number)
            return _Line(text, end, section)
        return _Line(text, end, section, key.strip().lower())

    # -- reading ----------------------------------------------------------------------------------------------------

    def sections(self) -> list[str]:
        """Return the names of the sections as they are spelt, in the order of the file, each once."""
        found: dict[str, str] = {}
        for line in self._lines:
            if line.opens:
                bare = line.text.strip()
                found.setdefault(line.section, bare[1:bare.index("]")].strip())
        return list(found.values())

    def get(self, section: str, key: str) -> IniValue | None:
        """Return the value of a key, None when the file has none."""
        at = self._find(section.lower(), key.lower())
        return None if at is None else self._value(at)

    def values(self, section: str) -> Iterator[IniValue]:
        """Walk the values of a section in the order of the file, each key once."""
        seen = set()
        for at, line in enumerate(self._lines):
            if line.key and line.section == section.lower() and line.key not in seen:
                seen.add(line.key)
                yield self._value(at)

    def _find(self, section: str, key: str) -> int | None:
        for at, line in enumerate(self._lines):
            if line.key == key and line.section == section:
                return at
        return None

    def _value(self, at: int) -> IniValue:
        key, _, raw = self._lines[at].text.partition("=")
        return IniValue(key.strip(), raw.strip(), at + 1)

    # -- changing ---------------------------------------------------------------------------------------------------

    def set(self, section: str, key: str, value: str) -> None:
        """Give a key a value: in its own line when it has one, else at the end of its section.

        Raises InvalidArgument for names or values that would make another line of the file than the one meant.
        """
        _check_name(section, "]")
        _check_name(key, "=")
        if key[0] in ";#[" or any(character in value for character in "\r\n\0"):
            raise InvalidArgument(f"[{section}] {key} can not be written: it would read as something else",
                                  step="write the configuration")
        written = _quoted(value)
        at = self._find(section.lower(), key.lower())
        if at is not None:
            line = self._lines[at]
            head, _, old = line.text.partition("=")
            space = old[:len(old) - len(old.lstrip())]
            line.text = f"{head}={space}{written}"
            return
        self._insert(section, _Line(f"{key}={written}", self._end, section.lower(), key.lower()))

    def _insert(self, section: str, new: _Line) -> None:
        """Put a line behind the last key of its section, opening the section at the end of the file if need be."""
        last = None
        for at, line in enumerate(self._lines):
            if line.section == section.lower() and (line.opens or line.key):
                last = at
        if self._lines and not self._lines[-1].end:
            self._lines[-1].end = self._end
        if last is None:
            self._lines.append(_Line(f"[{section}]", self._end, section.lower(), opens=True))
            last = len(self._lines) - 1
        self._lines.insert(last + 1, new)

    def remove(self, section: str, key: str) -> bool:
        """Take a key out, every line of it. Return whether there was one."""
        before = len(self._lines)
        self._lines = [line for line in self._lines if (line.section, line.key) != (section.lower(), key.lower())]
        return len(self._lines) != before

    def remove_section(self, section: str) -> bool:
        """Take a section out with all that stands in it. Return whether there was one."""
        before = len(self._lines)
        self._lines = [line for line in self._lines if line.section != section.lower()]
        return len(self._lines) != before

    # -- writing ----------------------------------------------------------------------------------------------------

    def to_text(self) -> str:
        """Return the text of the file."""
        return "".join(line.text + line.end for line in self._lines)

    def to_bytes(self) -> bytes:
        """Return the bytes of the file, in the encoding it came in if that can hold it."""
        return encode(self.to_text(), self.encoding)

    def save(self, path: Path | None = None) -> None:
        """Write the file so that a reader sees the old or the new one, never half. Raises FileError."""
        path = path or self.path
        if path is None:
            raise InvalidArgument("the configuration has no file to go to", step="write the configuration")
        write_atomically(Path(os.path.realpath(path)), self.to_bytes())


def _check_name(name: str, forbidden: str) -> None:
    if not name or name != name.strip() or any(character in name for character in forbidden + "\r\n\0"):
        raise InvalidArgument(f"{name!r} is no name for a section or key", step="write the configuration")


def _quoted(value: str) -> str:
    """Quote what would lose its blanks or its own quotes when read again."""
    if value != value.strip() or IniValue("", value, 0).text != value:
        quote = "'" if '"' in value else '"'
        return value if quote in value else f"{quote}{value}{quote}"
    return value
