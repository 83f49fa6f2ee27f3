"""pyVoIP's sound, 8-bit unsigned at 8000 Hz, to and from the engine's int16."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from microsip_core.user_agent.call import Call

SILENCE = b"\x80"
_CHUNK = 1600  # octets given to the engine at a time: 200 ms


class OutgoingSound:
    """What a program has written and the engine has not taken yet; on the engine's thread."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._waiting = bytearray()
        self._sending: asyncio.Task[None] | None = None

    async def add(self, data: bytes) -> None:
        """Queue it behind what waits; sound for a call that has no media (any more) is lost, as in pyVoIP."""
        self._waiting += data
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        try:
            audio = self._call.audio
            while self._waiting:
                chunk = bytes(self._waiting[:_CHUNK])
                del self._waiting[:_CHUNK]
                await audio.send(to_signed(chunk))
        except InvalidState:
            self._waiting.clear()


def to_signed(data: bytes) -> NDArray[np.int16]:
    """Return 8-bit unsigned samples as int16."""
    import numpy as np

    return ((np.frombuffer(data, np.uint8).astype(np.int16) - 128) << 8).astype(np.int16)


def to_unsigned(samples: NDArray[np.int16]) -> bytes:
    """Return int16 samples as 8-bit unsigned ones, rounded."""
    import numpy as np

    rounded = np.minimum((samples.astype(np.int32) + 128) >> 8, 127)
    octets: NDArray[np.uint8] = (rounded + 128).astype(np.uint8)
    return octets.tobytes()
