"""Echoes the sound of many calls: ``python -m benchmarks.media_server WHO ARGUMENT``, for calls_per_core.

``engine N [gil] [CODEC] [SUITE]`` opens N streams of the native media engine that echo, and prints their RTP ports on
one line, and its statistics as JSON when stdin ends; with "gil" another thread holds the interpreter lock 80 ms at a
time meanwhile. ``microsip-core PORT``, ``aiosipua PORT`` and
``pjsua2 PORT`` answer SIP calls on that port with the whole stack and echo them; they print "ready" when they listen.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys
import threading
from typing import Any

HOST = "127.0.0.1"


def tell(line: str) -> None:
    """Tell the parent process something."""
    print(line, flush=True)


def hold_interpreter_lock() -> None:
    """Keep every other Python thread out, 80 ms at a time: PyDLL does not release the lock."""
    sleep = ctypes.PyDLL(None).usleep
    while True:
        sleep(80_000)


def serve_engine(count: int, gil: bool, codec: str, suite: str) -> None:
    """Echo with the media engine alone, no signaling; remote addresses are learned from what comes."""
    from microsip_core.media.engine import create_engine
    from microsip_core.media.stream import StreamConfig

    from .media_cases import Case, format_of

    engine = create_engine("native")
    case = Case(codec, format_of(codec), suite)
    ports = []
    for _ in range(count):
        stream = engine.open_stream(StreamConfig(local_host=HOST))
        case.configure(stream, None, None)
        stream.echo(True)
        ports.append(stream.rtp_address[1])
    tell(" ".join(map(str, ports)))
    if gil:
        threading.Thread(target=hold_interpreter_lock, daemon=True).start()
    sys.stdin.read()
    tell(json.dumps(dict(engine.statistics())))
    if not gil:
        engine.close()


async def serve_microsip(port: int) -> None:
    """Echo with this package's user agent."""
    from microsip_core import UserAgent, UserAgentConfig

    async def answer(call: Any) -> None:
        await call.answer()
        call.echo(True)

    async with UserAgent(UserAgentConfig(listen=f"{HOST}:{port}", media_timeout=0)) as agent:
        agent.on_incoming = answer
        tell("ready")
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def serve_aiosipua(port: int) -> None:
    """Echo with aiosipua and aiortp, decoded and encoded again."""
    from aiosipua import SipUAS
    from aiosipua.rtp_bridge import CallSession
    from aiosipua.transport import UdpSipTransport

    sessions: list[Any] = []

    async def answer(call: Any) -> None:
        session = CallSession(local_ip=HOST, rtp_port=40000 + 2 * len(sessions), offer=call.sdp_offer)
        sessions.append(session)
        call.accept(session.sdp_answer)
        await session.start()
        timestamp = 0

        def echo(samples: Any, _: Any) -> None:
            nonlocal timestamp
            session.send_audio_pcm(samples, timestamp)
            timestamp += 160

        session.on_audio = echo

    server = SipUAS(UdpSipTransport(local_addr=(HOST, port)))
    tasks: list[Any] = []
    server.on_invite = lambda call: tasks.append(asyncio.get_running_loop().create_task(answer(call)))
    await server.start()
    tell("ready")
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def serve_pjsua2(port: int) -> None:
    """Echo with PJSIP: each call's port is connected to itself on an 8 kHz bridge, its cheapest setting."""
    import pjsua2 as pj

    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.maxCalls = 32
    config.logConfig.level = config.logConfig.consoleLevel = 1
    config.medConfig.noVad, config.medConfig.clockRate = True, 8000
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress, transport.publicAddress = port, HOST, HOST
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    calls = []

    class Call(pj.Call):  # type: ignore[misc]
        def onCallMediaState(self, _: Any) -> None:
            media = self.getAudioMedia(-1)
            media.startTransmit(media)

    class Account(pj.Account):  # type: ignore[misc]
        def onIncomingCall(self, parameters: Any) -> None:
            call, operation = Call(self, parameters.callId), pj.CallOpParam()
            calls.append(call)
            operation.statusCode = 200
            call.answer(operation)

    account, settings = Account(), pj.AccountConfig()
    settings.idUri = f"sip:bench@{HOST}"
    media = settings.mediaConfig.transportConfig
    media.port, media.boundAddress, media.publicAddress = 40000, HOST, HOST
    account.create(settings)
    tell("ready")
    sys.stdin.read()


def main() -> None:
    """Serve until stdin ends."""
    who, argument = sys.argv[1], int(sys.argv[2])
    if who == "engine":
        options = [word for word in sys.argv[3:] if word != "gil"] + ["PCMU", ""]
        serve_engine(argument, "gil" in sys.argv, options[0], options[1] if len(options) > 3 else "")
    elif who == "pjsua2":
        serve_pjsua2(argument)
    else:
        asyncio.run({"microsip-core": serve_microsip, "aiosipua": serve_aiosipua}[who](argument))


if __name__ == "__main__":
    main()
