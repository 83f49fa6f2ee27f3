"""The call flows of RFC 3665, on a good link message by message, and over links that lose, repeat and reorder."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from microsip_core.server.auth import ChallengeMode
from microsip_core.sip.events import (
    CallOfferAnswered,
    CallProgress,
    EndCause,
    RegistrationFailed,
    RegistrationRemoved,
    RegistrationSucceeded,
)
from microsip_core.sip.identity import Credential
from microsip_core.sip.session.session_state import SessionState

from .calls import OFFER
from .flow_world import GOOD, LINKS, World, ladder, redirect_to, response_of
from .virtual_network import Link

ALICE, BOB, FIRST, SECOND, OTHER = "127.0.1.1", "127.0.1.2", "127.0.1.10", "127.0.1.20", "127.0.1.30"
Flow = Callable[[World], str | None]


def direct(world: World) -> None:
    world.phone("alice", ALICE)
    world.phone("bob", BOB)


def through_two_proxies(world: World, challenge: ChallengeMode = ChallengeMode.NONE) -> None:
    """Alice's proxy is the first, Bob's the second; Bob is registered there."""
    world.proxy("p1", FIRST, ChallengeMode.INVITE)
    world.proxy("p2", SECOND, challenge)
    world.phone("alice", ALICE, route=FIRST, domain=FIRST)
    world.phone("bob", BOB, route=SECOND, domain=SECOND)
    world.register("bob", registrar=SECOND)


# -- section 2: registration


def successful_registration(world: World) -> str:
    """2.1."""
    world.proxy("p", FIRST, ChallengeMode.REGISTER)
    bob = world.phone("bob", BOB, domain=FIRST)
    bob.endpoint.register(bob.endpoint.identity, f"sip:{FIRST}", world.now)
    world.until(lambda: bool(bob.of(RegistrationSucceeded)))
    return "bob->p REGISTER\np->bob 401 REGISTER\nbob->p REGISTER\np->bob 200 REGISTER"


def update_of_contact_list(world: World) -> str:
    """2.2."""
    world.proxy("p", FIRST)
    world.phone("bob", BOB, domain=FIRST)
    world.register("bob", registrar=FIRST)
    second = world.phone("bob2", OTHER, domain=FIRST)
    second.endpoint.register(second.endpoint.identity, f"sip:{FIRST}", world.now)
    world.until(lambda: bool(second.of(RegistrationSucceeded)))
    hosts = {contact.sip_uri.host for contact in second.of(RegistrationSucceeded)[0].response.contacts}
    assert hosts == {BOB, OTHER}
    return "bob2->p REGISTER\np->bob2 200 REGISTER"


def request_for_current_contact_list(world: World) -> str:
    """2.3."""
    world.proxy("p", FIRST)
    bob = world.phone("bob", BOB, domain=FIRST)
    world.register("bob", registrar=FIRST)
    bob.endpoint.request("REGISTER", f"sip:{FIRST}", world.now, to=f"<{bob.endpoint.identity.aor}>")
    assert [contact.sip_uri.host for contact in response_of(bob).contacts] == [BOB]
    return "bob->p REGISTER\np->bob 200 REGISTER"


def cancellation_of_registration(world: World) -> str:
    """2.4."""
    world.proxy("p", FIRST)
    bob = world.phone("bob", BOB, domain=FIRST)
    world.register("bob", registrar=FIRST)
    (registration,) = bob.endpoint.registrations
    registration.unregister(world.now)
    world.until(lambda: bool(bob.of(RegistrationRemoved)))
    return "bob->p REGISTER\np->bob 200 REGISTER"


def unsuccessful_registration(world: World) -> str:
    """2.5."""
    world.proxy("p", FIRST, ChallengeMode.REGISTER)
    bob = world.phone("bob", BOB, domain=FIRST)
    bob.endpoint.identity.credentials = [Credential("bob", "wrong")]
    bob.endpoint.register(bob.endpoint.identity, f"sip:{FIRST}", world.now)
    world.until(lambda: bool(bob.of(RegistrationFailed)))
    assert (bob.of(RegistrationFailed)[0].status, bob.of(RegistrationFailed)[0].retry_in) == (401, None)
    return "bob->p REGISTER\np->bob 401 REGISTER\nbob->p REGISTER\np->bob 401 REGISTER"


# -- section 3: sessions


def session_establishment(world: World) -> str:
    """3.1."""
    direct(world)
    alice, bob = world.phones["alice"], world.phones["bob"]
    call = alice.call(bob.uri)
    world.talking(call)
    world.until(lambda: bool(bob.sessions) and bob.sessions[0].state == SessionState.CONFIRMED)
    bob.sessions[0].hangup(world.now)
    assert alice.end_of(call).by == "remote"
    return """alice->bob INVITE\nbob->alice 180 INVITE\nbob->alice 200 INVITE\nalice->bob ACK
        bob->alice BYE\nalice->bob 200 BYE"""


def call_through_proxies(world: World) -> None:
    alice, bob = world.phones["alice"], world.phones["bob"]
    call = alice.call(f"sip:bob@{SECOND}")
    world.talking(call)
    world.until(lambda: bool(bob.sessions) and bob.sessions[0].state == SessionState.CONFIRMED)
    assert len(bob.sessions) == 1
    bob.sessions[0].hangup(world.now)
    assert alice.end_of(call).by == "remote"
    world.settle()


def session_through_two_proxies(world: World) -> str:
    """3.2."""
    through_two_proxies(world)
    call_through_proxies(world)
    return """alice->p1 INVITE\np1->alice 407 INVITE\nalice->p1 ACK\nalice->p1 INVITE
        p1->p2 INVITE\np2->bob INVITE
        bob->p2 180 INVITE\nbob->p2 200 INVITE\np2->p1 180 INVITE\np2->p1 200 INVITE
        p1->alice 180 INVITE\np1->alice 200 INVITE\nalice->p1 ACK\np1->p2 ACK\np2->bob ACK
        bob->p2 BYE\np2->p1 BYE\np1->alice BYE\nalice->p1 200 BYE\np1->p2 200 BYE\np2->bob 200 BYE"""


def session_with_multiple_proxy_authentication(world: World) -> None:
    """3.3: each proxy challenges, and one INVITE holds credentials for both."""
    through_two_proxies(world, ChallengeMode.ALL)
    world.servers[1]._authenticator._users["alice"] = "secret"  # known to both realms
    call_through_proxies(world)
    if world.network.link is GOOD:
        steps = world.ladder()
        assert steps.count("p1->alice 407 INVITE") == 2
        assert steps.count("p2->p1 407 INVITE") == 1
        assert steps.count("alice->p1 INVITE") == 3
        assert steps.count("p2->bob INVITE") == 1


def session_with_proxy_failure(world: World) -> None:
    """3.4: the first server of the name does not answer, the second does."""
    world.network.names["proxy.example.com"] = [OTHER, FIRST]
    world.proxy("p1", FIRST, names=("proxy.example.com",))
    world.proxy("p2", SECOND)
    world.phone("alice", ALICE, route="proxy.example.com", domain=FIRST, another_target=world.network.another_target)
    world.phone("bob", BOB, route=SECOND, domain=SECOND)
    world.register("bob", registrar=SECOND)
    alice, bob = world.phones["alice"], world.phones["bob"]
    call = alice.call(f"sip:bob@{SECOND}")
    world.talking(call)
    assert world.ladder()[:7] == ["alice->- INVITE"] * 7 or world.network.link is not GOOD
    assert alice.endpoint.statistics.failovers == 1
    call.hangup(world.now)
    bob.end_of(bob.sessions[0])
    world.settle()


def session_through_a_redirect_server_with_answer_in_the_ack(world: World) -> str:
    """3.6."""
    world.script("r", OTHER, redirect_to(f"sip:bob@{SECOND}"))
    world.proxy("p2", SECOND)
    alice = world.phone("alice", ALICE)
    bob = world.phone("bob", BOB, route=SECOND, domain=SECOND)
    world.register("bob", registrar=SECOND)
    bob.answer_sdp = OFFER
    first = alice.call(f"sip:bob@{OTHER}", None)
    end = alice.end_of(first)
    assert (end.cause, end.contacts) == (EndCause.REDIRECTED, (f"sip:bob@{SECOND}",))
    call = alice.call(end.contacts[0], None, call_id=first.call_id)
    world.talking(call)
    world.until(lambda: bob.sessions[0].state == SessionState.CONFIRMED)
    assert (bob.sessions[0].local_sdp, bob.sessions[0].remote_sdp) == (call.remote_sdp, call.local_sdp)
    bob.sessions[0].hangup(world.now)
    alice.end_of(call)
    world.settle()
    return """alice->r INVITE\nr->alice 302 INVITE\nalice->r ACK\nalice->p2 INVITE
        p2->bob INVITE\nbob->p2 180 INVITE\nbob->p2 200 INVITE
        p2->alice 180 INVITE\np2->alice 200 INVITE\nalice->p2 ACK\np2->bob ACK
        bob->p2 BYE\np2->alice BYE\nalice->p2 200 BYE\np2->bob 200 BYE"""


def session_with_reinvite(world: World) -> str:
    """3.7: Bob moves to another address."""
    direct(world)
    alice, bob = world.phones["alice"], world.phones["bob"]
    call = alice.call(bob.uri)
    world.talking(call)
    world.until(lambda: bool(bob.sessions) and bob.sessions[0].state == SessionState.CONFIRMED)
    moved = OFFER.replace(b"10.0.0.1", b"10.0.0.9")
    bob.sessions[0].reinvite(moved, world.now)
    world.until(lambda: bool(bob.of(CallOfferAnswered)))
    assert call.remote_sdp == moved
    world.settle()
    call.hangup(world.now)
    bob.end_of(bob.sessions[0])
    return """alice->bob INVITE\nbob->alice 180 INVITE\nbob->alice 200 INVITE\nalice->bob ACK
        bob->alice INVITE\nalice->bob 200 INVITE\nbob->alice ACK\nalice->bob BYE\nbob->alice 200 BYE"""


def unsuccessful_no_answer(world: World) -> str:
    """3.8: Alice gives up."""
    through_two_proxies(world)
    alice, bob = world.phones["alice"], world.phones["bob"]
    bob.on_call = bob.ring
    call = alice.call(f"sip:bob@{SECOND}")
    world.until(lambda: bool(alice.of(CallProgress)))
    call.hangup(world.now)
    assert bob.end_of(bob.sessions[0]).cause is EndCause.CANCELED
    world.settle()
    return """alice->p1 INVITE\np1->alice 407 INVITE\nalice->p1 ACK\nalice->p1 INVITE
        p1->p2 INVITE\np2->bob INVITE
        bob->p2 180 INVITE\np2->p1 180 INVITE\np1->alice 180 INVITE
        alice->p1 CANCEL\np1->alice 200 CANCEL\np1->p2 CANCEL\np2->p1 200 CANCEL\np2->bob CANCEL\nbob->p2 200 CANCEL
        bob->p2 487 INVITE\np2->bob ACK\np2->p1 487 INVITE\np1->p2 ACK\np1->alice 487 INVITE\nalice->p1 ACK"""


def refused_through_proxies(world: World, status: int) -> str:
    through_two_proxies(world)
    alice, bob = world.phones["alice"], world.phones["bob"]
    bob.on_call = lambda session: session.reject(status, world.now)
    end = alice.end_of(alice.call(f"sip:bob@{SECOND}"))
    assert (end.cause, end.status) == (EndCause.REJECTED, status)
    world.settle()
    return f"""alice->p1 INVITE\np1->alice 407 INVITE\nalice->p1 ACK\nalice->p1 INVITE
        p1->p2 INVITE\np2->bob INVITE
        bob->p2 {status} INVITE\np2->bob ACK\np2->p1 {status} INVITE\np1->p2 ACK
        p1->alice {status} INVITE\nalice->p1 ACK"""


def unsuccessful_busy(world: World) -> str:
    """3.9."""
    return refused_through_proxies(world, 486)


def unsuccessful_no_response(world: World) -> None:
    """3.10: Bob's phone is gone; the proxy gives up for it."""
    through_two_proxies(world)
    del world.network.nodes[BOB, 5060]
    world.phones.pop("bob")
    alice = world.phones["alice"]
    end = alice.end_of(alice.call(f"sip:bob@{SECOND}"))
    assert end.status in (408, 480)
    assert world.ladder().count("p2->- INVITE") == 7 or world.network.link is not GOOD
    world.settle()


def unsuccessful_temporarily_unavailable(world: World) -> str:
    """3.11."""
    return refused_through_proxies(world, 480)


FLOWS: list[Flow] = [
    successful_registration, update_of_contact_list, request_for_current_contact_list, cancellation_of_registration,
    unsuccessful_registration, session_establishment, session_through_two_proxies,
    session_with_multiple_proxy_authentication, session_with_proxy_failure,
    session_through_a_redirect_server_with_answer_in_the_ack, session_with_reinvite, unsuccessful_no_answer,
    unsuccessful_busy, unsuccessful_no_response, unsuccessful_temporarily_unavailable,
]


@pytest.mark.parametrize(("link", "seed"), LINKS, ids=["good", "bad", "bad again", "terrible"])
@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_flow(flow: Flow, link: Link, seed: int) -> None:
    """Left out: 3.5, an application level gateway in the way, which is to a user agent what a proxy is."""
    world = World(link, seed)
    expected = flow(world)
    if expected is not None and link is GOOD:
        world.settle()
        assert world.ladder() == ladder(expected)
    world.end()
