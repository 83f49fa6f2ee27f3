"""Microphones and loudspeakers of this system: which there are, how one is chosen, what is wrong with one."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from microsip_core.errors import DeviceError

if TYPE_CHECKING:
    from .stream import Stream

Direction = Literal["input", "output"]
"""A microphone, or a loudspeaker."""

NULL_DEVICE = "null"
"""Chosen by this name: silence in place of a microphone, nothing in place of a loudspeaker; the media thread keeps the
time, so that a call goes on as with a device."""

DEFAULT_LATENCY = 0.03
"""Seconds that the driver and device may take: sound servers stumble with less, most hardware would take half."""

# PortAudio's error codes (portaudio.h)
_UNANTICIPATED, _INVALID_DEVICE, _UNAVAILABLE = -9999, -9996, -9985
INVALID_CHANNELS, INVALID_RATE, BAD_COMBINATION = -9998, -9997, -9993


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device as PortAudio lists it; the list, and so ``index``, stays until the process ends."""

    index: int
    name: str
    host_api: str
    """ALSA, Core Audio, Windows WASAPI, ..."""
    inputs: int
    """Channels; 0 is no microphone."""
    outputs: int
    sample_rate: int
    """Hz, what the device likes best."""
    default_input: bool
    default_output: bool

    def channels(self, direction: Direction) -> int:
        """Return how many channels it has in a direction, 0 for none."""
        return self.inputs if direction == "input" else self.outputs


@dataclass(frozen=True, slots=True)
class DeviceStatistics:
    """How one direction of an open device fares."""

    name: str
    direction: Direction
    sample_rate: int
    """Hz, of the device."""
    native: bool
    """Its callback is native, so that Python can not disturb it."""
    running: bool
    """Sound goes through."""
    callbacks: int
    xruns: int
    """Callbacks in which the driver told of sound lost or missing."""
    missing_ms: float
    """Silence in the midst of sound because none was there in time."""
    dropped_ms: float
    """Sound that found no room."""
    cut_ms: float
    """Sound left out because too much had gathered, as after a standstill."""
    delay_ms: float
    """In our ring and sample rate conversion; of a microphone with the frame that is being gathered."""
    latency_ms: float
    """In the driver and the device as they say, -1 where they say nothing."""
    drift_ppm: float
    """How much faster the device's clock runs than ours, as far as learned."""
    level: float
    """Of its last samples, dBov: 0 is full scale, -127 silence."""


class OpenDevice(Protocol):
    """One direction of a device, open for a stream. Its methods may be called from any one thread at a time."""

    info: DeviceInfo
    direction: Direction

    def attach(self) -> None:
        """Hear or speak for the stream from now on, in place of the one that did. Once."""
        ...

    @property
    def lost(self) -> bool:
        """Whether the device has gone or stopped by itself."""
        ...

    def statistics(self) -> DeviceStatistics:
        """Return its figures. Raises InvalidState when it is closed."""
        ...

    def close(self) -> None:
        """Stop the device and let the stream go on without it. May be called again."""
        ...


def sounddevice() -> ModuleType:
    """Return the module ``sounddevice``. Raises DeviceError when it or PortAudio is not installed."""
    try:
        import sounddevice as module
    except ImportError:
        raise DeviceError(
            "the package sounddevice is not installed", step="open sound devices",
            remedy=f"pip install sounddevice, or use the device {NULL_DEVICE!r}",
        ) from None
    except OSError as error:
        raise DeviceError(
            f"PortAudio is not there: {error}", step="open sound devices",
            remedy=f"Debian and Ubuntu: apt install libportaudio2; or use the device {NULL_DEVICE!r}",
        ) from error
    return module  # type: ignore[no-any-return]


def list_devices() -> list[DeviceInfo]:
    """Return the devices of the system in PortAudio's order, if any. Raises DeviceError without PortAudio."""
    module = sounddevice()
    try:
        entries: Sequence[dict[str, Any]] = module.query_devices()
        apis: Sequence[dict[str, Any]] = module.query_hostapis()
        default_input, default_output = module.default.device
    except module.PortAudioError as error:
        raise device_error(error, "", "list devices") from error
    first = next((api for api in apis if api["devices"]), {})
    defaults = (
        default_input if default_input >= 0 else first.get("default_input_device", -1),
        default_output if default_output >= 0 else first.get("default_output_device", -1),
    )
    return [
        DeviceInfo(
            index, entry["name"], apis[entry["hostapi"]]["name"], entry["max_input_channels"],
            entry["max_output_channels"], round(entry["default_samplerate"]), index == defaults[0],
            index == defaults[1],
        ) for index, entry in enumerate(entries)
    ]


def find_device(
    wanted: str | int | None, direction: Direction, devices: Sequence[DeviceInfo] | None = None,
) -> DeviceInfo | None:
    """Return the device that is meant; None is the null device.

    ``wanted`` is "null", an index, a name, a pattern ("*headset*"), a part of a name, in this order and without regard
    to case, or None or "default" for the system's choice. Of several the first that has the direction is taken. Raises
    DeviceError when there is none.
    """
    if wanted == NULL_DEVICE:
        return None
    able = [one for one in (list_devices() if devices is None else devices) if one.channels(direction) > 0]
    if not able:
        raise DeviceError(
            f"there is no {_WORD[direction]}", step="choose device",
            remedy=f"Plug one in, start the sound server, or use the device {NULL_DEVICE!r}",
        )
    if wanted is None or wanted in ("", "default"):
        return next((one for one in able if getattr(one, f"default_{direction}")), able[0])
    text = str(wanted).casefold()
    tests = (
        lambda one: text.isascii() and text.isdigit() and one.index == int(text),
        lambda one: one.name.casefold() == text,
        lambda one: fnmatch.fnmatchcase(one.name.casefold(), text),
        lambda one: text in one.name.casefold(),
    )
    for test in tests:
        for one in able:
            if test(one):
                return one
    names = ", ".join(f"{one.index}: {one.name}" for one in able)
    raise DeviceError(
        f"no {_WORD[direction]} is called {wanted!r}", step="choose device",
        remedy=f"There are {names}; microsip devices lists them",
    )


_WORD = {"input": "microphone", "output": "loudspeaker"}


def device_error(error: Exception, name: str, step: str) -> DeviceError:
    """Return what to raise for an error of PortAudio, in words that help."""
    code = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else 0
    host = str(error.args[2]) if len(error.args) > 2 else ""
    text = f"{error.args[0] if error.args else error} {host}"
    subject = f"{name}: " if name else ""
    lower = text.casefold()
    if "permission" in lower or "denied" in lower:
        return DeviceError(
            f"{subject}the system does not let us use the device", step=step,
            remedy="Allow this program the microphone in the system's privacy settings; on Linux join the group audio",
        )
    if "busy" in lower or code == _UNAVAILABLE:
        return DeviceError(
            f"{subject}the device is busy: another program has it", step=step,
            remedy="End the other program, or choose a device of the sound server, such as 'default' or 'pulse'",
        )
    if code in (_INVALID_DEVICE, _UNANTICIPATED) and ("no such" in lower or "disconnected" in lower):
        return DeviceError(f"{subject}the device is gone", step=step, remedy="Plug it in, or choose another")
    return DeviceError(
        f"{subject}{' '.join(text.split())}", step=step, remedy="microsip devices lists what there is",
    )


def open_device(
    stream: Stream, wanted: str | int | None, direction: Direction, *, latency: float | str | None = None,
    native: bool = True, besides: int = -1,
) -> OpenDevice | None:
    """Open the device that :func:`find_device` finds, for a stream; None is the null device. ``attach`` lets it work.

    ``latency`` of the driver is in seconds, or "low" or "high" as the device understands it; None is
    :data:`DEFAULT_LATENCY`. ``native`` off takes a callback in Python, which a busy program disturbs. ``besides`` is
    the index of a device that is not to be taken. This takes up to half a second with a sound server. Raises
    DeviceError, NotSupported for a stream of the reference core, InvalidState for a closed one.
    """
    if wanted == NULL_DEVICE:
        return None
    info = find_device(wanted, direction, [one for one in list_devices() if one.index != besides])
    if info is None:
        return None
    from .native_device import NativeDevice

    return NativeDevice(stream, info, direction, DEFAULT_LATENCY if latency is None else latency, native=native)
