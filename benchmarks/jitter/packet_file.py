"""JBT1: a recorded packet file, as ``native/tools/jb_driver.c`` plays it (little endian).

"JBT1", u32 sample rate, RTP clock, frame ms, pull ms, packets, f64 phase ms, total ms; then for each packet in order of
arrival f64 arrival ms, u16 sequence, u16 length, u32 timestamp, u32 SSRC, u8 payload type, u8 marker, u16 0, payload.
A receiver is pulled at phase, phase + pull, ... below total; sample k of what it gives is heard at phase + k / rate.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .networks import CLOCK, Packet

_HEAD = struct.Struct("<4s5I2d")
_RECORD = struct.Struct("<dHHIIBBH")
PCMU, COMFORT_NOISE = 0, 13


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet as the receiver gets it."""

    ms: float
    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    marker: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class Replay:
    """All packets of a call in order of arrival, and when audio is pulled."""

    arrivals: list[Arrival]
    sample_rate: int
    pull_ms: int
    phase_ms: float
    total_ms: float

    def write(self, path: Path) -> None:
        """Write the file."""
        head = _HEAD.pack(b"JBT1", self.sample_rate, CLOCK, 20, self.pull_ms, len(self.arrivals), self.phase_ms,
                          self.total_ms)
        records = (
            _RECORD.pack(a.ms, a.sequence, len(a.payload), a.timestamp, a.ssrc, a.payload_type, a.marker, 0) + a.payload
            for a in self.arrivals
        )
        path.write_bytes(head + b"".join(records))


def replay_of(packets: Sequence[Packet], payloads: Sequence[bytes], pull_ms: int, phase_ms: float) -> Replay:
    """Sort what arrives, and go on for a second after the last of it."""
    heard = sorted((p for p in packets if not math.isnan(p.arrival_ms)), key=lambda p: p.arrival_ms)
    arrivals = [
        Arrival(p.arrival_ms, p.sequence, p.timestamp, p.ssrc, COMFORT_NOISE if p.comfort_noise else PCMU, p.marker,
                b"\x46" if p.comfort_noise else payloads[p.frame])
        for p in heard
    ]
    return Replay(arrivals, 8000, pull_ms, phase_ms, arrivals[-1].ms + 1000)
