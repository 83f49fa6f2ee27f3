"""Writes to a pipe from a thread of its own: a reader that has stopped reading must not stop calls, nor their end."""

from __future__ import annotations

import os
import queue
import threading

_WAITING = 10_000  # so many texts are kept for a slow reader


class LineWriter:
    """Keeps up to 10,000 texts for a reader slower than us; what comes beyond that is lost, counted in ``lost``."""

    def __init__(self, descriptor: int) -> None:
        self.lost = 0
        self._descriptor = descriptor
        self._error: OSError | None = None
        self._texts: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="microsip-output", daemon=True)
        self._thread.start()

    def write(self, text: bytes) -> None:
        """Have ``text`` written, without waiting. Raises the OSError that an earlier text met."""
        if self._error is not None:
            raise self._error
        try:
            self._texts.put_nowait(text)
        except queue.Full:
            self.lost += 1

    def _run(self) -> None:
        while (text := self._texts.get()) is not None:
            try:
                while text:
                    text = text[os.write(self._descriptor, text):]
            except OSError as error:
                self._error = error
                return

    def close(self, patience: float | None) -> bool:
        """Wait until all is written, at most ``patience`` seconds, None: as long as it takes. Returns whether it is.

        Raises the OSError that a text met, BrokenPipeError where the reader has gone.
        """
        try:
            self._texts.put(None, timeout=patience)
        except queue.Full:
            return False
        self._thread.join(patience)
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()
