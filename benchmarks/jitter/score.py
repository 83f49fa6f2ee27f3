"""What a receiver made of a call: delay over time from its sound alone, PESQ, and both together as conversational MOS.

Delay: windows of 120 ms of speech are looked for in what was played by normalised correlation; of the likely places
those are taken that make the smoothest track (dynamic programming), so that a pitch period's worth of ambiguity does
not move it. "Added" is what the receiver adds: less 20 ms of framing and 40 ms of quickest transit. PESQ (ITU-T P.862,
package pesq) compares pieces of 10 s, each cut at its median delay. MOS-CQ turns PESQ into R (G.107), and takes off
what G.107 takes off for the delay added to a path of 110 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from microsip_core.media.mos import delay_impairment, mos_of_rating

from .networks import FRAME_MS, TRANSIT_MS
from .speech import FRAME, RATE, is_active

Floats = npt.NDArray[np.float64]
_WINDOW = RATE * 120 // 1000
_FIRST_MS, _LAST_MS = 40.0, 1100.0  # delays looked for
_PLACES = 10
_SURE = 0.6
_SEGMENT_S = 10
_PATH_MS = 110.0


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one receiver on one network."""

    pesq: float
    pesq_worst: float
    delay_mean_ms: float
    delay_p95_ms: float
    mos_cq: float
    track: list[tuple[float, float]]  # second of the speech, added delay in ms


def score(speech: Floats, heard: npt.NDArray[np.int16], phase_ms: float, ppm: float) -> Score:
    """Compare what was said with what was heard from phase_ms on; ppm: how much slower the talker's clock runs."""
    played = heard.astype(np.float64) / 32768
    seconds, delays = _delay_track(speech, played, phase_ms, 1 + ppm * 1e-6)
    added = delays - FRAME_MS - TRANSIT_MS
    marks = [_pesq(*pair) for pair in _segments(speech, played, phase_ms, 1 + ppm * 1e-6, seconds, delays)]
    quality, mean = float(np.mean(marks)), float(np.mean(added))
    track = [(round(float(s), 2), round(float(d), 1)) for s, d in zip(seconds, added, strict=True)]
    return Score(quality, min(marks), mean, float(np.percentile(added, 95)), mos_cq(quality, mean), track)


def mos_cq(pesq: float, added_ms: float) -> float:
    """Return the conversational MOS of a listening MOS and an added delay."""
    ratings = np.linspace(0, 100, 2001)
    marks = np.maximum.accumulate([mos_of_rating(r) for r in ratings])
    rating = float(np.interp(min(pesq, 4.4), marks, ratings))
    return mos_of_rating(rating - delay_impairment(_PATH_MS + max(added_ms, 0.0)))


def _delay_track(speech: Floats, played: Floats, phase_ms: float, scale: float) -> tuple[Floats, Floats]:
    first = int(_FIRST_MS * RATE / 1000)
    lags = int((_LAST_MS - _FIRST_MS) * RATE / 1000)
    played = np.concatenate((played, np.zeros(lags + 2 * _WINDOW)))
    energy = np.concatenate(([0.0], np.cumsum(played**2)))
    starts, places = [], []
    for frame in np.flatnonzero(is_active(speech))[::2]:
        start = int(frame) * FRAME
        at = round(start * scale - phase_ms * RATE / 1000) + first
        if start + _WINDOW > len(speech) or at < 0 or at + lags + _WINDOW > len(played):
            continue
        window = speech[start:start + _WINDOW]
        likeness = _correlate(window, played[at:at + lags + _WINDOW], energy[at:at + lags + _WINDOW + 1])
        peaks = 1 + np.flatnonzero((likeness[1:-1] > likeness[:-2]) & (likeness[1:-1] >= likeness[2:]))
        peaks = peaks[np.argsort(likeness[peaks])[-_PLACES:]]
        if len(peaks):
            starts.append(start)
            places.append(((at + peaks - start * scale) / RATE * 1000 + phase_ms, likeness[peaks]))
    chosen = _smoothest(np.asarray(starts) * 1000 / RATE, places)
    delays = np.asarray([p[0][i] for p, i in zip(places, chosen, strict=True)])
    sure = np.asarray([p[1][i] for p, i in zip(places, chosen, strict=True)]) > _SURE
    return np.asarray(starts)[sure] / RATE, delays[sure]


def _correlate(window: Floats, stretch: Floats, energy: Floats) -> Floats:
    size = 1 << (len(stretch) + len(window)).bit_length()
    spectrum = np.fft.rfft(stretch, size) * np.conj(np.fft.rfft(window, size))
    product = np.fft.irfft(spectrum, size)[: len(stretch) - len(window) + 1]
    own = float(window @ window) + 1e-12
    other = np.maximum(energy[len(window):] - energy[: -len(window)], own * 1e-3)
    return np.asarray(product / np.sqrt(own * other))


def _smoothest(times_ms: Floats, places: list[tuple[Floats, Floats]]) -> list[int]:
    cost, came_from = -4 * places[0][1], []
    for (before, _), (here, likeness), gap in zip(places[:-1], places[1:], np.diff(times_ms), strict=True):
        step = np.abs(here[:, None] - before[None, :])
        dear = (np.minimum(step / 10, 3) + np.minimum(step / 50, 6)) / (1 if gap < 100 else 2.5)
        total = cost[None, :] + dear
        came_from.append(total.argmin(axis=1))
        cost = total.min(axis=1) - 4 * likeness
    chosen = [int(cost.argmin())]
    for origins in reversed(came_from):
        chosen.append(int(origins[chosen[-1]]))
    return chosen[::-1]


def _segments(
    speech: Floats, played: Floats, phase_ms: float, scale: float, seconds: Floats, delays: Floats,
) -> list[tuple[Floats, Floats]]:
    length, pairs = _SEGMENT_S * RATE, []
    for start in range(0, len(speech) - length + 1, length):
        here = (seconds >= start / RATE) & (seconds < (start + length) / RATE)
        delay = float(np.median(delays[here] if here.any() else delays))
        at = max(round(start * scale + (delay - phase_ms) * RATE / 1000), 0)
        cut = played[at:at + int(length * scale)]
        pairs.append((speech[start:start + length], np.pad(cut, (0, max(length - len(cut), 0)))))
    return pairs


def _pesq(said: Floats, heard: Floats) -> float:
    module: Any = __import__("pesq")
    mark = module.pesq(RATE, said.astype(np.float32), heard.astype(np.float32), "nb",
                       on_error=module.PesqError.RETURN_VALUES)
    return max(float(mark), 1.0)  # -1: nothing like speech was heard
