"""``microsip loopback``: a small SIP server to test against: registrar, proxy, and users that echo, ring, refuse."""

from __future__ import annotations

import asyncio
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from microsip_core.diagnosis.printable import printable

from .arguments import add_output_options, host_port, seconds
from .checks import check_playable
from .exit_status import UsageError
from .output import Output
from .signals import run_until_signal

if TYPE_CHECKING:
    from microsip_core.server.journal import ServerEvent

DESCRIPTION = """\
Run a SIP server for tests until stopped by SIGINT or SIGTERM: a registrar with digest authentication, a proxy that
records its route and forks, and these users to call:

  echo      sends back what it hears            busy      refuses with 486
  tone      plays a tone                        noanswer  rings and never answers
  play      plays an announcement               slow      rings a while, then answers
  sink      listens and says nothing            early     sends early media, then answers
  dtmf      sends digits back

It prints what happens, line by line."""

EXAMPLES = """\
  microsip loopback --listen 127.0.0.1:5060 --user alice:secret --user bob:secret
  microsip loopback --listen 127.0.0.1:0 --challenge all --json
  microsip loopback --user alice:secret --loss 0.02 --delay 0.05 --seed 1     # a bad network, the same each time
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--listen", metavar="HOST:PORT", type=host_port, default="127.0.0.1:5060",
                        help="where to listen; port 0 takes a free one (default 127.0.0.1:5060)")
    parser.add_argument("--user", metavar="NAME:PASSWORD", type=_user, action="append", default=[],
                        help="a user who may register; may be given several times")
    parser.add_argument("--domain", metavar="NAME", help="the users' domain (default: the address it listens at)")
    parser.add_argument("--realm", metavar="NAME", default="loopback", help="the realm of its challenges")
    parser.add_argument("--challenge", choices=["none", "register", "invite", "all"], default="register",
                        help="what must authenticate: nothing, REGISTER, that and INVITE, or every request, BYE "
                             "included (default register)")
    parser.add_argument("--no-services", action="store_true", help="leave out the users to call")
    parser.add_argument("--announcement", metavar="FILE.wav", help="what the user 'play' plays")
    parser.add_argument("--loss", metavar="0..1", type=_fraction, default=0.0,
                        help="lose this part of the messages")
    parser.add_argument("--delay", metavar="S", type=seconds, default=0.0, help="delay SIP messages by S seconds")
    parser.add_argument("--jitter", metavar="S", type=seconds, default=0.0, help="and by up to S seconds more")
    parser.add_argument("--seed", metavar="N", type=int, help="lose and delay the same messages each time")
    parser.add_argument("--core", choices=["native", "reference"], help="the media core of the users to call")
    parser.add_argument("--quiet", action="store_true", help="print nothing after the line that says where it listens")
    add_output_options(parser)


def run(arguments: Namespace, output: Output) -> int:
    """Run the server until a signal comes."""
    check_playable(arguments.announcement)
    names = [name for name, _ in arguments.user]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"the user {twice[0]!r} is given twice", step="read the users", remedy="Name each once")
    return run_until_signal(_serve(arguments, output))


async def _serve(arguments: Namespace, output: Output) -> int:
    from microsip_core.server.config import ServiceSettings
    from microsip_core.server.server import LoopbackServer
    from microsip_core.transport.address import join_host_port, split_host_port

    def tell(event: ServerEvent) -> None:
        if event.kind not in ("listen", "close") and not arguments.quiet:
            now = time.time()
            output.record({"event": event.kind, "time": round(now, 3), "text": event.text})
            clock = time.strftime("%H:%M:%S", time.localtime(now))
            output.text(f"{clock}.{int(now * 1000) % 1000:03d}  {event.kind:<10}{printable(event.text)}")

    host, port = split_host_port(arguments.listen, 5060)
    server = LoopbackServer(
        host, port, dict(arguments.user), realm=arguments.realm, domain=arguments.domain, challenge=arguments.challenge,
        services=not arguments.no_services, loss=arguments.loss, delay=arguments.delay, jitter=arguments.jitter,
        seed=arguments.seed, on_event=tell,
        service_settings=ServiceSettings(announcement=arguments.announcement, core=arguments.core),
    )
    async with server:
        address = join_host_port(server.address)
        users = sorted(dict(arguments.user))
        output.record({"event": "listening", "address": address, "host": server.address[0], "port": server.address[1],
                       "domain": server.domain, "users": users})
        output.text(f"listening on {address}, domain {server.domain}, users: {', '.join(users) or 'none'}")
        await asyncio.Event().wait()
    raise AssertionError("only a cancellation ends the wait")


def _user(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not colon or not name or not password:
        raise ArgumentTypeError("a user is given as NAME:PASSWORD")
    return name, password


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value
