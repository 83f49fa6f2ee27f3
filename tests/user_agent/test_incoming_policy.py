"""Who sends what is taken apart, and the policy beyond what MicroSIP's settings can say."""

from __future__ import annotations

import pytest

from microsip_core.errors import InvalidArgument
from microsip_core.user_agent.incoming_calls import address_of
from microsip_core.user_agent.incoming_policy import Decision, IncomingFacts, IncomingPolicy, decide


@pytest.mark.parametrize(("uri", "parts"), [
    ("sip:bob@pbx:5070;transport=tcp?x=y", ("bob", "@", "pbx")), ("sip:[::1]:5060", ("", "", "[::1]")),
    ("sip:bob@[2001:db8::1]", ("bob", "@", "[2001:db8::1]")), ("", ("", "", "")), ("nonsense", ("", "", "")),
])
def test_addresses(uri: str, parts: tuple[str, str, str]) -> None:
    assert address_of(uri) == parts


@pytest.mark.parametrize(("policy", "calls", "decision"), [
    (IncomingPolicy(forward="busy", forward_to="200"), 0, Decision()),
    (IncomingPolicy(forward="busy", forward_to="200"), 1, Decision(forward_after=0.0, forward_to="200")),
    (IncomingPolicy(forward="busy", forward_to="200", call_waiting=False), 1,
     Decision(forward_after=0.0, forward_to="200")),
    (IncomingPolicy(forward="busy", forward_to="200", dnd=True), 1, Decision(486, "do not disturb")),
    (IncomingPolicy(forward="no_answer", forward_to="200", forward_delay=5), 0,
     Decision(forward_after=5, forward_to="200")),
    (IncomingPolicy(forward="all"), 0, Decision()),
])
def test_calls_sent_on(policy: IncomingPolicy, calls: int, decision: Decision) -> None:
    assert decide(policy, IncomingFacts(calls=calls)) == decision


@pytest.mark.parametrize("wrong", [
    {"deny": "some"}, {"forward": "yes"}, {"auto_answer": "1"}, {"answer_while": ""}, {"answer_delay": -1},
    {"forward_delay": 1e9}, {"forward_delay": float("nan")},
])
def test_a_policy_that_can_not_be(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        IncomingPolicy(**wrong)  # type: ignore[arg-type]
