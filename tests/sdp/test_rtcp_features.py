"""RTCP in offers and answers: one port for both (RFC 5761), reduced size (RFC 5506), VoIP metrics (RFC 3611)."""

from __future__ import annotations

import pytest

from microsip_core.sdp import STATIC_FORMATS, AudioCapabilities, AudioNegotiation
from microsip_core.sdp.rtcp import ALL_FEATURES, NO_FEATURES, RtcpFeatures

PCMU = STATIC_FORMATS[0]


def negotiation(rtcp: RtcpFeatures, port: int = 4000, **options: int) -> AudioNegotiation:
    return AudioNegotiation(AudioCapabilities([PCMU], rtcp=rtcp), "127.0.0.1", port, session_id=1, **options)


def offer(*lines: str) -> bytes:
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 6000 RTP/AVP 0")
    return "".join(f"{line}\r\n" for line in (*head, *lines)).encode()


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        (ALL_FEATURES, ALL_FEATURES, ALL_FEATURES),
        (ALL_FEATURES, NO_FEATURES, NO_FEATURES),
        (NO_FEATURES, ALL_FEATURES, NO_FEATURES),
        (RtcpFeatures(mux=True), ALL_FEATURES, RtcpFeatures(mux=True)),
        (ALL_FEATURES, RtcpFeatures(voip_metrics=True), RtcpFeatures(voip_metrics=True)),
    ],
)
def test_what_both_have_is_agreed_on_by_both(ours: RtcpFeatures, theirs: RtcpFeatures, agreed: RtcpFeatures) -> None:
    caller, callee = negotiation(ours), negotiation(theirs, 6000)
    first = caller.create_offer()
    assert (b"a=rtcp-mux\r\n" in first) == ours.mux
    answer, at_callee = callee.accept_offer(first)
    at_caller = caller.accept_answer(answer)
    assert at_caller is not None
    assert at_callee is not None
    assert at_caller.rtcp == at_callee.rtcp == agreed
    assert at_caller.remote_rtcp[1] == (6000 if agreed.mux else 6001)
    assert (b"a=rtcp-mux\r\n" in answer) == agreed.mux


@pytest.mark.parametrize(
    ("lines", "features"),
    [
        (("a=rtcp-xr:pkt-loss-rle=100 voip-metrics stat-summary=loss,dup",), RtcpFeatures(voip_metrics=True)),
        (("a=rtcp-xr:rcvr-rtt=all:10",), NO_FEATURES),
        (("a=rtcp-xr",), NO_FEATURES),
        (("a=rtcp-mux:yes", "a=rtcp-rsize"), RtcpFeatures(mux=True, reduced_size=True)),
        (("a=rtcp:6009", "a=rtcp-mux"), RtcpFeatures(mux=True)),
        (("a=rtcp:6009",), NO_FEATURES),
    ],
)
def test_features_are_read_off_an_offer(lines: tuple[str, ...], features: RtcpFeatures) -> None:
    _, agreed = negotiation(ALL_FEATURES).accept_offer(offer(*lines))
    assert agreed is not None
    assert agreed.rtcp == features
    assert agreed.remote_rtcp[1] == (6000 if features.mux else 6009 if "a=rtcp:6009" in lines else 6001)


def test_an_answer_never_says_more_than_the_offer() -> None:
    """RFC 5761 s5.1.1; and an answer that does all the same is not believed."""
    answer, _ = negotiation(ALL_FEATURES).accept_offer(offer())
    assert b"a=rtcp-" not in answer
    caller = negotiation(NO_FEATURES)
    caller.create_offer()
    agreed = caller.accept_answer(offer("a=rtcp-mux"))
    assert agreed is not None
    assert not agreed.rtcp.mux


def test_a_later_offer_may_take_it_back() -> None:
    callee = negotiation(ALL_FEATURES)
    _, first = callee.accept_offer(offer("a=rtcp-mux"))
    _, second = callee.accept_offer(offer())
    assert first is not None
    assert second is not None
    assert (first.rtcp.mux, second.rtcp.mux) == (True, False)
    assert b"a=rtcp-mux" in callee.create_offer()
