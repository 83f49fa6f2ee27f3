"""Key presses of a peer that may send each of them by several methods: told apart from repetitions."""

from __future__ import annotations

from dataclasses import dataclass, field

_WINDOW = 0.5  # seconds between reports of one key press: INFO comes as it begins, sound when it has ended


@dataclass(frozen=True, slots=True)
class CollectedDigits:
    """What a caller keyed in. ``reason``: "terminator", "count", "first_timeout", "inter_timeout" or "call_ended".

    ``digits`` does not hold the terminator, which is in ``terminator`` ("" where there was none).
    """

    digits: str
    reason: str
    terminator: str = ""


@dataclass(slots=True)
class _Press:
    digit: str
    time: float
    methods: set[str] = field(default_factory=set)


class KeyPresses:
    """Which reports are of one key press: the same digit, soon after, by a method that has not told it yet."""

    __slots__ = ("_recent",)

    def __init__(self) -> None:
        self._recent: list[_Press] = []

    def is_new(self, digit: str, method: str, when: float) -> bool:
        """Take a report; ``when`` in seconds of any one clock. Returns whether it is of a key press not told before."""
        self._recent = [press for press in self._recent if abs(when - press.time) < _WINDOW]
        for press in self._recent:
            if press.digit == digit and method not in press.methods:
                press.methods.add(method)
                return False
        self._recent.append(_Press(digit, when, {method}))
        return True
