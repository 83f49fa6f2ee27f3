"""Blind and attended transfer: REFER, NOTIFY and Replaces (RFC 3515, RFC 3891, RFC 4488, flows of RFC 5589)."""

from __future__ import annotations

from typing import Any

import pytest

from microsip_core.errors import InvalidState
from microsip_core.sip.events import (
    CallAnswered,
    CallEnded,
    CallIncoming,
    CallProgress,
    EndCause,
    TransferProgress,
    TransferRequested,
)
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.session.invite_session import InviteSession, SessionState
from microsip_core.sip.session.transfer import Replaces

from .calls import ANSWER, OFFER, Phones, drop, names, one
from .virtual_network import Node, endpoint_of, leftovers

CAROL_URI = "sip:carol@10.0.0.3"


class Three:
    """Alice and Bob talk; Carol is there to be called. Bob does as he is told, Carol answers as the test says."""

    def __init__(self, answer: int = 200) -> None:
        self.phones = Phones(transfers=True)
        self.carol_node = self.phones.network.endpoint("carol", "10.0.0.3")
        self.alice, self.bob = self.phones.connect()
        self.answer = answer
        self.carol_node.on_event = self.carol_acts
        self.phones.bob_node.on_event = self.bob_acts
        self.new_call: InviteSession | None = None
        self.request: TransferRequested | None = None

    @property
    def now(self) -> float:
        return self.phones.now

    def carol_acts(self, event: Any, now: float) -> None:
        if isinstance(event, CallIncoming):
            event.session.progress(180, now)
            if self.answer < 300:
                event.session.accept(ANSWER, now)
            else:
                event.session.reject(self.answer, now)

    def bob_acts(self, event: Any, now: float) -> None:
        if isinstance(event, TransferRequested):
            self.request = event
            event.transfer.accept(now)
            headers = [("Replaces", event.replaces)] if event.replaces else []
            if event.referred_by:
                headers.append(("Referred-By", event.referred_by))
            self.new_call = self.phones.bob.invite(event.target, OFFER, now, headers=headers)
        elif self.request is not None and isinstance(event, (CallProgress, CallAnswered, CallEnded)) and event.status:
            self.request.transfer.notify(event.status, now)

    def told(self) -> list[tuple[int, bool]]:
        events = [event for event in self.phones.alice_node.events if isinstance(event, TransferProgress)]
        return [(event.status, event.final) for event in events]

    def end(self) -> None:
        for node in (self.phones.alice_node, self.phones.bob_node, self.carol_node):
            endpoint_of(node).close_all(self.now)
        self.phones.run()
        for node in (self.phones.alice_node, self.phones.bob_node, self.carol_node):
            assert leftovers(endpoint_of(node)) == {}


def test_blind_transfer() -> None:
    """RFC 5589 s6.1."""
    three = Three()
    transfer = three.alice.transfer(CAROL_URI, three.now, headers=[("X-A", "1")])
    three.phones.run(1.0)
    assert three.request is not None
    assert (three.request.target, three.request.replaces) == (CAROL_URI, None)
    assert three.request.request.get("X-A") == "1"
    assert three.request.referred_by == "<sip:alice@example.com>"
    assert one(three.carol_node, CallIncoming).request.get("Referred-By") == "<sip:alice@example.com>"
    assert three.told() == [(100, False), (100, False), (180, False), (200, True)]
    assert transfer.done
    assert three.alice.transfers == ()
    assert three.alice.state == SessionState.CONFIRMED, "who asked hangs up when it sees fit"
    three.alice.hangup(three.now)
    three.phones.run(1.0)
    assert one(three.phones.bob_node, CallEnded).session is three.bob
    assert three.new_call is not None
    assert three.new_call.state == SessionState.CONFIRMED
    three.end()


def test_a_transfer_that_fails_leaves_the_call() -> None:
    three = Three(486)
    three.alice.transfer(CAROL_URI, three.now)
    three.phones.run(1.0)
    assert three.told()[-1] == (486, True)
    assert three.alice.state == three.bob.state == SessionState.CONFIRMED
    three.end()


def test_attended_transfer() -> None:
    """RFC 5589 s7.1: Alice calls Carol first, then joins Bob and Carol."""
    three = Three()
    consultation = three.phones.alice.invite(CAROL_URI, OFFER, three.now)
    three.phones.run(0.5)
    assert consultation.state == SessionState.CONFIRMED
    three.alice.transfer_to(consultation, three.now)
    three.phones.run(1.0)
    incoming = [event for event in three.carol_node.events if isinstance(event, CallIncoming)]
    assert incoming[1].replaces is incoming[0].session
    ended = one(three.carol_node, CallEnded)
    assert (ended.session, ended.cause, ended.by) == (incoming[0].session, EndCause.REPLACED, "remote")
    assert consultation.ended
    assert three.told()[-1] == (200, True)
    three.end()


def test_the_driver_may_refuse_a_transfer() -> None:
    three = Three()
    three.phones.bob_node.on_event = None
    three.alice.transfer(CAROL_URI, three.now)
    three.phones.run(0.05)
    requested = one(three.phones.bob_node, TransferRequested)
    with pytest.raises(InvalidState):
        requested.transfer.notify(200, three.now)
    requested.transfer.reject(603, three.now)
    with pytest.raises(InvalidState):
        requested.transfer.accept(three.now)
    three.phones.run(1.0)
    assert three.told() == [(603, True)]
    three.end()


def test_a_transfer_without_notifications() -> None:
    """RFC 4488: Refer-Sub: false."""
    three = Three()
    three.alice.transfer(CAROL_URI, three.now, headers=[("Refer-Sub", "false")])
    three.phones.run(1.0)
    assert three.told() == [(202, True)]
    assert not any("NOTIFY" in line for line in three.phones.flow())
    three.end()


def test_a_subscription_that_ends_without_an_outcome() -> None:
    three = Three()
    three.phones.bob_node.on_event = None
    three.alice.transfer(CAROL_URI, three.now)
    three.phones.run(0.05)
    one(three.phones.bob_node, TransferRequested).transfer.accept(three.now)
    three.phones.run(0.05)
    three.bob.send_request(
        "NOTIFY", three.now, headers=[("Event", "refer"), ("Subscription-State", "terminated;reason=giveup")], body=b""
    )
    three.phones.run(0.05)
    assert three.told() == [(100, False), (100, False), (503, True)]
    three.end()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 400),
        ([("Refer-To", "<sip:a@b>"), ("Refer-To", "<sip:c@d>")], 400),
        ([("Refer-To", "<sip:a@b:99999>")], 400),
        ([("Refer-To", "<")], 400),
    ],
)
def test_a_refer_that_can_not_be_read(headers: list[tuple[str, str]], status: int) -> None:
    three = Three()
    three.alice.send_request("REFER", three.now, headers=headers)
    three.phones.run(0.1)
    assert three.phones.flow()[-1] == f"b->a {status} REFER"
    three.end()


def test_a_notify_for_nothing() -> None:
    for event, status in (("refer;id=99", 481), ("presence", 489)):
        three = Three()
        three.alice.send_request("NOTIFY", three.now, headers=[("Event", event), ("Subscription-State", "active")])
        three.phones.run(0.1)
        assert f"b->a {status} NOTIFY" in three.phones.flow()
        assert three.alice.ended == (status == 481), "481 to a request of the call ends it"
        three.end()


@pytest.mark.parametrize(("transfers", "status"), [(True, 403), (False, 405)])
def test_a_refer_out_of_a_call(transfers: bool, status: int) -> None:
    phones = Phones(transfers=transfers)
    phones.alice.request("REFER", "sip:bob@10.0.0.2", 0.0, headers=[("Refer-To", "<sip:c@d>")])
    phones.run(0.1)
    assert phones.flow()[-1] == f"b->a {status} REFER"


def test_a_driver_that_takes_no_transfers_refuses_them() -> None:
    phones = Phones()
    alice, _ = phones.connect()
    alice.transfer(CAROL_URI, phones.now)
    phones.run(0.1)
    progress = one(phones.alice_node, TransferProgress)
    assert (progress.status, progress.final) == (405, True)
    assert alice.state == SessionState.CONFIRMED


def test_a_notify_that_overtakes_the_202_is_taken() -> None:
    """RFC 6665 s4.1.2.4: a subscriber takes NOTIFYs before the response to its request."""
    three = Three()
    lost = drop(three.phones, lambda sender, data: data.startswith(b"SIP/2.0 202"))
    three.alice.transfer(CAROL_URI, three.now)
    three.phones.run(2.0)
    assert len(lost) == 1
    assert [status for status, final in three.told() if final] == [200]
    assert [status for status, _ in three.told()] == sorted(status for status, _ in three.told())
    three.end()


def test_a_peer_that_refuses_an_older_notify_is_told_the_outcome() -> None:
    three = Three()
    late: list[bytes] = []

    def delay(sender: Node, receiver: tuple[str, int], data: bytes) -> bool:
        if b"100 Trying" in data and data.startswith(b"NOTIFY") and not late:
            late.append(data)
            return False
        return True

    three.phones.network.intercept = delay  # its retransmission comes after the others
    three.alice.transfer(CAROL_URI, three.now)
    three.phones.run(3.0)
    assert [status for status, final in three.told() if final] == [200]
    three.end()


# -- Replaces


def call_with_replaces(three: Three, value: str) -> Node:
    dave = three.phones.network.endpoint("dave", "10.0.0.4")
    endpoint_of(dave).invite("sip:bob@10.0.0.2", OFFER, three.now, headers=[("Replaces", value)])
    three.phones.run(0.05)
    return dave


def replaces(session: InviteSession, **changes: Any) -> str:
    dialog = session.established_dialog
    return str(Replaces(dialog.call_id, dialog.local_tag, dialog.remote_tag)._replace(**changes))


@pytest.mark.parametrize(
    ("changes", "status"), [({"call_id": "other"}, 481), ({"to_tag": "other"}, 481), ({"early_only": True}, 486)]
)
def test_replaces_that_does_not_fit(changes: dict[str, Any], status: int) -> None:
    three = Three()
    dave = call_with_replaces(three, replaces(three.bob, **changes))
    assert one(dave, CallEnded).status == status
    assert three.bob.state == SessionState.CONFIRMED
    three.end()


@pytest.mark.parametrize("value", ["call", "call;to-tag=a", ";to-tag=a;from-tag=b"])
def test_malformed_replaces(value: str) -> None:
    three = Three()
    assert one(call_with_replaces(three, value), CallEnded).status == 400
    with pytest.raises(SipParseError):
        Replaces.parse(value)
    three.end()


def test_a_call_that_has_ended_is_not_replaced() -> None:
    three = Three()
    value = replaces(three.bob)
    three.phones.network.intercept = lambda sender, receiver, data: not data.startswith(b"BYE")
    three.bob.hangup(three.now)
    assert one(call_with_replaces(three, value), CallEnded).status == 603
    three.phones.network.intercept = None
    three.end()


def test_refusing_the_new_call_keeps_the_old_one() -> None:
    three = Three()
    dave = call_with_replaces(three, replaces(three.bob))
    incoming = [event for event in three.phones.bob_node.events if isinstance(event, CallIncoming)][-1]
    assert incoming.replaces is three.bob
    incoming.session.reject(486, three.now)
    three.phones.run(0.1)
    assert one(dave, CallEnded).status == 486
    assert three.bob.state == SessionState.CONFIRMED
    three.end()


# -- Join


def call_with_join(three: Three, value: str, *others: tuple[str, str]) -> Node:
    dave = three.phones.network.endpoint("dave", "10.0.0.4")
    headers = [("Join", value), *others]
    endpoint_of(dave).invite("sip:bob@10.0.0.2", OFFER, three.now, headers=headers)
    three.phones.run(0.05)
    return dave


def three_who_may_be_joined() -> Three:
    three = Three()
    three.phones.bob.config.joins = True
    return three


def test_a_call_that_joins_names_the_call_it_joins() -> None:
    """RFC 3911 s4; the one joined goes on as it was."""
    three = three_who_may_be_joined()
    dave = call_with_join(three, replaces(three.bob))
    incoming = [event for event in three.phones.bob_node.events if isinstance(event, CallIncoming)][-1]
    assert (incoming.joins, incoming.replaces) == (three.bob, None)
    incoming.session.accept(ANSWER, three.now)
    three.phones.run(0.1)
    assert one(dave, CallAnswered).status == 200
    assert three.bob.state == SessionState.CONFIRMED
    three.end()


@pytest.mark.parametrize(("value", "others", "status"), [
    ("other;to-tag=a;from-tag=b", (), 481), ("call", (), 400), (None, (("Replaces", "a;to-tag=b;from-tag=c"),), 400),
    (None, (("Join", "a;to-tag=b;from-tag=c"),), 400),
])
def test_join_that_does_not_fit(value: str | None, others: Any, status: int) -> None:
    three = three_who_may_be_joined()
    dave = call_with_join(three, value or replaces(three.bob), *others)
    assert one(dave, CallEnded).status == status
    assert three.bob.state == SessionState.CONFIRMED
    three.end()


def test_join_is_ignored_where_it_is_not_wanted_and_refused_where_it_is_required() -> None:
    three = Three()
    call_with_join(three, replaces(three.bob))
    assert [event for event in three.phones.bob_node.events if isinstance(event, CallIncoming)][-1].joins is None
    three.end()
    three = Three()
    dave = call_with_join(three, replaces(three.bob), ("Require", "join"))
    assert one(dave, CallEnded).status == 420
    three.end()


def test_an_early_call_is_picked_up() -> None:
    """RFC 3891 s3: only who made the call may be asked to replace it while it rings."""
    phones = Phones()
    alice, bob = phones.ring_bob()
    bob.progress(180, phones.now)
    phones.run(0.05)
    (dialog,) = phones.alice.dialogs.values()
    value = str(Replaces(dialog.call_id, dialog.local_tag, dialog.remote_tag, early_only=True))
    carol = phones.network.endpoint("carol", "10.0.0.3")
    picked = endpoint_of(carol).invite("sip:alice@10.0.0.1", OFFER, phones.now, headers=[("Replaces", value)])
    phones.run(0.05)
    incoming = one(phones.alice_node, CallIncoming)
    assert incoming.replaces is alice
    incoming.session.accept(ANSWER, phones.now)
    phones.run(0.1)
    assert picked.state == SessionState.CONFIRMED
    assert one(phones.alice_node, CallEnded).cause is EndCause.REPLACED
    assert one(phones.bob_node, CallEnded).cause is EndCause.CANCELED
    other = endpoint_of(carol).invite(
        "sip:bob@10.0.0.2", OFFER, phones.now, headers=[("Replaces", str(Replaces(bob.call_id, "x", "y")))]
    )
    phones.run(0.05)
    assert other.ended
    assert names(phones.bob_node).count("CallIncoming") == 1


def test_a_ringing_call_can_not_be_taken_from_the_callee() -> None:
    phones = Phones()
    _, bob = phones.ring_bob()
    bob.progress(180, phones.now)
    phones.run(0.05)
    carol = phones.network.endpoint("carol", "10.0.0.3")
    endpoint_of(carol).invite("sip:bob@10.0.0.2", OFFER, phones.now, headers=[("Replaces", replaces(bob))])
    phones.run(0.05)
    assert one(carol, CallEnded).status == 481
    assert bob.state == SessionState.EARLY
