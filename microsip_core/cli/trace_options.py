"""The options that write down or send away the SIP messages as they come and go: --capture, --hep."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from .checks import check_writable

if TYPE_CHECKING:
    from microsip_core.diagnosis.trace import TraceSink

_SECRETS_HELP = "leave passwords' digests and SRTP keys in captures; without it they are crossed out"


def add_trace_options(parser: ArgumentParser) -> None:
    """Add --capture, --rtp, --hep and --secrets."""
    group = parser.add_argument_group("diagnosis")
    group.add_argument("--capture", metavar="FILE.pcapng", help="write the SIP messages for Wireshark and the like")
    group.add_argument("--rtp", action="store_true", help="capture the media packets, too")
    group.add_argument("--hep", metavar="HOST:PORT", help="send the SIP messages to a HEP3 collector: Homer, sngrep")
    group.add_argument("--secrets", action="store_true", help=_SECRETS_HELP)


def open_trace_sinks(arguments: Namespace) -> tuple[TraceSink, ...]:
    """Open what the options ask for. Raises UsageError, FileError, InvalidArgument, NetworkError."""
    sinks: list[TraceSink] = []
    if arguments.hep is not None:
        from microsip_core.diagnosis.hep import HepSender

        host, _, port = arguments.hep.rpartition(":")
        sinks.append(HepSender(host or arguments.hep, int(port) if host and port.isdecimal() else 9060,
                               secrets=arguments.secrets))
    if arguments.capture is not None:
        from microsip_core.diagnosis.pcapng import PcapngWriter

        check_writable(arguments.capture, step="capture")
        sinks.append(PcapngWriter(arguments.capture, rtp=arguments.rtp, secrets=arguments.secrets))
    return tuple(sinks)
