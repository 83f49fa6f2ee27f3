"""No sequence of peer messages, local commands and timer ticks raises, ends a call twice, or leaves anything behind."""

from __future__ import annotations

import gc
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from microsip_core.errors import InvalidArgument, InvalidState
from microsip_core.ids import IdSource
from microsip_core.sip import builder
from microsip_core.sip.digest import DigestServer
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import CallEnded, CallIncoming, CallReleased, RequestReceived, TransferRequested
from microsip_core.sip.hop import OutgoingPacket, Source
from microsip_core.sip.identity import Credential, Identity
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message
from microsip_core.sip.registration import Registration, RegistrationState
from microsip_core.sip.session.invite_session import InviteSession

from .calls import ANSWER, OFFER
from .virtual_network import leftovers

SOURCES = [Source("UDP", "10.0.0.2", 5060, ("10.0.0.1", 5060)), Source("TCP", "10.0.0.2", 40000, ("10.0.0.1", 5060))]
METHODS = [
    "INVITE", "ACK", "BYE", "CANCEL", "INFO", "OPTIONS", "UPDATE", "PRACK", "REFER", "NOTIFY", "REGISTER", "FOO",
    "MESSAGE", "SUBSCRIBE",
]
STATUSES = [100, 180, 183, 200, 202, 302, 401, 407, 408, 422, 423, 481, 486, 487, 491, 500, 503, 603]
HOLD = OFFER.replace(b"m=audio", b"a=sendonly\r\nm=audio")
CLEARED = OFFER.replace(b"10.0.0.1", b"0.0.0.0")
BODIES = [b"", OFFER, b"nonsense", HOLD, CLEARED]
EVERYTHING = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
numbers = st.integers(0, 1000)


class HostilePeer(RuleBasedStateMachine):
    """One endpoint; the peer, the user and the network do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoint = Endpoint(
            EndpointConfig(local_address=lambda hop: ("10.0.0.1", 5060), max_sessions=20, transfers=True,
                           joins=True, deliver_others=True),
            IdSource(1),
            Identity("sip:alice@example.com", credentials=[Credential("alice", "secret")]),
        )
        self.digest = DigestServer("example.com", b"0123456789abcdef")
        self.now = 0.0
        self.serial = 0
        self.sessions: list[InviteSession] = []
        self.registrations: list[Registration] = []
        self.incoming: list[RequestReceived] = []
        self.transfers: list[TransferRequested] = []
        self.sent: list[Request] = []
        self.answers: list[Response] = []
        self.received: list[tuple[bytes, Source]] = []
        self.packets: list[OutgoingPacket] = []
        self.ended: Counter[InviteSession] = Counter()
        self.released: Counter[InviteSession] = Counter()

    # -- the user

    @rule(late=st.booleans(), patience=st.sampled_from([5.0, 100.0]))
    def call(self, late: bool, patience: float) -> None:
        if len(self.endpoint.live_sessions) < 20:
            uri = "sip:bob@10.0.0.2" + (";transport=tcp" if patience == 5.0 else "")
            session = self.endpoint.invite(uri, None if late else OFFER, self.now, answer_timeout=patience)
            self.sessions.append(session)

    @precondition(lambda self: self.sessions)
    @rule(which=numbers, what=st.integers(0, 20), number=numbers)
    def command(self, which: int, what: int, number: int) -> None:
        session = self.sessions[which % len(self.sessions)]
        now = self.now
        commands: list[Callable[[], object]] = [
            lambda: session.hangup(now),
            lambda: session.accept(ANSWER, now),
            lambda: session.accept(None, now),
            lambda: session.progress(180, now),
            lambda: session.progress(183, now, sdp=ANSWER),
            lambda: session.reject((300, 404, 486, 603)[number % 4], now),
            lambda: session.acknowledge(ANSWER, now),
            lambda: session.reinvite((None, OFFER, HOLD, CLEARED)[number % 4], now),
            lambda: session.answer_offer(ANSWER, now),
            lambda: session.reject_offer(488, now),
            lambda: session.send_request("INFO", now),
            lambda: session.update((None, OFFER)[number % 2], now),
            lambda: session.answer_early_offer(ANSWER, now),
            lambda: session.progress(180, now, reliable=True),
            lambda: session.transfer("sip:carol@10.0.0.3", now),
            lambda: session.transfer_to(self.sessions[number % len(self.sessions)], now),
            lambda: self.refer(number, now),
            lambda: session.send_request(("MESSAGE", "NOTIFY", "OPTIONS", "BAR")[number % 4], now, body=b"x"),
            lambda: session.update(HOLD, now, headers=[("X-Mark", "1")]),
            lambda: session.transfer("sip:carol@10.0.0.3", now, headers=[("Refer-Sub", "false")]),
            lambda: session.hangup(now, headers=[("Reason", "SIP;cause=200")]),
        ]
        try:
            commands[what]()
        except (InvalidState, InvalidArgument):
            assert what not in (0, 20), "hanging up never raises"

    def refer(self, number: int, now: float) -> None:
        for requested in self.transfers[-1:]:
            if number % 3 == 0:
                requested.transfer.accept(now)
            elif number % 3 == 1:
                requested.transfer.reject(603, now)
            else:
                requested.transfer.notify((100, 180, 200, 486)[number % 4], now)

    @rule(what=st.sampled_from(["register", "refresh", "unregister", "OPTIONS", "SUBSCRIBE", "REFER"]), which=numbers)
    def register(self, what: str, which: int) -> None:
        if what.isupper():
            uri = "sip:bob@10.0.0.2" + (";transport=tcp" if which % 2 else "")
            self.endpoint.request(what, uri, self.now, body=b"x")
        elif what == "register" or not self.registrations:
            if len(self.registrations) < 5:
                self.registrations.append(self.endpoint.register(self.endpoint.identity, "sip:10.0.0.2", self.now))
        else:
            registration = self.registrations[which % len(self.registrations)]
            if what == "unregister":
                registration.unregister(self.now)
            elif registration.state < RegistrationState.UNREGISTERING:
                registration.refresh(self.now)

    @precondition(lambda self: self.incoming)
    @rule(status=st.sampled_from([180, 200, 404, None]))
    def respond(self, status: int | None) -> None:
        incoming = self.incoming[-1].incoming
        if status is None or status >= 200:
            self.incoming.pop()
        if status is None:
            incoming.decline(self.now)
        elif not incoming.answered:
            incoming.respond(status, self.now)

    # -- the peer

    @rule(
        method=st.sampled_from(METHODS), which=numbers, cseq=st.integers(0, 5), body=st.sampled_from(BODIES), to=numbers
    )
    def request(self, method: str, which: int, cseq: int, body: bytes, to: int) -> None:
        """Any request, in a dialog we have or had, in none, or in one that never was."""
        self.serial += 1
        call_id, remote, local = f"call{which % 3}", "remote", None
        if self.sessions and to % 4:
            session = self.sessions[which % len(self.sessions)]
            call_id = session.call_id
            if session.dialog is not None:
                remote, local = session.dialog.remote_tag, session.dialog.local_tag
        branch = f"z9hG4bK{self.serial}"
        invites = [message for message, _ in self.received if message.startswith(b"INVITE")]
        if method in ("ACK", "CANCEL") and to % 2 and invites:
            original = parse_message(invites[which % len(invites)])
            branch, call_id, remote = original.via.branch or "", original.call_id, original.from_.tag or ""
            cseq = original.cseq.number
        request = builder.request(
            method,
            "sip:alice@10.0.0.1",
            via=f"SIP/2.0/UDP 10.0.0.2;branch={branch}",
            from_=f"<sip:bob@10.0.0.2>;tag={remote}",
            to="<sip:alice@10.0.0.1>" + (f";tag={local}" if local else ""),
            call_id=call_id,
            cseq=cseq,
            contact="<sip:bob@10.0.0.2>",
            body=body,
            content_type="application/sdp" if body else None,
            headers=self.request_headers(method, which, to),
        )
        self.deliver(request.to_bytes(), SOURCES[to % 13 == 0])

    def request_headers(self, method: str, which: int, to: int) -> list[tuple[str, str]]:
        headers = [("Supported", "100rel, timer"), ("Allow", "UPDATE")] if to % 3 else []
        if to % 5 == 0:
            headers.append(("Expires", "7"))
        if to % 7 == 0:
            headers.append(("Require", ("x", "100rel", "timer")[which % 3]))
        if to % 2:
            headers.append(("Session-Expires", ("90", "50", "200;refresher=uas", "120;refresher=uac", "x")[which % 5]))
        if method == "PRACK":
            reliable = [message.get("RSeq") for message in self.answers if message.get("RSeq")]
            headers.append(("RAck", f"{reliable[-1] if reliable else 1} {which % 6} INVITE"))
        elif method == "REFER":
            headers.append(
                ("Refer-To", ("<sip:c@10.0.0.3>", "<sip:c@x?Replaces=a%3Bto-tag%3Db>", "<", "<tel:1>")[which % 4])
            )
        elif method == "NOTIFY":
            event, state = ("refer", "dialog", "refer;id=1")[which % 3], ("active", "terminated")[which % 2]
            headers += [("Event", event), ("Subscription-State", state)]
        elif method == "INVITE" and to % 17 == 0 and self.sessions:
            dialog = self.sessions[which % len(self.sessions)].dialog
            if dialog is not None:
                headers.append(("Join", f"{dialog.call_id};to-tag={dialog.local_tag};from-tag={dialog.remote_tag}"))
        elif method == "INVITE" and to % 11 == 0 and self.sessions:
            dialog = self.sessions[which % len(self.sessions)].dialog
            if dialog is not None:
                headers.append(("Replaces", f"{dialog.call_id};to-tag={dialog.local_tag};from-tag={dialog.remote_tag}"))
        return headers

    @precondition(lambda self: self.sent)
    @rule(
        which=numbers,
        status=st.sampled_from(STATUSES),
        tag=st.sampled_from(["x", "y", None]),
        body=st.sampled_from(BODIES),
        contact=st.sampled_from(["<sip:bob@10.0.0.2>", "<tel:1>", None]),
        stale=st.booleans(),
    )
    def response(self, which: int, status: int, tag: str | None, body: bytes, contact: str | None, stale: bool) -> None:
        """Any response to any request we sent, mostly a recent one."""
        request = self.sent[-1 - which % min(len(self.sent), 5 if which % 3 else 1000)]
        headers = []
        if status in (401, 407):
            name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
            headers = [(name, value) for value in self.digest.challenges(self.now, stale=stale)]
        elif status in (422, 423):
            headers = [("Min-Expires", str(which * 10)), ("Min-SE", str(which * 10))]
        elif 100 < status < 300 and request.method in ("INVITE", "UPDATE"):
            headers = [
                ("Session-Expires", ("90;refresher=uac", "100;refresher=uas", "1", "x")[which % 4]),
                ("Allow", "UPDATE"),
            ]
            if which % 2 and status < 200:
                headers += [("Require", "100rel"), ("RSeq", str(which % 3))]
        elif request.method == "REGISTER" and which % 2:
            headers = [("Contact", f"{request.get('Contact')};expires={which}")]
        response = builder.response_to(
            request,
            status,
            to_tag=tag,
            contact=contact,
            body=body,
            headers=headers,
            content_type="application/sdp" if body else None,
        )
        self.deliver(response.to_bytes(), SOURCES[0])

    @precondition(lambda self: self.received)
    @rule(which=numbers)
    def replay(self, which: int) -> None:
        data, source = self.received[which % len(self.received)]
        self.endpoint.receive(data, source, self.now)

    @precondition(lambda self: self.received)
    @rule(which=numbers, seed=numbers)
    def garble(self, which: int, seed: int) -> None:
        """A message with a line changed, lost or doubled."""
        dice = random.Random(seed)
        data, source = self.received[which % len(self.received)]
        lines = data.split(b"\r\n")
        position = dice.randrange(len(lines))
        choice = dice.randrange(4)
        if choice == 0:
            del lines[position]
        elif choice == 1:
            lines.insert(position, lines[position])
        else:
            line = bytearray(lines[position] or b"x")
            line[dice.randrange(len(line))] = dice.choice(b' ;:,<>"=\0\xff1a')
            lines[position] = bytes(line)
        self.endpoint.receive(b"\r\n".join(lines), source, self.now)

    # -- the network and time

    @precondition(lambda self: self.packets)
    @rule(which=numbers)
    def fail(self, which: int) -> None:
        self.endpoint.transport_failed(self.packets[-1 - which % min(len(self.packets), 6)].token, "lost", self.now)

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.6, 2.0, 10.0, 35.0, 200.0]))
    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (when := self.endpoint.next_timeout()) is not None and when <= until:
            self.now = max(self.now, when)
            self.endpoint.handle_timeout(self.now)
            self.take()
        self.now = until

    # -- what must hold

    def deliver(self, data: bytes, source: Source) -> None:
        self.received.append((data, source))
        self.endpoint.receive(data, source, self.now)

    @invariant()
    def take(self) -> None:
        while (event := self.endpoint.next_event()) is not None:
            if isinstance(event, CallIncoming):
                self.sessions.append(event.session)
            elif isinstance(event, CallEnded):
                self.ended[event.session] += 1
                assert self.ended[event.session] == 1
            elif isinstance(event, CallReleased):
                self.released[event.session] += 1
                assert self.ended[event.session] == self.released[event.session] == 1
            elif isinstance(event, RequestReceived):
                self.incoming.append(event)
            elif isinstance(event, TransferRequested):
                self.transfers.append(event)
        for packet in self.endpoint.data_to_send():
            self.packets.append(packet)
            message = parse_message(packet.data)
            assert isinstance(message, (Request, Response))
            if isinstance(message, Response):
                self.answers.append(message)
            elif message.method != "ACK":
                self.sent.append(message)

    def teardown(self) -> None:
        """The peer falls silent and the user hangs up everything: time alone must clean up."""
        self.endpoint.close_all(self.now)
        self.take()
        for _ in range(3000):
            when = self.endpoint.next_timeout()
            if when is None:
                break
            assert when <= self.now + 200.0
            self.now = max(self.now, when)
            self.endpoint.handle_timeout(self.now)
            self.take()
        assert self.endpoint.next_timeout() is None
        assert leftovers(self.endpoint) == {}
        assert self.endpoint.registrations == set()
        assert self.endpoint.idle
        assert all(self.ended[session] == 1 for session in self.sessions)


def test_no_sequence_leaves_anything_behind() -> None:
    run_state_machine_as_test(HostilePeer, settings=settings(EVERYTHING, max_examples=100, stateful_step_count=50))


@pytest.mark.slow
def test_no_longer_sequence_leaves_anything_behind() -> None:
    run_state_machine_as_test(HostilePeer, settings=settings(EVERYTHING, max_examples=300, stateful_step_count=120))


def test_ended_calls_leave_no_objects_behind() -> None:
    """What has ended is freed by reference counting alone, and at once but for what absorbs retransmissions."""
    from .test_lossy_calls import BAD, Users

    def alive() -> Counter[str]:
        kinds = (
            "InviteSession",
            "ClientRequest",
            "Dialog",
            "IncomingSetup",
            "OutgoingSetup",
            "LocalChange",
            "RemoteChange",
        )
        return Counter(name for found in gc.get_objects() if (name := type(found).__name__) in kinds)

    gc.collect()
    gc.disable()
    try:
        before = alive()
        users = Users(BAD, 21)
        users.start(300, 20.0)
        users.network.run()
        endpoints: list[Any] = [node.element for node in users.nodes]
        users.sessions.clear()
        users.ended.clear()
        for node in users.nodes:
            node.events.clear()
        assert alive() - before == Counter()
        assert len(endpoints) == 2
    finally:
        gc.enable()
