"""What we can send and receive as audio: the formats in order of preference, with the SDP text prepared once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .crypto import DEFAULT_SUITES, SRTP_MODES, SUITES
from .formats import STATIC_FORMATS, RtpFormat, describe_formats, normalized, parse_payload_type
from .memory import DescriptionMemory
from .rtcp import NO_FEATURES, RtcpFeatures

PROFILES = frozenset({"RTP/AVP", "RTP/AVPF"})
"""Profiles we can speak: AVPF only adds feedback messages, which nobody has to send (RFC 4585 s3.1)."""
SECURE_PROFILES = frozenset({"RTP/SAVP", "RTP/SAVPF"})
"""The same with SRTP (RFC 3711, RFC 5124)."""

_REMEMBERED = 512  # matches kept; a peer that spells its names in ever new ways gains nothing
_STATIC_KEYS = {str(payload_type): rtp_format.key for payload_type, rtp_format in STATIC_FORMATS.items()}


class Match(NamedTuple):
    """One of our formats under a payload type of the peer."""

    payload_type: int
    rtp_format: RtpFormat  # under the peer's payload type
    lines: str  # its a=rtpmap and a=fmtp lines
    is_telephone_event: bool


class AudioCapabilities:
    """The formats of one kind of user agent, telephone-event among them. Made once and shared by many negotiations.

    ``srtp`` is one of ``SRTP_MODES``, ``suites`` those for SRTP in order of preference, ``rtcp`` the
    features of RTCP to offer, and to take where they are offered.
    """

    __slots__ = (
        "_matches", "answers", "attributes", "by_key", "by_payload_type", "event_clocks", "events", "formats", "offers",
        "payload_types", "receivable", "rtcp", "srtp", "suites",
    )

    def __init__(
        self, formats: Iterable[RtpFormat], *, srtp: str = "off", suites: Sequence[str] = DEFAULT_SUITES,
        rtcp: RtcpFeatures = NO_FEATURES,
    ) -> None:
        if srtp not in SRTP_MODES or not suites or not all(suite in SUITES for suite in suites):
            raise ValueError(f"no way to do SRTP is called {srtp!r} with {suites}")
        self.srtp = srtp
        self.suites = tuple(suites)
        self.rtcp = rtcp
        self.formats = tuple(formats)
        self.by_key = {rtp_format.key: rtp_format for rtp_format in self.formats}
        self.by_payload_type = {rtp_format.payload_type: rtp_format for rtp_format in self.formats}
        if len(self.by_payload_type) != len(self.formats):
            raise ValueError("two formats have the same payload type")
        self.events = frozenset(f.payload_type for f in self.formats if f.is_telephone_event)
        self.event_clocks = {
            f.payload_type: f.clock_rate for f in self.formats if f.is_telephone_event and f.clock_rate != 8000
        }
        self.receivable = {f.payload_type: f for f in self.formats if not f.is_telephone_event}
        if not self.receivable:
            raise ValueError("no audio format")
        self.payload_types, self.attributes = describe_formats(self.formats)
        self.offers = DescriptionMemory()
        self.answers = DescriptionMemory()
        self._matches: dict[tuple[str, str | None], Match] = {}

    def match(self, payload_type: str, encoding: str | None) -> Match | None:
        """Return our format for a payload type and its a=rtpmap encoding (``None``: it has none), or ``None``.

        Without a=rtpmap the static assignment of RFC 3551 counts.
        """
        found = self._matches.get((payload_type, encoding))
        if found is not None:
            return found
        key = _STATIC_KEYS.get(payload_type, "") if encoding is None else normalized(encoding)
        ours = self.by_key.get(key)
        number = parse_payload_type(payload_type)
        if ours is None or number is None:
            return None
        if ours.payload_type != number:
            ours = RtpFormat(number, ours.name, ours.clock_rate, ours.channels, ours.fmtp)
        found = Match(number, ours, describe_formats([ours])[1], ours.is_telephone_event)
        if len(self._matches) < _REMEMBERED:
            self._matches[payload_type, encoding] = found
        return found

    def match_own(self, payload_type: str) -> Match | None:
        """Take a dynamic number of ours, which an answer repeats without a=rtpmap, for what we offered under it."""
        number = parse_payload_type(payload_type)
        ours = self.by_payload_type.get(number) if number is not None else None
        return self.match(payload_type, ours.encoding) if ours is not None else None

    def __str__(self) -> str:
        return ", ".join(rtp_format.name for rtp_format in self.receivable.values())
