"""Half the peak rate for half an hour: no call fails, and the memory stays flat.

    python -m benchmarks.soak [--minutes 30] [--mode media|signaling] [--rate CALLS_A_SECOND] [--uvloop] [--json FILE]

Without ``--rate`` the highest rate is found first, as setup_rate does, and half of it is taken. ``sipp -sn uac`` places
the calls (INVITE/200/ACK/BYE/200) on 127.0.0.1. A line tells how it goes every ten seconds. Exit status 1 when a call
failed, or when memory, file descriptors or threads grew from the second minute (transactions absorb retransmissions for
32 s, and the allocator has to have seen the load) to the end.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.setup_rate import HOST, Contestant, Ports, count, highest_rate, start_server, stop_server, usage_of

INTERVAL = 10.0
WARM_UP = 60.0
GROWTH_ALLOWED = 0.05
RATE_WITHOUT_PEAK = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server held at one moment; ``cpu`` is the share of one core since the sample before."""

    seconds: float
    calls: int
    failed: int
    retransmitted: int
    resident_mb: float
    descriptors: int
    threads: int
    cpu: float


def generator(port: int, local_port: int, rate: int, seconds: float, folder: Path) -> subprocess.Popen[bytes]:
    """Start sipp; it writes its statistics to ``s.csv`` every ten seconds."""
    command = [
        "sipp", "-sn", "uac", f"{HOST}:{port}", "-s", "bench", "-i", HOST, "-p", str(local_port), "-d", "0",
        "-mp", str(20000 + local_port % 3000 * 2), "-r", str(rate), "-rp", "1000", "-m", str(int(rate * seconds)),
        "-l", "20000", "-nostdin", "-trace_stat", "-stf", str(folder / "s.csv"), "-fd", str(int(INTERVAL)),
        "-timeout", str(int(seconds + 60)), "-buff_size", "4194304",
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


def last_row(folder: Path) -> dict[str, str]:
    """Return the newest whole line of sipp's statistics."""
    try:
        lines = (folder / "s.csv").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return {}
    rows = list(csv.DictReader((line for line in lines if line.endswith("\n")), delimiter=";"))
    return rows[-1] if rows else {}


def take_sample(pid: int, started: float, cpu_share: float, row: dict[str, str]) -> Sample:
    """Look at the server and at what the generator says."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    return Sample(
        round(time.monotonic() - started, 1), count(row, "SuccessfulCall(C)"), count(row, "FailedCall(C)"),
        count(row, "Retransmissions(C)"), round(usage_of(pid)[1], 1), len(os.listdir(f"/proc/{pid}/fd")),
        int(status["Threads"]), round(cpu_share, 3),
    )


def soak(contestant: Contestant, rate: int, seconds: float, ports: Ports) -> list[Sample]:
    """Load one server all the time; return the samples, the last one taken when all calls were made."""
    port = ports.take()
    server = start_server(contestant, port)
    samples: list[Sample] = []
    started, cpu_before, at = time.monotonic(), usage_of(server.pid)[0], time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            load = generator(port, ports.take(), rate, seconds, folder)
            try:
                running = True
                while running:
                    try:
                        load.wait(INTERVAL)
                        running = False
                    except subprocess.TimeoutExpired:
                        pass
                    cpu, now = usage_of(server.pid)[0], time.monotonic()
                    samples.append(take_sample(server.pid, started, (cpu - cpu_before) / (now - at), last_row(folder)))
                    cpu_before, at = cpu, now
                    say(samples[-1], seconds)
            finally:
                if load.poll() is None:
                    load.kill()
                    load.wait()
    finally:
        stop_server(server)
    return samples


def say(sample: Sample, seconds: float) -> None:
    """Print the progress line."""
    print(
        f"{sample.seconds / 60:5.1f} of {seconds / 60:.1f} min: {sample.calls:8} calls, {sample.failed} failed, "
        f"{sample.retransmitted} retransmitted, {sample.resident_mb:6.1f} MB, {sample.descriptors} descriptors, "
        f"{sample.threads} threads, {sample.cpu:.0%} of a core",
        file=sys.stderr, flush=True,
    )


def judge(samples: list[Sample], wanted: int) -> dict[str, float | bool]:
    """Compare the end with the time after the warm-up; a short run has no time but its end."""
    settled = [sample for sample in samples[:-1] if sample.seconds >= WARM_UP] or samples[-1:]
    part = max(len(settled) // 5, 1)
    first, last = (statistics.median(s.resident_mb for s in some) for some in (settled[:part], settled[-part:]))
    most = max(sample.descriptors for sample in settled[:part]), max(sample.threads for sample in settled[:part])
    end = samples[-1]
    # a call under way holds descriptors: the end is looked at when none is left
    grew = last > first * (1 + GROWTH_ALLOWED) or end.descriptors > most[0] or end.threads > most[1]
    return {
        "calls": end.calls, "failed": wanted - end.calls, "resident_mb_settled": first, "resident_mb_end": last,
        "cpu": round(statistics.median(sample.cpu for sample in samples), 3), "grew": grew,
        "passed": end.calls == wanted and not grew,
    }


def main() -> int:
    """Find the rate, run, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--mode", choices=("media", "signaling"), default="media", help="with media ports or without")
    parser.add_argument("--rate", type=int, default=0, help="calls a second; default: half of the peak found first")
    parser.add_argument("--max", type=int, default=8000, help="highest rate to try for the peak (default 8000)")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one trial for the peak (default 3)")
    parser.add_argument("--uvloop", action="store_true", help="serve on uvloop")
    parser.add_argument("--json", type=Path, help="also write samples and result to this file")
    arguments = parser.parse_args()
    if shutil.which("sipp") is None:
        raise SystemExit("sipp is missing: apt-get install sip-tester")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time"))  # and so the two children are ended too
    loop = ["--uvloop"] if arguments.uvloop else []
    command = [sys.executable, "-m", "benchmarks.answering_server", "microsip-core", *loop, arguments.mode]
    contestant = Contestant("microsip-core", arguments.mode, command, 500)
    ports = Ports()
    rate: int = arguments.rate
    if not rate:
        best = highest_rate(contestant, arguments, ports)
        rate = best.rate // 2 if best is not None else RATE_WITHOUT_PEAK
    seconds = 60 * arguments.minutes
    samples = soak(contestant, rate, seconds, ports)
    result = {"rate": rate, "minutes": arguments.minutes, "mode": arguments.mode} | judge(samples, int(rate * seconds))
    print(json.dumps(result))
    if arguments.json:
        record = {"result": result, "samples": [asdict(sample) for sample in samples]}
        arguments.json.write_text(json.dumps(record, indent=1))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
