"""The Contact of an anonymous call does not tell who calls, in any request of its dialog (RFC 3323 s4.1)."""

from __future__ import annotations

import pytest

from microsip_core.sip.header_values import NameAddr
from microsip_core.sip.reach import Grant

from .calls import BOB_URI, OFFER
from .test_authentication import answer_calls, guarded


@pytest.mark.parametrize(("temporary", "contact"), [
    ("", "<sip:10.0.0.1:5060>"),
    ("sip:tgruu.7@example.com;gr", "<sip:tgruu.7@example.com;gr>"),
])
def test_no_request_of_an_anonymous_call_tells_who_calls(temporary: str, contact: str) -> None:
    phones, guard = guarded()
    phones.alice.identity.reach.grant = Grant(public_gruu="sip:alice@example.com;gr=1", temporary_gruu=temporary)
    answer_calls(phones, guard)
    shown = NameAddr("Anonymous", "sip:anonymous@anonymous.invalid")
    session = phones.alice.invite(BOB_URI, OFFER, phones.now, from_address=shown)
    phones.run(1.0)
    session.reinvite(OFFER, phones.now)
    phones.run(1.0)
    session.refresh("UPDATE", phones.now)
    phones.run(1.0)
    session.transfer("sip:carol@example.com", phones.now)
    phones.run(1.0)
    seen = {request.method: request.get("Contact") for request in guard.passed if "Contact" in request}
    assert seen == dict.fromkeys(("INVITE", "UPDATE", "REFER"), contact)
