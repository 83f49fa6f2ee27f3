"""What a command prints: text for a person or JSON lines for a program, and errors in one line."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from microsip_core.diagnosis.printable import printable
from microsip_core.errors import ErrorCode, MicrosipError

from .exit_status import exit_status_of


class Output:
    """Results go to stdout, with ``as_json`` one object per line, else as text; errors to stderr and into the JSON."""

    def __init__(
        self, command: str, *, as_json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None,
    ) -> None:
        self.command = command
        self.as_json = as_json
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr

    def text(self, text: str) -> None:
        """Print text for a person; nothing with JSON."""
        if not self.as_json:
            print(text, file=self._stdout, flush=True)

    def record(self, record: Mapping[str, Any]) -> None:
        """Print one JSON object in one line; nothing without JSON."""
        if self.as_json:
            print(json.dumps(record), file=self._stdout, flush=True)

    def remark(self, text: str) -> None:
        """Print something for a person that is no result: to stderr with JSON, so that stdout stays JSON only."""
        print(text, file=self._stderr if self.as_json else self._stdout, flush=True)

    def error(self, error: Exception, record: Mapping[str, Any] | None = None) -> int:
        """Print what went wrong in one line, and with JSON the object that tells it; return the exit status.

        ``record`` is what is known of the result so far.
        """
        status = int(exit_status_of(error))
        print(f"microsip {self.command}: {error_line(error)}", file=self._stderr, flush=True)
        self.record({"command": self.command, **(record or {}), "ok": False, "exit_status": status,
                     "error": error_record(error)})
        return status

    @property
    def color(self) -> bool:
        """Whether ANSI colours are wanted: stdout is a terminal, and NO_COLOR is not set."""
        return self._stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def ascii_only(self) -> bool:
        """Whether stdout can not show line-drawing characters."""
        try:
            "│─►…".encode(self._stdout.encoding or "ascii")
        except UnicodeEncodeError:
            return True
        return False

    @property
    def width(self) -> int:
        """Columns of the terminal, 100 where there is none."""
        return shutil.get_terminal_size((100, 24)).columns if self._stdout.isatty() else 100


def error_line(error: Exception) -> str:
    """Return an error in one line: the step, the peer, what happened, the remedy."""
    if not isinstance(error, MicrosipError):
        return one_line(f"unexpected {type(error).__name__}: {error}. Run it again with --debug and report it")
    where = " ".join(part for part in (error.step, f"({error.peer})" if error.peer else None) if part)
    remedy = f". {error.remedy[0].upper()}{error.remedy[1:]}" if error.remedy else ""
    return one_line(f"{where + ': ' if where else ''}{error.message}{remedy}")


def one_line(text: str) -> str:
    """Return ``text`` as one line, without control characters: a part of it may come from a peer."""
    return printable(" ".join(text.split()))


def error_record(error: Exception) -> dict[str, Any]:
    """Return an error as JSON: step, peer, message and remedy, and the code of the C-style API."""
    if not isinstance(error, MicrosipError):
        return {"type": type(error).__name__, "code": int(ErrorCode.SIP_ERROR), "step": None, "peer": None,
                "message": one_line(str(error)), "remedy": None}
    return {"type": type(error).__name__, "code": int(error.code), "step": error.step, "peer": error.peer,
            "message": one_line(error.message), "remedy": error.remedy}
