"""What becomes of an incoming call by the settings: refused, sent on, answered by itself, or it rings."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.config.masks import matches_any
from microsip_core.config.settings import Settings

BUSY_HERE = 486


@dataclass(frozen=True, slots=True)
class IncomingFacts:
    """What is known of an incoming call. The account's fields are empty for a call to none.

    ``calls`` are the other calls there are, ``held`` those of them on hold. ``auto_answer`` and ``call_info`` are the
    values of the X-AUTOANSWER and Call-Info headers.
    """

    number: str = ""
    caller_domain: str = ""
    called_user: str = ""
    called_domain: str = ""
    account_user: str = ""
    account_domain: str = ""
    calls: int = 0
    held: int = 0
    auto_answer: str = ""
    call_info: tuple[str, ...] = ()


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
        asked = _asked_delay(facts)
        if asked is None:
            return None
        delay = max(delay, asked)
    elif mode != "all" and not (mode == "button" and settings.AA):
        return None
    if not matches_any(settings.autoAnswerNumber, facts.number):
        return None
    free = {"all": True, "hold": facts.held == facts.calls}.get(settings.autoAnswerCalls, not facts.calls)
    return delay if free else None


def _asked_delay(facts: IncomingFacts) -> float | None:
    """Return the seconds after which the caller's headers ask for an answer, None when they do not."""
    if facts.auto_answer.strip().lower() in ("true", "1"):
        return 0.0
    for value in facts.call_info:
        lowered = value.lower()
        if "answer-after=" in lowered:
            digits = lowered.partition("answer-after=")[2].split(";")[0].split(",")[0].strip(' "')
            if digits.isascii() and digits.isdigit() and len(digits) < 5:
                return float(digits)
        if "auto answer" in lowered:
            return 0.0
    return None
