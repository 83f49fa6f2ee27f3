"""Alice, behind the NAT: registers as the test says, and takes one call."""

from __future__ import annotations

import asyncio
import json
import sys

from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.user_agent import UserAgent

from .network import INSIDE, OUTSIDE
from .outside import said, tell
from .sound import tone_heard


async def main() -> None:
    """Register, take a call, move to another address if told to, end with the call."""
    settings = json.loads(sys.argv[1])
    transport = settings.pop("transport", "udp")
    config = UserAgentConfig(**{"listen": f"{INSIDE}:0", **settings})
    async with UserAgent(config) as alice:
        account = await alice.create_account(
            f"sip:alice@{OUTSIDE}:5060", "secret", registrar=f"sip:{OUTSIDE}:5060;transport={transport}", timeout=10,
        )
        tell(event="registered", outbound=account.identity.reach.grant.outbound)
        call = await alice.next_call(20)
        await call.answer()
        tell(event="heard", **await tone_heard(call, 440))
        if config.listen != f"{INSIDE}:0":
            await said()  # the address has changed
            await alice.network_changed()
            tell(event="heard", **await tone_heard(call, 440))
        cause = await call.wait_ended(20)
        tell(event="ended", cause=str(cause), by=call.ended_by)


if __name__ == "__main__":
    asyncio.run(main())
