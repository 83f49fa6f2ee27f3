"""The one exception tree, and the one table of C error codes it shares with the C-style API.

Every exception names the step that failed, the peer it failed with, and what the user can do about it. The codes and
their texts stand in :data:`ERROR_TABLE` and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class ErrorCode(IntEnum):
    """Codes that the C-style functions return. A peer's refusal is ``-(1000 + status)`` and is not listed here."""

    SIP_OK = 0
    SIP_ERROR = -1
    SIP_EINVAL = -2
    SIP_ENOTINIT = -3
    SIP_EALREADY = -4
    SIP_ENOMEM = -5
    SIP_ENOACCOUNT = -6
    SIP_ENOCALL = -7
    SIP_EBUSY = -8
    SIP_ESTATE = -9
    SIP_ENOTSUP = -10
    SIP_ETIMEOUT = -11
    SIP_ENETWORK = -12
    SIP_EDNS = -13
    SIP_ETLS = -14
    SIP_EAUTH = -15
    SIP_EMEDIA = -16
    SIP_ECODEC = -17
    SIP_EDEVICE = -18
    SIP_EPARSE = -19
    SIP_ECONFIG = -20
    SIP_EPERM = -21
    SIP_ELIMIT = -22
    SIP_EIO = -23
    SIP_ECANCELED = -24


ERROR_TABLE: dict[ErrorCode, str] = {
    ErrorCode.SIP_OK: "success",
    ErrorCode.SIP_ERROR: "unspecified error",
    ErrorCode.SIP_EINVAL: "invalid argument",
    ErrorCode.SIP_ENOTINIT: "engine not initialised: call sip_init first",
    ErrorCode.SIP_EALREADY: "already done or in progress",
    ErrorCode.SIP_ENOMEM: "out of memory",
    ErrorCode.SIP_ENOACCOUNT: "no such account",
    ErrorCode.SIP_ENOCALL: "no such call",
    ErrorCode.SIP_EBUSY: "busy",
    ErrorCode.SIP_ESTATE: "not possible in this state",
    ErrorCode.SIP_ENOTSUP: "not supported",
    ErrorCode.SIP_ETIMEOUT: "timed out",
    ErrorCode.SIP_ENETWORK: "network error",
    ErrorCode.SIP_EDNS: "name could not be resolved",
    ErrorCode.SIP_ETLS: "TLS error",
    ErrorCode.SIP_EAUTH: "authentication failed",
    ErrorCode.SIP_EMEDIA: "media error",
    ErrorCode.SIP_ECODEC: "no common or no such codec",
    ErrorCode.SIP_EDEVICE: "audio device error",
    ErrorCode.SIP_EPARSE: "malformed message or value",
    ErrorCode.SIP_ECONFIG: "bad configuration",
    ErrorCode.SIP_EPERM: "not permitted",
    ErrorCode.SIP_ELIMIT: "limit exceeded",
    ErrorCode.SIP_EIO: "file could not be read or written",
    ErrorCode.SIP_ECANCELED: "canceled",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why something failed, for a person: see :meth:`MicrosipError.explain`.

    ``step`` and ``peer`` are those of the error; ``sent`` and ``received`` tell, a line each, what went out and what
    came back; ``cause`` is the likely cause and ``remedy`` what to do. All are free of secrets; each may be empty.
    """

    step: str
    peer: str
    sent: tuple[str, ...]
    received: tuple[str, ...]
    cause: str
    remedy: str

    def __str__(self) -> str:
        """Return it as a few lines, each with its heading."""
        rows = (("step", (self.step,)), ("with", (self.peer,)), ("sent", self.sent), ("received", self.received),
                ("cause", (self.cause,)), ("remedy", (self.remedy,)))
        return "\n".join(f"{heading + ':':<10}{line}" for heading, lines in rows for line in lines if line)


class Evidence(Protocol):
    """What was sent and what came back, kept with an error until somebody asks for an explanation."""

    def explanation(self, error: MicrosipError) -> Explanation:
        """Return the likely cause and its remedy."""


class MicrosipError(Exception):
    """Base of all errors this package raises.

    ``step`` is what was being done ("register", "resolve"), ``peer`` whom it was done with (URI or address), ``remedy``
    what the user can do. ``code`` is the C error code of the class, or of this instance where given. ``evidence`` is
    what :meth:`explain` looks at beside these.
    """

    code: int = ErrorCode.SIP_ERROR
    evidence: Evidence | None = None

    def __init__(
        self, message: str, *, step: str | None = None, peer: str | None = None, remedy: str | None = None,
        code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.step = step
        self.peer = peer
        self.remedy = remedy
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        where = " ".join(part for part in (self.step, f"({self.peer})" if self.peer else None) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}. {self.remedy}" if self.remedy else text

    def explain(self) -> Explanation:
        """Return which step failed, what was sent, what came back, the likely cause and the remedy, without secrets."""
        if self.evidence is not None:
            return self.evidence.explanation(self)
        return Explanation(self.step or "", self.peer or "", (), (), self.message, self.remedy or "")


class InvalidArgument(MicrosipError, ValueError):
    """An argument is outside its documented range."""

    code = ErrorCode.SIP_EINVAL


class NotInitialized(MicrosipError):
    """The engine or user agent has not been started."""

    code = ErrorCode.SIP_ENOTINIT


class NoAccount(MicrosipError):
    """There is no account with that handle, or none at all."""

    code = ErrorCode.SIP_ENOACCOUNT


class NoCall(MicrosipError):
    """There is no call with that handle, or none at all."""

    code = ErrorCode.SIP_ENOCALL


class Busy(MicrosipError):
    """The thing asked for is in use, such as a port that another program holds."""

    code = ErrorCode.SIP_EBUSY


class InvalidState(MicrosipError):
    """The call or account is in a state in which this can not be done."""

    code = ErrorCode.SIP_ESTATE


class NotSupported(MicrosipError):
    """This build, core or peer can not do that."""

    code = ErrorCode.SIP_ENOTSUP


class TimedOut(MicrosipError, TimeoutError):
    """Nothing, or nothing final, came back in time."""

    code = ErrorCode.SIP_ETIMEOUT


class NetworkError(MicrosipError):
    """A socket could not be opened or a message could not be sent."""

    code = ErrorCode.SIP_ENETWORK


class DnsError(NetworkError):
    """A host name has no usable address."""

    code = ErrorCode.SIP_EDNS


class TlsError(NetworkError):
    """A TLS handshake or certificate check failed."""

    code = ErrorCode.SIP_ETLS


class AuthenticationError(MicrosipError):
    """The peer refused the credentials, or asked for some and there are none."""

    code = ErrorCode.SIP_EAUTH


class MediaError(MicrosipError):
    """The media path could not be set up or failed."""

    code = ErrorCode.SIP_EMEDIA


class CodecError(MediaError):
    """No codec in common, or no such codec."""

    code = ErrorCode.SIP_ECODEC


class DeviceError(MediaError):
    """An audio device is missing, busy or forbidden."""

    code = ErrorCode.SIP_EDEVICE


class ParseError(MicrosipError, ValueError):
    """A message or value from outside is malformed."""

    code = ErrorCode.SIP_EPARSE


class ConfigError(MicrosipError):
    """A configuration file or option is wrong."""

    code = ErrorCode.SIP_ECONFIG


class PermissionDenied(MicrosipError):
    """The system or a policy forbids it."""

    code = ErrorCode.SIP_EPERM


class LimitExceeded(MicrosipError):
    """A configured limit would be exceeded."""

    code = ErrorCode.SIP_ELIMIT


class FileError(MicrosipError):
    """A file could not be read or written, or holds something else than expected."""

    code = ErrorCode.SIP_EIO


class Canceled(MicrosipError):
    """It was given up on our side before it was done."""

    code = ErrorCode.SIP_ECANCELED


class CallRefused(MicrosipError):
    """The peer answered with a final failure; ``status`` (300-699) and ``reason`` are its own."""

    def __init__(
        self, status: int, reason: str, *, step: str | None = None, peer: str | None = None, remedy: str | None = None,
    ) -> None:
        super().__init__(
            f"{status} {reason}", step=step, peer=peer, remedy=remedy, code=refusal_code(status),
        )
        self.status = status
        self.reason = reason


def refusal_code(status: int) -> int:
    """Return the C error code of a peer's final response: 486 gives -1486."""
    return -(1000 + status)


def describe_code(code: int) -> str:
    """Return a one-line text for a code of the C-style API, a peer's refusal included."""
    if code >= 0:
        return ERROR_TABLE[ErrorCode.SIP_OK]
    if -1700 < code <= -1300:
        return f"refused by the peer with status {-code - 1000}"
    try:
        return ERROR_TABLE[ErrorCode(code)]
    except ValueError:
        return f"unknown error code {code}"
