"""``microsip devices``: lists the microphones and loudspeakers that calls can use."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from .arguments import add_output_options
from .exit_status import ExitStatus
from .output import Output

DESCRIPTION = """\
List microphones and loudspeakers with their numbers and names. No device is opened. Each can be meant by its number,
its name, or a part or pattern of that; 'null' is no device.

With --json it prints one object with "devices", each with index, name, host_api, inputs, outputs, sample_rate,
default_input and default_output."""

EXAMPLES = """\
  microsip devices
  microsip devices --json
  microsip call sip:echo@127.0.0.1:5060 --input '*headset*' --output speakers
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_output_options(parser)


def run(arguments: Namespace, output: Output) -> int:
    """Print the devices. Raises DeviceError without PortAudio."""
    from microsip_core.media.devices import list_devices

    devices = list_devices()
    output.record({"command": "devices", "devices": [asdict(one) for one in devices], "ok": True, "exit_status": 0,
                   "error": None})
    for one in devices:
        default = " and ".join(word for word, is_one in (
            ("microphone", one.default_input), ("loudspeaker", one.default_output)) if is_one)
        output.text(f"{one.index:3}  {one.name}  ({one.host_api}, {one.inputs} in, {one.outputs} out, "
                    f"{one.sample_rate} Hz){f'  default {default}' if default else ''}")
    if not devices:
        output.text("no sound devices; calls work with files, and with the device 'null'")
    return ExitStatus.OK
