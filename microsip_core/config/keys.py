"""What a key of MicroSIP.ini is: its type, range, default and meaning; the tables of keys are made with these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from microsip_core.config.dial_plan import DialPlan
from microsip_core.config.secret import Secret
from microsip_core.errors import ConfigError

VALUE_LIMIT, ACCOUNT_LIMIT, CODEC_LIMIT = 255, 1040, 512
"""Characters MicroSIP reads of a value; it cuts what is longer, here that is said instead."""

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


@dataclass(frozen=True, slots=True)
class Key:
    """One key. ``read`` makes the value of its text and raises ValueError with a sentence; ``write`` is its inverse."""

    kind: str
    default: Any
    meaning: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    range: str = ""
    live: bool = True
    """Whether a change takes effect without a restart."""
    secret: bool = False
    raw: bool = False
    """Whether quotes round the value belong to it."""

    def show(self, value: Any) -> str:
        """Return a value as it may be shown to anybody."""
        return str(value) if self.secret else self.write(value)


def boolean(default: bool, meaning: str, *, live: bool = True) -> Any:
    """Make a field that is written as 1 or 0; true, yes, on and their opposites are read too."""
    def read(text: str) -> bool:
        if text.lower() in _TRUE:
            return True
        if text.lower() in _FALSE:
            return False
        raise ValueError("it must be 0 or 1")

    return _field(Key("0/1", default, meaning, read, lambda value: "1" if value else "0", live=live))


def integer(default: int, meaning: str, low: int, high: int, *, unit: str = "", live: bool = True) -> Any:
    """Make a field of a whole number from ``low`` to ``high``."""
    limits = f"{low} to {high}" + (f" {unit}" if unit else "")

    def read(text: str) -> int:
        try:
            value = int(text) if text.isascii() else None
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise ValueError(f"it must be a whole number, {limits}")
        return value

    return _field(Key("number", default, meaning, read, str, limits, live))


def text(default: str, meaning: str, *, limit: int = VALUE_LIMIT, live: bool = True) -> Any:
    """Make a field of free text."""
    return _field(Key("text", default, meaning, _limited(limit), str, live=live))


def choice(default: str, meaning: str, *values: str, live: bool = True) -> Any:
    """Make a field that is one of a few words, in any case."""
    shown = ", ".join(value or "(empty)" for value in values)

    def read(given: str) -> str:
        if given.lower() not in values:
            raise ValueError(f"it must be one of {shown}")
        return given.lower()

    return _field(Key("word", default, meaning, read, str, shown, live))


def words(
    default: tuple[str, ...], meaning: str, *, limit: int = VALUE_LIMIT, most: int = 64, live: bool = True,
) -> Any:
    """Make a field of words with blanks between."""
    def read(given: str) -> tuple[str, ...]:
        found = tuple(_limited(limit)(given).split())
        if len(found) > most:
            raise ValueError(f"it may hold {most} entries, not {len(found)}")
        return found

    return _field(Key("words", default, meaning, read, " ".join, live=live))


def secret(meaning: str) -> Any:
    """Make a field of a password, or a reference to one."""
    def read(given: str) -> Secret:
        return Secret(_limited(ACCOUNT_LIMIT)(given))

    return _field(Key("password", Secret(), meaning, read, lambda value: str(value.stored), secret=True))


def dial_plan(meaning: str) -> Any:
    """Make a field of a dial plan, checked and kept as text."""
    def read(given: str) -> str:
        try:
            return DialPlan.parse(_limited(ACCOUNT_LIMIT)(given)).text
        except ConfigError as error:
            raise ValueError(error.message) from error

    return _field(Key("dial plan", "", meaning, read, str))


def command(meaning: str) -> Any:
    """Make a field of a command line, whose quotes are its own."""
    return _field(Key("command", "", meaning, _limited(ACCOUNT_LIMIT), str, raw=True))


def port(default: int, meaning: str, *, live: bool = False) -> Any:
    """Make a field of a port number; 0 leaves the choice to the system."""
    return integer(default, meaning, 0, 65535, live=live)


def _limited(limit: int) -> Callable[[str], str]:
    def read(given: str) -> str:
        if len(given) > limit:
            raise ValueError(f"it is {len(given)} characters long, {limit} are read")
        if any(ord(character) < 32 and character != "\t" for character in given):
            raise ValueError("it holds a control character")
        return given

    return read


def _field(key: Key) -> Any:
    if isinstance(key.default, Secret):  # no value of its own class may be a plain default
        return field(default_factory=Secret, metadata={"key": key})
    return field(default=key.default, metadata={"key": key})
