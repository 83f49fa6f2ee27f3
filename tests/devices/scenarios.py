"""Calls with sound devices in a process of their own, as PortAudio reads its settings once: SCENARIO [ARGUMENT ...].

Prints lines of JSON: {"ready": true} when sound goes through, and what it found at the end.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import json
import sys
import threading
from dataclasses import asdict
from typing import Any

from microsip_core.media.devices import open_device
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.user_agent import UserAgent


def tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


async def line_from_test() -> str:
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


def hold_gil(until: threading.Event) -> None:
    """Keep Python to ourselves for 80 ms at a time, as a busy program does."""
    sleep = ctypes.PyDLL(None).usleep
    while not until.is_set():
        sleep(80_000)


async def answered(codec: str) -> tuple[UserAgent, UserAgent, Call, Call]:
    ears, mouth = UserAgent(codecs=(codec,)), UserAgent(codecs=(codec,))
    await ears.start()
    await mouth.start()
    ears.on_incoming = lambda call: call.answer()
    call = await mouth.invite("sip:bob@{}:{}".format(*ears.listen_address))
    heard = ears.calls[0]
    await heard.wait("active")
    return mouth, ears, call, heard


async def speak(codec: str, how: str) -> None:
    """From the microphone through a call to the loudspeaker, "busy" while another thread holds the GIL."""
    mouth, ears, call, heard = await answered(codec)
    if how == "python":
        mouth.devices.opener = ears.devices.opener = functools.partial(open_device, native=False)
    await call.connect_device(input="vmic", output="null")
    await heard.connect_device(input="null", output="vspk")
    await asyncio.sleep(2)
    done = threading.Event()
    before = {one.direction: one for one in call.device_statistics() + heard.device_statistics()}
    tell(ready=True)
    if how == "busy":
        threading.Thread(target=hold_gil, args=(done,)).start()
    await line_from_test()
    done.set()
    after = {one.direction: one for one in call.device_statistics() + heard.device_statistics()}
    delay = heard.audio_delay()
    assert delay is not None
    tell(xruns={way: after[way].xruns - before[way].xruns for way in after},
         missing={way: after[way].missing_ms - before[way].missing_ms for way in after},
         native=all(one.native for one in after.values()), devices=[asdict(one) for one in after.values()],
         delay=asdict(delay), microphone=next(one.delay_ms + one.latency_ms for one in call.device_statistics()))
    await mouth.close()
    await ears.close()


async def lose(codec: str) -> None:
    """The sound server ends in mid-call."""
    mouth, ears, call, _ = await answered(codec)
    events = mouth.events()
    await call.connect_device(input="vmic", output="vspk")
    used = call.devices
    tell(ready=True, devices=used)
    told: list[tuple[str, str]] = []
    async for event in events:
        if event.type in (EventType.DEVICE_LOST, EventType.DEVICE_CHANGED):
            told.append((str(event.type), event.text))
        if len(told) == 4:
            break
    before = call.statistics()
    await asyncio.sleep(0.5)
    after = call.statistics()
    assert before is not None
    assert after is not None
    tell(told=told, devices=call.devices, state=str(call.state), sent=after.send.packets - before.send.packets)
    await mouth.close()
    await ears.close()


async def change(codec: str) -> None:
    """Other devices in mid-call, one that there is not, none, and then some again."""
    mouth, ears, call, _ = await answered(codec)
    seen = []
    await call.connect_device()
    seen.append(call.devices)
    await mouth.set_devices(input="vm*", output="VSPK")
    seen.append(call.devices)
    try:
        await mouth.set_devices(input="vmic", output="no such thing")
    except Exception as error:
        refused = [type(error).__name__, str(error)]
    seen.append(call.devices)
    await call.connect_device(input="null", output="null")
    seen.append(call.devices)
    call.disconnect_device()
    seen.append(call.devices)
    await call.connect_device(input="vmic")
    seen.append(call.devices)
    tell(ready=True, seen=seen, refused=refused, state=str(call.state))
    await mouth.close()
    await ears.close()
    tell(left=len(mouth.devices.calls))


if __name__ == "__main__":
    asyncio.run({"speak": speak, "lose": lose, "change": change}[sys.argv[1]](*sys.argv[2:]))
