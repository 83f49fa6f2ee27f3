"""Notes the media statistics of a call several times a second, for pictures and reports."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microsip_core.diagnosis.call_picture import QualitySample
    from microsip_core.user_agent.call import Call

INTERVAL = 0.1


class QualityLog:
    """Takes a note every 100 ms from :meth:`run` until that is cancelled; times are seconds since the answer."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.notes: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Take notes until cancelled or the call is over."""
        while self._call.ended is None:
            self.note()
            await asyncio.sleep(INTERVAL)

    def note(self) -> None:
        """Take one note."""
        statistics = self._call.statistics()
        if statistics is None:
            return
        receive = statistics.receive
        self.notes.append({
            "time": round(self._call.duration, 3),
            "buffer_ms": receive.buffer_ms, "target_ms": receive.buffer_target_ms, "jitter_ms": receive.jitter_ms,
            "packets": receive.packets, "lost": receive.lost,
        })


def quality_samples(notes: list[dict[str, Any]]) -> list[QualitySample]:
    """Return the notes as the picture takes them."""
    from microsip_core.diagnosis.call_picture import QualitySample

    return [QualitySample(**note) for note in notes]
