"""The location service keeps bindings in order, forgets expired ones and is bounded."""

from __future__ import annotations

import pytest

from microsip_core.errors import LimitExceeded
from microsip_core.server.location import Binding, LocationService
from microsip_core.sip.uri import SipUri


def binding(text: str, *, expires_at: float = 100.0, q: float = 1.0) -> Binding:
    return Binding(SipUri.parse(text), text, expires_at, q)


def test_bindings_come_highest_q_first_and_newest_first_within_it() -> None:
    location = LocationService()
    location.commit("alice", [binding("sip:a@h1", q=0.5), binding("sip:a@h2"), binding("sip:a@h3")], 0.0)
    assert [found.text for found in location.bindings("alice", 1.0)] == ["sip:a@h2", "sip:a@h3", "sip:a@h1"]


def test_bindings_end_at_their_time_and_the_address_with_the_last() -> None:
    location = LocationService()
    location.commit("alice", [binding("sip:a@h1", expires_at=10.0), binding("sip:a@h2", expires_at=20.0)], 0.0)
    assert [found.text for found in location.bindings("alice", 9.999)] == ["sip:a@h1", "sip:a@h2"]
    assert [found.text for found in location.bindings("alice", 10.0)] == ["sip:a@h2"]
    assert location.addresses() == ["alice"]
    assert location.bindings("alice", 20.0) == ()
    assert location.addresses() == []


@pytest.mark.parametrize(
    ("registered", "asked", "same"),
    [
        ("sip:a@h;transport=tcp", "sip:a@H;transport=TCP", True),
        ("sip:a@h", "sip:a@h:5060", False),  # RFC 3261 s19.1.4: no port is not the default port
        ("sip:a@h", "sip:b@h", False),
        ("sip:%61@h", "sip:a@h", True),
        ("sip:a@h;x=1", "sip:a@h", True),
    ],
)
def test_a_contact_is_found_by_uri_comparison(registered: str, asked: str, same: bool) -> None:
    location = LocationService()
    location.commit("alice", [binding(registered)], 0.0)
    assert (location.find("alice", SipUri.parse(asked), asked, 1.0) is not None) is same


def test_contacts_of_one_address_are_bounded() -> None:
    location = LocationService(max_bindings=2)
    location.commit("alice", [binding("sip:a@h1")], 0.0)
    with pytest.raises(LimitExceeded):
        location.commit("alice", [binding(f"sip:a@h{number}") for number in range(3)], 0.0)
    assert [found.text for found in location.bindings("alice", 1.0)] == ["sip:a@h1"]


def test_addresses_are_bounded_and_expired_ones_make_room() -> None:
    location = LocationService(max_addresses=2)
    location.commit("alice", [binding("sip:a@h", expires_at=10.0)], 0.0)
    location.commit("bob", [binding("sip:b@h", expires_at=50.0)], 0.0)
    with pytest.raises(LimitExceeded):
        location.commit("carol", [binding("sip:c@h")], 5.0)
    location.commit("carol", [binding("sip:c@h")], 11.0)
    assert location.expire(11.0) == 2


def test_what_remains_is_rounded_up_and_never_negative() -> None:
    assert binding("sip:a@h", expires_at=10.0).remaining(0.5) == 10
    assert binding("sip:a@h", expires_at=10.0).remaining(10.0) == 0
    assert binding("sip:a@h", expires_at=10.0).remaining(99.0) == 0
