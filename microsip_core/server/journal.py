"""What the server tells about itself: counters, and one line for each thing that happens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One thing that happened; ``str()`` is the line to print.

    ``kind`` is one of "listen", "register", "request", "response", "refused", "malformed", "service", "dtmf",
    "close". ``text`` never holds a password or a digest response.
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class Journal:
    """Counts, and passes events on to whoever listens.

    A listener that raises must not stop the server: the error is logged, and that listener hears no more.
    """

    __slots__ = ("counters", "listener")

    def __init__(self, listener: Callable[[ServerEvent], None] | None = None) -> None:
        self.listener = listener
        self.counters: dict[str, int] = {}

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter."""
        self.counters[name] = self.counters.get(name, 0) + by

    def tell(self, kind: str, text: Callable[[], str] | str) -> None:
        """Tell the listener; ``text`` may be a function, called only when somebody listens."""
        if self.listener is None:
            return
        line = text if isinstance(text, str) else text()
        if not line.isprintable():  # a peer's text must not write lines of its own
            line = "".join(char if char.isprintable() else "?" for char in line)
        try:
            self.listener(ServerEvent(kind, line))
        except Exception:
            self.listener = None
            self.count("listener_errors")
            _LOG.exception("the event listener failed on %r and is not called again", line)
