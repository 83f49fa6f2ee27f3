"""The last events of a phone by sequence number, so that a client which was away misses none."""

from __future__ import annotations

from collections import deque
from typing import Any

from microsip_core.control.frames import Frame, to_json
from microsip_core.control.numbers import REPLY, Number

KEPT = 10_000


class EventJournal:
    """Numbers the events from 1 and keeps the last of them, encoded once for all who listen.

    ``epoch`` names this run of the phone: sequence numbers of another run mean nothing here.
    """

    def __init__(self, epoch: str, kept: int = KEPT) -> None:
        self.epoch = epoch
        self.sequence = 0
        self._events: deque[tuple[int, str, bytes]] = deque(maxlen=kept)

    def append(self, kind: str, event: dict[str, Any]) -> bytes:
        """Take an event and return its frame."""
        self.sequence += 1
        data = Frame(REPLY + Number.EVENT, to_json({"sequence": self.sequence, "event": kind, **event})).to_bytes()
        self._events.append((self.sequence, kind, data))
        return data

    def after(self, sequence: int, epoch: str) -> list[tuple[str, bytes]] | None:
        """Return kind and frame of the events after one, None when they are not all there any more."""
        first = self._events[0][0] if self._events else self.sequence + 1
        if epoch != self.epoch or not first - 1 <= sequence <= self.sequence:
            return None
        return [(kind, data) for number, kind, data in self._events if number > sequence]
