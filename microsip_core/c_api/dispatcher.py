"""Delivers events to C-style callers: to a callback on one thread, or into a queue to be polled."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable

from microsip_core.c_api.structures import SipEvent
from microsip_core.user_agent.log import LOG

Callback = Callable[[SipEvent], object]
_LIMIT = 10_000


class Dispatcher:
    """Holds up to 10,000 events for ``poll``; the oldest are lost beyond that, counted in ``dropped``."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: deque[SipEvent] = deque()
        self._callback: Callback | None = None
        self._mask: frozenset[str] | None = None
        self._for_callback: queue.SimpleQueue[tuple[Callback, SipEvent] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.dropped = 0

    def set_callback(self, callback: Callback | None, mask: frozenset[str] | None) -> None:
        """Call ``callback`` with each event whose type is in ``mask`` (None: every one); None: no more."""
        with self._changed:
            self._callback, self._mask = callback, mask
            if callback is not None and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="microsip-callbacks", daemon=True)
                self._thread.start()

    def put(self, event: SipEvent) -> None:
        """Take an event, from the loop thread."""
        with self._changed:
            if self._callback is not None and (self._mask is None or event.type in self._mask):
                self._for_callback.put((self._callback, event))
                return
            if len(self._events) >= _LIMIT:
                self._events.popleft()
                self.dropped += 1
            self._events.append(event)
            self._changed.notify_all()

    def poll(self, timeout: float | None, mask: frozenset[str] | None = None) -> SipEvent | None:
        """Take the oldest event, with ``mask`` of these types, waiting at most ``timeout`` seconds (None: no limit)."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                for index, event in enumerate(self._events):
                    if mask is None or event.type in mask:
                        del self._events[index]
                        return event
                left = None if deadline is None else deadline - time.monotonic()
                if self._closed or (left is not None and left <= 0):
                    return None
                self._changed.wait(left)

    def _run(self) -> None:
        while (item := self._for_callback.get()) is not None:
            callback, event = item
            try:
                callback(event)
            except Exception:
                LOG.exception("fault in the callback for %s", event.type)

    @property
    def on_callback_thread(self) -> bool:
        """Whether the caller is a callback."""
        return threading.current_thread() is self._thread

    def close(self, timeout: float = 2.0) -> None:
        """Deliver what waits, at most ``timeout`` seconds, and end the thread; wake those who poll."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._for_callback.put(None)
            if not self.on_callback_thread:
                self._thread.join(timeout)
