"""More calls than one process can serve: how many it completes then, and whether it is well right afterwards.

    python -m benchmarks.overload [--rate CALLS_A_SECOND] [--times 1,3,6] [--seconds 4] [--mode media|signaling]
        [--only NAME]... [--json FILE]

``--rate`` is what the machine serves just so; without it that is found first, as setup_rate does. Each server is then
offered that rate some times over by ``sipp -sn uac``, and right afterwards 100 calls a second for two seconds. A call
is completed when INVITE, 200, ACK, BYE and 200 were exchanged. Peers are loaded in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.setup_rate import (
    Contestant,
    Ports,
    contestants,
    count,
    highest_rate,
    run_sipp,
    start_server,
    stop_server,
    usage_of,
)

AFTER_RATE, AFTER_SECONDS = 100, 2.0


@dataclass(frozen=True, slots=True)
class Burst:
    """What became of one burst. ``after`` is the share of the calls right afterwards that passed."""

    name: str
    mode: str
    offered: int
    completed: float
    retransmitted: int
    cpu: float
    resident_mb: float
    after: float


def load(contestant: Contestant, rate: int, seconds: float, ports: Ports) -> Burst:
    """Offer a burst, then a few calls, to a fresh server process."""
    port = ports.take()
    process = start_server(contestant, port)
    try:
        before, _ = usage_of(process.pid)
        with tempfile.TemporaryDirectory() as folder:
            row = run_sipp(port, ports.take(), rate, seconds, Path(folder))
        cpu, resident = usage_of(process.pid)
        with tempfile.TemporaryDirectory() as folder:
            after = run_sipp(port, ports.take(), AFTER_RATE, AFTER_SECONDS, Path(folder))
    finally:
        stop_server(process)
    return Burst(
        contestant.name, contestant.mode, rate, round(count(row, "SuccessfulCall(C)") / seconds, 1),
        count(row, "Retransmissions(C)"), round(cpu - before, 2), round(resident, 1),
        round(count(after, "SuccessfulCall(C)") / (AFTER_RATE * AFTER_SECONDS), 2),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=0, help="what is served just so (default: found first)")
    parser.add_argument("--times", default="1,3,6", help="how many times that is offered (default 1,3,6)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a burst (default 4)")
    parser.add_argument("--max", type=int, default=8000, help="highest rate to try for the peak (default 8000)")
    parser.add_argument("--mode", choices=("media", "signaling"), default="media")
    parser.add_argument("--only", action="append", default=[], help="a name; may be given again")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--install-peer", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    ports, rate, found = Ports(), arguments.rate, []
    arguments.rate = 0
    servers = [one for one in contestants(arguments) if one.mode == arguments.mode]
    if not rate:
        best = highest_rate(servers[0], arguments, ports)
        rate = best.rate if best is not None else AFTER_RATE
    print(f"{'server':22}{'offered/s':>10}{'completed/s':>12}{'repeated':>9}{'CPU s':>7}{'MB':>7}{'after':>7}")
    for contestant in servers:
        for times in arguments.times.split(","):
            burst = load(contestant, round(rate * float(times)), arguments.seconds, ports)
            found.append(burst)
            print(
                f"{burst.name:22}{burst.offered:10}{burst.completed:12}{burst.retransmitted:9}{burst.cpu:7}"
                f"{burst.resident_mb:7}{burst.after:7.0%}", flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(burst) for burst in found], indent=1))


if __name__ == "__main__":
    sys.exit(main())
