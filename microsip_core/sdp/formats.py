"""RTP formats: a codec under a payload type, the static assignments of RFC 3551, and the lines that describe them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .description import MediaDescription

TELEPHONE_EVENT = "TELEPHONE-EVENT"


@dataclass(frozen=True, slots=True)
class RtpFormat:
    """A codec under a payload type: what a=rtpmap and a=fmtp say (RFC 8866 s6.6, s6.15).

    ``clock_rate`` is that of the RTP timestamps in Hz, for G722 8000 (RFC 3551 s4.5.2).
    """

    payload_type: int
    name: str
    clock_rate: int = 8000
    channels: int = 1
    fmtp: str = ""

    @property
    def encoding(self) -> str:
        """The encoding as in a=rtpmap: "PCMU/8000", "opus/48000/2"."""
        return f"{self.name}/{self.clock_rate}" + (f"/{self.channels}" if self.channels != 1 else "")

    @property
    def key(self) -> str:
        """The encoding in the form two equal codecs share; names are case-insensitive (RFC 8866 s6.6)."""
        return self.encoding.upper()

    @property
    def is_telephone_event(self) -> bool:
        """Whether these are named telephone events (RFC 4733) and not audio."""
        return self.name.upper() == TELEPHONE_EVENT


# RFC 3551 tables 4 and 5.
_ASSIGNED = (
    (0, "PCMU", 8000, 1), (3, "GSM", 8000, 1), (4, "G723", 8000, 1), (5, "DVI4", 8000, 1), (6, "DVI4", 16000, 1),
    (7, "LPC", 8000, 1), (8, "PCMA", 8000, 1), (9, "G722", 8000, 1), (10, "L16", 44100, 2), (11, "L16", 44100, 1),
    (12, "QCELP", 8000, 1), (13, "CN", 8000, 1), (14, "MPA", 90000, 1), (15, "G728", 8000, 1),
    (16, "DVI4", 11025, 1), (17, "DVI4", 22050, 1), (18, "G729", 8000, 1), (25, "CelB", 90000, 1),
    (26, "JPEG", 90000, 1), (28, "nv", 90000, 1), (31, "H261", 90000, 1), (32, "MPV", 90000, 1),
    (33, "MP2T", 90000, 1), (34, "H263", 90000, 1),
)
STATIC_FORMATS: dict[int, RtpFormat] = {assigned[0]: RtpFormat(*assigned) for assigned in _ASSIGNED}
"""The payload types with a fixed meaning; an a=rtpmap may still give them another."""


def describe_formats(formats: Iterable[RtpFormat]) -> tuple[str, str]:
    """Return the formats as for an m= line, and their a=rtpmap and a=fmtp lines, each with its CRLF."""
    payload_types = []
    lines = []
    for rtp_format in formats:
        payload_types.append(str(rtp_format.payload_type))
        lines.append(f"a=rtpmap:{rtp_format.payload_type} {rtp_format.encoding}\r\n")
        if rtp_format.fmtp:
            lines.append(f"a=fmtp:{rtp_format.payload_type} {rtp_format.fmtp}\r\n")
    return " ".join(payload_types), "".join(lines)


def normalized(encoding: str) -> str:
    """Return the key of an encoding as written in a=rtpmap: upper case, one channel left out (RFC 8866 s6.6)."""
    return encoding.strip().upper().removesuffix("/1")


def encodings_of(media: MediaDescription) -> dict[str, str]:
    """Return the a=rtpmap encodings of a media description by payload type, both as written."""
    encodings: dict[str, str] = {}
    for value in media.attributes.get("rtpmap", ()):
        payload_type, _, encoding = value.partition(" ")
        encodings[payload_type] = encoding
    return encodings


def parse_payload_type(text: str) -> int | None:
    """Return a payload type 0 to 127, or ``None`` when the text is none."""
    if text.isdecimal() and text.isascii() and len(text) <= 3 and (number := int(text)) <= 127:
        return number
    return None
