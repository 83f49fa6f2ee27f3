"""A conference of the native media engine behind the common interface: arguments in, exceptions out."""

from __future__ import annotations

import os
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, TypeVar

from microsip_core.errors import InvalidArgument, InvalidState

from . import _native
from .mixer import MemberStatistics, MixerStatistics
from .native_clips import ClipCache, flat_int16
from .native_errors import play_error, translate
from .native_stream import NativeStream, dbov
from .sound_writer import EncodedRecording, Encoder, SoundWriter, is_encoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .stream import Stream

T = TypeVar("T")


class NativeMember:
    """See :class:`microsip_core.media.mixer.Member`."""

    __slots__ = ("_member", "_rate")

    def __init__(self, member: _native.Member, rate: int) -> None:
        self._member = member
        self._rate = rate

    def set(
        self, *, talk_gain: float = 1.0, hear_gain: float = 1.0, muted: bool = False, deaf: bool = False,
    ) -> None:
        """See the interface."""
        try:
            self._member.set(talk_gain, hear_gain, muted, deaf)
        except _native.NativeError as error:
            if error.status == _native.STATUS["ESTATE"]:
                raise translate(error, "set member") from error
            raise InvalidArgument(
                f"gains {talk_gain} and {hear_gain}", step="set member", remedy="Use 0 to 8",
            ) from error

    def statistics(self) -> MemberStatistics:
        """See the interface."""
        power, starved, trimmed, starved_out, trimmed_out = _do(self._member.statistics, "member statistics")
        ms = 1000 / self._rate
        return MemberStatistics(dbov(power), (starved + starved_out) * ms, (trimmed + trimmed_out) * ms)

    def leave(self) -> None:
        """See the interface."""
        self._member.leave()


class NativeMixer:
    """See :class:`microsip_core.media.mixer.Mixer`, which documents every method."""

    __slots__ = ("_clips", "_encoder", "_mixer", "_next_id", "id", "sample_rate")

    def __init__(self, engine: _native.Engine, sample_rate: int, clips: ClipCache, encoder: Encoder) -> None:
        try:
            self._mixer = _native.Mixer(engine, sample_rate)
        except (_native.NativeError, OverflowError) as error:
            raise InvalidArgument(
                f"a conference at {sample_rate} Hz", step="open conference", remedy="Use 8000, 16000, 32000 or 48000",
            ) from error
        self._clips = clips
        self._encoder = encoder
        self._next_id = 0
        self.id = self._mixer.id
        self.sample_rate = sample_rate

    def join(self, stream: Stream) -> NativeMember:
        """See the interface."""
        if not isinstance(stream, NativeStream):
            raise InvalidArgument("the stream is of another media core", step="join conference")
        native = stream.native
        return NativeMember(_do(lambda: self._mixer.join(native), "join conference"), self.sample_rate)

    def play(
        self, source: str | PathLike[str] | NDArray[np.int16], *, rate: int | None = None, loop: bool = False,
    ) -> int:
        """See the interface."""
        self._next_id += 1
        try:
            if isinstance(source, (str, PathLike)):
                clip = self._clips.load(source, self.sample_rate)
            else:
                clip = _native.Clip.copy(flat_int16(source), rate or self.sample_rate, self.sample_rate)
            self._mixer.play(clip, loop, self._next_id)
        except (_native.NativeError, OverflowError) as error:
            raise play_error(error, source) from error
        return self._next_id

    def stop_play(self) -> None:
        """See the interface."""
        _do(self._mixer.stop_play, "stop play")

    def record(self, path: str | PathLike[str]) -> int:
        """See the interface."""
        self._next_id += 1
        if is_encoded(path):
            writer = SoundWriter(path, self.sample_rate, 1)
            self._encoder.add(EncodedRecording(
                _do(lambda: self._mixer.record_samples(self._next_id), "record"), writer,
            ))
            return self._next_id
        try:
            self._mixer.record(os.fspath(path), self._next_id)
        except _native.NativeError as error:
            raise translate(error, "record", str(path)) from error
        return self._next_id

    def pause_record(self, recording: int, paused: bool = True) -> None:
        """See the interface."""
        _do(lambda: self._mixer.pause_record(recording, paused), "pause recording")

    def stop_record(self) -> None:
        """See the interface."""
        _do(self._mixer.stop_record, "stop record")

    def statistics(self) -> MixerStatistics:
        """See the interface."""
        members, ticks, skipped, work, power = _do(self._mixer.statistics, "conference statistics")
        return MixerStatistics(members, dbov(power), ticks, skipped, work * 1e-9)

    def close(self) -> None:
        """See the interface."""
        self._mixer.close()


def _do(act: Callable[[], T], step: str) -> T:
    try:
        return act()
    except _native.NativeError as error:
        if error.status == _native.STATUS["ESTATE"]:
            raise InvalidState("the conference has ended", step=step) from error
        raise translate(error, step) from error
