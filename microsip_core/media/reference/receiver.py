"""The receiving half of a reference stream: packets in; audio, digits and events out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from microsip_core.media.events import MediaEventKind
from microsip_core.media.stream import DTMF_DIGITS, Address, PayloadFormat

from . import g711
from .jitter_buffer import JitterBuffer
from .peer import Peer
from .rtp import RtpPacket, RtpSource, parse_rtp
from .telephone_event import DtmfReceiver, TelephoneEvent

DECODERS = {"PCMU": g711.decode_mu_law, "PCMA": g711.decode_a_law}


class Emit(Protocol):
    """Tells the program what happened on the stream."""

    def __call__(self, kind: MediaEventKind, value: int = 0, detail: str = "", reference: int = 0) -> None:
        """Queue an event."""
        ...


class StreamReceiver:
    """Checks packets, keeps their statistics, and feeds the jitter buffer."""

    def __init__(
        self, peer: Peer, buffer: JitterBuffer, media_timeout: float, emit: Emit, no_rtp: float = 0.0,
        instead: Callable[[], str] = lambda: "nothing",
    ) -> None:
        self.peer = peer
        self.buffer = buffer
        self.source = RtpSource()
        self.formats: Mapping[int, PayloadFormat] = {}
        self.events: Collection[int] = ()
        self.receiving = False
        self.invalid = self.foreign = self.discarded = self.digits = 0
        self._dtmf = DtmfReceiver()
        self._emit = emit
        self._timeout = media_timeout  # seconds, 0 for never
        self._heard: float | None = None
        self._waiting_since: float | None = None
        self._timed_out = False
        self._no_rtp = no_rtp  # seconds, 0 for never
        self._instead = instead  # says what came that could not be played
        self.stray_type: int | None = None

    @property
    def clock_rate(self) -> int:
        """Of the audio received, Hz."""
        return next((form.clock_rate for form in self.formats.values()), 8000)

    def configure(
        self, formats: Mapping[int, PayloadFormat], events: Collection[int], receiving: bool, now: float,
    ) -> None:
        """Take what was negotiated."""
        self.formats, self.events = dict(formats), frozenset(events)
        if receiving and not self.receiving:
            self._waiting_since = now
        self.receiving = receiving

    def packet(self, data: bytes, address: Address, now: float, *, authentic: bool = False) -> None:
        """Take in a datagram that arrived on the RTP port, ``authentic`` where SRTP says so."""
        packet = parse_rtp(data)
        if packet is None or (packet.payload_type not in self.formats and packet.payload_type not in self.events):
            self.invalid += 1
            self.stray_type = self.stray_type if packet is None else packet.payload_type
            return
        known = self.source.ssrc
        if not self.peer.accept(address, packet.ssrc == known, now, authentic=authentic):
            self.foreign += 1
            return
        fresh = self.source.update(packet)
        self._tell_of(packet, known, address, now)
        if not fresh:
            return
        if not self.receiving:
            self.discarded += 1
        elif packet.payload_type in self.events:
            self._take_event(packet, now)
        else:
            form = self.formats[packet.payload_type]
            self.source.measure_jitter(packet.timestamp, now, form.clock_rate)
            self.buffer.push(packet.timestamp, DECODERS[form.name.upper()](packet.payload), now)

    def _tell_of(self, packet: RtpPacket, known: int | None, address: Address, now: float) -> None:
        if known is None:
            self._emit("first_rtp", packet.payload_type, f"{address[0]}:{address[1]}")
        elif self.source.ssrc != known:
            self.buffer.reset()
            self._emit("ssrc_change", packet.ssrc)
        if self._timed_out:
            self._timed_out = False
            self._emit("media_resumed", self._silence(now))
        self._heard = now

    def _take_event(self, packet: RtpPacket, now: float) -> None:
        event = TelephoneEvent.parse(packet.payload)
        if event is None:
            self.invalid += 1
            return
        self._report(self._dtmf.update(event, packet.timestamp, packet.marker, now))

    def _report(self, ended: list[tuple[int, int]]) -> None:
        for code, duration in ended:
            if code < len(DTMF_DIGITS):
                self.digits += 1
                self._emit("dtmf", duration * 1000 // self.clock_rate, DTMF_DIGITS[code])

    def frame(self, count: int, now: float) -> NDArray[np.int16]:
        """Return the next samples to be heard, and see whether digits or the peer have fallen silent."""
        self._report(self._dtmf.expire(now))
        if not self.receiving:
            return np.zeros(count, np.int16)
        if self._no_rtp and self._heard is None and self._silence(now) >= self._no_rtp * 1000:
            self._no_rtp = 0.0
            self._emit("no_rtp", self._silence(now), self._instead())
        if self._timeout and not self._timed_out and self._silence(now) >= self._timeout * 1000:
            self._timed_out = True
            self._emit("media_timeout", self._silence(now), "never" if self._heard is None else "")
        return self.buffer.pull(count, now, self.source.jitter)

    def _silence(self, now: float) -> int:
        """Milliseconds since the last packet, or since the first could have come."""
        since = max((moment for moment in (self._heard, self._waiting_since) if moment is not None), default=now)
        return int((now - since) * 1000)
