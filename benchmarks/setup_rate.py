"""How many calls a second one process answers: INVITE/200/ACK/BYE/200 from ``sipp -sn uac``, peers beside us.

    python -m benchmarks.setup_rate [--seconds 3] [--max 8000 | --rate R] [--only NAME]... [--json FILE]

A rate passes when under 1 % of the calls fail, under 2 % retransmit, and all were made in 1.1 times the time. Rates are
doubled until one fails twice, then bisected. ``sipp -sn uas`` is the ceiling of the generator. aiosipua, the fastest
pure-Python peer known, runs from an environment of its own in build/peers, which ``--install-peer`` makes.
Everything stays on 127.0.0.1. The machine is shared by generator and server: compare ratios, not absolute figures.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HOST = "127.0.0.1"
ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
FIRST_PORT = 15060


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server to load: a name, and its command line up to the port."""

    name: str
    mode: str
    command: list[str]
    start: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One rate tried."""

    rate: int
    passed: bool
    calls_per_second: float
    failed: int
    retransmitted: int
    answer_ms: float
    cpu_ms_per_call: float
    resident_mb: float


class Ports:
    """Hands out ports that no earlier trial has used."""

    def __init__(self) -> None:
        self._next = FIRST_PORT + os.getpid() % 2000 * 4

    def take(self) -> int:
        """Return a fresh port."""
        self._next += 2
        return self._next


def contestants(arguments: argparse.Namespace) -> list[Contestant]:
    """Return the servers to load, ours first."""
    module = ["-m", "benchmarks.answering_server"]
    ours = [sys.executable, *module, "microsip-core"]
    found = [
        Contestant("microsip-core", "signaling", [*ours, "signaling"], 500),
        Contestant("microsip-core", "media", [*ours, "media"], 250),
        Contestant("sipp uas (C)", "signaling", [], 1000),
    ]
    if arguments.uvloop:
        found.insert(1, Contestant("microsip-core uvloop", "signaling", [*ours, "--uvloop", "signaling"], 500))
    peer_python = peer_environment(arguments.install_peer)
    if peer_python is not None:
        peer = [str(peer_python), *module, "aiosipua"]
        found += [
            Contestant("aiosipua", "signaling", [*peer, "signaling"], 250),
            Contestant("aiosipua", "media", [*peer, "media"], 100),
        ]
    else:
        print("aiosipua is left out: --install-peer would install it into build/peers", file=sys.stderr)
    return [one for one in found if not arguments.only or one.name in arguments.only]


def peer_environment(install: bool) -> Path | None:
    """Return the Python that has aiosipua, made first where ``install`` says so; None where there is none."""
    folder = ROOT / "build" / "peers" / "aiosipua"
    python = folder / "bin" / "python"
    if not python.exists() and install:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "aiosipua[rtp]"], check=True)
    return python if python.exists() else None


def start_server(contestant: Contestant, port: int) -> subprocess.Popen[str]:
    """Start a server and wait until it listens."""
    if not contestant.command:
        command = ["sipp", "-sn", "uas", "-i", HOST, "-p", str(port), "-nostdin", "-buff_size", "4194304"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        time.sleep(0.5)
        return process
    process = subprocess.Popen(
        [*contestant.command, str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise SystemExit(f"{contestant.name} did not start")
    return process


def stop_server(process: subprocess.Popen[str]) -> None:
    """End a server of ours."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def usage_of(pid: int) -> tuple[float, float]:
    """Return CPU seconds used and resident megabytes of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def try_rate(contestant: Contestant, rate: int, seconds: float, ports: Ports) -> Trial:
    """Load a fresh server process at one rate."""
    port = ports.take()
    process = start_server(contestant, port)
    try:
        cpu_before, _ = usage_of(process.pid)
        with tempfile.TemporaryDirectory() as folder:
            row = run_sipp(port, ports.take(), rate, seconds, Path(folder))
        cpu_after, resident = usage_of(process.pid)
    finally:
        stop_server(process)
    wanted = int(rate * seconds)
    good, failed = count(row, "SuccessfulCall(C)"), count(row, "FailedCall(C)")
    again = count(row, "Retransmissions(C)")
    elapsed = max(to_seconds(row.get("ElapsedTime(C)", "0")), seconds)
    answer = to_seconds(row.get("ResponseTime1(C)", "0"))
    passed = good >= 0.99 * wanted and again < 0.02 * wanted and elapsed - answer <= 1.1 * seconds + 0.5
    return Trial(
        rate, passed, round(good / elapsed, 1), failed, again, round(answer * 1000, 1),
        round(1000 * (cpu_after - cpu_before) / max(good, 1), 3), round(resident, 1),
    )


def run_sipp(port: int, local_port: int, rate: int, seconds: float, folder: Path) -> dict[str, str]:
    """Run the generator and return the last line of its statistics."""
    command = [
        "sipp", "-sn", "uac", f"{HOST}:{port}", "-s", "bench", "-i", HOST, "-p", str(local_port), "-d", "0",
        "-mp", str(20000 + local_port % 3000 * 2), "-r", str(rate), "-rp", "1000", "-m", str(int(rate * seconds)),
        "-l", "20000", "-nostdin", "-trace_stat", "-stf", str(folder / "s.csv"), "-fd", "1",
        "-timeout", str(int(seconds + 6)), "-max_retrans", "3", "-buff_size", "4194304",
    ]
    subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, timeout=seconds + 20, check=False,
    )
    try:
        with (folder / "s.csv").open() as lines:
            return list(csv.DictReader(lines, delimiter=";"))[-1]
    except (FileNotFoundError, IndexError):
        return {}


def count(row: dict[str, str], name: str) -> int:
    """Return a counter of sipp's statistics."""
    return int(float(row.get(name) or 0))


def to_seconds(text: str) -> float:
    """Return the seconds of HH:MM:SS[.ffffff] or HH:MM:SS:ffffff."""
    parts = text.split(":")
    if len(parts) == 4:
        return int(parts[0]) * 3600 + int(parts[1]) * 60 + int(parts[2]) + int(parts[3]) / 1e6
    return int(parts[0]) * 3600 + int(parts[1]) * 60 + float(parts[2]) if len(parts) == 3 else 0.0


def highest_rate(contestant: Contestant, arguments: argparse.Namespace, ports: Ports) -> Trial | None:
    """Double, then bisect; a failed rate gets a second chance, for the machine is shared."""

    def attempt(rate: int) -> Trial:
        trial = try_rate(contestant, rate, arguments.seconds, ports)
        if not trial.passed:
            trial = try_rate(contestant, rate, arguments.seconds, ports)
        print(f"  {contestant.name:22} {contestant.mode:10} {trial}", file=sys.stderr, flush=True)
        return trial

    if arguments.rate:
        return attempt(arguments.rate)
    best, low, high, rate = None, 0, 0, contestant.start
    while rate <= arguments.max:
        trial = attempt(rate)
        if not trial.passed:
            high = rate
            break
        best, low, rate = trial, rate, rate * 2
    for _ in range(3):
        if not high or high - low < 0.08 * high:
            break
        middle = (low + high) // 2
        trial = attempt(middle)
        if trial.passed:
            best, low = trial, middle
        else:
            high = middle
    return best


def main() -> None:
    """Measure everybody and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one trial (default 3)")
    parser.add_argument("--max", type=int, default=8000, help="highest rate to try (default 8000)")
    parser.add_argument("--rate", type=int, default=0, help="only this rate, for the CPU time per call")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    parser.add_argument("--only", action="append", help="only this server (may be repeated)")
    parser.add_argument("--install-peer", action="store_true", help="install aiosipua into build/peers first")
    parser.add_argument("--uvloop", action="store_true", help="measure ours on uvloop too")
    arguments = parser.parse_args()
    if shutil.which("sipp") is None:
        raise SystemExit("sipp is missing: apt-get install sip-tester")
    ports, results = Ports(), []
    for contestant in contestants(arguments):
        best = highest_rate(contestant, arguments, ports)
        results.append({"name": contestant.name, "mode": contestant.mode, "best": asdict(best) if best else None})
    print(f"{'server':22} {'mode':10} {'calls/s':>8} {'CPU ms/call':>12} {'answer ms':>10} {'MB':>7}")
    for result in results:
        best = result["best"]
        if best is None:
            print(f"{result['name']:22} {result['mode']:10} no rate passed")
            continue
        print(f"{result['name']:22} {result['mode']:10} {best['rate']:8} {best['cpu_ms_per_call']:12.3f} "
              f"{best['answer_ms']:10.1f} {best['resident_mb']:7.0f}")
    load = os.getloadavg()[0]
    print(f"load average {load:.1f}, {os.cpu_count()} processors")
    if arguments.json:
        arguments.json.write_text(json.dumps({"results": results, "load": load}, indent=1))


if __name__ == "__main__":
    main()
