"""One INVITE, several phones: early dialogs by tag, several 2xx, late ones (RFC 3261 s13.2.2.4)."""

from __future__ import annotations

import pytest

from microsip_core.sip import builder
from microsip_core.sip.events import CallAnswered, CallEnded, CallProgress, EndCause
from microsip_core.sip.hop import Source
from microsip_core.sip.message import Request, Response
from microsip_core.sip.session.invite_session import InviteSession, SessionState

from .calls import ANSWER, OFFER
from .virtual_network import Script, VirtualNetwork, endpoint_of, leftovers


class Forks:
    """Alice calls through a scripted proxy, whose forks have the tags the test names."""

    def __init__(self, sdp: bytes | None = OFFER) -> None:
        self.network = VirtualNetwork(trace=True)
        self.alice = self.network.endpoint("alice", "10.0.0.1")
        self.script = Script("10.0.0.2")
        self.network.join("proxy", "10.0.0.2", self.script)
        self.invite: Request | None = None
        self.source: Source | None = None
        self.requests: list[tuple[str, str | None]] = []
        self.bodies: list[bytes] = []
        self.script.on_message = self.on_message
        self.session: InviteSession = endpoint_of(self.alice).invite("sip:bob@10.0.0.2", sdp, 0.0)
        self.network.run(0.1)

    def on_message(self, message: Request | Response, source: Source, now: float) -> None:
        if not isinstance(message, Request):
            return
        if message.method == "INVITE" and self.invite is None:
            self.invite, self.source = message, source
        else:
            self.requests.append((message.method, message.to.tag))
            self.bodies.append(message.body)
        if message.method in ("BYE", "CANCEL"):
            self.script.reply(builder.response_to(message, 200), source)

    def answer(self, status: int, tag: str, sdp: bytes | None = None) -> None:
        """One fork responds."""
        assert self.invite is not None
        assert self.source is not None
        response = builder.response_to(
            self.invite,
            status,
            to_tag=tag,
            contact=f"<sip:{tag}@10.0.0.2>",
            body=sdp or b"",
            content_type="application/sdp" if sdp else None,
        )
        self.script.reply(response, self.source)
        self.network.run(self.network.now + 0.05)

    def end(self) -> None:
        self.network.run()
        assert leftovers(endpoint_of(self.alice)) == {}

    def events(self, kind: type) -> list:
        return [event for event in self.alice.events if isinstance(event, kind)]


def test_early_dialogs_are_told_apart_and_the_first_2xx_wins() -> None:
    forks = Forks()
    forks.answer(180, "x")
    forks.answer(183, "y", ANSWER)
    forks.answer(183, "x", OFFER)
    assert [(event.to_tag, event.sdp) for event in forks.events(CallProgress)] == [
        ("x", None),
        ("y", ANSWER),
        ("x", OFFER),
    ]
    assert len(endpoint_of(forks.alice).dialogs) == 2
    forks.answer(200, "y")
    assert forks.events(CallAnswered)[0].sdp == ANSWER
    assert len(endpoint_of(forks.alice).dialogs) == 1
    assert forks.session.established_dialog.remote_tag == "y"
    forks.session.hangup(forks.network.now)
    forks.end()
    assert forks.requests == [("ACK", "y"), ("BYE", "y")]


def test_further_2xx_are_acknowledged_and_ended() -> None:
    forks = Forks()
    forks.answer(200, "x", ANSWER)
    forks.answer(200, "y", ANSWER)
    forks.answer(200, "y", ANSWER)
    forks.answer(200, "x", ANSWER)
    assert forks.requests == [("ACK", "x"), ("ACK", "y"), ("BYE", "y"), ("ACK", "y"), ("ACK", "x")]
    assert len(forks.events(CallAnswered)) == 1
    assert forks.session.state == SessionState.CONFIRMED
    forks.session.hangup(forks.network.now)
    forks.answer(200, "z", ANSWER)
    assert forks.requests[-2:] == [("ACK", "z"), ("BYE", "z")]
    forks.end()
    assert len(forks.events(CallEnded)) == 1


def test_forks_that_answer_after_a_cancel_are_all_ended() -> None:
    forks = Forks()
    forks.answer(180, "x")
    forks.session.hangup(forks.network.now)
    forks.network.run(forks.network.now + 0.05)
    forks.answer(200, "x", ANSWER)
    forks.answer(200, "y", ANSWER)
    forks.end()
    assert forks.requests == [("CANCEL", None), ("ACK", "x"), ("BYE", "x"), ("ACK", "y"), ("BYE", "y")]
    assert [event.cause for event in forks.events(CallEnded)] == [EndCause.CANCELED]


def test_a_late_offer_of_a_second_fork_is_not_taken() -> None:
    forks = Forks(None)
    forks.answer(200, "x", OFFER)
    forks.answer(200, "x", OFFER)
    forks.answer(200, "y", OFFER)
    assert forks.requests == [("ACK", "y"), ("BYE", "y")]
    forks.session.acknowledge(ANSWER, forks.network.now)
    forks.network.run(forks.network.now + 0.05)
    assert forks.requests[-1] == ("ACK", "x")
    assert forks.bodies[-1] == ANSWER
    forks.session.hangup(forks.network.now)
    forks.end()


def test_a_failure_ends_all_early_dialogs() -> None:
    forks = Forks()
    for number in range(40):
        forks.answer(180, f"fork{number}")
    assert len(endpoint_of(forks.alice).dialogs) == 32
    forks.answer(486, "x")
    assert endpoint_of(forks.alice).dialogs == {}
    forks.end()
    assert [event.status for event in forks.events(CallEnded)] == [486]


def test_the_route_set_comes_from_the_2xx_and_is_used_in_reverse() -> None:
    forks = Forks()
    assert forks.invite is not None
    assert forks.source is not None
    response = builder.response_to(
        forks.invite,
        200,
        to_tag="x",
        contact="<sip:bob@192.0.2.9>",
        body=ANSWER,
        content_type="application/sdp",
        headers=[("Record-Route", "<sip:far@192.0.2.1;lr>, <sip:near@10.0.0.2;lr>")],
    )
    forks.script.reply(response, forks.source)
    forks.network.run(forks.network.now + 0.05)
    ack = forks.script.received[-1]
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri) == ("ACK", "sip:bob@192.0.2.9")
    assert ack.get_all("Route") == ["<sip:near@10.0.0.2;lr>", "<sip:far@192.0.2.1;lr>"]
    forks.session.hangup(forks.network.now)
    forks.end()


@pytest.mark.parametrize(
    ("routes", "uri", "route"),
    [
        (("<sip:p1;lr>", "<sip:p2;lr>"), "sip:bob@x", ("<sip:p1;lr>", "<sip:p2;lr>")),
        (("<sip:p1>", "<sip:p2;lr>"), "sip:p1", ("<sip:p2;lr>", "<sip:bob@x>")),
        ((), "sip:bob@x", ()),
    ],
)
def test_loose_and_strict_routes(routes: tuple[str, ...], uri: str, route: tuple[str, ...]) -> None:
    """RFC 3261 s12.2.1.1."""
    from microsip_core.sip.dialog.dialog import route_request

    assert route_request("sip:bob@x", routes)[:2] == (uri, route)


def test_a_2xx_without_a_usable_contact_does_no_harm() -> None:
    forks = Forks()
    assert forks.invite is not None
    assert forks.source is not None
    response = builder.response_to(
        forks.invite,
        200,
        to_tag="x",
        body=ANSWER,
        content_type="application/sdp",
        headers=[("Contact", "<tel:+123>"), ("Record-Route", "<nonsense>, <tel:5>, <sip:10.0.0.2;lr>")],
    )
    forks.script.reply(response, forks.source)
    forks.network.run(forks.network.now + 0.05)
    assert forks.requests == [("ACK", "x")]
    forks.session.hangup(forks.network.now)
    forks.end()


def test_a_further_2xx_without_any_address_is_ended_where_the_invite_went() -> None:
    forks = Forks()
    forks.answer(200, "x", ANSWER)
    assert forks.invite is not None
    assert forks.source is not None
    response = builder.response_to(forks.invite, 200)
    response.set("To", "<tel:+123>;tag=y")
    forks.script.reply(response, forks.source)
    forks.network.run(forks.network.now + 0.05)
    assert forks.requests == [("ACK", "x"), ("ACK", "y"), ("BYE", "y")]
    forks.session.hangup(forks.network.now)
    forks.end()
