"""RTCP of one stream: when reports go out, what they say, and what the peer's say of us (RFC 3550 s6)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from microsip_core.sdp.rtcp import NO_FEATURES

from .rtcp import ReportBlock, RtcpNews, SenderInfo, build_rtcp, ntp_time, report_interval
from .rtp import RtpSource


class Reports:
    """Keeps what RTCP needs to remember. ``now`` is monotonic; reports carry the wall clock."""

    def __init__(self, ssrc: int, cname: str) -> None:
        self.ssrc = ssrc
        self.cname = cname
        self.options = NO_FEATURES
        self.sent = self.received = self.invalid = 0
        self.round_trip = self.round_trip_max = -1.0  # seconds, -1 before it is known
        self.remote: ReportBlock | None = None  # what the peer last said of our stream
        self.due: float | None = None
        self._last_sr = 0
        self._last_sr_at = 0.0

    def start(self, now: float) -> None:
        """Plan the first report."""
        if self.due is None:
            self.due = now + report_interval(True, random.random())  # noqa: S311 -- spreads reports, no secret

    def build(
        self, sender: SenderInfo | None, source: RtpSource, clock_rate: int, now: float, bye: bool = False,
    ) -> bytes:
        """Return the report due now and plan the next."""
        self.due = now + report_interval(False, random.random())  # noqa: S311 -- spreads reports, no secret
        self.sent += 1
        block = None
        if source.ssrc is not None:
            delay = int((now - self._last_sr_at) * 65536) & 0xFFFFFFFF if self._last_sr else 0
            block = ReportBlock(
                source.ssrc, source.take_fraction_lost(), source.cumulative_lost, source.highest - 65536,
                int(source.jitter * clock_rate), self._last_sr, delay,
            )
        return build_rtcp(self.ssrc, self.cname, sender=sender, block=block, bye=bye)

    def take(self, news: RtcpNews, now: float, on_bye: Callable[[int], None]) -> None:
        """Take in what the peer reported."""
        self.received += 1
        if news.sender is not None:
            self._last_sr = news.sender.ntp_time >> 16 & 0xFFFFFFFF
            self._last_sr_at = now
        for block in news.blocks:
            if block.ssrc == self.ssrc:
                self.remote = block
                if block.last_sr:
                    self._measure_round_trip(block)
        for ssrc in news.left:
            on_bye(ssrc)

    def _measure_round_trip(self, block: ReportBlock) -> None:
        middle = ntp_time(time.time()) >> 16 & 0xFFFFFFFF
        trip = (middle - block.last_sr - block.delay_since_last_sr) & 0xFFFFFFFF
        if trip < 0x80000000:  # a clock that is set back, or a peer that overstates its delay, would make it negative
            self.round_trip = trip / 65536
            self.round_trip_max = max(self.round_trip_max, self.round_trip)
