"""Recordings in FLAC, Opus or MP3: encoded with PyAV on a thread of their own, off the media threads."""

from __future__ import annotations

import errno
import logging
import os
import threading
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol

from microsip_core.errors import FileError, InvalidArgument, NotSupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOG = logging.getLogger("microsip_core.media")
_ROUND = 0.1  # seconds between two looks at what has been recorded; two seconds may wait
_BLOCK = 0.5  # seconds encoded at a time
_FORMATS = {
    ".flac": ("flac", "flac"), ".opus": ("ogg", "libopus"), ".ogg": ("ogg", "libopus"), ".mp3": ("mp3", "libmp3lame"),
}  # container and codec of PyAV
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_BITRATE = {"libopus": 24000, "libmp3lame": 48000}  # bit/s and channel: speech


def is_encoded(path: str | PathLike[str]) -> bool:
    """Whether a recording is to be encoded: its name ends in .flac, .opus, .ogg or .mp3; all else is WAV."""
    return os.path.splitext(os.fsdecode(path))[1].lower() in _FORMATS


class SoundWriter:
    """A sound file being written, in the format that the end of its name says. Not thread-safe."""

    def __init__(self, path: str | PathLike[str], rate: int, channels: int) -> None:
        """Make the file. Raises :class:`FileError`, and NotSupported without PyAV or its encoder."""
        try:
            import av
        except ImportError as error:
            raise NotSupported("recordings other than WAV take PyAV", step="record", remedy="pip install av") from error
        self.path, self.rate, self.channels = os.fsdecode(path), rate, channels
        container, codec = _FORMATS[os.path.splitext(self.path)[1].lower()]
        self._av = av
        self._layout = "mono" if channels == 1 else "stereo"
        try:
            self._file = open(self.path, "wb")  # noqa: SIM115 - closed by close(); PyAV hides the reason of a failure
            self._container = av.open(self._file, "w", format=container)
            stream: Any = self._container.add_stream(codec, rate=_rate_for(codec, rate))
            stream.layout = self._layout
            if codec in _BITRATE:
                stream.bit_rate = _BITRATE[codec] * channels
            self._container.start_encoding()  # the header now: a recording of nothing is a file as well
        except OSError as error:
            raise FileError(f"{self.path}: {error.strerror or error}", step="record") from error
        except ValueError as error:
            raise InvalidArgument(f"{self.path!r}: {error}", step="record") from error
        self._stream = stream
        self._written = 0  # frames

    def write(self, samples: NDArray[np.int16]) -> None:
        """Encode samples, channels interleaved. Raises OSError."""
        frame = self._av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=self._layout)
        frame.sample_rate = self.rate
        frame.pts = self._written
        self._written += len(samples) // self.channels
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Complete the file. Raises OSError."""
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        finally:
            self._file.close()


def _rate_for(codec: str, rate: int) -> int:
    return rate if codec != "libopus" or rate in _OPUS_RATES else 48000


class RecordedSamples(Protocol):
    """Where the samples come from; what ``_native.Recording`` offers."""

    def read_into(self, samples: NDArray[np.int16]) -> int:
        """Return how many samples were put in front, channels interleaved."""
        ...

    def ended(self) -> bool:
        """Whether nothing more will come than can be read now."""
        ...

    def finish(self, failure: int) -> None:
        """Tell that the file is complete, or the error number of why it is not."""
        ...


class EncodedRecording:
    """One recording on its way into a file. Worked by the encoder's thread only."""

    def __init__(self, samples: RecordedSamples, writer: SoundWriter) -> None:
        import numpy as np

        self._samples = samples
        self._writer = writer
        self._block = np.empty(int(writer.rate * _BLOCK) * writer.channels, np.int16)

    def work(self) -> bool:
        """Encode what has gathered; False when the file is complete or has failed. Never raises."""
        failure = 0
        try:
            ended = self._samples.ended()  # before the last reading, so that nothing is left behind
            while count := self._samples.read_into(self._block):
                self._writer.write(self._block[:count])
            if not ended:
                return True
        except Exception as error:
            failure = self._failed(error)
        try:
            self._writer.close()
        except Exception as error:
            failure = failure or self._failed(error)
        self._samples.finish(failure)
        return False

    def _failed(self, error: Exception) -> int:
        if not isinstance(error, OSError):
            _LOG.exception("fault while recording to %s", self._writer.path)
        number = getattr(error, "errno", None)
        return number if isinstance(number, int) and 0 < number < 4096 else errno.EIO


class Encoder:
    """The thread of an engine that encodes its recordings; it runs while there are any, the engine's end included."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._recordings: list[EncodedRecording] = []
        self._running = False

    def add(self, recording: EncodedRecording) -> None:
        """Encode a recording from now on."""
        with self._changed:
            self._recordings.append(recording)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="microsip-encoder", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._changed:
                work = list(self._recordings)
                if not work:
                    self._running = False
                    return
            done = {recording for recording in work if not recording.work()}
            with self._changed:
                self._recordings = [recording for recording in self._recordings if recording not in done]
                if self._recordings:
                    self._changed.wait(_ROUND)
