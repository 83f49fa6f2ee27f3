"""Who calls and for whom it was first, as the headers say, and the headers that ask for an automatic answer."""

from __future__ import annotations

import pytest

from microsip_core.sip import builder
from microsip_core.sip.auto_answer import answer_after, request_headers
from microsip_core.sip.caller_identity import (
    Caller,
    Diversion,
    HistoryEntry,
    caller_of,
    diversions_of,
    history_of,
    privacy_of,
)
from microsip_core.sip.message import Request
from microsip_core.sip.session.reason import Reason, reason_of, reasons_of

FROM = Caller("sip:a@example.com", "Alice")


def invite(*headers: tuple[str, str]) -> Request:
    return builder.request(
        "INVITE", "sip:bob@example.com", via="SIP/2.0/UDP h;branch=z9hG4bK1", from_='"Alice" <sip:a@example.com>;tag=1',
        to="<sip:bob@example.com>", call_id="c", cseq=1, headers=headers,
    )


@pytest.mark.parametrize(("headers", "expected"), [
    ([], FROM),
    ([("P-Asserted-Identity", '"Boss" <sip:+1@example.net>')],
     Caller("sip:+1@example.net", "Boss", "P-Asserted-Identity")),
    ([("P-Asserted-Identity", "<tel:+1>, <sip:+1@h>")], Caller("sip:+1@h", "", "P-Asserted-Identity")),
    ([("P-Asserted-Identity", "tel:+1")], Caller("tel:+1", "", "P-Asserted-Identity")),
    ([("P-Asserted-Identity", "<broken")], FROM),
    ([("Remote-Party-ID", "\"J\" <sip:j@h>;party=calling;privacy=off;screen=yes")],
     Caller("sip:j@h", "J", "Remote-Party-ID")),
    ([("Remote-Party-ID", "<sip:j@h>;party=called")], FROM),
    ([("Remote-Party-ID", "<sip:j@h>;screen=no")], FROM),
    ([("Remote-Party-ID", "<sip:j@h>"), ("P-Asserted-Identity", "<sip:k@h>")],
     Caller("sip:k@h", "", "P-Asserted-Identity")),
])
def test_caller_is_who_a_trusted_peer_says(headers: list[tuple[str, str]], expected: Caller) -> None:
    assert caller_of(invite(*headers), trusted=True) == expected
    assert caller_of(invite(*headers), trusted=False) == FROM


def test_privacy() -> None:
    assert privacy_of(invite()) == privacy_of(invite(("Privacy", "none"))) == frozenset()
    assert privacy_of(invite(("Privacy", "ID; critical"))) == {"id", "critical"}


def test_diversions_are_read_and_written() -> None:
    values = ("<sip:b@h>;reason=user-busy;counter=2", '"C" <sip:c@h>;reason="no-answer"', "<broken",
              "<sip:d@h>;counter=x")
    found = diversions_of(invite(("Diversion", ", ".join(values[:2])), *(("Diversion", one) for one in values[2:])))
    assert found == (
        Diversion("sip:b@h", "", "user-busy", 2), Diversion("sip:c@h", "C", "no-answer"), Diversion("sip:d@h"),
    )
    assert str(found[0]) == "<sip:b@h>;reason=user-busy;counter=2"
    assert len(diversions_of(invite(*(("Diversion", f"<sip:{number}@h>") for number in range(50))))) == 10


def test_history_is_read_and_written() -> None:
    entries = (
        HistoryEntry("sip:b@h", "1", (Reason("SIP", 302),)),
        HistoryEntry("sip:c@h;user=phone", "1.1", (Reason("SIP", 486, "Busy; here"), Reason("Q.850", 17)), "mp=1"),
        HistoryEntry("tel:+1", "1.2"),
    )
    assert history_of(invite(*(("History-Info", str(entry)) for entry in entries))) == entries
    assert str(entries[0]) == "<sip:b@h?Reason=SIP%3Bcause%3D302>;index=1"
    assert history_of(invite(("History-Info", "<nothing"), ("History-Info", "<sip:x@h>"))) == (
        HistoryEntry("sip:x@h", ""),
    )


def test_reasons_are_read_and_written() -> None:
    values = ('Q.850;cause=16;text="a, \\"b\\""', "SIP ;cause=200;text=plain, preemption")
    message = invite(*(("Reason", value) for value in values))
    assert reasons_of(message) == (Reason("Q.850", 16, 'a, "b"'), Reason("SIP", 200, "plain"), Reason("preemption"))
    assert reason_of(message) == (200, "plain")
    assert [Reason.parse(str(reason)) for reason in reasons_of(message)] == list(reasons_of(message))
    assert reasons_of(invite(("Reason", "SIP;cause=12345;cause=x"))) == (Reason("SIP"),)
    assert reason_of(invite()) == (0, "")


@pytest.mark.parametrize(("name", "value", "delay"), [
    ("Call-Info", "<sip:example.com>;answer-after=0", 0.0),
    ("Call-Info", "<sip:a>, <sip:b>; Answer-After = 5", 5.0),
    ("Call-Info", "<sip:a>; Auto Answer", 0.0),
    ("Call-Info", "<sip:a>;answer-after=never", None),
    ("Call-Info", "<sip:a>;answer-after=99999", None),
    ("Call-Info", "<sip:answer-after=3>", None),
    ("Alert-Info", "<http://h>;info=alert-autoanswer;delay=0", 0.0),
    ("Alert-Info", "<http://h>;info=alert-autoanswer;delay=3", 3.0),
    ("Alert-Info", 'info="Ring-Answer"', 0.0),
    ("Alert-Info", "Ring Answer", None),
    ("Alert-Info", "<sip:h>;info=intercom", 0.0),
    ("Alert-Info", "<sip:h>;intercom=true", 0.0),
    ("Alert-Info", "<http://h/ring.wav>", None),
    ("X-AUTOANSWER", " TRUE ", 0.0),
    ("X-AutoAnswer", "0", None),
    ("P-Auto-Answer", "normal", 0.0),
    ("Answer-Mode", "Auto;require", 0.0),
    ("Answer-Mode", "Manual", None),
    ("Priv-Answer-Mode", "auto", 0.0),
    ("Subject", "auto answer", None),
])
def test_wish_to_be_answered_automatically(name: str, value: str, delay: float | None) -> None:
    assert answer_after(invite((name, value))) == delay


@pytest.mark.parametrize("delay", [0.0, 7.0])
def test_the_wish_we_write_is_understood(delay: float) -> None:
    for header in request_headers(delay, "example.com:5070"):
        assert answer_after(invite(header)) == delay
