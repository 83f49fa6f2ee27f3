"""WAV files: reading what real programs write, at the rate a call wants, and writing what a call recorded."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from microsip_core.errors import FileError, InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PCM, _FLOAT, _A_LAW, _MU_LAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE  # RFC 2361, mmreg.h
_NAMES = {2: "Microsoft ADPCM", 17: "IMA ADPCM", 49: "GSM 6.10", 80: "MPEG", 85: "MP3"}
_UNKNOWN_SIZES = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF})  # what programs write that can not go back to the header
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 384_000
_MOST_CHANNELS = 32
_MOST_OCTETS = 512 << 20


@dataclass(frozen=True, slots=True)
class WavAudio:
    """Decoded audio: ``samples`` are float64 of shape (frames, channels) on the scale of int16, ``rate`` is in Hz."""

    rate: int
    samples: NDArray[np.float64]

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.rate

    def mono(self) -> NDArray[np.float64]:
        """Return the mean of the channels."""
        mixed: NDArray[np.float64] = self.samples.mean(axis=1)
        return mixed


@dataclass(frozen=True, slots=True)
class WavFormat:
    """What the header of a WAV file says, and how much audio is really there."""

    tag: int  # encoding: 1 PCM, 3 float, 6 A-law, 7 mu-law
    channels: int
    rate: int  # Hz
    bits: int  # per sample
    frames: int = 0

    @property
    def frame_size(self) -> int:
        """Octets per frame."""
        return self.channels * self.bits // 8

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.rate


def probe_wav(path: str | PathLike[str]) -> WavFormat:
    """Check a WAV file and return its format without reading the audio; raises :class:`FileError` as ``load_wav``."""
    with _opened(path) as file:
        return _find_data(file, path)


def load_wav(path: str | PathLike[str]) -> WavAudio:
    """Read a WAV file: PCM of 8, 16, 24 and 32 bits, float of 32 and 64, A-law and mu-law; any rate and channels.

    Raises :class:`FileError`, which names the file and what is wrong with it.
    """
    with _opened(path) as file:
        form = _find_data(file, path)
        data = file.read(form.frames * form.frame_size)
    return WavAudio(form.rate, _decode(form, data, path))


def read_wav(path: str | PathLike[str], rate: int = 8000) -> NDArray[np.int16]:
    """Read a WAV file as mono int16 samples at ``rate`` Hz: channels are averaged, another rate is converted."""
    from microsip_core.media.resampler import resample, to_int16

    audio = load_wav(path)
    return to_int16(resample(audio.mono(), audio.rate, rate))


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    try:
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        raise FileError(
            f"{os.fspath(path)}: {error.strerror or error}", step="read WAV",
            remedy="Check the path and its permissions",
        ) from error


def _bad(path: str | PathLike[str], what: str) -> FileError:
    return FileError(
        f"{os.fspath(path)}: {what}", step="read WAV",
        remedy="Convert it, e.g. with: sox INPUT -b 16 -r 8000 -c 1 OUTPUT.wav",
    )


def _find_data(file: BinaryIO, path: str | PathLike[str]) -> WavFormat:
    """Read up to the audio of a RIFF (or RF64) file and return its format; chunks of other kinds are passed over."""
    head = file.read(12)
    if len(head) < 12:
        raise _bad(path, "empty file" if not head else "too short for a WAV file")
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise _bad(path, "not a WAV file (no RIFF/WAVE header)")
    form: WavFormat | None = None
    while True:
        header = file.read(8)
        if len(header) < 8:
            raise _bad(path, "no data chunk" if form else "no fmt chunk")
        name, size = struct.unpack("<4sI", header)
        if name == b"data":
            if form is None:
                raise _bad(path, "the data chunk comes before the fmt chunk")
            return _with_frames(form, size, os.fstat(file.fileno()).st_size - file.tell(), path)
        if name == b"fmt ":
            form = _parse_format(file.read(min(size, 64)), path)
            file.seek(max(size - 64, 0) + (size & 1), os.SEEK_CUR)
        else:
            file.seek(size + (size & 1), os.SEEK_CUR)


def _with_frames(form: WavFormat, size: int, left: int, path: str | PathLike[str]) -> WavFormat:
    if size in _UNKNOWN_SIZES:
        size = left
    elif size > left:
        raise _bad(path, f"truncated: {size} octets of audio announced, {left} are there")
    if size > _MOST_OCTETS:
        raise _bad(path, f"larger than {_MOST_OCTETS >> 20} MiB")
    if size < form.frame_size:
        raise _bad(path, "no audio in it")
    return replace(form, frames=size // form.frame_size)


def _parse_format(chunk: bytes, path: str | PathLike[str]) -> WavFormat:
    if len(chunk) < 16:
        raise _bad(path, "the fmt chunk is too short")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE:
        if len(chunk) < 26:
            raise _bad(path, "the fmt chunk is too short")
        tag = struct.unpack_from("<H", chunk, 24)[0]
    allowed = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64), _A_LAW: (8,), _MU_LAW: (8,)}.get(tag)
    if allowed is None:
        raise _bad(path, f"unsupported encoding {_NAMES.get(tag, f'number {tag}')}")
    if bits not in allowed:
        raise _bad(path, f"unsupported sample size of {bits} bits")
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise _bad(path, f"unsupported sample rate of {rate} Hz")
    if not 1 <= channels <= _MOST_CHANNELS:
        raise _bad(path, f"unsupported number of channels: {channels}")
    return WavFormat(tag, channels, rate, bits)


def _decode(form: WavFormat, data: bytes, path: str | PathLike[str]) -> NDArray[np.float64]:
    import numpy as np

    from microsip_core.media.reference import g711

    samples: NDArray[np.float64]
    if form.tag == _A_LAW:
        samples = g711.decode_a_law(data).astype(np.float64)
    elif form.tag == _MU_LAW:
        samples = g711.decode_mu_law(data).astype(np.float64)
    elif form.tag == _FLOAT:
        samples = np.frombuffer(data, "<f4" if form.bits == 32 else "<f8").astype(np.float64) * 32768.0
        if not np.isfinite(samples).all():
            raise _bad(path, "holds samples that are no numbers")
    elif form.bits == 8:
        samples = (np.frombuffer(data, np.uint8).astype(np.float64) - 128.0) * 256.0
    elif form.bits == 16:
        samples = np.frombuffer(data, "<i2").astype(np.float64)
    elif form.bits == 24:
        octets = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        words = octets[:, 0] << 8 | octets[:, 1] << 16 | octets[:, 2] << 24
        samples = words.astype(np.float64) / 65536.0
    else:
        samples = np.frombuffer(data, "<i4").astype(np.float64) / 65536.0
    return samples.reshape(-1, form.channels)


class WavWriter:
    """Writes 16-bit PCM as it comes. The header is right after :meth:`close`, and after every :meth:`flush`."""

    __slots__ = ("_file", "_octets", "channels", "path", "rate")

    def __init__(self, path: str | PathLike[str], rate: int = 8000, channels: int = 1) -> None:
        """Create the file, or raise :class:`FileError`."""
        self.path = Path(path)
        self.rate = rate
        self.channels = channels
        self._octets = 0
        try:
            # Unbuffered, so that a full disk shows at the write it happens to.
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115 -- closed by close()
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._put(self._header())
        except FileError:
            self._file.close()
            raise

    @property
    def frames(self) -> int:
        """Frames written so far."""
        return self._octets // (2 * self.channels)

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append samples of shape (frames,) or (frames, channels). Raises :class:`FileError` when the disk is full."""
        if samples.size % self.channels:
            raise InvalidArgument(f"{samples.size} samples are no frames of {self.channels} channels", step="write WAV")
        data = samples.astype("<i2", copy=False).tobytes()
        self._put(data)
        self._octets += len(data)

    def flush(self) -> None:
        """Bring the header up to date, so that the file is whole even if the program ends here."""
        try:
            self._file.seek(0)
            self._put(self._header())
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Finish the file. May be called again."""
        if not self._file.closed:
            try:
                self.flush()
            finally:
                self._file.close()

    def _put(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._failed(error) from error

    def _header(self) -> bytes:
        size = min(self._octets, 0xFFFFFFFF - 36)
        frame = 2 * self.channels
        return struct.pack(
            "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, _PCM, self.channels, self.rate,
            self.rate * frame, frame, 16, b"data", size,
        )

    def _failed(self, error: OSError) -> FileError:
        return FileError(
            f"{self.path}: {error.strerror or error}", step="write WAV",
            remedy="Check the folder, its permissions and the space on the disk",
        )


def write_wav(path: str | PathLike[str], samples: NDArray[np.int16], rate: int = 8000) -> None:
    """Write a whole WAV file: samples of shape (frames,) or (frames, channels)."""
    writer = WavWriter(path, rate, 1 if samples.ndim == 1 else samples.shape[1])
    try:
        writer.write(samples)
    finally:
        writer.close()
