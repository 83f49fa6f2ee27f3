"""The exit statuses of ``microsip``, the same for every command, and which error leads to which."""

from __future__ import annotations

from enum import IntEnum

from microsip_core.errors import (
    AuthenticationError,
    Busy,
    CallRefused,
    CodecError,
    ConfigError,
    FileError,
    InvalidArgument,
    MediaError,
    NetworkError,
    ParseError,
    TimedOut,
)


class ExitStatus(IntEnum):
    """What the process returns. A signal that ends it gives 128 + its number, after a clean end."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NETWORK = 4
    AUTHENTICATION = 5
    MEDIA = 6
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_STATUS_HELP = """\
exit status:
  0  done as asked; for calls: answered and ended normally, by either side
  1  a failure of this program
  2  bad usage or input: unknown option, bad URI, unknown codec, a file that can not be read or written
  3  the call was refused, or nobody answered it
  4  network: unknown host, port in use, nothing came back, the peer vanished
  5  authentication: wrong user name or password, or none given
  6  media: no codec in common, no ports for media
  130, 143  ended by SIGINT, SIGTERM, after hanging up and unregistering"""

_BY_SIP_STATUS = {
    401: ExitStatus.AUTHENTICATION, 407: ExitStatus.AUTHENTICATION,
    415: ExitStatus.MEDIA, 488: ExitStatus.MEDIA, 606: ExitStatus.MEDIA,
}
_BY_ERROR: tuple[tuple[type[BaseException], ExitStatus], ...] = (
    (AuthenticationError, ExitStatus.AUTHENTICATION),
    (CodecError, ExitStatus.MEDIA),
    (MediaError, ExitStatus.MEDIA),
    (InvalidArgument, ExitStatus.USAGE),
    (ParseError, ExitStatus.USAGE),
    (ConfigError, ExitStatus.USAGE),
    (FileError, ExitStatus.USAGE),
    (NetworkError, ExitStatus.NETWORK),
    (TimedOut, ExitStatus.NETWORK),
    (Busy, ExitStatus.NETWORK),
)


class UsageError(InvalidArgument):
    """An argument or file that can not be used; found before anything was sent."""


class NotAnswered(TimedOut):
    """The peer was reached and rang, but nobody answered."""


def exit_status_of(error: BaseException) -> ExitStatus:
    """Return the exit status an error leads to."""
    if isinstance(error, NotAnswered):
        return ExitStatus.REFUSED
    if isinstance(error, CallRefused):
        return _BY_SIP_STATUS.get(error.status, ExitStatus.REFUSED)
    return next((status for kind, status in _BY_ERROR if isinstance(error, kind)), ExitStatus.FAILED)
