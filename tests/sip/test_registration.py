"""Registrations against a scripted registrar: RFC 3665 s2, RFC 3261 s10.2, through loss, change of route and outage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from microsip_core.errors import InvalidArgument, InvalidState
from microsip_core.sip import builder
from microsip_core.sip.digest import DigestServer, DigestVerdict
from microsip_core.sip.endpoint import Endpoint
from microsip_core.sip.events import EndCause, RegistrationFailed, RegistrationRemoved, RegistrationSucceeded
from microsip_core.sip.hop import Source
from microsip_core.sip.identity import Credential, Identity
from microsip_core.sip.message import Request, Response
from microsip_core.sip.registration import Registration, RegistrationState

from .calls import names, one
from .virtual_network import Link, Script, VirtualNetwork, endpoint_of, leftovers

REGISTRAR = "sip:10.0.0.9"
Answer = Callable[[Request], "Response | None"]


class Registrar(Script):
    """Grants what is asked, at least ``least`` and at most ``most`` seconds; a response may be put before the usual
    one."""

    def __init__(
        self, host: str, password: str | None = None, least: int = 1, most: int = 3600, **options: Any
    ) -> None:
        super().__init__(host)
        self.bindings: dict[str, dict[str, float]] = {}
        self.requests: list[Request] = []
        self.times: list[float] = []
        self.least, self.most = least, most
        self.special: Answer = lambda request: None
        self._password = password
        self._digest = DigestServer("example.com", b"0123456789abcdef", **options)
        self._answers: dict[str | None, Response] = {}
        self.on_message = self.register

    def register(self, message: Request | Response, source: Source, now: float) -> None:
        assert isinstance(message, Request)
        branch = message.via.branch
        if branch not in self._answers:
            self.requests.append(message)
            self.times.append(now)
            self._answers[branch] = self.special(message) or self.answer(message, now)
        self.reply(self._answers[branch], source)

    def answer(self, request: Request, now: float) -> Response:
        if self._password is not None:
            check = self._digest.check(
                request.get_all("Authorization"), "REGISTER", lambda name: self._password, now, request.body
            )
            if check.verdict is not DigestVerdict.ACCEPTED:
                values = self._digest.challenges(now, stale=check.verdict is DigestVerdict.STALE)
                return builder.response_to(
                    request, 401, to_tag="r", headers=[("WWW-Authenticate", value) for value in values]
                )
        bindings = self.bindings.setdefault(request.to.uri, {})
        for contact in request.contacts:
            asked = contact.expires
            assert asked is not None
            if asked == 0:
                bindings.pop(contact.uri, None)
            elif asked < self.least:
                return builder.response_to(request, 423, to_tag="r", headers=[("Min-Expires", str(self.least))])
            else:
                bindings[contact.uri] = now + min(asked, self.most)
        headers = [("Contact", f"<{uri}>;expires={int(until - now)}") for uri, until in bindings.items()]
        return builder.response_to(request, 200, to_tag="r", headers=headers)


class Registering:
    """An account and its registrar."""

    def __init__(
        self, link: Link | None = None, seed: int = 1, password: str | None = "secret", **options: Any
    ) -> None:
        self.network = VirtualNetwork(link, seed, trace=True)
        self.identity = Identity("sip:alice@example.com", credentials=[Credential("alice", "secret")])
        self.node = self.network.endpoint("alice", "10.0.0.1", identity=self.identity)
        self.registrar = Registrar("10.0.0.9", password, **options)
        self.network.join("registrar", "10.0.0.9", self.registrar)

    @property
    def endpoint(self) -> Endpoint:
        return endpoint_of(self.node)

    @property
    def now(self) -> float:
        return self.network.now

    def register(self, expires: int = 300, **options: Any) -> Registration:
        registration = self.endpoint.register(self.identity, REGISTRAR, self.now, expires=expires, **options)
        self.run(0.5)
        return registration

    def run(self, seconds: float) -> None:
        self.network.run(self.now + seconds)

    def finish(self, registration: Registration) -> None:
        """Unregister, and see that nothing is left."""
        registration.unregister(self.now)
        self.network.run()
        assert registration.state == RegistrationState.REMOVED
        assert self.endpoint.registrations == set()
        assert leftovers(self.endpoint) == {}


def test_registration_refresh_and_removal() -> None:
    """RFC 3665 s2.1, s2.2 and s2.4."""
    side = Registering(nonce_lifetime=5000.0)
    registration = side.register(headers=[("X-Instance", "1")])
    succeeded = one(side.node, RegistrationSucceeded)
    assert (succeeded.expires, succeeded.first) == (300, True)
    assert registration.state == RegistrationState.REGISTERED
    assert list(side.registrar.bindings["sip:alice@example.com"]) == ["sip:alice@10.0.0.1:5060"]
    side.run(2000.0)
    requests = side.registrar.requests
    assert {request.call_id for request in requests} == {requests[0].call_id}
    assert [request.cseq.number for request in requests] == list(range(1, len(requests) + 1))
    assert {request.uri for request in requests} == {"sip:10.0.0.9"}
    assert {request.get("X-Instance") for request in requests} == {"1"}
    assert ["Authorization" in request for request in requests] == [False] + [True] * (len(requests) - 1)
    gaps = [later - earlier for earlier, later in zip(side.registrar.times[1:], side.registrar.times[2:], strict=False)]
    assert all(230 < gap < 270 for gap in gaps)
    assert not [event.first for event in side.node.events[1:]].count(True)
    side.finish(registration)
    assert one(side.node, RegistrationRemoved).status == 200
    assert side.registrar.bindings["sip:alice@example.com"] == {}


def test_the_time_granted_to_our_contact_counts() -> None:
    side = Registering(most=60)
    side.registrar.bindings["sip:alice@example.com"] = {"sip:alice@192.0.2.7": 5000.0}
    registration = side.register()
    assert registration.expires == 60
    side.run(200.0)
    assert len(side.registrar.requests) >= 6
    side.finish(registration)


def test_an_expires_header_counts_where_the_contact_says_nothing() -> None:
    side = Registering()
    side.registrar.special = lambda request: builder.response_to(request, 200, to_tag="r", headers=[("Expires", "77")])
    assert side.register().expires == 77


def test_too_short_a_time_is_lengthened() -> None:
    side = Registering(least=600)
    registration = side.register(expires=60)
    assert registration.expires == 600
    assert [request.expires for request in side.registrar.requests] == [60, 60, 600]
    side.finish(registration)


def test_a_registrar_that_always_wants_longer_is_not_followed_for_ever() -> None:
    side = Registering()
    side.registrar.special = lambda request: builder.response_to(
        request, 423, to_tag="r", headers=[("Min-Expires", "600")]
    )
    side.register()
    failed = one(side.node, RegistrationFailed)
    assert (failed.status, failed.retry_in) == (423, None)
    assert len(side.registrar.requests) == 2


def test_stale_nonces_are_renewed() -> None:
    side = Registering(nonce_lifetime=100.0)
    registration = side.register()
    side.run(1000.0)
    assert registration.state == RegistrationState.REGISTERED
    assert set(names(side.node)) == {"RegistrationSucceeded"}
    assert len(side.registrar.requests) == 2 * len(side.node.events)


def test_nonces_that_are_always_stale_are_not_renewed_for_ever() -> None:
    side = Registering(nonce_lifetime=-1.0)
    side.register()
    assert one(side.node, RegistrationFailed).cause is EndCause.AUTHENTICATION
    assert len(side.registrar.requests) <= 5


def test_the_realm_of_the_registrar_is_known_once_it_has_taken_the_password() -> None:
    side = Registering()
    side.identity.servers = ("sip:10.0.0.9",)
    side.register()
    assert len(side.identity.realms) == 1
    side = Registering()
    side.identity.credentials = [Credential("alice", "wrong")]
    side.register()
    assert not side.identity.realms


def test_a_wrong_password_fails_for_good() -> None:
    side = Registering()
    side.identity.credentials = [Credential("alice", "wrong")]
    registration = side.register()
    failed = one(side.node, RegistrationFailed)
    assert (failed.cause, failed.status, failed.retry_in) == (EndCause.AUTHENTICATION, 401, None)
    assert len(side.registrar.requests) == 2
    side.run(4000.0)
    assert len(side.registrar.requests) == 2
    side.identity.credentials = [Credential("alice", "secret")]
    registration.refresh(side.now)
    side.run(1.0)
    assert one(side.node, RegistrationSucceeded).first
    side.finish(registration)


@pytest.mark.parametrize("status", [403, 404, 501])
def test_a_refusal_is_not_argued_with(status: int) -> None:
    side = Registering()
    side.registrar.special = lambda request: builder.response_to(request, status, to_tag="r")
    registration = side.register()
    side.run(4000.0)
    failed = one(side.node, RegistrationFailed)
    assert (failed.cause, failed.status, failed.retry_in) == (EndCause.REJECTED, status, None)
    registration.unregister(side.now)
    assert isinstance(side.endpoint.next_event(), RegistrationRemoved)


def test_an_overloaded_registrar_is_asked_again_when_it_says() -> None:
    side = Registering()
    side.registrar.special = lambda request: builder.response_to(
        request, 503, to_tag="r", headers=[("Retry-After", "90 (in maintenance)")]
    )
    registration = side.register()
    assert one(side.node, RegistrationFailed).retry_in == 90.0
    side.registrar.special = lambda request: None
    side.run(91.0)
    assert registration.state == RegistrationState.REGISTERED
    side.finish(registration)


def test_an_outage_is_retried_with_growing_jittered_pauses() -> None:
    side = Registering()
    registrar = side.network.nodes.pop(("10.0.0.9", 5060))
    registration = side.register()
    side.run(7200.0)
    failures = [event for event in side.node.events if isinstance(event, RegistrationFailed)]
    pauses = [event.retry_in for event in failures]
    assert {event.cause for event in failures} == {EndCause.TIMEOUT}
    assert {event.status for event in failures} == {0}
    for number, pause in enumerate(pauses):
        full = min(30.0 * 2 ** (number + 1), 1800.0)
        assert full / 2 <= pause <= full
    side.network.nodes[registrar.address] = registrar
    side.run(1900.0)
    assert registration.state == RegistrationState.REGISTERED
    side.finish(registration)


def test_a_failed_refresh_is_retried_before_the_binding_runs_out() -> None:
    side = Registering()
    registration = side.register(expires=1200)
    side.network.nodes.pop(("10.0.0.9", 5060))
    while len(names(side.node)) < 2:
        side.run(1.0)
    assert names(side.node) == ["RegistrationSucceeded", "RegistrationFailed"]
    side.network.join("registrar", "10.0.0.9", side.registrar)
    side.run(61.0)
    succeeded = [event for event in side.node.events if isinstance(event, RegistrationSucceeded)]
    assert [event.first for event in succeeded] == [True, True]
    side.finish(registration)


def test_a_send_error_is_retried() -> None:
    side = Registering()
    registration = side.endpoint.register(side.identity, REGISTRAR, 0.0)
    side.endpoint.transport_failed(side.endpoint.data_to_send()[0].token, "no route", 0.0)
    failed = side.endpoint.next_event()
    assert isinstance(failed, RegistrationFailed)
    assert (failed.cause, failed.reason) == (EndCause.TRANSPORT, "no route")
    side.run(61.0)
    assert registration.state == RegistrationState.REGISTERED


# -- changes


def test_a_change_of_route_restarts_what_is_under_way() -> None:
    side = Registering()
    side.identity.routes = ("sip:proxy@10.0.0.66",)
    registration = side.register()
    assert registration.state == RegistrationState.REGISTERING
    registration.refresh(side.now)
    side.identity.routes = ("sip:proxy@10.0.0.9",)
    registration.refresh(side.now)
    side.run(1.0)
    assert registration.state == RegistrationState.REGISTERED
    request = side.registrar.requests[-1]
    assert request.get_all("Route") == ["<sip:proxy@10.0.0.9;lr>"]
    assert [request.cseq.number for request in side.registrar.requests] == [2, 3]
    side.run(60.0)
    assert names(side.node) == ["RegistrationSucceeded"]
    side.finish(registration)


def test_a_change_of_address_moves_the_binding() -> None:
    side = Registering()
    registration = side.register()
    side.endpoint.config.local_address = lambda hop: ("10.0.0.1", 5090)
    registration.refresh(side.now)
    side.run(1.0)
    assert list(side.registrar.bindings["sip:alice@example.com"]) == ["sip:alice@10.0.0.1:5090"]


def test_a_change_of_address_while_a_register_is_under_way_moves_the_binding() -> None:
    """The old one would be retransmitted from the new socket, and its answer taken for the new address."""
    side = Registering()
    registration = side.endpoint.register(side.identity, REGISTRAR, side.now, expires=300)
    side.endpoint.config.local_address = lambda hop: ("10.0.0.1", 5090)
    registration.refresh(side.now)
    side.run(1.0)
    assert registration.state == RegistrationState.REGISTERED
    assert "sip:alice@10.0.0.1:5090" in side.registrar.bindings["sip:alice@example.com"]
    sent = len(side.registrar.requests)
    registration.refresh(side.now)
    registration.refresh(side.now)  # nothing has changed: one REGISTER is enough
    side.run(1.0)
    assert len(side.registrar.requests) == sent + 1


def test_a_change_of_address_while_registering_binds_the_new_one_alone() -> None:
    """The old REGISTER is repeated until somebody answers it: its success, or its challenge, comes too late."""
    side = Registering()
    side.network.intercept = lambda sender, receiver, data: False
    registration = side.register()
    side.endpoint.config.local_address = lambda hop: ("10.0.0.1", 5090)
    side.network.intercept = None
    registration.refresh(side.now)
    side.run(40.0)
    assert registration.state == RegistrationState.REGISTERED
    assert registration.contact.startswith("<sip:alice@10.0.0.1:5090>")
    assert list(side.registrar.bindings["sip:alice@example.com"]) == ["sip:alice@10.0.0.1:5090"]
    assert names(side.node) == ["RegistrationSucceeded"]
    side.finish(registration)


def test_the_service_route_is_used_for_other_requests_but_not_for_register() -> None:
    side = Registering(password=None)
    side.registrar.special = lambda request: builder.response_to(
        request, 200, to_tag="r", headers=[("Service-Route", "<sip:10.0.0.9;lr>"), ("Expires", "300")]
    )
    side.register()
    side.endpoint.request("OPTIONS", "sip:bob@example.com", side.now, identity=side.identity)
    packet = side.endpoint.data_to_send()[0]
    assert packet.hop.host == "10.0.0.9"
    assert b"\r\nRoute: <sip:10.0.0.9;lr>\r\n" in packet.data
    side.run(280.0)
    assert "Route" not in side.registrar.requests[-1]


def test_removal_while_a_register_is_under_way_waits_for_it() -> None:
    side = Registering()
    registration = side.endpoint.register(side.identity, REGISTRAR, 0.0)
    registration.unregister(0.0)
    registration.unregister(0.0)
    side.network.run()
    assert names(side.node) == ["RegistrationRemoved"]
    assert [request.expires for request in side.registrar.requests] == [300, 300, 0]
    assert side.registrar.bindings["sip:alice@example.com"] == {}
    with pytest.raises(InvalidState):
        registration.refresh(side.now)


def test_removal_from_a_registrar_that_is_gone() -> None:
    side = Registering()
    registration = side.register()
    side.network.nodes.pop(("10.0.0.9", 5060))
    side.finish(registration)
    assert one(side.node, RegistrationRemoved).status == 0


def test_closing_unregisters() -> None:
    side = Registering()
    side.register()
    side.endpoint.close_all(side.now)
    assert not side.endpoint.idle
    side.run(1.0)
    assert side.endpoint.idle
    assert side.registrar.bindings["sip:alice@example.com"] == {}


@pytest.mark.parametrize("registrar", ["example.com", "tel:123", "sip:"])
def test_a_registrar_must_be_a_sip_uri(registrar: str) -> None:
    with pytest.raises(InvalidArgument):
        Registering().endpoint.register(Identity("sip:a@b"), registrar, 0.0)


def test_expires_must_be_positive() -> None:
    side = Registering()
    with pytest.raises(InvalidArgument):
        side.register(expires=0)
    registration = side.register()
    with pytest.raises(InvalidArgument):
        registration.set_expires(0)
    registration.set_expires(100)
    registration.refresh(side.now)
    side.run(1.0)
    assert registration.expires == 100


# -- loss


@pytest.mark.parametrize("seed", range(5))
def test_registrations_through_loss(seed: int) -> None:
    """A hundred accounts stay registered over a link that loses every fifth packet."""
    side = Registering(Link(0.02, 0.05, loss=0.2, duplicate=0.1), seed)
    registrations = []
    for number in range(100):
        identity = Identity(f"sip:user{number}@example.com", credentials=[Credential(f"user{number}", "secret")])
        registrations.append(side.endpoint.register(identity, REGISTRAR, side.now, expires=300))
    side.run(60.0)
    missed = 0
    for _ in range(60):
        side.run(30.0)
        for number in range(100):
            bindings = side.registrar.bindings.get(f"sip:user{number}@example.com", {})
            missed += not any(until > side.now for until in bindings.values())
    assert missed == 0
    side.endpoint.close_all(side.now)
    side.network.run()
    assert leftovers(side.endpoint) == {}
    assert {registration.state for registration in registrations} == {RegistrationState.REMOVED}
