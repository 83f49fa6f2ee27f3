"""What the programs on both sides of the NAT do with a call: sound a tone, and say which one they hear."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from microsip_core.user_agent.call import Call

RATE = 8000
_TAIL = 25  # frames, 0.5 s: heard at the end of each listening, when both ways are open


async def tone_heard(call: Call, own: int, frames: int = 60) -> dict[str, Any]:
    """Sound ``own`` Hz and return the frequency with the most energy among what is heard, and how loud it is."""
    call.play_tone([((own,), 20_000, 0)])
    heard: list[np.ndarray] = []
    async with asyncio.timeout(15):
        async for frame in call.audio:
            heard.append(frame)
            if len(heard) >= frames:
                break
    samples = np.concatenate(heard[-_TAIL:]).astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return {
        "hertz": round(float(np.argmax(spectrum)) * RATE / len(samples)), "peak": int(np.max(np.abs(samples))),
    }
