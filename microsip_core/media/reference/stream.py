"""One RTP stream of the reference core, as the program commands it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from microsip_core.errors import CodecError, InvalidArgument, InvalidState, LimitExceeded, NotSupported
from microsip_core.media.resampler import resample, to_int16
from microsip_core.media.sound_writer import is_encoded
from microsip_core.media.stream import DTMF_DIGITS, Address, Cadence, PayloadFormat, Stream, StreamConfig
from microsip_core.media.wav import read_wav
from microsip_core.sdp.rtcp import NO_FEATURES, RtcpFeatures

from .arguments import NATIVE_REMEDY, check_payload_types, check_ptime, checked_address
from .ports import open_port_pair
from .receiver import DECODERS, Emit
from .recording import Recording
from .seal import StreamSeal
from .sources import Clip, Source, Tones
from .stream_core import RATE, StreamCore
from .tap import ReferenceTap

if TYPE_CHECKING:
    from microsip_core.media.srtp import SrtpKeys
    from microsip_core.media.statistics import StreamCounters

_MOST_DIGITS = 64


class ReferenceStream(StreamCore):
    """See :class:`microsip_core.media.stream.Stream`, which documents every method."""

    def __init__(self, stream_id: int, config: StreamConfig, lock: threading.RLock, emit: Emit) -> None:
        super().__init__(stream_id, config, lock, emit)
        self.on_close: Callable[[ReferenceStream], None] | None = None
        self.on_sockets: Callable[[ReferenceStream, bool], None] | None = None
        self._next_id = 1
        self._final: StreamCounters = {}

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
        rtp = checked_address(remote, self.rtp_address)
        rtcp_to = checked_address(remote_rtcp, self.rtp_address)
        forms = [*receive.values()] if send is None else [*receive.values(), send]
        check_payload_types([*receive, *telephone_event_receive, telephone_event, *(f.payload_type for f in forms)])
        for form in forms:
            check_ptime(form.ptime_ms)
            if form.name.upper() not in DECODERS or form.clock_rate != RATE or form.channels != 1:
                raise CodecError(
                    f"the reference core has no {form.name}/{form.clock_rate}/{form.channels}", step="configure stream",
                    remedy=f"Use {' or '.join(DECODERS)}, or install with a C compiler for more",
                )
        seal = StreamSeal(srtp) if srtp is not None else None
        with self._commanding():
            now = time.monotonic()
            self._use_srtp(seal)
            self._peer.configure(rtp, rtcp_to)
            self._reports.options = rtcp
            self._receiver.configure(receive, telephone_event_receive, receiving, now)
            self._sender.form, self._sender.telephone_event = send, telephone_event
            self._sender.sending = sending
            self._reports.start(now)
            if self.due is None:
                self.due = now

    def play(
        self, source: str | PathLike[str] | NDArray[np.int16], *, rate: int | None = None, loop: bool = False,
    ) -> int:
        """See the interface."""
        if isinstance(source, np.ndarray):
            if source.dtype != np.int16 or source.ndim != 1:
                raise InvalidArgument("samples to play have to be a flat int16 array", step="play")
            samples = to_int16(resample(source.astype(np.float64), rate or RATE, RATE))
        else:
            samples = read_wav(source, RATE)
        return self._play(Clip(samples, loop))

    def play_tone(self, cadence: Sequence[Cadence], loop: bool = False) -> int:
        """See the interface."""
        return self._play(Tones(cadence, loop, RATE))

    def _play(self, source: Source) -> int:
        with self._commanding():
            playback_id = self._new_id()
            self._sender.play(playback_id, source)
            return playback_id

    def play_files(self, paths: Sequence[str | PathLike[str]], *, loop: bool = False) -> int:
        """Refuse: the reference core plays WAV files only."""
        raise NotSupported("the reference core plays WAV files only", step="play", remedy=NATIVE_REMEDY)

    def pause_play(self, playback: int, paused: bool = True) -> None:
        """Refuse: this takes the native core."""
        raise NotSupported("the reference core can not pause", step="pause", remedy=NATIVE_REMEDY)

    def seek_play(self, playback: int, seconds: float) -> None:
        """Refuse: this takes the native core."""
        raise NotSupported("the reference core can not seek", step="seek", remedy=NATIVE_REMEDY)

    def played(self) -> float:
        """Refuse: this takes the native core."""
        raise NotSupported("the reference core does not count", step="position", remedy=NATIVE_REMEDY)

    def stop_play(self) -> None:
        """See the interface."""
        with self._commanding():
            self._sender.stop()

    def echo(self, on: bool) -> None:
        """See the interface."""
        with self._commanding():
            self._sender.echo = on

    def record(self, path: str | PathLike[str], *, stereo: bool = True) -> int:
        """See the interface."""
        with self._commanding():
            if is_encoded(path):
                raise NotSupported("the reference core records WAV only", step="record", remedy=NATIVE_REMEDY)
            recording = Recording(self._new_id(), path, stereo, RATE, self._emit)
            self._end_recording()
            self._recording = recording
            return recording.id

    def pause_record(self, recording: int, paused: bool = True) -> None:
        """Refuse: this takes the native core."""
        raise NotSupported("the reference core pauses no recordings", step="pause recording", remedy=NATIVE_REMEDY)

    def stop_record(self) -> None:
        """See the interface."""
        with self._commanding():
            self._end_recording()

    def bridge(self, other: Stream) -> None:
        """Refuse: bridges take the native core."""
        raise NotSupported("the reference core has no bridges", step="bridge", remedy=NATIVE_REMEDY)

    def unbridge(self) -> None:
        """Do nothing: there is no bridge to leave."""

    def send_dtmf(self, digits: str, duration_ms: int = 160, gap_ms: int = 80) -> None:
        """See the interface."""
        wrong = [digit for digit in digits if digit.upper() not in DTMF_DIGITS]
        if wrong or not digits:
            raise InvalidArgument(f"{digits!r} are no digits", step="send DTMF", remedy="Use 0-9 * # A-D")
        if not 40 <= duration_ms <= 5000 or not 20 <= gap_ms <= 5000:
            raise InvalidArgument(
                f"digits of {duration_ms} ms with gaps of {gap_ms} ms", step="send DTMF",
                remedy="Use 40 to 5000 ms and gaps of 20 to 5000 ms",
            )
        with self._commanding():
            if self._sender.telephone_event is None:
                raise InvalidState("the peer takes no telephone-events", step="send DTMF")
            if len(self._sender.dtmf) + len(digits) > _MOST_DIGITS:
                raise LimitExceeded(f"more than {_MOST_DIGITS} digits wait", step="send DTMF")
            for digit in digits:
                self._sender.dtmf.put(digit, duration_ms * RATE // 1000, gap_ms * RATE // 1000)

    def detect_dtmf(self, on: bool) -> None:
        """Refuse: listening to the sound takes the native core."""
        if on:
            raise NotSupported("the reference core hears no digits in sound", step="dtmf", remedy=NATIVE_REMEDY)

    def listen(self, on: bool, hangover_ms: int = 200) -> None:
        """Refuse: this takes the native core."""
        raise NotSupported("the reference core does not listen for speech", step="listen", remedy=NATIVE_REMEDY)

    def set_mute(self, muted: bool) -> None:
        """See the interface."""
        with self._commanding():
            self._sender.muted = muted

    def set_gain(self, send: float = 1.0, receive: float = 1.0) -> None:
        """See the interface."""
        if not (0.0 <= send <= 8.0 and 0.0 <= receive <= 8.0):
            raise InvalidArgument(f"gains {send} and {receive}", step="set gain", remedy="Use 0 to 8")
        with self._commanding():
            self._sender.gain, self._receive_gain = send, receive

    def open_tap(self, sample_rate: int | None = None) -> ReferenceTap:
        """See the interface."""
        if sample_rate is not None and not 4000 <= sample_rate <= 192_000:
            raise InvalidArgument(f"sample rate of {sample_rate} Hz", step="open tap", remedy="Use 4000 to 192000")
        with self._commanding():
            tap = ReferenceTap(RATE, sample_rate or RATE)
            self._sender.tap = tap
            return tap

    def level(self) -> tuple[float, float]:
        """See the interface."""
        return self._levels

    def move(self, local_host: str, port_range: tuple[int, int] | None = None) -> None:
        """See the interface."""
        with self._lock:
            if self.closed:
                raise InvalidState("the stream is closed", step="move media")
            rtp, rtcp = open_port_pair(local_host, port_range)
            if self.on_sockets is not None:
                self.on_sockets(self, False)
            self.rtp_socket.close()
            self.rtcp_socket.close()
            self.rtp_socket, self.rtcp_socket = rtp, rtcp
            self.rtp_address, self.rtcp_address = rtp.getsockname()[:2], rtcp.getsockname()[:2]
            if self.on_sockets is not None:
                self.on_sockets(self, True)

    def close(self) -> StreamCounters:
        """See the interface."""
        with self._lock:
            if not self.closed:
                self._sender.stop()
                self._end_recording()
                if self.due is not None:
                    self._send_report(time.monotonic(), bye=True)
                self._final = self._counters()
                self.closed = True
                self._sender.tap = None
                if self.on_close is not None:
                    self.on_close(self)
                self.rtp_socket.close()
                self.rtcp_socket.close()
            return self._final

    def statistics(self) -> StreamCounters:
        """See the interface."""
        with self._lock:
            return self._final if self.closed else self._counters()

    def _commanding(self) -> threading.RLock:
        if self.closed:
            raise InvalidState("the stream is closed", step="command stream")
        return self._lock

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1
