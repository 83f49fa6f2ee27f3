"""A stream of the native media engine behind the common interface: arguments in, exceptions out."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, cast

from microsip_core.errors import InvalidArgument, InvalidState
from microsip_core.sdp.rtcp import NO_FEATURES, RtcpFeatures

from . import _native
from .audio_file import AudioFile, check_file, require_decoder
from .feeder import FEED_SECONDS, FedPlayback, Feeder
from .native_clips import ClipCache, flat_int16
from .native_errors import dtmf_error, open_error, play_error, translate
from .native_tap import NativeTap
from .sound_writer import EncodedRecording, Encoder, SoundWriter, is_encoded
from .srtp import PROFILES, SrtpKeys, library_functions, open_context
from .stream import DTMF_DIGITS, Address, Cadence, EncoderSettings, PayloadFormat, Stream, StreamConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .statistics import StreamCounters

_TAP_SECONDS = 2


class NativeStream:
    """See :class:`microsip_core.media.stream.Stream`, which documents every method."""

    __slots__ = (
        "_clips", "_encoder", "_fed", "_feeder", "_next_id", "_registry", "_srtp", "_stream", "id", "rtcp_address",
        "rtp_address",
    )

    def __init__(
        self, engine: _native.Engine, config: StreamConfig, clips: ClipCache, feeder: Feeder, encoder: Encoder,
        registry: dict[int, NativeStream],
    ) -> None:
        self._srtp: SrtpKeys | None = None
        try:
            stream = _native.Stream(
                engine, config.local_host, config.port_range or (0, 0), config.jitter_min_ms, config.jitter_max_ms,
                config.jitter_initial_ms, config.media_timeout_ms, config.cname, config.no_rtp_ms, config.dscp,
            )
        except _native.NativeError as error:
            raise open_error(error, config) from error
        except OverflowError as error:
            raise InvalidArgument(f"a number of {config} is out of range", step="open media ports") from error
        self._stream = stream
        self._clips = clips
        self._feeder = feeder
        self._encoder = encoder
        self._fed: dict[int, FedPlayback] = {}
        self._registry = registry
        self._next_id = 0
        self.id = stream.id
        self.rtp_address: Address = stream.address(False)
        self.rtcp_address: Address = stream.address(True)

    def configure(
        self,
        remote: Address | None,
        remote_rtcp: Address | None,
        send: PayloadFormat | None,
        receive: Mapping[int, PayloadFormat],
        telephone_event: int | None = None,
        telephone_event_receive: Collection[int] = (),
        *,
        sending: bool = True,
        receiving: bool = True,
        srtp: SrtpKeys | None = None,
        telephone_event_clock: int | None = None,
        rtcp: RtcpFeatures = NO_FEATURES,
    ) -> None:
        """See the interface."""
        accepted = [
            (form.name, number, form.clock_rate, form.channels, form.sample_rate) for number, form in receive.items()
        ]
        events = [number for number in telephone_event_receive if number not in receive]
        clocks = telephone_event_receive if isinstance(telephone_event_receive, Mapping) else {}
        accepted += [("telephone-event", number, clocks.get(number, 8000), 1, 0) for number in events]
        sent = encoder = None
        if send is not None:
            sent = (send.name, send.payload_type, send.clock_rate, send.channels, send.sample_rate)
            encoder = send.encoder
        ptime_ms = 20 if send is None else send.ptime_ms
        event = -1 if telephone_event is None else telephone_event
        if event < -1 or not 0 <= ptime_ms <= 60:
            raise InvalidArgument(f"payload type {event}, ptime {ptime_ms} ms", step="configure stream")
        try:
            self._open.configure(
                remote, remote_rtcp, sent, ptime_ms, accepted, event, sending, receiving, srtp is not None,
                *self._new_contexts(srtp), _encoder_tuple(encoder or EncoderSettings()),
                0 if send is None or telephone_event_clock in (None, send.clock_rate) else telephone_event_clock,
                (rtcp.mux, rtcp.reduced_size, rtcp.voip_metrics),
            )
        except _native.NativeError as error:
            names = ", ".join(sorted({str(name) for name, *_ in (accepted if sent is None else [*accepted, sent])}))
            raise translate(error, "configure stream", f"{names or 'no codec'} at {remote}, {ptime_ms} ms") from error
        except OverflowError as error:
            raise InvalidArgument("a port, payload type or rate is out of range", step="configure stream") from error
        self._srtp = srtp

    def _new_contexts(self, keys: SrtpKeys | None) -> tuple[_native.Srtp | None, _native.Srtp | None]:
        """Return contexts for the keys that are not in force already: those go on, with their counters of packets."""
        if keys is None:
            return None, None
        before, functions, profile = self._srtp, library_functions(), PROFILES[keys.suite]
        same = before is not None and before.suite == keys.suite
        send = receive = None
        if before is None or not same or before.send != keys.send:
            context = open_context(keys.suite, keys.send, receiving=False)
            send = _native.Srtp(context, functions.release, functions.protect, functions.protect_rtcp)
        if before is None or not same or (before.receive, before.receive_mki) != (keys.receive, keys.receive_mki):
            context = open_context(keys.suite, keys.receive, receiving=True)
            receive = _native.Srtp(
                context, functions.release, functions.unprotect, functions.unprotect_rtcp, keys.receive_mki,
                profile.tag, profile.rtcp_tag,
            )
        return send, receive

    def play(
        self, source: str | PathLike[str] | NDArray[np.int16], *, rate: int | None = None, loop: bool = False,
    ) -> int:
        """See the interface."""
        stream = self._open
        try:
            if isinstance(source, (str, PathLike)):
                clip = self._clips.load(source, stream.sample_rate)
            else:
                clip = _native.Clip.copy(flat_int16(source), rate or stream.sample_rate, stream.sample_rate)
            reference = self._new_id()
            stream.play(clip, loop, reference)
        except (_native.NativeError, OverflowError) as error:
            raise play_error(error, source) from error
        return reference

    def play_files(self, paths: Sequence[str | PathLike[str]], *, loop: bool = False) -> int:
        """See the interface."""
        stream = self._open
        names = [os.fspath(path) for path in paths]
        if not names:
            raise InvalidArgument("there is no file to play", step="play")
        require_decoder()
        check_file(names[0])
        rate, reference = stream.sample_rate, self._new_id()
        feed = stream.play_feed(FEED_SECONDS * rate, reference)
        fed = FedPlayback(feed, names, loop, lambda name: AudioFile(name, rate))
        self._fed = {reference: fed}  # it has replaced the one before
        self._feeder.add(fed)
        return reference

    def pause_play(self, playback: int, paused: bool = True) -> None:
        """See the interface."""
        self._open.pause_play(playback, paused)

    def seek_play(self, playback: int, seconds: float) -> None:
        """See the interface."""
        stream, fed = self._open, self._fed.get(playback)
        if not 0 <= seconds < 1e9:
            raise InvalidArgument(f"there is no {seconds} s in a file", step="seek", remedy="Give 0 or more")
        if fed is None:
            stream.seek_play(playback, round(seconds * stream.sample_rate))
        else:
            fed.seek(seconds)
            self._feeder.wake()

    def played(self) -> float:
        """See the interface."""
        return self._open.played() / self._open.sample_rate

    def playback_error(self, playback: int) -> str:
        """Return why a playlist has ended early, "" when it has not."""
        fed = self._fed.get(playback)
        return "" if fed is None or fed.error is None else fed.error.message

    def play_tone(self, cadence: Sequence[Cadence], loop: bool = False) -> int:
        """See the interface."""
        reference = self._new_id()
        try:
            self._open.play_tones([(tuple(step[0]), step[1], step[2]) for step in cadence], loop, reference)
        except (_native.NativeError, OverflowError) as error:
            raise InvalidArgument(
                f"{list(cadence)!r} is no cadence", step="play tone",
                remedy="Give 1 to 8 steps of (up to 4 frequencies below half the sample rate, ms on, ms off)",
            ) from error
        return reference

    def stop_play(self) -> None:
        """See the interface."""
        self._open.stop_play()

    def echo(self, on: bool) -> None:
        """See the interface."""
        self._open.echo(on)

    def record(self, path: str | PathLike[str], *, stereo: bool = True) -> int:
        """See the interface."""
        stream, reference = self._open, self._new_id()
        if is_encoded(path):
            writer = SoundWriter(path, stream.sample_rate, 2 if stereo else 1)
            self._encoder.add(EncodedRecording(stream.record_samples(stereo, reference), writer))
            return reference
        try:
            stream.record(os.fspath(path), stereo, reference)
        except _native.NativeError as error:
            raise translate(error, "record", str(path)) from error
        return reference

    def pause_record(self, recording: int, paused: bool = True) -> None:
        """See the interface."""
        self._open.pause_record(recording, paused)

    def stop_record(self) -> None:
        """See the interface."""
        self._open.stop_record()

    def send_dtmf(self, digits: str, duration_ms: int = 160, gap_ms: int = 80) -> None:
        """See the interface."""
        stream = self._open
        if not digits or any(digit.upper() not in DTMF_DIGITS for digit in digits):
            raise InvalidArgument(f"{digits!r} are no digits", step="send DTMF", remedy="Use 0-9 * # A-D")
        try:
            stream.send_dtmf(digits, duration_ms, gap_ms)
        except (_native.NativeError, OverflowError) as error:
            raise dtmf_error(error, duration_ms, gap_ms) from error

    def detect_dtmf(self, on: bool) -> None:
        """See the interface."""
        try:
            self._open.detect_dtmf(on)
        except _native.NativeError as error:
            raise translate(error, "detect DTMF") from error

    def listen(self, on: bool, hangover_ms: int = 200) -> None:
        """See the interface."""
        try:
            self._open.listen(on, hangover_ms)
        except _native.NativeError as error:
            raise translate(error, "listen") from error

    def set_mute(self, muted: bool) -> None:
        """See the interface."""
        self._open.set_mute(muted)

    def set_gain(self, send: float = 1.0, receive: float = 1.0) -> None:
        """See the interface."""
        try:
            self._open.set_gain(send, receive)
        except _native.NativeError as error:
            raise InvalidArgument(f"gains {send} and {receive}", step="set gain", remedy="Use 0 to 8") from error

    def bridge(self, other: Stream) -> None:
        """See the interface."""
        if not isinstance(other, NativeStream) or other is self:
            raise InvalidArgument("only two streams of one engine can be bridged", step="bridge")
        try:
            self._open.bridge(other.native)
        except _native.NativeError as error:
            raise translate(error, "bridge") from error

    def unbridge(self) -> None:
        """See the interface."""
        self._open.unbridge()

    def open_tap(self, sample_rate: int | None = None) -> NativeTap:
        """See the interface."""
        stream = self._open
        rate = stream.sample_rate
        try:
            tap = NativeTap(stream.open_tap(_TAP_SECONDS * rate), rate, sample_rate or rate)
        except (_native.NativeError, OverflowError) as error:
            raise InvalidArgument(
                f"sample rate of {sample_rate} Hz", step="open tap", remedy="Use 4000 to 192000",
            ) from error
        return tap

    def open_packet_log(self, capacity: int) -> _native.PacketLog:
        """Keep RTP and RTCP as they come and go, up to ``capacity`` octets not read yet: for captures."""
        return self._open.open_packet_log(capacity)

    def level(self) -> tuple[float, float]:
        """See the interface."""
        sent, received = self._open.power()
        return dbov(sent), dbov(received)

    def statistics(self) -> StreamCounters:
        """See the interface."""
        return cast("StreamCounters", self._stream.statistics())

    def move(self, local_host: str, port_range: tuple[int, int] | None = None) -> None:
        """See the interface."""
        stream = self._open
        try:
            stream.move(local_host, port_range or (0, 0))
        except _native.NativeError as error:
            raise open_error(error, StreamConfig(local_host, port_range)) from error
        self.rtp_address, self.rtcp_address = stream.address(False), stream.address(True)

    def close(self) -> StreamCounters:
        """See the interface."""
        self._registry.pop(self.id, None)
        return cast("StreamCounters", self._stream.close())

    @property
    def native(self) -> _native.Stream:
        """The stream itself, for mixers and bridges. Raises ``InvalidState`` when it is closed."""
        return self._open

    @property
    def _open(self) -> _native.Stream:
        if self._stream.closed:
            raise InvalidState("the stream is closed", step="command stream")
        return self._stream

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id


def _encoder_tuple(settings: EncoderSettings) -> tuple[int, int, int, int, bool, bool]:
    return (
        settings.bitrate, settings.playback_rate, settings.complexity, settings.expected_loss_percent,
        settings.redundancy, settings.silence_suppression,
    )


def dbov(power: float) -> float:
    """Return a mean square of int16 samples as a level: 0 dBov is full scale, -127 silence."""
    return max(-127.0, 10.0 * math.log10(power / 32768.0**2)) if power > 0.0 else -127.0
