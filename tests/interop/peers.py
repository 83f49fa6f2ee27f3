"""Start and stop other vendors' SIP programs on loopback: sipp and pyVoIP; and what the files of the others share."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HOST = "127.0.0.1"
REQUIRED = os.environ.get("CI") == "true" or os.environ.get("MICROSIP_REQUIRE_INTEROP") == "1"
START_TIMEOUT = 15.0


def require(program: str, package: str) -> str:
    """Return the path of ``program``; skip with a plain word where it is missing, fail where CI must have it."""
    path = shutil.which(program)
    if path is None:
        _missing(f"{program} is not installed (Debian package {package})")
    return str(path)


def require_module(module: str, package: str) -> None:
    """The same for a Python module."""
    if importlib.util.find_spec(module) is None:
        _missing(f"the Python module {module} is not installed (PyPI package {package})")


def _missing(message: str) -> None:
    if REQUIRED:
        pytest.fail(message)
    pytest.skip(message)


def free_udp_port() -> int:
    """Return a UDP port of loopback that was free a moment ago, below those that systems give away by themselves."""
    while True:
        port = random.randrange(10_000, 20_000, 2)
        if not udp_port_taken(port):
            return port


def udp_port_taken(port: int, host: str = HOST) -> bool:
    """True when some process holds this UDP port of loopback."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return True
        return False


@dataclass
class Peer:
    """A running program: its process, its SIP port and its log."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    extra: dict[str, str] = field(default_factory=dict)
    patience: float = 3.0
    """Seconds to wait after SIGTERM; 0 for a program that takes its time and leaves nothing behind."""

    def output(self) -> str:
        """Return what the program has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def type(self, line: str) -> None:
        """Give the program a line of input; it must have been started with ``typed``."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, timeout: float) -> int:
        """Wait for the program to end by itself and return its exit status."""
        return self.process.wait(timeout)

    def stop(self) -> None:
        """End the program: SIGTERM, then SIGKILL when its patience is over."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(self.patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(3)
        if self.process.stdin is not None:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass  # it did not read its last line


def start(
    name: str, command: list[str], port: int, log: Path, cwd: Path, wait_for_port: bool = True, host: str = HOST,
    typed: bool = False, environment: dict[str, str] | None = None,
) -> Peer:
    """Start ``command`` and wait until it holds its UDP port; with ``typed`` it reads what :meth:`Peer.type` says."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE if typed else subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            cwd=cwd, env={**os.environ, **(environment or {})},
        )
    peer = Peer(name, process, port, log)
    deadline = time.monotonic() + START_TIMEOUT
    while wait_for_port and not udp_port_taken(port, host):
        if process.poll() is not None or time.monotonic() > deadline:
            peer.stop()
            pytest.fail(f"{name} did not start:\n{peer.output()[-2000:]}")
        time.sleep(0.05)
    return peer


async def printed(peer: Peer, words: str, seconds: float = 10.0) -> None:
    """Wait until the program has printed ``words``."""
    for _ in range(round(seconds / 0.05)):
        if words in peer.output():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{peer.name} did not print {words!r}:\n{peer.output()[-2000:]}")


# --- sipp ----------------------------------------------------------------------------------------------------------


def start_sipp(folder: Path, scenario: list[str], *arguments: str, target: str = "", media_port: int = 0) -> Peer:
    """Start sipp with a built-in or own scenario; ``target`` is the called HOST:PORT for client scenarios."""
    program = require("sipp", "sip-tester")
    port = free_udp_port()
    captures = folder / "pcap"  # where the built-in scenarios look for what they play
    if not captures.exists():
        captures.symlink_to("/usr/share/sip-tester", target_is_directory=True)
    command = [
        program, *scenario, "-i", HOST, "-p", str(port), "-mi", HOST, "-nostdin", "-timeout", "60s",
        *(["-mp", str(media_port)] if media_port else []), *arguments, *([target] if target else []),
    ]
    return start("sipp", command, port, folder / f"sipp-{port}.log", folder, wait_for_port=not target)


# --- pyVoIP --------------------------------------------------------------------------------------------------------


def start_pyvoip(folder: Path, *, user: str, password: str, registrar_port: int, call: str = "") -> Peer:
    """Start pyVoIP 1.6 as a phone that registers, echoes the audio of every call and, if asked, calls ``call``."""
    require_module("pyVoIP", "pyVoIP==1.6.8")
    port = free_udp_port()
    script = Path(__file__).with_name("pyvoip_phone.py")
    command = [sys.executable, str(script), user, password, str(registrar_port), str(port), call]
    return start("pyVoIP", command, port, folder / f"pyvoip-{port}.log", folder)
