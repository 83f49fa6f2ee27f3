"""Offer and answer of one audio stream (RFC 3264), from our side and over the whole life of a session.

An offer of ours holds one audio stream. An answer of ours takes the first audio stream of the peer's offer that we can
carry and refuses all others with port 0; their number and order are kept in every later description (RFC 3264 s8).

Payload types: a number in a description is the one its sender wants to *receive* (RFC 3264 s5.1), so the two directions
may use different numbers for one codec. Our answers use the numbers of the offer, our later offers those agreed before.

Hold (RFC 3264 s8.4, RFC 6337 s5.3): the peer holds us when it says sendonly or inactive, or, in the way of RFC 2543,
when its connection address is 0.0.0.0 or ::; in the second case nothing may be sent to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from microsip_core.errors import CodecError, InvalidArgument

from .answering import RemoteAudio, examine, explain_refusal, ptime_for
from .capabilities import AudioCapabilities
from .crypto import SUITES, CryptoAttribute, NegotiatedCrypto, crypto_line
from .description import DIRECTIONS, MediaDescription, SessionDescription
from .errors import DEFAULT_LIMITS, SdpError, SdpLimits
from .formats import RtpFormat, describe_formats
from .memory import Answer, DescriptionMemory, Remembered, Wording, take_apart
from .rtcp import NO_FEATURES, RtcpFeatures

_new = tuple.__new__  # half the cost of the constructor a NamedTuple gets
_SENDS = frozenset({"sendrecv", "sendonly"})
_RECEIVES = frozenset({"sendrecv", "recvonly"})
_DIRECTION_OF = {  # (sending, receiving)
    (True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly", (False, False): "inactive",
}


class NegotiatedAudio(NamedTuple):
    """What both sides agreed on for the audio stream, from our point of view."""

    send: RtpFormat  # under the payload type the peer wants
    receive: Mapping[int, RtpFormat]  # by the payload types we may be sent; telephone-event is not among them
    telephone_event: int | None  # payload type to send events under
    telephone_event_receive: frozenset[int]
    remote: tuple[str, int]  # RTP address; the host may be a name
    remote_rtcp: tuple[str, int]
    direction: str  # ours
    ptime_ms: int  # for sending
    remote_hold: bool
    crypto: NegotiatedCrypto | None = None  # keys for SRTP, None for RTP
    telephone_event_clock: int = 8000  # Hz, of the type to send
    event_clocks: Mapping[int, int] = MappingProxyType({})  # of telephone-events to receive, where it is not 8000 Hz
    rtcp: RtcpFeatures = NO_FEATURES

    @property
    def sending(self) -> bool:
        """Whether we may send."""
        return self.direction in _SENDS

    @property
    def receiving(self) -> bool:
        """Whether we want to be sent anything."""
        return self.direction in _RECEIVES


class AudioNegotiation:
    """The offers and answers of one session with one audio stream at ``host:port`` (IPv4 or IPv6 address).

    ``new_key`` returns so many random octets; it is needed where the capabilities have SRTP. Each suite keeps one key
    of ours for the whole session, so that a re-INVITE that changes nothing does not change keys either.
    """

    __slots__ = (
        "_answered", "_crypto_lines", "_formats", "_index", "_keys", "_last_tail", "_limits", "_new_key",
        "_offered_direction", "_others", "_profile", "_rtcp_lines", "_version", "capabilities", "host",
        "port", "ptime_ms", "rtcp_port", "session_id",
    )

    def __init__(
        self, capabilities: AudioCapabilities, host: str, port: int, *, session_id: int, rtcp_port: int | None = None,
        ptime_ms: int = 20, limits: SdpLimits = DEFAULT_LIMITS, new_key: Callable[[int], bytes] | None = None,
    ) -> None:
        if capabilities.srtp != "off" and new_key is None:
            raise InvalidArgument("SRTP needs a source of keys")
        self.capabilities = capabilities
        self.host = host
        self.port = port
        self.rtcp_port = port + 1 if rtcp_port is None else rtcp_port
        self.ptime_ms = ptime_ms
        self.session_id = session_id
        self._limits = limits
        self._version = 1
        self._last_tail = ""
        self._index = 0  # of the audio stream among the m= lines
        self._others: list[str] = []  # every m= line of the session, refused
        self._profile = "RTP/SAVP" if capabilities.srtp == "mandatory" else "RTP/AVP"
        self._new_key = new_key
        self._keys: dict[str, bytes] = {}  # ours, by suite; the one agreed on comes first
        self._crypto_lines = ""
        self._answered: NegotiatedAudio | None = None  # the answer to our last offer, in the peer's numbers
        self._formats = (capabilities.payload_types, capabilities.attributes)  # as for m= and for a=
        self._offered_direction = "sendrecv"
        self._rtcp_lines = ""

    def create_offer(self, direction: str = "sendrecv") -> bytes:
        """Return an offer: the first of the session with all our formats, a later one with those agreed before."""
        self._offered_direction = _checked(direction)
        if self._answered is not None:
            self._formats = self._agreed_formats(self._answered)
            self._answered = None
        self._rtcp_lines = self.capabilities.rtcp.lines
        if self.capabilities.srtp != "off":
            suites = dict.fromkeys([*self._keys, *self.capabilities.suites])
            self._crypto_lines = "".join(crypto_line(suite, self._key_for(suite)) for suite in suites)
        return self._describe(self._audio_section(self.ptime_ms, direction), "t=0 0")

    def _key_for(self, suite: str) -> bytes:
        if suite not in self._keys:
            assert self._new_key is not None
            self._keys[suite] = self._new_key(SUITES[suite].key_octets + SUITES[suite].salt_octets)
        return self._keys[suite]

    def _agree_on(self, crypto: CryptoAttribute) -> NegotiatedCrypto:
        ours, theirs = self._key_for(crypto.suite), crypto.keys[0]
        self._keys = {crypto.suite: ours, **self._keys}
        return NegotiatedCrypto(crypto.suite, ours, theirs.key_and_salt, theirs.mki)

    def _agreed_formats(self, answered: NegotiatedAudio) -> tuple[str, str]:
        """Return the formats of an answer to us, the peer's first one first, under the numbers we offered."""
        ours = self.capabilities
        agreed = [ours.by_key[key] for key in dict.fromkeys(form.key for form in answered.receive.values())]
        if answered.telephone_event is not None:
            agreed += [ours.by_payload_type[number] for number in sorted(ours.events)]
        return describe_formats(agreed)

    def accept_answer(self, answer: bytes) -> NegotiatedAudio | None:
        """Take the answer to our last offer; ``None`` when the peer refused the stream (port 0).

        Raises :class:`SdpError` when it is malformed or no answer to our offer, :class:`CodecError` when it names no
        codec of ours. May be called again with the final answer after an early one.
        """
        known, wording, port = self._recall(self.capabilities.answers, answer)
        if known is not None and self._index == 0:
            return self._as_offerer(self._negotiated(known.audio, port, self._offered_direction))
        description = SessionDescription.parse(answer, self._limits)
        if len(description.media) <= self._index:
            offered = max(len(self._others), 1)
            raise SdpError(f"the answer has {len(description.media)} m= lines, our offer had {offered}")
        media = description.media[self._index]
        if media.kind != "audio":
            raise SdpError(f"the answer has {media.kind} where our offer had audio")
        if media.port == 0:
            return None
        remote = examine(description, media, self.capabilities, answer=True)
        if not remote.audio:
            reason = explain_refusal(description, self.capabilities, answer=True)
            raise CodecError(reason, step="accept SDP answer")
        if wording is not None and len(description.media) == 1 and _is_worth_keeping(answer):
            self.capabilities.answers.keep(wording, Remembered(remote, "", {}))
        return self._as_offerer(self._negotiated(remote, media.port, self._offered_direction))

    def _recall(self, memory: DescriptionMemory, data: bytes) -> tuple[Remembered | None, Wording | None, int]:
        """Return what is remembered of a description, its wording where that is worth remembering, and its port."""
        plain = take_apart(data) if self._limits is DEFAULT_LIMITS else None
        return (None, None, 0) if plain is None else (memory.find(plain[0]), *plain)

    def _as_offerer(self, negotiated: NegotiatedAudio) -> NegotiatedAudio:
        """Replace the numbers to receive, which in an answer are for what *we* send, by those we offered.

        A peer that uses its own numbers for what it sends is understood too, as long as they do not clash with ours.
        """
        ours = self.capabilities
        self._answered = negotiated
        theirs = negotiated.receive.items()
        receive = ours.receivable | {number: form for number, form in theirs if number not in ours.by_payload_type}
        events = ours.events | (negotiated.telephone_event_receive - receive.keys())
        clocks = negotiated.event_clocks if not ours.event_clocks else {**negotiated.event_clocks, **ours.event_clocks}
        return negotiated._replace(receive=receive, telephone_event_receive=events, event_clocks=clocks)

    def accept_offer(self, offer: bytes, direction: str = "sendrecv") -> tuple[bytes, NegotiatedAudio | None]:
        """Answer an offer, wanting ``direction`` for ourselves: return the answer and what was agreed.

        ``None`` for the latter when the peer offers no stream at all, or only streams it has switched off (port 0).
        Raises :class:`SdpError` for a malformed offer and :class:`CodecError` when none of its streams can be carried.
        """
        _checked(direction)
        known, wording, port = self._recall(self.capabilities.offers, offer)
        if known is not None:
            self._index, self._others = 0, []
            return self._answer_again(known, port, direction)
        description = SessionDescription.parse(offer, self._limits)
        index, remote = self._choose(description)
        if remote is None and any(media.port for media in description.media):
            raise CodecError(explain_refusal(description, self.capabilities), step="answer SDP offer")
        timing = next((line for line in description.lines if line[:2] == "t="), "t=0 0")
        self._others = [] if len(description.media) == 1 else [refusal(media) for media in description.media]
        self._index = index
        if remote is None:
            return self._describe(refusal(description.media[0]) if description.media else "", timing), None
        if wording is not None and not self._others and _is_worth_keeping(offer):
            self.capabilities.offers.keep(wording, Remembered(remote, timing, {}))
        return self._answer(remote, description.media[index].port, direction, timing)

    def _answer(
        self, remote: RemoteAudio, port: int, direction: str, timing: str,
    ) -> tuple[bytes, NegotiatedAudio]:
        self._profile = remote.profile
        self._formats = (remote.payload_types, remote.attribute_lines)
        self._answered = None
        self._rtcp_lines = remote.features.lines
        negotiated = self._negotiated(remote, port, direction)
        self._crypto_lines = ""
        if remote.crypto is not None:
            self._crypto_lines = crypto_line(remote.crypto.suite, self._key_for(remote.crypto.suite), remote.crypto.tag)
        return self._describe(self._audio_section(negotiated.ptime_ms, negotiated.direction), timing), negotiated

    def _answer_again(self, known: Remembered, port: int, direction: str) -> tuple[bytes, NegotiatedAudio]:
        """Answer an offer of a wording met before: what was said to it then is said again, with the ports of now.

        Keys never come into it, for descriptions with keys are not remembered.
        """
        key = (self.host, self.ptime_ms, direction)
        audio = known.audio
        made = known.answers.get(key)
        if made is None or self.rtcp_port != self.port + 1:
            text, agreed = self._answer(audio, port, direction, known.timing)
            if self.rtcp_port == self.port + 1:
                before, _, after = self._last_tail.partition(f"m=audio {self.port} ")
                known.keep_answer(key, Answer(f"{before}m=audio ", f" {after}", agreed, self._rtcp_lines))
            return text, agreed
        self._profile = audio.profile
        self._formats = (audio.payload_types, audio.attribute_lines)
        self._answered = None
        self._crypto_lines = ""
        self._rtcp_lines = made.rtcp_lines
        then = made.agreed
        agreed = _new(NegotiatedAudio, (*then[:4], (audio.host, port), _rtcp_of(audio, port), *then[6:]))
        return self._numbered(f"{made.before_port}{self.port}{made.after_port}"), agreed

    def _choose(self, description: SessionDescription) -> tuple[int, RemoteAudio | None]:
        """Find the audio stream to carry: the one carried before, else the first that we can, with SRTP if we may."""
        plain: tuple[int, RemoteAudio | None] = (0, None)
        order = list(enumerate(description.media))
        if 0 < self._index < len(order):
            order.insert(0, order.pop(self._index))
        for index, candidate in order:
            if candidate.kind == "audio" and candidate.port:
                remote = examine(description, candidate, self.capabilities)
                if remote.audio and (remote.crypto is not None or self.capabilities.srtp == "off"):
                    return index, remote
                if remote.audio and plain[1] is None:
                    plain = (index, remote)
        return plain

    def _negotiated(self, remote: RemoteAudio, port: int, wanted: str) -> NegotiatedAudio:
        sending = wanted in _SENDS and remote.direction in _RECEIVES and not remote.black_hole
        receiving = wanted in _RECEIVES and remote.direction in _SENDS
        return NegotiatedAudio(
            remote.send, remote.audio, remote.telephone_event, remote.events, (remote.host, port),
            _rtcp_of(remote, port), _DIRECTION_OF[sending, receiving],
            ptime_for(remote.ptime, remote.maxptime, self.ptime_ms),
            remote.black_hole or remote.direction not in _RECEIVES,
            None if remote.crypto is None else self._agree_on(remote.crypto),
            remote.event_clocks.get(remote.telephone_event or 0, 8000), remote.event_clocks, remote.features,
        )

    def _audio_section(self, ptime_ms: int, direction: str) -> str:
        payload_types, attributes = self._formats
        # RFC 3605: the port of RTCP is said only where it is not the next one.
        rtcp = "" if self.rtcp_port == self.port + 1 else f"a=rtcp:{self.rtcp_port}\r\n"
        return (
            f"m=audio {self.port} {self._profile} {payload_types}\r\n"
            f"{attributes}{self._crypto_lines}{rtcp}{self._rtcp_lines}a=ptime:{ptime_ms}\r\na={direction}\r\n"
        )

    def _describe(self, audio: str, timing: str) -> bytes:
        """Put a description together."""
        address_type = "IP6" if ":" in self.host else "IP4"
        if self._others:
            audio = "".join([*self._others[: self._index], audio, *self._others[self._index + 1 :]])
        return self._numbered(
            f" IN {address_type} {self.host}\r\ns=-\r\nc=IN {address_type} {self.host}\r\n{timing}\r\n{audio}"
        )

    def _numbered(self, tail: str) -> bytes:
        """Put o= in front of the rest; the version in it grows when anything else changed (RFC 3264 s8)."""
        if tail != self._last_tail:
            if self._last_tail:
                self._version += 1
            self._last_tail = tail
        return f"v=0\r\no=- {self.session_id} {self._version}{tail}".encode("utf-8", "surrogateescape")


def _rtcp_of(remote: RemoteAudio, port: int) -> tuple[str, int]:
    """Return where the peer takes RTCP: at the port of RTP, where it says, or at the next one."""
    if remote.features.mux:
        return remote.host, port
    return remote.rtcp or (remote.host, port + 1 if port < 65535 else port)


def _checked(direction: str) -> str:
    if direction not in DIRECTIONS:
        raise InvalidArgument(f"{direction!r} is no direction", remedy=f"Use one of {', '.join(DIRECTIONS)}")
    return direction


def _is_worth_keeping(data: bytes) -> bool:
    """Descriptions with keys never come twice, and their keys are not to lie about."""
    return b"a=crypto" not in data


def refusal(media: MediaDescription) -> str:
    """Return the m= line that refuses a stream (RFC 3264 s6), with its line end."""
    return f"m={media.kind} 0 {media.profile} {' '.join(media.formats) or '0'}\r\n"
