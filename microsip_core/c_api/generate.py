"""Writes the C library's headers and stubs from the table of functions: ``python -m microsip_core.c_api.generate``.

    native/client/include/microsip.h         what C programs include
    native/client/include/microsip_error.h   the error codes
    native/client/src/stubs.c                each function as a request to the engine process
    native/client/src/texts.c                the texts of error codes and SIP statuses

The files are kept in the repository, so that building needs no Python but the build's own; a test writes them anew and
compares.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from microsip_core import __version__
from microsip_core.c_api.specification import Function, Parameter, fields_of, records, structure_name, table
from microsip_core.c_api.structures import SipMediaStream
from microsip_core.errors import ERROR_TABLE
from microsip_core.sip.reason_phrases import REASON_PHRASES
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.states import CallState

_NOTICE = "/* Written by microsip_core.c_api.generate: do not edit. */\n"
_C_TYPES = {"int": "int", "flag": "int", "real": "double", "text": "const char *"}
_FIELD_TYPES = {"int": "int", "flag": "int", "real": "double", "wide": "int64_t"}
_MOST = "SIP_LIST_MAX"
_FIXED_HEAD = Path(__file__).with_name("microsip.h.in")


def files() -> dict[str, str]:
    """Return the files by their path in the repository."""
    return {
        "native/client/include/microsip.h": _header(),
        "native/client/include/microsip_error.h": _error_header(),
        "native/client/src/stubs.c": _stubs(),
        "native/client/src/texts.c": _texts(),
    }


# -- microsip.h -----------------------------------------------------------------------------------------------------


def _header() -> str:
    head = _FIXED_HEAD.read_text().replace("@VERSION@", __version__)
    parts = {
        "@STRUCTURES@": "\n\n".join(map(_structure, records())),
        "@FUNCTIONS@": "\n\n".join(_comment(function.doc) + _prototype(function, defaults=True) + ";"
                                   for function in table().values()),
        "@OPTIONAL@": "\n".join(filter(None, map(_optional_macro, table().values()))),
        "@EVENTS@": "\n".join(f"#define SIP_EVENT_{name.name} \"{name.value}\"" for name in EventType),
        "@STATES@": "\n".join(f"#define SIP_STATE_{name.name} \"{name.value}\"" for name in CallState),
    }
    for mark, text in parts.items():
        head = head.replace(mark, text)
    return head


def _structure(record: type[Any]) -> str:
    lines = []
    for field in fields_of(record):
        if field.kind == "text":
            lines.append(f"    char {field.name}[SIP_TEXT_MAX];")
        elif field.kind in _FIELD_TYPES:
            lines.append(f"    {_FIELD_TYPES[field.kind]} {field.name};")
        else:
            lines.append(f"    {'double' if field.kind == 'reals' else 'int'} {field.name}[{_MOST}];")
            lines.append(f"    int {field.name}_count;")
    return _comment(record.__doc__ or "") + "typedef struct {\n" + "\n".join(lines) + f"\n}} {structure_name(record)};"


def _comment(doc: str) -> str:
    doc = re.sub(r"``|:\w+:`|`", "", doc).replace("*/", "* /")
    lines = [line for paragraph in doc.split("\n\n")
             for line in [*textwrap.wrap(" ".join(paragraph.split()), 112), ""]][:-1]
    if len(lines) == 1:
        return f"/** {lines[0]} */\n"
    return "/**\n" + "\n".join(f" * {line}".rstrip() for line in lines) + "\n */\n"


def _arguments(function: Function) -> list[tuple[str, str]]:
    """Return type and name of each C argument, those that take the result last."""
    found = []
    for parameter in function.parameters:
        if parameter.kind == "reals":
            found += [("const double *", parameter.name), ("int", f"{parameter.name}_count")]
        else:
            found.append((_C_TYPES[parameter.kind], parameter.name))
    if function.returns == "text":
        found += [("char *", "text"), ("int", "size")]
    elif function.returns == "ints":
        found += [("int *", "handles"), ("int", "most")]
    elif function.returns == "records":
        assert function.record is not None
        found += [(f"{structure_name(function.record)} *", "list"), ("int", "most")]
    elif function.returns == "record":
        assert function.record is not None
        found.append((f"{structure_name(function.record)} *", "info"))
    return found


def _prototype(function: Function, *, defaults: bool = False) -> str:
    values = _defaults(function) if defaults else {}
    arguments = [f"{kind}{'' if kind.endswith('*') else ' '}{name}{values.get(name, '')}"
                 for kind, name in _arguments(function)]
    prefix = "SIP_API " if defaults else ""
    return f"{prefix}int {function.name}({', '.join(arguments) or 'void'})"


def _defaults(function: Function) -> dict[str, str]:
    """Return ``SIP_OR(value)`` for arguments that C++ may leave out: a default there, nothing in C."""
    if function.returns != "int":
        return {}
    return {parameter.name: f" SIP_OR({_default(parameter)})" for parameter in _trailing(function)}


def _trailing(function: Function) -> list[Parameter]:
    """Return the optional parameters at the end."""
    found: list[Parameter] = []
    for parameter in reversed(function.parameters):
        if not parameter.optional or parameter.kind == "reals":
            break
        found.insert(0, parameter)
    return found


def _default(parameter: Parameter) -> str:
    if parameter.kind == "text":
        return "NULL"  # the engine knows the default
    if parameter.kind == "real":
        return "-1.0" if parameter.default is None else repr(float(parameter.default))
    return str(int(parameter.default or 0))


def _optional_macro(function: Function) -> str:
    """Return macros that let a C program leave out the last arguments, as the documentation does."""
    optional = _trailing(function)
    if function.returns != "int" or not optional:
        return ""
    names = [name for _, name in _arguments(function)]
    required = len(names) - len(optional)
    lines = []
    for given in range(required, len(names) + 1):
        passed = [f"({name})" for name in names[:given]]
        passed += [_default(parameter) for parameter in optional[given - required:]]
        lines.append(f"#define {function.name.upper()}_{given}({', '.join(names[:given])}) "
                     f"({function.name})({', '.join(passed)})")
    choices = [f"{function.name.upper()}_{given}" for given in range(len(names), required - 1, -1)]
    padding = ["SIP_TOO_FEW"] * required
    chosen = ", ".join([*choices, *padding])
    pick = f"SIP_PICK{len(names)}(0 __VA_OPT__(,) __VA_ARGS__, {chosen}, 0)"
    lines.append(f"#define {function.name}(...) {pick}(__VA_ARGS__)")
    return "\n".join(lines)


def _error_header() -> str:
    rows = "\n".join(f"#define {code.name} {code.value if code.value == 0 else f'({code.value})'} /**< {text} */"
                     for code, text in ERROR_TABLE.items())
    return f"""\
{_NOTICE}/** \\file Error codes of microsip: what its functions return when it is below zero. */
#ifndef MICROSIP_ERROR_H
#define MICROSIP_ERROR_H

{rows}

/** A peer's refusal: 486 Busy Here is -1486. */
#define SIP_REFUSED(status) (-(1000 + (status)))
/** The SIP status of a refusal, 0 when the code is none. */
#define SIP_REFUSAL_STATUS(code) ((code) <= -1300 && (code) > -1700 ? -(code) - 1000 : 0)

#endif
"""


# -- stubs.c, texts.c -----------------------------------------------------------------------------------------------


def _stubs() -> str:
    bodies = "\n\n".join([*map(_filler, records()), *map(_stub, table().values())])
    return f"""\
{_NOTICE}/* Each function of the engine: its arguments become a request, the answer its result. */
#include "request.h"

{bodies}
"""


def _filler(record: type[Any]) -> str:
    name = structure_name(record)
    lines = []
    for field in fields_of(record):
        target = f"to->{field.name}"
        if field.kind == "text":
            lines.append(f"    take_text(from, {target}, sizeof {target});")
        elif field.kind in ("ints", "flags"):
            lines.append(f"    {target}_count = take_ints(from, {target}, {_MOST});")
        elif field.kind == "reals":
            lines.append(f"    {target}_count = take_reals(from, {target}, {_MOST});")
        else:
            taker = {"real": "take_real", "wide": "take_wide"}.get(field.kind, "take_int")
            lines.append(f"    {target} = {taker}(from);")
    body = "\n".join(lines)
    static = "" if record is SipMediaStream else "static "
    return (f"{static}void microsip_take_{name[4:-2]}(struct values *from, void *structure)\n{{\n"
            f"    {name} *to = structure;\n{body}\n}}")


def _stub(function: Function) -> str:
    lines = [f"    struct request asked;\n    request_begin(&asked, \"{function.name}\");"]
    for parameter in function.parameters:
        if parameter.kind == "reals":
            lines.append(f"    put_reals(&asked, {parameter.name}, {parameter.name}_count);")
        elif parameter.kind == "real" and parameter.default is None:
            lines.append(f"    put_limit(&asked, {parameter.name});")
        else:
            kind = {"int": "int", "flag": "int", "real": "real", "text": "text"}[parameter.kind]
            lines.append(f"    put_{kind}(&asked, {parameter.name});")
    lines.append(f"    return {_finish(function)};")
    return _prototype(function) + "\n{\n" + "\n".join(lines) + "\n}"


def _finish(function: Function) -> str:
    if function.returns == "text":
        return "request_text(&asked, text, size)"
    if function.returns == "ints":
        return "request_ints(&asked, handles, most)"
    if function.returns in ("record", "records"):
        assert function.record is not None
        name = structure_name(function.record)
        taker = f"microsip_take_{name[4:-2]}"
        if function.returns == "record":
            return f"request_record(&asked, info, {taker})"
        return f"request_records(&asked, list, sizeof *list, most, {taker})"
    return "request_int(&asked)"


def _texts() -> str:
    errors = "\n".join(f"    {{{code.value}, {json.dumps(text)}}}," for code, text in ERROR_TABLE.items())
    phrases = "\n".join(f"    {{{status}, {json.dumps(phrase)}}}," for status, phrase in sorted(REASON_PHRASES.items()))
    return f"""\
{_NOTICE}/* The texts of error codes and SIP statuses. */
#include "texts.h"

const struct text microsip_errors[] = {{
{errors}
    {{0, NULL}},
}};

const struct text microsip_reason_phrases[] = {{
{phrases}
    {{0, NULL}},
}};
"""


def main() -> int:
    """Write the files into the tree that this package stands in."""
    root = Path(__file__).parent.parent.parent
    for path, text in files().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
            print(f"wrote {path}")  # noqa: T201 - a command's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
