"""What becomes of an incoming call by itself: refused, sent on, answered, or it rings. A table of decisions, no act."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.errors import InvalidArgument
from microsip_core.user_agent.number_masks import matches_any

BUSY_HERE = 486
DENY_MODES = ("off", "user", "domain", "userdomain", "remotedomain", "all")
FORWARD_MODES = ("off", "all", "busy", "no_answer")
ANSWER_MODES = ("off", "header", "all")
ANSWER_WHILE = ("idle", "hold", "all")
LONGEST_DELAY = 3600.0
"""Seconds that a call may ring before it is answered or sent on by itself."""


@dataclass(frozen=True, slots=True)
class IncomingPolicy:
    """What to do with incoming calls.

    ``dnd`` refuses all of them with 486, ``deny`` those to another user or domain than the account's, to either of
    them ("userdomain"), from another domain, or all. ``call_waiting`` False refuses a call while there is another one,
    ``max_calls`` when there are so many, 0 for no limit.
    ``forward`` sends calls on with 302 to ``forward_to``, a number or URI: "all" after ``forward_delay`` seconds of
    ringing, "no_answer" the same, "busy" at once while there is another call.
    ``auto_answer`` answers "all", or those whose caller asks for it ("header"), after ``answer_delay`` seconds at
    least, if the number is like one of the masks in ``answer_numbers`` (``555*;+4930?``, empty for every one), and
    while there is no other call ("idle"), also while all others are on hold ("hold"), or always ("all").
    """

    dnd: bool = False
    deny: str = "off"
    call_waiting: bool = True
    max_calls: int = 0
    forward: str = "off"
    forward_to: str = ""
    forward_delay: float = 0.0
    auto_answer: str = "off"
    answer_delay: float = 0.0
    answer_numbers: str = ""
    answer_while: str = "idle"

    def __post_init__(self) -> None:
        """Raise InvalidArgument for a mode that there is not, or a delay outside of 0 to 3600 seconds."""
        for name, known in (("deny", DENY_MODES), ("forward", FORWARD_MODES), ("auto_answer", ANSWER_MODES),
                            ("answer_while", ANSWER_WHILE)):
            if getattr(self, name) not in known:
                raise InvalidArgument(f"{name} is {getattr(self, name)!r}", step="set the policy",
                                      remedy=f"It is one of {', '.join(known)}")
        for name in ("forward_delay", "answer_delay"):
            if not 0 <= getattr(self, name) <= LONGEST_DELAY:
                raise InvalidArgument(f"{name} is {getattr(self, name)!r}", step="set the policy",
                                      remedy=f"It is 0 to {LONGEST_DELAY:g} seconds")


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


def decide(policy: IncomingPolicy, facts: IncomingFacts) -> Decision:
    """Decide on an incoming call."""
    forwards = policy.forward != "off" and policy.forward_to
    busy = policy.forward == "busy"
    if forwards and busy and facts.calls and not _unwanted(policy, facts):
        return Decision(forward_after=0.0, forward_to=policy.forward_to)
    why = _unwanted(policy, facts) or _too_many(policy, facts)
    if why:
        return Decision(BUSY_HERE, why)
    answer_after = _answer_after(policy, facts)
    if forwards and not busy:
        return Decision(forward_after=policy.forward_delay, forward_to=policy.forward_to, answer_after=answer_after)
    return Decision(answer_after=answer_after)


def _unwanted(policy: IncomingPolicy, facts: IncomingFacts) -> str:
    """Return why nobody is to be asked about a call, empty when somebody is."""
    if policy.dnd:
        return "do not disturb"
    return f"calls are denied ({policy.deny})" if _denied(policy.deny, facts) else ""


def _too_many(policy: IncomingPolicy, facts: IncomingFacts) -> str:
    if not policy.call_waiting and facts.calls:
        return "call waiting is off and there is a call"
    if policy.max_calls and facts.calls >= policy.max_calls:
        return f"there are {facts.calls} calls already"
    return ""


def _denied(mode: str, facts: IncomingFacts) -> bool:
    user = facts.called_user != facts.account_user
    domain = facts.called_domain.lower() != facts.account_domain.lower()
    remote = facts.caller_domain.lower() != facts.account_domain.lower()
    return {"user": user, "domain": domain, "userdomain": user or domain, "remotedomain": remote,
            "all": True}.get(mode, False)


def _answer_after(policy: IncomingPolicy, facts: IncomingFacts) -> float | None:
    delay = policy.answer_delay
    if policy.auto_answer == "off":
        return None
    if policy.auto_answer == "header":
        if facts.asked_delay is None:
            return None
        delay = max(delay, facts.asked_delay)
    if not matches_any(policy.answer_numbers, facts.number):
        return None
    free = {"all": True, "hold": facts.held == facts.calls}.get(policy.answer_while, not facts.calls)
    return delay if free else None
