"""The server on real sockets: life cycle, settings, impairment; spoken to by a bare UDP client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from microsip_core.errors import Busy, InvalidArgument, InvalidState, NetworkError
from microsip_core.server import LoopbackServer, ServerEvent
from microsip_core.server.impairment import Impairment
from microsip_core.sip.builder import request
from microsip_core.sip.message import Response
from microsip_core.sip.parser import parse_message

USERS = {"alice": "secret", "bob": "secret"}


class Client(asyncio.DatagramProtocol):
    """Sends datagrams to the server and keeps what comes back."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.received.put_nowait(data)

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    def register(self, server: LoopbackServer, number: int = 1, expires: str = "60") -> None:
        aor = server.uri("alice")
        self.transport.sendto(request(
            "REGISTER", f"sip:{server.domain}", via=f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{number};rport",
            from_=f"<{aor}>;tag=1", to=f"<{aor}>", call_id="c", cseq=number,
            headers=[("Contact", f"<sip:alice@127.0.0.1:{self.port}>"), ("Expires", expires)],
        ).to_bytes(), server.address)

    async def response(self) -> Response:
        message = parse_message(await asyncio.wait_for(self.received.get(), 5))
        assert isinstance(message, Response)
        return message


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Client, local_addr=("127.0.0.1", 0))
    yield protocol
    transport.close()


async def test_a_client_registers_and_is_listed(client: Client) -> None:
    told: list[ServerEvent] = []
    async with LoopbackServer(users=USERS, challenge="none", services=False, on_event=told.append) as server:
        assert server.address[0] == "127.0.0.1"
        assert server.domain == f"127.0.0.1:{server.address[1]}"
        assert server.uri("a b") == f"sip:a%20b@{server.domain}"
        client.register(server)
        response = await client.response()
        assert response.status == 200
        assert response.get("Date").endswith("GMT")  # type: ignore[union-attr]
        assert server.registered("alice") == [f"sip:alice@127.0.0.1:{client.port}"]
        figures = server.statistics()
        assert (figures["received"], figures["sent"], figures["response_200"], figures["registered"]) == (1, 1, 1, 1)
    assert [event.kind for event in told] == ["listen", "request", "response", "register", "close"]
    assert str(told[3]).startswith(f"register: alice is at sip:alice@127.0.0.1:{client.port} (")
    assert str(told[2]) == "response: REGISTER alice -> alice: 200 OK"


async def test_registration_asks_for_the_password_by_default(client: Client) -> None:
    async with LoopbackServer(users=USERS, services=False, realm="here", algorithms=("MD5",)) as server:
        client.register(server)
        response = await client.response()
        assert response.status == 401
        assert response.get("WWW-Authenticate").startswith('Digest realm="here"')  # type: ignore[union-attr]
        assert server.statistics()["challenges"] == 1


async def test_nothing_is_left_after_close(client: Client) -> None:
    server = await LoopbackServer(users=USERS, challenge="none", services=False, delay=5.0).start()
    port = server.address[1]
    before = asyncio.all_tasks()
    client.register(server)
    await asyncio.sleep(0.05)
    await server.close()
    await server.close()
    assert asyncio.all_tasks() <= before
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", port))
    with pytest.raises(NetworkError):
        _ = server.address
    loop: Any = asyncio.get_running_loop()
    waiting = [handle for handle in loop._scheduled if not handle.cancelled() and "microsip" in repr(handle)]
    assert waiting == []


async def test_it_is_started_once() -> None:
    async with LoopbackServer(services=False) as server:
        with pytest.raises(InvalidState):
            await server.start()


async def test_a_port_in_use_is_told_plainly() -> None:
    async with LoopbackServer(services=False) as server:
        second = LoopbackServer(port=server.address[1], services=False)
        with pytest.raises(Busy, match=str(server.address[1])):
            await second.start()
        await second.close()


@pytest.mark.parametrize(
    "settings",
    [{"challenge": "some"}, {"challenge_status": 403}, {"users": {"a b": "x"}}, {"users": {"": "x"}},
     {"algorithms": ("ROT13",)}],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        LoopbackServer(**settings)


@pytest.mark.parametrize("settings", [{"loss": 1.5}, {"delay": -1.0}, {"jitter": 100.0}])
async def test_wrong_impairment_is_refused(settings: dict[str, Any]) -> None:
    server = LoopbackServer(services=False, **settings)
    with pytest.raises(InvalidArgument):
        await server.start()


async def test_users_may_be_added_while_it_runs(client: Client) -> None:
    async with LoopbackServer(challenge="none", services=False) as server:
        client.register(server, 1)
        assert (await client.response()).status == 404
        server.users["alice"] = "secret"
        client.register(server, 2)
        assert (await client.response()).status == 200


async def test_a_registration_expires_by_itself(client: Client) -> None:
    async with LoopbackServer(users=USERS, challenge="none", services=False) as server:
        client.register(server, expires="1")
        assert (await client.response()).status == 200
        assert server.statistics()["registered"] == 1
        await asyncio.sleep(1.1)
        assert server.registered("alice") == []
        assert server.statistics()["registered"] == 0


async def test_a_listener_that_fails_does_not_stop_the_server(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    def listener(event: ServerEvent) -> None:
        raise ValueError("broken listener")

    async with LoopbackServer(users=USERS, challenge="none", services=False, on_event=listener) as server:
        client.register(server)
        assert (await client.response()).status == 200
        assert server.statistics()["listener_errors"] == 1
    assert "the event listener failed" in caplog.text


async def passed(loss: float, jitter: float, seed: int) -> list[int]:
    """Which of 200 messages pass an impairment, in the order in which they come out."""
    impairment = Impairment(asyncio.get_running_loop(), loss=loss, jitter=jitter, seed=seed)
    out: list[int] = []
    for number in range(200):
        impairment.pass_on(lambda number=number: out.append(number))  # type: ignore[misc]
    await asyncio.sleep(jitter * 2)
    assert len(out) + impairment.lost == 200
    return out


async def test_impairment_repeats_with_its_seed() -> None:
    first = await passed(0.3, 0.0, seed=7)
    assert 110 < len(first) < 170
    assert first == await passed(0.3, 0.0, seed=7)
    assert first != await passed(0.3, 0.0, seed=8)


async def test_jitter_reorders_and_close_forgets() -> None:
    out = await passed(0.0, 0.05, seed=1)
    assert sorted(out) == list(range(200))
    assert out != sorted(out)
    impairment = Impairment(asyncio.get_running_loop(), delay=0.01)
    impairment.pass_on(lambda: out.append(-1))
    impairment.close()
    await asyncio.sleep(0.03)
    assert -1 not in out


async def test_loss_is_counted(client: Client) -> None:
    async with LoopbackServer(users=USERS, challenge="none", services=False, loss=1.0) as server:
        client.register(server)
        await asyncio.sleep(0.05)
        assert server.statistics()["impairment_lost"] == 1
        assert client.received.empty()
