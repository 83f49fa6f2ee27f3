"""Makes text from a peer safe to show: no control character of it reaches the terminal."""

from __future__ import annotations

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Return ``text`` with everything that is no printable character replaced, line ends and escapes too."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _REPLACEMENT for char in text)
