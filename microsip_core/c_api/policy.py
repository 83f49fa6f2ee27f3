"""C-style functions: what becomes of incoming calls by themselves."""

from __future__ import annotations

from typing import Any

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import number, optional_text, returns_code, text
from microsip_core.errors import ErrorCode, InvalidArgument
from microsip_core.user_agent.incoming_policy import ANSWER_MODES, DENY_MODES, FORWARD_MODES, LONGEST_DELAY
from microsip_core.user_agent.user_agent import UserAgent

_LONGEST = int(LONGEST_DELAY)


@returns_code
def sip_set_dnd(on: bool = True) -> int:
    """Do not disturb: refuse every incoming call with 486. It ends what sip_set_deny has set."""
    return _set({"denyIncoming": "button", "DND": bool(on)})


@returns_code
def sip_set_deny(mode: str) -> int:
    """Refuse with 486 incoming calls to another "user" or "domain" than the account's, either ("userdomain"), from
    another domain ("remotedomain"), or "all"; "off" refuses none. It ends what sip_set_dnd has set.
    """
    wanted = _one_of(text(mode, "mode"), DENY_MODES)
    return _set({"denyIncoming": "" if wanted == "off" else wanted, "DND": False})


@returns_code
def sip_set_forward(mode: str, uri: str | None = None, delay: int = 0) -> int:
    """Send incoming calls on to a URI or number by 302: "all" or those that get "no_answer" after ``delay`` seconds of
    ringing (20 for "no_answer" and 0), "busy" at once while there is another call; "off" ends it.
    """
    wanted, to = _one_of(text(mode, "mode"), FORWARD_MODES), optional_text(uri, "uri") or ""
    after = number(delay, "delay", 0, _LONGEST)
    if wanted != "off" and not to:
        raise InvalidArgument("there is no URI to send calls on to")
    if wanted == "no_answer":
        after = after or 20
    forwards = wanted in ("all", "no_answer")
    return _set({"forwarding": "all" if forwards else "", "FWD": False, "forwardingNumber": to,
                 "forwardingDelay": after}, busy=to if wanted == "busy" else "")


@returns_code
def sip_set_auto_answer(mode: str, delay: int = 0, filter: str | None = None) -> int:
    """Answer by itself "all" calls, or those whose caller asks for it ("header"), while there is no other call, after
    ``delay`` seconds of ringing; only callers like one of the masks in ``filter``, such as ``555*;+4930?``. "off" ends
    it. A caller may lie about who it is.
    """
    wanted, masks = _one_of(text(mode, "mode"), ANSWER_MODES), optional_text(filter, "filter") or ""
    return _set({"autoAnswer": "" if wanted == "off" else wanted, "AA": False, "autoAnswerNumber": masks,
                 "autoAnswerDelay": number(delay, "delay", 0, _LONGEST)})


def _one_of(mode: str, known: tuple[str, ...]) -> str:
    if mode not in known:
        raise InvalidArgument(f"{mode!r} is no mode", remedy=f"Give one of {', '.join(known)}")
    return mode


def _set(values: dict[str, Any], busy: str = "") -> int:
    running = running_engine()

    async def work(agent: UserAgent) -> int:
        running.preferences.set(**values)
        if busy:
            running.preferences.forward_busy(busy)
        return ErrorCode.SIP_OK

    return running.run(work)
