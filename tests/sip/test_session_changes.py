"""Changes of an established session: re-INVITE both ways, glare, refusal, loss (RFC 3261 s14)."""

from __future__ import annotations

import pytest

from microsip_core.errors import InvalidState
from microsip_core.sip.events import CallEnded, CallOfferAnswered, CallOfferReceived, EndCause
from microsip_core.sip.hop import Hop
from microsip_core.sip.session.invite_session import SessionState

from .calls import ANSWER, BOB_URI, OFFER, Phones, drop, names, one

HOLD = OFFER + b"a=sendonly\r\n"
HELD = ANSWER + b"a=recvonly\r\n"


@pytest.fixture
def phones() -> Phones:
    return Phones()


@pytest.mark.parametrize("by_callee", [False, True])
def test_a_change_is_offered_and_answered(phones: Phones, by_callee: bool) -> None:
    one_side, other_side = phones.connect()
    asking, asked = phones.alice_node, phones.bob_node
    if by_callee:
        one_side, other_side, asking, asked = other_side, one_side, asked, asking
    one_side.reinvite(HOLD, phones.now, headers=[("X-Why", "hold")])
    phones.run(0.05)
    received = one(asked, CallOfferReceived)
    assert (received.sdp, received.request.get("X-Why")) == (HOLD, "hold")
    assert other_side.offer_pending
    other_side.answer_offer(HELD, phones.now)
    phones.run(1.0)
    answered = one(asking, CallOfferAnswered)
    assert (answered.status, answered.sdp, answered.is_offer) == (200, HELD, False)
    assert (one_side.local_sdp, one_side.remote_sdp) == (other_side.remote_sdp, other_side.local_sdp) == (HOLD, HELD)
    one_side.reinvite(OFFER, phones.now)
    phones.run(0.05)
    other_side.answer_offer(ANSWER, phones.now)
    phones.run(1.0)
    assert one_side.remote_sdp == ANSWER
    other_side.hangup(phones.now)
    phones.end()


def test_a_refused_change_leaves_all_as_it_was(phones: Phones) -> None:
    alice, bob = phones.connect()
    alice.reinvite(HOLD, phones.now)
    phones.run(0.05)
    bob.reject_offer(488, phones.now)
    phones.run(1.0)
    answered = one(phones.alice_node, CallOfferAnswered)
    assert (answered.status, answered.sdp) == (488, None)
    assert (alice.local_sdp, bob.remote_sdp) == (OFFER, OFFER)
    assert alice.state == bob.state == SessionState.CONFIRMED
    bob.reinvite(ANSWER, phones.now)
    phones.run(0.05)
    assert alice.offer_pending
    alice.hangup(phones.now)
    phones.end()
    assert sorted(phones.flow()[-4:]) == ["a->b 487 INVITE", "a->b BYE", "b->a 200 BYE", "b->a ACK"]


def test_a_change_without_offer_asks_the_peer_for_one(phones: Phones) -> None:
    alice, bob = phones.connect()
    alice.reinvite(None, phones.now)
    phones.run(0.05)
    assert one(phones.bob_node, CallOfferReceived).sdp is None
    bob.answer_offer(HELD, phones.now)
    phones.run(0.05)
    answered = one(phones.alice_node, CallOfferAnswered)
    assert (answered.sdp, answered.is_offer) == (HELD, True)
    alice.acknowledge(HOLD, phones.now)
    phones.run(1.0)
    assert one(phones.bob_node, CallOfferAnswered).sdp == HOLD
    assert (alice.local_sdp, bob.local_sdp) == (HOLD, HELD)
    alice.hangup(phones.now)
    phones.end()


@pytest.mark.parametrize("seed", range(8))
def test_glare_is_resolved_by_waiting(seed: int) -> None:
    phones = Phones(seed=seed)
    alice, bob = phones.connect()

    def answer(event: object, now: float) -> None:
        if isinstance(event, CallOfferReceived):
            event.session.answer_offer(HELD if event.session is bob else ANSWER, now)

    phones.alice_node.on_event = phones.bob_node.on_event = answer
    alice.reinvite(HOLD, phones.now)
    bob.reinvite(ANSWER, phones.now)
    started = phones.now
    phones.run(10.0)
    assert phones.flow().count("a->b 491 INVITE") == phones.flow().count("b->a 491 INVITE") == 1
    for node in (phones.alice_node, phones.bob_node):
        assert one(node, CallOfferAnswered).status == 200
        assert "CallEnded" not in names(node)
    assert phones.network.trace is not None
    invites = [time - started for time, sender, _, text in phones.network.trace if text == "INVITE" and sender == "bob"]
    assert invites[1] <= 2.1
    invites = [
        time - started for time, sender, _, text in phones.network.trace if text == "INVITE" and sender == "alice"
    ]
    assert 2.1 <= invites[1] <= 4.1
    alice.hangup(phones.now)
    phones.end()


def test_a_change_while_another_is_under_way_is_refused(phones: Phones) -> None:
    alice, bob = phones.connect()
    alice.reinvite(HOLD, phones.now)
    with pytest.raises(InvalidState):
        alice.reinvite(OFFER, phones.now)
    phones.run(0.05)
    with pytest.raises(InvalidState):
        bob.reinvite(ANSWER, phones.now)
    bob.answer_offer(HELD, phones.now)
    with pytest.raises(InvalidState):
        bob.answer_offer(HELD, phones.now)
    with pytest.raises(InvalidState):
        bob.reinvite(ANSWER, phones.now)
    phones.run(1.0)
    bob.reinvite(ANSWER, phones.now)
    phones.run(0.05)
    alice.answer_offer(OFFER, phones.now)
    phones.run(0.05)
    assert one(phones.bob_node, CallOfferAnswered).status == 200
    bob.hangup(phones.now)
    phones.end()


def test_the_ack_of_a_change_is_repeated_when_lost(phones: Phones) -> None:
    alice, bob = phones.connect()
    lost = drop(phones, lambda sender, data: data.startswith(b"ACK"), 3)
    alice.reinvite(HOLD, phones.now)
    phones.run(0.05)
    bob.answer_offer(HELD, phones.now)
    phones.run(10.0)
    assert len(lost) == 3
    assert phones.flow().count("b->a 200 INVITE") == 4
    assert phones.flow().count("a->b ACK") == 1
    alice.hangup(phones.now)
    phones.end()


def test_a_change_never_acknowledged_ends_the_call(phones: Phones) -> None:
    alice, bob = phones.connect()
    drop(phones, lambda sender, data: data.startswith(b"ACK"), 1000)
    alice.reinvite(HOLD, phones.now)
    phones.run(0.05)
    bob.answer_offer(HELD, phones.now)
    phones.end()
    assert one(phones.bob_node, CallEnded).cause is EndCause.NO_ACK
    assert one(phones.alice_node, CallEnded).by == "remote"


def test_a_change_that_nobody_answers_ends_the_call(phones: Phones) -> None:
    alice, _ = phones.connect()
    del phones.network.nodes[phones.bob_node.address]
    alice.reinvite(HOLD, phones.now)
    phones.run()
    answered = one(phones.alice_node, CallOfferAnswered)
    assert (answered.status, answered.response) == (408, None)
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.by) == (EndCause.TIMEOUT, "timeout")


def test_a_change_the_peer_has_no_dialog_for_ends_the_call(phones: Phones) -> None:
    alice, bob = phones.connect()
    phones.bob.forget_session(bob)
    alice.reinvite(HOLD, phones.now)
    phones.end()
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.by, ended.status) == (EndCause.DIALOG_LOST, "remote", 481)


def test_hanging_up_during_a_change_of_ours(phones: Phones) -> None:
    alice, _bob = phones.connect()
    alice.reinvite(HOLD, phones.now)
    phones.run(0.005)
    alice.hangup(phones.now)
    phones.end()
    assert phones.flow().count("a->b BYE") == 1
    assert names(phones.alice_node) == ["CallEnded", "CallReleased"]


def test_hanging_up_during_a_change_of_theirs(phones: Phones) -> None:
    alice, bob = phones.connect()
    alice.reinvite(HOLD, phones.now)
    phones.run(0.05)
    bob.hangup(phones.now)
    phones.end()
    assert "b->a 487 INVITE" in phones.flow()
    assert one(phones.alice_node, CallEnded).by == "remote"


def test_a_change_refreshes_the_remote_target(phones: Phones) -> None:
    alice, bob = phones.connect()
    bob.contact = "<sip:bob@10.0.0.2:5060;moved=1>"
    alice.reinvite(HOLD, phones.now)
    phones.run(0.05)
    bob.answer_offer(HELD, phones.now)
    phones.run(0.05)
    assert alice.established_dialog.target == "sip:bob@10.0.0.2:5060;moved=1"
    alice.hangup(phones.now)
    phones.end()


def test_a_second_invite_before_the_first_one_is_answered_gets_500(phones: Phones) -> None:
    """RFC 3261 s14.2: two INVITEs of one dialog at once."""
    alice, bob = phones.ring_bob()
    assert alice.request is not None
    second = alice.request.copy()
    second.set("CSeq", "2 INVITE")
    second.set("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKsecond")
    second.set("To", f"<{BOB_URI}>;tag={bob.established_dialog.local_tag}")
    phones.alice.layer.send(second.to_bytes(), Hop("UDP", "10.0.0.2", 5060))
    phones.run(0.05)
    assert phones.flow()[1:] == ["a->b INVITE", "b->a 500 INVITE"]
    bob.accept(ANSWER, phones.now)
    phones.run(1.0)
    assert bob.state == SessionState.CONFIRMED


def test_a_change_withdrawn_by_the_peer(phones: Phones) -> None:
    alice, bob = phones.connect()
    alice.reinvite(HOLD, phones.now)
    phones.run(0.5)
    assert alice.local_change is not None
    assert alice.local_change._request is not None
    alice.local_change._request.cancel(phones.now)
    phones.run(1.0)
    assert one(phones.alice_node, CallOfferAnswered).status == 487
    assert not bob.offer_pending
    with pytest.raises(InvalidState):
        bob.answer_offer(HELD, phones.now)
    bob.reinvite(HELD, phones.now)
    phones.run(0.05)
    alice.answer_offer(HOLD, phones.now)
    phones.run(0.05)
    assert alice.remote_sdp == HELD
    alice.hangup(phones.now)
    phones.end()


def test_an_update_its_user_never_answers_leaves_all_as_it_was(phones: Phones) -> None:
    alice, bob = phones.connect()
    alice.update(HOLD, phones.now)
    phones.run(0.05)
    assert bob.offer_pending
    phones.network.intercept = lambda sender, receiver, data: False
    phones.run(33.0)
    assert not bob.offer_pending
    assert not bob.busy
    assert bob.remote_sdp == OFFER
    phones.network.intercept = None
    bob.reinvite(ANSWER, phones.now)
    phones.end()
