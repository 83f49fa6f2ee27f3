"""A call's sound as numpy frames, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class CallAudio:
    """``async for frame in call.audio`` gives int16 arrays of 20 ms; ``write`` sends; ``clear`` is for barge-in."""

    sample_rate: int

    def __aiter__(self) -> CallAudio:
        return self

    async def __anext__(self) -> np.ndarray:
        raise NotImplementedError

    async def read(self, samples: int) -> np.ndarray:
        """Return exactly ``samples`` samples, or fewer when the call ended."""
        raise NotImplementedError

    def write(self, samples: np.ndarray) -> int:
        """Queue int16 samples to be sent; returns how many were taken (fewer when the ring is full)."""
        raise NotImplementedError

    async def send(self, samples: np.ndarray) -> None:
        """Queue all of ``samples``, waiting for room: back-pressure for a source faster than real time."""
        raise NotImplementedError

    def clear(self) -> None:
        """Drop at once all that is queued to be sent: the caller has interrupted."""
        raise NotImplementedError
