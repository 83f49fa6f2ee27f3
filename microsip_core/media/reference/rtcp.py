"""RTCP compound packets (RFC 3550 s6): sender and receiver reports, CNAME, BYE; and when the next report is due."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

_SR, _RR, _SDES, _BYE = 200, 201, 202, 203
_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!QIII")


class ReportBlock(NamedTuple):
    """RFC 3550 s6.4.1; ``jitter`` in timestamp units, ``delay_since_last_sr`` in 1/65536 s."""

    ssrc: int
    fraction_lost: int  # 1/256
    cumulative_lost: int
    extended_highest: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int


class SenderInfo(NamedTuple):
    """RFC 3550 s6.4.1; ``ntp_time`` in 2**-32 s since 1900."""

    ntp_time: int
    rtp_timestamp: int
    packets: int
    octets: int


@dataclass(slots=True)
class RtcpNews:
    """What a compound packet said."""

    ssrc: int | None = None
    sender: SenderInfo | None = None
    blocks: list[ReportBlock] = field(default_factory=list)
    cname: str | None = None
    left: list[int] = field(default_factory=list)  # SSRCs that said BYE


def is_rtcp(data: bytes) -> bool:
    """Say whether what came on a port for both is RTCP: its packet types seen as second octet (RFC 5761 s4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def ntp_time(wall_time: float) -> int:
    """Return the 64-bit NTP time of a wall clock time in seconds since 1970 (RFC 3550 s4)."""
    return int((wall_time + _NTP_EPOCH) * 4294967296.0) & 0xFFFFFFFFFFFFFFFF


def build_rtcp(
    ssrc: int, cname: str, *, sender: SenderInfo | None = None, block: ReportBlock | None = None, bye: bool = False,
) -> bytes:
    """Return SR or RR, then SDES with the CNAME, then BYE when leaving."""
    body = struct.pack("!I", ssrc)
    if sender is not None:
        body += _SENDER.pack(*sender)
    if block is not None:
        loss = block.fraction_lost << 24 | (block.cumulative_lost & 0xFFFFFF)
        body += _BLOCK.pack(
            block.ssrc, loss, block.extended_highest & 0xFFFFFFFF, block.jitter, block.last_sr,
            block.delay_since_last_sr,
        )
    name = cname.encode()[:255]
    item = struct.pack("!IBB", ssrc, 1, len(name)) + name + b"\0"
    data = _packet(_RR if sender is None else _SR, 0 if block is None else 1, body)
    data += _packet(_SDES, 1, item + bytes(-len(item) % 4))
    if bye:
        data += _packet(_BYE, 1, struct.pack("!I", ssrc))
    return data


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, packet_type, len(body) // 4) + body


def parse_rtcp(data: bytes, *, reduced_size: bool = False) -> RtcpNews | None:
    """Return what a compound packet says, or ``None`` when it fails the checks of RFC 3550 A.2.

    With ``reduced_size`` it need not begin with a report (RFC 5506).
    """
    if len(data) < (4 if reduced_size else 8) or data[0] & 0xE0 != 0x80:
        return None
    if not reduced_size and data[1] not in (_SR, _RR):
        return None
    packets = split_compound(data)
    if packets is None:
        return None
    news = RtcpNews()
    for packet in packets:
        if not _read(packet, news):
            return None
    return news


def split_compound(data: bytes) -> list[bytes] | None:
    """Return the packets of a compound packet, or ``None`` when their lengths do not add up."""
    packets = []
    start = 0
    while start < len(data):
        if len(data) - start < 4 or data[start] >> 6 != 2:
            return None
        end = start + 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
        if end > len(data):
            return None
        packets.append(data[start:end])
        start = end
    return packets


def _read(packet: bytes, news: RtcpNews) -> bool:
    count, packet_type = packet[0] & 0x1F, packet[1]
    if packet_type in (_SR, _RR):
        start = 28 if packet_type == _SR else 8
        if len(packet) < start + 24 * count:
            return False
        news.ssrc = int.from_bytes(packet[4:8], "big")
        if packet_type == _SR:
            news.sender = SenderInfo(*_SENDER.unpack_from(packet, 8))
        for place in range(start, start + 24 * count, 24):
            ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(packet, place)
            lost = loss & 0xFFFFFF
            signed = lost - 0x1000000 if lost & 0x800000 else lost
            news.blocks.append(ReportBlock(ssrc, loss >> 24, signed, highest, jitter, last_sr, delay))
    elif packet_type == _SDES:
        return _read_sdes(packet, count, news)
    elif packet_type == _BYE:
        if len(packet) < 4 + 4 * count:
            return False
        news.left += struct.unpack_from(f"!{count}I", packet, 4)
    return True


def _read_sdes(packet: bytes, count: int, news: RtcpNews) -> bool:
    place = 4
    for _ in range(count):
        place += 4  # SSRC
        while True:
            if place >= len(packet):
                return False
            kind = packet[place]
            if kind == 0:
                break
            if place + 2 > len(packet) or place + 2 + packet[place + 1] > len(packet):
                return False
            value = packet[place + 2 : place + 2 + packet[place + 1]]
            if kind == 1 and news.cname is None:
                news.cname = value.decode("utf-8", "replace")
            place += 2 + len(value)
        place = (place + 4) // 4 * 4
    return True


def report_interval(initial: bool, random: float) -> float:
    """Return the seconds to the next report in a session of two (RFC 3550 A.7); ``random`` is uniform in 0 to 1.

    Two members never need more than 5 % of the bandwidth of telephone audio, so the minimum interval always applies.
    """
    return (2.5 if initial else 5.0) * (random + 0.5) / (2.71828 - 1.5)
