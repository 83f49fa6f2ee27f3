"""An agent behind a real NAT registers, is called, and sound flows both ways; by each of the ways there are."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .network import INSIDE, OUTSIDE, PUBLIC, NatNetwork, missing

REASON = missing()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)
TESTS = Path(__file__).parent.parent
PATIENCE = 40.0


class Program:
    """A program in a namespace that tells one JSON object a line, and takes words."""

    def __init__(self, network: NatNetwork, place: str, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}", "MICROSIP_REALTIME": "0"}
        self.process = subprocess.Popen(
            network.command(place, sys.executable, "-m", f"nat.{place}", *arguments), env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1,
        )

    def say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def told(self, event: str) -> dict[str, Any]:
        """Return the next thing it tells, which has to be this one."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            raise AssertionError(f"no {event!r}: {self.process.communicate()[1][-3000:]}")
        found: dict[str, Any] = json.loads(line)
        assert found.pop("event") == event, found
        return found

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def network() -> Iterator[NatNetwork]:
    with NatNetwork() as made:
        yield made


@pytest.fixture
def world(network: NatNetwork) -> Iterator[Program]:
    program = Program(network, "outside")
    program.told("ready")
    yield program
    program.end()


def host_of(binding: str) -> str:
    return binding.partition("@")[2].partition(":")[0]


@pytest.mark.parametrize(("settings", "host"), [
    pytest.param({}, PUBLIC, id="the registrar tells"),
    pytest.param({"stun_server": f"{OUTSIDE}:5060", "rewrite_contact": False}, None, id="STUN tells"),
    pytest.param({"outbound": True, "rewrite_contact": False}, INSIDE, id="outbound by UDP"),
    pytest.param({"transport": "tcp"}, INSIDE, id="outbound by TCP"),
])
def test_agent_behind_a_nat_is_called_and_heard(
    network: NatNetwork, world: Program, settings: dict[str, Any], host: str | None,
) -> None:
    alice = Program(network, "inside", json.dumps(settings))
    try:
        registered = alice.told("registered")
        assert registered["outbound"] == (host == INSIDE)
        world.say("bindings")
        bound = world.told("bindings")["alice"]
        assert [host_of(binding) for binding in bound] == [host or PUBLIC]
        world.say("call")
        assert alice.told("heard")["hertz"] == pytest.approx(620, abs=15)
        assert world.told("heard")["hertz"] == pytest.approx(440, abs=15)
        ended = alice.told("ended")  # the BYE found its way in
        assert ended["by"] == "remote"
    finally:
        alice.end()


def test_call_survives_another_address_behind_the_nat(network: NatNetwork, world: Program) -> None:
    alice = Program(network, "inside", json.dumps({"listen": "0.0.0.0:0"}))
    try:
        alice.told("registered")
        world.say("move")
        assert alice.told("heard")["hertz"] == pytest.approx(620, abs=15)
        assert world.told("heard")["hertz"] == pytest.approx(440, abs=15)
        network.change_address(INSIDE, "10.77.1.77")
        alice.say("moved")
        world.say("moved")
        assert alice.told("heard")["hertz"] == pytest.approx(620, abs=15)
        assert world.told("heard")["hertz"] == pytest.approx(440, abs=15)
        assert alice.told("ended")["by"] == "remote"
    finally:
        alice.end()
