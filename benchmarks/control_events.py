"""Serves events for benchmarks/c_api.py: a process with a control socket that publishes at a rate to its subscribers.

    python -m benchmarks.control_events FOLDER SUBSCRIBERS RATE SECONDS

It begins when so many have subscribed, and prints what it cost as JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from microsip_core.control.address import ControlAddress
from microsip_core.control.numbers import Number
from microsip_core.control.server import ControlServer

PATIENCE = 20.0


class Handler:
    """A phone that does nothing."""

    async def number(self, number: Number, text: str) -> tuple[int, str]:
        """Take any number."""
        return 1, text

    async def request(self, command: str, arguments: dict[str, Any]) -> Any:
        """Take any request."""
        return command

    def snapshot(self) -> dict[str, Any]:
        """Return nothing."""
        return {}


def processor() -> float:
    """Return the seconds of processor time so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def serve(folder: Path, subscribers: int, rate: int, seconds: float) -> dict[str, float]:
    """Publish, and return what it cost."""
    server = ControlServer(Handler(), ControlAddress(folder, "bench", unix=True))
    await server.start()
    async with asyncio.timeout(PATIENCE):
        while sum(client.connection.subscribed for client in server.clients) < subscribers:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    began, before, published = time.monotonic(), processor(), 0
    count = int(rate * seconds)
    while published < count:
        due = min(count, int((time.monotonic() - began) * rate))
        for _ in range(due - published):
            server.publish("call_ringing", {"t": time.monotonic(), "call": 1, "remote": "sip:bob@example.com",
                                            "state": "ringing"})
        published = due
        await asyncio.sleep(0.001)
    passed, used = time.monotonic() - began, processor() - before
    dropped = server.dropped
    await asyncio.sleep(1.0)
    await server.close()
    return {"published": published, "seconds": passed, "cpu_percent": 100 * used / passed, "dropped": dropped}


def main() -> None:
    """Serve, and print."""
    folder, subscribers, rate, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(serve(Path(folder), int(subscribers), int(rate), float(seconds)))))


if __name__ == "__main__":
    main()
