"""RTP and RTCP of the reference core: packets of others, validity checks, loss and jitter (RFC 3550)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microsip_core.media.reference.rtcp import (
    ReportBlock,
    SenderInfo,
    build_rtcp,
    ntp_time,
    parse_rtcp,
    report_interval,
    split_compound,
)
from microsip_core.media.reference.rtp import RtpPacket, RtpSource, build_rtp, parse_rtp

VECTORS = Path(__file__).parent.parent / "vectors" / "rtp"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text())["files"]
RTP = {name: fields for name, fields in MANIFEST.items() if isinstance(fields, dict)}
RTCP = {name: verdict for name, verdict in MANIFEST.items() if isinstance(verdict, str)}


@pytest.mark.parametrize("name", RTP)
def test_rtp_of_others(name: str) -> None:
    fields = RTP[name]
    packet = parse_rtp((VECTORS / name).read_bytes())
    assert packet is not None
    assert packet.payload_type == fields["pt"]
    assert packet.sequence == fields["seq"]
    assert packet.timestamp == fields["timestamp"]
    assert packet.ssrc == fields["ssrc"]
    assert packet.marker == bool(fields["marker"])
    assert len(packet.payload) == fields["payload"]


@pytest.mark.parametrize("name", RTCP)
def test_rtcp_of_others(name: str) -> None:
    data = (VECTORS / name).read_bytes()
    # The vectors are single packets, and a compound packet begins with a report (RFC 3550 s6.1).
    compound = data if data[1] in (200, 201) else build_rtcp(1, "x") + data
    news = parse_rtcp(compound)
    if RTCP[name].startswith("refuse"):
        assert news is None
    else:
        assert news is not None
        assert parse_rtcp(data) is None or data[1] in (200, 201)
        if name.startswith("rtcp_bye"):
            assert len(news.left) == data[0] & 0x1F
        if name == "rtcp_sr.bin":
            assert news.sender is not None
            assert len(news.blocks) == 1


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(MANIFEST)), st.integers(0, 300), st.binary(min_size=1, max_size=3), st.integers(0, 200))
def test_mutations(name: str, place: int, value: bytes, cut: int) -> None:
    data = (VECTORS / name).read_bytes()
    data = (data[:place] + value + data[place + len(value) :])[: max(len(data) - cut, 0)]
    packet = parse_rtp(data)
    if packet is not None:
        assert len(packet.payload) <= len(data) - 12
    news = parse_rtcp(build_rtcp(1, "x") + data)
    if news is not None:
        assert split_compound(data) is not None


def test_round_trip() -> None:
    packet = RtpPacket(101, 65535, 0xFFFFFFFF, 0x12345678, b"1234", True)
    assert parse_rtp(build_rtp(packet)) == packet


def test_report_round_trip() -> None:
    sender = SenderInfo(ntp_time(1_700_000_000.5), 160, 3, 480)
    block = ReportBlock(7, 255, -2, 65536 + 9, 80, 0x11223344, 65536)
    news = parse_rtcp(build_rtcp(5, "someone@192.0.2.1", sender=sender, block=block, bye=True))
    assert news is not None
    assert (news.ssrc, news.sender, news.blocks, news.cname, news.left) == (
        5, sender, [block], "someone@192.0.2.1", [5],
    )
    assert sender.ntp_time == (1_700_000_000 + 2_208_988_800 << 32) + (1 << 31)


@pytest.mark.parametrize("length", range(1, 9))
def test_names_of_every_length_are_padded(length: int) -> None:
    data = build_rtcp(5, "n" * length)
    assert len(data) % 4 == 0
    news = parse_rtcp(data)
    assert news is not None
    assert news.cname == "n" * length


def test_interval() -> None:
    assert report_interval(False, 0.5) == pytest.approx(5.0 / 1.21828)
    assert report_interval(True, 0.0) == pytest.approx(1.25 / 1.21828)


class TestSource:
    def feed(self, *sequences: int, ssrc: int = 1) -> RtpSource:
        source = RtpSource()
        for sequence in sequences:
            source.update(RtpPacket(0, sequence & 0xFFFF, 0, ssrc, b"1234"))
        return source

    def test_wrap(self) -> None:
        source = self.feed(65534, 65535, 0, 1)
        assert (source.expected, source.lost, source.reordered) == (4, 0, 0)
        assert source.highest == 65536 + 65536 + 1

    def test_loss(self) -> None:
        source = self.feed(1, 2, 5)
        assert (source.expected, source.lost, source.cumulative_lost) == (5, 2, 2)
        assert source.take_fraction_lost() == 2 * 256 // 5
        assert source.take_fraction_lost() == 0

    def test_duplicates(self) -> None:
        source = self.feed(1, 2, 2, 1, 3)
        assert (source.packets, source.duplicates, source.lost, source.cumulative_lost) == (5, 2, 0, -2)
        assert source.take_fraction_lost() == 0

    def test_before_the_first(self) -> None:
        source = self.feed(10, 9, 11)
        assert source.reordered == 1
        assert source.expected == 2
        assert source.lost == 0

    def test_one_wild_number_is_ignored(self) -> None:
        source = self.feed(1, 2, 40000, 3)
        assert (source.packets, source.lost) == (3, 0)

    def test_restart(self) -> None:
        source = self.feed(1, 2, 40000, 40001, 40002)
        assert (source.packets, source.lost, source.highest & 0xFFFF) == (4, 0, 40002)

    def test_new_ssrc(self) -> None:
        source = self.feed(1, 3)
        source.update(RtpPacket(0, 500, 0, 2, b""))
        assert (source.ssrc_changes, source.expected, source.lost) == (1, 4, 1)

    def test_memory_is_bounded(self) -> None:
        source = self.feed(*range(5000))
        assert len(source._seen) < 1000
        assert source.lost == 0

    def test_jitter_of_the_rfc(self) -> None:
        source = RtpSource()
        estimate = 0.0
        for number in range(50):
            arrival = 0.02 * number + (0.005 if number % 3 == 0 else 0.0)
            source.measure_jitter(160 * number, arrival, 8000)
            if number:
                # From each packet to the next the transit time changes by 5 ms, 0 or 5 ms.
                estimate += ((0.0 if number % 3 == 2 else 0.005) - estimate) / 16
        assert source.jitter == pytest.approx(estimate, abs=1e-9)

    def test_jump_of_the_clock_is_no_jitter(self) -> None:
        source = RtpSource()
        source.measure_jitter(0, 0.0, 8000)
        source.measure_jitter(0x80000000, 0.02, 8000)
        assert source.jitter == 0.0
