"""The packets that the capacity benchmark sends are what a peer of ours would send."""

from __future__ import annotations

import pytest

pytest.importorskip("microsip_core.media._native")

from benchmarks.media_cases import Case, format_of, packets_of
from microsip_core.media.reference.rtp import parse_rtp


@pytest.mark.parametrize(
    ("codec", "suite", "octets"), [("PCMU", "", 172), ("G722", "", 172), ("PCMU", "AES_CM_128_HMAC_SHA1_80", 182)],
)
def test_packets_follow_each_other(codec: str, suite: str, octets: int) -> None:
    if suite:
        pytest.importorskip("pylibsrtp")
    sent = packets_of(Case(codec, format_of(codec), suite), 5)
    assert [len(packet) for packet in sent] == [octets] * 5
    packets = [parse_rtp(packet) for packet in sent]
    first = packets[0]
    assert first is not None
    for number, packet in enumerate(packets):
        assert packet is not None
        assert packet.ssrc == first.ssrc
        assert (packet.sequence - first.sequence) & 0xFFFF == number
        assert (packet.timestamp - first.timestamp) & 0xFFFFFFFF == 160 * number
