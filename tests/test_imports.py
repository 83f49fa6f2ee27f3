"""The layers of the package import one way only, and importing it stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "microsip_core"

# layer -> layers it may import; every layer may import errors and ids
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "ids": set(),
    "sip": set(),
    "sdp": set(),
    "transport": {"sip", "sdp"},
    "media": {"sip", "sdp"},
    "user_agent": {"transport", "media", "diagnosis", "sip", "sdp"},
    "server": {"transport", "sip", "sdp", "media", "user_agent"},
    "diagnosis": {"sip", "sdp", "media"},
    "c_api": {"user_agent", "transport", "media", "sip", "sdp", "config", "control"},
    "testing": {"server", "user_agent"},
    "config": set(),
    "compat": {"c_api", "user_agent", "sip"},
    "control": {"user_agent", "transport", "media", "sip", "sdp", "config"},
    "cli": {"control", "config", "user_agent", "server", "diagnosis", "transport", "media", "sip", "sdp", "c_api"},
}
# protocol code takes bytes and `now`: it has no business with these
FORBIDDEN = {"sip", "sdp"}, {"asyncio", "socket", "threading", "time", "random", "select", "ssl"}

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in ALLOWED)


def layer_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def imported_modules(path: Path) -> set[str]:
    """Every absolute module name that the file imports, at the top or inside functions."""
    package = ["microsip_core", *path.relative_to(PACKAGE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.update([module] if node.module else [f"{module}.{alias.name}" for alias in node.names])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_layer_imports_only_what_lies_below_it(path: Path) -> None:
    layer = layer_of(path)
    allowed = ALLOWED[layer] | {layer, "errors", "ids"}
    ours = {name.split(".")[1] for name in imported_modules(path) if name.startswith("microsip_core.")}
    assert ours <= allowed | {"__version__"}, f"{layer} must not import {sorted(ours - allowed)}"


@pytest.mark.parametrize("path", [p for p in FILES if layer_of(p) in FORBIDDEN[0]], ids=lambda p: p.name)
def test_protocol_code_has_no_clock_socket_or_loop(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported_modules(path)} & FORBIDDEN[1]


def test_every_file_says_in_its_first_line_what_it_is_for() -> None:
    silent = [str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")
              if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ["numpy", "sounddevice", "av", "aiortc", "pylibsrtp", "websockets", "dns", "aioice", "cryptography"]
    code = (
        "import sys, microsip_core; import microsip_core as m; m.UserAgent; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert answer.stdout.strip() == "[]"
