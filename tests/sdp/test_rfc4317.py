"""The offer/answer examples of RFC 4317: our answers to the offers, and the answers given there to offers like ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from microsip_core.errors import CodecError
from microsip_core.sdp import AudioCapabilities, AudioNegotiation, MediaDescription, RtpFormat, SessionDescription
from microsip_core.sdp.formats import STATIC_FORMATS, encodings_of, normalized, parse_payload_type

VECTORS = Path(__file__).parent.parent / "vectors" / "sdp"
PAIRS = json.loads((VECTORS / "rfc4317-pairs.json").read_text())["pairs"]
CAPABILITIES = AudioCapabilities(
    [RtpFormat(0, "PCMU"), RtpFormat(97, "iLBC"), RtpFormat(101, "telephone-event", fmtp="0-15")],
)


def keys(media: MediaDescription) -> set[str]:
    encodings = encodings_of(media)
    found = set()
    for text in media.formats:
        number = parse_payload_type(text)
        found.add(normalized(encodings[text]) if text in encodings else STATIC_FORMATS[number].key)
    return found


def test_number_of_pairs() -> None:
    assert len(PAIRS) == 26


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["offer"])
def test_our_answer_is_legal(pair: dict[str, object]) -> None:
    data = (VECTORS / "webrtc" / pair["offer"]).read_bytes()
    offer = SessionDescription.parse(data)
    answered, agreed = AudioNegotiation(CAPABILITIES, "192.0.2.1", 4000, session_id=1).accept_offer(data)
    answer = SessionDescription.parse(answered)
    reference = SessionDescription.parse((VECTORS / "webrtc" / pair["answer"]).read_bytes())
    assert len(answer.media) == len(offer.media) == len(reference.media)
    assert (agreed is not None) == any(media.kind == "audio" and media.port for media in offer.media)
    accepted = 0
    for ours, theirs in zip(answer.media, offer.media, strict=True):
        assert (ours.kind, ours.profile) == (theirs.kind, theirs.profile)
        if ours.port == 0:
            continue
        accepted += 1
        assert ours.kind == "audio"
        assert theirs.port != 0
        assert keys(ours) <= keys(theirs)
        # RFC 3264 s6: what we answer must fit what was offered.
        allowed = {"sendonly": {"recvonly", "inactive"}, "recvonly": {"sendonly", "inactive"}, "inactive": {"inactive"}}
        direction = offer.direction_of(theirs)
        assert direction == "sendrecv" or answer.direction_of(ours) in allowed[direction]
    assert accepted == (1 if agreed is not None else 0)


@pytest.mark.parametrize("pair", [p for p in PAIRS if p["answer_summary"]], ids=lambda pair: pair["answer"])
def test_their_answers_are_understood(pair: dict[str, object]) -> None:
    answer = (VECTORS / "webrtc" / pair["answer"]).read_bytes()
    media = SessionDescription.parse(answer).media
    negotiation = AudioNegotiation(CAPABILITIES, "192.0.2.1", 4000, session_id=1)
    negotiation.create_offer()
    if media[0].port == 0:
        assert negotiation.accept_answer(answer) is None
    elif keys(media[0]) & {"PCMU/8000", "ILBC/8000"}:
        agreed = negotiation.accept_answer(answer)
        assert agreed is not None
        assert agreed.remote == (SessionDescription.parse(answer).address_of(media[0]), media[0].port)
    else:
        with pytest.raises(CodecError):
            negotiation.accept_answer(answer)
