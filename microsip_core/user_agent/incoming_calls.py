"""Carries out the policy for incoming calls: refuses them, rings, and later answers or sends on, if still wanted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from microsip_core.errors import MicrosipError
from microsip_core.sip.auto_answer import answer_after
from microsip_core.user_agent.agent_core import AgentCore
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.call_life import UNANSWERED_INCOMING
from microsip_core.user_agent.incoming_policy import Decision, IncomingFacts
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.states import CallState
from microsip_core.user_agent.target import complete_target


class IncomingCalls:
    """For one user agent. ``before_answer`` is called with a call that is about to be answered by itself;
    ``target_of`` gives what to call for the number that a call is sent on to.
    """

    def __init__(
        self, agent: AgentCore, *, before_answer: Callable[[Call], object] | None = None,
        target_of: Callable[[str, Call], str] | None = None,
    ) -> None:
        self._agent = agent
        self._before_answer = before_answer
        self._target_of = target_of

    def carry_out(self, call: Call, decision: Decision) -> None:
        """Do with an incoming call what was decided."""
        if decision.status is not None:
            LOG.info("%s is refused: %s", call, decision.why)
            call.reject(decision.status)
            return
        after, act = _first(decision)
        if act is None:
            call.ring()
            return
        work = partial(self._answer, call) if act == "answer" else partial(self._forward, call, decision.forward_to)
        if after == 0:
            work()
            return
        call.ring()
        call.cancel_timer()
        call.timer = self._agent.loop.call_later(after, work)  # stopped when the call ends

    def _answer(self, call: Call) -> None:
        if call.state not in UNANSWERED_INCOMING:
            return
        try:
            if self._before_answer is not None:
                self._before_answer(call)
            call.answer()
        except MicrosipError as error:
            LOG.warning("%s could not be answered by itself: %s", call, error)

    def _forward(self, call: Call, to: str) -> None:
        """Send a call on with 302 and, as MicroSIP does, a Diversion header that names us (RFC 5806)."""
        if call.state not in UNANSWERED_INCOMING:
            return
        try:
            domain = call.account.uri.host_port if call.account is not None else address_of(call.local_uri)[2]
            target = complete_target(self._target_of(to, call) if self._target_of is not None else to, domain)
            call.redirect(target, headers=(("Diversion", f"<{call.local_uri}>;reason=unconditional"),))
        except MicrosipError as error:
            LOG.error("%s can not be forwarded to %r: %s", call, to, error)
            if call.state in UNANSWERED_INCOMING:
                call.ring()


def _first(decision: Decision) -> tuple[float, str | None]:
    """Return what comes first, and after how many seconds; sending on goes before answering at the same time."""
    forward, answer = decision.forward_after, decision.answer_after
    if forward is not None and (answer is None or forward <= answer):
        return forward, "forward"
    return (0.0, None) if answer is None else (answer, "answer")


def facts_of(agent: AgentCore, call: Call) -> IncomingFacts:
    """Return what the policy asks about an incoming call."""
    others = [one for one in agent.calls_now if one is not call]
    request, account = call.invite_request, call.account
    user, _, host = address_of(call.remote_uri)
    account_user, _, account_domain = address_of(str(account.uri)) if account is not None else ("", "", "")
    return IncomingFacts(
        number=user.partition(":")[0] or host, caller_domain=host,
        called_user=address_of(request.uri if request is not None else call.local_uri)[0],
        called_domain=address_of(call.local_uri)[2],
        account_user=account_user, account_domain=account_domain,
        calls=len(others), held=sum(one.state is CallState.HELD for one in others),
        asked_delay=answer_after(request) if request is not None else None,
    )


def address_of(uri: str) -> tuple[str, str, str]:
    """Return user, "@" and host of a URI, "[...]" for IPv6, each "" where it is not there. Takes any text of a peer."""
    bare = uri.partition(";")[0].partition("?")[0]
    user, at, host = bare.partition(":")[2].rpartition("@")
    return user, at, host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
