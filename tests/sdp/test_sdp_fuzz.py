"""Mutated descriptions: parsed and answered, or refused with the package's own errors; never anything else."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from microsip_core.errors import CodecError
from microsip_core.sdp import AudioCapabilities, AudioNegotiation, RtpFormat, SdpError, SessionDescription

VECTORS = Path(__file__).parent.parent / "vectors" / "sdp"
SEEDS = [path.read_bytes() for path in sorted(VECTORS.glob("*/*.sdp"))]
FORMATS = [RtpFormat(0, "PCMU"), RtpFormat(8, "PCMA"), RtpFormat(101, "telephone-event", fmtp="0-16")]
G711 = AudioCapabilities(FORMATS)
OFFER = AudioNegotiation(G711, "192.0.2.2", 5000, session_id=1).create_offer()
TOKENS = [
    b"", b"\0", b"\r", b"\n", b"=", b":", b"/", b" ", b"-1", b"0", b"65535", b"65536", b"99999999999999999999",
    b"m=audio 1 RTP/AVP 0\r\n", b"c=IN IP4 0.0.0.0\r\n", b"c=\r\n", b"a=rtpmap:\r\n", b"a=rtpmap:0\r\n",
    b"a=rtpmap:0 \r\n", b"a=ptime:\r\n", b"a=sendonly\r\n", b"\xff\xfe", "²٣".encode(),
    b"a=rtcp:1 IN IP7 X\r\n", b"a=fmtp:101\r\n",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from([*SEEDS, OFFER, OFFER, OFFER, OFFER]))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        data = data[:start] + draw(st.sampled_from(TOKENS) | st.binary(max_size=6)) + data[end:]
    return data


@settings(max_examples=600, deadline=None)
@given(mutated())
def test_mutations(data: bytes) -> None:
    try:
        description = SessionDescription.parse(data)
    except SdpError:
        return
    again = SessionDescription.parse(description.to_bytes())
    assert again.to_bytes() == description.to_bytes()
    assert [media.m_line() for media in again.media] == [media.m_line() for media in description.media]
    negotiation = AudioNegotiation(G711, "192.0.2.1", 4000, session_id=1)
    try:
        answer, _ = negotiation.accept_offer(data)
    except (SdpError, CodecError):
        pass
    else:
        assert len(SessionDescription.parse(answer).media) == len(description.media)
        later = SessionDescription.parse(negotiation.create_offer())
        assert len(later.media) == max(len(description.media), 1)
    caller = AudioNegotiation(G711, "192.0.2.1", 4000, session_id=1)
    caller.create_offer()
    try:
        caller.accept_answer(data)
    except (SdpError, CodecError):
        return
    SessionDescription.parse(caller.create_offer())


def outcome(capabilities: AudioCapabilities, data: bytes, answering: bool) -> object:
    negotiation = AudioNegotiation(capabilities, "192.0.2.1", 4000, session_id=1)
    try:
        if answering:
            return negotiation.accept_offer(data)
        negotiation.create_offer()
        return negotiation.accept_answer(data)
    except (SdpError, CodecError) as error:
        return type(error), str(error)


@settings(max_examples=400, deadline=None)
@given(mutated(), st.booleans())
def test_memory_changes_nothing(data: bytes, answering: bool) -> None:
    # G711 remembers what it has met in all the other examples; new capabilities remember nothing.
    fresh = outcome(AudioCapabilities(FORMATS), data, answering)
    assert outcome(G711, data, answering) == fresh
    assert outcome(G711, data, answering) == fresh


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_noise(data: bytes) -> None:
    with contextlib.suppress(SdpError):
        assert SessionDescription.parse(b"v=0\r\n" + data).lines[0] == "v=0"
