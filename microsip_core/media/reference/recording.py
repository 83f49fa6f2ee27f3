"""A stream being recorded to a WAV file."""

from __future__ import annotations

from os import PathLike

import numpy as np
from numpy.typing import NDArray

from microsip_core.errors import FileError
from microsip_core.media.wav import WavWriter

from .receiver import Emit


class Recording:
    """Takes both directions frame by frame: sent left and received right, or both mixed."""

    def __init__(self, recording_id: int, path: str | PathLike[str], stereo: bool, rate: int, emit: Emit) -> None:
        """Make the file; raises :class:`FileError`."""
        self.id = recording_id
        self._rate = rate
        self._emit = emit
        self._writer = WavWriter(path, rate, 2 if stereo else 1)

    def put(self, sent: NDArray[np.int16], received: NDArray[np.int16]) -> bool:
        """Write a frame; False when the file has failed, which has been told then."""
        if self._writer.channels == 2:
            frame = np.column_stack((sent, received))
        else:
            frame = np.clip(sent.astype(np.int32) + received, -32768, 32767).astype(np.int16)
        try:
            self._writer.write(frame)
        except FileError as error:
            self.end(error.message)
            return False
        return True

    def end(self, failure: str = "") -> None:
        """Complete the file and tell so."""
        try:
            self._writer.close()
        except FileError as error:
            failure = failure or error.message
        self._emit("recording_finished", self._writer.frames * 1000 // self._rate, failure, self.id)
