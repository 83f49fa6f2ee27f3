"""The options that several commands share, and the types of their values."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from .checks import check_codecs, domain_of, sip_uri
from .exit_status import UsageError
from .password import add_password_options, find_password
from .trace_options import add_trace_options, open_trace_sinks

if TYPE_CHECKING:
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.config import UserAgentConfig
    from microsip_core.user_agent.user_agent import UserAgent

TRACE_MESSAGES = 5000
REPORT_HELP = "write the SIP messages, without secrets, and the media figures over time"


def seconds(text: str) -> float:
    """Return a number of seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def positive_seconds(text: str) -> float:
    """Return a number of seconds above 0."""
    if seconds(text) == 0:
        raise ArgumentTypeError("it must be more than 0 seconds")
    return seconds(text)


def count(text: str) -> int:
    """Return a whole number from 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def host_port(text: str) -> str:
    """Return "HOST:PORT" as it is, when it is one."""
    from microsip_core.errors import InvalidArgument
    from microsip_core.transport.address import split_host_port

    try:
        host, _ = split_host_port(text)
    except InvalidArgument as error:
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT") from error
    if not host:
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return text


def add_output_options(parser: ArgumentParser) -> None:
    """Add --json, --explain and --debug."""
    parser.add_argument("--json", action="store_true", help="print JSON, one object per line, in place of text")
    parser.add_argument("--explain", action="store_true",
                        help="tell of an error also what was sent, what came back, and the likely cause")
    parser.add_argument("--debug", action="store_true", help="show the log, and the traceback of an error")


def add_account_options(parser: ArgumentParser) -> None:
    """Add the options that make an account."""
    group = parser.add_argument_group("account")
    group.add_argument("--account", metavar="AOR", help="the address of record to be, such as sip:alice@example.com")
    group.add_argument("--username", metavar="NAME", help="the name to log in with (default: the user part of AOR)")
    add_password_options(group)  # type: ignore[arg-type]
    add_route_options(group)  # type: ignore[arg-type]


def add_route_options(parser: ArgumentParser) -> None:
    """Add where to register, by which way, and for how long."""
    parser.add_argument("--registrar", metavar="URI", help="where to register (default: the domain of AOR)")
    parser.add_argument("--proxy", metavar="URI", help="send everything by way of this outbound proxy")
    parser.add_argument("--expires", metavar="S", type=count, default=300, help="seconds to register for (default 300)")


def add_engine_options(parser: ArgumentParser, *, listen: str) -> None:
    """Add --listen, --codec, --core and their like, and those of diagnosis."""
    parser.add_argument("--listen", metavar="HOST:PORT", type=host_port, default=listen,
                        help=f"the local address and UDP port for SIP; port 0 takes a free one (default {listen})")
    parser.add_argument("--codec", metavar="NAME", action="append", default=[],
                        help="a codec to use, in order of preference; may be given several times (default PCMU PCMA)")
    parser.add_argument("--srtp", choices=["off", "optional", "mandatory"], default="off",
                        help="encrypt the sound with keys in the SDP: offer it, or insist on it (default off)")
    parser.add_argument("--core", choices=["native", "reference"], help="the media core (default: native where built)")
    parser.add_argument("--media-timeout", metavar="S", type=seconds, default=20.0,
                        help="hang up when the peer's RTP has ceased for S seconds; 0 never does (default 20)")
    add_trace_options(parser)


def engine_config(arguments: Namespace, *, trace: bool = False, max_calls: int | None = None) -> UserAgentConfig:
    """Return the configuration of a user agent as the options ask for it, captures opened.

    Raises UsageError for an unknown codec, and what :func:`open_trace_sinks` raises.
    """
    from microsip_core.user_agent.config import UserAgentConfig

    codecs = check_codecs(arguments.codec, arguments.core)
    default = UserAgentConfig()
    return UserAgentConfig(
        listen=arguments.listen, codecs=tuple(codecs) if codecs else default.codecs, core=arguments.core,
        srtp=arguments.srtp, media_timeout=arguments.media_timeout, trace=TRACE_MESSAGES if trace else 0,
        max_calls=default.max_calls if max_calls is None else max_calls, trace_sinks=open_trace_sinks(arguments),
    )


async def create_account(
    agent: UserAgent, arguments: Namespace, *, register: bool = True, timeout: float = 30.0,
) -> Account | None:
    """Create the account of the options and register it; None where no account is asked for."""
    if arguments.account is None:
        return None
    return await agent.create_account(
        sip_uri(arguments.account, step="read the account"), arguments.secret, username=arguments.username,
        registrar=arguments.registrar, proxy=arguments.proxy, expires=arguments.expires, register=register,
        timeout=timeout,
    )


def check_account(arguments: Namespace) -> None:
    """Check the account options and find the password, which may ask for it. Raises UsageError, FileError."""
    arguments.secret = None
    if arguments.account is None:
        for name in ("username", "password", "password_file", "registrar", "proxy"):
            if getattr(arguments, name) is not None:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} is of no use without --account", step="read the account",
                                 remedy="Add --account, such as sip:alice@example.com")
        return
    arguments.account = sip_uri(arguments.account, step="read the account")
    for name in ("registrar", "proxy"):
        value = getattr(arguments, name)
        if value is not None:
            setattr(arguments, name, sip_uri(value, step=f"read the {name}"))
    arguments.secret = find_password(arguments)


def account_domain(arguments: Namespace) -> str | None:
    """Return the domain of the account, which a short URI to dial is taken to be in."""
    return domain_of(arguments.account) if arguments.account is not None else None
