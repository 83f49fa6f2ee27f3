"""Which device is meant by a name, and what is said of one that can not be had; no device is needed for it."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest

from microsip_core.errors import DeviceError, NotSupported
from microsip_core.media.devices import DeviceInfo, device_error, find_device, open_device, sounddevice
from microsip_core.media.engine import create_engine
from microsip_core.media.stream import StreamConfig


def device(index: int, name: str, inputs: int, outputs: int, *, default: bool = False) -> DeviceInfo:
    return DeviceInfo(index, name, "ALSA", inputs, outputs, 48000, default and inputs > 0, default and outputs > 0)


DEVICES = (
    device(0, "HDMI 0", 0, 8), device(1, "Headset (USB)", 1, 2), device(2, "Built-in Microphone", 2, 0, default=True),
    device(3, "Built-in Speakers", 0, 2, default=True), device(4, "headset", 1, 2),
)


@pytest.mark.parametrize(("wanted", "direction", "index"), [
    (None, "input", 2), ("default", "output", 3), ("", "input", 2),
    (0, "output", 0), ("4", "input", 4),
    ("HEADSET", "output", 4), ("headset (usb)", "input", 1),  # a whole name comes before a part of one
    ("*mic*", "input", 2), ("*usb*", "output", 1),
    ("speak", "output", 3), ("built-in", "input", 2), ("built-in", "output", 3),
])
def test_a_device_is_meant_by(wanted: str | int | None, direction: Any, index: int) -> None:
    found = find_device(wanted, direction, DEVICES)
    assert found is not None
    assert found.index == index


def test_null_is_no_device_and_needs_none() -> None:
    assert find_device("null", "input", ()) is None


@pytest.mark.parametrize("wanted", ["0", 0, 9, "nothing like it", "3"])
def test_what_there_is_not_is_refused_with_what_there_is(wanted: str | int) -> None:
    with pytest.raises(DeviceError, match="2: Built-in Microphone"):
        find_device(wanted, "input", DEVICES)


def test_no_device_at_all_has_a_remedy() -> None:
    with pytest.raises(DeviceError, match=r"no microphone.*null"):
        find_device(None, "input", [one for one in DEVICES if not one.inputs])


@pytest.mark.parametrize(("arguments", "words"), [
    (("Error opening InputStream: Device unavailable", -9985), "busy"),
    (("Error opening", -9999, (1, -16, "Device or resource busy")), "busy"),
    (("Error opening", -9999, (1, -13, "Permission denied")), "does not let us"),
    (("Error opening", -9999, (1, -19, "No such device")), "gone"),
    (("Error opening: Invalid sample rate", -9997), "Invalid sample rate"),
    ((), "mic: "),
])
def test_errors_are_explained(arguments: tuple[Any, ...], words: str) -> None:
    error = device_error(Exception(*arguments), "mic", "open device")
    assert words in error.message
    assert error.remedy


@pytest.mark.parametrize(("fault", "words"), [
    (ImportError("no module"), "pip install sounddevice"), (OSError("PortAudio library not found"), "libportaudio2"),
])
def test_without_portaudio_there_is_a_remedy(monkeypatch: pytest.MonkeyPatch, fault: Exception, words: str) -> None:
    real = builtins.__import__

    def absent(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "sounddevice":
            raise fault
        return real(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(DeviceError, match=words):
        sounddevice()


def test_reference_core_has_no_devices_but_the_null_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microsip_core.media.devices.list_devices", lambda: list(DEVICES))
    engine = create_engine("reference")
    stream = engine.open_stream(StreamConfig())
    try:
        assert open_device(stream, "null", "input") is None
        with pytest.raises(NotSupported):
            open_device(stream, None, "input")
    finally:
        engine.close()
