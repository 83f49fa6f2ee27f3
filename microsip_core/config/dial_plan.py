"""The dial plan of an account: which numbers may be dialled, and what is sent for them.

Patterns are separated by ``|`` and tried in turn; the first that fits the whole number wins, and a number that fits
none is blocked. ``x`` is a digit, ``[2-9]`` or ``[135]`` one of these, ``.`` repeats what stands before it any number
of times, none included, ``<9:>`` takes a leading 9 away, ``<:+49>`` puts +49 there. All else (digits, ``+``, ``*``,
``#``) stands for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from microsip_core.errors import ConfigError

_LITERALS = frozenset("0123456789+*#")
_SET = re.compile(r"\[(?:[0-9]-[0-9]|[0-9*#+])+\]")
_RANGE = re.compile(r"([0-9])-([0-9])")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """``match`` fits a whole number; ``parts`` are the numbers of its groups to keep and the texts to put in."""

    match: re.Pattern[str]
    parts: tuple[int | str, ...]

    def apply(self, number: str) -> str | None:
        found = self.match.fullmatch(number)
        if found is None:
            return None
        return "".join(part if isinstance(part, str) else found[part] for part in self.parts)


@dataclass(frozen=True, slots=True)
class DialPlan:
    """A parsed dial plan. ``text`` is what it was made from; one without patterns lets everything through."""

    text: str
    patterns: tuple[_Pattern, ...]

    @classmethod
    def parse(cls, text: str) -> DialPlan:
        """Read a plan. Raises ConfigError that names the pattern and what is wrong with it."""
        patterns = [_compile(pattern) for part in text.split("|") if (pattern := "".join(part.split()))]
        return cls(text, tuple(patterns))

    def apply(self, number: str) -> str | None:
        """Return what is sent for a number, None when the plan blocks it."""
        if not self.patterns:
            return number
        return next((sent for pattern in self.patterns if (sent := pattern.apply(number)) is not None), None)


def _compile(pattern: str) -> _Pattern:
    expression, at, group = "", 0, 0
    parts: list[int | str] = []
    while at < len(pattern):
        group += 1
        if pattern[at] == "<":
            end = pattern.find(">", at)
            match, colon, replacement = pattern[at + 1:end].partition(":")
            if end < 0 or not colon:
                raise _wrong(pattern, "a replacement reads <match:replacement>")
            if not set(replacement) <= _LITERALS:
                raise _wrong(pattern, f"{replacement!r} can not be dialled")
            expression += f"({_elements(match, pattern)})"
            parts.append(replacement)
            at = end + 1
        else:
            end = pattern.find("<", at)
            end = len(pattern) if end < 0 else end
            expression += f"({_elements(pattern[at:end], pattern)})"
            parts.append(group)
            at = end
    return _Pattern(re.compile(expression), tuple(parts))


def _elements(text: str, pattern: str) -> str:
    expression, at, repeatable = "", 0, False
    while at < len(text):
        character = text[at]
        if character == ".":
            if not repeatable:
                raise _wrong(pattern, "a dot stands behind what it repeats")
            expression, at, repeatable = expression + "*", at + 1, False
            continue
        element, at = _element(text, at, pattern)
        expression, repeatable = expression + element, True
    return expression


def _element(text: str, at: int, pattern: str) -> tuple[str, int]:
    character = text[at]
    if character in "xX":
        return "[0-9]", at + 1
    if character in _LITERALS:
        return re.escape(character), at + 1
    if character == "[":
        found = _SET.match(text, at)
        if found is None:
            raise _wrong(pattern, "a set reads [2-9] or [135]")
        if any(low > high for low, high in _RANGE.findall(found[0])):
            raise _wrong(pattern, f"the range {found[0]} runs backwards")
        return found[0], found.end()
    raise _wrong(pattern, f"{character!r} means nothing in a dial plan")


def _wrong(pattern: str, message: str) -> ConfigError:
    return ConfigError(f"the dial plan's pattern {pattern!r}: {message}", step="read the dial plan")
