"""Sound files of any format that PyAV reads (MP3, Ogg, FLAC, Opus, AAC, WAV, ...), decoded block by block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any

from microsip_core.errors import FileError, NotSupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_REMEDY = "Give a sound file, such as WAV, MP3, Ogg, FLAC or Opus"


def check_file(path: str | PathLike[str]) -> str:
    """Return the path as a string. Raises :class:`FileError` unless there is a file that can be read."""
    name = os.fspath(path)
    try:
        with open(name, "rb"):
            return name
    except (OSError, ValueError) as error:
        raise FileError(f"{name}: {getattr(error, 'strerror', None) or error}", step="play") from error


def require_decoder() -> Any:
    """Return PyAV. Raises :class:`NotSupported` where it is not installed."""
    try:
        import av
    except ImportError as error:
        raise NotSupported("files other than WAV take PyAV", step="play", remedy="pip install av") from error
    return av


class AudioFile:
    """One sound stream of a file, as int16 mono at ``rate`` Hz. Not thread-safe."""

    def __init__(self, path: str | PathLike[str], rate: int) -> None:
        """Open it; this reads the disk. Raises :class:`FileError` for a file that holds no sound, NotSupported."""
        self.path = check_file(path)
        self._av = require_decoder()
        self._rate = rate
        self._skip = 0
        self._wanted = 0.0
        self._open()
        self._begin()

    @property
    def duration(self) -> float | None:
        """Seconds, as the file says; None where it does not."""
        length = self._container.duration
        return None if length is None else length / self._av.time_base

    def _open(self) -> None:
        try:
            # a name with a colon is a path too, never a protocol that reaches out to the network
            self._container = self._av.open(f"file:{self.path}", options={"protocol_whitelist": "file"})
        except (self._av.FFmpegError, ValueError) as error:
            raise self._unreadable(error) from error
        if not self._container.streams.audio:
            self._container.close()
            raise FileError(f"{self.path}: holds no sound", step="play", remedy=_REMEDY)
        self._stream = self._container.streams.audio[0]

    def _begin(self) -> None:
        self._resampler = self._av.AudioResampler(format="s16", layout="mono", rate=self._rate)
        self._frames: Iterator[Any] | None = self._container.decode(self._stream)

    def read(self) -> NDArray[np.int16] | None:
        """Decode the next block, usually of 20 to 100 ms; None at the end. Raises :class:`FileError`."""
        while self._frames is not None:
            try:
                frame = next(self._frames, None)
                if frame is not None and self._skip:
                    self._skip_to(frame)
                parts = self._resampler.resample(frame)
            except (self._av.FFmpegError, ValueError) as error:
                raise self._unreadable(error) from error
            if frame is None:
                self._frames = None  # that was the last of the resampler
            samples = self._joined(parts)
            if len(samples):
                return samples
        return None

    def _skip_to(self, frame: Any) -> None:
        """After seeking, which goes to a place before: leave out what is too early."""
        if frame.time is None:
            self._skip = 0
        else:
            early = self._wanted - frame.time
            self._skip = max(0, round(early * self._rate))

    def _joined(self, parts: list[Any]) -> NDArray[np.int16]:
        import numpy as np

        arrays = [part.to_ndarray().reshape(-1) for part in parts]
        samples = np.concatenate(arrays) if arrays else np.zeros(0, np.int16)
        if self._skip:
            samples, self._skip = samples[self._skip:], max(0, self._skip - len(samples))
        return np.ascontiguousarray(samples, np.int16)

    def seek(self, seconds: float) -> None:
        """Go on at a time from the beginning; beyond the end there is nothing more. Raises :class:`FileError`."""
        try:
            self._container.seek(max(0, int(seconds * self._av.time_base)))
        except (self._av.FFmpegError, ValueError):  # a format without an index: decode all that is before
            self.close()
            self._open()
        self._wanted, self._skip = seconds, 1
        self._begin()

    def close(self) -> None:
        """Close the file."""
        self._frames = None
        self._container.close()

    def _unreadable(self, error: Exception) -> FileError:
        reason = getattr(error, "strerror", None) or str(error)
        return FileError(f"{self.path}: {reason}", step="play", remedy=_REMEDY)
