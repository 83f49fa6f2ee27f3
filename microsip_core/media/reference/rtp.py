"""RTP packets, and the receiver's view of their source: sequence numbers, loss, jitter (RFC 3550 s5.1, appendix A)."""

from __future__ import annotations

import struct
from typing import NamedTuple

_HEADER = struct.Struct("!BBHII")
_MAX_DROPOUT = 3000
_MAX_MISORDER = 100


class RtpPacket(NamedTuple):
    """One packet; ``payload`` is without padding, CSRCs and the header extension are passed over."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False


def parse_rtp(data: bytes) -> RtpPacket | None:
    """Return the packet, or ``None`` when it is none (RFC 3550 A.1: version, and lengths that add up)."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    start = 12 + 4 * (first & 0x0F)
    end = len(data)
    if first & 0x10:
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        padding = data[-1]
        if padding == 0:
            return None
        end -= padding
    if start > end:
        return None
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[start:end], bool(second & 0x80))


def build_rtp(packet: RtpPacket) -> bytes:
    """Return the packet as octets, without padding, CSRCs or extension."""
    second = packet.payload_type | (0x80 if packet.marker else 0)
    return _HEADER.pack(0x80, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


class RtpSource:
    """The source in force: extended sequence numbers, duplicates, order, loss and jitter, over all SSRCs so far."""

    def __init__(self) -> None:
        self.ssrc: int | None = None
        self.highest = 0  # extended sequence number
        self.packets = 0  # duplicates included
        self.octets = 0
        self.duplicates = 0
        self.reordered = 0
        self.ssrc_changes = 0
        self.jitter = 0.0  # seconds
        self.jitter_max = 0.0
        self._base = 0
        self._received = 0  # of this SSRC, duplicates included as in A.3
        self._expected_before = 0  # of earlier SSRCs
        self._seen: set[int] = set()  # the last extended numbers, to tell a duplicate from a late one
        self._bad: int | None = None
        self._transit: float | None = None
        self._timestamp = -1
        self._prior = (0, 0)

    @property
    def expected(self) -> int:
        """Packets expected so far (A.3)."""
        return self._expected_before + (self.highest - self._base + 1 if self.ssrc is not None else 0)

    @property
    def lost(self) -> int:
        """Packets that never came, not below 0."""
        return max(self.expected - (self.packets - self.duplicates), 0)

    @property
    def cumulative_lost(self) -> int:
        """As in a report block: of this SSRC, negative with many duplicates, 24 bits signed."""
        return max(min(self.highest - self._base + 1 - self._received, 0x7FFFFF), -0x800000)

    def take_fraction_lost(self) -> int:
        """Return the fraction lost since the last call, in 1/256 (A.3)."""
        expected, received = self.highest - self._base + 1, self._received
        interval, got = expected - self._prior[0], received - self._prior[1]
        self._prior = (expected, received)
        return min(max((interval - got) * 256 // interval, 0), 255) if interval > 0 else 0

    def update(self, packet: RtpPacket) -> bool:
        """Take in a packet; False for a duplicate, and for a jump that may be noise until a second one follows."""
        if packet.ssrc != self.ssrc:
            if self.ssrc is not None:
                self.ssrc_changes += 1
            self._begin(packet)
        elif not self._advance(packet.sequence):
            return False
        self.packets += 1
        self._received += 1
        self.octets += len(packet.payload)
        extended = self._extend(packet.sequence)
        if extended in self._seen:
            self.duplicates += 1
            return False
        self._seen.add(extended)
        if extended < self.highest:
            self.reordered += 1
        elif len(self._seen) > 4 * _MAX_MISORDER:
            self._seen = {number for number in self._seen if number > extended - 2 * _MAX_MISORDER}
        return True

    def measure_jitter(self, timestamp: int, arrival: float, clock_rate: int) -> None:
        """Interarrival jitter (A.8), for audio only: telephone-events repeat one timestamp."""
        transit = arrival - timestamp / clock_rate
        if self._transit is not None and timestamp != self._timestamp:
            difference = abs(transit - self._transit)
            # A jump of seconds is a new clock (transfer, music on hold) or the wrap of the old one, not jitter.
            if difference < 4.0:
                self.jitter += (difference - self.jitter) / 16.0
                self.jitter_max = max(self.jitter_max, self.jitter)
        self._transit, self._timestamp = transit, timestamp

    def _begin(self, packet: RtpPacket) -> None:
        self._expected_before = self.expected
        self.ssrc = packet.ssrc
        self.highest = self._base = packet.sequence + 65536  # so that what came before the first is not negative
        self._received = 0
        self._prior = (0, 0)
        self._seen.clear()
        self._bad = None
        self._transit = None
        self.jitter = 0.0

    def _extend(self, sequence: int) -> int:
        delta = (sequence - self.highest) & 0xFFFF
        return self.highest + (delta if delta < 0x8000 else delta - 0x10000)

    def _advance(self, sequence: int) -> bool:
        delta = (sequence - self.highest) & 0xFFFF
        if delta < _MAX_DROPOUT:
            self.highest += delta
        elif delta <= 0x10000 - _MAX_MISORDER:
            if sequence != self._bad:
                self._bad = (sequence + 1) & 0xFFFF
                return False
            ssrc = self.ssrc
            self._begin(RtpPacket(0, sequence, 0, ssrc if ssrc is not None else 0, b""))
        return True
