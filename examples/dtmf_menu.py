"""A menu by DTMF: 1 plays a greeting, 2 plays a tone, 0 hangs up.

    python examples/dtmf_menu.py [HOST:PORT]
"""

import asyncio
import sys
from pathlib import Path

from microsip_core import Call, UserAgent

GREETING = str(Path(__file__).with_name("greeting.wav"))
BEEP = [((880.0,), 150, 50)]  # frequencies in Hz, ms on, ms off
TONE = [((440.0, 480.0), 1000, 0)]


async def menu(call: Call) -> None:
    await call.answer()
    while True:
        await call.play_tone(BEEP)
        choice = await call.recv_dtmf(1, timeout=10)
        print("choice", choice or "none", flush=True)
        if choice == "1":
            await call.play(GREETING)
        elif choice == "2":
            await call.play_tone(TONE)
        else:
            break
    await call.hangup()


async def main(listen: str = "127.0.0.1:5060") -> None:
    async with UserAgent(listen=listen) as ua:
        ua.on_incoming = menu
        print("listening on {}:{}".format(*ua.listen_address), flush=True)
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
