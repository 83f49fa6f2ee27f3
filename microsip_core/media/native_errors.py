"""Statuses of the native engine as this package's exceptions."""

from __future__ import annotations

import os
from os import PathLike

from microsip_core.errors import (
    Busy,
    CodecError,
    FileError,
    InvalidArgument,
    InvalidState,
    LimitExceeded,
    MediaError,
    MicrosipError,
    NetworkError,
)

from . import _native
from .stream import StreamConfig, ports_text

_ERRORS: dict[int, type[MicrosipError]] = {
    _native.STATUS["EINVAL"]: InvalidArgument,
    _native.STATUS["ENETWORK"]: NetworkError,
    _native.STATUS["EBUSY"]: Busy,
    _native.STATUS["EIO"]: FileError,
    _native.STATUS["EFORMAT"]: FileError,
    _native.STATUS["ENOTSUP"]: CodecError,
    _native.STATUS["ESTATE"]: InvalidState,
    _native.STATUS["ELIMIT"]: LimitExceeded,
}


def translate(error: _native.NativeError, step: str, subject: str = "", remedy: str | None = None) -> MicrosipError:
    """Return the exception of this package for a status of the native side."""
    if error.status == _native.STATUS["ENOMEM"]:
        raise MemoryError(step) from error
    reason = os.strerror(error.errno) if error.errno else str(error)
    text = f"{subject}: {reason}" if subject else reason
    return _ERRORS.get(error.status, MediaError)(text, step=step, remedy=remedy)


def open_error(error: _native.NativeError, config: StreamConfig) -> MicrosipError:
    """Return what to raise when a stream can not be opened."""
    if error.status == _native.STATUS["ELIMIT"]:
        return LimitExceeded(
            "the media engine takes no more streams: its threads have as many as they can serve on time",
            step="open media", remedy="End other calls, or give the engine more shards",
        )
    if config.port_range is None:
        return translate(error, "open media ports", config.local_host)
    subject = f"{config.local_host}, {ports_text(config.port_range)}"
    remedy = "Widen the port range or end other calls" if error.status == _native.STATUS["EBUSY"] else None
    return translate(error, "open media ports", subject, remedy)


def play_error(error: Exception, source: object) -> MicrosipError:
    """Return what to raise when a clip can not be played."""
    if not isinstance(error, _native.NativeError):
        return InvalidArgument(str(error), step="play")
    if error.status == _native.STATUS["EFORMAT"]:
        return FileError(f"{source}: no WAV file", step="play", remedy="Convert it to WAV (PCM, A-law or mu-law)")
    if error.status == _native.STATUS["ENOTSUP"]:
        return FileError(
            f"{source}: a WAV file in an encoding that is not known", step="play",
            remedy="Convert it to 16-bit PCM, A-law or mu-law",
        )
    return translate(error, "play", "" if not isinstance(source, (str, PathLike)) else os.fspath(source))


def dtmf_error(error: Exception, duration_ms: int, gap_ms: int) -> MicrosipError:
    """Return what to raise when digits can not be sent."""
    status = getattr(error, "status", _native.STATUS["EINVAL"])
    if status == _native.STATUS["ESTATE"]:
        return InvalidState("the peer takes no telephone-events", step="send DTMF")
    if status == _native.STATUS["ELIMIT"]:
        return LimitExceeded("more than 64 digits wait", step="send DTMF")
    return InvalidArgument(
        f"digits of {duration_ms} ms with gaps of {gap_ms} ms", step="send DTMF",
        remedy="Use 40 to 5000 ms and gaps of 20 to 5000 ms",
    )
