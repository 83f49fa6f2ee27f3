"""Challenges on every method, several realms at once, stale nonces, wrong and missing passwords (RFC 3261 s22)."""

from __future__ import annotations

from typing import Any

import pytest

from microsip_core.sip.digest import parse_credentials
from microsip_core.sip.events import (
    CallAnswered,
    CallEnded,
    CallIncoming,
    CallOfferReceived,
    EndCause,
    RequestReceived,
    ResponseReceived,
)
from microsip_core.sip.identity import Credential
from microsip_core.sip.message import Request
from microsip_core.sip.session.invite_session import InviteSession

from .calls import ANSWER, BOB_URI, OFFER, Phones, one
from .guard import Guard


def guarded(realms: dict[str, int] | None = None, password: str = "secret", **options: Any) -> tuple[Phones, Guard]:
    """Return phones where Bob stands behind a guard, and Alice knows the password."""
    phones = Phones()
    guard = Guard(phones.bob, realms or {"example.com": 401}, **options)
    phones.bob_node.element = guard
    phones.alice.identity.credentials = [Credential("alice", password)]
    return phones, guard


def answer_calls(phones: Phones, guard: Guard) -> None:
    def bob(event: Any, now: float) -> None:
        if isinstance(event, CallIncoming):
            event.session.accept(ANSWER, now)
        elif isinstance(event, CallOfferReceived):
            event.session.answer_offer(ANSWER, now)
        elif isinstance(event, RequestReceived) and event.request.method == "MESSAGE":
            event.incoming.respond(202, now)

    phones.bob_node.on_event = bob


def credentials(request: Request, header: str = "Authorization") -> list[tuple[str, str, int | None]]:
    return [(found.realm, found.nonce, found.nonce_count) for found in map(parse_credentials, request.get_all(header))]


def connect(phones: Phones, guard: Guard) -> InviteSession:
    answer_calls(phones, guard)
    session = phones.alice.invite(BOB_URI, OFFER, phones.now)
    phones.run(1.0)
    one(phones.alice_node, CallAnswered)
    return session


@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_a_challenged_call(status: int, algorithm: str) -> None:
    phones, guard = guarded({"example.com": status}, algorithms=[algorithm])
    session = connect(phones, guard)
    assert guard.challenged == [f"{status} INVITE missing"]
    session.hangup(phones.now)
    phones.run(1.0)
    assert [request.method for request in guard.passed] == ["ACK", "INVITE", "ACK", "BYE"]
    assert [request.cseq.number for request in guard.passed] == [1, 2, 2, 3]
    assert len({request.call_id for request in guard.passed}) == 1
    assert len({request.from_.tag for request in guard.passed}) == 1
    assert guard.challenged == [f"{status} INVITE missing"], "later requests of the dialog authorize themselves"


def test_the_nonce_is_counted_and_the_ack_has_the_credentials_of_its_invite() -> None:
    phones, guard = guarded()
    session = connect(phones, guard)
    session.reinvite(OFFER, phones.now)
    phones.run(1.0)
    session.hangup(phones.now)
    phones.run(1.0)
    methods = [(request.method, credentials(request)) for request in guard.passed[1:]]
    nonce = methods[0][1][0][1]
    assert methods == [
        ("INVITE", [("example.com", nonce, 1)]),
        ("ACK", [("example.com", nonce, 1)]),
        ("INVITE", [("example.com", nonce, 2)]),
        ("ACK", [("example.com", nonce, 2)]),
        ("BYE", [("example.com", nonce, 3)]),
    ]


@pytest.mark.parametrize("status", [401, 407])
def test_every_method_is_challenged_when_nonces_serve_once(status: int) -> None:
    phones, guard = guarded({"example.com": status}, nonce_lifetime=0.5)
    session = connect(phones, guard)
    session.reinvite(OFFER, phones.now)
    phones.run(1.0)
    session.refresh("UPDATE", phones.now)
    phones.run(1.0)
    info = session.send_request("INFO", phones.now, body=b"Signal=5", content_type="application/dtmf-relay")
    phones.run(0.1)
    phones.bob_node.events[-1].incoming.respond(200, phones.now)
    phones.run(1.0)
    session.hangup(phones.now)
    phones.run(1.0)
    assert guard.challenged == [
        f"{status} INVITE missing",
        f"{status} INVITE stale",
        f"{status} UPDATE stale",
        f"{status} INFO stale",
        f"{status} BYE stale",
    ]
    answered = one(phones.alice_node, ResponseReceived)
    assert (answered.request, answered.status) == (info, 200)
    assert one(phones.bob_node, CallEnded).by == "remote"
    phones.run()


def test_a_callee_answers_challenges_to_its_bye() -> None:
    """RFC 3261 s22: a BYE may be challenged like any other request; the callee uses the account that was called."""
    phones = Phones()
    guard = Guard(phones.alice, {"example.com": 407})
    phones.alice_node.element = guard
    phones.bob.identity.credentials = [Credential("bob", "secret", realm="example.com")]
    phones.call()
    phones.run(0.05)
    bob = one(phones.bob_node, CallIncoming).session
    bob.accept(ANSWER, phones.now)
    phones.run(1.0)
    bob.hangup(phones.now)
    phones.run(1.0)
    assert guard.challenged == ["407 BYE missing"]
    assert [(request.method, request.cseq.number) for request in guard.passed] == [("BYE", 2)]
    assert one(phones.alice_node, CallEnded).by == "remote"


def test_several_realms_one_after_the_other() -> None:
    phones, guard = guarded({"proxy-a": 407, "proxy-b": 407, "example.com": 401})
    session = connect(phones, guard)
    assert guard.challenged == ["407 INVITE missing", "407 INVITE missing", "401 INVITE missing"]
    session.hangup(phones.now)
    phones.run(1.0)
    bye = guard.passed[-1]
    assert bye.method == "BYE"
    assert sorted(realm for realm, _, _ in credentials(bye, "Proxy-Authorization")) == ["proxy-a", "proxy-b"]
    assert [realm for realm, _, _ in credentials(bye)] == ["example.com"]


@pytest.mark.parametrize("realms", [
    {"proxy-a": 407, "proxy-b": 407}, {"example.com": 401, "example.net": 401}, {"proxy-a": 407, "example.com": 401},
    {"example.com": 401, "proxy-a": 407, "proxy-b": 407},
])
def test_several_realms_in_one_response(realms: dict[str, int]) -> None:
    """RFC 3261 s16.7: a forking proxy puts the challenges of all branches into one; s22.3: all are answered at once."""
    phones, guard = guarded(realms, together=True)
    session = connect(phones, guard)
    assert guard.challenged == [f"{status} INVITE missing" for status in realms.values()]
    session.hangup(phones.now)
    phones.run(1.0)
    invite, bye = guard.passed[-3], guard.passed[-1]
    for request, count in ((invite, 1), (bye, 2)):
        found = [*credentials(request, "Proxy-Authorization"), *credentials(request)]
        assert sorted((realm, nc) for realm, _, nc in found) == sorted((realm, count) for realm in realms)
    assert (invite.cseq.number, bye.method, bye.cseq.number) == (2, "BYE", 3)


def test_a_stale_nonce_is_replaced_and_counted_from_one() -> None:
    phones, guard = guarded(nonce_lifetime=2.0)
    session = connect(phones, guard)
    session.reinvite(OFFER, phones.now)
    phones.run(3.0)
    session.reinvite(OFFER, phones.now)
    phones.run(0.5)
    session.hangup(phones.now)
    phones.run(0.5)
    assert guard.challenged == ["401 INVITE missing", "401 INVITE stale"]
    counted = [
        (found[1], found[2]) for request in guard.passed if request.method != "ACK" for found in credentials(request)
    ]
    first, second = counted[0][0], counted[-1][0]
    assert first != second
    assert counted == [(first, 1), (first, 2), (second, 1), (second, 2)]


def test_auth_int_covers_the_body() -> None:
    phones, guard = guarded(qop=("auth-int",))
    connect(phones, guard)
    assert guard.challenged == ["401 INVITE missing"]


def test_a_wrong_password_is_tried_once() -> None:
    phones, guard = guarded(password="wrong")
    answer_calls(phones, guard)
    phones.call()
    phones.run()
    assert guard.challenged == ["401 INVITE missing", "401 INVITE refused"]
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.status, ended.by) == (EndCause.AUTHENTICATION, 401, "remote")


@pytest.mark.parametrize("known", [[], [Credential("alice", "secret", realm="elsewhere")]])
def test_no_credentials_for_the_realm(known: list[Credential]) -> None:
    phones, guard = guarded()
    phones.alice.identity.credentials = known
    phones.call()
    phones.run()
    assert guard.challenged == ["401 INVITE missing"]
    assert one(phones.alice_node, CallEnded).cause is EndCause.AUTHENTICATION


def test_a_callback_gives_credentials_by_realm() -> None:
    phones, guard = guarded()
    asked = []

    def look_up(realm: str, user: str) -> Credential | None:
        asked.append((realm, user))
        return Credential("alice", "secret")

    phones.alice.identity.credentials = look_up
    connect(phones, guard)
    assert asked == [("example.com", "alice")]


def test_a_challenge_that_can_not_be_answered_ends_the_call() -> None:
    phones = Phones()
    phones.alice.identity.credentials = [Credential("alice", "secret")]
    phones.call()
    phones.run(0.05)
    one(phones.bob_node, CallIncoming).session.reject(
        401, phones.now, headers=[("WWW-Authenticate", 'Digest realm="x", nonce="1", algorithm=WHIRLPOOL')]
    )
    phones.run()
    assert one(phones.alice_node, CallEnded).cause is EndCause.AUTHENTICATION


def test_a_call_canceled_while_it_is_challenged_is_not_repeated() -> None:
    phones, guard = guarded()
    answer_calls(phones, guard)
    session = phones.call()
    session.hangup(phones.now)
    phones.run()
    assert phones.flow() == ["a->b INVITE", "b->a 401 INVITE", "a->b ACK"]
    assert one(phones.alice_node, CallEnded).cause is EndCause.CANCELED


def test_nonces_of_a_proxy_serve_other_requests_to_it_but_not_elsewhere() -> None:
    phones, guard = guarded({"proxy": 407})
    carol = phones.network.endpoint("carol", "10.0.0.3")
    connect(phones, guard)
    phones.alice.request("MESSAGE", BOB_URI, phones.now, body=b"hi", content_type="text/plain")
    phones.alice.request("MESSAGE", "sip:carol@10.0.0.3", phones.now, body=b"hi", content_type="text/plain")
    phones.run(1.0)
    assert guard.challenged == ["407 INVITE missing"]
    assert credentials(guard.passed[-1], "Proxy-Authorization")[0][2] == 2
    assert "Proxy-Authorization" not in carol.events[0].request


def test_nonces_of_a_callee_do_not_leave_the_dialog() -> None:
    phones, guard = guarded()
    connect(phones, guard)
    phones.alice.request("OPTIONS", BOB_URI, phones.now)
    phones.run(1.0)
    assert guard.challenged == ["401 INVITE missing", "401 OPTIONS missing"]
    assert one(phones.alice_node, ResponseReceived).status == 200


def test_a_next_nonce_is_taken() -> None:
    phones, guard = guarded()
    session = connect(phones, guard)
    info = session.send_request("INFO", phones.now)
    phones.run(0.05)
    fresh = guard.realms["example.com"][1]._issue(phones.now)
    phones.bob_node.events[-1].incoming.respond(
        200, phones.now, headers=[("Authentication-Info", f'nextnonce="{fresh}", qop=auth')]
    )
    phones.run(0.05)
    assert one(phones.alice_node, ResponseReceived).request is info
    session.hangup(phones.now)
    phones.run(1.0)
    assert credentials(guard.passed[-1]) == [("example.com", fresh, 1)]
    assert guard.challenged == ["401 INVITE missing"]
