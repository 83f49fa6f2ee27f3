"""What the C-style API and the control socket cost: calls of functions, commands until they are on the wire, events.

    python -m benchmarks.c_api [--calls 5000] [--commands 200] [--events 1000] [--subscribers 100] [--seconds 3]
                               [--json]

"call" is one call of a function, from Python in the engine's process, and from C through the library, which asks an
engine process. "wire" is the time from a command to the INVITE leaving the machine, by the kernel's receive time at a
socket that refuses each call: sip_invite_nowait in this process, and DIAL over the control socket to a phone in
another. "events" are pushed to all subscribers, each a connection of its own; a delay is that from publish to read.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import microsip_core as sip
from benchmarks.control_events import PATIENCE
from microsip_core.c_api import config_tool
from microsip_core.control.address import ControlAddress, address_for
from microsip_core.control.client import ControlClient
from microsip_core.control.frames import Frame, to_json
from microsip_core.control.numbers import REPLY, Number
from microsip_core.errors import MicrosipError

HOST = "127.0.0.1"
ROOT = Path(__file__).parent.parent
_TIMESTAMP = 35  # SO_TIMESTAMPNS of Linux
_HEAD = struct.Struct("!II")
_EVENT = REPLY + Number.EVENT
_SAMPLED = 10  # each so many-th event of a subscriber is read for its delay; all are counted

C_PROGRAM = """
#include <microsip.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}
int main(int argc, char **argv)
{
    sip_config_t config = {.media = "none"};
    static sip_session_t session;
    int calls[8], count = argc == 3 ? atoi(argv[2]) : 0;
    if (!count || sip_init(&config) < 0 || sip_invite_nowait(argv[1], "audio") < 0)
        return 1;
    for (int i = 0; i < count; i++) {
        double began = now();
        if (sip_list_calls(calls, 8) != 1)
            return 2;
        double middle = now();
        if (sip_get_call_info(1, &session) < 0)
            return 3;
        printf("%.3f %.3f\\n", middle - began, now() - middle);
    }
    return 0;
}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; times in microseconds."""

    what: str
    samples: int
    median_us: float
    p99_us: float
    note: str = ""


def row(what: str, samples: list[float], note: str = "") -> Row:
    """Return the row of samples in microseconds."""
    ordered = sorted(samples)
    return Row(what, len(ordered), statistics.median(ordered), ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
               note)


class Refuser:
    """Refuses each call with 486, and notes when its INVITE came. ``silent`` lets them wait."""

    def __init__(self, *, silent: bool = False) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        self._socket.bind((HOST, 0))
        self._silent = silent
        self._came: dict[bytes, int] = {}
        self._news = threading.Condition()
        self.uri = "sip:{{}}@{}:{}".format(*self._socket.getsockname())
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            data, extra, _, source = self._socket.recvmsg(65_536, 512)
            if not data.startswith(b"INVITE ") or self._silent:
                continue
            came = next((struct.unpack("qq", value) for _, kind, value in extra if kind == _TIMESTAMP), None)
            user = data.split(b" ", 2)[1].partition(b"@")[0].partition(b":")[2]
            self._socket.sendto(_refusal(data), source)
            if came is not None and user not in self._came:
                with self._news:
                    self._came[user] = came[0] * 1_000_000_000 + came[1]
                    self._news.notify_all()

    def came(self, user: str) -> int:
        """Return when the INVITE to a user came, in ns since the epoch."""
        wanted = user.encode()
        with self._news:
            if not self._news.wait_for(lambda: wanted in self._came, 5):
                raise RuntimeError(f"no INVITE to {user} came")
            return self._came[wanted]


def _refusal(invite: bytes) -> bytes:
    kept = [line for line in invite.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
            if line.partition(b":")[0].strip().lower() in (b"via", b"v", b"from", b"f", b"to", b"t", b"call-id", b"i",
                                                           b"cseq")]
    tagged = [line + b";tag=busy" if line.lower().startswith((b"to:", b"t:")) else line for line in kept]
    return b"\r\n".join([b"SIP/2.0 486 Busy Here", *tagged, b"Content-Length: 0", b"", b""])


def timed(work: Callable[[], object], count: int) -> list[float]:
    """Call something so often; return the microseconds of each."""
    samples = []
    for _ in range(count):
        began = time.perf_counter_ns()
        work()
        samples.append((time.perf_counter_ns() - began) / 1000)
    return samples


def python_calls(count: int) -> list[Row]:
    """Measure functions from Python."""
    waiting = Refuser(silent=True)
    call = sip.sip_invite_nowait(waiting.uri.format("bench"))
    rows = [row("sip_list_calls, Python", timed(sip.sip_list_calls, count)),
            row("sip_get_call_info, Python", timed(lambda: sip.sip_get_call_info(call), count))]
    sip.sip_hangup(call)
    return rows


def c_calls(count: int) -> list[Row]:
    """Measure the same from C; nothing where there is no compiler or no library."""
    if config_tool.library() is None or shutil.which("gcc") is None:
        print("no C library or no compiler: the rows of C are left out", file=sys.stderr)
        return []
    waiting = Refuser(silent=True)
    environment = {**os.environ, "MICROSIP_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "calls.c", Path(folder) / "calls"
        source.write_text(C_PROGRAM)
        command = [sys.executable, "-m", "microsip_core.c_api.config_tool", "--cflags", "--libs"]
        told = subprocess.run(command, text=True, capture_output=True, check=True, env=environment)
        flags = told.stdout.split()
        subprocess.run(["gcc", "-O2", "-Wall", str(source), *flags, "-o", str(program)], check=True)
        done = subprocess.run([str(program), waiting.uri.format("bench"), str(count)], text=True, capture_output=True,
                              check=True, timeout=120, env=environment)
    pairs = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    return [row("sip_list_calls, C", [pair[0] for pair in pairs]),
            row("sip_get_call_info, C", [pair[1] for pair in pairs])]


def wire_of_function(count: int) -> Row:
    """Measure sip_invite_nowait until its INVITE is there."""
    refuser, samples = Refuser(), []
    for number in range(count):
        user = f"n{number}"
        began = time.time_ns()
        call = sip.sip_invite_nowait(refuser.uri.format(user))
        samples.append((refuser.came(user) - began) / 1000)
        sip.sip_wait_call(call, "ended", 5)
    return row("sip_invite_nowait to the wire", samples)


def wire_of_socket(count: int) -> Row:
    """Measure DIAL over the control socket to a phone in a process of its own."""
    refuser, samples = Refuser(), []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "run").mkdir(mode=0o700)
        ini = Path(folder) / "bench.ini"
        ini.write_text("[Settings]\nsingleMode=0\n")
        os.environ["XDG_RUNTIME_DIR"] = str(Path(folder) / "run")
        phone = subprocess.Popen([sys.executable, "-m", "microsip_core", "phone", f"/i:{ini}"], cwd=ROOT,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with _connected(lambda: ControlClient(address_for(ini))) as client:
                for number in range(count):
                    user = f"d{number}"
                    began = time.time_ns()
                    code, text = client.number(Number.DIAL, refuser.uri.format(user))
                    if code != 1:
                        raise RuntimeError(text)
                    samples.append((refuser.came(user) - began) / 1000)
                client.number(Number.QUIT)
            phone.wait(20)
        finally:
            if phone.poll() is None:
                phone.kill()
                phone.wait()
    return row("DIAL over the control socket to the wire", samples)


def _connected(connect: Callable[[], ControlClient]) -> ControlClient:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return connect()
        except MicrosipError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def pushed_events(subscribers: int, rate: int, seconds: float) -> Row:
    """Measure events pushed to many."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.control_events", folder, str(subscribers), str(rate), str(seconds)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )
        try:
            address = ControlAddress(Path(folder), "bench", unix=True)
            _connected(lambda: ControlClient(address)).close()
            counts, delays = _read_events(address.socket, subscribers, int(rate * seconds), seconds)
            told = json.loads(server.communicate(timeout=60)[0])
        finally:
            if server.poll() is None:
                server.kill()
                server.wait()
    lost = subscribers * int(told["published"]) - sum(counts)
    return row(
        f"event to {subscribers} subscribers, {rate}/s", delays,
        f"{sum(counts)} read, {lost} lost, {told['dropped']:.0f} subscribers dropped, {told['seconds']:.1f} s, "
        f"{told['cpu_percent']:.0f} % of a processor",
    )


def _read_events(path: Path, subscribers: int, count: int, seconds: float) -> tuple[list[int], list[float]]:
    """Subscribe so often, and read all events; returns how many each got, and delays in microseconds."""
    chooser = selectors.DefaultSelector()
    asked = Frame(Number.REQUEST, to_json({"id": 1, "command": "subscribe", "arguments": {}})).to_bytes()
    counts, delays, buffers = [0] * subscribers, list[float](), [bytearray() for _ in range(subscribers)]
    sockets = []
    for number in range(subscribers):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.connect(str(path))
        one.sendall(asked)
        sockets.append(one)
        chooser.register(one, selectors.EVENT_READ, number)
    deadline = time.monotonic() + seconds + PATIENCE
    while chooser.get_map() and min(counts) < count and time.monotonic() < deadline:
        for key, _ in chooser.select(1.0):
            data = key.fileobj.recv(1 << 18)  # type: ignore[union-attr]
            if not data:
                chooser.unregister(key.fileobj)
            buffers[key.data] += data
            counts[key.data] += _take(buffers[key.data], counts[key.data], delays)
    for one in sockets:
        one.close()
    return counts, delays


def _take(buffer: bytearray, before: int, delays: list[float]) -> int:
    """Take the whole frames of a buffer; returns how many were events."""
    at, found, now = 0, 0, time.monotonic()
    while len(buffer) - at >= _HEAD.size:
        number, length = _HEAD.unpack_from(buffer, at)
        end = at + _HEAD.size + length
        if end > len(buffer):
            break
        if number == _EVENT:
            found += 1
            if (before + found) % _SAMPLED == 0:
                delays.append((now - json.loads(buffer[at + _HEAD.size:end])["t"]) * 1e6)
        at = end
    del buffer[:at]
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--commands", type=int, default=200)
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--events", type=int, default=1000, help="events a second")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if sip.sip_init({"media": "none"}) < 0:
        sys.exit(sip.sip_error_text())
    rows = [*python_calls(arguments.calls), wire_of_function(arguments.commands)]
    sip.sip_shutdown()
    rows += c_calls(arguments.calls)
    rows.append(wire_of_socket(arguments.commands))
    rows.append(pushed_events(arguments.subscribers, arguments.events, arguments.seconds))
    if arguments.json:
        print(json.dumps([asdict(one) for one in rows], indent=2))
        return
    print(f"{'what':<44}{'samples':>9}{'median us':>12}{'p99 us':>12}  note")
    for one in rows:
        print(f"{one.what:<44}{one.samples:>9}{one.median_us:>12.1f}{one.p99_us:>12.1f}  {one.note}")


if __name__ == "__main__":
    main()
