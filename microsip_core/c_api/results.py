"""How C-style functions report: exceptions become codes, arguments are checked, each thread has its last error."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from microsip_core.errors import ErrorCode, InvalidArgument, MicrosipError
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.log import LOG

P = ParamSpec("P")
R = TypeVar("R")


class _LastError(threading.local):
    code = 0
    text = ""


_last = _LastError()


def returns_code(function: Callable[P, R]) -> Callable[P, R | int]:
    """Make a function return the code of what it would raise, and remember it for sip_errno."""

    @functools.wraps(function)
    def wrapper(*arguments: P.args, **options: P.kwargs) -> R | int:
        try:
            return function(*arguments, **options)
        except MicrosipError as error:
            return record(error.code, str(error))
        except MemoryError:
            return record(ErrorCode.SIP_ENOMEM, "there is no memory left")
        except Exception as error:
            LOG.exception("fault in %s", function.__name__)
            return record(ErrorCode.SIP_ERROR, repr(error))

    return wrapper


def record(code: int, text: str) -> int:
    """Remember an error of this thread, and return its code."""
    _last.code, _last.text = int(code), text
    return int(code)


def last_code() -> int:
    """Return the code of the last failed call in this thread, 0 when none failed."""
    return _last.code


def last_text() -> str:
    """Return what went wrong in the last failed call in this thread: step, peer, remedy."""
    return _last.text


def text(value: Any, name: str, *, empty: bool = False) -> str:
    """Return ``value`` if it is a string (bytes are decoded). Raises InvalidArgument."""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise InvalidArgument(f"{name} is no UTF-8") from None
    if not isinstance(value, str) or (not value and not empty):
        raise InvalidArgument(f"{name} is {value!r}", remedy=f"{name} is a string")
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise InvalidArgument(f"{name} holds control characters")
    return value


def optional_text(value: Any, name: str) -> str | None:
    """Return ``value`` if it is a string, None for None or "". Raises InvalidArgument."""
    return None if value is None or value in ("", b"") else text(value, name)


def number(value: Any, name: str, low: int, high: int) -> int:
    """Return ``value`` if it is an integer from ``low`` to ``high``. Raises InvalidArgument."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidArgument(f"{name} is {value!r}", remedy=f"{name} is an integer from {low} to {high}")
    return value


def handle(value: Any) -> int:
    """Return an account or call handle; 0 and None mean the default one. Raises InvalidArgument."""
    return 0 if value is None else number(value, "handle", 0, 2**31 - 1)


def seconds(value: Any) -> float | None:
    """Return a timeout in seconds; None and negative mean no limit. Raises InvalidArgument."""
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value != value:
        raise InvalidArgument(f"the timeout is {value!r}", remedy="Give seconds")
    return None if value < 0 else float(value)


def event_mask(value: Any) -> frozenset[str] | None:
    """Return event names for a name, a sequence of names, or None for all. Raises InvalidArgument."""
    if value is None or value == 0:
        return None
    try:
        names = [value] if isinstance(value, str) else list(value)
        return frozenset(EventType(name).value for name in names)
    except (TypeError, ValueError):
        raise InvalidArgument(f"{value!r} are no events", remedy=f"Known are {', '.join(EventType)}") from None
