"""Reads the SIP test data: torture manifests, the NIST cases and SIP messages out of pcap files."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[1] / "vectors"


def manifest(name: str) -> list[dict[str, Any]]:
    return json.loads((VECTORS / "sip-torture" / name / "manifest.json").read_text())["messages"]


def torture_message(folder: str, file: str) -> bytes:
    return (VECTORS / "sip-torture" / folder / file).read_bytes()


def nist_cases(kind: str) -> list[dict[str, Any]]:
    lines = (VECTORS / "sip-torture" / "nist-jain" / "cases.jsonl").read_text().splitlines()
    return [case for case in map(json.loads, lines) if case["kind"] == kind]


def nist_message(case: dict[str, Any]) -> bytes:
    """The lines end with LF in the file, and some lack the empty line that ends the head."""
    text = case["text"].strip()
    text += "\n" if "\n\n" in text else "\n\n"
    return text.replace("\n", "\r\n").encode()


def tells_its_end(data: bytes) -> bool:
    """Whether a stream knows where a message ends, however it is cut: by its length, or for want of a body."""
    head = data.lower().partition(b"\r\n\r\n")[0]
    return re.search(rb"\n(?:content-length|l)[ \t]*:", head) is not None or not re.search(
        rb"\n(?:content-type|c)[ \t]*:", head,
    )


def udp_payloads(file: str) -> list[bytes]:
    return [payload for protocol, payload in _packets(file) if protocol == 17]


def tcp_segments(file: str) -> list[bytes]:
    return [payload for protocol, payload in _packets(file) if protocol == 6 and payload]


def _packets(file: str) -> list[tuple[int, bytes]]:
    """Payloads of the UDP (17) and TCP (6) packets of a classic little-endian pcap of Ethernet, in order."""
    data = (VECTORS / "pcap" / file).read_bytes()
    magic, link_type = struct.unpack_from("<I16xI", data)
    assert (magic, link_type) == (0xA1B2C3D4, 1)
    packets = []
    position = 24
    while position < len(data):
        (length,) = struct.unpack_from("<8xI4x", data, position)
        frame = data[position + 16 : position + 16 + length]
        position += 16 + length
        if frame[12:14] != b"\x08\x00":
            continue
        header = (frame[14] & 15) * 4
        (total,) = struct.unpack_from(">H", frame, 16)
        protocol = frame[23]
        payload = frame[14 + header : 14 + total]
        offset = 8 if protocol == 17 else (payload[12] >> 4) * 4
        packets.append((protocol, payload[offset:]))
    return packets
