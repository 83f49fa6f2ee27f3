"""``microsip phone``: runs the phone of a MicroSIP.ini; a further launch is handed over to it, with its outcome."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from microsip_core.config.paths import configuration_file
from microsip_core.control.address import address_for
from microsip_core.control.hand_over import hand_over
from microsip_core.control.launch import parse_launch, redact
from microsip_core.errors import Busy, MicrosipError, NotInitialized

from .arguments import add_output_options
from .exit_status import ExitStatus
from .handed_over import restored
from .output import Output
from .signals import run_until_signal

if TYPE_CHECKING:
    from pathlib import Path

    from microsip_core.control.phone import Phone

DESCRIPTION = """\
Run the phone of a configuration file until /exit or a signal, and do what the words ask for. While it runs, further
launches hand their words over to it and tell what came of it. Words are MicroSIP's own, and need no "phone" before them
where they begin with a mark, a scheme, an address or a number: NUMBER, NUMBER,DIGITS, /answer, /hangupall, /dtmf:12,
/account:2, /i:FILE.ini, msip:hold, /exit, ..."""

EXAMPLES = """\
  microsip phone --config desk.ini
  microsip sip:echo@127.0.0.1:5060,12
  microsip phone --config desk.ini /hangupall
  microsip /i:desk.ini /exit
"""

_HIDDEN = "MICROSIP_SESSION_PASSWORD"
_PATIENCE = 10.0  # seconds for a phone that another launch is just starting


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("words", metavar="WORD", nargs="*", help="what to do, in MicroSIP's grammar")
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: the platform's MicroSIP.ini)")
    parser.add_argument("--host", metavar="HOST", default="127.0.0.1",
                        help="the address to listen on (default 127.0.0.1; 0.0.0.0 for all)")
    add_output_options(parser)


def run(arguments: Namespace, output: Output) -> int:
    """Hand over to the phone that runs, or be it."""
    arguments.words = _with_hidden_password(arguments.words)
    launch = parse_launch(arguments.words)
    path = configuration_file(launch.configuration or arguments.config)
    try:
        return _hand_over(path, arguments.words, output)
    except NotInitialized:
        if not launch.starts_a_phone:
            raise
    _hide_password(arguments.words)
    try:
        return run_until_signal(_run(path, arguments, output))
    except Busy as error:
        if error.step != "lock the instance":
            raise
        return _hand_over(path, arguments.words, output, _PATIENCE)


def _hide_password(words: list[str]) -> None:
    """Begin anew without the password in our arguments, which every user sees in the list of processes."""
    shown = redact(words)
    if os.name != "posix" or shown == words or not set(words) <= set(sys.orig_argv):
        return
    os.environ[_HIDDEN] = next(word[10:] for word in reversed(words) if redact([word]) != [word])
    os.execv(sys.executable, redact(sys.orig_argv))  # noqa: S606 (ourselves, as we were called)


def _with_hidden_password(words: list[str]) -> list[str]:
    """Return the words with the password that :func:`_hide_password` has put aside; our children do not inherit it."""
    hidden = os.environ.pop(_HIDDEN, None)
    if hidden is None:
        return words
    return [f"{word[:10]}{hidden}" if word[1:].lower() == "password:***" else word for word in words]


def _hand_over(path: Path, words: list[str], output: Output, patience: float = 0.0) -> int:
    try:
        text = hand_over(address_for(path), words, patience=patience)
    except NotInitialized:
        raise
    except MicrosipError as error:
        raise restored(error) from error
    if text:
        output.text(text)
    output.record({"command": "phone", "ok": True, "exit_status": 0, "handed_over": True, "text": text})
    return ExitStatus.OK


async def _run(path: Path, arguments: Namespace, output: Output) -> int:
    from microsip_core.control.instance import run_phone

    def ready(phone: Phone, said: str) -> None:
        host, port = phone.agent.listen_address
        output.text(f"the phone of {path} listens on {host}:{port}" + (f": {said}" if said else ""))
        output.record({"event": "ready", "configuration": str(path), "listen": [host, port], "text": said})

    await run_phone(path, arguments.words, host=arguments.host, on_ready=ready)
    output.record({"command": "phone", "ok": True, "exit_status": 0, "handed_over": False})
    return ExitStatus.OK
