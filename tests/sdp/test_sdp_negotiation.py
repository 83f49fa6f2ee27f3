"""Offer and answer (RFC 3264): codecs, payload types, directions, hold, refusals, versions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from microsip_core.errors import CodecError, InvalidArgument
from microsip_core.sdp import AudioCapabilities, AudioNegotiation, RtpFormat, SdpError, SessionDescription
from microsip_core.sdp.rtcp import ALL_FEATURES

PCMU = RtpFormat(0, "PCMU")
PCMA = RtpFormat(8, "PCMA")
OPUS = RtpFormat(96, "opus", 48000, 2, "useinbandfec=1")
EVENT = RtpFormat(101, "telephone-event", fmtp="0-16")
G711 = AudioCapabilities([PCMU, PCMA, EVENT])
WIDE = AudioCapabilities([OPUS, PCMU, EVENT, RtpFormat(102, "telephone-event", 48000, fmtp="0-16")])


def ours(capabilities: AudioCapabilities = G711, host: str = "192.0.2.1", port: int = 4000) -> AudioNegotiation:
    return AudioNegotiation(capabilities, host, port, session_id=7)


def theirs(*media: str, connection: str = "IN IP4 192.0.2.2", session: str = "") -> bytes:
    head = f"v=0\r\no=bob 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc={connection}\r\nt=0 0\r\n{session}"
    return (head + "".join(line + "\r\n" for line in media)).encode()


def media_lines(data: bytes) -> list[str]:
    return [line for line in data.decode().split("\r\n") if line.startswith("m=")]


class TestOffer:
    def test_text(self) -> None:
        assert ours().create_offer().decode() == (
            "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
            "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
        )

    def test_ipv6_and_rtcp_port(self) -> None:
        negotiation = AudioNegotiation(G711, "2001:db8::1", 4000, session_id=1, rtcp_port=5001)
        offer = negotiation.create_offer().decode()
        assert "o=- 1 1 IN IP6 2001:db8::1\r\n" in offer
        assert "c=IN IP6 2001:db8::1\r\n" in offer
        assert "a=rtcp:5001\r\n" in offer

    def test_no_rtcp_mux_is_offered(self) -> None:
        assert b"rtcp-mux" not in ours().create_offer()

    def test_answer(self) -> None:
        negotiation = ours()
        negotiation.create_offer()
        agreed = negotiation.accept_answer(
            theirs("m=audio 5000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=ptime:30"),
        )
        assert agreed is not None
        assert agreed.send == PCMA
        assert agreed.receive == {0: PCMU, 8: PCMA}
        assert agreed.telephone_event == 101
        assert agreed.telephone_event_receive == {101}
        assert agreed.remote == ("192.0.2.2", 5000)
        assert agreed.remote_rtcp == ("192.0.2.2", 5001)
        assert agreed.ptime_ms == 30
        assert agreed.sending
        assert agreed.receiving

    def test_asymmetric_payload_types(self) -> None:
        negotiation = ours(WIDE)
        negotiation.create_offer()
        agreed = negotiation.accept_answer(
            theirs(
                "m=audio 5000 RTP/AVP 111 0 110", "a=rtpmap:111 OPUS/48000/2", "a=rtpmap:110 telephone-event/48000",
            ),
        )
        assert agreed is not None
        # We send under the number of the answer and receive under the one we offered (RFC 3264 s5.1, s6.1) ...
        assert agreed.send.payload_type == 111
        assert agreed.receive[96] == OPUS
        assert agreed.telephone_event == 110
        # ... but understand a peer that uses its own.
        assert agreed.receive[111].name == "opus"
        assert agreed.telephone_event_receive == {101, 102, 110}

    def test_a_clashing_number_keeps_our_meaning(self) -> None:
        negotiation = ours(WIDE)
        negotiation.create_offer()
        agreed = negotiation.accept_answer(theirs("m=audio 5000 RTP/AVP 101", "a=rtpmap:101 opus/48000/2"))
        assert agreed is not None
        assert agreed.send.payload_type == 101
        assert 101 not in agreed.receive
        assert 101 in agreed.telephone_event_receive

    def test_answer_without_rtpmap_for_our_dynamic_number(self) -> None:
        negotiation = ours(WIDE)
        negotiation.create_offer()
        agreed = negotiation.accept_answer(theirs("m=audio 5000 RTP/AVP 96 101"))
        assert agreed is not None
        assert agreed.send == replace(OPUS, fmtp="")  # the peer asks for nothing
        assert agreed.telephone_event == 101

    def test_refused_stream(self) -> None:
        negotiation = ours()
        negotiation.create_offer()
        assert negotiation.accept_answer(theirs("m=audio 0 RTP/AVP 0")) is None

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (theirs(), "has 0 m= lines"),
            (theirs("m=video 5000 RTP/AVP 31"), "video where our offer had audio"),
            (b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 5000 RTP/AVP 0\r\n", "no c= line"),
            (b"rubbish", "v=0"),
        ],
    )
    def test_bad_answer(self, answer: bytes, message: str) -> None:
        negotiation = ours()
        negotiation.create_offer()
        with pytest.raises(SdpError, match=message):
            negotiation.accept_answer(answer)

    def test_answer_with_foreign_codec(self) -> None:
        negotiation = ours()
        negotiation.create_offer()
        with pytest.raises(CodecError, match="no common codec: peer offers G729/8000, we have PCMU, PCMA"):
            negotiation.accept_answer(theirs("m=audio 5000 RTP/AVP 18"))

    def test_early_then_final_answer(self) -> None:
        negotiation = ours()
        negotiation.create_offer()
        early = negotiation.accept_answer(theirs("m=audio 5000 RTP/AVP 8"))
        final = negotiation.accept_answer(theirs("m=audio 6000 RTP/AVP 0"))
        assert early is not None
        assert final is not None
        assert (early.send, early.remote[1]) == (PCMA, 5000)
        assert (final.send, final.remote[1]) == (PCMU, 6000)

    def test_later_offer_keeps_what_was_agreed(self) -> None:
        negotiation = ours()
        negotiation.create_offer()
        negotiation.accept_answer(theirs("m=audio 5000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"))
        assert media_lines(negotiation.create_offer("sendonly")) == ["m=audio 4000 RTP/AVP 8 101"]


class TestVersion:
    def test_grows_only_with_a_change(self) -> None:
        negotiation = ours()
        versions = [
            SessionDescription.parse(negotiation.create_offer(direction)).origin.version
            for direction in ("sendrecv", "sendrecv", "sendonly", "sendrecv")
        ]
        assert versions == ["1", "1", "2", "3"]

    def test_changed_address(self) -> None:
        negotiation = ours()
        negotiation.create_offer()
        negotiation.host, negotiation.port = "192.0.2.9", 4100
        description = SessionDescription.parse(negotiation.create_offer())
        assert description.origin.version == "2"
        assert description.connection == "192.0.2.9"
        assert description.media[0].port == 4100


class TestAnswer:
    def test_repeats_the_numbers_and_order_of_the_offer(self) -> None:
        answer, agreed = ours().accept_offer(
            theirs("m=audio 5000 RTP/AVP 18 8 0 100", "a=rtpmap:100 telephone-event/8000", "a=fmtp:100 0-15"),
        )
        assert media_lines(answer) == ["m=audio 4000 RTP/AVP 8 0 100"]
        assert b"a=rtpmap:100 telephone-event/8000\r\na=fmtp:100 0-16\r\n" in answer
        assert agreed is not None
        assert agreed.send == PCMA
        assert set(agreed.receive) == {0, 8}
        assert agreed.telephone_event == 100
        assert agreed.telephone_event_receive == {100}

    def test_rtpmap_wins_over_the_static_assignment(self) -> None:
        _, agreed = ours().accept_offer(theirs("m=audio 5000 RTP/AVP 98 0", "a=rtpmap:98 pcma/8000/1"))
        assert agreed is not None
        assert (agreed.send.name, agreed.send.payload_type) == ("PCMA", 98)

    def test_telephone_event_follows_the_clock_of_the_codec(self) -> None:
        _, agreed = ours(WIDE).accept_offer(
            theirs(
                "m=audio 5000 RTP/AVP 96 97 98", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/8000",
                "a=rtpmap:98 telephone-event/48000",
            ),
        )
        assert agreed is not None
        assert agreed.telephone_event == 98
        assert agreed.telephone_event_receive == {97, 98}

    def test_no_telephone_event(self) -> None:
        answer, agreed = ours().accept_offer(theirs("m=audio 5000 RTP/AVP 0"))
        assert agreed is not None
        assert agreed.telephone_event is None
        assert b"telephone-event" not in answer

    @pytest.mark.parametrize(
        ("offered", "wanted", "answered"),
        [
            ("sendrecv", "sendrecv", "sendrecv"),
            ("sendonly", "sendrecv", "recvonly"),
            ("recvonly", "sendrecv", "sendonly"),
            ("inactive", "sendrecv", "inactive"),
            ("sendrecv", "sendonly", "sendonly"),
            ("sendonly", "sendonly", "inactive"),
            ("sendrecv", "inactive", "inactive"),
            ("recvonly", "recvonly", "inactive"),
        ],
    )
    def test_direction(self, offered: str, wanted: str, answered: str) -> None:
        for offer in (
            theirs("m=audio 5000 RTP/AVP 0", f"a={offered}"),
            theirs("m=audio 5000 RTP/AVP 0", session=f"a={offered}\r\n"),
        ):
            answer, agreed = ours().accept_offer(offer, wanted)
            assert agreed is not None
            assert agreed.direction == answered
            assert f"a={answered}\r\n".encode() in answer
            assert agreed.remote_hold == (offered in ("sendonly", "inactive"))

    @pytest.mark.parametrize("connection", ["IN IP4 0.0.0.0", "IN IP6 ::"])
    def test_hold_in_the_old_style(self, connection: str) -> None:
        _, agreed = ours().accept_offer(theirs("m=audio 5000 RTP/AVP 0", connection=connection))
        assert agreed is not None
        assert agreed.remote_hold
        assert not agreed.sending
        assert agreed.direction == "recvonly"

    def test_streams_are_refused_in_their_place(self) -> None:
        answer, agreed = ours().accept_offer(
            theirs(
                "m=video 5002 RTP/AVP 31", "m=audio 5004 RTP/SAVP 0", "m=audio 5000 RTP/AVP 0",
                "m=audio 5006 RTP/AVP 0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            ),
        )
        assert agreed is not None
        assert agreed.remote[1] == 5000
        assert media_lines(answer) == [
            "m=video 0 RTP/AVP 31", "m=audio 0 RTP/SAVP 0", "m=audio 4000 RTP/AVP 0", "m=audio 0 RTP/AVP 0",
            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        ]

    def test_later_offer_keeps_number_and_order_of_streams(self) -> None:
        negotiation = ours()
        negotiation.accept_offer(theirs("m=video 5002 RTP/AVP 31", "m=audio 5000 RTP/AVP 8"))
        assert media_lines(negotiation.create_offer("sendonly")) == ["m=video 0 RTP/AVP 31", "m=audio 4000 RTP/AVP 8"]
        agreed = negotiation.accept_answer(theirs("m=video 0 RTP/AVP 31", "m=audio 5000 RTP/AVP 8", "a=recvonly"))
        assert agreed is not None
        assert agreed.direction == "sendonly"

    def test_the_stream_in_use_is_kept(self) -> None:
        negotiation = ours()
        negotiation.accept_offer(theirs("m=audio 5000 RTP/SAVP 0", "m=audio 5002 RTP/AVP 0"))
        _, agreed = negotiation.accept_offer(theirs("m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/AVP 0"))
        assert agreed is not None
        assert agreed.remote[1] == 5002

    def test_bundle_is_not_accepted(self) -> None:
        answer, agreed = ours().accept_offer(
            theirs("m=audio 5000 RTP/AVP 0", "a=mid:a", "a=rtcp-mux", session="a=group:BUNDLE a\r\n"),
        )
        assert agreed is not None
        assert b"group" not in answer
        assert b"rtcp-mux" not in answer

    def test_avpf_is_answered_with_avpf(self) -> None:
        answer, _ = ours().accept_offer(theirs("m=audio 5000 RTP/AVPF 0"))
        assert media_lines(answer) == ["m=audio 4000 RTP/AVPF 0"]

    def test_timing_is_repeated(self) -> None:
        offer = theirs("m=audio 5000 RTP/AVP 0").replace(b"t=0 0", b"t=2873397496 2873404696")
        assert b"\r\nt=2873397496 2873404696\r\n" in ours().accept_offer(offer)[0]

    @pytest.mark.parametrize(
        ("lines", "ptime"),
        [
            ((), 20),
            (("a=ptime:20",), 20),
            (("a=ptime:30",), 30),
            (("a=ptime:20", "a=maxptime:10"), 10),
            (("a=maxptime:60",), 20),
            (("a=ptime:0.125",), 10),
            (("a=ptime:25",), 20),
            (("a=ptime:200",), 60),
            (("a=ptime:nan",), 20),
            (("a=ptime:inf",), 20),
            (("a=ptime:-20",), 20),
            (("a=ptime:x", "a=maxptime:y"), 20),
        ],
    )
    def test_ptime(self, lines: tuple[str, ...], ptime: int) -> None:
        answer, agreed = ours().accept_offer(theirs("m=audio 5000 RTP/AVP 0", *lines))
        assert agreed is not None
        assert agreed.ptime_ms == ptime
        assert f"a=ptime:{ptime}\r\n".encode() in answer

    @pytest.mark.parametrize(
        ("line", "address"),
        [
            ("a=rtcp:6001", ("192.0.2.2", 6001)),
            ("a=rtcp:6001 IN IP4 192.0.2.3", ("192.0.2.3", 6001)),
            ("a=rtcp:6001 IN IP4 media.example.com", ("192.0.2.2", 6001)),
            ("a=rtcp:6001 IN IP6 2001:db8::9", ("192.0.2.2", 6001)),
            ("a=rtcp:6001 IN IP7 X", ("192.0.2.2", 6001)),
            ("a=rtcp:x", ("192.0.2.2", 5001)),
            ("a=rtcp:0", ("192.0.2.2", 5001)),
            ("a=rtcp:70000", ("192.0.2.2", 5001)),
            ("a=rtcp:", ("192.0.2.2", 5001)),
        ],
    )
    def test_rtcp_address(self, line: str, address: tuple[str, int]) -> None:
        _, agreed = ours().accept_offer(theirs("m=audio 5000 RTP/AVP 0", line))
        assert agreed is not None
        assert agreed.remote_rtcp == address

    @pytest.mark.parametrize(
        ("media", "message"),
        [
            (("m=audio 5000 RTP/AVP 18",), "peer offers G729/8000, we have PCMU, PCMA"),
            (("m=audio 5000 RTP/AVP 98 99", "a=rtpmap:98 iLBC/8000"), "peer offers iLBC/8000, payload type 99 without"),
            (("m=audio 5000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"), "peer offers telephone-event/8000"),
            (("m=audio 5000 UDP/TLS/RTP/SAVPF 0",), "no common RTP profile: peer offers UDP/TLS/RTP/SAVPF"),
            (("m=audio 5000 RTP/AVP 0", "c=IN IP4 233.252.0.1/127"), "no unicast address: peer offers 233.252.0.1"),
            (("m=audio 5000 RTP/AVP 0", "c=IN IP6 FF15::101"), "no unicast address"),
            (("m=audio 5000 RTP/AVP 0", "c=IN IP6 ::ffff:233.252.0.1"), "no unicast address"),
            (("m=audio 5000 RTP/AVP 0", "c=IN IP4 255.255.255.255"), "no unicast address"),
            (("m=video 5000 RTP/AVP 31",), "no audio stream: peer offers video"),
            (("m=video 5000 RTP/AVP 31", "m=audio 0 RTP/AVP 0"), "no audio stream: peer offers video, audio"),
        ],
    )
    def test_refusal_says_why(self, media: tuple[str, ...], message: str) -> None:
        negotiation = ours()
        with pytest.raises(CodecError, match=message):
            negotiation.accept_offer(theirs(*media))
        # The refused offer leaves no trace.
        assert media_lines(negotiation.create_offer()) == ["m=audio 4000 RTP/AVP 0 8 101"]

    def test_offer_without_streams(self) -> None:
        assert media_lines(ours().accept_offer(theirs())[0]) == []
        assert ours().accept_offer(theirs())[1] is None

    def test_switched_off_stream(self) -> None:
        negotiation = ours()
        negotiation.accept_offer(theirs("m=audio 5000 RTP/AVP 0"))
        answer, agreed = negotiation.accept_offer(theirs("m=audio 0 RTP/AVP 0"))
        assert agreed is None
        assert media_lines(answer) == ["m=audio 0 RTP/AVP 0"]


def test_unknown_direction_is_our_own_mistake() -> None:
    with pytest.raises(InvalidArgument, match="sendreceive"):
        ours().create_offer("sendreceive")
    with pytest.raises(InvalidArgument, match="both"):
        ours().accept_offer(theirs("m=audio 5000 RTP/AVP 0"), "both")


def test_two_of_us_agree() -> None:
    caller, callee = ours(WIDE), ours(AudioCapabilities([PCMA, PCMU, OPUS, EVENT]), "192.0.2.2", 5000)
    answer, at_callee = callee.accept_offer(caller.create_offer())
    at_caller = caller.accept_answer(answer)
    assert at_caller is not None
    assert at_callee is not None
    assert at_caller.send.name == at_callee.send.name == "opus"
    assert at_caller.send.payload_type in at_callee.receive
    assert at_callee.send.payload_type in at_caller.receive
    assert at_caller.telephone_event in at_callee.telephone_event_receive


class TestMemory:
    OFFER = ("m=audio 5000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", "a=rtcp:6000", "a=ptime:30")

    def test_same_wording(self) -> None:
        capabilities = AudioCapabilities(G711.formats)
        first = ours(capabilities).accept_offer(theirs(*self.OFFER))
        assert len(capabilities.offers) == 1
        other = theirs("m=audio 7000 RTP/AVP 0 101", *self.OFFER[1:]).replace(b"o=bob 1 1", b"o=carol 22 33")
        answer, agreed = ours(capabilities).accept_offer(other)
        assert len(capabilities.offers) == 1
        assert answer == first[0]
        assert first[1] is not None
        assert agreed == first[1]._replace(remote=("192.0.2.2", 7000))

    @pytest.mark.parametrize("direction", ["sendrecv", "sendonly", "inactive"])
    @pytest.mark.parametrize(("host", "rtcp_port"), [("192.0.2.1", None), ("2001:db8::1", None), ("192.0.2.1", 9000)])
    @pytest.mark.parametrize("rtcp_line", ["a=rtcp:6000", "a=rtcp-mux", "a=x"])
    def test_answered_as_if_never_met(
        self, direction: str, host: str, rtcp_port: int | None, rtcp_line: str,
    ) -> None:
        def answer(capabilities: AudioCapabilities, port: int) -> object:
            negotiation = AudioNegotiation(capabilities, host, 4002, session_id=7, rtcp_port=rtcp_port)
            event = "a=rtpmap:101 telephone-event/8000"
            offer = theirs(f"m=audio {port} RTP/AVP 0 101", event, rtcp_line, "a=ptime:30")
            first = negotiation.accept_offer(offer, direction)
            return first, negotiation.create_offer(), negotiation.accept_offer(offer)

        known = AudioCapabilities(G711.formats, rtcp=ALL_FEATURES)
        for port in (5000, 5002):
            for other in ("sendrecv", "inactive"):
                ours(known, port=port).accept_offer(theirs(f"m=audio {port} RTP/AVP 0 101", rtcp_line), other)
            answer(known, port)
        for port in (7000, 65535):
            assert answer(known, port) == answer(AudioCapabilities(G711.formats, rtcp=ALL_FEATURES), port)

    def test_answers_to_one_wording_are_bounded(self) -> None:
        capabilities = AudioCapabilities(G711.formats)
        offer = theirs(*self.OFFER)
        for number in range(100):
            ours(capabilities, host=f"192.0.2.{number}").accept_offer(offer)
        [remembered] = capabilities.offers._known.values()
        assert len(remembered.answers) <= 16

    def test_other_wording(self) -> None:
        capabilities = AudioCapabilities(G711.formats)
        ours(capabilities).accept_offer(theirs(*self.OFFER))
        for offer, hold, address in (
            (theirs(*self.OFFER, "a=sendonly"), True, "192.0.2.2"),
            (theirs(*self.OFFER, connection="IN IP4 192.0.2.9"), False, "192.0.2.9"),
            (theirs(*self.OFFER, session="a=inactive\r\n"), True, "192.0.2.2"),
        ):
            _, agreed = ours(capabilities).accept_offer(offer)
            assert agreed is not None
            assert (agreed.remote_hold, agreed.remote[0]) == (hold, address)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"v=0", b"v=1"), (b"o=bob", b"o=b\0b"), (b"o=bob", b"o=b\rb"), (b"o=bob", b"x=bob"), (b"5000", b"65536"),
            (b"5000", b"+500"), (b"o=bob", b"o=bob\r\nnonsense"),
        ],
    )
    def test_broken_start_is_refused_all_the_same(self, old: bytes, new: bytes) -> None:
        offer = theirs(*self.OFFER)
        ours().accept_offer(offer)
        ours().accept_offer(offer)
        with pytest.raises(SdpError):
            ours().accept_offer(offer.replace(old, new, 1))

    def test_switched_off_by_the_port_alone(self) -> None:
        negotiation = ours()
        negotiation.accept_offer(theirs(*self.OFFER))
        answer, agreed = negotiation.accept_offer(theirs(*self.OFFER).replace(b"5000", b"0"))
        assert agreed is None
        assert media_lines(answer) == ["m=audio 0 RTP/AVP 0 101"]

    def test_an_answer_after_more_streams(self) -> None:
        negotiation = ours()
        single = theirs("m=audio 5000 RTP/AVP 8")
        ours().accept_offer(single)
        negotiation.accept_offer(theirs("m=video 5002 RTP/AVP 31", "m=audio 5000 RTP/AVP 8"))
        negotiation.create_offer()
        with pytest.raises(SdpError, match="our offer had 2"):
            negotiation.accept_answer(single)

    def test_is_bounded(self) -> None:
        capabilities = AudioCapabilities(G711.formats)
        for number in range(600):
            ours(capabilities).accept_offer(theirs("m=audio 5000 RTP/AVP 0", f"a=x:{number}"))
        assert len(capabilities.offers) <= 256
        ours(capabilities).accept_offer(theirs("m=audio 5000 RTP/AVP 0", "a=x:" + "y" * 3000))
        assert len(capabilities.offers) <= 256


def test_memory_of_matches_is_bounded() -> None:
    capabilities = AudioCapabilities([PCMU])
    for number in range(96, 100):
        for variant in range(256):
            name = "".join(c.upper() if variant >> i & 1 else c.lower() for i, c in enumerate("pcmu/8000/1"))
            ours(capabilities).accept_offer(theirs(f"m=audio 5000 RTP/AVP {number}", f"a=rtpmap:{number} {name}"))
    assert len(capabilities._matches) <= 512
