"""Looks at what this installation has: Python, media core, codecs, devices, packages, sockets; and tells remedies."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from microsip_core.errors import MicrosipError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``facts`` go into JSON; ``required`` says that without it no call works."""

    name: str
    state: Literal["ok", "note", "missing"]
    text: str
    remedy: str | None = None
    required: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


PACKAGES: tuple[tuple[str, str, str, bool], ...] = (
    ("numpy", "numpy", "audio frames and recordings", True),
    ("sounddevice", "sounddevice", "microphone and loudspeaker", False),
    ("av", "av", "Opus and other codecs", False),
    ("pylibsrtp", "pylibsrtp", "SRTP", False),
    ("aiortc", "aiortc", "WebRTC", False),
    ("websockets", "websockets", "SIP over WebSocket", False),
    ("dns", "dnspython", "SRV and NAPTR look-ups", False),
    ("pesq", "pesq", "speech quality scores in the demo", False),
)
"""Module, distribution, what it is for, and whether nothing works without it."""

_GOOD_RECEIVE_BUFFER = 1 << 20


def examine() -> list[Finding]:
    """Return every finding, the most important first. Sends nothing, opens no device."""
    checks: tuple[tuple[str, Callable[[], Finding], bool], ...] = (
        ("microsip-core", _version, True), ("Python", _python, True), ("media core", _core, True),
        ("codecs", _codecs, True), ("Opus", _opus, False), ("SRTP", _srtp, False), ("packages", _packages, True),
        ("PortAudio", _port_audio, False),
        ("audio devices", _devices, False), ("UDP", _udp, True), ("receive buffer", _receive_buffer, False),
        ("processors", _processors, False),
    )
    return [_checked(name, check, required) for name, check, required in checks]


def _checked(name: str, check: Callable[[], Finding], required: bool) -> Finding:
    """Return what a check found. One that fails, on a damaged library say, is itself what is to be told."""
    try:
        return check()
    except Exception as error:
        state: Literal["note", "missing"] = "missing" if required else "note"
        return Finding(name, state, f"this check failed: {type(error).__name__}: {error}",
                       "Reinstall microsip-core and what it needs", required)


def _version() -> Finding:
    from microsip_core import __version__

    return Finding("microsip-core", "ok", __version__, facts={"version": __version__})


def _python() -> Finding:
    version = platform.python_version()
    text = f"{platform.python_implementation()} {version} on {platform.system()} {platform.machine()}"
    return Finding("Python", "ok", text, facts={"python": version, "platform": sys.platform})


def _core() -> Finding:
    """Start the core that calls would get; being importable is not enough."""
    from microsip_core.media.engine import create_engine, native_available

    built = native_available()
    try:
        engine = create_engine()
    except MicrosipError as error:
        return Finding("media core", "missing", error.message, error.remedy, required=True, facts={"core": None})
    core = engine.core
    engine.close()
    facts = {"core": core, "native_built": built}
    if core == "native":
        return Finding("media core", "ok", "native: media runs in C threads, undisturbed by Python", facts=facts)
    if built:
        return Finding("media core", "note", "reference (pure Python), because MICROSIP_CORE asks for it",
                       "Unset MICROSIP_CORE for the native core", facts=facts)
    return Finding("media core", "note", "reference (pure Python): it works, but carries only a few calls",
                   "Install a C compiler (gcc or clang), then reinstall microsip-core", facts=facts)


def _codecs() -> Finding:
    from microsip_core.media.codec_registry import codecs_of
    from microsip_core.media.engine import default_core

    codecs = codecs_of(default_core())
    text = ", ".join(f"{codec.name} ({codec.description})" for codec in codecs)
    return Finding("codecs", "ok", text, facts={"codecs": [codec.name for codec in codecs]})


def _opus() -> Finding:
    from microsip_core.media.engine import default_core
    from microsip_core.media.opus import find_library

    library = find_library()
    if library is None:
        return Finding("Opus", "note", "libopus was not found: calls without Opus work",
                       "pip install av, or install the system package libopus0", facts={"libopus": None})
    facts = {"libopus": library.version, "path": library.path}
    if default_core() == "reference":
        return Finding("Opus", "note", f"{library.version} was found, but the reference core has no Opus", facts=facts)
    return Finding("Opus", "ok", f"{library.version} ({library.path})", facts=facts)


def _srtp() -> Finding:
    """Seal and open a packet as the media threads would; being installed is not enough."""
    from microsip_core.media.srtp import PROFILES, library_functions

    try:
        library_functions()
    except MicrosipError as error:
        return Finding("SRTP", "note", error.message, error.remedy, facts={"srtp": []})
    return Finding("SRTP", "ok", ", ".join(PROFILES), facts={"srtp": list(PROFILES)})


def _packages() -> Finding:
    versions = {distribution: _version_of(module, distribution) for module, distribution, _, _ in PACKAGES}
    missing = [(name, use, required) for _, name, use, required in PACKAGES if not versions[name]]
    present = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    if not missing:
        return Finding("packages", "ok", present, facts={"packages": versions})
    text = f"{present}; not installed: " + ", ".join(f"{name} ({use})" for name, use, _ in missing)
    required = any(required for _, _, required in missing)
    remedy = f"pip install {' '.join(name for name, _, _ in missing)}"
    return Finding("packages", "missing" if required else "note", text, remedy, required, facts={"packages": versions})


def _version_of(module: str, distribution: str) -> str | None:
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown version"


def _port_audio() -> Finding:
    import ctypes.util

    if importlib.util.find_spec("sounddevice") is None:
        return Finding("PortAudio", "note", "not needed without the package sounddevice", facts={"portaudio": None})
    try:
        import sounddevice
    except OSError:
        library = ctypes.util.find_library("portaudio")
        return Finding("PortAudio", "note", "not found: no microphone and loudspeaker, calls by file and program work",
                       "Install the system package libportaudio2 (Debian, Ubuntu) or portaudio (Fedora, macOS)",
                       facts={"portaudio": library})
    version = sounddevice.get_portaudio_version()[1]
    return Finding("PortAudio", "ok", version, facts={"portaudio": version})


def _devices() -> Finding:
    try:
        import sounddevice

        devices = [dict(device) for device in sounddevice.query_devices()]
    except (ImportError, OSError) as error:
        missing = "the package sounddevice is not installed"
        reason = missing if isinstance(error, ImportError) else "PortAudio is missing"
        return Finding("audio devices", "note", f"none, {reason}", facts={"devices": []})
    except sounddevice.PortAudioError as error:
        return Finding("audio devices", "note", f"PortAudio can not list them ({error})", facts={"devices": []})
    listed = [
        {"name": device["name"], "inputs": device["max_input_channels"], "outputs": device["max_output_channels"]}
        for device in devices
    ]
    if not listed:
        return Finding("audio devices", "note", "none: calls run without microphone and loudspeaker",
                       "On a server that is as it should be; else check that the sound driver is loaded",
                       facts={"devices": []})
    text = ", ".join(f"{device['name']} ({device['inputs']} in, {device['outputs']} out)" for device in listed)
    return Finding("audio devices", "ok", text, facts={"devices": listed})


def _udp() -> Finding:
    reachable = []
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((host, 0))
        except OSError:
            continue
        reachable.append("IPv4" if family == socket.AF_INET else "IPv6")
    facts = {"address_families": reachable}
    if not reachable:
        return Finding("UDP", "missing", "no UDP socket can be opened on loopback",
                       "Check the sandbox or container that this runs in", required=True, facts=facts)
    return Finding("UDP", "ok", " and ".join(reachable), facts=facts)


def _receive_buffer() -> Finding:
    """The largest receive buffer decides how big a burst of packets survives a busy moment."""
    limit = Path("/proc/sys/net/core/rmem_max")
    try:
        octets = int(limit.read_text())
    except (OSError, ValueError):
        return Finding("receive buffer", "ok", "its limit is not known here", facts={"receive_buffer_max": None})
    facts = {"receive_buffer_max": octets}
    text = f"up to {octets // 1024:,} KiB per socket"
    if octets >= _GOOD_RECEIVE_BUFFER:
        return Finding("receive buffer", "ok", text, facts=facts)
    return Finding("receive buffer", "note", f"{text}: bursts of hundreds of calls at once can lose packets",
                   "For load tests: sysctl -w net.core.rmem_max=4194304", facts=facts)


def _processors() -> Finding:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding("processors", "ok", str(processors), facts={"processors": processors})
