"""A bot that can be interrupted: it stops talking when the caller begins to, and says how much was heard.

    python examples/barge_in.py [HOST:PORT]
"""

import asyncio
import sys
from pathlib import Path

from microsip_core import Call, UserAgent

GREETING = str(Path(__file__).with_name("greeting.wav"))


async def talk(call: Call) -> None:
    await call.answer()
    call.detect_voice()
    prompt = call.play(GREETING, loop=True)
    async for event in call.events():
        if event.type == "speech_started":
            call.stop_play()  # sound written to call.audio: call.audio.clear()
            result = await prompt
            print(f"interrupted after {result.played_ms} ms", flush=True)
            break
    await call.hangup()


async def main(listen: str = "127.0.0.1:5060") -> None:
    async with UserAgent(listen=listen) as ua:
        ua.on_incoming = talk
        print("listening on {}:{}".format(*ua.listen_address), flush=True)
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
