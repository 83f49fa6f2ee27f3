"""Networks that do the same each time: when each packet of a talker arrives, or that it does not.

Packet i holds the 20 ms of speech from i * 20 ms on, is sent when they are over, and takes 40 ms on the quickest way. A
name may end in "#2", "#3", ...: the same kind of network with other dice.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FRAME_MS = 20.0
TRANSIT_MS = 40.0
CLOCK = 8000  # Hz, of RTP timestamps
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Packet:
    """One packet on its way."""

    frame: int  # of the speech it carries
    sequence: int
    timestamp: int
    ssrc: int
    arrival_ms: float  # by the receiver's clock; nan: lost
    marker: bool = False
    comfort_noise: bool = False  # instead of speech


def drift_ppm(name: str) -> float:
    """How much slower the sender's clock runs than the receiver's."""
    return float(name.partition("#")[0][5:]) if name.startswith("drift") else 0.0


def packets_of(name: str, frames: int, active: Flags) -> list[Packet]:
    """Send so many frames of speech (active: which of them are no pause) through the network of that name."""
    kind = name.partition("#")[0]
    dice = np.random.default_rng(zlib.crc32(name.encode()))
    if kind.startswith("file:"):
        delays = np.resize(np.loadtxt(kind[5:]), frames)
        return _send(np.nan_to_num(delays), np.isnan(delays), queue=False)
    if kind in _SPECIAL:
        return _SPECIAL[kind](frames, dice, active)
    letters = kind.rstrip("0123456789+-.")
    return _KINDS[letters](frames, dice, float(kind[len(letters):] or 0))


def _send(delays: Floats, lost: Flags | None = None, *, queue: bool = True, ppm: float = 0.0) -> list[Packet]:
    """Delays are what a packet takes beyond TRANSIT_MS; with a queue, none overtakes another."""
    arrivals = (np.arange(len(delays)) + 1) * FRAME_MS * (1 + ppm * 1e-6) + TRANSIT_MS + delays
    if queue:
        arrivals = np.maximum.accumulate(arrivals)
    packets = [
        Packet(i, (65_000 + i) & 0xFFFF, (4_294_900_000 + i * 160) & 0xFFFFFFFF, 0x5EED, float(at), i == 0)
        for i, at in enumerate(arrivals)
    ]
    for i in np.flatnonzero(lost) if lost is not None else ():
        if i >= 3:
            packets[i].arrival_ms = math.nan
    return packets


def _bursts(frames: int, share: float, mean: float, dice: np.random.Generator) -> Flags:
    """Gilbert's model: two states, in one of which everything is lost."""
    lost, losing = np.zeros(frames, np.bool_), False
    for i in range(frames):
        losing = bool(dice.random() < (1 - 1 / mean if losing else share / mean / (1 - share)))
        lost[i] = losing
    return lost


def _jitter(frames: int, dice: np.random.Generator, most_ms: float) -> list[Packet]:
    return _send(dice.uniform(0, most_ms, frames) if most_ms else np.zeros(frames))


def _netem(frames: int, dice: np.random.Generator, most_ms: float) -> list[Packet]:
    return _send(dice.uniform(0, most_ms, frames), queue=False)


def _burst_loss(frames: int, dice: np.random.Generator, percent: float) -> list[Packet]:
    lost = _bursts(frames, percent / 100, 2.5 if percent >= 20 else 2.0, dice)
    return _send(dice.exponential(3, frames), lost)


def _random_loss(frames: int, dice: np.random.Generator, percent: float) -> list[Packet]:
    return _send(np.zeros(frames), dice.random(frames) < percent / 100)


def _drift(frames: int, dice: np.random.Generator, ppm: float) -> list[Packet]:
    return _send(dice.exponential(2, frames), ppm=ppm)


def _stalls(delays: Floats, starts: list[tuple[int, float]], dice: np.random.Generator) -> Floats:
    """Let the link stand still from a frame on for so many ms; what waits comes in a burst."""
    for start, length in starts:
        for i in range(start, min(len(delays), start + int(length / FRAME_MS) + 1)):
            delays[i] = max(delays[i], length - (i - start) * FRAME_MS + dice.exponential(1.0))
    return delays


def _wifi(frames: int, dice: np.random.Generator, _: Flags) -> list[Packet]:
    """Contention jitter, and every four seconds or so a scan of 40 to 180 ms."""
    starts, at = [], 60
    while at < frames:
        starts.append((at, dice.uniform(40, 90) if dice.random() < 0.75 else dice.uniform(90, 180)))
        at += 10 + int(dice.exponential(200))
    return _send(_stalls(dice.exponential(3.0, frames), starts, dice))


def _busy_wifi(frames: int, dice: np.random.Generator, _: Flags) -> list[Packet]:
    """Like a loaded 2.4 GHz link: 4 % lost in short bursts, jitter whose size wanders, rare stalls of up to 300 ms."""
    size = np.exp(np.convolve(dice.normal(0, 1, frames + 99), np.ones(100) / 10, "valid") * 0.5) * 6
    starts = [(int(at), dice.uniform(60, 300)) for at in dice.integers(100, frames, max(frames // 500, 1))]
    return _send(_stalls(dice.exponential(1.0, frames) * size, starts, dice), _bursts(frames, 0.04, 1.6, dice))


def _handover(frames: int, dice: np.random.Generator, _: Flags) -> list[Packet]:
    """Every ten seconds 300 ms of nothing, then all of it at once, on a route 30 ms longer or shorter."""
    delays, starts = dice.gamma(2, 4, frames), list(range(400, frames, 500))
    for count, start in enumerate(starts):
        delays[start + 15:] += -30 if count % 2 else 30
    return _send(np.maximum(_stalls(delays, [(start, 300.0) for start in starts], dice), 0))


def _outage(frames: int, dice: np.random.Generator, _: Flags) -> list[Packet]:
    lost = np.zeros(frames, np.bool_)
    for start in range(300, frames, 500):
        lost[start:start + 15] = True
    return _send(dice.exponential(2, frames), lost)


def _reorder(frames: int, dice: np.random.Generator, _: Flags) -> list[Packet]:
    late = (dice.random(frames) < 0.1) * dice.uniform(30, 70, frames)
    return _send(dice.exponential(2, frames) + late, queue=False)


def _duplicates(frames: int, dice: np.random.Generator, _: Flags) -> list[Packet]:
    packets = _send(dice.exponential(3, frames), dice.random(frames) < 0.02)
    twice = [packet for packet in packets if dice.random() < 0.2]
    return packets + [dataclasses.replace(p, arrival_ms=p.arrival_ms + dice.uniform(0, 60)) for p in twice]


def _talk_spurts(frames: int, dice: np.random.Generator, active: Flags) -> list[Packet]:
    """Pauses are not sent: after 160 ms of hangover one comfort-noise packet (RFC 3389), then nothing."""
    sent: list[Packet] = []
    hangover, talking = 0, False
    for packet in _send(dice.exponential(5, frames)):
        hangover = 8 if active[packet.frame] else hangover - 1
        packet.marker, packet.comfort_noise = hangover > 0 and not talking, hangover <= 0
        packet.sequence = (65_000 + len(sent)) & 0xFFFF
        if hangover > 0 or talking:
            sent.append(packet)
        talking = hangover > 0
    return sent


def _new_sources(frames: int, dice: np.random.Generator, _: Flags) -> list[Packet]:
    """A third on, another SSRC with other numbers; two thirds on, its timestamp jumps by an hour."""
    packets = _send(dice.exponential(5, frames))
    for packet in packets[frames // 3:]:
        hour = 3600 * CLOCK if packet.frame >= frames * 2 // 3 else 0
        packet.ssrc, packet.sequence = 0xBEEF, (packet.sequence + 20_000) & 0xFFFF
        packet.timestamp = (packet.timestamp + 123_456_789 + hour) & 0xFFFFFFFF
    return packets


_KINDS: dict[str, Callable[[int, np.random.Generator, float], list[Packet]]] = {
    "constant": _jitter, "jit": _jitter, "netem": _netem, "ge": _burst_loss, "rl": _random_loss, "drift": _drift,
}
_SPECIAL: dict[str, Callable[[int, np.random.Generator, Flags], list[Packet]]] = {
    "wifi": _wifi, "busy_wifi": _busy_wifi, "lte_handover": _handover, "gap300_lost": _outage, "reorder": _reorder,
    "dup": _duplicates, "dtx": _talk_spurts, "ssrc_change": _new_sources,
}
