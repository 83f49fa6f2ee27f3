"""What a command prints: text for a person or JSON lines for a program, and errors in one line."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TextIO

from microsip_core.diagnosis.printable import printable
from microsip_core.errors import ErrorCode, FileError, MicrosipError

from .exit_status import exit_status_of
from .line_writer import LineWriter

_READER_PATIENCE = 1.0  # seconds that a command ended by a signal waits for a slow reader of its output


class OutputError(FileError):
    """Stdout can not be written: its disk is full, say."""


class Output:
    """Results go to stdout, with ``as_json`` one object per line, else as text; errors to stderr and into the JSON.

    Where stdout is a pipe nothing here waits for its reader but :meth:`close`. Raises BrokenPipeError when the reader
    has gone, OutputError when stdout can not be written for another reason. ``explain``: tell of an error also what
    was sent, what came back and the likely cause.
    """

    def __init__(
        self, command: str, *, as_json: bool = False, explain: bool = False, stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.command = command
        self._explain = explain
        self.as_json = as_json
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self._pipe: LineWriter | None = None
        if _is_pipe(self._stdout):
            self._stdout.flush()
            self._pipe = LineWriter(self._stdout.fileno())

    def _print(self, text: str) -> None:
        try:
            if self._pipe is None:
                print(text, file=self._stdout, flush=True)
            else:
                self._pipe.write(f"{text}\n".encode(self._stdout.encoding, "backslashreplace"))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(str(error.strerror), step="write the output", peer="stdout",
                              remedy="Check where it goes, and the space there") from error

    def close(self, *, stopped: bool = False) -> None:
        """Wait until a pipe's reader has taken everything; not for long where a signal has ``stopped`` the command."""
        if self._pipe is None:
            return
        complete = self._pipe.close(_READER_PATIENCE if stopped else None)
        if self._pipe.lost or not complete:
            lost = f"{self._pipe.lost} lines" if complete else "the last lines"
            print(f"microsip {self.command}: {lost} of the output were lost: nobody read them in time",
                  file=self._stderr, flush=True)

    def text(self, text: str) -> None:
        """Print text for a person; nothing with JSON."""
        if not self.as_json:
            self._print(text)

    def record(self, record: Mapping[str, Any]) -> None:
        """Print one JSON object in one line; nothing without JSON."""
        if self.as_json:
            self._print(json.dumps(record))

    def remark(self, text: str) -> None:
        """Print something for a person that is no result: to stderr with JSON, so that stdout stays JSON only."""
        if self.as_json:
            print(text, file=self._stderr, flush=True)
        else:
            self._print(text)

    def error(self, error: Exception, record: Mapping[str, Any] | None = None) -> int:
        """Print what went wrong in one line, and with JSON the object that tells it; return the exit status.

        ``record`` is what is known of the result so far.
        """
        status = int(exit_status_of(error))
        print(f"microsip {self.command}: {error_line(error)}", file=self._stderr, flush=True)
        if self._explain and isinstance(error, MicrosipError):
            print(error.explain(), file=self._stderr, flush=True)
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


def _is_pipe(stream: TextIO) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):  # no file at all
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


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
    """Return an error as JSON: step, peer, message, remedy, the code of the C-style API, and what explains it."""
    if not isinstance(error, MicrosipError):
        return {"type": type(error).__name__, "code": int(ErrorCode.SIP_ERROR), "step": None, "peer": None,
                "message": one_line(str(error)), "remedy": None, "explanation": None}
    return {"type": type(error).__name__, "code": int(error.code), "step": error.step, "peer": error.peer,
            "message": one_line(error.message), "remedy": error.remedy,
            "explanation": asdict(error.explain()) if error.evidence is not None else None}
