"""The media of one call: session descriptions on one side, a stream of a media engine on the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument, InvalidState, MediaError, MicrosipError
from microsip_core.ids import IdSource
from microsip_core.sdp.crypto import DEFAULT_SUITES, SRTP_MODES, SUITES
from microsip_core.sdp.negotiation import AudioNegotiation, NegotiatedAudio
from microsip_core.sdp.rtcp import ALL_FEATURES, RtcpFeatures

from .codec_registry import capabilities_for, sample_rate_of
from .engine import MediaEngine, create_engine
from .opus import encoder_settings, packet_time
from .srtp import SrtpKeys, new_key, require_srtp
from .statistics import CallStatistics, StreamCounters, StreamDescription, call_statistics
from .stream import Address, PayloadFormat, Stream, StreamConfig, calls_in, ports_text

if TYPE_CHECKING:
    from microsip_core.sdp.capabilities import AudioCapabilities
    from microsip_core.sdp.formats import RtpFormat

    from .events import MediaEvent
    from .mixer import Mixer

_BLACK_HOLES = ("0.0.0.0", "::")  # noqa: S104 -- compared with, never bound
_LARGEST_PAYLOAD = 1400  # octets: what goes into a packet that need not be fragmented
_PTIMES_MS = (10, 20, 30, 40, 50, 60)


class EngineMediaSession:
    """The audio of one call. The ports are opened when the first offer or answer is made, and freed by :meth:`close`.

    Not thread-safe: it belongs to the thread that runs the call's signaling.
    """

    __slots__ = (
        "_counters", "_hold_offered", "_holding", "_local", "_local_host", "_negotiation", "_new_negotiation",
        "_open_stream", "_port_range", "agreed", "closed", "stream",
    )

    def __init__(
        self, open_stream: Callable[[], Stream], new_negotiation: Callable[[Stream], AudioNegotiation], local_host: str,
        port_range: tuple[int, int] | None = None,
    ) -> None:
        self._open_stream = open_stream
        self._new_negotiation = new_negotiation
        self._local_host = local_host
        self._port_range = port_range
        self._negotiation: AudioNegotiation | None = None
        self._local: Address | None = None
        self._counters: StreamCounters = {}
        self._holding = False
        self._hold_offered: bool | None = None
        self.stream: Stream | None = None
        self.agreed: NegotiatedAudio | None = None
        self.closed = False

    @property
    def codec(self) -> str | None:
        """Name of the codec we send, ``None`` before negotiation."""
        return self.agreed.send.name if self.agreed is not None else None

    @property
    def srtp(self) -> str | None:
        """Name of the SRTP suite, ``None`` for RTP in the clear and before negotiation."""
        return self.agreed.crypto.suite if self.agreed is not None and self.agreed.crypto is not None else None

    @property
    def remote_hold(self) -> bool:
        """Whether the peer's last description put us on hold."""
        return self.agreed is not None and self.agreed.remote_hold

    @property
    def holding(self) -> bool:
        """Whether we hold the peer, by an offer it has answered."""
        return self._holding

    def create_offer(self, direction: str = "sendrecv") -> bytes:
        """Return an offer: all our codecs at first, later those agreed on. Opens the ports. A hold of ours stays.

        Raises :class:`NetworkError` or :class:`Busy` when no ports can be had.
        """
        self._hold_offered = None
        return self._negotiated_over().create_offer(self._while_holding(direction))

    def accept_answer(self, answer: bytes) -> None:
        """Take the answer to the last offer and set the stream going; again when a final answer follows an early one.

        Raises :class:`SdpError` for a malformed answer, :class:`CodecError` when it names no codec of ours,
        :class:`MediaError` when it refuses the audio or can not be reached.
        """
        negotiation = self._negotiation
        if negotiation is None:
            raise InvalidState("there is no offer to answer", step="accept SDP answer")
        agreed = negotiation.accept_answer(answer)
        if agreed is None and self.agreed is None:
            raise MediaError("the peer refused the audio stream (port 0)", step="accept SDP answer")
        self._apply(agreed)
        if self._hold_offered is not None:
            self._holding = self._hold_offered

    def accept_offer(self, offer: bytes, direction: str = "sendrecv") -> bytes:
        """Take the peer's offer, set the stream going and return our answer. While we hold, we stay on hold.

        Raises :class:`SdpError` for a malformed offer (400), :class:`CodecError` when nothing in it can be carried
        (488), :class:`MediaError` when the peer's address can not be reached.
        """
        fresh = self.stream is None
        try:
            answer, agreed = self._negotiated_over().accept_offer(offer, self._while_holding(direction))
            if agreed is None and self.agreed is None:
                raise MediaError("the peer offers no audio stream that is switched on", step="answer SDP offer")
            self._apply(agreed)
        except MicrosipError:
            if fresh:
                self._discard_stream()
            raise
        return answer

    def hold(self, on: bool) -> bytes:
        """Return an offer that holds the peer (sendonly; inactive when it holds us too), or resumes (sendrecv)."""
        direction = ("inactive" if self.remote_hold else "sendonly") if on else "sendrecv"
        offer = self._negotiated_over().create_offer(direction)
        self._hold_offered = on
        return offer

    def move(self, local_host: str, public_host: str | None = None) -> None:
        """Go on from another local address, which our next offer names, or ``public_host`` in its place.

        Raises :class:`NetworkError`, :class:`Busy`; nothing has changed then.
        """
        stream, negotiation = self.stream, self._negotiation
        if stream is None or negotiation is None:
            raise InvalidState("the media of this call is closed", step="move media")
        stream.move(local_host, self._port_range)
        self._local_host, self._local = local_host, stream.rtp_address
        negotiation.host = public_host or local_host
        negotiation.port, negotiation.rtcp_port = stream.rtp_address[1], stream.rtcp_address[1]

    def statistics(self) -> CallStatistics:
        """Return a snapshot; after :meth:`close` the last one."""
        if self.stream is not None:
            self._counters = self.stream.statistics()
        return call_statistics(self._counters, self._description())

    def close(self) -> None:
        """Say goodbye in RTCP, end playback and recording, free the ports. May be called again."""
        self.closed = True
        if self.stream is not None:
            self._counters = self.stream.close()
            self.stream = None
        self._open_stream = _closed  # an ended call that somebody keeps must not keep the engine

    def _while_holding(self, direction: str) -> str:
        if not self._holding:
            return direction
        return "sendonly" if direction in ("sendrecv", "sendonly") else "inactive"

    def _negotiated_over(self) -> AudioNegotiation:
        if self.closed:
            raise InvalidState("the media of this call is closed", step="describe media")
        if self._negotiation is None:
            self.stream = self._open_stream()
            self._local = self.stream.rtp_address
            self._negotiation = self._new_negotiation(self.stream)
        return self._negotiation

    def _discard_stream(self) -> None:
        if self.stream is not None:
            self.stream.close()
        self.stream = self._negotiation = None

    def _apply(self, agreed: NegotiatedAudio | None) -> None:
        stream = self.stream
        if stream is None:
            raise InvalidState("the media of this call is closed", step="start media")
        if agreed is None:
            # Switched off in mid-call (port 0): nothing flows, but the call goes on.
            previous = self.agreed
            if previous is None:
                return
            agreed = previous._replace(direction="inactive", remote_hold=True)
        host, port = agreed.remote
        reachable = host not in _BLACK_HOLES
        if reachable and (":" in host) != (":" in self._local_host):
            raise MediaError(
                f"the peer wants media at {host}, but ours is at {self._local_host}", step="start media",
                remedy="Both ends need addresses of the same IP version",
            )
        try:
            stream.configure(
                agreed.remote if reachable else None, agreed.remote_rtcp if reachable else None,
                self._payload_format(agreed.send, agreed.ptime_ms),
                {number: self._payload_format(form, agreed.ptime_ms) for number, form in agreed.receive.items()},
                agreed.telephone_event, _events_of(agreed),
                sending=agreed.sending, receiving=agreed.receiving, srtp=_srtp_keys(agreed),
                telephone_event_clock=agreed.telephone_event_clock, rtcp=agreed.rtcp,
            )
        except InvalidArgument as error:
            raise MediaError(
                f"the peer's description can not be used: {error.message}", step="start media", peer=f"{host}:{port}",
                remedy="It has to give a literal IP address for media",
            ) from error
        self.agreed = agreed

    def _payload_format(self, form: RtpFormat, ptime_ms: int) -> PayloadFormat:
        if form.name == "L16":
            ptime_ms = min(ptime_ms, _LARGEST_PAYLOAD * 1000 // (2 * form.clock_rate * form.channels) // 10 * 10)
        if form.name != "opus" or self._negotiation is None:
            return PayloadFormat(form.name, form.payload_type, form.clock_rate, form.channels, ptime_ms)
        rate = sample_rate_of(self._negotiation.capabilities.by_key[form.key])
        return PayloadFormat(
            form.name, form.payload_type, form.clock_rate, form.channels, packet_time(ptime_ms), rate,
            encoder_settings(form.fmtp, rate),
        )

    def _description(self) -> StreamDescription:
        agreed, local = self.agreed, "{}:{}".format(*self._local) if self._local is not None else ""
        if agreed is None:
            return StreamDescription(local=local)
        send = agreed.send
        receive = next((number for number, form in agreed.receive.items() if form.key == send.key), None)
        return StreamDescription(
            codec=send.name, clock_rate=send.clock_rate, payload_type=send.payload_type, receive_payload_type=receive,
            ptime_ms=agreed.ptime_ms, local=local, remote="{}:{}".format(*agreed.remote), srtp=self.srtp,
        )


class EngineMediaBackend:
    """Opens the media of calls on one media engine."""

    def __init__(
        self, engine: MediaEngine, *, ids: IdSource | None = None, media_timeout_ms: int = 0, jitter_min_ms: int = 0,
        jitter_max_ms: int = 500, jitter_initial_ms: int = 0, srtp_suites: Sequence[str] = DEFAULT_SUITES,
        rtcp: RtcpFeatures = ALL_FEATURES, no_rtp_ms: int = 0, dscp: int = 0,
    ) -> None:
        self.engine = engine
        self._ids = ids or IdSource()
        self._limits = (jitter_min_ms, jitter_max_ms, jitter_initial_ms, media_timeout_ms, no_rtp_ms, dscp)
        self._srtp_suites = tuple(srtp_suites)
        self._rtcp = rtcp
        self._capabilities: dict[tuple[tuple[str, ...] | None, str], AudioCapabilities] = {}

    @property
    def core(self) -> str:
        """Name of the media core: "native" or "reference"."""
        return self.engine.core

    @property
    def event_fd(self) -> int | None:
        """A descriptor that is readable while events wait, ``None`` where they must be polled."""
        return self.engine.event_fd

    def open_session(
        self, *, local_host: str, codecs: Sequence[str] | None = None, ptime_ms: int = 20,
        port_range: tuple[int, int] | None = None, srtp: str = "off", public_host: str | None = None,
    ) -> EngineMediaSession:
        """Return the media of one call on a literal local address; no port is opened yet.

        ``codecs`` in order of preference, ``None`` for all; ``ptime_ms`` 10 to 60 in steps of 10;
        ``srtp`` "off", "optional" (offered, not insisted on) or "mandatory"; ``public_host`` is told in descriptions in
        place of ``local_host``. Raises :class:`CodecError` for an unknown
        codec, :class:`InvalidArgument` for another ``ptime_ms`` or ``srtp``, :class:`NotSupported` where there is no
        SRTP.
        """
        if ptime_ms not in _PTIMES_MS:
            raise InvalidArgument(f"ptime is {ptime_ms} ms", step="open media", remedy="Use 10 to 60 in steps of 10")
        capabilities = self._capabilities_for(codecs, srtp)

        ids = self._ids

        def open_stream() -> Stream:
            return self.engine.open_stream(StreamConfig(local_host, port_range, *self._limits))

        def new_negotiation(stream: Stream) -> AudioNegotiation:
            return AudioNegotiation(
                capabilities, public_host or local_host, stream.rtp_address[1], rtcp_port=stream.rtcp_address[1],
                session_id=ids.session_id(), ptime_ms=ptime_ms, new_key=new_key,
            )

        return EngineMediaSession(open_stream, new_negotiation, local_host, port_range)

    def _capabilities_for(self, codecs: Sequence[str] | None, srtp: str = "off") -> AudioCapabilities:
        key = (tuple(codecs) if codecs is not None else None, srtp)
        capabilities = self._capabilities.get(key)
        if capabilities is None:
            if srtp not in SRTP_MODES:
                raise InvalidArgument(f"srtp is {srtp!r}", step="open media", remedy=f"Use {', '.join(SRTP_MODES)}")
            if srtp != "off":
                require_srtp(self.core)
            capabilities = capabilities_for(key[0], self.core, srtp=srtp, suites=self._srtp_suites, rtcp=self._rtcp)
            if len(self._capabilities) < 64:
                self._capabilities[key] = capabilities
        return capabilities

    def open_mixer(self, sample_rate: int) -> Mixer:
        """Open a conference at 8000, 16000, 32000 or 48000 Hz. Raises NotSupported on the reference core."""
        return self.engine.open_mixer(sample_rate)

    def check_ports(self, local_host: str, port_range: tuple[int, int]) -> None:
        """Raise :class:`Busy` when no call could get ports of the range now, :class:`InvalidArgument` when it has none.

        The error names the range and how many calls fit into it.
        """
        if calls_in(port_range) < 1:
            raise InvalidArgument(
                f"the media {ports_text(port_range)} hold no even port and the next one", step="check media ports",
                remedy="Give two ports a call",
            )
        self.engine.open_stream(StreamConfig(local_host, port_range)).close()

    def poll_events(self) -> list[MediaEvent]:
        """Return the events since the last time, oldest first."""
        return self.engine.poll_events()

    def close(self) -> None:
        """Close every stream and end the engine's threads."""
        self.engine.close()


def open_backend(
    core: str | None = None, *, shards: int = 1, ids: IdSource | None = None, media_timeout_ms: int = 0,
    srtp_suites: Sequence[str] = (), rtcp: RtcpFeatures = ALL_FEATURES, no_rtp_ms: int = 0, dscp: int = 0,
    load_max_percent: int = 0,
) -> EngineMediaBackend:
    """Start a media engine ("native", "reference", or ``None`` for the best there is) and return its backend.

    ``srtp_suites`` in order of preference, empty for all there are; ``rtcp``: what to offer of RTCP, and to take
    where it is offered. Raises InvalidArgument for a suite there is not.
    """
    unknown = [suite for suite in srtp_suites if suite not in SUITES]
    if unknown:
        raise InvalidArgument(
            f"no SRTP suite is called {', '.join(unknown)}", step="open media", remedy=f"Use {', '.join(SUITES)}",
        )
    return EngineMediaBackend(
        create_engine(core, shards, pinned=shards > 1, load_max_percent=load_max_percent), ids=ids,
        media_timeout_ms=media_timeout_ms, no_rtp_ms=no_rtp_ms, dscp=dscp,
        srtp_suites=srtp_suites or DEFAULT_SUITES, rtcp=rtcp,
    )


def _closed() -> Stream:
    raise InvalidState("the media of this call is closed", step="describe media")


def _srtp_keys(agreed: NegotiatedAudio) -> SrtpKeys | None:
    crypto = agreed.crypto
    if crypto is None:
        return None
    return SrtpKeys(crypto.suite, crypto.send_key, crypto.receive_key, crypto.receive_mki)


def _events_of(agreed: NegotiatedAudio) -> Collection[int]:
    """Return the payload types of telephone-events to receive, with their clock rates where it takes them."""
    if not agreed.event_clocks:
        return agreed.telephone_event_receive
    return {number: agreed.event_clocks.get(number, 8000) for number in agreed.telephone_event_receive}
