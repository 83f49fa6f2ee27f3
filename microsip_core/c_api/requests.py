"""C-style functions: text messages, and OPTIONS."""

from __future__ import annotations

import math

from microsip_core.c_api.engine import Engine, running_engine
from microsip_core.c_api.results import handle, record, returns_code, seconds, text
from microsip_core.errors import ErrorCode, InvalidArgument, refusal_code
from microsip_core.user_agent.account import Account
from microsip_core.user_agent.user_agent import UserAgent


@returns_code
def sip_message(uri: str, body: str, account: int = 0) -> int:
    """Send a text message, line breaks allowed, and wait until it has been taken. Returns 0, -1480, SIP_ETIMEOUT..."""
    running, target, wanted = running_engine(), text(uri, "uri"), handle(account)
    if isinstance(body, bytes):
        try:
            body = body.decode()
        except UnicodeDecodeError:
            raise InvalidArgument("the text is no UTF-8") from None
    if not isinstance(body, str):
        raise InvalidArgument(f"the text is {body!r}", remedy="Give a string")

    async def work(agent: UserAgent) -> int:
        await agent.send_message(target, body, account=_sender(running, agent, wanted))
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_options(uri: str, timeout: float | None = None, account: int = 0) -> int:
    """Ask a peer what it can: returns the milliseconds until its 2xx, or -1000 - status where it refuses.

    SIP_ETIMEOUT when nothing comes within ``timeout`` seconds, by default the 32 s of SIP.
    """
    running, target, limit, wanted = running_engine(), text(uri, "uri"), seconds(timeout), handle(account)

    async def work(agent: UserAgent) -> int:
        reply = await agent.options(target, account=_sender(running, agent, wanted), timeout=limit)
        if reply.status >= 300:
            return record(refusal_code(reply.status), f"{reply.status} {reply.reason}")
        return math.ceil(reply.round_trip_ms)

    return running.run(work)


def _sender(running: Engine, agent: UserAgent, wanted: int) -> Account | None:
    return running.account(wanted) if wanted or agent.accounts else None
