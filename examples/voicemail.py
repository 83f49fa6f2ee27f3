"""Call somebody and leave a message: at once to a person, after the beep to a machine; what is said is recorded.

    python examples/voicemail.py URI MESSAGE.wav RECORDING
"""

import asyncio
import sys

from microsip_core import UserAgent


async def main(uri: str, message: str, recording: str) -> None:
    async with UserAgent(listen="127.0.0.1:0") as ua, await ua.invite(uri) as call:
        call.record(recording)
        result = await call.detect_answering_machine(wait_for_beep=30)
        print("answered by", result.verdict, "because of", result.reason, flush=True)
        await call.play(message)
        await call.stop_record()


asyncio.run(main(*sys.argv[1:]))
