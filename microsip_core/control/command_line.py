"""Splits the command lines of the configuration into words, as the platform's programs would, without any shell."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable

from microsip_core.errors import ConfigError

WINDOWS = os.name == "nt"
_BATCH = (".bat", ".cmd")
_UNSAFE_IN_BATCH = frozenset('"%!^&|<>()`=,;\'')
"""What cmd.exe, which Windows runs batch files with, takes for its own even inside of quotes."""


def split_command(
    text: str, *, windows: bool = WINDOWS, is_file: Callable[[str], bool] = os.path.isfile,
) -> list[str]:
    """Return the words of a command line, the program first; an empty line has none.

    A program whose path holds blanks and has no quotes round it is found when the file is there. Raises ConfigError
    for a quote that is not closed.
    """
    words = split_windows(text) if windows else _split_posix(text)
    plain = text.split()
    quotes = '"' if windows else "\"'\\"
    if len(plain) > 1 and not any(quote in text for quote in quotes) and not is_file(plain[0]):
        for count in range(2, len(plain) + 1):
            program = _with_its_blanks(text, plain[:count])
            if is_file(program):
                return [program, *plain[count:]]
    return words


def _with_its_blanks(text: str, words: list[str]) -> str:
    """Return the beginning of ``text`` that these words make, with the blanks it has there."""
    at = 0
    for word in words:
        at = text.index(word, at) + len(word)
    return text[:at].strip()


def _split_posix(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"the command {text!r} can not be split: {error}", step="read the event commands") from error


def split_windows(text: str) -> list[str]:
    """Split by the rules of Microsoft's C runtime: double quotes, and backslashes before them."""
    words: list[str] = []
    word: list[str] = []
    quoted = started = False
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            end = at
            while end < len(text) and text[end] == "\\":
                end += 1
            count, at, started = end - at, end, True
            if at < len(text) and text[at] == '"':
                word.append("\\" * (count // 2))
                if count % 2:
                    word.append('"')
                    at += 1
            else:
                word.append("\\" * count)
            continue
        at += 1
        if character == '"':
            if quoted and text[at:at + 1] == '"':  # two of them inside of quotes are one
                word.append('"')
                at += 1
            else:
                quoted = not quoted
            started = True
        elif character in " \t" and not quoted:
            if started:
                words.append("".join(word))
            word, started = [], False
        else:
            word.append(character)
            started = True
    if quoted:
        raise ConfigError(f"the command {text!r} has a quote that is not closed", step="read the event commands")
    return [*words, "".join(word)] if started else words


def clean(text: str, limit: int = 1024) -> str:
    """Return a peer's text as arguments and the environment may hold it: no control characters, of bounded length."""
    text = text[:limit].encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else " " for character in text)


def as_argument(text: str, program: str, *, windows: bool = WINDOWS) -> str:
    """Return a peer's text as an argument may begin with it: never an option, nothing to the shell of a batch file."""
    text = clean(text).lstrip(" -/" if windows else " -")
    if windows and program.lower().rstrip(" .").endswith(_BATCH):
        text = "".join("_" if character in _UNSAFE_IN_BATCH else character for character in text)
    return text
