"""The control socket for real: server and client, who may connect, slow and idle clients, reconnection,
one phone each."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from microsip_core.control import server as server_module
from microsip_core.control.address import ControlAddress, InstanceLock, address_for, read_token
from microsip_core.control.client import ControlClient
from microsip_core.control.frames import Frame
from microsip_core.control.numbers import Number
from microsip_core.control.server import ControlServer
from microsip_core.errors import (
    Busy,
    InvalidState,
    MicrosipError,
    NetworkError,
    NotInitialized,
    PermissionDenied,
    TimedOut,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Unix sockets and modes")


class Phone:
    """Answers every number with itself; the request "wait" lasts until it is released."""

    def release(self) -> None:
        self.loop.call_soon_threadsafe(self.released.set)

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.released = asyncio.Event()
        self.state = 0

    async def number(self, number: Number, text: str) -> tuple[int, str]:
        if text == "fail":
            raise InvalidState("not now")
        if text == "crash":
            raise ZeroDivisionError
        if text == "wait":
            await self.released.wait()
        return number.value, text

    async def request(self, command: str, arguments: dict[str, Any]) -> Any:
        if command == "wait":
            await self.released.wait()
        if command == "fail":
            raise InvalidState("not now")
        if command == "unserialisable":
            return object()
        return {"command": command, **arguments}

    def snapshot(self) -> dict[str, Any]:
        return {"state": self.state}


@pytest.fixture(params=["unix", "tcp"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> ControlAddress:
    return ControlAddress(tmp_path / "run", "test", unix=request.param == "unix")


@pytest.fixture
async def server(address: ControlAddress) -> AsyncIterator[ControlServer]:
    one = ControlServer(Phone(), address)
    await one.start()
    yield one
    await one.close()


async def in_thread(work: Callable[[], Any]) -> Any:
    return await asyncio.wait_for(asyncio.to_thread(work), 20)


def ask_often(client: ControlClient) -> None:
    for _ in range(3):
        client.number(Number.STATUS)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (the loop of sockets tells nobody)
            await asyncio.sleep(0.005)


async def test_numbers_and_requests(server: ControlServer, address: ControlAddress) -> None:
    def work() -> None:
        with ControlClient(address) as client:
            assert client.number(Number.DIAL, "100 \u00fc") == (1, "100 \u00fc")
            assert client.number(Number.HOLD, "fail") == (-9, "not now")
            assert client.number(Number.HOLD, "crash")[0] == -1
            assert client.number(99) == (-10, "there is no number 99")
            assert client.request("echo", n=1) == {"command": "echo", "n": 1}
            assert client.request("snapshot")["snapshot"] == {"state": 0}
            with pytest.raises(MicrosipError, match="not now") as error:
                client.request("fail")
            assert error.value.code == -9
            with pytest.raises(MicrosipError, match="log says more"):
                client.request("unserialisable")
            assert client.number(Number.STATUS) == (4, "")

    await in_thread(work)


async def test_a_request_that_waits_holds_no_other_up(server: ControlServer, address: ControlAddress) -> None:
    phone = server.handler

    def work() -> None:
        with ControlClient(address) as client:
            with pytest.raises(TimedOut):
                client.request("wait", timeout=0.05)
            assert client.request("echo") == {"command": "echo"}
            phone.release()
            assert client.request("echo") == {"command": "echo"}  # the late reply goes past
        phone.released.clear()
        with ControlClient(address) as client:
            with pytest.raises(TimedOut):
                client.number(Number.DIAL, "wait", timeout=0.05)
            with pytest.raises(NetworkError):
                client.number(Number.STATUS)

    await in_thread(work)
    phone.released.set()


async def test_numbers_are_answered_in_order(server: ControlServer, address: ControlAddress) -> None:
    phone = server.handler

    def work() -> None:
        with ControlClient(address) as client:
            client._socket.sendall(Frame(1, b"wait").to_bytes() + Frame(4).to_bytes())
            client._socket.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client._socket.recv(1)
            phone.release()
            assert client._next_reply(5).number == 0x8001
            assert client._next_reply(5).number == 0x8004

    await in_thread(work)


async def test_files_are_the_owners_only(server: ControlServer, address: ControlAddress) -> None:
    assert stat.S_IMODE(address.folder.stat().st_mode) == 0o700
    path = address.socket if address.unix else address.token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await server.close()
    assert not path.exists()


async def test_a_wrong_token_gets_nothing(tmp_path: Path) -> None:
    address = ControlAddress(tmp_path / "run", "tcp", unix=False)
    server = ControlServer(Phone(), address)
    await server.start()
    port, token = read_token(address.token)
    assert await in_thread(lambda: ControlClient(address).number(Number.STATUS)) == (4, "")
    address.token.write_text(f'{{"port": {port}, "token": "{token[:-1]}"}}')
    with pytest.raises(MicrosipError) as error:
        await in_thread(lambda: ControlClient(address))
    assert error.value.code == -21
    assert token not in str(error.value)
    address.token.chmod(0o644)
    with pytest.raises(PermissionDenied):
        await in_thread(lambda: ControlClient(address))
    await server.close()


async def test_who_says_nothing_is_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "AUTHENTICATION_TIME", 0.05)
    address = ControlAddress(tmp_path / "run", "tcp", unix=False)
    server = ControlServer(Phone(), address)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", read_token(address.token)[0])
    try:
        assert await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionResetError:
        pass  # the same, said otherwise
    writer.close()
    assert server.refused == 1
    await server.close()


async def test_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = ControlAddress(tmp_path / "run", "unix", unix=True)
    server = ControlServer(Phone(), address)
    await server.start()
    assert await in_thread(lambda: ControlClient(address).number(Number.STATUS)) == (4, "")
    monkeypatch.setattr(server_module, "peer_user", lambda connected: os.getuid() + 1)
    with pytest.raises(MicrosipError):
        await in_thread(lambda: ControlClient(address).number(Number.STATUS))
    assert server.refused == 1
    await server.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be somebody else")
async def test_a_process_of_another_user_can_not_connect(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    address = ControlAddress(tmp_path / "run", "unix", unix=True)
    server = ControlServer(Phone(), address)
    await server.start()
    script = ("import os, socket, sys\nos.setuid(65534)\ns = socket.socket(socket.AF_UNIX)\n"
              f"try:\n s.connect({str(address.socket)!r})\nexcept PermissionError:\n sys.exit(7)\n"
              "sys.exit(8 if s.recv(1) == b'' else 0)")
    run = await in_thread(lambda: subprocess.run([sys.executable, "-S", "-c", script], timeout=15))
    assert run.returncode == 7
    address.folder.chmod(0o755)  # even through an open folder and an open socket it is refused by its user id
    address.socket.chmod(0o666)
    run = await in_thread(lambda: subprocess.run([sys.executable, "-S", "-c", script], timeout=15))
    assert run.returncode in (1, 8)  # hung up, or reset
    assert server.refused == 1
    await server.close()


@pytest.mark.parametrize("garbage", [struct.pack("!II", 1, 1 << 30), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100])
async def test_garbage_ends_its_connection_and_no_other(
    server: ControlServer, address: ControlAddress, garbage: bytes,
) -> None:
    def work() -> None:
        with ControlClient(address) as good, ControlClient(address) as bad:
            bad._socket.sendall(garbage)
            with pytest.raises(MicrosipError):
                ask_often(bad)
            assert good.number(Number.STATUS) == (4, "")

    await in_thread(work)


async def test_events_reach_subscribers_in_order(server: ControlServer, address: ControlAddress) -> None:
    clients = [await in_thread(lambda: ControlClient(address)) for _ in range(5)]
    for client in clients:
        begun = await in_thread(client.subscribe)
        assert begun.snapshot == {"state": 0}
    for number in range(100):
        server.publish("call_incoming", {"n": number})
    for client in clients:
        found = await in_thread(lambda client=client: [client.next_event(5) for _ in range(100)])
        assert [(event["sequence"], event["event"], event["n"]) for event in found] == [
            (number + 1, "call_incoming", number) for number in range(100)]
        client.close()


async def test_a_client_that_was_away_misses_nothing(server: ControlServer, address: ControlAddress) -> None:
    client = await in_thread(lambda: ControlClient(address))
    await in_thread(client.subscribe)
    server.publish("e", {"n": 1})
    events = client.events(patience=10)
    assert (await in_thread(lambda: next(events)))["n"] == 1
    client._socket.shutdown(socket.SHUT_RDWR)
    await until(lambda: server.connections == 0)
    server.publish("e", {"n": 2})
    server.publish("e", {"n": 3})
    assert [(await in_thread(lambda: next(events)))["n"] for _ in range(2)] == [2, 3]
    client.close()


async def test_after_a_restart_of_the_phone_its_state_is_told(address: ControlAddress) -> None:
    first = ControlServer(Phone(), address)
    await first.start()
    client = await in_thread(lambda: ControlClient(address))
    await in_thread(client.subscribe)
    first.publish("e", {})
    events = client.events(patience=10)
    await in_thread(lambda: next(events))
    await first.close()
    second = ControlServer(Phone(), address)
    second.handler.state = 7
    second.publish("e", {})
    await second.start()
    told = await in_thread(lambda: next(events))
    assert (told["event"], told["snapshot"], told["sequence"]) == ("snapshot", {"state": 7}, 1)
    client.close()
    await second.close()
    with pytest.raises(NotInitialized):
        ControlClient(address)


async def test_a_subscriber_that_does_not_read_is_dropped_and_counted(
    server: ControlServer, address: ControlAddress, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "MOST_UNSENT", 100_000)
    slow = await in_thread(lambda: ControlClient(address))
    await in_thread(slow.subscribe)
    for number in range(5000):
        server.publish("e", {"n": number, "text": "x" * 2000})
        if number % 100 == 0:
            await asyncio.sleep(0)
    await until(lambda: server.connections == 0)
    assert server.dropped == 1
    slow.close()


async def test_hundreds_of_idle_connections_harm_nobody(server: ControlServer, address: ControlAddress) -> None:
    def connect() -> list[ControlClient]:
        return [ControlClient(address) for _ in range(200)]

    idle = await in_thread(connect)
    assert server.connections == 200
    assert await in_thread(lambda: ControlClient(address).number(Number.STATUS)) == (4, "")
    for client in idle:
        client.close()


async def test_more_than_there_is_room_for_are_refused(server: ControlServer, address: ControlAddress) -> None:
    server._limit = 2
    clients = [await in_thread(lambda: ControlClient(address)) for _ in range(2)]
    with pytest.raises(MicrosipError):
        await in_thread(lambda: ControlClient(address).number(Number.STATUS))
    assert server.refused == 1
    for client in clients:
        client.close()


async def test_closing_waits_for_no_one(address: ControlAddress) -> None:
    server = ControlServer(Phone(), address)
    await server.start()
    client = await in_thread(lambda: ControlClient(address))
    client._socket.sendall(Frame(1, b"wait").to_bytes())
    await until(lambda: any(one.tasks for one in server.clients))
    async with asyncio.timeout(4):
        await server.close()
    client.close()


def test_one_phone_for_each_configuration(tmp_path: Path) -> None:
    address = address_for(tmp_path / "a.ini", tmp_path / "run")
    with InstanceLock(address):
        with pytest.raises(Busy):
            InstanceLock(address).acquire()
        with InstanceLock(address_for(tmp_path / "b.ini", tmp_path / "run")):
            pass
    with InstanceLock(address):
        pass


async def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    address = ControlAddress(tmp_path / "run", "test", unix=True)
    address.make_folder()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(address.socket))
    left.close()
    with pytest.raises(NotInitialized):
        ControlClient(address)
    server = ControlServer(Phone(), address)
    await server.start()
    assert await in_thread(lambda: ControlClient(address).number(Number.STATUS)) == (4, "")
    await server.close()


def test_a_folder_that_is_a_link_or_open_to_others_is_not_trusted(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir(mode=0o755)
    ControlAddress(real, "x").make_folder()
    assert stat.S_IMODE(real.stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(PermissionDenied):
        ControlAddress(tmp_path / "link", "x").make_folder()


def test_a_path_too_long_for_a_socket_goes_over_tcp(tmp_path: Path) -> None:
    assert address_for(tmp_path / "a.ini", tmp_path).unix or len(str(tmp_path)) > 60
    assert not address_for(tmp_path / "a.ini", tmp_path / ("x" * 90)).unix
