"""How peers reach us: what the registrar sees of us, outbound (RFC 5626), GRUU (RFC 5627), public addresses."""

from __future__ import annotations

import pytest

from microsip_core.ids import IdSource
from microsip_core.sip.backoff import recovery_delay
from microsip_core.sip.events import AddressLearned, CallIncoming
from microsip_core.sip.header_values import Via
from microsip_core.sip.identity import Identity
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message
from microsip_core.sip.reach import Reach, seen_address

from .calls import OFFER, names, one
from .test_registration import Registering
from .virtual_network import endpoint_of

INSTANCE = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
PUBLIC = ("203.0.113.9", 61000)


class BehindNat(Registering):
    """An account whose registrar sees it at ``seen``, and says of a registration what ``said`` holds."""

    def __init__(self, seen: tuple[str, int] | None = PUBLIC, **reach: object) -> None:
        super().__init__()
        self.seen = seen
        self.said: list[tuple[str, str]] = []
        self.contact_said = ""
        for name, value in reach.items():
            setattr(self.identity.reach, name, value)
        self._answer = self.registrar.answer
        self.registrar.answer = self.answer  # type: ignore[method-assign]

    def answer(self, request: Request, now: float) -> Response:
        response = self._answer(request, now)
        if self.seen is not None:
            response.set("Via", str(request.via.with_received(*self.seen)))
        if response.status == 200 and self.contact_said:
            response.set("Contact", f"{request.get_all('Contact')[0]}{self.contact_said}")
        for name, value in self.said if response.status == 200 else []:
            response.add(name, value)
        return response

    @property
    def bindings(self) -> list[str]:
        return list(self.registrar.bindings["sip:alice@example.com"])

    def invite_contact(self) -> str:
        """The Contact of an INVITE of ours."""
        self.endpoint.invite("sip:bob@10.0.0.66", OFFER, self.now, identity=self.identity)
        request = parse_message(self.endpoint.data_to_send()[0].data)
        return request.get("Contact") or ""


# -- the registrar's view of us (RFC 3581)


def test_binding_moves_to_where_the_registrar_sees_us_before_success_is_told() -> None:
    side = BehindNat()
    registration = side.register()
    assert names(side.node) == ["AddressLearned", "RegistrationSucceeded"]
    learned = one(side.node, AddressLearned)
    assert (learned.local, learned.public, learned.registration) == (("10.0.0.1", 5060), PUBLIC, registration)
    assert side.bindings == ["sip:alice@203.0.113.9:61000"]  # and the private one is gone
    assert side.registrar.requests[-1].via.host == "10.0.0.1"  # sent-by stays (RFC 3261 s18.1.1)
    assert side.invite_contact() == "<sip:alice@203.0.113.9:61000>"


def test_binding_follows_the_nat_but_not_for_ever() -> None:
    side = BehindNat()
    registration = side.register()
    side.seen = ("203.0.113.9", 61001)
    registration.refresh(side.now)
    side.run(1.0)
    assert side.bindings == ["sip:alice@203.0.113.9:61001"]
    count = len(side.registrar.requests)
    ports = iter(range(40_000, 50_000))
    side._answer, answer = lambda request, now: answer(request, now), side._answer
    original = side.answer

    def restless(request: Request, now: float) -> Response:
        side.seen = ("203.0.113.9", next(ports))
        return original(request, now)

    side.registrar.answer = restless  # type: ignore[method-assign]
    registration.refresh(side.now)
    side.run(10.0)
    assert len(side.registrar.requests) == count + 2  # one move at once; the next waits for the refresh
    assert names(side.node).count("RegistrationSucceeded") == 3


def test_binding_comes_back_when_the_nat_is_gone() -> None:
    side = BehindNat()
    registration = side.register()
    side.seen = None
    side.registrar.answer = side._answer  # type: ignore[method-assign]
    side.seen = ("10.0.0.1", 5060)
    side.registrar.answer = side.answer  # type: ignore[method-assign]
    registration.refresh(side.now)
    side.run(1.0)
    assert side.bindings == ["sip:alice@10.0.0.1:5060"]
    assert side.identity.reach.learned == {}


@pytest.mark.parametrize(("reach", "contact"), [
    ({"rewrite": False}, "sip:alice@10.0.0.1:5060"),
    ({"public": ("198.51.100.7", 0)}, "sip:alice@198.51.100.7:5060"),
    ({"public": ("198.51.100.7", 6000)}, "sip:alice@198.51.100.7:6000"),
])
def test_settings_come_before_what_the_registrar_sees(reach: dict[str, object], contact: str) -> None:
    side = BehindNat(**reach)
    side.register()
    assert side.bindings == [contact]
    assert side.invite_contact() == f"<{contact}>"


def test_public_address_of_all() -> None:
    side = BehindNat(None)
    side.endpoint.config.public = ("198.51.100.8", 0)
    side.register()
    assert side.bindings == ["sip:alice@198.51.100.8:5060"]


def test_what_the_driver_finds_out_is_of_one_socket() -> None:
    side = BehindNat(None)
    side.endpoint.public_addresses["UDP", ("10.0.0.1", 5060)] = ("198.51.100.9", 4711)
    side.register()
    assert side.bindings == ["sip:alice@198.51.100.9:4711"]
    assert side.endpoint.public_address(side.identity, "UDP", ("10.0.0.2", 5060)) == ("10.0.0.2", 5060)


@pytest.mark.parametrize("said", [
    "SIP/2.0/UDP 10.0.0.2:5060;received=203.0.113.9;rport=61000",  # not our sent-by
    "SIP/2.0/TCP 10.0.0.1:5060;received=203.0.113.9;rport=61000",
    "SIP/2.0/UDP 10.0.0.1:5060;received=evil.example;rport=61000",
    "SIP/2.0/UDP 10.0.0.1:5060;received=127.0.0.1;rport=61000",
    "SIP/2.0/UDP 10.0.0.1:5060;received=224.0.0.1;rport=61000",
    "SIP/2.0/UDP 10.0.0.1:5060;received=0.0.0.0;rport=61000",
    "SIP/2.0/UDP 10.0.0.1:5060;received=2001:db8::1;rport=61000",
    "SIP/2.0/UDP 10.0.0.1:5060;rport",
])
def test_nothing_is_learned_from_what_can_not_be_our_address(said: str) -> None:
    assert seen_address(Via.parse("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1"), Via.parse(said)) is None


def test_a_public_or_a_connected_address_is_left_alone_unless_told() -> None:
    sent = Via.parse("SIP/2.0/TCP 10.0.0.1:5060;rport")
    got = Via.parse("SIP/2.0/TCP 10.0.0.1:5060;rport=7;received=203.0.113.9")
    assert not Reach().learn(sent, got)
    assert Reach(rewrite=True).learn(sent, got)
    sent = Via.parse("SIP/2.0/UDP 192.88.1.1:5060;rport")
    got = Via.parse("SIP/2.0/UDP 192.88.1.1:5060;rport=7;received=203.0.113.9")
    assert not Reach().learn(sent, got)


def test_peers_that_are_no_registrar_teach_us_nothing() -> None:
    side = BehindNat(rewrite=True)
    side.endpoint.request("OPTIONS", "sip:10.0.0.9", side.now, identity=side.identity)
    request = parse_message(side.endpoint.data_to_send()[0].data)
    assert isinstance(request, Request)
    from microsip_core.sip import builder
    from microsip_core.sip.hop import Source

    response = builder.response_to(request, 200, to_tag="x")
    response.set("Via", str(request.via.with_received(*PUBLIC)))
    side.endpoint.receive(response.to_bytes(), Source("UDP", "10.0.0.9", 5060, ("10.0.0.1", 5060)), side.now)
    assert side.identity.reach.learned == {}


# -- outbound (RFC 5626)


def test_outbound_is_asked_for_and_marks_our_dialogs_when_granted() -> None:
    side = BehindNat(None, instance=INSTANCE, outbound=True)
    side.said = [("Require", "outbound"), ("Flow-Timer", "120")]
    registration = side.register()
    request = side.registrar.requests[-1]
    assert request.get("Contact") == (
        f'<sip:alice@10.0.0.1:5060>;+sip.instance="<{INSTANCE}>";reg-id=1;expires=300'
    )
    assert set(request.get_all("Supported")) == {"path", "outbound", "gruu"}
    assert side.identity.reach.grant[:2] == (True, 120)
    assert side.invite_contact() == "<sip:alice@10.0.0.1:5060;ob>"
    side.endpoint.config.local_address = lambda hop: ("10.0.0.1", 5070)
    registration.refresh(side.now)
    side.run(1.0)
    assert len(side.registrar.requests[-1].contacts) == 1  # the old one is replaced by instance and reg-id
    side.finish(registration)
    assert not side.identity.reach.grant.outbound


@pytest.mark.parametrize(("outbound", "route", "asked"), [
    (None, "sip:10.0.0.9", False),
    (None, "sip:10.0.0.9;transport=tcp", True),
    (False, "sip:10.0.0.9;transport=tcp", False),
    (True, "sip:10.0.0.9", True),
])
def test_outbound_is_for_connections_unless_told(outbound: bool | None, route: str, asked: bool) -> None:
    side = BehindNat(None, instance=INSTANCE, outbound=outbound)
    side.identity.routes = (route,)
    side.register()
    request = side.registrar.requests[-1]
    assert ("reg-id=1" in (request.get("Contact") or "")) is asked
    assert ("outbound" in request.get_all("Supported")) is asked


def test_without_grant_nothing_is_marked() -> None:
    side = BehindNat(None, instance=INSTANCE, outbound=True)
    side.register()
    assert side.invite_contact() == "<sip:alice@10.0.0.1:5060>"


def test_a_first_hop_without_outbound_is_gone_without() -> None:
    from microsip_core.sip import builder

    side = BehindNat(None, instance=INSTANCE, outbound=True)
    side.registrar.special = lambda request: (
        builder.response_to(request, 439, to_tag="r") if "outbound" in request.get_all("Supported") else None
    )
    side.register()
    assert names(side.node) == ["RegistrationSucceeded"]
    assert "reg-id" not in (side.registrar.requests[-1].get("Contact") or "")


def test_pauses_are_those_of_the_table_of_rfc_5626() -> None:
    """RFC 5626 appendix A: 30-60 s, 1-2, 2-4, 4-8, 8-16, and 15-30 minutes from then on."""
    draw = IdSource(1).uniform
    for failures, upper in enumerate([60, 120, 240, 480, 960, 1800, 1800], start=1):
        delays = [recovery_delay(failures, draw) for _ in range(200)]
        assert upper / 2 <= min(delays) < 0.55 * upper
        assert 0.95 * upper < max(delays) <= upper
    assert recovery_delay(10**6, draw) <= 1800


# -- GRUU (RFC 5627)


def test_gruu_is_the_contact_of_dialogs_and_the_address_that_of_the_registration() -> None:
    gruu = f"sip:alice@example.com;gr={INSTANCE}"
    side = BehindNat(None, instance=INSTANCE, gruu=True)
    side.contact_said = f';pub-gruu="{gruu}";temp-gruu="sip:tgruu.7hs==jd7vnzga5w7@example.com;gr"'
    side.register()
    assert side.identity.reach.grant[2:] == (gruu, "sip:tgruu.7hs==jd7vnzga5w7@example.com;gr")
    assert side.invite_contact() == f"<{gruu}>"
    assert (side.registrar.requests[-1].get("Contact") or "").startswith("<sip:alice@10.0.0.1:5060>")


@pytest.mark.parametrize("said", [
    "", "no uri", "sip:alice@example.com", "sip:a@b;gr=1?Evil=1", "tel:1;gr", f"sip:a@{'b' * 600};gr",
])
def test_what_is_no_gruu_is_not_used(said: str) -> None:
    side = BehindNat(None, instance=INSTANCE, gruu=True)
    side.contact_said = f';pub-gruu="{said}"'
    side.register()
    assert side.invite_contact() == "<sip:alice@10.0.0.1:5060>"


def test_callers_get_the_contact_the_registrar_knows() -> None:
    gruu = f"sip:alice@example.com;gr={INSTANCE}"
    side = BehindNat(instance=INSTANCE, gruu=True)
    side.contact_said = f';pub-gruu="{gruu}"'
    side.register()
    side.endpoint.identity = Identity("sip:anonymous@anonymous.invalid")
    for uri, contact in (
        ("sip:alice@203.0.113.9:61000;x=1", f"<{gruu}>"), ("sip:alice@10.0.0.1:5060", "<sip:alice@10.0.0.1:5060>"),
    ):
        caller = side.network.endpoint("bob", f"10.0.1.{len(uri)}")
        endpoint_of(caller).identity.routes = ("sip:10.0.0.1:5060",)
        side.node.on_event = lambda event, now: (
            event.session.accept(OFFER, now) if isinstance(event, CallIncoming) else None
        )
        session = endpoint_of(caller).invite(uri, OFFER, side.now)
        side.run(1.0)
        assert session.dialog is not None
        assert f"<{session.dialog.target}>" == contact
