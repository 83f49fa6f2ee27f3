"""The options of ``microsip call`` and ``microsip answer`` for a person who talks: microphone and loudspeaker."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from microsip_core.user_agent.call import Call


def add_device_options(parser: ArgumentParser) -> None:
    """Add --device, --input and --output."""
    parser.add_argument("--device", metavar="NAME",
                        help="talk and listen by this device: a name, part or pattern of it, number, 'default' or "
                             "'null'; 'microsip devices' lists them")
    parser.add_argument("--input", metavar="NAME", help="the microphone, where it is not --device")
    parser.add_argument("--output", metavar="NAME", help="the loudspeaker, where it is not --device")


def wants_devices(arguments: Namespace) -> bool:
    """Say whether the call is for a person to talk in."""
    return any(name is not None for name in (arguments.device, arguments.input, arguments.output))


def check_devices(arguments: Namespace) -> None:
    """Raise DeviceError for a device that there is not, before anybody is called."""
    if wants_devices(arguments):
        from microsip_core.media.devices import find_device

        find_device(arguments.input or arguments.device, "input")
        find_device(arguments.output or arguments.device, "output")


async def connect_devices(call: Call, arguments: Namespace) -> None:
    """Let the person talk, where that is asked for."""
    if wants_devices(arguments):
        await call.connect_device(
            input=arguments.input or arguments.device, output=arguments.output or arguments.device,
        )
