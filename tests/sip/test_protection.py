"""The password of an account answers its own servers only; and a password may be asked for when it is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from microsip_core.sip.events import CallAnswered, CallEnded, EndCause, ResponseReceived
from microsip_core.sip.hop import Hop, Source
from microsip_core.sip.identity import Credential, Identity, PendingCredential
from microsip_core.sip.protection import is_own_server

from .calls import BOB_URI, OFFER, one
from .guard import Guard
from .test_authentication import answer_calls, connect, credentials, guarded

KNOWN = {Hop("UDP", "sip.example.net"): [("198.51.100.1", 5062)]}


@pytest.mark.parametrize(
    ("hop", "own"),
    [
        (Hop("UDP", "sip.example.net"), True),
        (Hop("TLS", "SIP.example.net", 5061), True),
        (Hop("UDP", "edge7.sip.example.net", 5070), True),
        (Hop("UDP", "example.com"), True),  # the domain
        (Hop("TCP", "192.0.2.1", 5080), True),  # the proxy, on another port
        (Hop("UDP", "203.0.113.5"), True),  # the route the registrar gave
        (Hop("UDP", "198.51.100.1", 5062), True),  # what the registrar's name stands for
        (Hop("UDP", "198.51.100.2", 5062), False),
        (Hop("UDP", "evilsip.example.net"), False),
        (Hop("UDP", "example.net"), False),
        (Hop("UDP", "192.0.2.10"), False),
        (Hop("UDP", "127.0.0.1", 5060), False),
    ],
)
def test_which_servers_are_the_accounts(hop: Hop, own: bool) -> None:
    identity = Identity(
        "sip:alice@example.com", routes=("sip:192.0.2.1;lr",), service_route=("<sip:203.0.113.5;lr>",),
        servers=("sip:sip.example.net", "sip:example.com"),
    )
    assert is_own_server(identity, hop, None, lambda asked: KNOWN.get(asked, [])) is own
    assert is_own_server(Identity("sip:alice@example.com"), hop, None, None)


@pytest.mark.parametrize(("port", "own"), [(5070, True), (5071, False), (None, False)])
def test_servers_of_this_machine_are_told_apart_by_port(port: int | None, own: bool) -> None:
    identity = Identity("sip:alice@example.com", servers=("sip:127.0.0.1:5070",))
    assert is_own_server(identity, Hop("UDP", "127.0.0.1", port), None, None) is own
    assert is_own_server(identity, Hop("TCP", "192.0.2.9"), Source("TCP", "127.0.0.1", 5070, ("127.0.0.1", 1)), None)


@pytest.mark.parametrize("status", [401, 407])
def test_a_called_stranger_gets_no_digest(status: int) -> None:
    phones, guard = guarded({"example.com": status})
    phones.alice.identity.servers = ("sip:10.0.0.9",)
    answer_calls(phones, guard)
    phones.call()
    phones.alice.request("MESSAGE", BOB_URI, phones.now)
    phones.run()
    assert sorted(guard.challenged) == [f"{status} INVITE missing", f"{status} MESSAGE missing"]
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.status, ended.reason) == (
        EndCause.AUTHENTICATION, status, "the password is not for whoever asked",
    )
    assert one(phones.alice_node, ResponseReceived).cause is EndCause.AUTHENTICATION


def test_a_credential_for_a_realm_goes_to_whoever_asks_for_that() -> None:
    phones, guard = guarded()
    phones.alice.identity.servers = ("sip:10.0.0.9",)
    phones.alice.identity.credentials = [Credential("alice", "secret", realm="example.com")]
    connect(phones, guard)


def test_the_ack_and_bye_past_the_server_take_no_digest_along() -> None:
    """The server that challenged the INVITE keeps out of the dialog: the peer itself gets what follows."""
    phones, guard = guarded()
    session = connect(phones, guard)
    phones.alice.identity.servers = ("sip:10.0.0.9",)
    session.hangup(phones.now)
    phones.run(0.05)
    phones.run()
    assert [request.method for request in guard.passed if credentials(request)] == ["INVITE", "ACK"]
    assert "401 BYE missing" in guard.challenged


class Asking:
    """A source of credentials that takes its time."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, PendingCredential]] = []

    def __call__(self, realm: str, user: str) -> PendingCredential:
        self.asked.append((realm, PendingCredential()))
        return self.asked[-1][1]


def waiting_call(realms: dict[str, int] | None = None) -> tuple[Any, Any, Asking, Any]:
    phones, guard = guarded(realms)
    asking = phones.alice.identity.credentials = Asking()
    answer_calls(phones, guard)
    session = phones.alice.invite(BOB_URI, OFFER, phones.now)
    phones.run(1.0)
    return phones, guard, asking, session


def test_a_call_waits_for_the_password_somebody_types() -> None:
    phones, guard, asking, _ = waiting_call()
    phones.run(20.0)
    assert guard.challenged == ["401 INVITE missing"]
    ((realm, pending),) = asking.asked
    assert realm == "example.com"
    pending.settle(Credential("alice", "secret"), phones.now)
    phones.run(1.0)
    one(phones.alice_node, CallAnswered)
    assert len(asking.asked) == 1


def test_nobody_types_a_password() -> None:
    phones, guard, asking, _ = waiting_call()
    asking.asked[0][1].settle(None, phones.now)
    phones.run()
    assert guard.challenged == ["401 INVITE missing"]
    assert one(phones.alice_node, CallEnded).cause is EndCause.AUTHENTICATION


def test_a_call_canceled_while_the_password_is_typed_is_over() -> None:
    phones, guard, asking, session = waiting_call()
    session.hangup(phones.now)
    asking.asked[0][1].settle(Credential("alice", "secret"), phones.now)
    phones.run()
    assert one(phones.alice_node, CallEnded).cause is EndCause.CANCELED
    assert guard.challenged == ["401 INVITE missing"]
    phones.end()


def test_two_realms_of_one_response_are_both_asked_for() -> None:
    phones, guard, asking, _ = waiting_call({"proxy-a": 407, "proxy-b": 407})
    while len(guard.challenged) < 3 and asking.asked and not asking.asked[-1][1].settled:
        asking.asked[-1][1].settle(Credential("alice", "secret"), phones.now)
        phones.run(1.0)
    one(phones.alice_node, CallAnswered)
    assert [realm for realm, _ in asking.asked] == ["proxy-a", "proxy-b"]


BOB_HOST = "sip:10.0.0.2"


@pytest.mark.parametrize(
    ("realm", "status", "realms", "routes", "answered"),
    [
        ("evil-chosen", 401, {"asterisk"}, (), False),
        ("evil-chosen", 401, {"asterisk"}, (f"{BOB_HOST};lr",), False),
        ("evil-chosen", 401, (), (f"{BOB_HOST};lr",), False),  # never registered: who asks is behind the proxy
        ("Asterisk", 401, {"asterisk"}, (f"{BOB_HOST};lr",), True),  # the registrar is a B2BUA
        ("10.0.0.2", 401, {"asterisk"}, (), True),
        ("asterisk", 401, (), (), True),  # never registered: the provider itself is asked
        ("proxy", 407, {"asterisk"}, (f"{BOB_HOST};lr",), True),
    ],
)
def test_a_called_party_behind_our_server_gets_no_digest_for_a_realm_of_its_own(
    realm: str, status: int, realms: Any, routes: tuple[str, ...], answered: bool,
) -> None:
    phones, guard = guarded({realm: status})
    identity = phones.alice.identity
    identity.servers, identity.routes, identity.realms = (BOB_HOST,), routes, frozenset(realms)
    answer_calls(phones, guard)
    phones.call()
    phones.run(1.0)
    assert any(credentials(request, header) for request in guard.passed
               for header in ("Authorization", "Proxy-Authorization")) is answered
    if not answered:
        assert one(phones.alice_node, CallEnded).reason == "the password is not for whoever asked"


def test_a_callee_that_challenges_our_bye_gets_no_digest() -> None:
    phones, guard = guarded({"asterisk": 401})
    identity = phones.alice.identity
    identity.servers, identity.realms = (BOB_HOST,), frozenset({"asterisk"})
    session = connect(phones, guard)
    guard.realms = Guard(phones.bob, {"evil-chosen": 401}).realms
    session.hangup(phones.now)
    phones.run(1.0)
    assert guard.challenged == ["401 INVITE missing", "401 BYE missing"]
    phones.run()
