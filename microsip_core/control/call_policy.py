"""The policy for incoming calls that the configuration asks for."""

from __future__ import annotations

from microsip_core.config.settings import Settings
from microsip_core.user_agent.incoming_policy import Decision, IncomingFacts, IncomingPolicy
from microsip_core.user_agent.incoming_policy import decide as decide_by

__all__ = ["Decision", "IncomingFacts", "decide", "policy_of"]


def policy_of(settings: Settings) -> IncomingPolicy:
    """Return the policy; a mode that is `button` goes by its button (DND, FWD, AA)."""
    forwards = settings.forwarding == "all" or (settings.forwarding == "button" and settings.FWD)
    answers = settings.autoAnswer == "all" or (settings.autoAnswer == "button" and settings.AA)
    return IncomingPolicy(
        dnd=settings.denyIncoming == "button" and settings.DND,
        deny="off" if settings.denyIncoming in ("", "button") else settings.denyIncoming,
        call_waiting=settings.callWaiting, max_calls=settings.maxConcurrentCalls,
        forward="all" if forwards else "off", forward_to=settings.forwardingNumber,
        forward_delay=float(settings.forwardingDelay),
        auto_answer="header" if settings.autoAnswer == "header" else "all" if answers else "off",
        answer_delay=float(settings.autoAnswerDelay), answer_numbers=settings.autoAnswerNumber,
        answer_while=settings.autoAnswerCalls or "idle",
    )


def decide(settings: Settings, facts: IncomingFacts) -> Decision:
    """Decide on an incoming call."""
    return decide_by(policy_of(settings), facts)
