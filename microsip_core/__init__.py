"""SIP softphone engine for Python: everything public is importable from here and loaded on first use (PEP 562)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from microsip_core.errors import (
    AuthenticationError,
    Busy,
    CallRefused,
    Canceled,
    CodecError,
    ConfigError,
    DeviceError,
    DnsError,
    ErrorCode,
    FileError,
    InvalidArgument,
    InvalidState,
    LimitExceeded,
    MediaError,
    MicrosipError,
    NetworkError,
    NoAccount,
    NoCall,
    NotInitialized,
    NotSupported,
    ParseError,
    PermissionDenied,
    TimedOut,
    TlsError,
)

__version__ = "0.1.0"

__all__ = [
    "Account", "AccountState", "AuthenticationError", "Busy", "Call", "CallAudio", "CallRefused", "CallState",
    "Canceled", "CodecError", "ConfigError", "DeviceError", "DnsError", "EndCause", "ErrorCode", "Event", "EventType",
    "FileError", "InvalidArgument", "InvalidState", "LimitExceeded", "MediaError", "MicrosipError", "NetworkError",
    "NoAccount", "NoCall", "NotInitialized", "NotSupported", "ParseError", "PermissionDenied", "Playback",
    "PlaybackResult", "TimedOut", "TlsError", "TraceEntry", "UserAgent", "UserAgentConfig",
]

_EXPORTS: dict[str, str] = {
    "UserAgent": "user_agent.user_agent",
    "UserAgentConfig": "user_agent.config",
    "Account": "user_agent.account",
    "AccountState": "user_agent.states",
    "Call": "user_agent.call",
    "CallState": "user_agent.states",
    "EndCause": "user_agent.states",
    "Event": "user_agent.events",
    "EventType": "user_agent.events",
    "CallAudio": "user_agent.call_audio",
    "Playback": "user_agent.playback",
    "PlaybackResult": "user_agent.playback",
    "TraceEntry": "user_agent.trace",
}

if TYPE_CHECKING:
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.call_audio import CallAudio
    from microsip_core.user_agent.config import UserAgentConfig
    from microsip_core.user_agent.events import Event, EventType
    from microsip_core.user_agent.playback import Playback, PlaybackResult
    from microsip_core.user_agent.states import AccountState, CallState, EndCause
    from microsip_core.user_agent.trace import TraceEntry
    from microsip_core.user_agent.user_agent import UserAgent


def __getattr__(name: str) -> Any:
    if name.startswith("sip_"):
        value = getattr(import_module("microsip_core.c_api.functions"), name, None)
        if value is None:
            raise AttributeError(f"module 'microsip_core' has no attribute {name!r}")
    elif name in _EXPORTS:
        value = getattr(import_module(f"microsip_core.{_EXPORTS[name]}"), name)
    else:
        raise AttributeError(f"module 'microsip_core' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
