"""How many G.711 calls one process echoes, both ways at 20 ms, and what a call costs, peers beside us in one run.

    python -m benchmarks.calls_per_core [--calls 250,500,...] [--seconds 4] [--only NAME]... [--json FILE]
                                        [--install-peers]

A native generator sends each call 50 packets a second and judges what comes back by the kernel's time stamps. A number
of calls passes when 99 % of them came back at 49 to 51 packets a second without a gap over 60 ms, and at most 0.5 % of
the packets were lost. The raw loop does nothing but one receive and one send a packet, every 20 ms: what a server of
this shape can not go below. "engine" is our native engine in a Python process (jitter buffer, decoding, encoding,
RTCP); "gil held" the same while a Python thread holds the interpreter lock 80 ms at a time; "microsip-core" the whole
stack with SIP. Further rows are the engine with SRTP, G.722 and Opus. "on time" are the frames of the engine that were
at most 5 ms late, warm-up included. aiosipua and PJSIP (``pjsua2-python``) run from environments of their own in
build/peers, which ``--install-peers`` makes.
Everything stays on 127.0.0.1, and generator and server share the machine: compare ratios, not absolute figures.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from .caller import HOST, Caller

ROOT = Path(__file__).parent.parent
TOOL_SOURCES = ("native/tools/media_load.c", "native/src/clock.c", "native/src/rtp_packet.c")
DEFAULT_CALLS = "4,50,100,250,1000,1200,2000,2500,3000"
WARM_UP = 2.5  # seconds before the generator judges: our sockets are connected to a steady peer after one
FIRST_PORT = 16060


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server: ``command`` takes the number of calls, or with ``sip`` the port it listens on."""

    name: str
    command: list[str]
    sip: bool = False
    most: int = 100_000
    codec: str = "PCMU"
    suite: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """One number of calls tried."""

    calls: int
    passed: bool
    flows_passed: int
    lost_percent: float
    cpu_percent_per_call: float
    us_per_frame: float
    pacing_p99_ms: float
    pacing_p999_ms: float
    worst_gap_ms: float
    resident_kib: int
    load: float
    on_time_percent: float | None = None
    skipped: int | None = None


def build_tool(folder: Path) -> Path:
    """Compile the load generator."""
    tool = folder / "media_load"
    sources = [str(ROOT / source) for source in TOOL_SOURCES]
    include = [f"-I{ROOT / 'native/include'}", f"-I{ROOT / 'native/src'}"]
    compiler = os.environ.get("CC", "cc")
    subprocess.run(
        [compiler, "-O2", "-D_GNU_SOURCE", *include, *sources, "-o", str(tool), "-lm", "-lpthread"], check=True)
    return tool


def contestants(tool: Path, arguments: argparse.Namespace) -> list[Contestant]:
    """Return the servers to load: the floor, ours, the peers."""
    module = ["-m", "benchmarks.media_server"]
    found = [
        Contestant("raw loop", [str(tool), "raw"]),
        Contestant("raw loop, connected", [str(tool), "raw-connected"]),
        Contestant("engine", [sys.executable, *module, "engine", "{}"]),
        Contestant("engine, gil held", [sys.executable, *module, "engine", "{}", "gil"], most=1000),
        *engine_with("SRTP", module, 3000, suite="AES_CM_128_HMAC_SHA1_80"),
        *engine_with("SRTP, GCM", module, 3000, suite="AEAD_AES_128_GCM"),
        *engine_with("G.722", module, 2000, codec="G722"),
        *engine_with("Opus, 16 kHz", module, 250, codec="opus"),
        Contestant("microsip-core", [sys.executable, *module, "microsip-core"], sip=True),
    ]
    sipp = shutil.which("sipp")
    if sipp:
        echo = [sipp, "-sn", "uas", "-i", HOST, "-nostdin", "-rtp_echo", "-mp", str(FIRST_PORT + 8000), "-p"]
        found.append(Contestant("sipp -rtp_echo (no decoding)", echo, sip=True, most=2000))
    for peer, package in (("aiosipua", "aiosipua[rtp]"), ("pjsua2", "pjsua2-python")):
        python = peer_environment(peer, package, arguments.install_peers)
        if python is None:
            print(f"{peer} is left out: --install-peers would install it into build/peers", file=sys.stderr)
        else:
            found.append(Contestant(peer, [str(python), *module, peer], sip=True))
    return [one for one in found if not arguments.only or one.name in arguments.only]


def engine_with(name: str, module: list[str], most: int, *, codec: str = "PCMU", suite: str = "") -> list[Contestant]:
    """Return our engine with another codec or SRTP, where this machine has it."""
    from microsip_core.errors import NotSupported
    from microsip_core.media.codec_registry import codecs_of
    from microsip_core.media.srtp import require_srtp

    try:
        if suite:
            require_srtp("native")
    except NotSupported as error:
        print(f"engine, {name} is left out: {error}", file=sys.stderr)
        return []
    if codec not in {one.name for one in codecs_of("native")}:
        print(f"engine, {name} is left out: the native core has no {codec}", file=sys.stderr)
        return []
    command = [sys.executable, *module, "engine", "{}", codec, *([suite] if suite else [])]
    return [Contestant(f"engine, {name}", command, most=most, codec=codec, suite=suite)]


def packet_file(contestant: Contestant, folder: Path, seconds: float) -> Path | None:
    """Write the packets the generator has to send, None for its own G.711."""
    if (contestant.codec, contestant.suite) == ("PCMU", ""):
        return None
    from .media_cases import Case, format_of, packets_of

    path = folder / f"{contestant.codec}-{contestant.suite}.packets"
    if not path.exists():
        case = Case(contestant.name, format_of(contestant.codec), contestant.suite)
        packets = packets_of(case, round((seconds + WARM_UP) * 50) + 50)
        path.write_bytes(b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets))
    return path


def peer_environment(peer: str, package: str, install: bool) -> Path | None:
    """Return the Python that has a peer, made first where ``install`` says so; None where there is none."""
    folder = ROOT / "build" / "peers" / peer
    python = folder / "bin" / "python"
    if not python.exists() and install:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", package], check=True)
    return python if python.exists() else None


@contextmanager
def running(contestant: Contestant, argument: int) -> Iterator[subprocess.Popen[str]]:
    """Run a server as long as the context lasts."""
    command = [part.replace("{}", str(argument)) for part in contestant.command]
    if command == contestant.command:
        command.append(str(argument))
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process's threads have used, to the nanosecond."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def resident_kib(pid: int) -> int:
    """Return the memory a process occupies."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)


def first_line(process: subprocess.Popen[str]) -> str:
    """Return what the server says when it is ready."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def try_calls(contestant: Contestant, tool: Path, calls: int, seconds: float, port: int) -> Trial:
    """Load a fresh server process with so many calls."""
    load = [str(tool), "load", str(calls), str(seconds), str(WARM_UP)]
    packets = packet_file(contestant, tool.parent, seconds)
    load += [] if packets is None else [str(packets)]
    with running(contestant, port if contestant.sip else calls) as server, subprocess.Popen(
        load, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as generator:
        try:
            own = [int(word) for word in first_line(generator).split()]
            caller = Caller(port) if contestant.sip else None
            if caller is None:
                remote = [int(word) for word in first_line(server).split()]
            else:
                time.sleep(1.0) if "sipp" in contestant.name else first_line(server)
                remote = [caller.call(media_port) for media_port in own]
            used, report, elapsed = run_load(generator, server, remote, seconds)
            resident = resident_kib(server.pid)
            on_time, skipped = punctuality(contestant, server)
        except (RuntimeError, OSError, IndexError) as error:
            print(f"  {contestant.name}, {calls} calls: {error}", file=sys.stderr)
            generator.kill()
            return Trial(calls, False, 0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, os.getloadavg()[0])
    share = used / elapsed / calls
    lost = 100.0 * max(0, report["sent"] - report["received"]) / max(1, report["sent"])
    return Trial(
        calls, report["passed"] >= 0.99 * calls and lost <= 0.5, int(report["passed"]), lost, 100 * share,
        1e6 * share / 50, report["pacing_p99_ms"], report["pacing_p999_ms"], report["worst_gap_ms"], resident,
        os.getloadavg()[0], on_time, skipped,
    )


def run_load(
    generator: subprocess.Popen[str], server: subprocess.Popen[str], remote: list[int], seconds: float,
) -> tuple[float, dict[str, float], float]:
    """Let the generator work; return the server's processor time in the judged stretch, the report, the stretch."""
    assert generator.stdin is not None
    assert generator.stdout is not None
    generator.stdin.write(" ".join(map(str, remote)) + "\n")
    generator.stdin.close()
    time.sleep(WARM_UP)
    cpu, start = cpu_seconds(server.pid), time.monotonic()
    time.sleep(seconds - 0.2)
    used, elapsed = cpu_seconds(server.pid) - cpu, time.monotonic() - start
    report = json.loads(generator.stdout.read())
    generator.wait()
    return used, report, elapsed


def punctuality(contestant: Contestant, server: subprocess.Popen[str]) -> tuple[float | None, int | None]:
    """Return the percentage of our engine's frames that were at most 5 ms late, warm-up included, and those skipped."""
    if not contestant.name.startswith("engine"):
        return None, None
    assert server.stdin is not None
    server.stdin.close()
    figures = json.loads(first_line(server))
    frames = figures["frames"] + figures["frames_skipped"]
    return 100.0 * (figures["frames"] - figures["frames_late"]) / max(frames, 1), figures["frames_skipped"]


def climb(contestant: Contestant, tool: Path, counts: list[int], seconds: float, ports: Iterator[int]) -> list[Trial]:
    """Try the counts upwards until one fails twice."""
    trials: list[Trial] = []
    for calls in (count for count in counts if count <= contestant.most):
        trial = try_calls(contestant, tool, calls, seconds, next(ports))
        if not trial.passed:
            trial = try_calls(contestant, tool, calls, seconds, next(ports))
        trials.append(trial)
        print_trial(contestant.name, trial)
        if not trial.passed:
            break
    return trials


def print_trial(name: str, trial: Trial) -> None:
    """Show one row while the run goes on."""
    print(
        f"{name:30} {trial.calls:6} {'passed' if trial.passed else 'failed':7} {trial.cpu_percent_per_call:9.4f} "
        f"{trial.us_per_frame:8.2f} {trial.pacing_p99_ms:7.2f} {trial.pacing_p999_ms:7.2f} {trial.worst_gap_ms:7.1f} "
        f"{trial.lost_percent:6.2f} {'' if trial.on_time_percent is None else f'{trial.on_time_percent:9.3f}':>9} "
        f"{trial.load:5.1f}", flush=True,
    )


def print_summary(results: dict[str, list[Trial]]) -> None:
    """Print the most calls passed, and the cost at the largest number both we and the raw loop passed."""
    raw = {trial.calls: trial for trial in results.get("raw loop", []) if trial.passed}
    print(f"\n{'':30} {'calls passed':>12} {'% CPU a call':>13} {'of raw loop':>14} {'KiB a call':>10}")
    for name, trials in results.items():
        passed = [trial for trial in trials if trial.passed]
        if not passed:
            print(f"{name:30} {'none':>12}")
            continue
        common = [trial for trial in passed if trial.calls in raw]
        at = common[-1] if common else passed[-1]
        ratio = 100 * raw[at.calls].us_per_frame / at.us_per_frame if common and at.us_per_frame else 0.0
        share = f"{ratio:.0f} % at {at.calls}" if ratio else "-"
        memory = "-"
        if len(passed) > 1:
            more = passed[-1].resident_kib - passed[0].resident_kib
            memory = f"{more / (passed[-1].calls - passed[0].calls):.0f}"
        print(f"{name:30} {passed[-1].calls:12} {at.cpu_percent_per_call:13.4f} {share:>14} {memory:>10}")
    print("of raw loop: its processor time by the contestant's, at the same number of calls; 100 % is the floor")


def main() -> int:
    """Run the benchmark; 0 when everything of ours that ran passed at least one count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--calls", default=DEFAULT_CALLS, help="counts to try, upwards")
    parser.add_argument("--seconds", type=float, default=4.0, help="judged time of one trial")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--install-peers", action="store_true", help="install the Python peers into build/peers first")
    arguments = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    counts = sorted(int(word) for word in arguments.calls.split(","))
    results: dict[str, list[Trial]] = {}
    print(f"{'':30} {'calls':>6} {'':7} {'%CPU/call':>9} {'us/frame':>8} {'p99 ms':>7} {'p99.9':>7} {'gap ms':>7} "
          f"{'lost %':>6} {'on time %':>9} {'load':>5}")
    with tempfile.TemporaryDirectory() as folder:
        tool = build_tool(Path(folder))
        ports = iter(range(FIRST_PORT + os.getpid() % 1000 * 4, 65000, 4))
        for contestant in contestants(tool, arguments):
            results[contestant.name] = climb(contestant, tool, counts, arguments.seconds, ports)
    print_summary(results)
    if arguments.json:
        rows = {name: [asdict(trial) for trial in trials] for name, trials in results.items()}
        arguments.json.write_text(json.dumps({"seconds": arguments.seconds, "results": rows}, indent=1))
    ours = [trials for name, trials in results.items() if name.startswith(("engine", "microsip-core"))]
    return 0 if all(any(trial.passed for trial in trials) for trials in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
