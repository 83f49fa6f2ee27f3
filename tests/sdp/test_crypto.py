"""Keys for SRTP in descriptions: the examples of RFC 4568, and offers and answers in every mode."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from microsip_core.errors import CodecError, InvalidArgument
from microsip_core.sdp import AudioCapabilities, AudioNegotiation, NegotiatedAudio, RtpFormat, SessionDescription
from microsip_core.sdp.crypto import DEFAULT_SUITES, SUITES, CryptoAttribute, choose_crypto, crypto_line

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "srtp" / "sdes.json").read_text())
PCMU = RtpFormat(0, "PCMU")
SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY = bytes(range(30))


def negotiation(srtp: str, suites: tuple[str, ...] = DEFAULT_SUITES) -> AudioNegotiation:
    """A side with keys that can be told apart: each is made of one octet, counted up."""
    numbers = itertools.count(1)
    return AudioNegotiation(
        AudioCapabilities([PCMU], srtp=srtp, suites=suites), "127.0.0.1", 4000, session_id=1,
        new_key=lambda octets: bytes([next(numbers)]) * octets,
    )


def description(profile: str, *attributes: str) -> bytes:
    """A peer's description with one stream."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", f"m=audio 5000 {profile} 0"]
    return "\r\n".join([*lines, *attributes, ""]).encode()


def audio_of(data: bytes) -> tuple[str, list[str]]:
    """The profile and the a=crypto values of the first stream."""
    media = SessionDescription.parse(data).media[0]
    return media.profile, media.attributes.get("crypto", [])


def meet(offerer: AudioNegotiation, answerer: AudioNegotiation) -> tuple[NegotiatedAudio, NegotiatedAudio]:
    """Offer and answer; what each side made of it."""
    answer, theirs = answerer.accept_offer(offerer.create_offer())
    ours = offerer.accept_answer(answer)
    assert ours is not None
    assert theirs is not None
    return ours, theirs


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_examples_of_rfc_4568(vector: dict[str, object]) -> None:
    attribute = CryptoAttribute.parse(str(vector["line"]).removeprefix("a=crypto:"))
    assert attribute.tag == vector["tag"]
    assert attribute.suite == vector["suite"]
    keys = [key["master_key"] + key["master_salt"] for key in vector["keys"]]  # type: ignore[attr-defined]
    assert [key.key_and_salt.hex() for key in attribute.keys] == keys
    assert all(key.lifetime == 1 << 20 for key in attribute.keys)
    assert attribute.usable is (attribute.suite in SUITES)
    assert "3d2d6e" not in repr(attribute)
    assert "=-n" not in repr(attribute)


@pytest.mark.parametrize(("text", "mki"), [
    ("|2^31|1:4", b"\0\0\0\1"), ("|1:1", b"\1"), ("|2^48", b""), ("|1000", b""), ("", b""), ("|65535:2", b"\xff\xff"),
])
def test_lifetime_and_mki_are_optional(text: str, mki: bytes) -> None:
    line = crypto_line(SUITE, KEY)[len("a=crypto:") : -2]
    attribute = CryptoAttribute.parse(line + text)
    assert attribute.usable
    assert attribute.keys[0].mki == mki


@pytest.mark.parametrize("value", [
    "", "1", f"1 {SUITE}", f"x {SUITE} inline:AAAA", f"1 {SUITE} prompt:AAAA", f"1 {SUITE} inline:A*AA",
    f"1 {SUITE} inline:AAAA|3^20", f"1 {SUITE} inline:AAAA|2^", f"1 {SUITE} inline:AAAA|1:0",
    f"1 {SUITE} inline:AAAA|256:1", f"1 {SUITE} inline:AAAA|1:129", f"1 {SUITE} inline:AAAA|1:1|2", f"1 {SUITE} \xe9",
    f"{'9' * 10} {SUITE} inline:AAAA", f"1 {SUITE} inline:AAAA|\u0661:1",
])
def test_malformed_attributes_are_passed_over(value: str) -> None:
    with pytest.raises(ValueError, match="crypto"):
        CryptoAttribute.parse(value)
    good = crypto_line(SUITE, KEY, 7)[len("a=crypto:") : -2]
    chosen = choose_crypto([value, good], DEFAULT_SUITES)
    assert chosen is not None
    assert chosen.tag == 7


@pytest.mark.parametrize(("suite", "rest", "usable"), [
    (SUITE, "", True), (SUITE, " WSH=64", True), (SUITE, " -NEW=1", True), (SUITE, " KDR=1", False),
    (SUITE, " UNENCRYPTED_SRTP", False), (SUITE, " UNAUTHENTICATED_SRTP", False), (SUITE, " FEC_ORDER=FEC_SRTP", False),
    ("AEAD_AES_256_GCM", "", False), ("AES_CM_128_HMAC_SHA1_32", "", True), ("F8_128_HMAC_SHA1_80", "", False),
])
def test_what_can_not_be_done_is_not_agreed_to(suite: str, rest: str, usable: bool) -> None:
    line = crypto_line(SUITE, KEY)[len("a=crypto:") : -2].replace(SUITE, suite)
    assert CryptoAttribute.parse(line + rest).usable is usable


def test_each_side_learns_the_other_ones_key() -> None:
    offerer, answerer = negotiation("mandatory"), negotiation("mandatory")
    ours, theirs = meet(offerer, answerer)
    assert ours.crypto is not None
    assert theirs.crypto is not None
    assert ours.crypto.suite == theirs.crypto.suite == DEFAULT_SUITES[0]
    assert ours.crypto.send_key == theirs.crypto.receive_key
    assert ours.crypto.receive_key == theirs.crypto.send_key
    assert audio_of(offerer.create_offer())[0] == "RTP/SAVP"
    assert ours.crypto.send_key.hex() not in repr(ours)


@pytest.mark.parametrize(("offering", "answering", "profile", "secure"), [
    ("off", "off", "RTP/AVP", False), ("off", "optional", "RTP/AVP", False), ("optional", "off", "RTP/AVP", False),
    ("optional", "optional", "RTP/AVP", True), ("optional", "mandatory", "RTP/AVP", True),
    ("mandatory", "optional", "RTP/SAVP", True), ("mandatory", "mandatory", "RTP/SAVP", True),
])
def test_modes_that_meet(offering: str, answering: str, profile: str, secure: bool) -> None:
    offerer, answerer = negotiation(offering), negotiation(answering)
    offer = offerer.create_offer()
    answer, theirs = answerer.accept_offer(offer)
    ours = offerer.accept_answer(answer)
    assert audio_of(offer)[0] == audio_of(answer)[0] == profile
    assert len(audio_of(offer)[1]) == (0 if offering == "off" else len(DEFAULT_SUITES))
    assert len(audio_of(answer)[1]) == secure
    assert ours is not None
    assert theirs is not None
    assert (ours.crypto is not None) == (theirs.crypto is not None) == secure


@pytest.mark.parametrize(("offering", "answering", "why"), [
    ("off", "mandatory", "SRTP is mandatory here: peer offers RTP/AVP without a key"),
    ("mandatory", "off", "SRTP is switched off here: peer offers RTP/SAVP"),
])
def test_modes_that_do_not(offering: str, answering: str, why: str) -> None:
    with pytest.raises(CodecError, match=why):
        negotiation(answering).accept_offer(negotiation(offering).create_offer())


def test_an_answer_without_a_key_is_refused_when_srtp_is_mandatory() -> None:
    offerer = negotiation("mandatory")
    offerer.create_offer()
    for profile in ("RTP/AVP", "RTP/SAVP"):
        with pytest.raises(CodecError, match="without a key"):
            offerer.accept_answer(description(profile))


def test_an_answer_has_to_take_up_what_was_offered() -> None:
    offerer = negotiation("optional", (SUITE,))
    offerer.create_offer()
    wrong_tag = crypto_line(SUITE, KEY, 9).strip()
    other_suite = "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" + "A" * 40
    for line in (wrong_tag, other_suite):
        with pytest.raises(CodecError, match="no common SRTP suite"):
            offerer.accept_answer(description("RTP/AVP", line))
    agreed = offerer.accept_answer(description("RTP/AVP", crypto_line(SUITE, KEY).strip()))
    assert agreed is not None
    assert agreed.crypto is not None
    assert agreed.crypto.receive_key == KEY


def test_best_effort_falls_back_to_rtp_when_no_suite_is_common() -> None:
    strange = "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" + "A" * 40
    answer, agreed = negotiation("optional").accept_offer(description("RTP/AVP", strange))
    assert agreed is not None
    assert agreed.crypto is None
    assert audio_of(answer) == ("RTP/AVP", [])
    with pytest.raises(CodecError, match="no common SRTP suite: peer offers F8_128_HMAC_SHA1_80"):
        negotiation("optional").accept_offer(description("RTP/SAVP", strange))


def test_the_answer_repeats_tag_and_suite_of_the_first_that_can_be_used() -> None:
    lines = [
        "a=crypto:3 F8_128_HMAC_SHA1_80 inline:" + "A" * 40, "a=crypto:5 AEAD_AES_128_GCM inline:" + "B" * 39 + "==",
        crypto_line("AES_CM_128_HMAC_SHA1_32", KEY, 8).strip(), crypto_line(SUITE, KEY, 9).strip(),
    ]
    answer, agreed = negotiation("optional").accept_offer(description("RTP/SAVP", *lines))
    assert audio_of(answer)[1][0].startswith("8 AES_CM_128_HMAC_SHA1_32 inline:")
    assert agreed is not None
    assert agreed.crypto is not None


def test_of_two_streams_the_secure_one_is_taken() -> None:
    both = description("RTP/AVP", "m=audio 6000 RTP/SAVP 0", crypto_line(SUITE, KEY).strip())
    answer, agreed = negotiation("optional").accept_offer(both)
    assert agreed is not None
    assert agreed.remote[1] == 6000
    assert agreed.crypto is not None
    assert [media.port for media in SessionDescription.parse(answer).media] == [0, 4000]
    _, plain = negotiation("off").accept_offer(both)
    assert plain is not None
    assert plain.remote[1] == 5000


def test_a_later_offer_keeps_keys_and_puts_the_suite_agreed_on_first() -> None:
    offerer = negotiation("optional")
    answerer = negotiation("optional", ("AEAD_AES_128_GCM",))
    first = offerer.create_offer()
    answer, before = answerer.accept_offer(first)
    offerer.accept_answer(answer)
    second = offerer.create_offer()
    assert audio_of(second)[1][0].startswith("3 AEAD_AES_128_GCM ")
    assert sorted(audio_of(first)[1]) == sorted(audio_of(second)[1])
    answer, after = answerer.accept_offer(second)
    assert before is not None
    assert after is not None
    assert before.crypto == after.crypto
    ours = offerer.accept_answer(answer)
    # and round the other way
    offer = answerer.create_offer()
    _, again = offerer.accept_offer(offer)
    assert ours is not None
    assert again is not None
    assert again.crypto == ours.crypto


def test_a_new_key_of_the_peer_is_taken() -> None:
    side = negotiation("optional")
    _, before = side.accept_offer(description("RTP/SAVP", crypto_line(SUITE, KEY).strip()))
    _, after = side.accept_offer(description("RTP/SAVP", crypto_line(SUITE, KEY[::-1]).strip()))
    assert before is not None
    assert after is not None
    assert before.crypto is not None
    assert after.crypto is not None
    assert (before.crypto.send_key, after.crypto.receive_key) == (after.crypto.send_key, KEY[::-1])


def test_descriptions_with_keys_are_not_remembered() -> None:
    for srtp in ("off", "optional"):
        side = negotiation(srtp)
        side.accept_offer(description("RTP/AVP", crypto_line(SUITE, KEY).strip()))
        assert len(side.capabilities.offers) == 0
    offerer = negotiation("mandatory")
    meet(offerer, negotiation("mandatory"))
    assert len(offerer.capabilities.answers) == 0


def test_srtp_needs_keys_and_known_names() -> None:
    with pytest.raises(InvalidArgument):
        AudioNegotiation(AudioCapabilities([PCMU], srtp="optional"), "127.0.0.1", 4000, session_id=1)
    with pytest.raises(ValueError, match="sometimes"):
        AudioCapabilities([PCMU], srtp="sometimes")
    with pytest.raises(ValueError, match="ROT13"):
        AudioCapabilities([PCMU], srtp="optional", suites=("ROT13",))
