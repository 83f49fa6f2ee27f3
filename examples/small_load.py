"""A small load test: N calls at once to one URI, for some seconds; how long set-up took, and how the media fared.

    microsip answer --listen 127.0.0.1:5070 --echo --quiet
    python examples/small_load.py sip:load@127.0.0.1:5070 20 3
"""

import asyncio
import statistics
import sys

from microsip_core import Call, MicrosipError, UserAgent


async def one_call(ua: UserAgent, uri: str, seconds: float) -> Call:
    async with await ua.invite(uri, timeout=30) as call:
        call.play_tone([((440.0,), 1000, 0)], loop=True)
        await asyncio.sleep(seconds)
    return call


async def main(uri: str, number: str = "10", seconds: str = "3") -> None:
    async with UserAgent() as ua:
        results = await asyncio.gather(
            *(one_call(ua, uri, float(seconds)) for _ in range(int(number))), return_exceptions=True)
    calls = [result for result in results if isinstance(result, Call)]
    for error in (result for result in results if isinstance(result, MicrosipError)):
        print("failed:", error)
    if not calls:
        sys.exit("no call succeeded")
    answer = sorted(call.answer_ms for call in calls)
    media = [call.statistics() for call in calls]
    print(f"{len(calls)} of {number} calls answered after {statistics.median(answer):.0f} ms, at most {answer[-1]:.0f}")
    sent, received = sum(each.send.packets for each in media), sum(each.receive.packets for each in media)
    lost, mos = sum(each.receive.lost for each in media), min(each.mos or 0 for each in media)
    print(f"sent {sent} packets, received {received}, lost {lost}, lowest MOS {mos:.2f}")


if not 2 <= len(sys.argv) <= 4:
    sys.exit(__doc__)
asyncio.run(main(*sys.argv[1:]))
