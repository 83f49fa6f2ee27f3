"""The media engine of the reference core: one Python thread that serves a few streams at absolute deadlines."""

from __future__ import annotations

import logging
import os
import selectors
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NoReturn

from microsip_core.errors import InvalidState, NotSupported
from microsip_core.media.events import MediaEvent, MediaEventKind
from microsip_core.media.stream import StreamConfig

from .arguments import NATIVE_REMEDY
from .stream import ReferenceStream

_LOG = logging.getLogger("microsip_core.media")
_LONGEST_WAIT = 0.01  # seconds: how soon a new stream is noticed
_MOST_EVENTS = 10_000  # nobody takes them, then the oldest are lost


class ReferenceEngine:
    """See :class:`microsip_core.media.engine.MediaEngine`.

    All of Python's other threads share its interpreter: use it for a handful of calls, and the native core for more.
    """

    core = "reference"
    event_fd: int | None = None

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._streams: dict[int, ReferenceStream] = {}
        self._next_id = 1
        self._selector = selectors.DefaultSelector()
        self._events: deque[MediaEvent] = deque(maxlen=_MOST_EVENTS)
        self._events_lost = 0
        self._frames_done = [0, 0, 0]  # of streams that are closed: ticks, late, skipped
        self._closing = False
        if sys.platform == "linux":
            self.event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="microsip-media", daemon=True)
        self._thread.start()
        _LOG.info("media runs on the pure-Python reference core, which serves a few calls at a time")

    def open_stream(self, config: StreamConfig) -> ReferenceStream:
        """Bind a pair of ports. Raises ``NetworkError`` (no such address) or ``Busy`` (no free pair in the range)."""
        with self._lock:
            if self._closing:
                raise InvalidState("the media engine is closed", step="open media")
            stream_id = self._next_id
            stream = ReferenceStream(stream_id, config, self._lock, self._emitter(stream_id))
            self._next_id += 1
            self._streams[stream_id] = stream
            self._watch(stream, True)
            stream.on_sockets = self._watch
            stream.on_close = self._forget
            return stream

    def open_mixer(self, sample_rate: int) -> NoReturn:
        """Refuse: conferences take the native core."""
        raise NotSupported("the reference core has no conferences", step="open conference", remedy=NATIVE_REMEDY)

    def poll_events(self) -> list[MediaEvent]:
        """Take the events that wait, oldest first."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
            if events and sys.platform == "linux" and self.event_fd is not None:
                os.eventfd_read(self.event_fd)
            return events

    def statistics(self) -> Mapping[str, object]:
        """Return figures of the thread."""
        with self._lock:
            sums = list(self._frames_done)
            for stream in self._streams.values():
                for place, figure in enumerate(stream.frames):
                    sums[place] += figure
            return {
                "core": self.core, "shards": 1, "streams": len(self._streams), "frames": sums[0],
                "frames_late": sums[1], "frames_skipped": sums[2], "events_lost": self._events_lost,
            }

    def close(self) -> None:
        """Close every stream, finish recordings, end the thread. Safe to call twice."""
        with self._lock:
            for stream in list(self._streams.values()):
                stream.close()
            already, self._closing = self._closing, True
        if already:
            return
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._selector.close()

    def __del__(self) -> None:
        if self.event_fd is not None:
            os.close(self.event_fd)

    def _emitter(self, stream_id: int) -> Callable[..., None]:
        def emit(kind: MediaEventKind, value: int = 0, detail: str = "", reference: int = 0) -> None:
            if len(self._events) == _MOST_EVENTS:
                self._events_lost += 1
            elif not self._events and sys.platform == "linux" and self.event_fd is not None:
                os.eventfd_write(self.event_fd, 1)
            self._events.append(MediaEvent(kind, stream_id, value, detail, time.monotonic(), reference))

        return emit

    def _watch(self, stream: ReferenceStream, on: bool) -> None:
        """Read from a stream's sockets from now on, or no more."""
        for opened, read in ((stream.rtp_socket, stream.read_rtp), (stream.rtcp_socket, stream.read_rtcp)):
            if on:
                self._selector.register(opened, selectors.EVENT_READ, (stream, read))
            else:
                self._selector.unregister(opened)

    def _forget(self, stream: ReferenceStream) -> None:
        for place, figure in enumerate(stream.frames):
            self._frames_done[place] += figure
        self._watch(stream, False)
        del self._streams[stream.id]

    def _run(self) -> None:
        while not self._closing:
            with self._lock:
                due = min((s.due for s in self._streams.values() if s.due is not None), default=None)
            wait = _LONGEST_WAIT if due is None else min(max(due - time.monotonic(), 0.0), _LONGEST_WAIT)
            ready = self._selector.select(wait)
            now = time.monotonic()
            with self._lock:
                for key, _ in ready:
                    stream, read = key.data
                    self._guarded(stream, read, now)
                for stream in list(self._streams.values()):
                    self._guarded(stream, stream.tick, now)

    def _guarded(self, stream: ReferenceStream, step: Callable[[float], None], now: float) -> None:
        """Run a step of one stream. A fault of ours ends that stream with an event, not the thread with all calls."""
        if stream.closed:
            return
        try:
            step(now)
        except Exception as error:
            _LOG.exception("fault in the media of stream %d", stream.id)
            self._emitter(stream.id)("error", 0, f"{type(error).__name__}: {error}")
            stream.close()
