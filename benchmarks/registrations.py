"""Thousands of registrations kept alive by one process: none may lapse before it is refreshed.

    python -m benchmarks.registrations [--accounts 10000] [--expires 90] [--seconds 180] [--json FILE]

One process holds the accounts (``UserAgent.add_account`` and ``register``), another is the registrar and the judge: it
grants ``--expires`` seconds, looks at its bindings once a second and drops those whose time is over: each that is
missing at such a look counts as missed. Both are this package; the traffic is REGISTER
and 200 over UDP on 127.0.0.1, unchallenged. Exit status 1 when an expiry was missed or an account failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.setup_rate import HOST, ROOT, Ports, usage_of

BATCH = 100
STEP = 1.0


async def registrar(port: int, accounts: int, expires: int) -> None:
    """Serve registrations and tell, once a second, how many bindings are alive."""
    from microsip_core.server import LoopbackServer

    users = {f"user{number}": "" for number in range(accounts)}
    server = LoopbackServer(
        HOST, port, users, services=False, challenge="none", min_expires=expires, max_expires=expires,
    )
    async with server:
        print("ready", flush=True)
        location = server._core.location
        while True:
            await asyncio.sleep(STEP)
            print(location.expire(asyncio.get_running_loop().time()), flush=True)


def judge(lines: list[int], accounts: int) -> tuple[bool, int]:
    """Return whether all were bound at some time, and the most that were missing at once from then on."""
    complete = next((number for number, alive in enumerate(lines) if alive >= accounts), None)
    if complete is None:
        return False, accounts - max(lines, default=0)
    return True, accounts - min(lines[complete:])


async def hold(port: int, accounts: int, expires: int, seconds: float) -> dict[str, float]:
    """Register everything, keep it for ``seconds`` and say what it took."""
    from microsip_core import AccountState, UserAgent

    async with UserAgent(media="none") as agent:
        began = time.monotonic()
        for start in range(0, accounts, BATCH):
            made = [
                agent.add_account(f"sip:user{number}@{HOST}:{port}", "", expires=expires)
                for number in range(start, min(start + BATCH, accounts))
            ]
            await asyncio.gather(*(account.register(60) for account in made))
        registered, cpu = time.monotonic(), time.process_time()
        sent = agent.endpoint.statistics.received
        await asyncio.sleep(seconds)
        wall = time.monotonic() - registered
        result = {
            "registered_in_s": round(registered - began, 1),
            "registered_a_second": round(accounts / (registered - began)),
            "refreshes": agent.endpoint.statistics.received - sent,
            "cpu_share": round((time.process_time() - cpu) / wall, 4),
            "resident_mb": round(usage_of(os.getpid())[1], 1),
            "not_registered": sum(account.state is not AccountState.REGISTERED for account in agent.accounts),
        }
        agent.accounts.clear()  # they expire with the registrar, which ends now
        return result


def run(arguments: argparse.Namespace) -> dict[str, float]:
    """Run both processes; return the figures."""
    port = Ports().take()
    options = [
        "--accounts", str(arguments.accounts), "--expires", str(arguments.expires), "--seconds", str(arguments.seconds),
    ]
    command = [sys.executable, "-m", "benchmarks.registrations", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(
        [*command, "--registrar", str(port)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
    )
    try:
        assert server.stdout is not None
        if server.stdout.readline().strip() != "ready":
            raise SystemExit("the registrar did not start")
        client = subprocess.run(
            [*command, "--client", str(port)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment, check=True,
        )
        cpu, resident = usage_of(server.pid)
        # Once the client has ended nobody refreshes; what is told later than a step ago does not count.
        server.terminate()
        alive = [int(line) for line in server.stdout.read().split()]
    finally:
        server.kill()
        server.wait()
    complete, missed = judge(alive, arguments.accounts)
    result: dict[str, float] = {"accounts": arguments.accounts, "expires_s": arguments.expires}
    result |= json.loads(client.stdout)
    return result | {
        "all_bound": complete, "missed_expiries": missed, "registrar_cpu_s": round(cpu, 1),
        "registrar_resident_mb": round(resident, 1),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--expires", type=int, default=90, help="seconds granted (default 90)")
    parser.add_argument("--seconds", type=float, default=180.0, help="how long to hold them all (default 180)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--registrar", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--client", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.registrar is not None:
        asyncio.run(registrar(arguments.registrar, arguments.accounts, arguments.expires))
    if arguments.client is not None:
        held = asyncio.run(hold(arguments.client, arguments.accounts, arguments.expires, arguments.seconds))
        print(json.dumps(held))
        return 0
    result = run(arguments)
    for name, value in result.items():
        print(f"{name:24}{value:>12,}")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    return 0 if result["all_bound"] and not result["missed_expiries"] and not result["not_registered"] else 1


if __name__ == "__main__":
    sys.exit(main())
