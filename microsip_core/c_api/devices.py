"""C-style functions: the microphone and loudspeaker of calls. Without a choice there is none: programs read, write,
play and record.
"""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import optional_text, returns_code
from microsip_core.errors import ErrorCode, NotSupported
from microsip_core.media.devices import NULL_DEVICE, Direction, find_device, list_devices
from microsip_core.user_agent.user_agent import UserAgent

_DIRECTIONS: tuple[Direction, ...] = ("input", "output")


@dataclass(frozen=True, slots=True)
class SipDevice:
    """sip_device_t: a sound device. ``inputs`` and ``outputs`` are its channels, ``is_default`` the system's choice."""

    id: int
    name: str
    inputs: int
    outputs: int
    sample_rate: int
    is_default: bool


@returns_code
def sip_media_list_devices() -> list[SipDevice]:
    """Return the sound devices of the system. SIP_EDEVICE, with the remedy, where PortAudio is not installed."""
    running_engine()
    return [SipDevice(one.index, one.name, one.inputs, one.outputs, one.sample_rate,
                      one.default_input or one.default_output) for one in list_devices()]


@returns_code
def sip_media_set_devices(input: str | None = None, output: str | None = None, ring: str | None = None) -> int:
    """Let calls use a microphone and a loudspeaker from now on, those that are up included.

    A device is meant by its name, a part or pattern of it, its number, "default" for the system's choice, or "null" for
    none; None leaves what it was, at first "null". SIP_EDEVICE when there is no such device. Nothing rings on a device
    yet: SIP_ENOTSUP for any ``ring`` but "null".
    """
    running = running_engine()
    named: dict[Direction, str | None] = {
        "input": optional_text(input, "input"), "output": optional_text(output, "output"),
    }
    if optional_text(ring, "ring") not in (None, NULL_DEVICE):
        raise NotSupported("nothing rings on a device of its own yet", step="set ring device",
                           remedy="Play a file on the event call_incoming")
    for direction in _DIRECTIONS:
        wanted = named[direction]
        if wanted is not None:
            find_device(wanted, direction)  # told now, not when the next call begins

    async def work(agent: UserAgent) -> int:
        await running.sound.choose({**running.sound.choices, **{way: one for way, one in named.items() if one}})
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_media_set_null() -> int:
    """Use no sound device: calls send silence but for what is played or written, and what comes can be read."""
    running = running_engine()

    async def work(agent: UserAgent) -> int:
        await running.sound.choose(dict.fromkeys(_DIRECTIONS, NULL_DEVICE))
        return ErrorCode.SIP_OK

    return running.run(work)


