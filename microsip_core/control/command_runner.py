"""Runs event commands: without a shell, beside the calls, bounded in time, number and output, each with its outcome."""

from __future__ import annotations

import io
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO

from microsip_core.control.command_line import clean
from microsip_core.control.event_commands import Command
from microsip_core.control.log import LOG

KEPT_OUTPUT = 8192
"""Octets of a command's output that go to the log."""

LARGEST_OUTPUT = 4 << 20
"""Octets after which a command that writes on is ended."""

_PATIENCE = 1.0  # seconds between asking a command to end and ending it
_LOOK = 0.25  # seconds between looks at the size of the output


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What became of a command. ``exit_status`` is negative for a signal, None when it never ran.

    ``outcome`` is "exited", "timed_out", "too_much_output", "not_started" or "dropped". ``seconds`` is its run time.
    """

    command: Command
    outcome: str
    exit_status: int | None = None
    output: str = ""
    seconds: float = 0.0


class CommandRunner:
    """Starts commands in the order in which they are given, ``at_once`` beside each other, each for ``timeout`` s.

    ``waiting`` more may wait; what exceeds that is dropped and counted, but never the end of a call whose begin was
    taken. ``on_result`` is called with each outcome, on a thread of ours. ``withheld`` are environment variables that
    commands do not get, such as those with passwords. May be used from any thread.
    """

    def __init__(
        self, *, timeout: float = 30.0, at_once: int = 16, waiting: int = 256,
        on_result: Callable[[CommandResult], object] | None = None, withheld: Iterable[str] = (),
    ) -> None:
        self._timeout, self._waiting = timeout, waiting
        self._on_result = on_result
        self._withheld = {"MICROSIP_PASSWORD", *withheld}
        self._queue: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._slots = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._pending = 0  # taken and not through
        self._begun: set[int] = set()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._starter: threading.Thread | None = None
        self._closed = self._killing = False
        self.dropped = 0

    def run(self, command: Command) -> bool:
        """Take a command and return at once; False when there are too many already, or after :meth:`close`."""
        with self._lock:
            owed = command.last and command.call in self._begun
            taken = not self._closed and (owed or self._pending < self._waiting)
            if taken:
                self._pending += 1
                if not command.last and command.call:
                    self._begun.add(command.call)
                if self._starter is None:
                    self._starter = threading.Thread(target=self._start_all, name="event-commands", daemon=True)
                    self._starter.start()
                self._queue.put(command)
            else:
                self.dropped += 1
        if not taken:
            self._report(CommandResult(command, "dropped"))
        return taken

    def withhold(self, names: Iterable[str]) -> None:
        """Keep further environment variables from commands."""
        self._withheld = self._withheld | set(names)

    def forget_call(self, call: int) -> None:
        """Say that no further command of a call will come."""
        with self._lock:
            self._begun.discard(call)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until all that was taken is through; False when it is not after ``timeout`` seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._pending, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Take no more, give what runs and waits ``timeout`` seconds, then end it. Blocks; may be called again."""
        with self._lock:
            self._closed = True
        if not self.wait_idle(timeout):
            with self._lock:
                self._killing = True
                running = list(self._running)
            for process in running:
                _end(process, hard=True)
            self.wait_idle(_PATIENCE)
        self._queue.put(None)

    # -- on the starter's thread ------------------------------------------------------------------------------------

    def _start_all(self) -> None:
        while (command := self._queue.get()) is not None:
            self._slots.acquire()
            waiter = threading.Thread(target=self._follow, args=self._start(command), daemon=True)
            waiter.start()

    def _start(self, command: Command) -> tuple[Command, subprocess.Popen[bytes] | str, IO[bytes], float]:
        """Start the process; on failure the reason stands in its place."""
        output: IO[bytes] = io.BytesIO()
        began = time.monotonic()
        if self._killing:
            return command, "the phone is closing", output, began
        environment = {name: value for name, value in os.environ.items() if name not in self._withheld}
        environment.update(command.environment)
        try:
            output = tempfile.TemporaryFile()  # noqa: SIM115 (closed by whoever follows) - a pipe would end with us
            process = subprocess.Popen(  # noqa: S603 (the user's own command, its words split by us, no shell)
                command.arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment,
                start_new_session=os.name == "posix", creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:
            return command, str(error), output, began
        with self._lock:
            self._running.add(process)
        return command, process, output, began

    # -- on a thread for each command -------------------------------------------------------------------------------

    def _follow(
        self, command: Command, process: subprocess.Popen[bytes] | str, output: IO[bytes], began: float,
    ) -> None:
        try:
            if isinstance(process, str):
                result = CommandResult(command, "not_started", None, process)
            else:
                outcome = self._wait(process, output, began)
                text = _read(output)
                result = CommandResult(command, outcome, process.returncode, text, time.monotonic() - began)
        finally:
            output.close()
            self._slots.release()
        self._report(result)
        with self._idle:
            if not isinstance(process, str):
                self._running.discard(process)
            self._pending -= 1
            self._idle.notify_all()

    def _wait(self, process: subprocess.Popen[bytes], output: IO[bytes], began: float) -> str:
        while True:
            left = began + self._timeout - time.monotonic()
            try:
                process.wait(max(0.0, min(left, _LOOK)))
                return "exited"
            except subprocess.TimeoutExpired:
                too_large = os.fstat(output.fileno()).st_size > LARGEST_OUTPUT
                if too_large or left <= 0:
                    _end(process)
                    return "too_much_output" if too_large else "timed_out"

    def _report(self, result: CommandResult) -> None:
        command, level = result.command, LOG.info if result.exit_status == 0 else LOG.warning
        status = "" if result.exit_status is None else f" with exit status {result.exit_status}"
        level("%s %s %s%s after %.1f s%s", command.event, clean(command.arguments[0]), result.outcome, status,
              result.seconds, f": {result.output}" if result.output else "")
        if self._on_result is not None:
            try:
                self._on_result(result)
            except Exception:
                LOG.exception("the listener to event commands failed")


def _end(process: subprocess.Popen[bytes], hard: bool = False) -> None:
    """End a command with all it started in its session: asked first, then killed."""
    for number in ("SIGKILL",) if hard else ("SIGTERM", "SIGKILL"):
        if process.poll() is not None:
            return
        try:
            if os.name == "posix":
                os.killpg(process.pid, getattr(signal, number))
            else:
                process.kill()
        except ProcessLookupError:
            return
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            continue


def _read(output: IO[bytes]) -> str:
    output.seek(0)
    data = output.read(KEPT_OUTPUT + 1)
    more = " [...]" if len(data) > KEPT_OUTPUT else ""
    return clean(data[:KEPT_OUTPUT].decode("utf-8", "replace").rstrip(), KEPT_OUTPUT) + more
