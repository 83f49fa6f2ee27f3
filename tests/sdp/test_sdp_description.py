"""Session descriptions of real user agents and RFCs, parsed and written back (RFC 8866)."""

from __future__ import annotations

from pathlib import Path

import pytest

from microsip_core.errors import ParseError
from microsip_core.sdp import MediaDescription, SdpError, SdpLimits, SessionDescription

VECTORS = Path(__file__).parent.parent / "vectors" / "sdp"
WEBRTC = sorted((VECTORS / "webrtc").glob("*.sdp"))
SDP_TRANSFORM = sorted((VECTORS / "sdp-transform").glob("*.sdp"))
FRAGMENTS = {"unittest-3.sdp", "unittest-6.sdp", "unittest-7.sdp"}  # without v=

MINIMAL = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"


def content_lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "surrogateescape")
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


def test_corpora_are_complete() -> None:
    assert len(WEBRTC) == 69
    assert len(SDP_TRANSFORM) == 25


@pytest.mark.parametrize("path", WEBRTC + SDP_TRANSFORM, ids=lambda path: path.stem)
def test_corpus(path: Path) -> None:
    data = path.read_bytes()
    if path.name in FRAGMENTS:
        with pytest.raises(SdpError, match="v=0"):
            SessionDescription.parse(data)
        return
    description = SessionDescription.parse(data)
    # Every line survives, known or not, in its place.
    assert content_lines(description.to_bytes()) == content_lines(data)
    assert SessionDescription.parse(description.to_bytes()).to_bytes() == description.to_bytes()
    for media in description.media:
        assert description.direction_of(media) in ("sendrecv", "sendonly", "recvonly", "inactive")
        assert media.attributes is media.attributes


def test_unknown_attributes_are_kept() -> None:
    description = SessionDescription.parse((VECTORS / "sdp-transform" / "invalid.sdp").read_bytes())
    assert description.media[0].attribute("goo") == "hithere"
    assert b"f=invalid:yes\r\n" in description.to_bytes()


def test_fields() -> None:
    description = SessionDescription.parse(
        b"v=0\no=alice 18446744069414584320 2 IN IP6 2001:db8::1\ns=call\nc=IN IP6 2001:db8::1\nt=0 0\na=sendonly\n"
        b"m=audio 49170/2 RTP/AVP 0 97\nc=IN IP4 233.252.0.1/127\na=rtpmap:97 iLBC/8000\na=fmtp:97 mode=20\n"
        b"a=recvonly \n"
        b"m=video 0 RTP/AVP\n",
    )
    assert description.origin.session_id == "18446744069414584320"
    assert description.origin.address == "2001:db8::1"
    assert description.name == "call"
    audio, video = description.media
    assert (audio.kind, audio.port, audio.port_count, audio.profile, audio.formats) == (
        "audio", 49170, 2, "RTP/AVP", ["0", "97"],
    )
    assert description.address_of(audio) == "233.252.0.1"
    assert description.direction_of(audio) == "recvonly"  # the trailing space is no part of it
    assert description.address_of(video) == "2001:db8::1"
    assert description.direction_of(video) == "sendonly"
    assert video.formats == []


def test_building() -> None:
    media = MediaDescription("audio", 4000, "RTP/AVP", ["0"])
    media.add_attribute("rtpmap", "0 PCMU/8000")
    media.add_attribute("sendrecv")
    assert media.attribute("rtpmap") == "0 PCMU/8000"
    description = SessionDescription(["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"], [media])
    assert description.to_bytes().endswith(b"t=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n")


def test_octets_that_are_not_utf8_survive() -> None:
    data = MINIMAL.replace(b"s=-", b"s=caf\xe9")
    assert SessionDescription.parse(data).to_bytes() == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "v=0"),
        (b"\r\n", "v=0"),
        (b"v=1\r\n", "v=0"),
        (b"v=0\r\n", "no o="),
        (b"v=0\r\ns=-\r\nt=0 0\r\n", "no o="),
        (MINIMAL + b"nonsense\r\n", "line 6: not of the form"),
        (MINIMAL + b"M=audio 1 RTP/AVP 0\r\n", "line 6: not of the form"),
        (MINIMAL + b"m=audio\r\n", "line 6: m= needs"),
        (MINIMAL + b"m=audio 4000 RTP/AVP\r\n", "line 6: m= needs"),
        (MINIMAL + b"m=audio x RTP/AVP 0\r\n", "'x' is not a port"),
        (MINIMAL + b"m=audio -1 RTP/AVP 0\r\n", "is not a port"),
        (MINIMAL + b"m=audio 65536 RTP/AVP 0\r\n", "is not a port"),
        (MINIMAL + b"m=audio \xc2\xb2 RTP/AVP 0\r\n", "is not a port"),
        (MINIMAL + b"m=audio 4000/x RTP/AVP 0\r\n", "is not a port"),
        (MINIMAL + b"a=\0\r\n", "NUL"),
        (MINIMAL + b"a=x\ry\r\n", "CR"),
        (MINIMAL + b"a=x\r\n" * 2000, "more than 2000 lines"),
        (MINIMAL + b"m=audio 0 RTP/AVP 0\r\n" * 65, "more than 64 media"),
        (MINIMAL + b"m=audio 0 RTP/AVP" + b" 0" * 129 + b"\r\n", "more than 128 formats"),
        (MINIMAL + b"a=" + b"x" * 65536, "more than the limit"),
    ],
)
def test_refused(data: bytes, message: str) -> None:
    with pytest.raises(SdpError, match=message) as caught:
        SessionDescription.parse(data)
    assert isinstance(caught.value, ParseError)
    assert "parse SDP" in str(caught.value)


def test_limits_can_be_set() -> None:
    with pytest.raises(SdpError, match="limit of 10"):
        SessionDescription.parse(MINIMAL, SdpLimits(octets=10))


def test_lazy_parts_raise_the_same_error() -> None:
    description = SessionDescription.parse(b"v=0\r\no=short\r\nc=IN IP4\r\nm=audio 1 RTP/AVP 0\r\n")
    with pytest.raises(SdpError, match="o= has 1 fields"):
        _ = description.origin
    with pytest.raises(SdpError, match="c= has 2 fields"):
        description.address_of(description.media[0])
    without = SessionDescription.parse(b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 1 RTP/AVP 0\r\n")
    with pytest.raises(SdpError, match="no c= line"):
        without.address_of(without.media[0])
