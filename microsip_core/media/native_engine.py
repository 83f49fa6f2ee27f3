"""The native media engine behind the common interface: its streams, events and figures."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from microsip_core.errors import InvalidState

from . import _native
from .events import MediaEvent, MediaEventKind
from .feeder import Feeder
from .native_clips import ClipCache
from .native_errors import translate
from .native_mixer import NativeMixer
from .native_stream import NativeStream
from .sound_writer import Encoder
from .stream import StreamConfig

_EVENT_KINDS = cast("tuple[MediaEventKind, ...]", _native.EVENT_KINDS)


class NativeEngine:
    """See :class:`microsip_core.media.engine.MediaEngine`."""

    core = "native"

    def __init__(
        self, shards: int = 1, *, pinned: bool = False, streams_max: int = 0, load_max_percent: int = 0,
    ) -> None:
        try:
            self._engine = _native.Engine(
                shards, hurried=os.environ.get("MICROSIP_REALTIME") != "0", pinned=pinned, streams_max=streams_max,
                load_max_percent=load_max_percent,
            )
        except _native.NativeError as error:
            raise translate(error, "start media engine") from error
        self.event_fd: int | None = self._engine.event_fd()
        self._streams: dict[int, NativeStream] = {}
        self._clips = ClipCache()
        self._feeder = Feeder()
        self._encoder = Encoder()
        self._polling = threading.Lock()
        self._closed = False

    def open_stream(self, config: StreamConfig) -> NativeStream:
        """See the interface."""
        if self._closed:
            raise InvalidState("the media engine is closed", step="open stream")
        stream = NativeStream(self._engine, config, self._clips, self._feeder, self._encoder, self._streams)
        self._streams[stream.id] = stream
        return stream

    def open_mixer(self, sample_rate: int) -> NativeMixer:
        """See the interface."""
        if self._closed:
            raise InvalidState("the media engine is closed", step="open conference")
        return NativeMixer(self._engine, sample_rate, self._clips, self._encoder)

    def poll_events(self) -> list[MediaEvent]:
        """See the interface."""
        with self._polling:  # the rings have one reader each
            waiting = self._engine.poll()
        return [self._with_reason(_event(*one)) for one in waiting]

    def _with_reason(self, event: MediaEvent) -> MediaEvent:
        """A playlist that could not be read has just ended, as far as the shard knows."""
        stream = self._streams.get(event.stream_id) if event.detail == "finished" else None
        reason = "" if stream is None else stream.playback_error(event.reference)
        return replace(event, detail=f"error: {reason}") if reason else event

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
        self._feeder.close()
        self._engine.stop()


def _event(kind: int, stream_id: int, value: int, text: str, nanoseconds: int, reference: int) -> MediaEvent:
    name = _EVENT_KINDS[kind]
    detail = f"{text}: {os.strerror(value)}" if name == "error" and value else text
    return MediaEvent(name, stream_id, value, detail, nanoseconds * 1e-9, reference)
