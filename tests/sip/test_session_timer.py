"""Session timers, both roles (RFC 4028), and UPDATE (RFC 3311)."""

from __future__ import annotations

from typing import Any

import pytest

from microsip_core.errors import InvalidState
from microsip_core.sip import builder
from microsip_core.sip.events import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallIncoming,
    CallOfferAnswered,
    CallOfferReceived,
    EndCause,
)
from microsip_core.sip.session.invite_session import InviteSession, SessionState

from .calls import ANSWER, OFFER, Phones, drop, names, one
from .test_forking import Forks

HOLD = OFFER + b"a=sendonly\r\n"
HELD = ANSWER + b"a=recvonly\r\n"


def talking(**config: Any) -> tuple[Phones, InviteSession, InviteSession]:
    phones = Phones(**config)

    def answer(event: Any, now: float) -> None:
        if isinstance(event, CallOfferReceived):
            event.session.answer_offer(ANSWER if event.session.direction == "incoming" else OFFER, now)

    phones.alice_node.on_event = phones.bob_node.on_event = answer
    alice, bob = phones.ring_bob()
    bob.accept(ANSWER, phones.now)
    phones.run(0.05)
    return phones, alice, bob


def test_both_sides_agree_and_the_caller_refreshes_by_update() -> None:
    phones, alice, bob = talking(session_expires=600)
    invite = one(phones.bob_node, CallIncoming).request
    assert invite.get("Session-Expires") == "600"
    assert "timer" in invite.get_all("Supported")
    answer = one(phones.alice_node, CallAnswered).response
    assert (answer.get("Session-Expires"), answer.get("Require")) == ("600;refresher=uac", "timer")
    phones.forget()
    phones.run(2000.0)
    assert phones.flow() == ["a->b UPDATE", "b->a 200 UPDATE"] * 6
    assert names(phones.alice_node) == names(phones.bob_node) == []
    assert alice.state == bob.state == SessionState.CONFIRMED
    bob.hangup(phones.now)
    phones.end()


def test_the_callee_refreshes_when_asked_to() -> None:
    phones = Phones(session_expires=600)
    phones.alice._make_headers()
    alice = phones.alice.invite("sip:bob@10.0.0.2", OFFER, 0.0)
    request = phones.alice.data_to_send()[0]
    phones.alice.layer.send(
        request.data.replace(b"Session-Expires: 600", b"Session-Expires: 600;refresher=uas"),
        request.hop,
        None,
        request.token,
    )
    phones.run(0.05)
    one(phones.bob_node, CallIncoming).session.accept(ANSWER, phones.now)
    phones.run(0.05)
    assert one(phones.alice_node, CallAnswered).response.get("Session-Expires") == "600;refresher=uas"
    phones.forget()
    phones.run(1000.0)
    assert phones.flow() == ["b->a UPDATE", "a->b 200 UPDATE"] * 3
    alice.hangup(phones.now)
    phones.end()


def test_a_peer_without_update_is_refreshed_by_reinvite() -> None:
    phones, alice, _ = talking(session_expires=600)
    assert alice.timer is not None
    alice.timer.uses_update = False
    phones.forget()
    phones.run(320.0)
    assert phones.flow() == ["a->b INVITE", "b->a 200 INVITE", "a->b ACK"]
    assert names(phones.alice_node) == [], "nothing has changed: nothing to tell"
    assert names(phones.bob_node) == ["CallOfferReceived"]
    alice.hangup(phones.now)
    phones.end()


def test_a_refresher_that_is_gone_is_hung_up_on() -> None:
    phones, alice, _ = talking(session_expires=600)
    del phones.network.nodes[phones.alice_node.address]
    phones.run(560.0)
    assert names(phones.bob_node) == ["CallIncoming", "CallConfirmed"]
    phones.run(10.0)
    ended = one(phones.bob_node, CallEnded)
    assert (ended.cause, ended.by) == (EndCause.SESSION_EXPIRED, "timeout")
    assert not alice.ended


def test_a_peer_that_is_gone_is_noticed_by_the_refresh() -> None:
    phones, _, _ = talking(session_expires=600)
    del phones.network.nodes[phones.bob_node.address]
    phones.run(600.0)
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.status) == (EndCause.TIMEOUT, 408)
    assert phones.now < 700


def test_a_refresh_waits_for_a_change_under_way() -> None:
    phones, alice, _ = talking(session_expires=600)
    phones.run(299.0)
    phones.bob_node.on_event = None
    alice.reinvite(HOLD, phones.now)
    phones.run(10.0)
    assert "a->b UPDATE" not in phones.flow()
    one(phones.bob_node, CallOfferReceived).session.answer_offer(HELD, phones.now)
    phones.run(400.0)
    assert phones.flow().count("a->b UPDATE") == 1, "the re-INVITE was a refresh too"
    alice.hangup(phones.now)
    phones.end()


def test_too_short_an_interval_is_lengthened() -> None:
    phones = Phones(session_expires=100)
    phones.bob.config.min_session_expires = 400
    phones.call()
    phones.run(0.1)
    incoming = one(phones.bob_node, CallIncoming)
    assert (incoming.request.get("Session-Expires"), incoming.request.get("Min-SE")) == ("400", "400")
    assert incoming.request.cseq.number == 2
    assert phones.flow() == ["a->b INVITE", "b->a 422 INVITE", "a->b ACK", "a->b INVITE"]
    incoming.session.accept(ANSWER, phones.now)
    phones.run(300.0)
    assert phones.flow()[-2:] == ["a->b UPDATE", "b->a 200 UPDATE"]
    incoming.session.hangup(phones.now)
    phones.end()


def test_a_peer_that_always_wants_longer_is_not_followed_for_ever() -> None:
    forks = Forks()
    for least in ("400", "400"):
        assert forks.invite is not None
        assert forks.source is not None
        response = builder.response_to(forks.invite, 422, to_tag="x", headers=[("Min-SE", least)])
        forks.script.reply(response, forks.source)
        forks.invite = None
        forks.network.run(forks.network.now + 0.05)
    assert [event.status for event in forks.events(CallEnded)] == [422]
    forks.end()


@pytest.mark.parametrize(
    ("caller", "callee"), [({"session_expires": None}, {}), ({}, {"session_expires": None})], ids=["caller", "callee"]
)
def test_without_support_there_is_no_timer(caller: dict[str, Any], callee: dict[str, Any]) -> None:
    phones = Phones()
    for endpoint, config in ((phones.alice, caller), (phones.bob, callee)):
        for name, value in config.items():
            setattr(endpoint.config, name, value)
        endpoint._make_headers()
    alice, bob = phones.connect()
    phones.run(4000.0)
    assert phones.flow() == []
    assert alice.timer is bob.timer is None
    alice.hangup(phones.now)
    phones.end()


def test_an_interval_put_in_by_a_proxy_makes_the_callee_refresh() -> None:
    """RFC 4028 s9: the caller does not know session timers; the callee can but refresh itself."""
    phones = Phones()
    phones.alice.config.session_expires = None
    phones.alice._make_headers()
    alice, bob = phones.ring_bob(headers=[("Session-Expires", "60")])
    bob.accept(ANSWER, phones.now)
    phones.run(0.05)
    answer = one(phones.alice_node, CallAnswered).response
    assert (answer.get("Session-Expires"), answer.get("Require")) == ("90;refresher=uas", None)
    phones.forget()
    phones.run(50.0)
    assert phones.flow() == ["b->a UPDATE", "a->b 200 UPDATE"]
    assert bob.timer is None, "the caller's 2xx agreed to none"
    alice.hangup(phones.now)
    phones.end()


# -- UPDATE


def test_an_offer_in_update() -> None:
    phones, alice, bob = talking()
    phones.forget()
    phones.bob_node.on_event = None
    alice.update(HOLD, phones.now, headers=[("X-A", "1")])
    phones.run(0.05)
    received = one(phones.bob_node, CallOfferReceived)
    assert (received.request.method, received.sdp, received.request.get("X-A")) == ("UPDATE", HOLD, "1")
    bob.answer_offer(HELD, phones.now)
    phones.run(0.05)
    assert one(phones.alice_node, CallOfferAnswered).sdp == HELD
    assert phones.flow() == ["a->b UPDATE", "b->a 200 UPDATE"]
    assert (alice.local_sdp, alice.remote_sdp) == (bob.remote_sdp, bob.local_sdp) == (HOLD, HELD)
    bob.update(None, phones.now)
    phones.run(0.05)
    assert one(phones.bob_node, CallOfferAnswered).status == 200
    bob.hangup(phones.now)
    phones.end()


def test_a_refused_update() -> None:
    phones, alice, bob = talking()
    phones.bob_node.on_event = None
    alice.update(HOLD, phones.now)
    phones.run(0.05)
    bob.reject_offer(488, phones.now)
    phones.run(0.05)
    assert one(phones.alice_node, CallOfferAnswered).status == 488
    assert alice.local_sdp == OFFER
    alice.hangup(phones.now)
    phones.end()


@pytest.mark.parametrize("seed", range(4))
def test_update_glare(seed: int) -> None:
    phones = Phones(seed=seed)
    alice, bob = phones.connect()

    def answer(event: Any, now: float) -> None:
        if isinstance(event, CallOfferReceived):
            event.session.answer_offer(HELD, now)

    phones.alice_node.on_event = phones.bob_node.on_event = answer
    alice.update(HOLD, phones.now)
    bob.update(HOLD, phones.now)
    phones.run(10.0)
    assert phones.flow().count("a->b 491 UPDATE") == phones.flow().count("b->a 491 UPDATE") == 1
    assert one(phones.alice_node, CallOfferAnswered).status == one(phones.bob_node, CallOfferAnswered).status == 200
    bob.hangup(phones.now)
    phones.end()


def test_an_update_while_an_offer_waits_for_our_answer_gets_500_and_is_repeated() -> None:
    phones = Phones()
    alice, bob = phones.connect()
    alice.update(HOLD, phones.now)
    phones.run(0.05)
    second = alice._dialog_request("UPDATE", (), OFFER, "application/sdp", None)
    second.send(phones.now)
    phones.run(0.05)
    assert phones.flow()[-1] == "b->a 500 UPDATE"
    bob.answer_offer(HELD, phones.now)
    phones.run(0.05)
    assert one(phones.alice_node, CallOfferAnswered).status == 200


def test_update_in_an_early_dialog() -> None:
    phones = Phones()
    alice, bob = phones.ring_bob()
    with pytest.raises(InvalidState):
        alice.update(HOLD, phones.now)
    bob.progress(183, phones.now, sdp=ANSWER)
    phones.run(0.05)
    alice.update(HOLD, phones.now)
    phones.run(0.05)
    assert one(phones.bob_node, CallOfferReceived).sdp == HOLD
    bob.answer_offer(HELD, phones.now)
    phones.run(0.05)
    assert one(phones.alice_node, CallOfferAnswered).sdp == HELD
    bob.update(ANSWER, phones.now)
    phones.run(0.05)
    alice.answer_offer(OFFER, phones.now)
    phones.run(0.05)
    bob.accept(None, phones.now)
    phones.run(0.05)
    assert one(phones.alice_node, CallAnswered).sdp == ANSWER
    assert one(phones.bob_node, CallConfirmed).sdp is None
    assert (alice.local_sdp, alice.remote_sdp) == (bob.remote_sdp, bob.local_sdp) == (OFFER, ANSWER)
    alice.hangup(phones.now)
    phones.end()


def test_an_early_update_that_nobody_answers_cancels_the_call() -> None:
    phones = Phones()
    alice, bob = phones.ring_bob()
    bob.progress(183, phones.now, sdp=ANSWER)
    phones.run(0.05)
    lost = drop(phones, lambda sender, data: data.startswith(b"UPDATE"), 1000)
    alice.update(HOLD, phones.now)
    phones.end()
    assert len(lost) == 11
    assert one(phones.alice_node, CallEnded).cause is EndCause.TIMEOUT
    assert one(phones.bob_node, CallEnded).cause is EndCause.CANCELED
