"""Reading the peer's audio stream: codecs in common, addresses, direction, ptime, and why it can not be carried."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from .capabilities import PROFILES, SECURE_PROFILES, AudioCapabilities
from .crypto import CryptoAttribute, choose_crypto
from .description import MediaDescription, SessionDescription
from .formats import STATIC_FORMATS, RtpFormat, encodings_of, parse_payload_type
from .rtcp import RtcpFeatures, rtcp_features

_BLACK_HOLES = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- compared with, never bound
_NO_CLOCKS: Mapping[int, int] = {}
_SHORTEST_PTIME_MS = 10
_LONGEST_PTIME_MS = 60


class RemoteAudio(NamedTuple):
    """A peer's audio stream but for its port, cut down to what we can carry. Without ``audio`` it is to be refused."""

    audio: Mapping[int, RtpFormat]  # common codecs by the peer's payload type
    send: RtpFormat  # the first of them
    telephone_event: int | None
    events: frozenset[int]
    profile: str
    payload_types: str  # those in common, as for an m= line
    attribute_lines: str  # their a=rtpmap and a=fmtp lines
    host: str
    rtcp: tuple[str, int] | None  # what a=rtcp says
    direction: str  # the peer's
    black_hole: bool  # connection address 0.0.0.0 or ::
    ptime: str | None
    maxptime: str | None
    crypto: CryptoAttribute | None  # the key for SRTP, if SRTP it is to be
    event_clocks: Mapping[int, int]  # of telephone-events, by payload type, where it is not 8000 Hz
    features: RtcpFeatures  # of RTCP, in common


def examine(
    description: SessionDescription, media: MediaDescription, capabilities: AudioCapabilities, *, answer: bool = False,
) -> RemoteAudio:
    """Match an audio stream of the peer with our capabilities. ``answer`` says that it answers our own offer."""
    audio: dict[int, RtpFormat] = {}
    events: dict[int, RtpFormat] = {}
    payload_types: list[str] = []
    lines = ""
    host = description.address_of(media)
    crypto = None
    if capabilities.srtp != "off" and "crypto" in media.attributes:
        crypto = choose_crypto(media.attributes["crypto"], capabilities.suites, answer=answer)
    if _is_speakable(media, capabilities, crypto, answer) and media.port_count == 1 and not _is_multicast(host):
        encodings = encodings_of(media)
        for text in media.formats:
            encoding = encodings.get(text)
            match = capabilities.match(text, encoding)
            if match is None:
                match = capabilities.match_own(text) if answer and encoding is None else None
                if match is None:
                    continue
            payload_type, rtp_format, match_lines, is_event = match
            (events if is_event else audio)[payload_type] = rtp_format
            payload_types.append(text)
            lines += match_lines
    send = next(iter(audio.values())) if audio else capabilities.formats[0]
    if send.fmtp:
        send = replace(send, fmtp=_fmtp_of(media, send.payload_type))  # what the peer can do is for it to say
    return RemoteAudio(
        audio, send, _event_for(send, events) if events else None, frozenset(events), media.profile,
        " ".join(payload_types), lines, host, _rtcp_address(media, host), description.direction_of(media),
        host in _BLACK_HOLES, media.attribute("ptime"), media.attribute("maxptime"), crypto,
        {number: event.clock_rate for number, event in events.items() if event.clock_rate != 8000} or _NO_CLOCKS,
        rtcp_features(media) & capabilities.rtcp,
    )


def _fmtp_of(media: MediaDescription, payload_type: int) -> str:
    for value in media.attributes.get("fmtp", ()):
        number, _, parameters = value.partition(" ")
        if number == str(payload_type):
            return parameters.strip()
    return ""


def _is_speakable(
    media: MediaDescription, capabilities: AudioCapabilities, crypto: CryptoAttribute | None, answer: bool,
) -> bool:
    """Say whether the profile is one of ours, with keys where they have to be."""
    if crypto is not None:
        return media.profile in PROFILES or media.profile in SECURE_PROFILES
    if media.profile not in PROFILES or capabilities.srtp == "mandatory":
        return False
    # A key in an answer says that the peer is going to encrypt; when it is not one for us, nothing would be understood.
    return not (answer and capabilities.srtp == "optional" and "crypto" in media.attributes)


def _event_for(send: RtpFormat, events: dict[int, RtpFormat]) -> int | None:
    """Choose the telephone-event at the clock rate of the codec (RFC 4733 s2.1), or else any."""
    for payload_type, event in events.items():
        if event.clock_rate == send.clock_rate:
            return payload_type
    return next(iter(events), None)


def _is_multicast(host: str) -> bool:
    """Say whether an address is multicast or broadcast: nothing is sent to many because one peer says so."""
    if ":" in host:
        last = host.rpartition(":")[2]
        return host[:2].lower() == "ff" or ("." in last and _is_multicast(last))
    first = host.partition(".")[0]
    return len(first) == 3 and first.isdecimal() and int(first) >= 224


def _rtcp_address(media: MediaDescription, host: str) -> tuple[str, int] | None:
    """Return where the peer wants RTCP if it says so (RFC 3605), ``None`` for the next port."""
    value = media.attribute("rtcp")
    fields = value.split() if value else []
    if not fields or not fields[0].isdecimal() or not fields[0].isascii() or not 0 < int(fields[0][:6]) <= 65535:
        return None
    # A name, or an address of another family than RTP's, is not worth failing a call for.
    return (fields[3] if len(fields) == 4 and _is_usable(fields[3], host) else host), int(fields[0])


def _is_usable(address: str, host: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return (":" in address) == (":" in host) and not _is_multicast(address)


def ptime_for(ptime: str | None, maxptime: str | None, ours: int) -> int:
    """Return the packet time to send with, in ms: what the peer prefers, else ours, in steps of 10 from 10 to 60."""
    if maxptime is None and (ptime is None or ptime == "20"):
        return 20 if ptime else ours
    wanted = _milliseconds(ptime) or ours
    longest = _milliseconds(maxptime)
    if longest is not None:
        wanted = min(wanted, longest)
    return min(max(int(wanted) // 10 * 10, _SHORTEST_PTIME_MS), _LONGEST_PTIME_MS)


def _milliseconds(text: str | None) -> float | None:
    # RFC 8866 s6.4 allows a fraction, as AES67 uses it. An unreadable wish is no wish.
    try:
        value = float(text) if text else 0.0
    except ValueError:
        return None
    return value if 0.0 < value < 10_000.0 else None


def explain_refusal(
    description: SessionDescription, capabilities: AudioCapabilities, *, answer: bool = False,
) -> str:
    """Say in one line why no audio stream of the peer can be carried."""
    audio = [media for media in description.media if media.kind == "audio" and media.port]
    if not audio:
        kinds = ", ".join(media.kind for media in description.media) or "nothing"
        return f"no audio stream: peer offers {kinds}"
    speakable = [media for media in audio if media.profile in PROFILES or media.profile in SECURE_PROFILES]
    if not speakable:
        return f"no common RTP profile: peer offers {audio[0].profile}, we have {_profiles_of(capabilities)}"
    refused = _explain_srtp(speakable, capabilities, answer)
    if refused is not None:
        return refused
    addresses = [description.address_of(media) for media in speakable]
    if all(_is_multicast(address) for address in addresses):
        return f"no unicast address: peer offers {addresses[0]}"
    offered: list[str] = []
    for media in speakable:
        encodings = encodings_of(media)
        for text in media.formats:
            number = parse_payload_type(text)
            static = STATIC_FORMATS.get(number) if number is not None else None
            encoding = encodings.get(text) or (static.encoding if static else f"payload type {text} without a=rtpmap")
            if encoding not in offered:
                offered.append(encoding)
    return f"no common codec: peer offers {', '.join(offered) or 'none'}, we have {capabilities}"


def _profiles_of(capabilities: AudioCapabilities) -> str:
    names = {"off": "RTP/AVP", "optional": "RTP/AVP and RTP/SAVP", "mandatory": "RTP/SAVP"}
    return names[capabilities.srtp]


def _explain_srtp(streams: list[MediaDescription], capabilities: AudioCapabilities, answer: bool) -> str | None:
    """Say why SRTP is in the way, ``None`` when it is not."""
    if capabilities.srtp == "off":
        plain = any(media.profile in PROFILES for media in streams)
        return None if plain else f"SRTP is switched off here: peer offers {streams[0].profile}, we have RTP/AVP"
    keys = [value for media in streams for value in media.attributes.get("crypto", ())]
    if choose_crypto(keys, capabilities.suites, answer=answer) is not None:
        return None
    if keys:
        names = ", ".join(dict.fromkeys(value.split()[1] for value in keys if len(value.split()) > 1)) or "none"
        return f"no common SRTP suite: peer offers {names}, we have {', '.join(capabilities.suites)}"
    if capabilities.srtp == "mandatory":
        return f"SRTP is mandatory here: peer offers {streams[0].profile} without a key (a=crypto)"
    return f"no key for SRTP (a=crypto): peer offers {streams[0].profile}"
