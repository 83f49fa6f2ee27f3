"""Calls between endpoints through the server on a virtual network: forking, cancellation, authentication, loss."""

from __future__ import annotations

import pytest

from microsip_core.server.auth import ChallengeMode
from microsip_core.server.core import ServerCore
from microsip_core.sip import events
from microsip_core.sip.events import EndCause
from microsip_core.sip.session.session_state import SessionState

from .virtual_network import SDP, Phone, VirtualNetwork, add_server


def network_with(challenge: ChallengeMode = ChallengeMode.NONE, **auth: object) -> tuple[VirtualNetwork, ServerCore]:
    network = VirtualNetwork()
    return network, add_server(network, challenge, **auth)


def assert_nothing_left(network: VirtualNetwork, core: ServerCore, *phones: Phone) -> None:
    """Unregister everybody, let every timer run out, and see that no transaction, session or timer remains."""
    network.loss = 0.0
    for phone in phones:
        phone.endpoint.close_all(network.now)
        phone.flush()
    network.run(300.0)
    assert network.quiet
    assert core.statistics(network.now)["transactions"] == 0
    assert all(not phone.endpoint.sessions for phone in phones)


@pytest.mark.parametrize("by_caller", [True, False])
@pytest.mark.parametrize("challenge", list(ChallengeMode))
def test_a_call_from_register_to_bye(by_caller: bool, challenge: ChallengeMode) -> None:
    network, core = network_with(challenge)
    alice, bob = Phone(network, "alice", 5071), Phone(network, "bob", 5072)
    alice.register()
    bob.register()
    assert bob.of(events.RegistrationSucceeded)
    call = alice.call("bob")
    network.run_until(lambda: bool(bob.of(events.CallConfirmed)))
    assert alice.of(events.CallAnswered, call)[0].status == 200
    assert bob.of(events.CallConfirmed)
    if by_caller:
        alice.hangup(call)
    else:
        bob.hangup(bob.sessions[0])
    network.run_until(lambda: alice.end_of(call) is not None and bob.end_of(bob.sessions[0]) is not None)
    assert (alice.end_of(call).cause, bob.end_of(bob.sessions[0]).cause) == (EndCause.HANGUP, EndCause.HANGUP)
    assert alice.end_of(call).by == ("local" if by_caller else "remote")
    network.run(5.0)
    released = alice.of(events.CallReleased) if by_caller else bob.of(events.CallReleased)
    assert [event.status for event in released] == [200], "a challenged BYE is sent again with credentials"
    assert_nothing_left(network, core, alice, bob)


@pytest.mark.parametrize("by_caller", [True, False])
def test_a_challenged_reinvite_goes_through(by_caller: bool) -> None:
    network, core = network_with(ChallengeMode.ALL)
    alice, bob = Phone(network, "alice", 5071), Phone(network, "bob", 5072)
    bob.register()
    call = alice.call("bob")
    network.run_until(lambda: bool(bob.of(events.CallConfirmed)))
    asking, session = (alice, call) if by_caller else (bob, bob.sessions[0])
    session.reinvite(SDP.replace(b"o=- 1 1", b"o=- 1 2"), network.now)
    asking.flush()
    network.run_until(lambda: bool(asking.of(events.CallOfferAnswered)))
    assert asking.of(events.CallOfferAnswered)[0].status == 200
    alice.hangup(call)
    assert_nothing_left(network, core, alice, bob)


def test_a_nonce_that_has_gone_stale_during_the_call() -> None:
    network, core = network_with(ChallengeMode.ALL, nonce_lifetime=2.0)
    alice, bob = Phone(network, "alice", 5071), Phone(network, "bob", 5072)
    bob.register()
    call = alice.call("bob")
    network.run_until(lambda: bool(bob.of(events.CallConfirmed)))
    network.run(10.0)
    alice.hangup(call)
    network.run_until(lambda: bool(alice.of(events.CallReleased)))
    assert alice.of(events.CallReleased)[0].status == 200
    assert bob.end_of(bob.sessions[0]).cause is EndCause.HANGUP
    assert_nothing_left(network, core, alice, bob)


def test_a_wrong_password_fails_the_registration_and_the_call() -> None:
    network, core = network_with(ChallengeMode.ALL)
    alice = Phone(network, "alice", 5071, password="wrong")
    alice.register()
    assert [event.cause for event in alice.of(events.RegistrationFailed)] == [EndCause.AUTHENTICATION]
    call = alice.call("bob")
    network.run_until(lambda: alice.end_of(call) is not None)
    assert (alice.end_of(call).cause, alice.end_of(call).status) == (EndCause.AUTHENTICATION, 407)
    assert core.statistics(network.now)["registered"] == 0
    assert_nothing_left(network, core, alice)


def test_one_phone_answers_and_the_others_stop_ringing() -> None:
    network, core = network_with()
    alice = Phone(network, "alice", 5071)
    ringing = [Phone(network, "bob", port, on_call="ring") for port in (5072, 5073)]
    answering = Phone(network, "bob", 5074)
    for phone in (*ringing, answering):
        phone.register()
    call = alice.call("bob")
    network.run_until(lambda: bool(alice.of(events.CallAnswered, call)))
    network.run(2.0)
    for phone in ringing:
        assert phone.end_of(phone.sessions[0]).cause is EndCause.CANCELED
    assert call.state is SessionState.CONFIRMED
    alice.hangup(call)
    network.run(2.0)
    assert answering.end_of(answering.sessions[0]).cause is EndCause.HANGUP
    assert_nothing_left(network, core, alice, answering, *ringing)


@pytest.mark.parametrize(("second", "status"), [(486, 486), ("ring", 486), (603, 603), (480, 486), (500, 486)])
def test_busy_and_another_phone(second: str | int, status: int) -> None:
    """The ringing phone gives up after 20 s with 480: busy decides."""
    network, core = network_with()
    alice = Phone(network, "alice", 5071)
    busy, other = Phone(network, "bob", 5072, on_call=486), Phone(network, "bob", 5073, on_call=second)
    busy.register()
    other.register()
    call = alice.call("bob")
    network.run_until(lambda: alice.end_of(call) is not None)
    assert (alice.end_of(call).cause, alice.end_of(call).status) == (EndCause.REJECTED, status)
    assert_nothing_left(network, core, alice, busy, other)


def test_the_caller_gives_up() -> None:
    network, core = network_with(ChallengeMode.ALL)
    alice = Phone(network, "alice", 5071)
    ringing = [Phone(network, "bob", port, on_call="ring") for port in (5072, 5073)]
    for phone in ringing:
        phone.register()
    call = alice.call("bob")
    network.run_until(lambda: bool(alice.of(events.CallProgress, call)))
    network.run(1.0)
    alice.hangup(call)
    network.run_until(lambda: bool(alice.of(events.CallReleased, call)))
    assert alice.end_of(call).cause is EndCause.CANCELED
    assert alice.of(events.CallReleased, call)[0].status == 487
    network.run(1.0)
    assert [phone.end_of(phone.sessions[0]).cause for phone in ringing] == [EndCause.CANCELED] * 2
    assert_nothing_left(network, core, alice, *ringing)


def test_a_user_who_is_not_there() -> None:
    network, core = network_with()
    alice = Phone(network, "alice", 5071)
    for user, status in (("bob", 480), ("nobody", 404)):
        call = alice.call(user)
        network.run_until(lambda call=call: alice.end_of(call) is not None)  # type: ignore[misc]
        assert alice.end_of(call).status == status
    assert_nothing_left(network, core, alice)


def test_a_contact_that_has_vanished_gives_408() -> None:
    network, core = network_with()
    alice, bob = Phone(network, "alice", 5071), Phone(network, "bob", 5072)
    bob.register()
    network._nodes.pop(bob.address)
    call = alice.call("bob")
    network.run_until(lambda: alice.end_of(call) is not None)
    assert alice.end_of(call).status == 408
    assert_nothing_left(network, core, alice)


@pytest.mark.parametrize("seed", range(4))
def test_many_calls_on_a_bad_network_all_end_and_nothing_is_left(seed: int) -> None:
    """12 % lost, 5 % doubled, reordered, every request challenged: calls with every outcome, hung up by either side."""
    network = VirtualNetwork(seed=seed, duplicated=0.05, delay=0.01, jitter=0.04)
    core = add_server(network, ChallengeMode.ALL)
    alice = Phone(network, "alice", 5071)
    answering, ringing = Phone(network, "bob", 5072), Phone(network, "bob", 5073, on_call="ring")
    carol = Phone(network, "carol", 5074, on_call=486)
    for phone in (answering, ringing, carol):
        phone.register(expires=3600)
    network.loss = 0.12
    calls = []
    for number in range(120):
        calls.append(alice.call(("bob", "carol", "bob", "nobody")[number % 4]))
        network.run(0.3)
    network.run(40.0)
    answered = calls[::2]
    assert len(alice.of(events.CallAnswered)) == len(answering.of(events.CallConfirmed)) == len(answered)
    for call in answered[::2]:
        alice.hangup(call)
    network.run(40.0)
    for session in answering.sessions:
        answering.hangup(session)
    network.run(40.0)
    ends = [alice.end_of(call) for call in calls]
    assert {(end.cause, end.by) for end in ends[0::4]} == {(EndCause.HANGUP, "local")}
    assert {(end.cause, end.by) for end in ends[2::4]} == {(EndCause.HANGUP, "remote")}
    assert {(end.cause, end.status) for end in ends[1::4]} == {(EndCause.REJECTED, 486)}
    assert {(end.cause, end.status) for end in ends[3::4]} == {(EndCause.REJECTED, 404)}
    assert {ringing.end_of(session).cause for session in ringing.sessions} == {EndCause.CANCELED}
    assert_nothing_left(network, core, alice, carol, answering, ringing)
    assert "malformed" not in core.journal.counters
