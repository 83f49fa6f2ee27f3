"""Registrar tables: what each kind of REGISTER is answered, and what is bound afterwards (RFC 3261 s10.3)."""

from __future__ import annotations

import pytest

from microsip_core.server.domain import Domain
from microsip_core.server.location import LocationService
from microsip_core.server.registrar import Registrar, RegistrarLimits
from microsip_core.sip.message import Request, Response

from .messages import register


class Bench:
    """A registrar with users alice and bob, and a clock."""

    def __init__(self, max_bindings: int = 4) -> None:
        self.location = LocationService(max_bindings=max_bindings)
        self.registrar = Registrar(
            self.location, Domain(["example.test"]), {"alice", "bob"}, RegistrarLimits(60, 3600, 7200),
            date=lambda: "today",
        )
        self.now = 1000.0

    def send(self, request: Request, user: str | None = "alice") -> Response:
        return self.registrar.register(request, user, self.now, "tag1")

    def bound(self, user: str = "alice") -> dict[str, int]:
        return {found.text: found.remaining(self.now) for found in self.location.bindings(user, self.now)}


@pytest.mark.parametrize(
    ("contacts", "expires", "granted"),
    [
        (["<sip:alice@127.0.0.1:5070>"], None, {"sip:alice@127.0.0.1:5070": 3600}),
        (["<sip:alice@127.0.0.1:5070>"], "120", {"sip:alice@127.0.0.1:5070": 120}),
        (["<sip:alice@127.0.0.1:5070>;expires=90"], "120", {"sip:alice@127.0.0.1:5070": 90}),
        (["<sip:alice@127.0.0.1:5070>"], "99999", {"sip:alice@127.0.0.1:5070": 7200}),
        (["<sip:alice@127.0.0.1:5070>"], "soon", {"sip:alice@127.0.0.1:5070": 3600}),
        (["<sip:alice@127.0.0.1:5070>;expires=4294967296"], None, {"sip:alice@127.0.0.1:5070": 3600}),
        (["sip:alice@127.0.0.1:5070;expires=60"], None, {"sip:alice@127.0.0.1:5070": 60}),
        (["<sip:a@127.0.0.1:1>;expires=70, <sip:a@127.0.0.1:2>;expires=80"], None,
         {"sip:a@127.0.0.1:1": 70, "sip:a@127.0.0.1:2": 80}),
        (["<sip:alice@127.0.0.1:5070>"], "0", {}),
        ([], None, {}),
    ],
)
def test_lifetimes(contacts: list[str], expires: str | None, granted: dict[str, int]) -> None:
    bench = Bench()
    response = bench.send(register(contacts=contacts, expires=expires))
    assert response.status == 200
    assert response.to.tag == "tag1"
    assert response.get("Date") == "today"
    assert bench.bound() == granted
    assert {contact.uri: contact.expires for contact in response.contacts} == granted


def test_a_refresh_extends_and_a_removal_removes_only_its_contact() -> None:
    bench = Bench()
    bench.send(register(contacts=["<sip:a@127.0.0.1:1>;expires=100", "<sip:a@127.0.0.1:2>;expires=100"]))
    bench.now += 50
    refreshed = bench.send(register(contacts=["<sip:a@127.0.0.1:1>;expires=100"], cseq=2))
    assert bench.bound() == {"sip:a@127.0.0.1:1": 100, "sip:a@127.0.0.1:2": 50}
    assert {contact.uri: contact.expires for contact in refreshed.contacts} == bench.bound()
    bench.send(register(contacts=["<sip:a@127.0.0.1:1>;expires=0"], cseq=3))
    assert bench.bound() == {"sip:a@127.0.0.1:2": 50}
    bench.now += 50
    assert bench.bound() == {}


def test_star_removes_all_contacts() -> None:
    bench = Bench()
    bench.send(register(contacts=["<sip:a@127.0.0.1:1>", "<sip:a@127.0.0.1:2>"]))
    response = bench.send(register(contacts=["*"], expires="0", cseq=2))
    assert (response.status, response.contacts, bench.bound()) == (200, [], {})


@pytest.mark.parametrize(
    ("contacts", "expires"),
    [(["*"], None), (["*"], "10"), (["*", "<sip:a@127.0.0.1:1>"], "0"), (["*", "*"], "0"), (["<sip:a@127.0.0.1"], None),
     (["<tel:+123>"], None), (["<sip:a@127.0.0.1:99999>"], None)],
)
def test_malformed_contacts_are_refused_and_change_nothing(contacts: list[str], expires: str | None) -> None:
    bench = Bench()
    bench.send(register(contacts=["<sip:a@127.0.0.1:1>"]))
    assert bench.send(register(contacts=contacts, expires=expires, cseq=2)).status == 400
    assert bench.bound() == {"sip:a@127.0.0.1:1": 3600}


def test_a_short_lifetime_is_refused_with_the_least_one() -> None:
    bench = Bench()
    response = bench.send(register(contacts=["<sip:a@127.0.0.1:1>", "<sip:a@127.0.0.1:2>;expires=59"]))
    assert (response.status, response.reason, response.get("Min-Expires")) == (423, "Interval Too Brief", "60")
    assert bench.bound() == {}


@pytest.mark.parametrize(
    ("call_id", "cseq", "status"), [("c1", 5, 500), ("c1", 4, 500), ("c1", 6, 200), ("other", 1, 200)],
)
@pytest.mark.parametrize("contacts", [["<sip:a@127.0.0.1:1>;expires=0"], ["*"]])
def test_an_overtaken_register_fails(call_id: str, cseq: int, status: int, contacts: list[str]) -> None:
    bench = Bench()
    bench.send(register(contacts=["<sip:a@127.0.0.1:1>"], cseq=5))
    assert bench.send(register(contacts=contacts, expires="0", call_id=call_id, cseq=cseq)).status == status
    assert bench.bound() == ({"sip:a@127.0.0.1:1": 3600} if status == 500 else {})


@pytest.mark.parametrize(
    ("to", "user", "status"),
    [
        ("<sip:alice@example.test>", "alice", 200),
        ("<sip:alice@EXAMPLE.test>", "alice", 200),
        ("<sip:%61lice@example.test;user=phone>", "alice", 200),
        ("<sip:alice@example.test>", None, 200),
        ("<sip:bob@example.test>", "alice", 403),
        ("<sip:carol@example.test>", "alice", 404),
        ("<sip:alice@elsewhere.test>", "alice", 404),
        ("<sip:Alice@example.test>", "alice", 404),
    ],
)
def test_only_the_address_of_record_of_the_user(to: str, user: str | None, status: int) -> None:
    bench = Bench()
    assert bench.send(register(to=to, contacts=["<sip:a@127.0.0.1:1>"]), user).status == status
    assert set(bench.bound()) == ({"sip:a@127.0.0.1:1"} if status == 200 else set())
    assert bench.bound("bob") == {}


def test_too_many_contacts_are_refused_as_a_whole() -> None:
    bench = Bench(max_bindings=2)
    bench.send(register(contacts=["<sip:a@127.0.0.1:1>"]))
    response = bench.send(register(contacts=["<sip:a@127.0.0.1:2>", "<sip:a@127.0.0.1:3>"], cseq=2))
    assert (response.status, response.get("Retry-After")) == (503, "60")
    assert set(bench.bound()) == {"sip:a@127.0.0.1:1"}


def test_q_instance_and_path_are_kept() -> None:
    bench = Bench()
    response = bench.send(register(
        contacts=['<sip:a@127.0.0.1:1>;q=0.5;+sip.instance="<urn:uuid:1>"'],
        headers=[("Path", "<sip:p1;lr>, <sip:p2;lr>")],
    ))
    (found,) = bench.location.bindings("alice", bench.now)
    assert (found.q, found.instance, found.path) == (0.5, '"<urn:uuid:1>"', ("<sip:p1;lr>", "<sip:p2;lr>"))
    assert response.get("Contact") == '<sip:a@127.0.0.1:1>;q=0.5;+sip.instance="<urn:uuid:1>";expires=3600'
    assert response.get_all("Path") == ["<sip:p1;lr>", "<sip:p2;lr>"]
