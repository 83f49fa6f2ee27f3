"""Calls message by message: the flows of RFC 3665 s3 that need no proxy, and the races of RFC 3261 s9, s13 and s15."""

from __future__ import annotations

import re

import pytest

from microsip_core.errors import InvalidArgument, InvalidState, LimitExceeded
from microsip_core.sip.events import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallIncoming,
    CallProgress,
    CallReleased,
    EndCause,
)
from microsip_core.sip.hop import Source
from microsip_core.sip.session.invite_session import SessionState

from .calls import ANSWER, BOB_URI, OFFER, Phones, drop, names, one


@pytest.fixture
def phones() -> Phones:
    return Phones()


def test_session_established_and_ended_by_the_caller(phones: Phones) -> None:
    """RFC 3665 s3.1."""
    alice, bob = phones.ring_bob()
    assert (bob.state, bob.local_uri, bob.remote_uri) == (SessionState.INCOMING, BOB_URI, "sip:alice@example.com")
    bob.progress(180, phones.now)
    phones.run(1.0)
    assert alice.state == bob.state == SessionState.EARLY
    bob.accept(ANSWER, phones.now)
    phones.run(1.0)
    assert alice.state == bob.state == SessionState.CONFIRMED
    assert (alice.local_sdp, alice.remote_sdp) == (bob.remote_sdp, bob.local_sdp) == (OFFER, ANSWER)
    alice.hangup(phones.now)
    phones.end()
    assert phones.flow() == [
        "a->b INVITE",
        "b->a 180 INVITE",
        "b->a 200 INVITE",
        "a->b ACK",
        "a->b BYE",
        "b->a 200 BYE",
    ]
    assert names(phones.alice_node) == ["CallProgress", "CallAnswered", "CallEnded", "CallReleased"]
    assert names(phones.bob_node) == ["CallIncoming", "CallConfirmed", "CallEnded"]
    assert one(phones.alice_node, CallAnswered).sdp == ANSWER
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.by) == (EndCause.HANGUP, "local")
    ended = one(phones.bob_node, CallEnded)
    assert (ended.cause, ended.by) == (EndCause.HANGUP, "remote")
    assert one(phones.alice_node, CallReleased).status == 200


def test_session_ended_by_the_callee_with_a_reason(phones: Phones) -> None:
    _alice, bob = phones.connect()
    bob.hangup(
        phones.now, headers=[("Reason", 'Q.850;cause=16;text="done"'), ("Reason", 'SIP;cause=200;text="bye; now"')]
    )
    phones.end()
    assert phones.flow() == ["b->a BYE", "a->b 200 BYE"]
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.by, ended.status, ended.reason) == (EndCause.HANGUP, "remote", 200, "bye; now")


def test_a_slow_callee_gets_a_100_sent(phones: Phones) -> None:
    _alice, bob = phones.ring_bob()
    phones.run(1.0)
    bob.accept(ANSWER, phones.now)
    phones.run(1.0)
    assert phones.flow() == ["a->b INVITE", "b->a 100 INVITE", "b->a 200 INVITE", "a->b ACK"]
    assert names(phones.alice_node) == ["CallAnswered"]


def test_no_answer_canceled_by_the_caller(phones: Phones) -> None:
    """RFC 3665 s3.8."""
    alice, bob = phones.ring_bob()
    bob.progress(180, phones.now)
    phones.run(1.0)
    alice.hangup(phones.now, headers=[("Reason", 'SIP;cause=200;text="elsewhere"')])
    assert alice.ended
    phones.end()
    assert phones.flow()[2:] == ["a->b CANCEL", "b->a 200 CANCEL", "b->a 487 INVITE", "a->b ACK"]
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.by) == (EndCause.CANCELED, "local")
    assert one(phones.alice_node, CallReleased).status == 487
    ended = one(phones.bob_node, CallEnded)
    assert (ended.cause, ended.by, ended.status, ended.reason) == (EndCause.CANCELED, "remote", 487, "elsewhere")


@pytest.mark.parametrize(
    ("status", "reason"), [(486, "Busy Here"), (480, "Temporarily Unavailable"), (600, "Nobody here")]
)
def test_refusal(phones: Phones, status: int, reason: str) -> None:
    """RFC 3665 s3.9 and s3.11."""
    _, bob = phones.ring_bob()
    bob.reject(status, phones.now, reason=reason, headers=[("Warning", '399 example.com "no"')])
    phones.end()
    assert phones.flow() == ["a->b INVITE", f"b->a {status} INVITE", "a->b ACK"]
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.by, ended.status, ended.reason) == (EndCause.REJECTED, "remote", status, reason)
    assert ended.message is not None
    assert ended.message.get("Warning") == '399 example.com "no"'
    ended = one(phones.bob_node, CallEnded)
    assert (ended.cause, ended.by, ended.status) == (EndCause.REJECTED, "local", status)


def test_hanging_up_an_incoming_call_refuses_it(phones: Phones) -> None:
    _, bob = phones.ring_bob()
    bob.hangup(phones.now, status=486)
    phones.end()
    assert one(phones.alice_node, CallEnded).status == 486


def test_redirection_tells_the_contacts_best_first(phones: Phones) -> None:
    """RFC 3665 s3.7, the caller's part."""
    _, bob = phones.ring_bob()
    bob.reject(
        302, phones.now, headers=[("Contact", "<sip:b@10.0.0.7>;q=0.2, <sip:c@10.0.0.8>;q=0.9"), ("Contact", "<x")]
    )
    phones.end()
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.contacts) == (EndCause.REDIRECTED, ("sip:c@10.0.0.8", "sip:b@10.0.0.7"))


def test_nobody_there(phones: Phones) -> None:
    """RFC 3665 s3.10: no response at all."""
    phones.alice.invite("sip:bob@10.0.0.99", OFFER, 0.0)
    phones.end()
    assert phones.flow() == ["a->- INVITE"] * 7
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.by, ended.status) == (EndCause.TIMEOUT, "timeout", 408)


def test_nobody_answers(phones: Phones) -> None:
    alice = phones.call(answer_timeout=10.0)
    phones.run(0.05)
    one(phones.bob_node, CallIncoming).session.progress(180, phones.now)
    phones.end()
    assert phones.flow()[2:] == ["a->b CANCEL", "b->a 200 CANCEL", "b->a 487 INVITE", "a->b ACK"]
    ended = one(phones.alice_node, CallEnded)
    assert (ended.cause, ended.by) == (EndCause.NO_ANSWER, "timeout")
    assert alice.ended


def test_an_unattended_phone_stops_ringing() -> None:
    phones = Phones(ring_timeout=20.0)
    phones.ring_bob()
    phones.end()
    assert phones.now < 60.0
    assert one(phones.alice_node, CallEnded).status == 480
    ended = one(phones.bob_node, CallEnded)
    assert (ended.cause, ended.by) == (EndCause.NO_ANSWER, "timeout")


def test_the_patience_of_the_caller_ends_ringing(phones: Phones) -> None:
    phones.ring_bob(headers=[("Expires", "15")])
    phones.end()
    assert one(phones.alice_node, CallEnded).status == 487
    assert one(phones.bob_node, CallEnded).cause is EndCause.NO_ANSWER


def test_ringing_is_repeated_every_minute(phones: Phones) -> None:
    _, bob = phones.ring_bob()
    bob.progress(180, phones.now)
    phones.run(130.0)
    assert phones.flow() == ["a->b INVITE"] + ["b->a 180 INVITE"] * 3


# -- early and late session descriptions


def test_early_media_and_an_answer_without_body(phones: Phones) -> None:
    alice, bob = phones.ring_bob()
    bob.progress(183, phones.now, sdp=ANSWER)
    phones.run(0.05)
    progress = one(phones.alice_node, CallProgress)
    assert (progress.status, progress.sdp) == (183, ANSWER)
    lost = drop(phones, lambda sender, data: False)
    bob.accept(None, phones.now)
    phones.run(0.05)
    assert lost == []
    assert one(phones.alice_node, CallAnswered).sdp == ANSWER
    assert (alice.remote_sdp, bob.local_sdp) == (ANSWER, ANSWER)


def test_late_offer(phones: Phones) -> None:
    alice, bob = phones.ring_bob(None)
    assert one(phones.bob_node, CallIncoming).sdp is None
    with pytest.raises(InvalidArgument):
        bob.accept(None, phones.now)
    with pytest.raises(InvalidState):
        bob.progress(183, phones.now, sdp=OFFER, reliable=False)
    bob.accept(OFFER, phones.now)
    phones.run(0.1)
    answered = one(phones.alice_node, CallAnswered)
    assert (answered.sdp, answered.is_offer) == (OFFER, True)
    assert alice.state == SessionState.CONNECTING
    alice.acknowledge(ANSWER, phones.now)
    phones.run(0.1)
    assert one(phones.bob_node, CallConfirmed).sdp == ANSWER
    assert (alice.local_sdp, alice.remote_sdp) == (bob.remote_sdp, bob.local_sdp) == (ANSWER, OFFER)
    with pytest.raises(InvalidState):
        alice.acknowledge(ANSWER, phones.now)
    bob.hangup(phones.now)
    phones.end()


def test_a_late_offer_not_wanted_is_acknowledged_and_ended(phones: Phones) -> None:
    alice, bob = phones.ring_bob(None)
    bob.accept(OFFER, phones.now)
    phones.run(0.1)
    alice.hangup(phones.now)
    phones.end()
    assert phones.flow()[2:] == ["a->b ACK", "a->b BYE", "b->a BYE", "b->a 200 BYE", "a->b 200 BYE"]
    assert one(phones.alice_node, CallEnded).cause is EndCause.HANGUP
    assert one(phones.bob_node, CallEnded).cause is EndCause.NEGOTIATION


def test_an_answer_without_session_description_ends_the_call(phones: Phones) -> None:
    _alice, bob = phones.ring_bob()
    lost = drop(phones, lambda sender, data: False)
    bob.accept(ANSWER, phones.now)
    packets = phones.bob.data_to_send()
    bare = (
        packets[0]
        .data.partition(b"\r\n\r\n")[0]
        .replace(f"Content-Length: {len(ANSWER)}".encode(), b"Content-Length: 0")
    )
    phones.bob.layer.send(bare + b"\r\n\r\n", packets[0].hop, packets[0].source)
    phones.end()
    assert lost == []
    assert one(phones.alice_node, CallEnded).cause is EndCause.NEGOTIATION
    assert "a->b BYE" in phones.flow()


# -- races and loss


def test_cancel_overtaken_by_the_answer(phones: Phones) -> None:
    """The 2xx is under way when the CANCEL is sent: ACK and BYE (RFC 3261 s9.1, s15)."""
    alice, bob = phones.ring_bob()
    bob.progress(180, phones.now)
    phones.run(1.0)
    bob.accept(ANSWER, phones.now)
    alice.hangup(phones.now)
    phones.end()
    assert phones.flow()[2:] == [
        "a->b CANCEL",
        "b->a 200 INVITE",
        "a->b ACK",
        "a->b BYE",
        "b->a 200 CANCEL",
        "b->a 200 BYE",
    ]
    assert names(phones.alice_node) == ["CallProgress", "CallEnded", "CallReleased"]
    assert one(phones.alice_node, CallEnded).cause is EndCause.CANCELED
    assert one(phones.alice_node, CallReleased).status == 200
    assert one(phones.bob_node, CallEnded).by == "remote"


def test_cancel_before_any_response_waits_for_one(phones: Phones) -> None:
    alice = phones.call()
    alice.hangup(phones.now)
    phones.end()
    assert phones.flow() == [
        "a->b INVITE",
        "b->a 100 INVITE",
        "a->b CANCEL",
        "b->a 200 CANCEL",
        "b->a 487 INVITE",
        "a->b ACK",
    ]


def test_both_hang_up_at_once(phones: Phones) -> None:
    alice, bob = phones.connect()
    alice.hangup(phones.now)
    bob.hangup(phones.now)
    phones.end()
    assert sorted(phones.flow()) == ["a->b 200 BYE", "a->b BYE", "b->a 200 BYE", "b->a BYE"]
    assert one(phones.alice_node, CallEnded).by == "local"
    assert one(phones.bob_node, CallEnded).by == "local"
    assert one(phones.alice_node, CallReleased).status == one(phones.bob_node, CallReleased).status == 200


def test_a_lost_ack_has_the_2xx_repeated_and_then_the_ack(phones: Phones) -> None:
    _alice, bob = phones.ring_bob()
    lost = drop(phones, lambda sender, data: data.startswith(b"ACK"), 2)
    bob.accept(ANSWER, phones.now)
    phones.run(5.0)
    assert len(lost) == 2
    assert phones.flow()[1:] == [
        "b->a 200 INVITE",
        "a->- ACK",
        "b->a 200 INVITE",
        "a->- ACK",
        "b->a 200 INVITE",
        "a->b ACK",
    ]
    assert lost[0] == lost[1]
    assert names(phones.alice_node) == ["CallAnswered"]
    assert bob.state == SessionState.CONFIRMED


@pytest.mark.parametrize(("header", "confirms"), [(b"To", True), (b"From", False)])
def test_an_ack_with_an_invented_to_tag_confirms(phones: Phones, header: bytes, confirms: bool) -> None:
    """pyVoIP 1.6 puts a fresh random To tag into each ACK; a From tag nobody has heard of is no ACK of ours."""
    _, bob = phones.ring_bob()
    lost = drop(phones, lambda sender, data: data.startswith(b"ACK"), 100)
    bob.accept(ANSWER, phones.now)
    phones.run(0.1)
    ack = re.sub(rb"(?m)^(%s: .*;tag=)[^;\r]+" % header, rb"\1invented", lost[0])
    phones.bob.receive(ack, Source("UDP", "10.0.0.1", 5060, ("10.0.0.2", 5060)), phones.now)
    assert (bob.state == SessionState.CONFIRMED) is confirms
    bob.hangup(phones.now)
    phones.end()


def test_without_any_ack_the_call_is_ended_by_bye(phones: Phones) -> None:
    _alice, bob = phones.ring_bob()
    drop(phones, lambda sender, data: data.startswith(b"ACK"), 1000)
    bob.accept(ANSWER, phones.now)
    phones.end()
    assert phones.flow().count("b->a 200 INVITE") == 11
    ended = one(phones.bob_node, CallEnded)
    assert (ended.cause, ended.by) == (EndCause.NO_ACK, "timeout")
    assert one(phones.alice_node, CallEnded).by == "remote"


def test_a_hang_up_right_after_the_answer_waits_for_the_ack(phones: Phones) -> None:
    """RFC 3261 s15: the callee sends no BYE before the ACK."""
    _alice, bob = phones.ring_bob()
    bob.accept(ANSWER, phones.now)
    bob.hangup(phones.now, headers=[("Reason", "SIP;cause=200")])
    assert bob.ended
    phones.end()
    assert phones.flow()[1:] == ["b->a 200 INVITE", "a->b ACK", "b->a BYE", "a->b 200 BYE"]
    assert one(phones.alice_node, CallEnded).status == 200
    assert names(phones.bob_node) == ["CallIncoming", "CallEnded", "CallReleased"]


def test_a_bye_that_overtakes_the_ack(phones: Phones) -> None:
    alice, bob = phones.ring_bob()
    drop(phones, lambda sender, data: data.startswith(b"ACK"), 1)
    bob.accept(ANSWER, phones.now)
    phones.run(0.02)
    alice.hangup(phones.now)
    phones.end()
    assert one(phones.bob_node, CallEnded).by == "remote"
    assert names(phones.bob_node) == ["CallIncoming", "CallEnded"]


def test_a_peer_that_vanishes_is_hung_up_on_in_the_end(phones: Phones) -> None:
    alice, _ = phones.connect()
    del phones.network.nodes[phones.bob_node.address]
    alice.hangup(phones.now)
    assert names(phones.alice_node) == []
    phones.run()
    assert names(phones.alice_node) == ["CallEnded", "CallReleased"]
    assert one(phones.alice_node, CallReleased).status == 0


def test_a_send_error_ends_the_call_at_once(phones: Phones) -> None:
    phones.call()
    token = phones.alice.data_to_send()[0].token
    phones.alice.transport_failed(token, "no route to host", 0.0)
    ended = phones.alice.next_event()
    assert isinstance(ended, CallEnded)
    assert (ended.cause, ended.by, ended.reason) == (EndCause.TRANSPORT, "transport", "no route to host")
    assert phones.alice.idle


# -- misuse


def test_commands_out_of_season_raise(phones: Phones) -> None:
    alice, bob = phones.ring_bob()
    for command in (
        lambda: alice.accept(ANSWER, phones.now),
        lambda: alice.progress(180, phones.now),
        lambda: alice.reject(486, phones.now),
        lambda: alice.reinvite(OFFER, phones.now),
        lambda: bob.acknowledge(ANSWER, phones.now),
        lambda: bob.answer_offer(ANSWER, phones.now),
        lambda: alice.send_request("INFO", phones.now),
        lambda: bob.reject_offer(488, phones.now),
    ):
        with pytest.raises(InvalidState):
            command()
    for wrong in (
        lambda: bob.progress(200, phones.now),
        lambda: bob.accept(ANSWER, phones.now, status=302),
        lambda: bob.reject(200, phones.now),
        lambda: alice.send_request("BYE", phones.now),
        lambda: phones.alice.invite("tel:123", OFFER, phones.now),
        lambda: phones.alice.invite("bob", OFFER, phones.now),
        lambda: phones.alice.invite(BOB_URI, OFFER, phones.now, headers=[("X-A", "1\r\nX-B: 2")]),
    ):
        with pytest.raises(InvalidArgument):
            wrong()
    bob.reject(486, phones.now)
    with pytest.raises(InvalidState):
        bob.accept(ANSWER, phones.now)
    alice.hangup(phones.now)
    alice.hangup(phones.now)
    phones.end()


@pytest.mark.parametrize("headers", [[("X-A", "1\r\nX-B: 2")], [("X A", "1")]])
def test_a_header_that_can_not_be_sent_changes_nothing(phones: Phones, headers: list[tuple[str, str]]) -> None:
    alice, bob = phones.ring_bob()
    for command in (
        lambda: bob.progress(180, phones.now, headers=headers),
        lambda: bob.accept(ANSWER, phones.now, headers=headers),
        lambda: bob.reject(486, phones.now, headers=headers),
        lambda: alice.hangup(phones.now, headers=headers),
    ):
        with pytest.raises(InvalidArgument):
            command()
    bob.accept(ANSWER, phones.now)
    phones.run(0.1)
    for command in (
        lambda: alice.reinvite(OFFER, phones.now, headers=headers),
        lambda: alice.update(OFFER, phones.now, headers=headers),
        lambda: alice.send_request("INFO", phones.now, headers=headers),
        lambda: alice.transfer(BOB_URI, phones.now, headers=headers),
        lambda: alice.hangup(phones.now, headers=headers),
    ):
        with pytest.raises(InvalidArgument):
            command()
    alice.reinvite(OFFER, phones.now)
    phones.run(0.05)
    with pytest.raises(InvalidArgument):
        bob.answer_offer(ANSWER, phones.now, headers=headers)
    bob.answer_offer(ANSWER, phones.now)
    phones.run(0.05)
    assert alice.state == SessionState.CONFIRMED
    alice.hangup(phones.now)
    phones.end()


def test_calls_beyond_the_limit() -> None:
    phones = Phones(max_sessions=1)
    phones.ring_bob()
    with pytest.raises(LimitExceeded):
        phones.call()
    carol = phones.network.endpoint("carol", "10.0.0.3")
    carol.element.invite(BOB_URI, OFFER, phones.now)  # type: ignore[attr-defined]
    phones.run(1.0)
    assert one(carol, CallEnded).status == 486
    assert phones.bob.statistics.refused == {486: 1}


def test_closing_ends_everything(phones: Phones) -> None:
    phones.connect()
    alice = phones.call()
    phones.run(0.05)
    phones.alice.close_all(phones.now)
    assert not phones.alice.idle
    phones.run(1.0)
    assert phones.alice.idle
    assert phones.alice.sessions == []
    assert alice.ended
    phones.end()
