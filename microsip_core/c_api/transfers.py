"""C-style functions: sending the peer of a call elsewhere."""

from __future__ import annotations

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import handle, returns_code, text
from microsip_core.errors import ErrorCode
from microsip_core.user_agent.user_agent import UserAgent


@returns_code
def sip_transfer(call: int, uri: str) -> int:
    """Ask the peer to call ``uri`` instead of us, and wait until that call is answered; ours has ended then.

    Else the call goes on: -1486 when the new call met 486 Busy Here, -1405 when the peer knows no transfers, ...
    """
    running, wanted, target = running_engine(), handle(call), text(uri, "uri")

    async def work(agent: UserAgent) -> int:
        found = running.call(wanted)
        await found.transfer(running.preferences.dialled_for(target, found))
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_attended_transfer(call: int, other: int) -> int:
    """Connect the peers of two answered calls with each other, and wait for it; both calls have ended then."""
    running, wanted, second = running_engine(), handle(call), handle(other)

    async def work(agent: UserAgent) -> int:
        await running.call(wanted).transfer_to(running.call(second))
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_redirect(call: int, uri: str) -> int:
    """Send the caller of an unanswered incoming call to ``uri`` (302); call 0 is the oldest that rings."""
    running, wanted, target = running_engine(), handle(call), text(uri, "uri")

    async def work(agent: UserAgent) -> int:
        found = running.call(wanted) if wanted else running.ringing_call()
        await found.redirect(running.preferences.dialled_for(target, found))
        return ErrorCode.SIP_OK

    return running.run(work)
