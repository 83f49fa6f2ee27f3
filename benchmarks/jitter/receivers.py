"""The receivers compared: ours, and what others use. Each takes a replay and gives the samples it would have played."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from microsip_core.media.reference.g711 import decode_mu_law

from .packet_file import PCMU, Arrival, Replay

Samples = npt.NDArray[np.int16]
_ROOT = Path(__file__).parents[2]
_BUILD = _ROOT / "build" / "jitter_replay"
_FRAME = 160


class Missing(Exception):
    """A receiver that can not be had here, and why."""


class Receiver(Protocol):
    """Something that plays a call."""

    name: str

    def play(self, replay: Replay) -> tuple[Samples, float | None]:
        """Return what is heard from the first pull on, and us of CPU per 20 ms (None: Python's, no figure)."""


class Program:
    """A receiver that is a program: ``PROGRAM IN.jbt OUT.raw`` with a line of JSON on its output."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name, self._command = name, command

    def play(self, replay: Replay) -> tuple[Samples, float | None]:
        with tempfile.TemporaryDirectory() as folder:
            packets, sound = Path(folder) / "in.jbt", Path(folder) / "out.raw"
            replay.write(packets)
            command = [*self._command, str(packets), str(sound)]
            done = subprocess.run(command, capture_output=True, check=True, timeout=300)
            figures = json.loads(done.stdout.splitlines()[-1])
            return np.fromfile(sound, "<i2"), float(figures["cpu_us_per_20ms"])


def microsip() -> Receiver:
    """Our buffer: the engine's own C code behind the driver in native/tools, built here when that was not done yet."""
    if shutil.which("cmake") is None:
        raise Missing("cmake is needed to build native/tools/jb_driver.c")
    options = ["-DMICROSIP_TESTS=ON", "-DMICROSIP_BINDING=OFF"]
    for command in (["cmake", "-S", str(_ROOT / "native"), "-B", str(_BUILD), *options],
                    ["cmake", "--build", str(_BUILD), "--parallel", "--target", "jb_driver"]):
        subprocess.run(command, capture_output=True, check=True)
    return Program("microsip-core", [str(_BUILD / "tests" / "jb_driver")])


def neteq() -> Receiver:
    """WebRTC's NetEQ, from Debian's static library (apt install libtgowt-dev libopus-dev)."""
    headers, source = Path("/usr/include/tg_owt"), Path(__file__).with_name("neteq_driver.cc")
    if not headers.is_dir() or shutil.which("g++") is None:
        raise Missing("libtgowt-dev and g++ are not installed")
    program = _BUILD / "neteq_driver"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        _BUILD.mkdir(parents=True, exist_ok=True)
        machine = subprocess.run(["gcc", "-dumpmachine"], capture_output=True, text=True, check=True).stdout.strip()
        folder = Path("/usr/lib") / machine
        libraries = [str(folder / "libtg_owt.a"), *map(str, sorted(folder.glob("libabsl_*.a")))]
        subprocess.run(
            ["g++", "-std=c++20", "-O2", "-DWEBRTC_POSIX", "-DWEBRTC_LINUX", "-DWEBRTC_LIBRARY_IMPL",
             "-DWEBRTC_APM_DEBUG_DUMP=0", f"-I{headers}", str(source), "-o", str(program), "-Wl,--gc-sections",
             "-Wl,--unresolved-symbols=ignore-all", "-Wl,--start-group", *libraries, "-Wl,--end-group", "-lopus",
             "-lpthread", "-ldl"],
            capture_output=True, check=True,
        )
    return Program("NetEQ", [str(program)])


class Fixed:
    """A fixed delay, with the last frame repeated at half the level for a packet that is missing, up to three times."""

    def __init__(self, delay_ms: float = 60.0) -> None:
        self.name, self._delay = f"fixed {delay_ms:.0f} ms", delay_ms

    def play(self, replay: Replay) -> tuple[Samples, float | None]:
        slots: dict[int, bytes] = {}
        begin: tuple[int, int, float] | None = None  # SSRC, timestamp, when it is played
        for packet in replay.arrivals:
            ahead = 0.0 if begin is None else signed(packet.timestamp - begin[1]) / 8
            if begin is None or packet.ssrc != begin[0] or abs(begin[2] + ahead - packet.ms) > 10_000:
                begin, ahead = (packet.ssrc, packet.timestamp, packet.ms + self._delay), 0.0
            slot = math.ceil((begin[2] + ahead - replay.phase_ms) / 20 - 1e-9)
            if packet.payload_type == PCMU and replay.phase_ms + slot * 20 >= packet.ms:
                slots.setdefault(slot, packet.payload)
        out, last, repeated = [], np.zeros(_FRAME, np.int16), 0
        for slot in range(int((replay.total_ms - replay.phase_ms) / 20)):
            if slot in slots:
                last, repeated = decode_mu_law(slots[slot]), 0
                out.append(last)
            else:
                out.append((last * 0.5**repeated).astype(np.int16) if repeated < 3 else np.zeros(_FRAME, np.int16))
                repeated += 1
        return np.concatenate(out), None


class Aiortc:
    """aiortc's JitterBuffer as its RTCRtpReceiver drives it; a player hears silence when it has nothing."""

    name = "aiortc"

    def __init__(self) -> None:
        try:
            from aiortc.jitterbuffer import JitterBuffer
            from aiortc.rtp import RtpPacket
        except ImportError as error:
            raise Missing("aiortc is not installed") from error
        self._buffer: Any = JitterBuffer
        self._packet: Any = RtpPacket

    def play(self, replay: Replay) -> tuple[Samples, float | None]:
        buffer = self._buffer(capacity=16, prefetch=4)
        waiting: list[Samples] = []
        out, arrivals, now = [], iter([*replay.arrivals, None]), replay.phase_ms
        packet = next(arrivals)
        while now < replay.total_ms:
            while packet is not None and packet.ms <= now:
                if packet.payload_type == PCMU:
                    waiting += self._add(buffer, packet)
                packet = next(arrivals)
            out.append(waiting.pop(0)[:_FRAME] if waiting else np.zeros(_FRAME, np.int16))
            now += 20
        return np.concatenate(out), None

    def _add(self, buffer: Any, arrival: Arrival) -> list[Samples]:
        packet = self._packet(
            payload_type=PCMU, marker=int(arrival.marker), sequence_number=arrival.sequence,
            timestamp=arrival.timestamp, ssrc=arrival.ssrc, payload=arrival.payload,
        )
        packet._data = arrival.payload
        _, frame = buffer.add(packet)
        return [] if frame is None else [decode_mu_law(frame.data)]


def signed(ticks: int) -> int:
    """Return the difference of two RTP timestamps, which wrap."""
    return (ticks + 2**31) % 2**32 - 2**31
