"""Fixtures of the device tests: a virtual sound device for the module, left out plainly where it can not be had."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from virtual_sound import NEEDED, VirtualSound

from microsip_core.errors import DeviceError
from microsip_core.media.devices import sounddevice
from microsip_core.media.engine import native_available


def _missing() -> str:
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if absent:
        return f"no virtual sound device: {', '.join(absent)} not installed"
    if not native_available():
        return "the native core was not built"
    try:
        sounddevice()
    except DeviceError as error:
        return error.message
    return ""


@pytest.fixture(scope="session")
def virtual_sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualSound]:
    """A sound server with the devices vmic and vspk."""
    reason = _missing()
    if reason and os.environ.get("MICROSIP_REQUIRE_DEVICES") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    sound = VirtualSound(tmp_path_factory.mktemp("sound"))
    yield sound
    sound.close()
