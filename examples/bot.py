"""A bot in ten lines: it answers every call, plays a greeting, takes one digit, and hangs up.

    python examples/bot.py [HOST:PORT]
"""

import asyncio
import sys
from pathlib import Path

from microsip_core import Call, UserAgent

GREETING = str(Path(__file__).with_name("greeting.wav"))


async def answer(call: Call) -> None:
    await call.answer()
    await call.play(GREETING)  # returns when it has been played, or the call has ended
    digits = await call.recv_dtmf(1, timeout=5)
    print(call.remote_uri, "pressed", digits or "nothing", flush=True)
    await call.hangup()


async def main(listen: str = "127.0.0.1:5060") -> None:
    async with UserAgent(listen=listen) as ua:
        ua.on_incoming = answer
        print("listening on {}:{}".format(*ua.listen_address), flush=True)
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
