"""One line on the terminal that says what goes on right now. It is rewritten in place and gone at the end."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TextIO

_LEAST_INTERVAL = 0.04  # seconds: a terminal is slow, and nobody reads faster
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Writes to stderr, and only where that is a terminal, so that logs and pipes stay clean."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.enabled = self._stream.isatty()
        self._shown = False
        self._last = 0.0

    def show(self, text: str) -> None:
        """Show ``text`` in place of what was shown before, unless that was a moment ago."""
        now = time.monotonic()
        if self.enabled and now - self._last >= _LEAST_INTERVAL:
            self._last = now
            width = shutil.get_terminal_size((80, 24)).columns
            self._stream.write(_CLEAR_LINE + text[: width - 1])
            self._stream.flush()
            self._shown = True

    def clear(self) -> None:
        """Take the line away, before something else is printed."""
        if self._shown:
            self._stream.write(_CLEAR_LINE)
            self._stream.flush()
            self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self.clear()
