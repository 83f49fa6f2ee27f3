"""``microsip demo``: a real call between separate processes through a loopback server, and a look at what happened."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from argparse import ArgumentParser, Namespace
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from microsip_core.errors import MicrosipError

from .arguments import add_output_options
from .checks import check_playable
from .child_process import ChildProcess
from .demo_result import DemoCall, Side, show_demo
from .exit_status import ExitStatus, UsageError
from .output import Output
from .progress import Progress
from .signals import run_until_signal, running

DESCRIPTION = """\
Start a loopback SIP server, register two accounts on it, and place a call between two processes that speak to each
other over real UDP sockets. Then show the SIP messages, the media statistics of both directions, and write the
recordings and a picture of the call."""

EXAMPLES = """\
  microsip demo
  microsip demo --output /tmp/demo --core reference
  microsip demo --alice question.wav --bob answer.wav --json
"""

SPEECH = Path(__file__).parent / "speech"
_START_TIMEOUT = 30.0
_MARGIN = 1.0


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--output", metavar="DIR", default="demo-output",
                        help="where the files go (default demo-output)")
    parser.add_argument("--alice", metavar="FILE.wav", default=str(SPEECH / "alice.wav"), help="what the caller says")
    parser.add_argument("--bob", metavar="FILE.wav", default=str(SPEECH / "bob.wav"), help="what the callee says")
    parser.add_argument("--core", choices=["native", "reference"], help="the media core (default: native where built)")
    add_output_options(parser)


def run(arguments: Namespace, output: Output) -> int:
    """Check the arguments, then place the call."""
    arguments.duration = max(check_playable(arguments.alice), check_playable(arguments.bob)) + _MARGIN
    directory = Path(arguments.output)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(str(error.strerror), step="make the output directory", peer=str(directory),
                         remedy="Choose another place with --output") from error
    return run_until_signal(_Demo(arguments, output, directory).run())


class _Demo:
    def __init__(self, arguments: Namespace, output: Output, directory: Path) -> None:
        self._arguments = arguments
        self._output = output
        self._directory = directory
        self._core = ["--core", arguments.core] if arguments.core else []

    async def run(self) -> int:
        """Run the server and both sides; show the result; return the exit status."""
        with tempfile.TemporaryDirectory(prefix="microsip-demo-") as work:
            async with AsyncExitStack() as stack:
                call = await self._call(stack, Path(work))
            show_demo(call, self._output, self._directory)
        return ExitStatus.OK

    async def _call(self, stack: AsyncExitStack, work: Path) -> DemoCall:
        passwords = {name: secrets.token_urlsafe(12) for name in ("alice", "bob")}
        server, address = await self._start_server(stack, passwords)
        self._output.text(f"loopback SIP server     process {server.pid}, {address}")
        bob = await self._start(stack, "bob", [
            "answer", "--listen", "127.0.0.1:0", "--count", "1", "--after", "0.3", *self._side("bob", address, work),
        ], passwords["bob"])
        ready = await bob.next_record(_START_TIMEOUT)
        self._output.text(f"bob has registered      process {bob.pid}, {ready['address']}")
        alice = await self._start(stack, "alice", [
            "call", f"sip:bob@{address}", "--duration", f"{self._arguments.duration:.2f}",
            *self._side("alice", address, work),
        ], passwords["alice"])
        self._output.text(f"alice registers, calls  process {alice.pid}")
        with Progress() as progress:
            bar = "#." if self._output.ascii_only else "█░"
            async with running(_show_time(progress, self._arguments.duration, bar)):
                caller = await alice.next_record(self._arguments.duration + _START_TIMEOUT)
                _raise_error_of(caller)
                callee = await bob.next_record(_START_TIMEOUT)
                await alice.wait(_START_TIMEOUT)
                await bob.wait(_START_TIMEOUT)
        self._output.text(f"the call has ended      after {caller['duration_s']:.1f} s")
        return DemoCall(
            server=address, codec=str(caller["codec"]),
            alice=Side("alice", caller, self._arguments.alice, work / "alice.json"),
            bob=Side("bob", callee, self._arguments.bob, work / "bob.json"),
        )

    async def _start_server(self, stack: AsyncExitStack, passwords: dict[str, str]) -> tuple[ChildProcess, str]:
        users = [word for name, password in passwords.items() for word in ("--user", f"{name}:{password}")]
        server = await self._start(stack, "the loopback server", ["loopback", "--listen", "127.0.0.1:0", *users])
        listening = await server.next_record(_START_TIMEOUT)
        return server, str(listening["address"])

    async def _start(
        self, stack: AsyncExitStack, name: str, arguments: list[str], password: str | None = None,
    ) -> ChildProcess:
        child = await ChildProcess.start(name, arguments, {"MICROSIP_PASSWORD": password} if password else None)
        stack.push_async_callback(child.stop)
        return child

    def _side(self, name: str, server: str, work: Path) -> list[str]:
        """Return the arguments that are alike for both sides."""
        speech: dict[str, Any] = {"alice": self._arguments.alice, "bob": self._arguments.bob}
        return ["--account", f"sip:{name}@{server}", "--play", speech[name], "--record",
                str(self._directory / f"{name}.wav"), "--report", str(work / f"{name}.json"), *self._core]


def _raise_error_of(caller: dict[str, Any]) -> None:
    """Raise what alice's process tells as its error, if it does."""
    error = caller.get("error")
    if error:
        step = f"alice: {error['step'] or 'call'}"
        raise MicrosipError(error["message"], step=step, peer=error["peer"], remedy=error["remedy"])


async def _show_time(progress: Progress, seconds: float, bar: str) -> None:
    """Show a bar while the call runs."""
    begin = time.monotonic()
    while progress.enabled:
        elapsed = time.monotonic() - begin
        done = bar[0] * round(30 * min(elapsed / seconds, 1.0))
        progress.show(f"{done:{bar[1]}<30} {elapsed:4.1f} of {seconds:.1f} s, both are speaking")
        await asyncio.sleep(0.1)
