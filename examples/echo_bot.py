"""Raw frames and barge-in: the bot says a long text; as soon as the caller speaks, it falls silent and echoes.

    python examples/echo_bot.py [HOST:PORT]
"""

import asyncio
import sys
from pathlib import Path

import numpy as np

from microsip_core import Call, UserAgent
from microsip_core.media.wav import read_wav

TEXT = str(Path(__file__).with_name("greeting.wav"))
SPEECH = 800.0  # root mean square of an int16 frame that counts as speech


async def serve(call: Call) -> None:
    await call.answer()
    audio = call.audio
    speaking = asyncio.create_task(audio.send(np.tile(read_wav(TEXT, audio.sample_rate), 4)))
    interrupted = False
    async for frame in audio:  # int16 arrays of 20 ms, until the call ends
        loud = np.sqrt(np.mean(np.square(frame, dtype=np.float64))) > SPEECH
        if loud and not interrupted:
            interrupted = True
            speaking.cancel()
            print(f"interrupted after {call.duration:.1f} s, {audio.clear()} samples not said", flush=True)
        if interrupted:
            audio.write(frame)


async def main(listen: str = "127.0.0.1:5060") -> None:
    async with UserAgent(listen=listen) as ua:
        ua.on_incoming = serve
        print("listening on {}:{}".format(*ua.listen_address), flush=True)
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
