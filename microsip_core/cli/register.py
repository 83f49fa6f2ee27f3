"""``microsip register``: registers an account, tells what came of it, and unregisters at the end."""

from __future__ import annotations

import asyncio
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from microsip_core.diagnosis.printable import printable

from .arguments import add_output_options, add_route_options, check_account, create_account, host_port, positive_seconds
from .exit_status import ExitStatus, UsageError
from .output import Output
from .password import add_password_options
from .progress import Progress
from .signals import run_until_signal
from .trace_options import add_trace_options, open_trace_sinks

if TYPE_CHECKING:
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.user_agent import UserAgent

DESCRIPTION = """\
Register an account, print what the registrar granted, and unregister again. With --keep stay registered, refreshing as
needed, until stopped by SIGINT or SIGTERM."""

EXAMPLES = """\
  microsip register sip:alice@127.0.0.1:5060 --password-file secret.txt
  MICROSIP_PASSWORD=secret microsip register alice@example.com --registrar sip:sip.example.com --json
  microsip register sip:alice@example.com --proxy sip:edge.example.com --expires 120 --keep
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("aor", metavar="AOR", nargs="?", help="the address of record, such as sip:alice@example.com")
    parser.add_argument("--account", metavar="AOR", help="the same, as the other commands take it")
    parser.add_argument("--username", metavar="NAME", help="the name to log in with (default: the user part of AOR)")
    add_password_options(parser)
    add_route_options(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", type=host_port, default="127.0.0.1:0",
                        help="the local address and UDP port for SIP (default 127.0.0.1:0, a free port)")
    parser.add_argument("--timeout", metavar="S", type=positive_seconds, default=30.0,
                        help="give up when the registrar has not answered after S seconds (default 30)")
    parser.add_argument("--keep", action="store_true", help="stay registered until stopped")
    parser.add_argument("--ladder", action="store_true", help="show the SIP messages as a ladder diagram at the end")
    add_trace_options(parser)
    add_output_options(parser)


def run(arguments: Namespace, output: Output) -> int:
    """Check the arguments, then register."""
    arguments.account = arguments.account or arguments.aor
    if arguments.account is None:
        raise UsageError("no address of record is given", step="register", remedy="See microsip register --help")
    check_account(arguments)
    return run_until_signal(_register(arguments, output))


async def _register(arguments: Namespace, output: Output) -> int:
    from microsip_core.user_agent.config import UserAgentConfig
    from microsip_core.user_agent.user_agent import UserAgent

    config = UserAgentConfig(listen=arguments.listen, trace=1000 if arguments.ladder else 0,
                             trace_sinks=open_trace_sinks(arguments))
    agent = UserAgent(config, media="none")
    try:
        with Progress() as progress:
            async with agent:
                progress.show(f"registering {arguments.account}")
                begin = time.monotonic()
                account = await create_account(agent, arguments, timeout=arguments.timeout)
                assert account is not None
                progress.clear()
                _tell(account, arguments, output, (time.monotonic() - begin) * 1000)
                if arguments.keep:
                    await _follow(agent, output)
                await account.unregister()
                output.text(f"unregistered {account.aor}")
    finally:
        if arguments.ladder:
            _draw(agent, output)
    return ExitStatus.OK


def _tell(account: Account, arguments: Namespace, output: Output, elapsed_ms: float) -> None:
    expires = account.expires
    record: dict[str, Any] = {
        "event": "registered", "account": account.aor, "registrar": account.registrar, "proxy": account.proxy,
        "status": account.status, "reason": account.reason, "expires_s": None if expires is None else round(expires),
        "elapsed_ms": round(elapsed_ms, 1),
    }
    output.record({"command": "register", **record, "ok": True, "exit_status": 0, "error": None})
    lasts = "" if expires is None else f" for {expires:.0f} s"
    output.text(f"registered {account.aor} at {account.registrar}{lasts} in {elapsed_ms:.0f} ms"
                + (", until stopped" if arguments.keep else ""))


async def _follow(agent: UserAgent, output: Output) -> None:
    """Print what becomes of the registration, until cancelled."""
    from microsip_core.user_agent.events import EventType

    async for event in agent.events():
        if event.account is not None and event.type in (EventType.REGISTER_FAILED, EventType.REGISTERED):
            output.record({"event": str(event.type), "account": event.account.aor, "status": event.status,
                           "reason": event.text})
            output.text(f"{time.strftime('%H:%M:%S')} {event.type}: {event.status} {printable(event.text)}".rstrip())
    await asyncio.Event().wait()


def _draw(agent: UserAgent, output: Output) -> None:
    from microsip_core.diagnosis.ladder import arrows_of, render_ladder

    output.remark("\n" + render_ladder(arrows_of(agent.trace), width=output.width, color=output.color,
                                       ascii_only=output.ascii_only))
