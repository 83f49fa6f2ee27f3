"""A process that answers every call, for setup_rate: ``python -m benchmarks.answering_server WHO MODE PORT``.

WHO is "microsip-core" or "aiosipua", which must be importable in this Python. MODE is "signaling", or "media": with
media ports opened for each call. With --uvloop before MODE that loop is used. It prints "ready" when it listens.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

HOST = "127.0.0.1"


def ready() -> None:
    """Tell the parent process that calls may come."""
    print("ready", flush=True)


async def serve_microsip(mode: str, port: int) -> None:
    """Answer with this package."""
    from microsip_core import UserAgent, UserAgentConfig

    config = UserAgentConfig(listen=f"{HOST}:{port}", media_timeout=0)
    async with UserAgent(config, media="none" if mode == "signaling" else None) as agent:
        agent.on_incoming = lambda call: call.answer()
        ready()
        await asyncio.Event().wait()


async def serve_aiosipua(mode: str, port: int) -> None:
    """Answer with aiosipua, the fastest pure-Python peer known."""
    from aiosipua import SipUAS
    from aiosipua.rtp_bridge import CallSession
    from aiosipua.transport import UdpSipTransport

    next_port = 40000
    sessions: dict[str, Any] = {}

    async def answer(call: Any) -> None:
        nonlocal next_port
        next_port = 40000 + (next_port - 39998) % 20000
        session = CallSession(local_ip=HOST, rtp_port=next_port, offer=call.sdp_offer)
        call.accept(session.sdp_answer)
        if mode == "media":
            await session.start()
            sessions[call.call_id] = session

    def hang_up(call: Any, _request: Any) -> None:
        session = sessions.pop(call.call_id, None)
        if session is not None:
            keep(session.close())

    tasks: set[asyncio.Task[None]] = set()

    def keep(work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = SipUAS(UdpSipTransport(local_addr=(HOST, port)))
    server.on_invite = lambda call: keep(answer(call))
    server.on_bye = hang_up
    await server.start()
    ready()
    await asyncio.Event().wait()


def main() -> None:
    """Serve until terminated."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--uvloop"]
    who, mode, port = arguments[0], arguments[1], int(arguments[2])
    serve = {"microsip-core": serve_microsip, "aiosipua": serve_aiosipua}[who](mode, port)
    if len(arguments) < len(sys.argv) - 1:
        import uvloop

        uvloop.run(serve)
    else:
        asyncio.run(serve)


if __name__ == "__main__":
    main()
