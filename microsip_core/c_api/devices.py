"""C-style functions: sound devices. The engine has none yet: programs read and write samples, play and record files."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import optional_text, returns_code
from microsip_core.errors import DeviceError, ErrorCode

_NULL = "null"


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
    """Return the sound devices that calls can use: none in this build."""
    running_engine()
    return []


@returns_code
def sip_media_set_devices(input: str | None = None, output: str | None = None, ring: str | None = None) -> int:
    """Choose microphone, loudspeaker and what rings, by name. "null" and None are no device, which is all that this
    build has: SIP_EDEVICE for any other.
    """
    running_engine()
    for role, name in (("input", input), ("output", output), ("ring", ring)):
        wanted = optional_text(name, role)
        if wanted is not None and wanted != _NULL:
            raise DeviceError(f"there is no sound device {wanted!r}", step=f"set {role} device",
                              remedy="Use sip_media_set_null, sip_media_read and sip_media_write")
    return ErrorCode.SIP_OK


@returns_code
def sip_media_set_null() -> int:
    """Use no sound device: calls send silence but for what is played or written, and what comes can be read."""
    running_engine()
    return ErrorCode.SIP_OK
