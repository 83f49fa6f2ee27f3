"""Reliable provisional responses, both roles (RFC 3262)."""

from __future__ import annotations

import pytest

from microsip_core.errors import InvalidArgument, InvalidState
from microsip_core.sip import builder
from microsip_core.sip.events import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallOfferAnswered,
    CallOfferReceived,
    CallProgress,
    EndCause,
)
from microsip_core.sip.hop import Hop
from microsip_core.sip.session.invite_session import SessionState

from .calls import ANSWER, OFFER, Phones, drop, names, one
from .test_forking import Forks


@pytest.fixture
def phones() -> Phones:
    return Phones()


def test_an_answer_in_a_reliable_response(phones: Phones) -> None:
    alice, bob = phones.ring_bob()
    bob.progress(183, phones.now, sdp=ANSWER)
    phones.run(0.05)
    progress = one(phones.alice_node, CallProgress)
    assert (progress.sdp, progress.is_offer) == (ANSWER, False)
    assert progress.response.get("Require") == "100rel"
    assert (alice.remote_sdp, bob.remote_sdp) == (ANSWER, OFFER)
    bob.progress(180, phones.now)
    bob.progress(183, phones.now, sdp=ANSWER)
    bob.accept(OFFER, phones.now)
    phones.run(0.05)
    answered = one(phones.alice_node, CallAnswered)
    assert (answered.sdp, answered.response.body) == (ANSWER, b"")
    assert [event.sdp for event in phones.alice_node.events if isinstance(event, CallProgress)] == [ANSWER, None, None]
    assert phones.flow() == [
        "a->b INVITE",
        "b->a 183 INVITE",
        "a->b PRACK",
        "b->a 200 PRACK",
        "b->a 180 INVITE",
        "b->a 183 INVITE",
        "b->a 200 INVITE",
        "a->b PRACK",
        "a->b ACK",
        "b->a 200 PRACK",
    ]
    alice.hangup(phones.now)
    phones.end()


def test_the_answer_waits_for_the_prack_of_a_description(phones: Phones) -> None:
    """RFC 3262 s3: no 2xx while a reliable response with a description is not acknowledged."""
    _, bob = phones.ring_bob()
    lost = drop(phones, lambda sender, data: data.startswith(b"PRACK"), 2)
    bob.progress(183, phones.now, sdp=ANSWER)
    bob.accept(None, phones.now)
    phones.run(0.1)
    assert bob.state == SessionState.EARLY
    phones.run(3.0)
    assert len(lost) == 2
    assert bob.state == SessionState.CONFIRMED
    assert phones.flow().count("b->a 183 INVITE") == 3
    assert names(phones.alice_node) == ["CallProgress", "CallAnswered"]
    bob.hangup(phones.now)
    phones.end()


def test_a_reliable_response_is_repeated_with_doubling_pauses_and_then_the_call_refused(phones: Phones) -> None:
    _, bob = phones.ring_bob()
    drop(phones, lambda sender, data: data.startswith(b"PRACK"), 1000)
    bob.progress(180, phones.now, reliable=True)
    started = phones.now
    phones.end()
    assert phones.network.trace is not None
    times = [round(time - started, 2) for time, _, _, text in phones.network.trace if text == "180 INVITE"]
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    ended = one(phones.bob_node, CallEnded)
    assert (ended.cause, ended.status) == (EndCause.NO_ACK, 504)
    assert one(phones.alice_node, CallEnded).status == 504
    assert names(phones.alice_node).count("CallProgress") == 1


def test_reliable_responses_go_out_one_after_the_other(phones: Phones) -> None:
    _, bob = phones.ring_bob()
    for status in (180, 181, 182):
        bob.progress(status, phones.now, reliable=True)
    phones.run(1.0)
    assert phones.flow() == [
        "a->b INVITE",
        "b->a 180 INVITE",
        "a->b PRACK",
        "b->a 200 PRACK",
        "b->a 181 INVITE",
        "a->b PRACK",
        "b->a 200 PRACK",
        "b->a 182 INVITE",
        "a->b PRACK",
        "b->a 200 PRACK",
    ]
    assert [event.status for event in phones.alice_node.events] == [180, 181, 182]
    bob.reject(486, phones.now)
    phones.end()


def test_an_offer_in_a_reliable_response_is_answered_in_the_prack(phones: Phones) -> None:
    alice, bob = phones.ring_bob(None)
    bob.progress(183, phones.now, sdp=OFFER)
    phones.run(0.05)
    progress = one(phones.alice_node, CallProgress)
    assert (progress.sdp, progress.is_offer) == (OFFER, True)
    assert "a->b PRACK" not in phones.flow()
    alice.answer_early_offer(ANSWER, phones.now)
    with pytest.raises(InvalidState):
        alice.answer_early_offer(ANSWER, phones.now)
    phones.run(0.05)
    assert one(phones.bob_node, CallOfferAnswered).sdp == ANSWER
    bob.accept(None, phones.now)
    phones.run(0.05)
    answered = one(phones.alice_node, CallAnswered)
    assert (answered.sdp, answered.is_offer) == (OFFER, False)
    assert one(phones.bob_node, CallConfirmed).sdp is None
    assert (alice.local_sdp, bob.local_sdp) == (ANSWER, OFFER)
    alice.hangup(phones.now)
    phones.end()


def test_an_early_offer_that_is_never_answered_ends_the_call(phones: Phones) -> None:
    _, bob = phones.ring_bob(None)
    bob.progress(183, phones.now, sdp=OFFER)
    bob.accept(None, phones.now)
    phones.end()
    assert one(phones.bob_node, CallEnded).cause is EndCause.NO_ACK
    assert one(phones.alice_node, CallEnded).status == 504


def test_who_gets_reliable_responses() -> None:
    for supported, asked, sdp, expected in (
        (True, None, None, False),
        (True, None, ANSWER, True),
        (True, True, None, True),
        (True, False, ANSWER, False),
        (False, None, ANSWER, False),
        (False, True, None, False),
    ):
        phones = Phones()
        phones.alice.config.reliable_provisional = supported
        phones.alice._make_headers()
        _, bob = phones.ring_bob()
        bob.progress(183, phones.now, sdp=sdp, reliable=asked)
        phones.run(0.1)
        assert ("a->b PRACK" in phones.flow()) == expected, (supported, asked, sdp)


def test_a_caller_may_insist(phones: Phones) -> None:
    _, bob = phones.ring_bob(headers=[("Require", "100rel")])
    bob.progress(180, phones.now, reliable=False)
    phones.run(0.1)
    assert "a->b PRACK" in phones.flow()
    plain = Phones(reliable_provisional=False)
    plain.call(headers=[("Require", "100rel")])
    plain.run(0.1)
    assert one(plain.alice_node, CallEnded).status == 420


def test_a_prack_for_nothing_is_481(phones: Phones) -> None:
    alice, bob = phones.connect()
    with pytest.raises(InvalidArgument):
        alice.send_request("PRACK", phones.now)
    alice._dialog_request("PRACK", [("RAck", "1 1 INVITE")], b"", None, None).send(phones.now)
    phones.run(0.1)
    assert phones.flow() == ["a->b PRACK", "b->a 481 PRACK", "a->b BYE", "b->a 200 BYE"]
    assert bob.ended
    assert one(phones.alice_node, CallEnded).cause is EndCause.DIALOG_LOST


def test_a_prack_with_an_offer_of_its_own(phones: Phones) -> None:
    """RFC 3262 s5: the PRACK may carry a further offer, answered in its 2xx."""
    alice, bob = phones.ring_bob()
    sent = drop(phones, lambda sender, data: data.startswith(b"PRACK"), 1)
    bob.progress(183, phones.now, sdp=ANSWER)
    phones.run(0.05)
    head = sent[0].partition(b"Content-Length: 0")[0]
    prack = head + b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(OFFER) + OFFER
    phones.network.intercept = None
    phones.alice.layer.send(prack, Hop("UDP", "10.0.0.2", 5060))
    phones.run(0.05)
    assert one(phones.bob_node, CallOfferReceived).sdp == OFFER
    bob.answer_offer(ANSWER, phones.now)
    phones.run(0.05)
    assert phones.flow()[-1] == "b->a 200 PRACK"
    bob.accept(None, phones.now)
    phones.run(0.5)
    assert alice.state == SessionState.CONFIRMED


# -- as the caller of several forks


def reliable(forks: Forks, tag: str, rseq: str, sdp: bytes | None = None) -> None:
    assert forks.invite is not None
    assert forks.source is not None
    response = builder.response_to(
        forks.invite,
        183,
        to_tag=tag,
        contact=f"<sip:{tag}@10.0.0.2>",
        body=sdp or b"",
        content_type="application/sdp" if sdp else None,
        headers=[("Require", "100rel"), ("RSeq", rseq)],
    )
    forks.script.reply(response, forks.source)
    forks.network.run(forks.network.now + 0.05)


def test_forks_are_acknowledged_apart_and_in_order() -> None:
    forks = Forks()
    for tag, rseq in (("x", "7"), ("y", "7"), ("x", "7"), ("x", "9"), ("x", "8"), ("x", "bad"), ("y", "0")):
        reliable(forks, tag, rseq)
    assert [request for request in forks.requests if request[0] == "PRACK"][:3] == [
        ("PRACK", "x"),
        ("PRACK", "y"),
        ("PRACK", "x"),
    ]
    racks = {message.get("RAck") for message in forks.script.received if message.get("RAck")}
    assert racks == {"7 1 INVITE", "8 1 INVITE"}
    assert len(forks.events(CallProgress)) == 5
    forks.session.hangup(forks.network.now)
    forks.answer(487, "x")
    forks.end()


def test_another_fork_than_the_one_with_the_early_answer_wins() -> None:
    forks = Forks()
    reliable(forks, "x", "1", ANSWER)
    assert forks.session.remote_sdp == ANSWER
    forks.answer(200, "y", OFFER)
    assert forks.events(CallAnswered)[0].sdp == OFFER
    assert forks.session.remote_sdp == OFFER
    forks.session.hangup(forks.network.now)
    forks.end()


def test_another_fork_than_the_one_with_the_early_offer_wins() -> None:
    forks = Forks(None)
    reliable(forks, "x", "1", ANSWER)
    reliable(forks, "y", "1", ANSWER)
    assert [event.is_offer for event in forks.events(CallProgress)] == [True, False]
    forks.answer(200, "y", OFFER)
    answered = forks.events(CallAnswered)[0]
    assert (answered.sdp, answered.is_offer) == (OFFER, True)
    forks.session.acknowledge(ANSWER, forks.network.now)
    forks.session.hangup(forks.network.now)
    forks.end()
