"""A stream against a peer made of plain sockets, on both cores: what is on the wire, and what is made of what comes."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from media_room import EVENT, PCMU, Room, connect

from microsip_core.errors import Busy, InvalidArgument, NetworkError
from microsip_core.media.reference.rtcp import (
    ReportBlock,
    RtcpNews,
    SenderInfo,
    build_rtcp,
    is_rtcp,
    ntp_time,
    parse_rtcp,
)
from microsip_core.media.reference.rtp import RtpPacket, build_rtp, parse_rtp
from microsip_core.media.reference.telephone_event import TelephoneEvent
from microsip_core.media.stream import Stream
from microsip_core.sdp.rtcp import RtcpFeatures

VECTORS = Path(__file__).parent.parent / "vectors" / "rtp"


class PlainPeer:
    """Two sockets that speak RTP and RTCP as the test tells them."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for opened in (self.rtp, self.rtcp):
            opened.bind(("127.0.0.1", 0))
            opened.settimeout(5.0)

    def configure(self, **options: object) -> None:
        self.stream.configure(
            self.rtp.getsockname(), self.rtcp.getsockname(), PCMU, {0: PCMU}, EVENT, {EVENT}, **options,
        )

    def send(
        self, sequence: int, timestamp: int = 0, ssrc: int = 7, payload: bytes = b"\xff" * 160, pt: int = 0,
    ) -> None:
        packet = RtpPacket(pt, sequence & 0xFFFF, timestamp, ssrc, payload)
        self.rtp.sendto(build_rtp(packet), self.stream.rtp_address)

    def receive(self) -> RtpPacket:
        packet = parse_rtp(self.rtp.recv(2048))
        assert packet is not None
        return packet

    def receive_rtcp(self) -> RtcpNews:
        news = parse_rtcp(self.rtcp.recv(2048))
        assert news is not None
        return news

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


@pytest.fixture
def peer(room: Room) -> Iterator[PlainPeer]:
    made = PlainPeer(room.open(cname="us@example"))
    yield made
    made.close()


class TestSending:
    def test_packets(self, peer: PlainPeer) -> None:
        peer.configure()
        packets = [peer.receive() for _ in range(10)]
        first = packets[0]
        assert first.marker
        for count, packet in enumerate(packets):
            assert packet.payload_type == 0
            assert packet.ssrc == first.ssrc == peer.stream.statistics()["ssrc"]
            assert packet.sequence == (first.sequence + count) & 0xFFFF
            assert packet.timestamp == (first.timestamp + 160 * count) & 0xFFFFFFFF
            assert len(packet.payload) == 160
            assert packet.marker == (count == 0)

    def test_pace(self, peer: PlainPeer) -> None:
        peer.configure()
        peer.receive()
        begin = time.monotonic()
        for _ in range(50):
            peer.receive()
        assert time.monotonic() - begin == pytest.approx(1.0, abs=0.08)

    def test_other_payload_type_than_received(self, peer: PlainPeer) -> None:
        peer.stream.configure(
            peer.rtp.getsockname(), None, PCMU.__class__("PCMA", 97), {98: PCMU.__class__("PCMA", 98)},
        )
        assert peer.receive().payload_type == 97
        peer.send(1, pt=98)
        peer.send(2, pt=97)
        peer.receive()
        peer.receive()
        counters = peer.stream.statistics()
        assert (counters["packets_received"], counters["invalid"]) == (1, 1)

    def test_digits(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        peer.receive()
        peer.stream.send_dtmf("5#", duration_ms=100, gap_ms=80)
        packets = []
        while len([p for p in packets if p.payload_type == EVENT]) < 14 and len(packets) < 100:
            packets.append(peer.receive())
        digits: dict[int, list[tuple[RtpPacket, TelephoneEvent]]] = {}
        for packet in packets:
            if packet.payload_type == EVENT:
                event = TelephoneEvent.parse(packet.payload)
                assert event is not None
                digits.setdefault(packet.timestamp, []).append((packet, event))
        assert len(digits) == 2
        for code, sent in zip((5, 11), digits.values(), strict=True):
            assert {event.event for _, event in sent} == {code}
            assert [packet.marker for packet, _ in sent] == [True] + [False] * 6
            assert [event.duration for _, event in sent] == [160, 320, 480, 640, 800, 800, 800]
            assert [event.end for _, event in sent] == [False] * 4 + [True] * 3
        # The sequence has no hole, and audio takes up the time where it would be without the digit.
        assert [(p.sequence - packets[0].sequence) & 0xFFFF for p in packets] == list(range(len(packets)))
        starts = {(p.timestamp - 160 * n) & 0xFFFFFFFF for n, p in enumerate(packets) if p.payload_type == 0}
        assert len(starts) == 1
        assert room.wait_for(peer.stream, "dtmf_sent").value == 2
        assert peer.stream.statistics()["dtmf_sent"] == 2

    def test_reports(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        for number in range(10):
            peer.send(100 + number, 160 * number)
        news = peer.receive_rtcp()
        ours = peer.stream.statistics()
        assert news.ssrc == ours["ssrc"]
        assert news.cname == "us@example"
        assert news.sender is not None
        assert abs(news.sender.ntp_time - ntp_time(time.time())) < 1 << 32
        assert 0 < news.sender.packets <= ours["packets_sent"]
        assert news.sender.octets == 160 * news.sender.packets
        (block,) = news.blocks
        assert (block.ssrc, block.fraction_lost, block.cumulative_lost) == (7, 0, 0)
        assert block.extended_highest & 0xFFFF == 109
        assert block.last_sr == 0
        # A report of ours about it, 50 ms later and 30 ms of that our delay, gives the round trip.
        answer = ReportBlock(ours["ssrc"], 26, 3, 50, 80, news.sender.ntp_time >> 16 & 0xFFFFFFFF, int(0.03 * 65536))
        sender = SenderInfo(ntp_time(time.time()), 1600, 10, 1600)
        room.pump(0.05 - (time.time() - (news.sender.ntp_time / 2**32 - 2208988800)))
        peer.rtcp.sendto(build_rtcp(7, "them", sender=sender, block=answer), peer.stream.rtcp_address)
        assert room.wait(lambda: peer.stream.statistics()["rtcp_received"] == 1)
        counters = peer.stream.statistics()
        assert counters["remote_packets_lost"] == 3
        assert counters["remote_fraction_lost"] == 26
        assert counters["remote_jitter_us"] == 10_000
        assert 10_000 <= counters["round_trip_us"] <= 200_000

    def test_goodbye(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        peer.receive()
        peer.send(1)
        room.wait_for(peer.stream, "first_rtp")
        peer.rtcp.sendto(build_rtcp(7, "them", bye=True), peer.stream.rtcp_address)
        assert room.wait_for(peer.stream, "rtcp_bye").value == 7
        ssrc = peer.stream.close()["ssrc"]
        assert peer.receive_rtcp().left == [ssrc]


class TestReceiving:
    def settle(self, room: Room, peer: PlainPeer, packets: int) -> dict[str, int]:
        assert room.wait(
            lambda: peer.stream.statistics()["packets_received"] >= packets, 3.0,
        ), f"{peer.stream.statistics()['packets_received']} of {packets}"
        room.pump(0.05)
        return dict(peer.stream.statistics())

    def test_loss_order_and_duplicates(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        for number in (65530, 65531, 65533, 65532, 65532, 65535, 65536, 65540):
            peer.send(number, 160 * (number - 65530))
        counters = self.settle(room, peer, 8)
        assert counters["packets_received"] == 8
        assert counters["packets_expected"] == 11
        assert counters["packets_lost"] == 4
        assert counters["duplicates"] == 1
        assert counters["reordered"] == 1
        assert counters["octets_received"] == 8 * 160
        assert counters["remote_ssrc"] == 7

    def test_first_packet(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        peer.send(1)
        event = room.wait_for(peer.stream, "first_rtp")
        assert event.value == 0
        assert event.detail == f"127.0.0.1:{peer.rtp.getsockname()[1]}"
        assert abs(event.time - time.monotonic()) < 1.0

    def test_change_of_ssrc(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        for number in range(5):
            peer.send(number, 160 * number)
        for number in range(5):
            peer.send(40000 + number, 999 + 160 * number, ssrc=8)
        assert room.wait_for(peer.stream, "ssrc_change").value == 8
        counters = self.settle(room, peer, 10)
        assert counters["packets_lost"] == 0
        assert counters["ssrc_changes"] == 1
        assert counters["remote_ssrc"] == 8

    def test_jitter(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        begin = time.monotonic()
        for number in range(20):
            room.pump(max(0.0, begin + 0.02 * number + 0.01 * (number % 2) - time.monotonic()))
            peer.send(number, 160 * number)
        counters = self.settle(room, peer, 20)
        # Every difference is 10 ms; after 20 steps of 1/16 the estimate is 72 % of that.
        assert 4_000 < counters["jitter_us"] < 11_000
        assert counters["jitter_max_us"] >= counters["jitter_us"]

    @pytest.mark.parametrize(
        "junk",
        [
            b"", b"\x80", b"\x80\x00" + bytes(9), b"\x40" + bytes(171), b"\x90\x00" + bytes(10) + b"\0\0\xff\xff",
            b"\xa0\x00" + bytes(10) + b"\xff", b"\x8f\x00" + bytes(12), b"\x80\x48" + bytes(170), b"\xff" * 2000,
        ],
    )
    def test_junk_only_counts(self, room: Room, peer: PlainPeer, junk: bytes) -> None:
        peer.configure()
        peer.rtp.sendto(junk, peer.stream.rtp_address)
        peer.rtcp.sendto(junk, peer.stream.rtcp_address)
        peer.send(1)
        counters = self.settle(room, peer, 1)
        assert counters["packets_received"] == 1
        assert counters["invalid"] == (1 if junk else counters["invalid"])
        assert counters["rtcp_received"] == 0

    @pytest.mark.parametrize("name", ["rtp.bin", "rtp_with_csrc.bin"])
    def test_packets_of_others(self, room: Room, peer: PlainPeer, name: str) -> None:
        peer.configure()
        peer.rtp.sendto((VECTORS / name).read_bytes(), peer.stream.rtp_address)
        assert self.settle(room, peer, 1)["octets_received"] == 160

    def test_digits(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        sequence = 0
        for start, (code, lost_end) in enumerate(((1, False), (10, True), (10, False))):
            for duration in (160, 320, 480, 640, 800, 800, 800):
                end = duration == 800
                if not (end and lost_end):
                    peer.send(
                        sequence, 5000 * start, payload=TelephoneEvent(code, end, 10, duration).to_bytes(), pt=EVENT,
                    )
                sequence += 1
        assert room.wait(lambda: len(room.of(peer.stream, "dtmf")) == 3, 2.0)
        heard = room.of(peer.stream, "dtmf")
        assert [event.detail for event in heard] == ["1", "*", "*"]
        assert [event.value for event in heard] == [100, 80, 100]
        room.pump(0.3)
        assert len(room.of(peer.stream, "dtmf")) == 3
        assert peer.stream.statistics()["dtmf_received"] == 3

    def test_digit_without_its_end(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        peer.send(1, 0, payload=TelephoneEvent(3, False, 10, 400).to_bytes(), pt=EVENT)
        event = room.wait_for(peer.stream, "dtmf", 1.0)
        assert (event.detail, event.value) == ("3", 50)

    def test_timeout_and_return(self, room: Room) -> None:
        peer = PlainPeer(room.open(media_timeout_ms=300))
        try:
            peer.configure()
            never = room.wait_for(peer.stream, "media_timeout", 2.0)
            assert never.detail == "never"
            assert never.value == pytest.approx(300, abs=80)
            peer.send(1)
            assert room.wait_for(peer.stream, "media_resumed").value >= 300
            assert room.wait(lambda: len(room.of(peer.stream, "media_timeout")) == 2, 2.0)
            assert room.of(peer.stream, "media_timeout")[1].detail == ""
        finally:
            peer.close()


class TestAddress:
    def test_long_spelling_of_an_address(self, room: Room) -> None:
        a, b = room.open(local_host="::1"), room.open(local_host="::1")
        a.configure(("0:0:0:0:0:0:0:1", b.rtp_address[1]), None, PCMU, {0: PCMU})
        b.configure(("0::0:1", a.rtp_address[1]), None, PCMU, {0: PCMU})
        room.wait_for(b, "first_rtp")
        assert room.wait(lambda: b.statistics()["packets_received"] > 5)
        assert b.statistics()["foreign"] == 0

    def test_the_source_of_packets_is_followed(self, room: Room, peer: PlainPeer) -> None:
        stream = peer.stream
        nowhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        nowhere.bind(("127.0.0.1", 0))
        stream.configure(nowhere.getsockname(), None, PCMU, {0: PCMU})
        peer.send(1)
        room.wait_for(stream, "first_rtp")
        assert peer.receive().payload_type == 0
        nowhere.close()

    def test_a_stranger_is_not_believed(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        peer.send(1)
        room.wait_for(peer.stream, "first_rtp")
        stranger = PlainPeer(peer.stream)
        for number in range(5):
            stranger.send(number, ssrc=99)
        room.pump(0.2)
        assert peer.stream.statistics()["foreign"] == 5
        assert peer.stream.statistics()["packets_received"] == 1
        stranger.rtp.settimeout(0.1)
        with pytest.raises(TimeoutError):
            stranger.receive()
        stranger.close()

    def test_new_address_by_negotiation(self, room: Room, peer: PlainPeer) -> None:
        peer.configure()
        peer.send(1)
        room.wait_for(peer.stream, "first_rtp")
        moved = PlainPeer(peer.stream)
        moved.configure()
        assert moved.receive().payload_type == 0
        moved.send(2)
        assert room.wait(lambda: peer.stream.statistics()["packets_received"] == 2)
        moved.close()

    def test_without_an_address_nothing_is_sent(self, room: Room, peer: PlainPeer) -> None:
        peer.stream.configure(None, None, PCMU, {0: PCMU}, sending=True)
        room.pump(0.1)
        assert peer.stream.statistics()["packets_sent"] == 0
        peer.send(1)
        assert peer.receive().payload_type == 0


class TestPorts:
    def test_even_and_next(self, room: Room) -> None:
        stream = room.open()
        assert stream.rtp_address[0] == "127.0.0.1"
        assert stream.rtp_address[1] % 2 == 0
        assert stream.rtcp_address[1] == stream.rtp_address[1] + 1

    def test_range_is_used_up_and_given_back(self, room: Room) -> None:
        low = 20000 + os.getpid() % 2500 * 4  # below what the system gives out by itself
        first, second = room.open(port_range=(low, low + 3)), room.open(port_range=(low, low + 3))
        assert {first.rtp_address[1], second.rtp_address[1]} == {low, low + 2}
        with pytest.raises(Busy, match=str(low)):
            room.open(port_range=(low, low + 3))
        first.close()

        def reopened() -> bool:
            try:
                room.open(port_range=(low, low + 3))
            except Busy:
                return False
            return True

        assert room.wait(reopened, 1.0)

    def test_address_of_somebody_else(self, room: Room) -> None:
        with pytest.raises(NetworkError, match=r"192\.0\.2\.1"):
            room.open(local_host="192.0.2.1")

    def test_range_without_a_pair(self, room: Room) -> None:
        with pytest.raises((InvalidArgument, Busy)):
            room.open(port_range=(20001, 20002))


def test_many_streams_open_and_close(room: Room) -> None:
    for _ in range(20):
        a, b = room.open(), room.open()
        connect(a, b)
        connect(b, a)
        a.close()
        b.close()
    assert room.engine.statistics()["streams"] == 0


def test_raw_header_layout(peer: PlainPeer) -> None:
    peer.configure()
    version, payload_type, *_ = struct.unpack("!BBHII", peer.rtp.recv(2048)[:12])
    assert (version, payload_type & 0x7F) == (0x80, 0)


def test_rtcp_shares_the_port_of_rtp(peer: PlainPeer, room: Room) -> None:
    """RFC 5761, with reports in reduced size (RFC 5506) from the peer."""
    peer.configure(rtcp=RtcpFeatures(mux=True, reduced_size=True))
    ssrc = peer.receive().ssrc
    peer.rtp.sendto(
        build_rtcp(7, "them", block=ReportBlock(ssrc, 3, 9, 100, 16, 0, 0)), peer.stream.rtp_address,
    )
    assert room.wait(lambda: peer.stream.statistics()["rtcp_received"] == 1)
    assert peer.stream.statistics()["remote_packets_lost"] == 9
    assert peer.stream.statistics()["invalid"] == 0
    peer.rtp.sendto(struct.pack("!BBHI", 0x81, 203, 1, 7), peer.stream.rtp_address)
    assert room.wait_for(peer.stream, "rtcp_bye").value == 7
    peer.stream.close()
    datagrams = iter(lambda: peer.rtp.recv(2048), None)
    news = next(parse_rtcp(data) for data in datagrams if is_rtcp(data))
    assert news is not None
    assert news.left == [ssrc]
