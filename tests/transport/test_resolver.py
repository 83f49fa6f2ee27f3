"""The resolver: numbers at once, names once, failures in words."""

from __future__ import annotations

import asyncio
import socket

import pytest

from microsip_core.errors import DnsError
from microsip_core.sip.hop import Hop
from microsip_core.transport import resolver as resolver_module
from microsip_core.transport.resolver import Resolver


class Names:
    """Stands in for the system's resolver."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, list[str]] = {}
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._answer)

    async def _answer(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        await asyncio.sleep(0)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, 0, 0, "", (address, port))
            for address in self.answers[host]
        ]


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


async def test_number_needs_no_waiting(names: Names) -> None:
    resolver = Resolver(asyncio.get_running_loop())
    targets = resolver.known(Hop("UDP", "192.0.2.7", None))
    assert targets is not None
    assert targets[0].address == ("192.0.2.7", 5060)
    assert targets[0].family == socket.AF_INET
    six = resolver.known(Hop("TLS", "2001:db8::1", None))
    assert six is not None
    assert six[0].address == ("2001:db8::1", 5061)
    assert names.asked == []


async def test_name_is_looked_up_once_even_by_many(names: Names) -> None:
    names.answers["sip.example.com"] = ["192.0.2.7", "2001:db8::7"]
    resolver = Resolver(asyncio.get_running_loop())
    hop = Hop("UDP", "sip.example.com", 5080)
    assert resolver.known(hop) is None
    results = await asyncio.gather(*(resolver.resolve(hop) for _ in range(20)))
    assert [target.address for target in results[0]] == [("192.0.2.7", 5080), ("2001:db8::7", 5080)]
    assert all(result == results[0] for result in results)
    assert names.asked == ["sip.example.com"]
    assert resolver.known(hop) == results[0]


async def test_unknown_name_says_what_to_do(names: Names) -> None:
    resolver = Resolver(asyncio.get_running_loop())
    with pytest.raises(DnsError) as caught:
        await resolver.resolve(Hop("UDP", "nowhere.invalid", None))
    assert caught.value.step == "resolve"
    assert caught.value.peer == "nowhere.invalid"
    assert "spelling" in str(caught.value)


async def test_one_who_gives_up_does_not_spoil_it_for_the_others(names: Names) -> None:
    names.answers["sip.example.com"] = ["192.0.2.7"]
    resolver = Resolver(asyncio.get_running_loop())
    hop = Hop("UDP", "sip.example.com", 5060)
    hasty, patient = (asyncio.create_task(resolver.resolve(hop)) for _ in range(2))
    await asyncio.sleep(0)
    hasty.cancel()
    assert (await patient)[0].address == ("192.0.2.7", 5060)
    with pytest.raises(asyncio.CancelledError):
        await hasty


async def test_close_leaves_no_task(names: Names) -> None:
    names.answers["sip.example.com"] = ["192.0.2.7"]
    resolver = Resolver(asyncio.get_running_loop())
    waiting = asyncio.create_task(resolver.resolve(Hop("UDP", "sip.example.com", 5060)))
    await asyncio.sleep(0)
    await resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_a_name_stood_for_is_known_in_another_network_until_it_is_looked_up(names: Names) -> None:
    names.answers["sip.example.com"] = ["192.0.2.7"]
    resolver = Resolver(asyncio.get_running_loop())
    hop = Hop("UDP", "sip.example.com", 5060)
    await resolver.resolve(hop)
    resolver.forget()
    assert resolver.known(hop) is None
    assert resolver.addresses_of(hop) == [("192.0.2.7", 5060)]
    names.answers["sip.example.com"] = ["192.0.2.8"]
    assert (await resolver.resolve(hop))[0].address == ("192.0.2.8", 5060)
    assert resolver.addresses_of(hop) == [("192.0.2.8", 5060)]


async def test_many_names_push_out_the_oldest_and_not_those_in_use(
    names: Names, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolver_module, "_KEPT_NAMES", 5)
    resolver = Resolver(asyncio.get_running_loop())
    ours, *others = hops = [Hop("UDP", f"{number}.example.com", 5060) for number in range(20)]
    for hop in hops:
        names.answers[hop.host] = ["192.0.2.7"]
        await resolver.resolve(hop)
        assert resolver.addresses_of(ours)
    assert [hop for hop in others if resolver.known(hop) is not None] == others[-4:]
