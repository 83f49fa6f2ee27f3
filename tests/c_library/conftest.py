"""Builds the C programs of the tests, and a loopback server in a thread for them to call."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from microsip_core.c_api import config_tool
from microsip_core.c_api.loop_thread import LoopThread
from microsip_core.server import LoopbackServer
from microsip_core.server.journal import ServerEvent

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples" / "c"
REQUIRED = os.environ.get("MICROSIP_REQUIRE_NATIVE") == "1"

Build = Callable[..., Path]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def missing(what: str) -> None:
    """Skip with a plain word, or fail where CI must have it."""
    if REQUIRED:
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compile a C or C++ program as its users do, all warnings being errors."""
    if config_tool.library() is None:
        missing("libmicrosip is not built")
    folder = tmp_path_factory.mktemp("programs")
    built: dict[tuple[str, str], Path] = {}

    def compile_program(name: str, source: str, *, compiler: str = "gcc", standard: str = "-std=gnu11") -> Path:
        if shutil.which(compiler) is None:
            missing(f"{compiler} is not installed")
        if (name, source) not in built:
            suffix = ".cpp" if compiler == "g++" else ".c"
            code, program = folder / f"{name}{suffix}", folder / name
            code.write_text(source)
            flags = subprocess.run(
                [sys.executable, "-m", "microsip_core.c_api.config_tool", "--cflags", "--libs"], cwd=ROOT, text=True,
                capture_output=True, check=True,
            ).stdout.split()
            done = subprocess.run(
                [compiler, "-Wall", "-Wextra", "-Werror", "-g", standard, str(code), *flags, "-lm", "-pthread", "-o",
                 str(program)],
                capture_output=True, text=True,
            )
            assert done.returncode == 0, done.stderr
            built[name, source] = program
        return built[name, source]

    return compile_program


def environment(**extra: str) -> dict[str, str]:
    """Ours, with this Python as the engine's."""
    return {**os.environ, "MICROSIP_PYTHON": sys.executable, "PYTHONPATH": str(ROOT), **extra}


@pytest.fixture
def run() -> Run:
    """Run a program to its end."""

    def run_program(program: Path, *arguments: str, valgrind: bool = False) -> subprocess.CompletedProcess[str]:
        command = [str(program), *arguments]
        if valgrind:
            if shutil.which("valgrind") is None:
                missing("valgrind is not installed")
            command = ["valgrind", "-q", "--leak-check=full", "--error-exitcode=99", *command]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment(),
                              stdin=subprocess.DEVNULL)

    return run_program


@pytest.fixture
def happened() -> list[ServerEvent]:
    """What the server has seen."""
    return []


@pytest.fixture
def server(happened: list[ServerEvent]) -> Iterator[LoopbackServer]:
    """A server that knows user with the password "password"."""
    loop = LoopThread()
    running = LoopbackServer(users={"user": "password"}, on_event=happened.append)
    loop.run(running.start)
    try:
        yield running
    finally:
        loop.run(running.close)
        loop.stop()
