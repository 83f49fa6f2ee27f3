"""SRTP of streams on both cores: published packets, calls in every suite, other keys, replays, new keys in mid-call."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_room import EVENT, PCMA, PCMU, Room, strongest
from pylibsrtp import Error

from microsip_core.errors import NotSupported
from microsip_core.media import srtp as srtp_module
from microsip_core.media.srtp import PROFILES, SrtpKeys, library_functions, new_key, open_session
from microsip_core.media.stream import Stream
from microsip_core.sdp.crypto import SUITES

VECTORS = [
    vector for vector in json.loads((Path(__file__).parents[1] / "vectors" / "srtp" / "srtp.json").read_text())
    if vector.get("suite") in PROFILES
]


def key_for(suite: str) -> bytes:
    return new_key(SUITES[suite].key_octets + SUITES[suite].salt_octets)


def connect(stream: Stream, to: Any, keys: SrtpKeys | None, **options: Any) -> None:
    """Let a stream talk to another, or to a socket of ours."""
    rtp, rtcp = (to.getsockname(), None) if isinstance(to, socket.socket) else (to.rtp_address, to.rtcp_address)
    stream.configure(rtp, rtcp, PCMU, {0: PCMU, 8: PCMA}, EVENT, {EVENT}, srtp=keys, **options)


@pytest.fixture
def wire() -> Iterator[socket.socket]:
    """A peer that is nothing but a socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(3)
        yield opened


def figures(stream: Stream) -> dict[str, int]:
    return dict(stream.statistics())  # type: ignore[arg-type]


def test_the_suites_are_those_that_can_be_negotiated() -> None:
    assert set(PROFILES) == set(SUITES)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_published_packets_are_understood(room: Room, wire: socket.socket, vector: dict[str, str]) -> None:
    suite = vector["suite"]
    key = bytes.fromhex(vector["master_key"] + vector["master_salt"])
    stream = room.open()
    form = {15: PCMU}
    keys = SrtpKeys(suite, key_for(suite), key)
    stream.configure(wire.getsockname(), None, PCMU, form, srtp=keys)
    wire.sendto(bytes.fromhex(vector["srtp"]), stream.rtp_address)
    assert room.wait_for(stream, "first_rtp").value == 15
    wire.sendto(bytes.fromhex(vector["srtcp"]), stream.rtcp_address)
    assert room.wait(lambda: figures(stream)["rtcp_invalid"] == 1)  # decrypted; but its length field is made up
    counters = figures(stream)
    assert (counters["packets_received"], counters["octets_received"]) == (1, 16)
    assert (counters["srtp_forged"], counters["srtp_errors"]) == (0, 0)
    wire.sendto(bytes.fromhex(vector["srtp"]), stream.rtp_address)
    assert room.wait(lambda: figures(stream)["srtp_replayed"] == 1)
    assert figures(stream)["packets_received"] == 1


@pytest.mark.parametrize("suite", PROFILES)
def test_a_tone_goes_both_ways_in_every_suite(room: Room, suite: str) -> None:
    a, b = room.open(), room.open()
    forth, back = key_for(suite), key_for(suite)
    connect(a, b, SrtpKeys(suite, forth, back))
    connect(b, a, SrtpKeys(suite, back, forth))
    b.echo(True)
    tap = a.open_tap()
    a.play_tone([((1000,), 0, 0)])
    assert room.wait(lambda: tap.readable > 8000)
    heard = tap.read(tap.readable)
    assert strongest(heard[-4000:]) == pytest.approx(1000, abs=5)
    a.send_dtmf("7")
    assert room.wait_for(b, "dtmf").detail == "7"
    for stream in (a, b):
        counters = figures(stream)
        assert counters["packets_received"] > 40
        assert (counters["srtp_forged"], counters["srtp_replayed"], counters["srtp_errors"]) == (0, 0, 0)
        assert counters["packets_lost"] == 0
    a.close()
    room.wait_for(b, "rtcp_bye")  # SRTCP


@pytest.mark.parametrize("suite", PROFILES)
def test_what_is_on_the_wire_is_encrypted_and_authentic(room: Room, wire: socket.socket, suite: str) -> None:
    key = key_for(suite)
    stream = room.open()
    connect(stream, wire, SrtpKeys(suite, key, key_for(suite)))
    peer = open_session(suite, key, receiving=True)
    silence = bytes([0xFF]) * 160
    for _ in range(3):
        packet = wire.recv(2000)
        assert silence[:16] not in packet
        assert peer.unprotect(packet)[12:] == silence
    with pytest.raises(Error, match="authentication"):
        open_session(suite, key_for(suite), receiving=True).unprotect(wire.recv(2000))


def test_another_key_is_counted_and_not_played(room: Room) -> None:
    suite = "AES_CM_128_HMAC_SHA1_80"
    a, b = room.open(), room.open()
    connect(a, b, SrtpKeys(suite, key_for(suite), key_for(suite)))
    connect(b, a, SrtpKeys(suite, key_for(suite), key_for(suite)))
    a.play_tone([((1000,), 0, 0)])
    tap = b.open_tap()
    assert room.wait(lambda: figures(b)["srtp_forged"] > 20)
    assert figures(b)["packets_received"] == 0
    assert not np.any(tap.read(tap.readable))
    assert not room.of(b, "first_rtp")


def test_packets_in_the_clear_are_not_let_in(room: Room) -> None:
    suite = "AEAD_AES_128_GCM"
    a, b = room.open(), room.open()
    connect(a, b, None)
    connect(b, a, SrtpKeys(suite, key_for(suite), key_for(suite)))
    assert room.wait(lambda: figures(b)["srtp_forged"] > 5)
    assert figures(b)["packets_received"] == 0
    assert room.wait(lambda: figures(a)["packets_received"] > 5)  # noise to it, but well-formed


@pytest.mark.parametrize("garbage", [
    b"", b"\x80", b"\x80" * 11, b"\x80" * 12, b"\x40" * 200, b"\x80" * 1500, b"\xff" * 1501,
])
def test_garbage_is_counted(room: Room, wire: socket.socket, garbage: bytes) -> None:
    suite = "AES_CM_128_HMAC_SHA1_32"
    stream = room.open()
    connect(stream, wire, SrtpKeys(suite, key_for(suite), key_for(suite), b"\0\1"))
    wire.sendto(garbage, stream.rtp_address)
    wire.sendto(garbage, stream.rtcp_address)

    def counted() -> int:
        counters = figures(stream)
        return counters["srtp_forged"] + counters["srtp_errors"]

    assert room.wait(lambda: counted() == 2), figures(stream)


@pytest.mark.parametrize("suite", PROFILES)
@pytest.mark.parametrize("mki", [b"\1", b"\0\0\0\1"])
def test_a_peer_that_marks_its_packets_with_the_key(room: Room, wire: socket.socket, suite: str, mki: bytes) -> None:
    key = key_for(suite)
    profile = PROFILES[suite]
    stream = room.open()
    connect(stream, wire, SrtpKeys(suite, key_for(suite), key, mki))
    peer = open_session(suite, key, receiving=False)

    def marked(packet: bytes, after: int) -> bytes:
        return packet[: len(packet) - after] + mki + packet[len(packet) - after :]

    for number in range(5):
        packet = peer.protect(struct.pack("!BBHII", 0x80, 0, number, number * 160, 7) + bytes(160))
        wire.sendto(marked(packet, profile.tag), stream.rtp_address)
        report = peer.protect_rtcp(struct.pack("!BBHI", 0x80, 201, 1, 7))
        wire.sendto(marked(report, profile.rtcp_tag), stream.rtcp_address)
    assert room.wait(lambda: figures(stream)["packets_received"] == 5)
    assert room.wait(lambda: figures(stream)["rtcp_received"] == 5)
    wire.sendto(peer.protect(struct.pack("!BBHII", 0x80, 0, 9, 9 * 160, 7) + bytes(160)), stream.rtp_address)
    assert room.wait(lambda: figures(stream)["srtp_forged"] == 1)


def test_new_keys_in_mid_call_and_the_same_again(room: Room) -> None:
    suite = "AES_CM_128_HMAC_SHA1_80"
    a, b = room.open(), room.open()
    forth, back, forth_again = key_for(suite), key_for(suite), key_for(suite)
    connect(a, b, SrtpKeys(suite, forth, back))
    connect(b, a, SrtpKeys(suite, back, forth))
    assert room.wait(lambda: figures(b)["packets_received"] > 10)
    for _ in range(2):  # re-INVITEs that change nothing: the sessions go on, so that nothing looks like a replay
        connect(a, b, SrtpKeys(suite, forth, back))
        connect(b, a, SrtpKeys(suite, back, forth))
    before = figures(b)["packets_received"]
    assert room.wait(lambda: figures(b)["packets_received"] > before + 10)
    connect(b, a, SrtpKeys(suite, back, forth_again))
    connect(a, b, SrtpKeys(suite, forth_again, back))
    before = figures(b)["packets_received"]
    assert room.wait(lambda: figures(b)["packets_received"] > before + 10)
    assert figures(b)["srtp_replayed"] == 0
    assert figures(b)["srtp_forged"] <= 3  # sent while only one side had the new key
    assert figures(a)["srtp_forged"] == 0
    other = "AEAD_AES_256_GCM"
    keys = key_for(other), key_for(other)
    connect(b, a, SrtpKeys(other, keys[0], keys[1]))
    connect(a, b, SrtpKeys(other, keys[1], keys[0]))
    before = figures(b)["packets_received"]
    assert room.wait(lambda: figures(b)["packets_received"] > before + 10)
    connect(b, a, None)
    connect(a, b, None)
    before = figures(b)["packets_received"]
    assert room.wait(lambda: figures(b)["packets_received"] > before + 10)


def test_contexts_end_with_their_streams(room: Room) -> None:
    suite = "AEAD_AES_128_GCM"
    for _ in range(30):
        a, b = room.open(), room.open()
        forth, back = key_for(suite), key_for(suite)
        connect(a, b, SrtpKeys(suite, forth, back))
        connect(b, a, SrtpKeys(suite, back, forth))
        a.close()
        b.close()
    final = room.open()
    final.close()
    assert figures(final)["srtp_errors"] == 0


def test_libsrtp_is_found_and_tested() -> None:
    functions = library_functions()
    assert len(set(functions)) == 5
    assert all(functions)


def test_a_libsrtp_that_works_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = library_functions()
    monkeypatch.setattr(srtp_module, "_find_functions", lambda: functions._replace(protect=functions.unprotect))
    library_functions.cache_clear()
    try:
        with pytest.raises(NotSupported, match="can not be found"):
            library_functions()
    finally:
        monkeypatch.undo()
        library_functions.cache_clear()
    library_functions()


def test_keys_are_not_shown() -> None:
    keys = SrtpKeys("AEAD_AES_128_GCM", b"S" * 28, b"R" * 28)
    assert "SSS" not in repr(keys)
    assert "RRR" not in repr(keys)
