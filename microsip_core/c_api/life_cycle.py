"""C-style functions: starting and stopping the engine, errors, events."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from microsip_core import __version__
from microsip_core.c_api import engine, results
from microsip_core.c_api.dispatcher import Callback
from microsip_core.c_api.results import returns_code
from microsip_core.c_api.structures import SipEvent
from microsip_core.errors import ConfigError, ErrorCode, InvalidArgument, InvalidState, MicrosipError, describe_code
from microsip_core.sip.reason_phrases import REASON_PHRASES
from microsip_core.user_agent.config import UserAgentConfig

_FIELDS = {field.name for field in dataclasses.fields(UserAgentConfig)}


@returns_code
def sip_init(config: UserAgentConfig | Mapping[str, Any] | None = None) -> int:
    """Start the engine: without arguments on a free port, with whatever codecs there are. Returns 0.

    ``config`` is a UserAgentConfig, or a dict of its fields and "media" ("none" for signaling only). SIP_EALREADY when
    it runs, SIP_EBUSY when the port is in use, SIP_ECONFIG for an unknown field. It ends by itself with the program,
    hanging up and unregistering. On the main thread it has SIGTERM raise SystemExit, so that this happens then too,
    unless the program handles SIGTERM itself.
    """
    settings, media = _settings(config)
    if not engine.start_engine(settings, media):
        return results.record(ErrorCode.SIP_EALREADY, "the engine runs already")
    return ErrorCode.SIP_OK


def _settings(config: UserAgentConfig | Mapping[str, Any] | None) -> tuple[UserAgentConfig | None, str | None]:
    if config is None or isinstance(config, UserAgentConfig):
        return config, None
    if not isinstance(config, Mapping):
        raise InvalidArgument(f"the configuration is {config!r}", remedy="Give nothing, a UserAgentConfig or a dict")
    fields = dict(config)
    media = results.optional_text(fields.pop("media", None), "media")
    unknown = sorted(set(fields) - _FIELDS)
    if unknown:
        raise ConfigError(f"no setting is called {unknown[0]!r}", remedy=f"Known are {', '.join(sorted(_FIELDS))}")
    return UserAgentConfig(**fields), media


@returns_code
def sip_shutdown() -> int:
    """Hang up every call, unregister, stop the engine. Returns 0, SIP_ENOTINIT when it does not run."""
    if not engine.stop_engine():
        return results.record(ErrorCode.SIP_ENOTINIT, "the engine does not run")
    return ErrorCode.SIP_OK


def sip_is_running() -> int:
    """Return 1 when the engine runs in this process, else 0."""
    return int(engine.is_running())


def sip_version() -> str:
    """Return the version of the package."""
    return __version__


def sip_strerror(code: Any) -> str:
    """Return a one-line text for a code that a function returned, a peer's refusal (-1486) included."""
    try:
        return describe_code(int(code))
    except (TypeError, ValueError):
        return f"unknown error code {code!r}"


def sip_errno() -> int:
    """Return the code of the last function that failed in this thread, 0 when none did."""
    return results.last_code()


def sip_error_text() -> str:
    """Return what went wrong in the last function that failed in this thread: the step, the peer, the remedy."""
    return results.last_text()


def sip_status_text(code: Any) -> str:
    """Return the reason phrase of a SIP status, "" for an unknown one."""
    return REASON_PHRASES.get(code, "") if isinstance(code, int) else ""


@returns_code
def sip_set_callback(callback: Callback | None, mask: Any = None) -> int:
    """Call ``callback(event)`` on the dispatcher thread for each event, or those named in ``mask``. None ends it.

    Events that go to a callback do not go to sip_poll. A callback may call any function of this API.
    """
    if callback is not None and not callable(callback):
        raise InvalidArgument(f"the callback is {callback!r}", remedy="Give a function or None")
    engine.running_engine().dispatcher.set_callback(callback, results.event_mask(mask))
    return ErrorCode.SIP_OK


def sip_poll(timeout: float | None = 0) -> SipEvent | None:
    """Return the next event, None when none comes within ``timeout`` seconds (negative or None: no limit).

    None too, with the error in sip_errno, when the engine does not run.
    """
    return _next_event(None, timeout)


def sip_event_wait(mask: Any, timeout: float | None = None) -> SipEvent | None:
    """Return the next event of the types in ``mask`` (a name or several); others stay. As sip_poll otherwise."""
    return _next_event(mask, timeout)


def _next_event(mask: Any, timeout: float | None) -> SipEvent | None:
    try:
        running = engine.running_engine()
        if running.thread.is_here:
            raise InvalidState("called on the engine's own thread")
        return running.dispatcher.poll(results.seconds(timeout), results.event_mask(mask))
    except MicrosipError as error:
        results.record(error.code, str(error))
        return None


def sip_event_free(event: SipEvent | None = None) -> int:
    """Do nothing, for programs that were C: Python frees events by itself. Returns 0."""
    return ErrorCode.SIP_OK
