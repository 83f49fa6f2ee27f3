"""A softphone in ten lines: it registers, calls the echo, speaks, records, and tells how good the line was.

    microsip loopback --listen 127.0.0.1:5070 --user alice:secret
    python examples/softphone.py 127.0.0.1:5070
"""

import asyncio
import sys
from pathlib import Path

from microsip_core import UserAgent

GREETING = str(Path(__file__).with_name("greeting.wav"))


async def main(server: str = "127.0.0.1:5070", recording: str = "call.wav") -> None:
    async with UserAgent() as ua:
        account = await ua.create_account(f"sip:alice@{server}", "secret")
        call = await ua.invite(f"sip:echo@{server}", account=account, timeout=30)
        call.record(recording)  # left what we send, right what we receive
        await call.play(GREETING)
        await asyncio.sleep(0.5)  # the end of the echo is still on its way
        await call.hangup()
        print(call.statistics().summary())


asyncio.run(main(*sys.argv[1:]))
