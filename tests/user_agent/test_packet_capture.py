"""A capture holds the media of a call as it was on the wire; with the keys kept, SRTP in it can be decrypted."""

from __future__ import annotations

import asyncio
import base64
import re
import struct
from pathlib import Path

import pytest

from microsip_core import PcapngWriter, UserAgent
from microsip_core.errors import MicrosipError
from microsip_core.server import LoopbackServer


def datagrams(path: Path) -> list[tuple[int, int, bytes]]:
    """Return source port, destination port and payload of each packet of a pcapng file."""
    data, found = path.read_bytes(), []
    while data:
        kind, length = struct.unpack_from("<II", data)
        if kind == 6:
            captured, = struct.unpack_from("<I", data, 20)
            packet = data[28:28 + captured]
            found.append((*struct.unpack_from("!HH", packet, 20), packet[28:]))
        data = data[length:]
    return found


async def call_captured(writer: PcapngWriter, **settings: str) -> tuple[int, int]:
    """Make a call of half a second; return how many RTP packets were sent and received."""
    async with LoopbackServer() as server, UserAgent(trace_sinks=[writer], **settings) as agent:
        call = await agent.invite(server.uri("echo"))
        await asyncio.sleep(0.5)
        await call.hangup()
        statistics = call.statistics()
        assert statistics is not None
        return statistics.send.packets, statistics.receive.packets


def is_rtp(payload: bytes) -> bool:
    return len(payload) > 12 and payload[0] == 0x80 and payload[1] & 0x7F == 0


@pytest.mark.parametrize("wanted", [True, False])
async def test_rtp_is_captured_where_it_is_wanted(tmp_path: Path, wanted: bool) -> None:
    writer = PcapngWriter(tmp_path / "call.pcapng", rtp=wanted)
    sent, received = await call_captured(writer, core="native")
    packets = datagrams(writer.path)
    rtp = [packet for packet in packets if is_rtp(packet[2])]
    assert len(rtp) == (sent + received if wanted else 0)
    assert any(packet[2].startswith(b"INVITE ") for packet in packets)
    if wanted:
        ends = {packet[:2] for packet in rtp}
        (one, other), = {tuple(sorted(pair)) for pair in ends}
        assert {(one, other), (other, one)} == ends


@pytest.mark.parametrize("secrets", [True, False])
async def test_srtp_can_be_decrypted_with_the_keys_where_they_are_kept(tmp_path: Path, secrets: bool) -> None:
    from pylibsrtp import Policy, Session

    writer = PcapngWriter(tmp_path / "call.pcapng", rtp=True, secrets=secrets)
    await call_captured(writer, core="native", srtp="mandatory")
    packets = datagrams(writer.path)
    invite = next(packet[2] for packet in packets if packet[2].startswith(b"INVITE "))
    port = int(re.findall(rb"m=audio (\d+)", invite)[0])
    suite, key = re.findall(rb"a=crypto:1 (\S+) inline:([^|\s]+)", invite)[0]
    sent = [packet[2] for packet in packets if packet[0] == port and is_rtp(packet[2])]
    assert suite == b"AES_CM_128_HMAC_SHA1_80"
    assert len(sent) > 15
    if not secrets:
        assert set(key) == {ord("x")}
        return
    session = Session(Policy(key=base64.b64decode(key), ssrc_type=Policy.SSRC_ANY_INBOUND))
    assert {len(session.unprotect(packet)) for packet in sent} == {12 + 160}


async def test_the_reference_core_says_that_it_can_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    try:
        await call_captured(PcapngWriter(tmp_path / "call.pcapng", rtp=True), core="reference")
    except MicrosipError as error:
        pytest.fail(str(error))
    assert sum("RTP is not captured" in record.message for record in caplog.records) == 1
