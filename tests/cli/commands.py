"""Runs ``microsip`` in processes of its own, as its users do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parent.parent.parent
TIMEOUT = 60


def environment(**extra: str) -> dict[str, str]:
    """Ours, without what would change the commands' behaviour, and with the package of this tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MICROSIP_PASSWORD")}
    return {**kept, "PYTHONPATH": str(ROOT), **extra}


def microsip(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "microsip_core", *arguments], capture_output=True, text=True, timeout=TIMEOUT,
        stdin=subprocess.DEVNULL, env=environment(**extra),
    )


def record_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one JSON object a command printed."""
    (line,) = done.stdout.splitlines()
    record = json.loads(line)
    assert isinstance(record, dict)
    return record


def assert_one_error_line(stderr: str, *words: str) -> None:
    """One line that names the command and every one of ``words``; no traceback."""
    assert "Traceback" not in stderr
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("microsip")
    for word in words:
        assert word in lines[0], f"{word!r} is not in {lines[0]!r}"


class Running:
    """A command that runs beside the test; its JSON lines are read one by one."""

    def __init__(self, *arguments: str, **extra: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "microsip_core", *arguments, "--json"], text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**extra),
        )

    def next(self) -> dict[str, Any]:
        """The next JSON line. pytest's own time limit bounds the wait."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended: {self.process.stderr.read() if self.process.stderr else ''}"
        record = json.loads(line)
        assert isinstance(record, dict)
        return record

    def signal(self, number: signal.Signals) -> tuple[int, str, str]:
        """Send a signal and wait for the end; return exit status, stdout and stderr."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str, str]:
        """Wait for the end; return exit status, stdout and stderr."""
        stdout, stderr = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, stdout, stderr

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
