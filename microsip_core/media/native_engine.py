"""The native media engine behind the common interface: arguments in, events and exceptions out."""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

from microsip_core.errors import (
    Busy,
    CodecError,
    FileError,
    InvalidArgument,
    InvalidState,
    LimitExceeded,
    MediaError,
    MicrosipError,
    NetworkError,
)

from . import _native
from .events import MediaEvent, MediaEventKind
from .native_tap import NativeTap
from .srtp import PROFILES, SrtpKeys, library_functions, open_context
from .stream import DTMF_DIGITS, Address, Cadence, PayloadFormat, StreamConfig
from .wav import probe_wav

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .statistics import StreamCounters

_EVENT_KINDS = cast("tuple[MediaEventKind, ...]", _native.EVENT_KINDS)
_CACHED_CLIPS = 32
_CACHED_SAMPLES = 32 << 20
_TAP_SECONDS = 4

_ERRORS: dict[int, type[MicrosipError]] = {
    _native.STATUS["EINVAL"]: InvalidArgument,
    _native.STATUS["ENETWORK"]: NetworkError,
    _native.STATUS["EBUSY"]: Busy,
    _native.STATUS["EIO"]: FileError,
    _native.STATUS["EFORMAT"]: FileError,
    _native.STATUS["ENOTSUP"]: CodecError,
    _native.STATUS["ESTATE"]: InvalidState,
    _native.STATUS["ELIMIT"]: LimitExceeded,
}


def translate(error: _native.NativeError, step: str, subject: str = "", remedy: str | None = None) -> MicrosipError:
    """Return the exception of this package for a status of the native side."""
    if error.status == _native.STATUS["ENOMEM"]:
        raise MemoryError(step) from error
    reason = os.strerror(error.errno) if error.errno else str(error)
    text = f"{subject}: {reason}" if subject else reason
    return _ERRORS.get(error.status, MediaError)(text, step=step, remedy=remedy)


class NativeEngine:
    """See :class:`microsip_core.media.engine.MediaEngine`."""

    core = "native"

    def __init__(self, shards: int = 1) -> None:
        try:
            self._engine = _native.Engine(shards)
        except _native.NativeError as error:
            raise translate(error, "start media engine") from error
        self.event_fd: int | None = self._engine.event_fd()
        self._streams: dict[int, NativeStream] = {}
        self._clips = _ClipCache()
        self._polling = threading.Lock()
        self._closed = False

    def open_stream(self, config: StreamConfig) -> NativeStream:
        """See the interface."""
        if self._closed:
            raise InvalidState("the media engine is closed", step="open stream")
        stream = NativeStream(self._engine, config, self._clips, self._streams)
        self._streams[stream.id] = stream
        return stream

    def poll_events(self) -> list[MediaEvent]:
        """See the interface."""
        with self._polling:  # the rings have one reader each
            waiting = self._engine.poll()
        return [
            MediaEvent(_EVENT_KINDS[kind], stream_id, value, text, nanoseconds * 1e-9, reference)
            for kind, stream_id, value, text, nanoseconds, reference in waiting
        ]

    def statistics(self) -> Mapping[str, object]:
        """See the interface; ``lateness`` counts frames by (upper bound in microseconds or None for the rest)."""
        return self._engine.statistics()

    def close(self) -> None:
        """See the interface. Events of the end (``recording_finished``) can still be polled."""
        if self._closed:
            return
        self._closed = True
        for stream in list(self._streams.values()):
            stream.close()
        self._engine.stop()


class NativeStream:
    """See :class:`microsip_core.media.stream.Stream`, which documents every method."""

    __slots__ = (
        "_clips", "_final", "_next_id", "_registry", "_srtp", "_stream", "_taps", "id", "rtcp_address", "rtp_address",
    )

    def __init__(
        self, engine: _native.Engine, config: StreamConfig, clips: _ClipCache, registry: dict[int, NativeStream],
    ) -> None:
        self._stream: _native.Stream | None = None
        self._final: StreamCounters = {}
        self._srtp: SrtpKeys | None = None
        try:
            stream = _native.Stream(
                engine, config.local_host, config.port_range or (0, 0), config.jitter_min_ms, config.jitter_max_ms,
                config.jitter_initial_ms, config.media_timeout_ms, config.cname,
            )
        except _native.NativeError as error:
            ports = "" if config.port_range is None else f", ports {config.port_range[0]} to {config.port_range[1]}"
            remedy = "Widen the port range or end other calls" if error.status == _native.STATUS["EBUSY"] else None
            raise translate(error, "open media ports", config.local_host + ports, remedy) from error
        except OverflowError as error:
            raise InvalidArgument(f"a number of {config} is out of range", step="open media ports") from error
        self._stream = stream
        self._clips = clips
        self._registry = registry
        self._next_id = 0
        self._taps: list[NativeTap] = []
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
    ) -> None:
        """See the interface."""
        accepted = [(form.name, number, form.clock_rate, form.channels) for number, form in receive.items()]
        events = [number for number in telephone_event_receive if number not in receive]
        accepted += [("telephone-event", number, 8000, 1) for number in events]
        sent = None if send is None else (send.name, send.payload_type, send.clock_rate, send.channels)
        ptime_ms = 20 if send is None else send.ptime_ms
        event = -1 if telephone_event is None else telephone_event
        if event < -1 or not 0 <= ptime_ms <= 60:
            raise InvalidArgument(f"payload type {event}, ptime {ptime_ms} ms", step="configure stream")
        try:
            self._open.configure(
                remote, remote_rtcp, sent, ptime_ms, accepted, event, sending, receiving, srtp is not None,
                *self._new_contexts(srtp),
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
                clip = _native.Clip.copy(_int16(source), rate or stream.sample_rate, stream.sample_rate)
            reference = self._new_id()
            stream.play(clip, loop, reference)
        except (_native.NativeError, OverflowError) as error:
            raise _play_error(error, source) from error
        return reference

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
        try:
            stream.record(os.fspath(path), stereo, reference)
        except _native.NativeError as error:
            raise translate(error, "record", str(path)) from error
        return reference

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
            raise _dtmf_error(error, duration_ms, gap_ms) from error

    def set_mute(self, muted: bool) -> None:
        """See the interface."""
        self._open.set_mute(muted)

    def set_gain(self, send: float = 1.0, receive: float = 1.0) -> None:
        """See the interface."""
        try:
            self._open.set_gain(send, receive)
        except _native.NativeError as error:
            raise InvalidArgument(f"gains {send} and {receive}", step="set gain", remedy="Use 0 to 8") from error

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
        self._taps = [tap]
        return tap

    def level(self) -> tuple[float, float]:
        """See the interface."""
        counters = cast("dict[str, Any]", self.statistics())
        return _dbov(counters.get("sent_power", 0.0)), _dbov(counters.get("received_power", 0.0))

    def statistics(self) -> StreamCounters:
        """See the interface."""
        if self._stream is None:
            return self._final
        return cast("StreamCounters", self._stream.statistics())

    def close(self) -> StreamCounters:
        """See the interface."""
        stream, self._stream = self._stream, None
        if stream is not None:
            self._final = cast("StreamCounters", stream.close())
            self._registry.pop(self.id, None)
        return self._final

    @property
    def _open(self) -> _native.Stream:
        if self._stream is None:
            raise InvalidState("the stream is closed", step="command stream")
        return self._stream

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id


class _ClipCache:
    """Files already read: a thousand calls that play one announcement share its samples."""

    __slots__ = ("_clips", "_samples")

    def __init__(self) -> None:
        self._clips: OrderedDict[tuple[str, int, int, int], _native.Clip] = OrderedDict()
        self._samples = 0

    def load(self, path: str | PathLike[str], rate: int) -> _native.Clip:
        name = os.fspath(path)
        try:
            about = os.stat(name)
        except (OSError, ValueError) as error:
            raise FileError(f"{name}: {getattr(error, 'strerror', None) or error}", step="play") from error
        key = (name, about.st_mtime_ns, about.st_size, rate)
        clip = self._clips.get(key)
        if clip is not None:
            self._clips.move_to_end(key)
            return clip
        probe_wav(name)  # refuses the same files in the same words as the reference core
        clip = _native.Clip.load(name, rate)
        self._clips[key] = clip
        self._samples += clip.length
        while len(self._clips) > 1 and (len(self._clips) > _CACHED_CLIPS or self._samples > _CACHED_SAMPLES):
            self._samples -= self._clips.popitem(last=False)[1].length
        return clip


def _int16(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    import numpy as np

    array = np.ascontiguousarray(samples)
    if array.dtype != np.int16 or array.ndim != 1 or not len(array):
        raise InvalidArgument("samples to play have to be a flat int16 array that is not empty", step="play")
    return array


def _play_error(error: Exception, source: object) -> MicrosipError:
    if not isinstance(error, _native.NativeError):
        return InvalidArgument(str(error), step="play")
    if error.status == _native.STATUS["EFORMAT"]:
        return FileError(f"{source}: no WAV file", step="play", remedy="Convert it to WAV (PCM, A-law or mu-law)")
    if error.status == _native.STATUS["ENOTSUP"]:
        return FileError(
            f"{source}: a WAV file in an encoding that is not known", step="play",
            remedy="Convert it to 16-bit PCM, A-law or mu-law",
        )
    return translate(error, "play", "" if not isinstance(source, (str, PathLike)) else os.fspath(source))


def _dtmf_error(error: Exception, duration_ms: int, gap_ms: int) -> MicrosipError:
    status = getattr(error, "status", _native.STATUS["EINVAL"])
    if status == _native.STATUS["ESTATE"]:
        return InvalidState("the peer takes no telephone-events", step="send DTMF")
    if status == _native.STATUS["ELIMIT"]:
        return LimitExceeded("more than 64 digits wait", step="send DTMF")
    return InvalidArgument(
        f"digits of {duration_ms} ms with gaps of {gap_ms} ms", step="send DTMF",
        remedy="Use 40 to 5000 ms and gaps of 20 to 5000 ms",
    )


def _dbov(power: float) -> float:
    return max(-127.0, 10.0 * math.log10(power / 32768.0**2)) if power > 0.0 else -127.0
