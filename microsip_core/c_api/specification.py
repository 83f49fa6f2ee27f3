"""What each C-style function takes and returns, read off its Python definition: the one table behind the C library.

The C header, the C stubs and the engine process all come from here, so none of them can differ from the functions.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from microsip_core.c_api import functions, structures

HAND_WRITTEN = frozenset({
    "sip_build", "sip_errno", "sip_error_text", "sip_event_free", "sip_event_wait", "sip_init", "sip_is_running",
    "sip_media_read", "sip_media_stats", "sip_media_write", "sip_parse", "sip_poll", "sip_set_callback",
    "sip_shutdown", "sip_status_text", "sip_strerror", "sip_version",
})
"""Functions whose C side is more than a request and its answer; native/client/src has them."""


_WIDE = frozenset({"ssrc", "packets", "bytes", "lost", "frames", "frames_skipped"})
"""Fields of structures whose numbers need not fit in 32 bits with a sign."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """``kind``: int, real (float, None for no limit), flag, text (None where it is ``optional``), or reals."""

    name: str
    kind: str
    optional: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Function:
    """``returns``: int, text, ints, record or records; the last two of the dataclass ``record``."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    record: type[Any] | None
    doc: str


@dataclass(frozen=True, slots=True)
class Field:
    """``kind``: int, wide (64 bits), real, flag, text, or ints, reals, flags (tuples)."""

    name: str
    kind: str


@cache
def table() -> dict[str, Function]:
    """Return every function that the C library asks the engine process for, by name."""
    names = sorted(name for name in functions.__all__ if name.startswith("sip_") and name not in HAND_WRITTEN)
    return {name: _function(name) for name in names}


def records() -> list[type[Any]]:
    """Return the dataclasses that become C structures: what functions return, media streams, and events."""
    returned = {function.record for function in table().values() if function.record is not None}
    return sorted(returned | {structures.SipMediaStream}, key=lambda record: record.__name__)


def fields_of(record: type[Any]) -> list[Field]:
    """Return the fields of a structure in their order."""
    hints = typing.get_type_hints(record)
    kinds = {
        int: "int", float: "real", bool: "flag", str: "text",
        tuple[int, ...]: "ints", tuple[float, ...]: "reals", tuple[bool, ...]: "flags",
    }
    return [Field(field.name, "wide" if field.name in _WIDE else kinds[hints[field.name]])
            for field in dataclasses.fields(record)]


def structure_name(record: type[Any]) -> str:
    """Return the C name of a structure: SipSession is sip_session_t."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in record.__name__)
    return f"{words.lstrip('_')}_t"


def _function(name: str) -> Function:
    function = getattr(functions, name)
    hints = typing.get_type_hints(inspect.unwrap(function))
    signature = inspect.signature(function)
    parameters = tuple(_parameter(parameter, hints[parameter.name]) for parameter in signature.parameters.values())
    returns, record = _returned(hints["return"])
    return Function(name, parameters, returns, record, inspect.getdoc(function) or "")


def _parameter(parameter: inspect.Parameter, hint: Any) -> Parameter:
    choices = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    optional = type(None) in choices
    plain = str if str in choices else next(choice for choice in choices if choice is not type(None))
    kinds = {int: "int", float: "real", bool: "flag", str: "text", Sequence[float]: "reals"}
    default = None if parameter.default is inspect.Parameter.empty else parameter.default
    optional = optional or parameter.default is not inspect.Parameter.empty
    return Parameter(parameter.name, kinds[plain], optional, default)


def _returned(hint: Any) -> tuple[str, type[Any] | None]:
    if hint is int or hint is str:
        return ("int" if hint is int else "text"), None
    if hint == list[int]:
        return "ints", None
    if typing.get_origin(hint) is list:
        return "records", typing.get_args(hint)[0]
    return "record", hint
