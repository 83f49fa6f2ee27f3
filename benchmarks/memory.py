"""What an idle call and an idle registered account cost in memory, peers beside us in the same run.

    python -m benchmarks.memory [--calls 500] [--accounts 2000] [--json FILE] [--install-peer]

Each figure is the growth of the resident set of a process of its own, divided by the number of calls or accounts, from
a tenth of them on (the first ones fill caches and the allocator's arenas). Calls are placed by the small caller of
these benchmarks, and are established and silent when they are counted: no RTP flows, all transactions are over but
those that absorb retransmissions. Accounts are those of one user agent registered at one loopback server; the
registrar's binding is counted in the server's process. Kernel memory of sockets is not resident memory of anybody.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.caller import HOST, Caller
from benchmarks.setup_rate import ROOT, Contestant, Ports, peer_environment, start_server, stop_server

BARS = {"call, media": (64.0, 32.0), "account": (8.0, 4.0)}
"""KiB: must and aim."""
FIRST_PART = 10
MEDIA_PORT = 9  # discard: nobody is meant to listen
REGISTER_BATCH = 50


def resident(pid: int) -> int:
    """Return the resident octets of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def per_call(contestant: Contestant, calls: int, ports: Ports) -> float:
    """Return the octets that an established call costs the server."""
    port = ports.take()
    server = start_server(contestant, port)
    caller = Caller(port)
    try:
        before = 0
        for number in range(calls):
            if number == calls // FIRST_PART:
                before = resident(server.pid)
            caller.call(MEDIA_PORT)
        return (resident(server.pid) - before) / (calls - calls // FIRST_PART)
    finally:
        caller.hang_up()
        stop_server(server)


async def registrar(port: int, accounts: int) -> None:
    """Serve registrations."""
    from microsip_core.server import LoopbackServer

    users = {f"user{number}": "secret" for number in range(accounts)}
    async with LoopbackServer(HOST, port, users, services=False, challenge="none", max_expires=3600):
        gc.collect()
        print("ready", flush=True)
        await asyncio.Event().wait()


async def register_all(port: int, accounts: int, server_pid: int) -> tuple[float, float]:
    """Register and return the octets an account costs the user agent, and its binding the server."""
    from microsip_core import UserAgent

    before = (0, 0)
    first = accounts // FIRST_PART
    async with UserAgent(media="none") as agent:
        for start in range(0, accounts, REGISTER_BATCH):
            if before == (0, 0) and start >= first:
                gc.collect()
                before, first = (resident(os.getpid()), resident(server_pid)), start
            made = [
                agent.add_account(f"sip:user{number}@{HOST}:{port}", "secret", expires=3600)
                for number in range(start, min(start + REGISTER_BATCH, accounts))
            ]
            await asyncio.gather(*(account.register(10) for account in made))
        # what only absorbs retransmissions does not belong to an idle account
        while agent.endpoint.layer.client_count:  # noqa: ASYNC110 -- there is no event for it
            await asyncio.sleep(0.2)
        gc.collect()
        after = resident(os.getpid()), resident(server_pid)
        agent.accounts.clear()  # they expire with the server, which ends now
    counted = accounts - first
    return (after[0] - before[0]) / counted, (after[1] - before[1]) / counted


def per_account(accounts: int, ports: Ports) -> tuple[float, float]:
    """Run registrar and user agent in processes of their own; return what an account costs each of them."""
    port = ports.take()
    command = [sys.executable, "-m", "benchmarks.memory", "--accounts", str(accounts), "--registrar", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    try:
        assert server.stdout is not None
        if server.stdout.readline().strip() != "ready":
            raise SystemExit("the registrar did not start")
        command[-2:] = ["--client", f"{port},{server.pid}"]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment, check=True)
        agent, binding = json.loads(output.stdout)
        return agent, binding
    finally:
        server.terminate()
        server.wait()


def contestants(install: bool) -> list[Contestant]:
    """Return who is measured per call."""
    module = ["-m", "benchmarks.answering_server"]
    found = [
        Contestant(name, mode, [str(python), *module, name, mode], 0)
        for name, python in (("microsip-core", sys.executable), ("aiosipua", peer_environment(install)))
        if python is not None
        for mode in ("signaling", "media")
    ]
    if all(one.name != "aiosipua" for one in found):
        print("aiosipua is left out: --install-peer would install it into build/peers", file=sys.stderr)
    return found


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Return every figure in KiB."""
    ports = Ports()
    servers = contestants(arguments.install_peer)
    figures = {f"{one.name}, call, {one.mode}": per_call(one, arguments.calls, ports) for one in servers}
    agent, binding = per_account(arguments.accounts, ports)
    figures |= {"microsip-core, account": agent, "microsip-core, registrar's binding": binding}
    return {name: round(octets / 1024, 2) for name, octets in figures.items()}


def main() -> int:
    """Measure and print; exit status 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--install-peer", action="store_true", help="install aiosipua into build/peers first")
    parser.add_argument("--registrar", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.registrar is not None:
        asyncio.run(registrar(arguments.registrar, arguments.accounts))
    if arguments.client is not None:
        port, pid = map(int, arguments.client.split(","))
        print(json.dumps(asyncio.run(register_all(port, arguments.accounts, pid))))
        return 0
    figures: dict[str, Any] = measure(arguments)
    for name, kib in figures.items():
        print(f"{name:40}{kib:10.2f} KiB")
    print("must / aim: " + "; ".join(f"{what} {must:g} / {aim:g} KiB" for what, (must, aim) in BARS.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps({"unit": "KiB of resident memory", "figures": figures}, indent=1))
    return 0 if all(figures[f"microsip-core, {what}"] <= must for what, (must, _) in BARS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
