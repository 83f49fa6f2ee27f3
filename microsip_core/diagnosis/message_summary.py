"""Reads just enough of a SIP message, well-formed or not, to show it in one line.

It does not use the parser on purpose: a message that the parser refuses is the one a user most wants to see.
"""

from __future__ import annotations

from dataclasses import dataclass

from .printable import printable
from .redaction import redact

_COMPACT = {"v": "via", "i": "call-id", "c": "content-type", "l": "content-length", "f": "from", "t": "to"}
_STATIC_PAYLOAD_TYPES = {"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "13": "CN", "18": "G729"}
_DIRECTIONS = ("sendonly", "recvonly", "inactive")


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """What a diagram shows of one message: ``status`` is 0 for a request, ``identity`` equal for a retransmission."""

    method: str
    status: int
    label: str
    call_id: str
    sdp: str
    identity: tuple[str, ...]

    @property
    def is_request(self) -> bool:
        """Tell whether it is a request."""
        return self.status == 0


def summarize(data: bytes) -> MessageSummary:
    """Return the summary of one SIP message; what is no SIP at all gets a label that says so."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "replace").splitlines()
    if not data.strip(b"\r\n\0"):
        return MessageSummary("", 0, "keep-alive", "", "", ("keep-alive", str(len(data))))
    headers = _headers(lines[1:])
    start = lines[0].strip() if lines else ""
    cseq_method = headers.get("cseq", "").split()[-1:] or [""]
    is_response = start.upper().startswith("SIP/")
    words = start.split(None, 2)
    status = int(words[1]) if is_response and len(words) > 1 and words[1].isdigit() else 0
    if status:
        method, label = cseq_method[0], f"{words[1]} {words[2] if len(words) > 2 else ''}".rstrip()
    elif len(words) == 3 and words[2].upper().startswith("SIP/"):
        method = label = words[0]
        if "authorization" in headers or "proxy-authorization" in headers:
            label += " (credentials)"
    else:
        method, label = "", f"no SIP message ({len(data)} octets)"
    identity = (start, headers.get("via", ""), headers.get("cseq", ""), headers.get("call-id", ""))
    shown = printable(redact(label))
    return MessageSummary(method, status, shown, headers.get("call-id", ""), printable(_sdp(headers, body)), identity)


def _headers(lines: list[str]) -> dict[str, str]:
    """Return the first value of each header, names in lower case and long form."""
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or line[:1] in " \t":
            continue
        key = name.strip().lower()
        headers.setdefault(_COMPACT.get(key, key), value.strip())
    return headers


def _sdp(headers: dict[str, str], body: bytes) -> str:
    if not headers.get("content-type", "").lower().startswith("application/sdp"):
        return ""
    return summarize_sdp(body)


@dataclass(slots=True)
class _Media:
    kind: str
    port: str
    payload_types: list[str]
    host: str


def summarize_sdp(body: bytes) -> str:
    """Return an SDP body in a few words: codecs, address and, where it is not both ways, the direction."""
    lines = body.decode("utf-8", "replace").splitlines()
    session_host, sections, names = "", list[_Media](), dict(_STATIC_PAYLOAD_TYPES)
    for line in lines:
        words = line[2:].split()
        if line.startswith("m=") and len(words) > 1:
            sections.append(_Media(words[0], words[1].partition("/")[0], words[3:], session_host))
        elif line.startswith("c=") and words:
            host = words[-1].partition("/")[0]
            if sections:
                sections[-1].host = host
            else:
                session_host = host
        elif line.startswith("a=rtpmap:"):
            payload_type, _, encoding = line[9:].partition(" ")
            names[payload_type] = encoding.partition("/")[0]
    direction = next((f" {word}" for word in _DIRECTIONS if f"a={word}" in lines), "")
    return ", ".join(_describe(section, names) for section in sections) + direction


def _describe(section: _Media, names: dict[str, str]) -> str:
    if section.port == "0":
        return f"{section.kind} refused"
    codecs = [names.get(payload_type, payload_type) for payload_type in section.payload_types]
    shown = [name for name in codecs if name.lower() not in ("telephone-event", "cn")]
    host = f"[{section.host}]" if ":" in section.host else section.host
    kind = [] if section.kind == "audio" else [section.kind]
    return " ".join([*kind, *shown, f"{host}:{section.port}"])
