"""The service examples of RFC 5359, on a good link and over links that lose, repeat and reorder."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from microsip_core.sip.events import (
    CallAnswered,
    CallEnded,
    CallIncoming,
    CallOfferAnswered,
    CallProgress,
    EndCause,
    RequestReceived,
    TransferProgress,
)
from microsip_core.sip.session.invite_session import InviteSession
from microsip_core.sip.session.session_state import SessionState
from microsip_core.sip.session.transfer import Replaces

from .calls import ANSWER, OFFER
from .flow_world import GOOD, LINKS, Phone, World, ladder, response_of
from .virtual_network import Link

ALICE, BOB, CAROL, PROXY, MUSIC = "127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.10", "127.0.1.30"
HOLD = OFFER.replace(b"m=audio", b"a=sendonly\r\nm=audio")
CLEARED = OFFER.replace(b"10.0.0.1", b"0.0.0.0")
MUSIC_SDP = OFFER.replace(b"alice", b"music")
Flow = Callable[[World], str | None]


def three(world: World) -> tuple[Phone, Phone, Phone]:
    return world.phone("alice", ALICE), world.phone("bob", BOB), world.phone("carol", CAROL)


def talk(world: World, caller: Phone, callee: Phone) -> tuple[InviteSession, InviteSession]:
    """Connect two phones; what it took is forgotten."""
    before = len(callee.sessions)
    call = caller.call(callee.uri)
    world.until(lambda: len(callee.sessions) > before)
    other = callee.sessions[-1]
    world.talking(call, other)
    world.settle()
    world.forget()
    return call, other


def change(world: World, phone: Phone, session: InviteSession, sdp: bytes) -> None:
    """Have a re-INVITE agreed upon."""
    before = len(phone.of(CallOfferAnswered))
    session.reinvite(sdp, world.now)
    world.until(lambda: len(phone.of(CallOfferAnswered)) > before)
    assert phone.of(CallOfferAnswered)[-1].status == 200
    world.until(lambda: not session.busy)
    world.settle()


def dialog_value(session: InviteSession) -> str:
    """The value of Replaces or Join that names this side's dialog."""
    dialog = session.established_dialog
    return str(Replaces(dialog.call_id, dialog.local_tag, dialog.remote_tag))


def call_hold(world: World, hold: bytes = HOLD) -> str:
    """2.1."""
    alice, bob, _ = three(world)
    _, at_bob = talk(world, alice, bob)
    change(world, bob, at_bob, hold)
    change(world, bob, at_bob, OFFER)
    at_bob.hangup(world.now)
    alice.end_of(alice.sessions[0])
    return """bob->alice INVITE\nalice->bob 200 INVITE\nbob->alice ACK\nbob->alice INVITE\nalice->bob 200 INVITE
        bob->alice ACK\nbob->alice BYE\nalice->bob 200 BYE"""


def call_hold_of_old(world: World) -> str:
    """2.1 by the address 0.0.0.0 (RFC 2543)."""
    return call_hold(world, CLEARED)


def consultation_hold(world: World) -> None:
    """2.2."""
    alice, bob, carol = three(world)
    call, at_bob = talk(world, alice, bob)
    change(world, bob, at_bob, HOLD)
    consultation, _ = talk(world, bob, carol)
    consultation.hangup(world.now)
    carol.end_of(carol.sessions[0])
    change(world, bob, at_bob, OFFER)
    assert call.state == SessionState.CONFIRMED


def music_on_hold(world: World) -> None:
    """2.3: the held one hears another server, whose offer is handed on."""
    alice, bob, _ = three(world)
    music = world.phone("music", MUSIC)
    call, at_bob = talk(world, alice, bob)
    change(world, bob, at_bob, HOLD)
    music.answer_sdp = MUSIC_SDP
    bob.answer_sdp = b""  # acknowledged below
    source = bob.call(music.uri, None)
    world.until(lambda: bool(bob.of(CallAnswered, source)))
    assert bob.of(CallAnswered, source)[0].is_offer
    change(world, bob, at_bob, bob.of(CallAnswered, source)[0].sdp)
    assert call.remote_sdp == MUSIC_SDP
    assert at_bob.remote_sdp is not None
    source.acknowledge(at_bob.remote_sdp, world.now)
    world.talking(music.sessions[0])
    source.hangup(world.now)
    change(world, bob, at_bob, OFFER)


def transfer_unattended(world: World) -> str:
    """2.4."""
    alice, bob, carol = three(world)
    call, at_bob = talk(world, alice, bob)
    at_bob.transfer(carol.uri, world.now)
    world.until(lambda: any(event.final for event in bob.of(TransferProgress)))
    assert bob.of(TransferProgress)[-1].status == 200
    at_bob.hangup(world.now)
    alice.end_of(call)
    world.talking(alice.sessions[-1], carol.sessions[0])
    world.settle()
    return """bob->alice REFER\nalice->bob 202 REFER\nalice->bob NOTIFY\nalice->carol INVITE
        bob->alice 200 NOTIFY\ncarol->alice 180 INVITE\ncarol->alice 200 INVITE
        alice->carol ACK\nalice->bob NOTIFY\nalice->bob NOTIFY\nbob->alice 200 NOTIFY\nbob->alice 200 NOTIFY
        bob->alice BYE\nalice->bob 200 BYE"""


def transfer_attended(world: World) -> None:
    """2.5: who consults hands the call over to whom it consulted."""
    alice, bob, carol = three(world)
    call, at_bob = talk(world, alice, bob)
    change(world, bob, at_bob, HOLD)
    consultation, at_carol = talk(world, bob, carol)
    at_bob.transfer_to(consultation, world.now)
    assert carol.end_of(at_carol).cause is EndCause.REPLACED
    bob.end_of(consultation)
    world.until(lambda: any(event.final for event in bob.of(TransferProgress)))
    assert bob.of(TransferProgress)[-1].status == 200
    at_bob.hangup(world.now)
    alice.end_of(call)
    world.talking(alice.sessions[-1], carol.sessions[-1])


def transfer_by_message(world: World) -> None:
    """2.6: what the call is to be transferred to comes as text beside it."""
    alice, bob, carol = three(world)
    call, at_bob = talk(world, alice, bob)
    at_bob.send_request("MESSAGE", world.now, body=carol.uri.encode(), content_type="text/plain")
    world.until(lambda: bool(alice.of(RequestReceived)))
    target = alice.of(RequestReceived)[0].request.body.decode()
    world.settle()
    call.hangup(world.now)
    bob.end_of(at_bob)
    world.talking(alice.call(target))


def forwarded(world: World, status: int, wait: float = 0.0) -> None:
    """Bob sends Alice on to Carol, who takes the call."""
    alice, bob, carol = three(world)

    def send_on(session: InviteSession) -> None:
        session.progress(180, world.now)
        headers = [("Contact", f"<{carol.uri}>"), ("Diversion", f"<{bob.uri}>;reason=deflection")]
        world.network.at(world.now + wait, lambda now: session.reject(status, now, headers=headers))

    bob.on_call = send_on
    first = alice.call(bob.uri)
    end = alice.end_of(first)
    assert (end.cause, end.contacts) == (EndCause.REDIRECTED, (carol.uri,))
    second = alice.call(end.contacts[0], call_id=first.call_id)
    world.talking(second, *carol.sessions)


def call_forwarding_unconditional(world: World) -> None:
    """2.7."""
    forwarded(world, 302)


def call_forwarding_no_answer(world: World) -> None:
    """2.9."""
    forwarded(world, 302, wait=20.0)


def forked(world: World) -> tuple[Phone, Phone, Phone]:
    """A proxy, Alice, and two phones of Bob's that are registered there."""
    world.proxy("p", PROXY)
    alice = world.phone("alice", ALICE, route=PROXY, domain=PROXY)
    phones = [world.phone(name, host, route=PROXY, domain=PROXY) for name, host in (("bob1", BOB), ("bob2", CAROL))]
    world.register("bob1", "bob2", registrar=PROXY)
    return alice, phones[0], phones[1]


def call_forwarding_busy(world: World) -> None:
    """2.8: the phone that is busy, another that is not."""
    alice, first, second = forked(world)
    first.on_call = lambda session: session.reject(486, world.now)
    call = alice.call(f"sip:bob@{PROXY}")
    world.talking(call)
    world.talking(*second.sessions)


def find_me(world: World) -> None:
    """2.12: all of Bob's phones ring; where one is answered the others cease."""
    alice, first, second = forked(world)
    first.on_call = first.ring
    second.on_call = second.ring
    call = alice.call(f"sip:bob@{PROXY}")
    world.until(lambda: bool(first.sessions and second.sessions))
    world.until(lambda: len({event.to_tag for event in alice.of(CallProgress)}) == 2)
    second.sessions[0].accept(ANSWER, world.now)
    world.talking(call, second.sessions[0])
    end = first.end_of(first.sessions[0])
    assert (end.cause, end.reason) == (EndCause.CANCELED, "Call completed elsewhere")
    assert len(alice.of(CallAnswered)) == 1


def three_way_conference_third_party_added(world: World) -> None:
    """2.10: Bob mixes Alice and Carol."""
    alice, bob, carol = three(world)
    call, at_bob = talk(world, alice, bob)
    change(world, bob, at_bob, HOLD)
    consultation, at_carol = talk(world, bob, carol)
    change(world, bob, at_bob, OFFER)
    assert {one.state for one in (call, at_bob, consultation, at_carol)} == {SessionState.CONFIRMED}


def three_way_conference_third_party_joins(world: World) -> None:
    """2.11: Carol asks to be added to the call of Alice and Bob (RFC 3911)."""
    alice, bob, carol = three(world)
    bob.endpoint.config.joins = True
    call, at_bob = talk(world, alice, bob)
    third = carol.call(bob.uri, headers=[("Join", dialog_value(at_bob))])
    world.talking(third, *bob.sessions)
    assert bob.of(CallIncoming)[-1].joins is at_bob
    assert {call.state, at_bob.state} == {SessionState.CONFIRMED}


def screened(world: World) -> None:
    """2.13 and 2.14: a call that its callee, or a proxy on the way out, does not want."""
    alice, bob, _ = three(world)
    bob.on_call = lambda session: session.reject(603, world.now)
    assert alice.end_of(alice.call(bob.uri)).status == 603
    world.settle()


def call_park(world: World) -> None:
    """2.15: the call is handed over to a park server, and Carol takes it from there."""
    alice, bob, carol = three(world)
    park = world.phone("park", MUSIC)
    call, at_bob = talk(world, alice, bob)
    at_bob.transfer(park.uri, world.now)
    world.until(lambda: any(event.final for event in bob.of(TransferProgress)))
    at_bob.hangup(world.now)
    alice.end_of(call)
    parked = park.sessions[0]
    world.talking(alice.sessions[-1], parked)
    taken = carol.call(alice.uri, headers=[("Replaces", dialog_value(alice.sessions[-1]))])
    assert park.end_of(parked).by == "remote"
    world.talking(taken, alice.sessions[-1])


def call_pickup(world: World) -> None:
    """2.16: Carol takes the call that rings at Bob's, whose phone has told her its dialog."""
    alice, bob, carol = three(world)
    bob.on_call = bob.ring
    call = alice.call(bob.uri)
    world.until(lambda: bool(alice.of(CallProgress)))
    (dialog,) = alice.endpoint.dialogs.values()
    value = Replaces(dialog.call_id, dialog.local_tag, dialog.remote_tag, early_only=True)
    picked = carol.call(alice.uri, headers=[("Replaces", str(value))])
    world.talking(picked, *(session for session in alice.sessions if session is not call))
    assert bob.end_of(bob.sessions[0]).cause is EndCause.CANCELED


def automatic_redial(world: World) -> None:
    """2.17: Alice is told by NOTIFY when Bob is free again, and calls."""
    alice = world.phone("alice", ALICE, deliver=frozenset({"NOTIFY"}))
    bob = world.phone("bob", BOB, deliver=frozenset({"SUBSCRIBE"}))
    bob.on_call = lambda session: session.reject(486, world.now)
    assert alice.end_of(alice.call(bob.uri)).status == 486
    subscribers: list[str] = []

    def subscribed(event: RequestReceived) -> None:
        event.incoming.respond(200, world.now, headers=[("Expires", "60")])
        subscribers.append(event.request.from_.uri)

    bob.on_request = subscribed
    alice.endpoint.request("SUBSCRIBE", bob.uri, world.now, headers=[("Event", "dialog")])
    assert response_of(alice).status == 200
    bob.on_call = bob.answer
    bob.endpoint.request("NOTIFY", alice.uri, world.now, headers=[
        ("Event", "dialog"), ("Subscription-State", "terminated"),
    ])
    world.until(lambda: bool(alice.of(RequestReceived)))
    world.settle()
    world.talking(alice.call(bob.uri))


def click_to_dial(world: World) -> None:
    """2.18: a REFER out of a call asks Alice's phone to call Bob."""
    alice = world.phone("alice", ALICE, deliver=frozenset({"REFER"}))
    bob, browser = world.phone("bob", BOB), world.phone("browser", CAROL)

    def dial(event: RequestReceived) -> None:
        event.incoming.respond(202, world.now)
        alice.call((event.request.get("Refer-To") or "").strip("<>"))

    alice.on_request = dial
    browser.endpoint.request("REFER", alice.uri, world.now, headers=[("Refer-To", f"<{bob.uri}>"),
                                                                     ("Refer-Sub", "false")])
    assert response_of(browser).status == 202
    world.until(lambda: bool(alice.sessions))
    world.talking(alice.sessions[0])


FLOWS: list[Flow] = [
    call_hold, call_hold_of_old, consultation_hold, music_on_hold, transfer_unattended, transfer_attended,
    transfer_by_message, call_forwarding_unconditional, call_forwarding_busy, call_forwarding_no_answer,
    three_way_conference_third_party_added, three_way_conference_third_party_joins, find_me, screened, call_park,
    call_pickup, automatic_redial, click_to_dial,
]


@pytest.mark.parametrize(("link", "seed"), LINKS, ids=["good", "bad", "bad again", "terrible"])
@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_service(flow: Flow, link: Link, seed: int) -> None:
    world = World(link, seed)
    expected = flow(world)
    if expected is not None and link is GOOD:
        world.settle()
        assert world.ladder() == ladder(expected)
    world.end()
    for phone in world.phones.values():
        assert len(phone.of(CallEnded)) == len(phone.sessions)
