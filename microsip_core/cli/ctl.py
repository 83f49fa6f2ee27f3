"""``microsip ctl``: asks the running phone by name, and shows its events."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from microsip_core.config.paths import configuration_file
from microsip_core.control.address import address_for
from microsip_core.control.client import ControlClient
from microsip_core.control.requests import REQUESTS
from microsip_core.errors import MicrosipError

from .arguments import add_output_options
from .exit_status import ExitStatus, UsageError
from .handed_over import restored
from .output import Output, one_line

_NAMES = ("snapshot", "events", *REQUESTS)
DESCRIPTION = f"""\
Ask the running phone of a configuration file: {', '.join(_NAMES)}.
Arguments of a request are NAME=VALUE, such as call=2; without call= it is the current call. "events" shows events as
they come, until the phone ends or this is stopped, without a gap where the connection is lost for a while."""

EXAMPLES = """\
  microsip ctl snapshot --json
  microsip ctl hangup call=2
  microsip ctl launch "words=sip:echo@127.0.0.1:5060 /account:2"
  microsip ctl --config desk.ini events
"""

_RECONNECT = 10.0  # seconds
_BOOLEANS = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("request", metavar="REQUEST", help="what to ask for")
    parser.add_argument("values", metavar="NAME=VALUE", nargs="*", help="arguments of the request")
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: the platform's MicroSIP.ini)")
    parser.add_argument("--timeout", metavar="S", type=float, default=60.0, help="seconds to wait for it (default 60)")
    add_output_options(parser)


def run(arguments: Namespace, output: Output) -> int:
    """Ask, and tell the answer."""
    name = arguments.request
    if name not in _NAMES:
        raise UsageError(f"there is no request {name!r}", remedy=f"Use one of {', '.join(_NAMES)}")
    given = _read(name, arguments.values)
    with ControlClient(address_for(configuration_file(arguments.config)), arguments.timeout) as client:
        if name == "events":
            return _events(client, output)
        try:
            result = client.request(name, **given)
        except MicrosipError as error:
            raise restored(error) from error
    output.text(result if isinstance(result, str) else json.dumps(result, indent=2, ensure_ascii=False))
    output.record({"command": "ctl", "ok": True, "exit_status": 0, "request": name, "result": result})
    return ExitStatus.OK


def _read(name: str, words: list[str]) -> dict[str, Any]:
    """Return the arguments of a request in the types it takes. Raises UsageError."""
    wanted, given = REQUESTS.get(name, {}), {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in wanted:
            raise UsageError(f"{word!r} is no argument of {name}",
                             remedy=f"Use {', '.join(f'{one}=...' for one in wanted) or 'none'}")
        try:
            given[key] = _value(wanted[key], value)
        except (ValueError, KeyError):
            raise UsageError(f"{word!r} has no usable value") from None
    return given


def _value(kind: Any, text: str) -> Any:
    if kind is bool:
        return _BOOLEANS[text.lower()]
    if kind is int:
        return int(text)
    if kind is list:
        return text.split()
    return text if kind is str else float(text)


def _events(client: ControlClient, output: Output) -> int:
    begun = client.subscribe()
    output.record({"event": "snapshot", "sequence": begun.sequence, "snapshot": begun.snapshot})
    for event in client.events(patience=_RECONNECT):
        output.record(event)
        told = [f"{key}={value}" for key, value in event.items() if value not in ("", None, False)]
        output.text(one_line(" ".join(told)))
    return ExitStatus.OK
