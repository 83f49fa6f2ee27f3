"""The characters and colours of the ladder diagram: UTF-8 or ASCII, with ANSI colours or plain."""

from __future__ import annotations

from dataclasses import dataclass

from .message_summary import MessageSummary

_ANSI = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "plain": ""}


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of drawing characters, each one column wide."""

    lifeline: str
    shaft: str
    media: str
    left_head: str
    right_head: str
    lost: str
    ellipsis: str

    def clip(self, text: str, width: int) -> str:
        """Return ``text`` cut to ``width`` columns, with an ellipsis where something went."""
        return text if len(text) <= width else text[: max(0, width - len(self.ellipsis))] + self.ellipsis


UNICODE = Glyphs(lifeline="│", shaft="─", media="═", left_head="◄", right_head="►", lost="✗", ellipsis="…")
ASCII = Glyphs(lifeline="|", shaft="-", media="=", left_head="<", right_head=">", lost="X", ellipsis="..")


class Style:
    """Paints text with ANSI colours, or leaves it alone."""

    def __init__(self, color: bool) -> None:
        self._color = color

    def paint(self, text: str, style: str) -> str:
        """Return ``text`` in the named style."""
        code = _ANSI[style]
        return f"\x1b[{code}m{text}\x1b[0m" if self._color and code and text else text

    def bold(self, text: str) -> str:
        """Return ``text`` in bold."""
        return self.paint(text, "bold")

    def dim(self, text: str) -> str:
        """Return ``text`` in a fainter colour."""
        return self.paint(text, "dim")

    def of(self, summary: MessageSummary, faint: bool) -> str:
        """Return the style: requests blue, provisional plain, success green, challenges yellow, refusals red."""
        if faint:
            return "dim"
        if summary.is_request:
            return "blue"
        if summary.status in (401, 407):
            return "yellow"
        return ("plain", "plain", "green")[summary.status // 100] if summary.status < 300 else "red"

