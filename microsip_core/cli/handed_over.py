"""An error that came over the control socket, as the exception it was there, so that the exit status is the same."""

from __future__ import annotations

from microsip_core import errors
from microsip_core.errors import MicrosipError

_KINDS: tuple[type[MicrosipError], ...] = (
    errors.InvalidArgument, errors.NoAccount, errors.NoCall, errors.Busy, errors.InvalidState, errors.NotSupported,
    errors.TimedOut, errors.NetworkError, errors.DnsError, errors.AuthenticationError, errors.MediaError,
    errors.CodecError, errors.ParseError, errors.ConfigError, errors.PermissionDenied, errors.FileError,
)


def restored(error: MicrosipError) -> MicrosipError:
    """Return the exception of the class that an error's code belongs to; the error itself when there is none."""
    for kind in _KINDS:
        if kind.code == error.code:
            return error if isinstance(error, kind) else kind(error.message, peer=error.peer, remedy=error.remedy)
    return error
