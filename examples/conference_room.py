"""A conference room: whoever calls takes part; a tone tells the others, and everything said is recorded as FLAC.

    python examples/conference_room.py RECORDING [HOST:PORT]
"""

import asyncio
import sys

import numpy as np

from microsip_core import Call, UserAgent

CHIME = (5000 * np.sin(2 * np.pi * 660 * np.arange(1600) / 8000)).astype(np.int16)  # 200 ms


async def main(recording: str, listen: str = "127.0.0.1:5060") -> None:
    async with UserAgent(listen=listen) as ua, ua.conference(sample_rate=8000) as room:
        room.record(recording)

        async def join(call: Call) -> None:
            await call.answer()
            room.add(call)
            room.play(CHIME, rate=8000)
            print(len(room.calls), "in the room", flush=True)
            await call.wait_ended()
            print(len(room.calls), "in the room", flush=True)

        ua.on_incoming = join
        print("listening on {}:{}".format(*ua.listen_address), flush=True)
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
