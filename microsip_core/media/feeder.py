"""Plays files that are decoded while they play: one thread of an engine keeps two seconds ready for each playback."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from microsip_core.errors import FileError, MicrosipError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOG = logging.getLogger("microsip_core.media")
FEED_SECONDS = 2  # that wait, decoded
_ROUND = 0.1  # seconds between two looks at what has been played


class Feed(Protocol):
    """Where decoded samples go; what ``_native.Feed`` offers."""

    def space(self) -> int:
        """Samples that can be written."""
        ...

    def write(self, samples: NDArray[np.int16]) -> int:
        """Return how many samples were taken."""
        ...

    def clear(self) -> int:
        """Throw away what was not played yet."""
        ...

    def end(self) -> None:
        """Nothing more will be written."""
        ...

    def gone(self) -> bool:
        """Whether it is played no more."""
        ...


class FileReader(Protocol):
    """What :class:`AudioFile` offers."""

    def read(self) -> NDArray[np.int16] | None:
        """Return the next block, None at the end."""
        ...

    def seek(self, seconds: float) -> None:
        """Go on at a time from the beginning."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class FedPlayback:
    """A playlist on its way into one stream. The feeder's thread works it; :meth:`seek` may come from any."""

    def __init__(
        self, feed: Feed, paths: Sequence[str], loop: bool, open_file: Callable[[str], FileReader],
    ) -> None:
        self._feed = feed
        self._paths = tuple(paths)
        self._loop = loop
        self._open_file = open_file
        self._at = 0
        self._reader: FileReader | None = None
        self._pending: NDArray[np.int16] | None = None
        self._heard_any = False  # in this turn of the list: a loop of empty files must end
        self._seek_to: float | None = None
        self.error: MicrosipError | None = None
        """Why it ended early."""

    def seek(self, seconds: float) -> None:
        """Go on at a time from the beginning of the file that is being read."""
        self._seek_to = seconds

    def work(self) -> bool:
        """Decode until the feed is full; False when there is nothing more to do. Never raises."""
        try:
            while not self._feed.gone():
                if self._seek_to is not None:
                    self._carry_out_seek()
                if self._pending is None and not self._read_next():
                    break
                pending = self._pending
                if pending is not None:
                    taken = self._feed.write(pending)
                    self._pending = pending[taken:] if taken < len(pending) else None
                    if self._pending is not None:
                        return True
        except MicrosipError as error:
            self.error = error
        except Exception as error:
            _LOG.exception("fault while reading %s", self._paths[self._at])
            self.error = FileError(f"{self._paths[self._at]}: {error!r}", step="play")
        self.close()
        return False

    def _carry_out_seek(self) -> None:
        seconds, self._seek_to = self._seek_to, None
        if self._reader is None:
            self._reader = self._open_file(self._paths[self._at])
        self._feed.clear()
        self._pending = None
        self._reader.seek(seconds or 0.0)

    def _read_next(self) -> bool:
        """Read a block, of the next file where one has ended; False at the end of the list."""
        if self._reader is None:
            self._reader = self._open_file(self._paths[self._at])
        self._pending = self._reader.read()
        if self._pending is not None:
            self._heard_any = True
            return True
        self._reader.close()
        self._reader = None
        self._at += 1
        if self._at == len(self._paths):
            again = self._loop and self._heard_any
            self._heard_any = False
            if not again:
                self._at -= 1
                return False
            self._at = 0
        return True

    def close(self) -> None:
        """Nothing more is to be decoded."""
        self._feed.end()
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class Feeder:
    """The thread; it runs while there is anything to feed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._playbacks: list[FedPlayback] = []
        self._running = False
        self._closed = False

    def add(self, playback: FedPlayback) -> None:
        """Begin to feed a playback."""
        with self._changed:
            self._playbacks.append(playback)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="microsip-feeder", daemon=True).start()
            self._changed.notify()

    def wake(self) -> None:
        """Look at the playbacks now, not at the next round: one of them was moved."""
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                work = list(self._playbacks)
                if not work or self._closed:
                    self._running = False
                    break
            done = {playback for playback in work if not playback.work()}
            with self._changed:
                self._playbacks = [playback for playback in self._playbacks if playback not in done]
                if self._playbacks and not self._closed:
                    self._changed.wait(_ROUND)
        if self._closed:
            for playback in work:
                playback.close()

    def close(self) -> None:
        """End the thread at its next look. May be called again."""
        with self._changed:
            self._closed = True
            self._changed.notify()
