"""C-style functions: calls and DTMF."""

from __future__ import annotations

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import handle, number, optional_text, record, returns_code, seconds, text
from microsip_core.c_api.structures import SipSession, session_of
from microsip_core.errors import ErrorCode, InvalidArgument
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.states import CallState
from microsip_core.user_agent.user_agent import UserAgent

_WHICH = ("all", "incoming", "calling", "answered")


@returns_code
def sip_invite(uri: str, media: str = "audio", account: int = 0) -> int:
    """Call ``uri`` and wait for the answer, after a registration that is under way. Returns the call's handle.

    Else the reason: -1486 for 486 Busy Here, SIP_ETIMEOUT, SIP_EDNS, ... SIP_EAUTH also when the registrar has refused
    the account's credentials: then nobody is called. ``media`` is "audio".
    """
    return _invite(uri, media, account, wait=True)


@returns_code
def sip_invite_nowait(uri: str, media: str = "audio", account: int = 0) -> int:
    """Call ``uri`` and return the call's handle at once; events and sip_wait_call tell what becomes of it.

    A registration under way is not waited for.
    """
    return _invite(uri, media, account, wait=False)


def _invite(uri: str, media: str, account: int, *, wait: bool) -> int:
    running, target, kinds, wanted = running_engine(), text(uri, "uri"), text(media, "media"), handle(account)

    async def work(agent: UserAgent) -> int:
        identity = running.account(wanted) if wanted or agent.accounts else None
        if identity is not None and wait:
            await running.registration_settled(identity)
        call = agent.start_call(running.preferences.dialled(target, identity), account=identity, media=kinds)
        running.know(call)
        if wait:
            try:
                await call.wait(CallState.ACTIVE)
            finally:
                if call.answered is None:
                    call.hangup()
        return call.id

    return running.run(work)


@returns_code
def sip_ringing(call: int = 0) -> int:
    """Send 180 Ringing to an incoming call; the engine has done so by itself. 0 is the oldest that is not answered."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> int:
        (running.call(wanted) if wanted else running.ringing_call()).ring()
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_answer(call: int = 0, code: int = 200) -> int:
    """Answer an incoming call and wait for the caller's ACK; 0 is the oldest that rings. Returns its handle.

    ``code`` 180 only rings, 183 opens early media, 300-699 refuses. SIP_ENOCALL when none rings.
    """
    running, wanted, status = running_engine(), handle(call), number(code, "code", 180, 699)
    if status not in (180, 183, 200) and status < 300:
        raise InvalidArgument(f"a call is not answered with {status}", remedy="Give 180, 183, 200 or 300 to 699")

    async def work(agent: UserAgent) -> int:
        found = running.call(wanted) if wanted else running.ringing_call()
        if status >= 300:
            await found.reject(status)
        elif status == 200:
            await found.answer()
        else:
            found.ring(early_media=status == 183)
        return found.id

    return running.run(work)


@returns_code
def sip_reject(call: int = 0, code: int = 486, reason: str | None = None) -> int:
    """Refuse an incoming call with a status of 300-699; 0 is the oldest that rings."""
    running, wanted, status = running_engine(), handle(call), number(code, "code", 300, 699)
    phrase = optional_text(reason, "reason")

    async def work(agent: UserAgent) -> int:
        await (running.call(wanted) if wanted else running.ringing_call()).reject(status, phrase)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_hangup(call: int = 0) -> int:
    """End a call whatever its state: CANCEL, final response or BYE. 0 is the current call. An ended call is fine."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> int:
        await running.call(wanted).hangup()
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_cancel(call: int = 0) -> int:
    """Give up an outgoing call that is not answered; 0 is the newest. SIP_ESTATE when it is answered or incoming."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> int:
        found = running.call(wanted)
        if found.direction != "outgoing" or found.answered is not None or found.state is CallState.ENDED:
            return record(ErrorCode.SIP_ESTATE, f"the {found.direction} call is {found.state}")
        await found.hangup()
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_hangup_all(which: str = "all") -> int:
    """End calls: "all", "incoming" or "calling" (not answered yet), or "answered". Returns how many."""
    running, kind = running_engine(), text(which, "which")
    if kind not in _WHICH:
        raise InvalidArgument(f"{kind!r} are no calls", remedy=f"Give one of {', '.join(_WHICH)}")

    async def work(agent: UserAgent) -> int:
        chosen = [call for call in agent.calls if kind in ("all", _kind_of(call))]
        outcomes = [call.hangup() for call in chosen]
        for outcome in outcomes:
            await outcome
        return len(chosen)

    return running.run(work)


def _kind_of(call: Call) -> str:
    if call.answered is not None:
        return "answered"
    return "incoming" if call.direction == "incoming" else "calling"


@returns_code
def sip_hold(call: int = 0) -> int:
    """Put the peer on hold, and wait until it has agreed."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> int:
        await running.call(wanted).hold()
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_unhold(call: int = 0) -> int:
    """Resume after sip_hold, and wait until the peer has agreed."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> int:
        await running.call(wanted).unhold()
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_update(call: int = 0, media: str = "audio") -> int:
    """Agree on the media anew by a re-INVITE, and wait until the peer has agreed. ``media`` is "audio"."""
    running, wanted, kinds = running_engine(), handle(call), text(media, "media")

    async def work(agent: UserAgent) -> int:
        await running.call(wanted).update(kinds)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_send_dtmf(call: int, digits: str, method: str = "auto", ms: int = 160) -> int:
    """Send digits, and wait until they are sent. ``method`` is "auto", "rfc4733" or "info"; ``ms`` is 40 to 5000."""
    running, wanted, keys, how = running_engine(), handle(call), text(digits, "digits"), text(method, "method")
    duration = number(ms, "ms", 40, 5000)

    async def work(agent: UserAgent) -> int:
        await running.call(wanted).send_dtmf(keys, method=how, duration_ms=duration)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_recv_dtmf(call: int, n: int, timeout: float | None = None) -> str:
    """Return the next ``n`` digits as a string; fewer when ``timeout`` seconds are over or the call has ended."""
    running, wanted, count, limit = running_engine(), handle(call), number(n, "n", 1, 1000), seconds(timeout)

    async def work(agent: UserAgent) -> str:
        return await running.call(wanted).recv_dtmf(count, limit)

    return running.run(work)


@returns_code
def sip_wait_call(call: int, state: str = "active", timeout: float | None = None) -> int:
    """Wait until a call is in ``state`` or past it, at most ``timeout`` seconds. Returns 0, or why it will not be."""
    running, wanted, name, limit = running_engine(), handle(call), text(state, "state"), seconds(timeout)

    async def work(agent: UserAgent) -> int:
        await running.call(wanted).wait(name, limit)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_get_call_info(call: int = 0) -> SipSession:
    """Return a snapshot of a call, also of an ended one."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> SipSession:
        return session_of(running.call(wanted))

    return running.run(work)


@returns_code
def sip_list_calls() -> list[int]:
    """Return the handles of all calls that have not ended, oldest first."""

    async def work(agent: UserAgent) -> list[int]:
        return [call.id for call in agent.calls]

    return running_engine().run(work)


@returns_code
def sip_current_call() -> int:
    """Return the handle of the call that 0 stands for. SIP_ENOCALL when there is none."""
    running = running_engine()

    async def work(agent: UserAgent) -> int:
        return running.current_call().id

    return running.run(work)


@returns_code
def sip_last_status(call: int = 0) -> int:
    """Return the last SIP status of a call, 0 before the first; 0 is the newest call, ended or not."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> int:
        return (running.call(wanted) if wanted else running.last_call()).status

    return running.run(work)
