"""The table of what is promised and which test proves it: docs/surface.md, made from docs/surface.toml.

    python -m tests.surface.table

A row is a name and a test, ``file::function``, that mentions it. What is promised and not there yet is under [pending].
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DATA, PAGE = ROOT / "docs" / "surface.toml", ROOT / "docs" / "surface.md"

KINDS = {
    "functions": "Functions of the C-style API",
    "structures": "Structures",
    "states": "Call states",
    "events": "Events",
    "errors": "Error codes",
    "arguments": "Command line",
    "settings": "Keys of [Settings] in MicroSIP.ini",
    "accounts": "Keys of [AccountN]",
    "commands": "Event commands",
    "placeholders": "Placeholders of event commands",
    "numbers": "Numbers of the control socket",
}
_INTRODUCTION = """\
# What is promised, and the test that proves it

Written by `python -m tests.surface.table` from `surface.toml`; a test compares. Each test named here mentions the name
before it. Beside that, every function is called with every kind of bad argument, from C before, in and after an engine
and under valgrind by `tests/c_library/test_library.py::test_no_misuse_harms_the_program`, from Python by
`tests/c_api/test_functions.py::test_every_function_survives_every_kind_of_bad_argument`.
"""


def rows() -> dict[str, dict[str, str]]:
    """Return for each kind the names and their tests."""
    found: dict[str, dict[str, str]] = tomllib.loads(DATA.read_text())
    return found


def page() -> str:
    """Return the page."""
    data = rows()
    parts = [_INTRODUCTION]
    for kind, title in KINDS.items():
        lines = [f"\n## {title}\n", "| name | test |", "|---|---|"]
        lines += [f"| `{name}` | `{test}` |" for name, test in sorted(data[kind].items())]
        parts.append("\n".join(lines) + "\n")
    pending = [f"| `{name}` | {why} |" for name, why in sorted(data["pending"].items())]
    parts.append("\n".join(["\n## Not there yet\n", "| name | what it does now |", "|---|---|", *pending]) + "\n")
    return "".join(parts)


@cache
def _module(path: Path) -> tuple[str, dict[str, ast.stmt]]:
    source = path.read_text()
    named: dict[str, ast.stmt] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            named[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    named[target.id] = node
    return source, named


def tests_of(path: Path) -> list[str]:
    """Return the names of the tests of a file."""
    return [name for name in _module(path)[1] if name.startswith("test_")]


@cache
def text_of(path: Path, test: str) -> str | None:
    """Return the text of a test with its parameters and what it uses of its file, None where there is no such test."""
    source, named = _module(path)
    if test not in named:
        return None
    taken, waiting = set[str](), [test]
    lines = source.splitlines()
    text = []
    while waiting:
        name = waiting.pop()
        if name in taken or name not in named:
            continue
        taken.add(name)
        node = named[name]
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        text.append("\n".join(lines[first - 1:node.end_lineno]))
        waiting += [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
        waiting += [one.arg for one in ast.walk(node) if isinstance(one, ast.arg)]
    return "\n".join(text)


def mentions(text: str, kind: str, name: str) -> bool:
    """Tell whether a test speaks of a name: as a word, an event or state also by its member of the enumeration."""
    text, spoken = text.replace("\\n", " "), [name]
    if kind in ("events", "states"):
        spoken = [f'"{name}"', f"'{name}'", name.upper(), f'{name} ', f'"{name},']
    if kind == "numbers":
        spoken = [f"Number.{name}", f"N.{name}", "Number(number", f"Frame({_number(name)}"]
        if name == "EVENT":
            spoken.append("client.events")
    if kind == "placeholders":
        spoken = [name, f'"{name.strip("%")}"', "PLACEHOLDERS"]
    if kind == "arguments":
        return name.lower() in text.lower()
    return any(re.search(rf"(?<![A-Za-z0-9_]){re.escape(one)}(?![A-Za-z0-9_])", text) for one in spoken)


def _number(name: str) -> int:
    from microsip_core.control.numbers import Number

    return int(Number[name])


def main() -> int:
    """Write the page."""
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
