"""DTMF digits as named telephone-events in RTP (RFC 4733): payload, sending, and receiving without doubles."""

from __future__ import annotations

import struct
from collections import deque
from typing import NamedTuple

from microsip_core.media.stream import DTMF_DIGITS

_PAYLOAD = struct.Struct("!BBH")
_END_PACKETS = 3  # RFC 4733 s2.5.1.4
_VOLUME = 10  # -10 dBm0
_LONGEST = 0xFFFF  # timestamp units
_LOST_END = 0.2  # seconds without a packet after which a digit is taken as ended
_STRAGGLER = 2.0


class TelephoneEvent(NamedTuple):
    """One payload (RFC 4733 s2.3); ``volume`` in -dBm0, ``duration`` in timestamp units since the start."""

    event: int
    end: bool
    volume: int
    duration: int

    def to_bytes(self) -> bytes:
        """Return the four octets."""
        return _PAYLOAD.pack(self.event, (0x80 if self.end else 0) | self.volume & 0x3F, self.duration)

    @classmethod
    def parse(cls, payload: bytes) -> TelephoneEvent | None:
        """Return the first event of a payload, ``None`` when it is too short."""
        if len(payload) < 4:
            return None
        event, flags, duration = _PAYLOAD.unpack_from(payload)
        return cls(event, bool(flags & 0x80), flags & 0x3F, duration)


class DtmfFrame(NamedTuple):
    """What to send in place of audio for one frame."""

    timestamp: int  # the start of the digit, the same in all its packets
    marker: bool
    event: TelephoneEvent
    last: bool  # the digit is over with this packet


class DtmfSender:
    """Turns queued digits into one packet a frame; the end packet goes out three times, one a frame, inside the gap."""

    def __init__(self) -> None:
        self._queue: deque[tuple[int, int, int]] = deque()  # code, duration and gap in timestamp units
        self._elapsed = 0
        self._timestamp = 0
        self._ends = 0
        self._gap_left = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, digit: str, duration: int, gap: int) -> None:
        """Queue a digit; duration and gap in timestamp units."""
        self._queue.append((DTMF_DIGITS.index(digit.upper()), min(duration, _LONGEST), gap))

    def next(self, timestamp: int, units: int) -> DtmfFrame | None:
        """Return what to send in the frame of ``units`` that begins at ``timestamp``, ``None`` when audio goes on."""
        begins = self._elapsed == 0
        if begins:
            if self._gap_left > 0:
                self._gap_left -= units
                return None
            if not self._queue:
                return None
            self._timestamp = timestamp
            self._ends = _END_PACKETS
        code, duration, gap = self._queue[0]
        self._elapsed = min(self._elapsed + units, duration)
        end = self._elapsed == duration
        self._ends -= end
        last = self._ends == 0
        frame = DtmfFrame(self._timestamp, begins, TelephoneEvent(code, end, _VOLUME, self._elapsed), last)
        if last:
            self._queue.popleft()
            self._elapsed = 0
            self._gap_left = gap - (_END_PACKETS - 1) * units
        return frame


class DtmfReceiver:
    """Tells each digit once, when it ends: all packets of a digit have one timestamp."""

    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._event: int | None = None  # under way
        self._duration = 0
        self._before = 0  # units in earlier segments of an event longer than its field
        self._arrival = 0.0

    def update(self, event: TelephoneEvent, timestamp: int, marker: bool, arrival: float) -> list[tuple[int, int]]:
        """Take in a packet; return (event code, duration in timestamp units) of what it ended."""
        ended = []
        behind = self._timestamp is not None and (timestamp - self._timestamp) & 0xFFFFFFFF >= 0x80000000
        if behind and arrival - self._arrival < _STRAGGLER:
            return []
        if timestamp != self._timestamp:
            continues = (
                not marker and event.event == self._event and self._timestamp is not None
                and timestamp == (self._timestamp + _LONGEST) & 0xFFFFFFFF
            )
            if continues:
                self._before += _LONGEST
            else:
                if self._event is not None:
                    ended.append((self._event, self._duration))
                self._event, self._before, self._duration = event.event, 0, 0
            self._timestamp = timestamp
        self._arrival = arrival
        if self._event is None:
            return ended  # a repeated end packet
        self._duration = max(self._duration, self._before + event.duration)
        if event.end:
            ended.append((self._event, self._duration))
            self._event = None
        return ended

    def expire(self, now: float) -> list[tuple[int, int]]:
        """Return a digit whose end was lost, when nothing has come for 200 ms."""
        if self._event is None or now - self._arrival < _LOST_END:
            return []
        code, self._event = self._event, None
        return [(code, self._duration)]
