"""The ``microsip`` command: finds the command that is asked for, and loads nothing else."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, NoReturn

from microsip_core.control.launch import looks_like_launch

from .exit_status import EXIT_STATUS_HELP, ExitStatus, UsageError
from .output import Output, OutputError, error_line

if TYPE_CHECKING:
    from types import ModuleType

COMMANDS = {
    "call": "call a URI, play a WAV file, record, send DTMF",
    "answer": "answer calls until stopped: play, record, echo",
    "register": "register an account and tell what came of it",
    "loopback": "run a small SIP server with echo, tone and other test numbers",
    "phone": "run the phone of a MicroSIP.ini, or hand a command line to the one that runs",
    "ctl": "ask the running phone: snapshot, answer, hangup, events, ...",
    "devices": "list microphones and loudspeakers",
    "doctor": "tell what is installed, what is missing, and the remedy",
    "demo": "place a call between two processes and show what happened",
}
"""Each is the module of the same name, with ``add_arguments(parser)`` and ``run(arguments, output) -> exit status``."""

_DESCRIPTION = "SIP softphone for bots, scripts and tests."
_EPILOG = """\
examples:
  microsip demo
  microsip loopback --listen 127.0.0.1:5060 --user alice:secret
  microsip call sip:echo@127.0.0.1:5060 --play hello.wav --record back.wav
  microsip answer --listen 127.0.0.1:5070 --echo --json
  microsip COMMAND --help
"""


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, and raises in place of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, remedy=f"See {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what a terminal's encoding lacks must not end a call
            stream.reconfigure(errors="backslashreplace")
    if words and words[0] in COMMANDS:
        return _run_command(words[0], words[1:])
    if words and looks_like_launch(words[0]):  # MicroSIP's own command line
        options = words[-1:] if words[-1] in ("--json", "--debug") else []
        return _run_command("phone", [*options, "--", *words[:len(words) - len(options)]])
    parser = _top_parser()
    if not words:
        parser.print_help(sys.stderr)
        return ExitStatus.USAGE
    try:
        parser.parse_args(words)
    except SystemExit as done:  # --help and --version
        return int(done.code or 0)
    except UsageError as error:
        print(f"microsip: {error}", file=sys.stderr)
        return ExitStatus.USAGE
    return _other_first_word(words)


def _replace_closed_streams() -> None:
    """Take the null device for what whoever started us has closed, so that no socket gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _other_first_word(words: Sequence[str]) -> int:
    """Handle a command line that names no command."""
    names = ", ".join(COMMANDS)
    print(f"microsip: there is no command {words[0]!r}. The commands are {names}; see microsip --help", file=sys.stderr)
    return ExitStatus.USAGE


def _top_parser() -> argparse.ArgumentParser:
    from microsip_core import __version__

    parser = _Parser(prog="microsip", description=_DESCRIPTION, epilog=_EPILOG + "\n" + EXIT_STATUS_HELP,
                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"microsip-core {__version__}")
    lines = "\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items())
    parser.add_argument("command", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.description = f"{_DESCRIPTION}\n\ncommands:\n{lines}"
    parser.usage = "microsip COMMAND [option ...]"
    return parser


def _run_command(name: str, words: Sequence[str]) -> int:
    output = Output(name, as_json="--json" in words, explain="--explain" in words)
    _set_up_logging("--debug" in words)
    try:
        status = _run_module(name, words, output)
        output.close(stopped=status in (ExitStatus.INTERRUPTED, ExitStatus.TERMINATED))
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except (BrokenPipeError, OutputError) as error:
        if isinstance(error, OutputError):
            print(f"microsip {name}: {error_line(error)}", file=sys.stderr)
        # Whoever reads our output gets no more. Without this the interpreter would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.FAILED
    return status


def _run_module(name: str, words: Sequence[str], output: Output) -> int:
    try:
        module = import_module(f"microsip_core.cli.{name}")
        parsed = command_parser(name, module).parse_args(words)
        return int(module.run(parsed, output))
    except SystemExit as done:  # --help
        return int(done.code or 0)
    except (BrokenPipeError, OutputError):
        raise
    except Exception as error:
        if "--debug" in words:
            raise
        return output.error(error)


def _set_up_logging(debug: bool) -> None:
    """Show the log with --debug only: what a user must know is told in one line, which the log would drown."""
    import logging

    logging.getLogger("microsip_core").addHandler(logging.NullHandler())
    if debug:
        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(name)s: %(message)s")


def command_parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of one command."""
    parser = _Parser(
        prog=f"microsip {name}", description=module.DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"examples:\n{module.EXAMPLES}\n{EXIT_STATUS_HELP}", allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser
