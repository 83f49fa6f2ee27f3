"""Digits as sound (ITU-T Q.23), for peers and gateways that take them no other way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEYPAD = "123A456B789C*0#D"
"""Row by row."""
ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
_LOW_DBM0, _HIGH_DBM0 = -9.0, -7.0  # lines lose more of the high tones
_RAMP_MS = 1  # that a tone takes to come and go, so that it does not click


def frequencies(digit: str) -> tuple[float, float]:
    """Return the two frequencies of a digit in Hz. Raises :class:`InvalidArgument`."""
    place = KEYPAD.find(digit.upper()) if len(digit) == 1 else -1
    if place < 0:
        raise InvalidArgument(f"{digit!r} is no digit", step="dtmf", remedy="Use 0-9, A-D, * and #")
    return ROWS[place // 4], COLUMNS[place % 4]


def dtmf_samples(digits: str, rate: int, duration_ms: int = 160, gap_ms: int = 80) -> NDArray[np.int16]:
    """Return digits as int16 samples at ``rate`` Hz: each a tone of ``duration_ms`` and silence of ``gap_ms``.

    Levels are -9 dBm0 of the low tone and -7 of the high one. Raises :class:`InvalidArgument` for what is no digit.
    """
    import numpy as np

    time = np.arange(round(rate * duration_ms / 1000)) / rate
    ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / (_RAMP_MS / 1000)) if len(time) else time
    silence = np.zeros(round(rate * gap_ms / 1000), np.int16)
    parts: list[NDArray[np.int16]] = []
    for digit in digits:
        low, high = frequencies(digit)
        wave = _amplitude(_LOW_DBM0) * np.sin(2 * np.pi * low * time)
        wave += _amplitude(_HIGH_DBM0) * np.sin(2 * np.pi * high * time)
        parts += [(wave * ramp).astype(np.int16), silence]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _amplitude(dbm0: float) -> float:
    """0 dBm0 lies 3.14 dB below a sine at full scale (ITU-T G.711, A-law)."""
    return float(32767 * 10 ** ((dbm0 - 3.14) / 20))
