"""What becomes of an incoming call by the settings: refused, sent on, answered by itself, or it rings."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.config.masks import matches_any
from microsip_core.config.settings import Settings

BUSY_HERE = 486


@dataclass(frozen=True, slots=True)
class IncomingFacts:
    """What is known of an incoming call. The account's fields are empty for a call to none.

    ``calls`` are the other calls there are, ``held`` those of them on hold. ``asked_delay`` is after how many seconds
    the caller's headers ask for an answer, None where they do not.
    """

    number: str = ""
    caller_domain: str = ""
    called_user: str = ""
    called_domain: str = ""
    account_user: str = ""
    account_domain: str = ""
    calls: int = 0
    held: int = 0
    asked_delay: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do: refuse with ``status``, else ring and after so many seconds answer or forward; None for neither."""

    status: int | None = None
    why: str = ""
    answer_after: float | None = None
    forward_after: float | None = None
    forward_to: str = ""


def decide(settings: Settings, facts: IncomingFacts) -> Decision:
    """Decide on an incoming call."""
    why = refusal(settings, facts)
    if why:
        return Decision(BUSY_HERE, why)
    forwarding = settings.forwarding == "all" or (settings.forwarding == "button" and settings.FWD)
    if forwarding and settings.forwardingNumber:
        return Decision(forward_after=float(settings.forwardingDelay), forward_to=settings.forwardingNumber,
                        answer_after=_answer_after(settings, facts))
    return Decision(answer_after=_answer_after(settings, facts))


def refusal(settings: Settings, facts: IncomingFacts) -> str:
    """Return why a call is refused, empty when it is not."""
    if settings.denyIncoming == "button" and settings.DND:
        return "do not disturb"
    if _denied(settings.denyIncoming, facts):
        return f"denyIncoming is {settings.denyIncoming}"
    if not settings.callWaiting and facts.calls:
        return "callWaiting is off and there is a call"
    if settings.maxConcurrentCalls and facts.calls >= settings.maxConcurrentCalls:
        return f"there are {facts.calls} calls already (maxConcurrentCalls)"
    return ""


def _denied(mode: str, facts: IncomingFacts) -> bool:
    user = facts.called_user != facts.account_user
    domain = facts.called_domain.lower() != facts.account_domain.lower()
    remote = facts.caller_domain.lower() != facts.account_domain.lower()
    return {"user": user, "domain": domain, "userdomain": user or domain, "remotedomain": remote,
            "all": True}.get(mode, False)


def _answer_after(settings: Settings, facts: IncomingFacts) -> float | None:
    mode, delay = settings.autoAnswer, float(settings.autoAnswerDelay)
    if mode == "header":
        if facts.asked_delay is None:
            return None
        delay = max(delay, facts.asked_delay)
    elif mode != "all" and not (mode == "button" and settings.AA):
        return None
    if not matches_any(settings.autoAnswerNumber, facts.number):
        return None
    free = {"all": True, "hold": facts.held == facts.calls}.get(settings.autoAnswerCalls, not facts.calls)
    return delay if free else None
