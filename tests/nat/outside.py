"""The world outside of the NAT: the loopback server at its public address, and bob, who calls alice when told to."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from microsip_core.server.server import LoopbackServer
from microsip_core.user_agent.user_agent import UserAgent

from .network import OUTSIDE
from .sound import tone_heard


async def said() -> str:
    """Return the next line that the test has for us."""
    return (await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)).strip()


def tell(**what: Any) -> None:
    """Say something to the test."""
    print(json.dumps(what), flush=True)


async def main() -> None:
    """Serve until the test says "end"."""
    users = {"alice": "secret", "bob": "secret"}
    async with (
        LoopbackServer(OUTSIDE, 5060, users, services=False, transports=("udp", "tcp")) as server,
        UserAgent(listen=f"{OUTSIDE}:0") as bob,
    ):
        await bob.create_account(server.uri("bob"), "secret")
        tell(event="ready")
        while (word := await said()) not in ("end", ""):
            if word == "bindings":
                tell(event="bindings", alice=server.registered("alice"))
                continue
            call = await bob.invite(server.uri("alice"), timeout=10)
            tell(event="heard", **await tone_heard(call, 620))
            if word == "move":
                await said()  # alice has moved meanwhile
                tell(event="heard", **await tone_heard(call, 620))
            tell(event="statistics", stun=server.statistics().get("keep_alives", 0), target=call.remote_uri)
            await call.hangup()


if __name__ == "__main__":
    asyncio.run(main())
