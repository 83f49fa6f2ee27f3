"""Torture messages against the server core: none brings it down, none is left over (RFC 4475, RFC 5118, fuzzing)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from microsip_core.server.auth import AuthSettings, ChallengeMode
from microsip_core.sip.hop import Source
from microsip_core.sip.parser import parse_message

from .core_bench import DOMAIN, SERVER, CoreBench

TORTURE = Path(__file__).parent.parent / "vectors" / "sip-torture"
FILES = sorted(path for path in TORTURE.rglob("*") if path.suffix in (".dat", ".sip", ".txt", ".bin"))
SOURCE = Source("UDP", "127.0.0.1", 5071, SERVER)


def survives(bench: CoreBench, data: bytes) -> None:
    bench.core.receive(data, SOURCE, bench.now)
    for packet in bench.core.data_to_send():
        parse_message(packet.data)


@pytest.mark.parametrize("mode", [ChallengeMode.NONE, ChallengeMode.ALL])
def test_every_torture_message_is_survived(mode: ChallengeMode) -> None:
    assert len(FILES) > 30
    domains = (DOMAIN, "127.0.0.1", "example.com", "biloxi.com", "2001:db8::10")
    bench = CoreBench(auth=AuthSettings(mode), domains=domains)
    if mode is ChallengeMode.NONE:
        bench.bind("bob", 5072)
    for path in FILES:
        survives(bench, path.read_bytes())
        bench.now += 1
    bench.advance(400)
    assert bench.core.next_timeout() is None
    assert bench.core.statistics(bench.now)["transactions"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_mutilated_messages_are_survived(seed: int) -> None:
    """Octets changed, cut and doubled in whole calls: 2,000 messages each."""
    rng = random.Random(seed)
    bench = CoreBench()
    bench.bind("bob", 5072)
    contact = [("Contact", "<sip:a@127.0.0.1:5071>"), ("Route", "<sip:127.0.0.1:5060;lr>"), ("Expires", "60")]
    for number in range(2000):
        method = rng.choice(("INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "MESSAGE"))
        uri = rng.choice((f"sip:bob@{DOMAIN}", f"sip:{DOMAIN}", "sip:bob@127.0.0.1:5072"))
        request = bench.new(method, uri, headers=rng.sample(contact, rng.randrange(4)), call_id=f"m{number}")
        data = bytearray(request.to_bytes())
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(data))
            choice = rng.randrange(3)
            if choice == 0:
                data[at] = rng.randrange(256)
            elif choice == 1:
                del data[at : at + rng.randrange(40)]
            else:
                data[at:at] = data[at : at + rng.randrange(40)]
            if not data:
                break
        survives(bench, bytes(data))
        bench.now += 0.01
    bench.advance(400)
    assert bench.core.next_timeout() is None
    assert bench.core.statistics(bench.now)["transactions"] == 0
