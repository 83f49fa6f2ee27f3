"""Record what somebody says: call a number, listen for some seconds, write a WAV file.

    python examples/record_call.py sip:tone@127.0.0.1:5070 tone.wav 5
"""

import asyncio
import sys

from microsip_core import MicrosipError, UserAgent


async def main(uri: str, recording: str, seconds: str = "5") -> None:
    async with UserAgent() as ua:
        async with await ua.invite(uri, timeout=30) as call:  # hangs up at the end of the block
            call.record(recording, stereo=False)
            try:
                await call.wait_ended(timeout=float(seconds))
            except TimeoutError:
                pass  # it talks on; we have heard enough
        print(f"{recording}: {call.duration:.1f} s of {call.remote_uri}, ended by {call.ended_by}")


if not 3 <= len(sys.argv) <= 4:
    sys.exit(__doc__)
try:
    asyncio.run(main(*sys.argv[1:]))
except MicrosipError as error:
    sys.exit(str(error))  # the step, the peer, and the remedy
