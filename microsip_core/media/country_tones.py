"""Call progress tones by country, as data for ``play_tone``: dial tone, ringback, busy, congestion, and SIT.

After the ITU-T list of tones used in national networks (E.180 Supplement 2) and, for the special information tone,
E.180 clause 7. National networks vary, and know more tones than these: where it matters, give ``play_tone`` the steps
themselves. Modulated tones (f1 x f2) stand as the sum of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from microsip_core.errors import InvalidArgument

Step = tuple[Sequence[float], int, int]
"""Frequencies in Hz, ms on, ms off; 0 ms on: for ever."""
ToneKind = Literal["dial", "ringback", "busy", "congestion", "reorder", "sit"]

SIT: tuple[Step, ...] = (((950.0,), 330, 30), ((1400.0,), 330, 30), ((1800.0,), 330, 1000))
"""Special information tone: the number can not be reached; a recorded announcement follows."""


def _on_off(*frequencies: float, on: int, off: int) -> tuple[Step, ...]:
    return ((frequencies, on, off),)


def _twice(*frequencies: float, on: int = 400, between: int = 200, after: int = 2000) -> tuple[Step, ...]:
    return ((frequencies, on, between), (frequencies, on, after))


def _european(frequency: float = 425, ring: tuple[int, int] = (1000, 4000), busy: int = 500,
              congestion: int = 250) -> dict[str, tuple[Step, ...]]:
    return {
        "dial": _on_off(frequency, on=0, off=0), "ringback": _on_off(frequency, on=ring[0], off=ring[1]),
        "busy": _on_off(frequency, on=busy, off=busy), "congestion": _on_off(frequency, on=congestion, off=congestion),
    }


_AMERICAN = {
    "dial": _on_off(350, 440, on=0, off=0), "ringback": _on_off(440, 480, on=2000, off=4000),
    "busy": _on_off(480, 620, on=500, off=500), "congestion": _on_off(480, 620, on=250, off=250),
}
_BRITISH = {
    "dial": _on_off(350, 440, on=0, off=0), "ringback": _twice(400, 450), "busy": _on_off(400, on=375, off=375),
    "congestion": (((400.0,), 400, 350), ((400.0,), 225, 525)),
}

TONES: dict[str, dict[str, tuple[Step, ...]]] = {
    "AT": _european(420, busy=400, congestion=200) | {"ringback": _on_off(420, on=1000, off=5000)},
    "AU": {
        "dial": _on_off(413, 438, on=0, off=0), "ringback": _twice(413, 438), "busy": _on_off(425, on=375, off=375),
        "congestion": _on_off(425, on=375, off=375),
    },
    "BE": _european(ring=(1000, 3000), congestion=167),
    "BR": _european(busy=250),
    "CA": _AMERICAN,
    "CH": _european(busy=500, congestion=200),
    "CN": _european(450, busy=350, congestion=700),
    "CZ": _european(busy=330, congestion=165),
    "DE": _european(busy=480, congestion=240),
    "DK": _european(busy=500, congestion=250),
    "ES": _european(ring=(1500, 3000), busy=200) | {
        "congestion": (((425.0,), 200, 200), ((425.0,), 200, 200), ((425.0,), 200, 600)),
    },
    "FI": _european(busy=300, congestion=200),
    "FR": _european(440, ring=(1500, 3500)),
    "GB": _BRITISH,
    "HU": _european(ring=(1250, 3750), busy=300, congestion=300),
    "IE": _BRITISH | {"dial": _on_off(425, on=0, off=0), "busy": _on_off(425, on=500, off=500)},
    "IN": {
        "dial": _on_off(375, 425, on=0, off=0), "ringback": _twice(375, 425), "busy": _on_off(400, on=750, off=750),
        "congestion": _on_off(400, on=250, off=250),
    },
    "IT": _european(busy=500, congestion=200),
    "JP": {
        "dial": _on_off(400, on=0, off=0), "ringback": _on_off(384, 416, on=1000, off=2000),
        "busy": _on_off(400, on=500, off=500), "congestion": _on_off(400, on=500, off=500),
    },
    "KR": {
        "dial": _on_off(350, 440, on=0, off=0), "ringback": _on_off(440, 480, on=1000, off=2000),
        "busy": _on_off(480, 620, on=500, off=500), "congestion": _on_off(480, 620, on=300, off=200),
    },
    "MX": _european(busy=250, congestion=250),
    "NL": _european(busy=500, congestion=250),
    "NO": _european(busy=500, congestion=200),
    "NZ": _AMERICAN | {
        "dial": _on_off(400, on=0, off=0), "ringback": _twice(400, 450), "busy": _on_off(400, on=500, off=500),
        "congestion": _on_off(400, on=250, off=250),
    },
    "PL": _european(busy=500, congestion=500),
    "PT": _european(ring=(1000, 5000), busy=500, congestion=200),
    "RU": _european(ring=(800, 3200), busy=400, congestion=200),
    "SE": _european(ring=(1000, 5000), busy=250) | {"congestion": _on_off(425, on=250, off=750)},
    "TR": _european(450, ring=(2000, 4000), busy=500, congestion=200),
    "US": _AMERICAN,
    "ZA": {
        "dial": _on_off(383, 417, on=0, off=0), "ringback": _twice(383, 417), "busy": _on_off(400, on=500, off=500),
        "congestion": _on_off(400, on=250, off=250),
    },
}
"""By ISO 3166 code."""


def tone_of(kind: ToneKind, country: str = "US") -> tuple[Step, ...]:
    """Return a tone's steps, to be played with ``loop=True``; "reorder" is another name of "congestion".

    Raises InvalidArgument for a tone or country that is not in the list.
    """
    wanted = "congestion" if kind == "reorder" else kind
    tones = TONES.get(country.upper())
    if tones is None:
        raise InvalidArgument(f"no tones of {country!r}", step="play tone", remedy=f"Use {', '.join(TONES)}")
    steps = SIT if wanted == "sit" else tones.get(wanted)
    if steps is None:
        raise InvalidArgument(f"no tone is called {kind!r}", step="play tone",
                              remedy="Use dial, ringback, busy, congestion, reorder or sit")
    return steps
