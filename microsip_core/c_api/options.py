"""C-style functions: the configuration file, options, and the log."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import optional_text, returns_code, text
from microsip_core.errors import ErrorCode, FileError, InvalidArgument
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.user_agent import UserAgent

_LEVELS = {"off": logging.CRITICAL + 1, "error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO,
           "debug": logging.DEBUG}
_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_handler: logging.Handler | None = None
_handler_lock = threading.Lock()


@returns_code
def sip_load_config(path: str) -> int:
    """Go by a MicroSIP.ini: its accounts are made and registered in the background, its settings apply.

    Returns how many accounts it has. Those of a file loaded before go; SIP_ECONFIG tells every bad value with its
    line, and nothing has changed then. Settings that only a phone has use of (event commands, recording by itself)
    are kept for sip_save_config.
    """
    running, file = running_engine(), Path(text(path, "path"))

    async def work(agent: UserAgent) -> int:
        return len(running.preferences.load(file))

    return running.run(work)


@returns_code
def sip_save_config(path: str) -> int:
    """Write a MicroSIP.ini with what is set and the accounts there are; comments and unknown keys of the file that was
    loaded stay. A new file is for its owner only. Passwords that the program gave are not written.
    """
    running, file = running_engine(), Path(text(path, "path"))

    async def work(agent: UserAgent) -> int:
        running.preferences.save(file)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_set_option(key: str, value: str) -> int:
    """Set a key of [Settings] of MicroSIP.ini, or a field of UserAgentConfig, from its text; it applies at once.

    Lists have commas between their words, flags are 0 or 1. SIP_ECONFIG for an unknown key, SIP_ENOTSUP for one that
    can not be changed while the engine runs or does not apply to it, SIP_EINVAL, SIP_ECODEC for a bad value.
    """
    running, name, given = running_engine(), text(key, "key"), text(value, "value", empty=True)

    async def work(agent: UserAgent) -> int:
        running.preferences.set_text(name, given)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_get_option(key: str) -> str:
    """Return an option as text, as sip_set_option takes it; also one that can not be changed."""
    running, name = running_engine(), text(key, "key")

    async def work(agent: UserAgent) -> str:
        return running.preferences.get_text(name)

    return running.run(work)


class _Calling(logging.Handler):
    """Hands each line to a function."""

    def __init__(self, sink: Callable[[str], object]) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._sink(self.format(record))
        except Exception:
            self.handleError(record)


@returns_code
def sip_set_log(level: str = "info", sink: str | Callable[[str], object] | None = None) -> int:
    """Write what happens to a file, or to the standard error output where ``sink`` is None; in Python also to a
    function, which gets each line. ``level`` is "off" (nothing at all), "error", "warning", "info" or "debug". It takes
    the place of the sink before. In Python it works before sip_init too.
    """
    global _handler  # noqa: PLW0603
    name = text(level, "level")
    if name not in _LEVELS:
        raise InvalidArgument(f"{name!r} is no level", remedy=f"Give one of {', '.join(_LEVELS)}")
    handler = None if name == "off" else _handler_for(sink)
    with _handler_lock:
        if _handler is not None:
            LOG.removeHandler(_handler)
            _handler.close()
        _handler = handler
        LOG.setLevel(_LEVELS[name])
        if handler is not None:
            handler.setFormatter(logging.Formatter(_FORMAT))
            LOG.addHandler(handler)
    return ErrorCode.SIP_OK


def _handler_for(sink: str | Callable[[str], object] | None) -> logging.Handler:
    if callable(sink):
        return _Calling(sink)
    path = optional_text(sink, "sink")
    if path is None:
        return logging.StreamHandler(sys.stderr)
    try:
        return logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise FileError(error.strerror or str(error), step="open the log", peer=path) from error
