"""Media sessions over both cores: descriptions exchanged as a call would, and audio that follows them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from media_room import Room, strongest

from microsip_core.errors import Busy, CodecError, InvalidArgument, InvalidState, MediaError, NetworkError
from microsip_core.ids import IdSource
from microsip_core.media.codec_registry import codecs_of, find_codec
from microsip_core.media.engine import MediaEngine
from microsip_core.media.media_session import EngineMediaBackend, EngineMediaSession
from microsip_core.sdp import SdpError, SessionDescription

HELD = b"v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\na=%s\r\n"


@pytest.fixture
def backend(engine: MediaEngine) -> EngineMediaBackend:
    return EngineMediaBackend(engine, ids=IdSource(1))


@pytest.fixture
def sessions(backend: EngineMediaBackend) -> Iterator[tuple[EngineMediaSession, EngineMediaSession]]:
    """Caller and callee, not yet connected."""
    made = backend.open_session(local_host="127.0.0.1"), backend.open_session(local_host="127.0.0.1")
    yield made
    for session in made:
        session.close()


def connect(caller: EngineMediaSession, callee: EngineMediaSession) -> None:
    caller.accept_answer(callee.accept_offer(caller.create_offer()))


def test_call(room: Room, sessions: tuple[EngineMediaSession, EngineMediaSession]) -> None:
    caller, callee = sessions
    assert caller.stream is None
    assert caller.codec is None
    connect(caller, callee)
    assert caller.codec == callee.codec == "PCMU"
    assert caller.stream is not None
    assert callee.stream is not None
    tap = callee.stream.open_tap()
    caller.stream.play_tone([((800.0,), 0, 0)])
    room.wait_for(callee.stream, "first_rtp")
    assert room.wait(lambda: tap.readable >= 6000)
    assert strongest(tap.read(6000)[-2000:]) == pytest.approx(800, abs=8)
    caller.stream.send_dtmf("5")
    assert room.wait_for(callee.stream, "dtmf").detail == "5"
    statistics = callee.statistics()
    assert statistics.codec == "PCMU"
    assert statistics.receive.packets > 25
    assert statistics.receive.lost == 0
    assert statistics.receive.mos is not None
    assert statistics.receive.mos > 4.0
    assert statistics.receive.local == "{}:{}".format(*callee.stream.rtp_address)
    assert statistics.receive.remote == "{}:{}".format(*caller.stream.rtp_address)
    address = callee.stream.rtp_address
    callee.close()
    callee.close()
    assert callee.stream is None
    assert callee.statistics().receive.packets >= statistics.receive.packets
    assert room.wait_for(caller.stream, "rtcp_bye")
    assert caller.agreed is not None
    assert caller.agreed.remote == address


def test_codecs_are_taken_in_the_order_asked_for(backend: EngineMediaBackend) -> None:
    caller = backend.open_session(local_host="127.0.0.1", codecs=["pcma", "PCMU/8000"])
    callee = backend.open_session(local_host="127.0.0.1")
    connect(caller, callee)
    assert caller.codec == callee.codec == "PCMA"


def test_ptime_is_agreed(room: Room, backend: EngineMediaBackend) -> None:
    caller = backend.open_session(local_host="127.0.0.1", ptime_ms=40)
    callee = backend.open_session(local_host="127.0.0.1")
    connect(caller, callee)
    assert caller.agreed is not None
    assert callee.agreed is not None
    assert caller.agreed.ptime_ms == callee.agreed.ptime_ms == 40
    stream = callee.stream
    assert stream is not None
    assert room.wait(lambda: stream.statistics()["packets_sent"] >= 5)
    counters = stream.statistics()
    assert counters["octets_sent"] == 320 * counters["packets_sent"]


def test_early_then_final_answer(room: Room, backend: EngineMediaBackend) -> None:
    caller = backend.open_session(local_host="127.0.0.1")
    early, final = backend.open_session(local_host="127.0.0.1"), backend.open_session(local_host="127.0.0.1")
    offer = caller.create_offer()
    caller.accept_answer(early.accept_offer(offer))
    assert early.stream is not None
    room.wait_for(early.stream, "first_rtp")
    caller.accept_answer(final.accept_offer(offer))
    assert final.stream is not None
    room.wait_for(final.stream, "first_rtp")
    early.close()
    stream = caller.stream
    assert stream is not None
    before = stream.statistics()["packets_received"]
    assert room.wait(lambda: stream.statistics()["packets_received"] > before + 10)


def test_answer_that_comes_in_the_acknowledgement(room: Room, backend: EngineMediaBackend) -> None:
    # An INVITE without offer: the callee offers in its 200 and the caller answers in its ACK.
    caller, callee = backend.open_session(local_host="127.0.0.1"), backend.open_session(local_host="127.0.0.1")
    connect(callee, caller)
    assert caller.stream is not None
    room.wait_for(caller.stream, "first_rtp")


class TestHold:
    def test_both_ways_and_back(self, room: Room, sessions: tuple[EngineMediaSession, EngineMediaSession]) -> None:
        caller, callee = sessions
        connect(caller, callee)
        answer = callee.accept_offer(caller.hold(True))
        assert callee.remote_hold
        assert b"a=recvonly" in answer
        assert not caller.holding
        caller.accept_answer(answer)
        assert caller.holding
        assert not caller.remote_hold
        # The callee holds as well: nothing flows either way.
        offer = callee.hold(True)
        assert b"a=inactive" in offer
        callee.accept_answer(caller.accept_offer(offer))
        assert caller.remote_hold
        stream = caller.stream
        assert stream is not None
        room.pump(0.1)
        sent = stream.statistics()["packets_sent"]
        room.pump(0.2)
        assert stream.statistics()["packets_sent"] == sent
        # It resumes, but we still hold: it may listen.
        answer = caller.accept_offer(callee.hold(False))
        assert b"a=sendonly" in answer
        callee.accept_answer(answer)
        assert not caller.remote_hold
        assert callee.remote_hold
        caller.accept_answer(callee.accept_offer(caller.hold(False)))
        assert not callee.remote_hold
        assert not caller.holding
        assert room.wait(lambda: stream.statistics()["packets_sent"] > sent + 5)

    def test_refused_hold_changes_nothing(self, sessions: tuple[EngineMediaSession, EngineMediaSession]) -> None:
        caller, callee = sessions
        connect(caller, callee)
        caller.hold(True)  # answered 488 or 491
        assert b"a=sendrecv" in caller.create_offer()
        assert not caller.holding

    def test_refresh_while_holding_stays_on_hold(self, sessions: tuple[EngineMediaSession, EngineMediaSession]) -> None:
        caller, callee = sessions
        connect(caller, callee)
        caller.accept_answer(callee.accept_offer(caller.hold(True)))
        assert b"a=sendonly" in caller.create_offer()

    @pytest.mark.parametrize(
        ("address", "direction"), [(b"127.0.0.1", b"sendonly"), (b"127.0.0.1", b"inactive"), (b"0.0.0.0", b"sendrecv")],
    )
    def test_every_style(
        self, room: Room, sessions: tuple[EngineMediaSession, EngineMediaSession], address: bytes, direction: bytes,
    ) -> None:
        caller, callee = sessions
        connect(caller, callee)
        stream = callee.stream
        assert stream is not None
        callee.accept_offer(HELD % (2, address, direction))
        assert callee.remote_hold
        room.pump(0.1)
        sent = stream.statistics()["packets_sent"]
        room.pump(0.15)
        assert stream.statistics()["packets_sent"] == sent
        callee.accept_offer(HELD % (3, b"127.0.0.1", b"sendrecv"))
        assert not callee.remote_hold
        assert room.wait(lambda: stream.statistics()["packets_sent"] > sent)


def test_stream_switched_off_in_mid_call(sessions: tuple[EngineMediaSession, EngineMediaSession]) -> None:
    caller, callee = sessions
    connect(caller, callee)
    answer = callee.accept_offer((HELD % (2, b"127.0.0.1", b"sendrecv")).replace(b"4002", b"0"))
    assert SessionDescription.parse(answer).media[0].port == 0
    assert callee.remote_hold


def test_offer_grows_its_version(sessions: tuple[EngineMediaSession, EngineMediaSession]) -> None:
    caller, callee = sessions
    offers = [caller.create_offer(), caller.create_offer()]
    caller.accept_answer(callee.accept_offer(offers[0]))
    offers.append(caller.hold(True))
    versions = [int(SessionDescription.parse(offer).origin.version) for offer in offers]
    assert versions[1] == versions[0]
    assert versions[2] == versions[0] + 1


class TestFailures:
    def test_no_common_codec(self, room: Room, backend: EngineMediaBackend) -> None:
        session = backend.open_session(local_host="127.0.0.1")
        with pytest.raises(CodecError, match="peer offers G729/8000, we have PCMU, PCMA"):
            session.accept_offer((HELD % (1, b"127.0.0.1", b"sendrecv")).replace(b"AVP 0", b"AVP 18"))
        assert session.stream is None
        assert room.engine.statistics()["streams"] == 0
        # A better offer may follow.
        session.accept_offer(HELD % (1, b"127.0.0.1", b"sendrecv"))
        assert session.codec == "PCMU"

    def test_broken_offer(self, backend: EngineMediaBackend) -> None:
        with pytest.raises(SdpError):
            backend.open_session(local_host="127.0.0.1").accept_offer(b"nonsense")

    @pytest.mark.parametrize("address", [b"media.example.com", b"10.0.0.256"])
    def test_address_that_is_none(self, backend: EngineMediaBackend, address: bytes) -> None:
        with pytest.raises(MediaError, match="literal IP address"):
            backend.open_session(local_host="127.0.0.1").accept_offer(HELD % (1, address, b"sendrecv"))

    def test_other_ip_version(self, backend: EngineMediaBackend) -> None:
        offer = (HELD % (1, b"::1", b"sendrecv")).replace(b"c=IN IP4", b"c=IN IP6")
        with pytest.raises(MediaError, match="same IP version"):
            backend.open_session(local_host="127.0.0.1").accept_offer(offer)

    def test_no_audio(self, backend: EngineMediaBackend) -> None:
        offer = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        with pytest.raises(MediaError, match="no audio stream"):
            backend.open_session(local_host="127.0.0.1").accept_offer(offer)

    def test_refused_stream(self, backend: EngineMediaBackend) -> None:
        session = backend.open_session(local_host="127.0.0.1")
        session.create_offer()
        with pytest.raises(MediaError, match="refused the audio"):
            session.accept_answer((HELD % (1, b"127.0.0.1", b"sendrecv")).replace(b"4002", b"0"))

    def test_answer_without_offer(self, backend: EngineMediaBackend) -> None:
        with pytest.raises(InvalidState):
            backend.open_session(local_host="127.0.0.1").accept_answer(HELD % (1, b"127.0.0.1", b"sendrecv"))

    def test_after_the_end(self, backend: EngineMediaBackend) -> None:
        session = backend.open_session(local_host="127.0.0.1")
        session.create_offer()
        session.close()
        with pytest.raises(InvalidState):
            session.create_offer()
        with pytest.raises(InvalidState):
            session.accept_answer(HELD % (1, b"127.0.0.1", b"sendrecv"))
        assert session.statistics().send.packets == 0

    def test_ports(self, backend: EngineMediaBackend) -> None:
        first = backend.open_session(local_host="127.0.0.1", port_range=(19990, 19991))
        first.create_offer()
        with pytest.raises(Busy):
            backend.open_session(local_host="127.0.0.1", port_range=(19990, 19991)).create_offer()
        with pytest.raises(NetworkError):
            backend.open_session(local_host="192.0.2.1").create_offer()
        first.close()

    def test_wishes_that_can_not_be_met(self, backend: EngineMediaBackend) -> None:
        with pytest.raises(CodecError, match=r"no codec 'G729'.*PCMU, PCMA"):
            backend.open_session(local_host="127.0.0.1", codecs=["G729"])
        with pytest.raises(CodecError, match="empty"):
            backend.open_session(local_host="127.0.0.1", codecs=[])
        with pytest.raises(InvalidArgument, match="ptime is 25"):
            backend.open_session(local_host="127.0.0.1", ptime_ms=25)


def test_ipv6(room: Room, backend: EngineMediaBackend) -> None:
    caller, callee = backend.open_session(local_host="::1"), backend.open_session(local_host="::1")
    connect(caller, callee)
    assert callee.stream is not None
    room.wait_for(callee.stream, "first_rtp")


def test_registry(core: str) -> None:
    assert [codec.name for codec in codecs_of(core)][:2] == ["PCMU", "PCMA"]
    assert find_codec(" pcma ", core).payload_type == 8


def test_signaling_only_costs_little_memory(backend: EngineMediaBackend) -> None:
    sessions = [backend.open_session(local_host="127.0.0.1") for _ in range(100)]
    assert all(session.stream is None for session in sessions)
    assert len(backend._capabilities) == 1
    assert np.unique([id(backend._capabilities_for(None)) for _ in range(3)]).size == 1


@pytest.mark.parametrize("srtp", ["off", "mandatory"])
def test_calls_need_one_port_each(room: Room, backend: EngineMediaBackend, srtp: str) -> None:
    """Both ends are ours, so RTCP shares the port of RTP; encrypted it does, too."""
    caller, callee = (backend.open_session(local_host="127.0.0.1", srtp=srtp) for _ in range(2))
    connect(caller, callee)
    assert caller.agreed is not None
    assert caller.agreed.rtcp.mux
    assert callee.stream is not None
    room.wait_for(callee.stream, "first_rtp")
    caller.close()
    room.wait_for(callee.stream, "rtcp_bye")
    counters = callee.stream.statistics()
    assert (counters["invalid"], counters["rtcp_invalid"], counters["srtp_errors"]) == (0, 0, 0)
    callee.close()
