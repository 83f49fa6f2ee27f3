"""Thousands of calls over links that lose, repeat and reorder: every one ends in a defined state, and nothing is
left."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from microsip_core.errors import InvalidState
from microsip_core.sip.endpoint import Endpoint
from microsip_core.sip.events import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallIncoming,
    CallOfferAnswered,
    CallOfferReceived,
    RequestReceived,
)
from microsip_core.sip.session.invite_session import InviteSession

from .calls import ANSWER, OFFER
from .virtual_network import Link, Node, VirtualNetwork, endpoint_of, leftovers

TERRIBLE = Link(0.02, 0.08, loss=0.25, duplicate=0.15)
BAD = Link(0.02, 0.08, loss=0.05, duplicate=0.05)


class Users:
    """Two endpoints whose users do at random what users do."""

    def __init__(self, link: Link, seed: int) -> None:
        self.dice = random.Random(seed)
        self.network = VirtualNetwork(link, seed)
        self.nodes = [self.network.endpoint(name, host) for name, host in (("a", "10.0.0.1"), ("b", "10.0.0.2"))]
        for node in self.nodes:
            node.on_event = self.on_event
        self.sessions: list[InviteSession] = []
        self.ended: Counter[InviteSession] = Counter()
        self.causes: Counter[str] = Counter()

    def start(self, calls: int, seconds: float) -> None:
        for _ in range(calls):
            self.network.at(self.dice.random() * seconds, self._call)

    def _call(self, now: float) -> None:
        caller, callee = self.dice.sample(self.nodes, 2)
        sdp = None if self.dice.random() < 0.2 else OFFER
        session = endpoint_of(caller).invite(f"sip:x@{callee.address[0]}", sdp, now, answer_timeout=60.0)
        self.sessions.append(session)
        if self.dice.random() < 0.15:
            self._later(session.hangup, 0.0, 8.0)

    def on_event(self, event: Any, now: float) -> None:
        if isinstance(event, CallIncoming):
            self.sessions.append(event.session)
            self._answer(event.session, event.sdp is not None, now)
        elif isinstance(event, CallAnswered):
            if event.is_offer:
                event.session.acknowledge(ANSWER, now)
            self._talk(event.session)
        elif isinstance(event, CallConfirmed):
            self._talk(event.session)
        elif isinstance(event, CallOfferReceived):
            if self.dice.random() < 0.8:
                event.session.answer_offer(ANSWER, now)
            else:
                event.session.reject_offer(488, now)
        elif isinstance(event, CallOfferAnswered) and event.is_offer:
            event.session.acknowledge(ANSWER, now)
        elif isinstance(event, RequestReceived):
            event.incoming.respond(200, now)
        elif isinstance(event, CallEnded):
            self.ended[event.session] += 1
            self.causes[event.cause.value] += 1

    def _answer(self, session: InviteSession, offered: bool, now: float) -> None:
        choice = self.dice.random()
        if choice < 0.7:
            session.progress(180, now)
            self._later(lambda when: session.accept(ANSWER, when), 0.0, 5.0)
        elif choice < 0.8 and offered:
            session.progress(183, now, sdp=ANSWER)
            self._later(lambda when: session.accept(None, when), 0.0, 5.0)
        elif choice < 0.9:
            self._later(lambda when: session.reject(486, when), 0.0, 5.0)
        # else nobody is at home

    def _talk(self, session: InviteSession) -> None:
        if self.dice.random() < 0.3:
            self._later(lambda when: session.reinvite(None if self.dice.random() < 0.3 else OFFER, when), 0.0, 3.0)
        if self.dice.random() < 0.3:
            self._later(lambda when: session.send_request("INFO", when) and None, 0.0, 3.0)
        self._later(session.hangup, 0.0, 10.0)

    def _later(self, command: Any, low: float, high: float) -> None:
        def run(now: float) -> None:
            try:
                command(now)
            except InvalidState:
                self.causes["too late"] += 1

        self.network.at(self.network.now + self.dice.uniform(low, high), run)


@pytest.mark.parametrize(("link", "seed"), [(BAD, 1), (BAD, 2), (TERRIBLE, 3), (TERRIBLE, 4), (Link(loss=0.6), 5)])
def test_a_thousand_calls_over_a_bad_link(link: Link, seed: int) -> None:
    users = Users(link, seed)
    users.start(1000, 60.0)
    users.network.run()
    for node in users.nodes:
        assert leftovers(endpoint_of(node)) == {}, users.causes
    assert len(users.sessions) >= 1000
    assert all(users.ended[session] == 1 for session in users.sessions)
    assert all(session.ended for session in users.sessions)
    assert users.network.packets > 8000


def test_on_a_good_link_both_sides_agree() -> None:
    users = Users(Link(0.01), 7)
    users.start(1500, 30.0)
    users.network.run()
    ends: dict[str, set[tuple[str, str]]] = {}
    for node in users.nodes:
        for event in node.events:
            if isinstance(event, CallEnded):
                ends.setdefault(event.session.call_id, set()).add((event.cause.value, event.by))
    allowed = (
        {("hangup", "local"), ("hangup", "remote")},
        {("hangup", "local")},
        {("rejected", "local"), ("rejected", "remote")},
        {("canceled", "local"), ("canceled", "remote")},
        {("no_answer", "timeout"), ("canceled", "remote")},
        {("canceled", "local"), ("hangup", "remote")},
        {("canceled", "local"), ("rejected", "local")},
    )
    assert len(ends) == 1500
    assert [pair for pair in ends.values() if pair not in allowed] == []
    assert set(users.causes) <= {"hangup", "rejected", "canceled", "no_answer", "too late"}


def test_all_calls_over_tcp_with_dead_connections() -> None:
    """Nothing is retransmitted but a 2xx; what does not come through ends by time-out."""
    users = Users(Link(0.01), 9)
    for node in users.nodes:
        endpoint_of(node).config.default_transport = "TCP"

    def intercept(sender: Node, receiver: tuple[str, int], data: bytes) -> bool:
        return users.dice.random() > 0.1

    users.network.intercept = intercept
    users.start(500, 30.0)
    users.network.run()
    for node in users.nodes:
        assert leftovers(endpoint_of(node)) == {}
    assert all(users.ended[session] == 1 for session in users.sessions)


def test_a_peer_that_vanishes_in_the_middle_of_everything() -> None:
    users = Users(BAD, 11)
    users.start(400, 20.0)
    users.network.run(10.0)
    gone = users.nodes[1]
    del users.network.nodes[gone.address]
    users.network.run()
    alive = endpoint_of(users.nodes[0])
    assert isinstance(alive, Endpoint)
    assert leftovers(alive) == {}
    assert all(users.ended[session] == 1 for session in users.sessions if session.endpoint is alive)
