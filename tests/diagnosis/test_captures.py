"""What goes into a capture file and to a HEP collector: every message once, readable, and without secrets."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

import pytest

from microsip_core.diagnosis.hep import HepSender, hep_packet
from microsip_core.diagnosis.pcapng import PcapngWriter
from microsip_core.diagnosis.redaction import mask, redact
from microsip_core.diagnosis.trace import TraceEntry
from microsip_core.errors import FileError, InvalidArgument

from .messages import ALICE, BOB, INVITE, OK, SDP, SERVER, message

TIME = 1_700_000_000.25


def entry(data: bytes = INVITE, direction: str = "out", transport: str = "UDP", **ends: tuple[str, int]) -> TraceEntry:
    return TraceEntry(TIME, direction, ends.get("local", ALICE), ends.get("remote", SERVER), data, transport)


def blocks(path: Path) -> list[tuple[int, bytes]]:
    """Read a pcapng file by its specification: both lengths of each block agree, and nothing is left over."""
    data, found = path.read_bytes(), []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, length - 4) == (length,)
        found.append((kind, data[8:length - 4]))
        data = data[length:]
    return found


def packets(path: Path) -> list[tuple[int, bytes, bytes]]:
    """Return time in ns, packet, and options of each packet block."""
    found = []
    for kind, body in blocks(path):
        if kind == 6:
            _, high, low, captured, original = struct.unpack_from("<IIIII", body)
            assert captured == original
            found.append((high << 32 | low, body[20:20 + captured], body[20 + captured + -captured % 4:]))
    return found


def internet_sum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_a_capture_holds_each_message_in_a_datagram_with_right_checksums(tmp_path: Path) -> None:
    with PcapngWriter(tmp_path / "a.pcapng") as writer:
        writer(entry())
        writer(entry(OK, "in"))
    assert [kind for kind, _ in blocks(writer.path)] == [0x0A0D0D0A, 1, 6, 6]
    for (time, packet, _), data, (source, destination) in zip(
        packets(writer.path), (INVITE, OK), ((ALICE, SERVER), (SERVER, ALICE)), strict=True,
    ):
        assert time == round(TIME * 1_000_000) * 1000
        assert internet_sum(packet[:20]) == 0xFFFF
        assert socket.inet_ntoa(packet[12:16]) == source[0]
        length, = struct.unpack_from("!H", packet, 24)
        assert struct.unpack_from("!HH", packet, 20) == (source[1], destination[1])
        assert internet_sum(packet[12:20] + struct.pack("!HH", 17, length) + packet[20:]) == 0xFFFF
        assert packet[28:] == data


def test_ipv6_and_other_transports_are_captured_too(tmp_path: Path) -> None:
    six = {"local": ("::1", 5060), "remote": ("2001:db8::2", 5061)}
    with PcapngWriter(tmp_path / "a.pcapng") as writer:
        writer(entry(transport="TLS", **six))
        writer(entry(remote=("2001:db8::2", 5061)))  # one end of each kind
        writer(entry(remote=("sip.example.com", 5061), transport="WSS"))
    (_, first, options), (_, second, _), (_, third, _) = packets(writer.path)
    assert first[0] >> 4 == second[0] >> 4 == 6
    assert first[6] == 17
    length, = struct.unpack_from("!H", first, 4)
    assert internet_sum(first[8:40] + struct.pack("!HH", 17, length) + first[40:]) == 0xFFFF
    assert b"over TLS" in options
    assert third[16:20] == bytes(4)


SECRETS = message(
    "INVITE sip:alice:pa55word@127.0.0.1 SIP/2.0", "2 INVITE",
    extra='Authorization: Digest username="alice", realm="r", nonce="n0nce", response="5ecret",\r\n cnonce="c0"\r\n'
          "Proxy-Authorization: Bearer t0ken\r\n",
    sdp=SDP + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\nk=clear:k3y\r\n",
)


@pytest.mark.parametrize("secret", [b"pa55word", b"n0nce", b"5ecret", b"c0\"", b"t0ken", b"WVNf", b"k3y"])
def test_secrets_are_crossed_out_and_lengths_stay(secret: bytes) -> None:
    assert secret in SECRETS
    assert secret not in mask(SECRETS)
    assert secret.decode() not in redact(SECRETS.decode())
    assert len(mask(SECRETS)) == len(SECRETS)
    assert b'username="alice"' in mask(SECRETS)


@pytest.mark.parametrize("text", [
    'Authorization:\r\n Digest username="alice", response="5ecret"\r\n',
    'Authorization: Digest\r\n\tusername="alice",\r\n response\r\n = "5ecret"\r\n',
    'Authorization: Digest response="not closed 5ecret\r\n',
    "Proxy-Authorization: Basic\r\n 5ecret\r\n",
    "Authorization:\r\n Bearer abc\r\n 5ecret\r\n",
    "Authorization: NTLM 5ecret\r\n",
    'Authentication-Info: qop=auth, rspauth="5ecret"\r\n',
    "Proxy-Authentication-Info: rspauth=1,\r\n cnonce=5ecret, nc=1\r\n",
    'Authentication-Info: nextnonce="5ecret"\r\n',
    "Contact: <sip:bob:p,5ecret@h>\r\n",
    "Contact: <sip:bob:p;5ecret@h>\r\n",
    "Contact: <sips:a;x,y:5ecret@h>\r\n",
    "a=key-mgmt:mikey 5ecret\r\n",
])
def test_a_secret_is_found_however_it_is_written(text: str) -> None:
    text += "To: bob\r\n"
    masked = mask(text.encode()).decode()
    assert "5ecret" not in masked + redact(text)
    assert len(masked) == len(text)
    assert [len(line) - len(line.lstrip(" \t")) for line in masked.split("\r\n")] == [
        len(line) - len(line.lstrip(" \t")) for line in text.split("\r\n")]
    assert masked.endswith("\r\nTo: bob\r\n")
    assert redact(text).endswith("\r\nTo: bob\r\n")


def test_an_address_without_a_password_stays() -> None:
    text = "Contact: <sip:127.0.0.1:5060;transport=tcp>\r\nTo: <sip:bob@h:5060>\r\n"
    assert redact(text) == mask(text.encode()).decode() == text


def test_octets_that_are_no_text_stay_as_they_are() -> None:
    assert mask(bytes(range(256))) == bytes(range(256))


def test_secrets_stay_where_they_are_wanted(tmp_path: Path) -> None:
    with PcapngWriter(tmp_path / "kept", secrets=True) as kept, PcapngWriter(tmp_path / "masked") as masked:
        for writer in (kept, masked):
            writer(entry(SECRETS))
    assert b"WVNf" in kept.path.read_bytes()
    assert b"WVNf" not in masked.path.read_bytes()


def test_a_capture_has_its_bound_and_what_it_leaves_out_is_counted(tmp_path: Path) -> None:
    with PcapngWriter(tmp_path / "a.pcapng", max_octets=1000) as writer:
        for _ in range(5):
            writer(entry())
    assert 1 <= writer.written == len(packets(writer.path)) < 5
    assert writer.written + writer.dropped == 5
    assert writer.path.stat().st_size <= 1000


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"capture.*nowhere"):
        PcapngWriter(tmp_path / "nowhere" / "a.pcapng")


def test_a_full_disk_is_told() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full on this system")
    with pytest.raises(FileError, match="space"):
        PcapngWriter(full)


def test_a_capture_that_can_not_go_on_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = PcapngWriter(tmp_path / "a.pcapng")
    with (tmp_path / "a.pcapng").open("rb") as read_only:
        assert writer._file is not None
        os.dup2(read_only.fileno(), writer._file.fileno())
    for _ in range(3):
        writer(entry())
    assert (writer.written, writer.dropped) == (0, 3)
    assert len(caplog.records) == 1


def chunks(packet: bytes) -> dict[int, bytes]:
    """Read a HEP3 packet by its specification."""
    assert packet[:4] == b"HEP3"
    assert struct.unpack_from("!H", packet, 4) == (len(packet),)
    found, at = {}, 6
    while at < len(packet):
        vendor, kind, length = struct.unpack_from("!HHH", packet, at)
        assert vendor == 0
        found[kind] = packet[at + 6:at + length]
        at += length
    return found


@pytest.mark.parametrize(("transport", "protocol"), [("UDP", 17), ("TCP", 6), ("TLS", 6), ("WS", 6)])
def test_a_hep_packet_tells_who_when_and_what(transport: str, protocol: int) -> None:
    found = chunks(hep_packet(entry(OK, "in", transport), OK, agent_id=7, key=b"door"))
    assert (found[1], found[2], found[11]) == (b"\2", bytes([protocol]), b"\1")
    assert (socket.inet_ntoa(found[3]), socket.inet_ntoa(found[4])) == (SERVER[0], ALICE[0])
    assert struct.unpack("!HHII", found[7] + found[8] + found[9] + found[10]) == (
        SERVER[1], ALICE[1], int(TIME), 250_000)
    assert (found[12], found[14], found[15], found[17]) == (b"\0\0\0\7", b"door", OK, b"call-1")


def test_a_hep_packet_of_ipv6() -> None:
    found = chunks(hep_packet(entry(local=("::1", 5060), remote=BOB), INVITE, agent_id=1))
    assert found[1] == b"\x0a"
    assert socket.inet_ntop(socket.AF_INET6, found[5]) == "::1"
    assert socket.inet_ntop(socket.AF_INET6, found[6]) == "::ffff:127.0.0.1"


def test_a_collector_that_is_down_costs_no_call() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(5)
        sender = HepSender("localhost", collector.getsockname()[1])
        sender(entry(SECRETS))
        assert b"5ecret" not in chunks(collector.recv(65536))[15]
    for _ in range(4):
        sender(entry())
    assert sender.sent + sender.dropped == 5
    sender.close()
    sender(entry())
    sender.close()
    assert sender.dropped >= 1


@pytest.mark.parametrize("arguments", [("collector.example.com", 9060), ("127.0.0.1", 0), ("127.0.0.1", 70_000)])
def test_a_collector_needs_an_address(arguments: tuple[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="HEP"):
        HepSender(*arguments)
