"""STUN Binding messages: the vectors of RFC 5769, damage, and our client against our server."""

from __future__ import annotations

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microsip_core.errors import NetworkError
from microsip_core.sip.hop import Hop
from microsip_core.transport import stun
from microsip_core.transport.stun_client import StunClient
from microsip_core.transport.transport_layer import TransportLayer

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
# RFC 5769 s2.2 and s2.3: SOFTWARE, XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT
IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179"
    "bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


@pytest.mark.parametrize(("data", "mapped"), [
    (IPV4, ("192.0.2.1", 32853)), (IPV6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
])
def test_vectors_of_rfc_5769(data: bytes, mapped: tuple[str, int]) -> None:
    assert stun.parse(data) == stun.StunMessage("success", TRANSACTION, mapped)


@pytest.mark.parametrize("seen", [("203.0.113.9", 61000), ("2001:db8::1", 1)])
def test_what_we_answer_can_be_read(seen: tuple[str, int]) -> None:
    message = stun.parse(stun.binding_success(TRANSACTION, seen))
    assert message == stun.StunMessage("success", TRANSACTION, seen)
    request = stun.parse(stun.binding_request(TRANSACTION))
    assert request == stun.StunMessage("request", TRANSACTION)


def message(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + stun.MAGIC_COOKIE + TRANSACTION + body


@pytest.mark.parametrize(("data", "wanted"), [
    (message(0x0101, bytes.fromhex("000100080001ea60cb007109")), ("success", ("203.0.113.9", 60000), 0, False)),
    (message(0x0111, bytes.fromhex("0009000400000414")), ("error", None, 420, False)),
    (message(0x0101, bytes.fromhex("7fff0000")), ("success", None, 0, True)),
    (message(0x0101, bytes.fromhex("800100017f000000")), ("success", None, 0, False)),
    (message(0x0101, bytes.fromhex("002000080003a147e112a643")), ("success", None, 0, False)),
])
def test_attributes(data: bytes, wanted: tuple[str, object, int, bool]) -> None:
    read = stun.parse(data)
    assert read is not None
    assert (read.kind, read.mapped, read.error, read.unknown) == wanted


@pytest.mark.parametrize("data", [
    b"", b"\0", b"\r\n\r\n", IPV4[:-1], IPV4[:19], IPV4 + b"\0\0\0\0", IPV4[:-1] + b"\0", b"\x02" + IPV4[1:],
    IPV4[:4] + b"\0\0\0\0" + IPV4[8:], message(0x0101, bytes.fromhex("00200009")), message(0x0101, bytes(600)),
])
def test_what_is_damaged_is_nothing(data: bytes) -> None:
    assert stun.parse(data) is None


@given(st.binary(max_size=80), st.integers(0, 3), st.booleans())
def test_no_octets_upset_the_parser(data: bytes, kind: int, framed: bool) -> None:
    if framed:
        body = data[:len(data) // 4 * 4]
        data = message([0x0001, 0x0011, 0x0101, 0x0111][kind], body)
    read = stun.parse(data)
    assert read is None or read.kind in ("request", "indication", "success", "error")


@given(st.integers(0, len(IPV6) - 1), st.integers(1, 255))
def test_a_changed_octet_is_seen_by_the_fingerprint(place: int, change: int) -> None:
    damaged = bytearray(IPV6)
    damaged[place] ^= change
    read = stun.parse(bytes(damaged))
    lengths = (22, 23, 38, 39, 62, 63)  # of attributes, which may swallow the fingerprint
    assert read is None or place >= len(IPV6) - 8 or place in lengths


# -- on sockets


class Ends:
    """A client's and a server's transport layer on loopback."""

    def __init__(self, *, serves: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.messages: list[bytes] = []
        nothing = lambda *_: None  # noqa: E731
        self.told = asyncio.Event()

        def take(data: bytes, source: object) -> None:
            self.messages.append(data)
            if data == b"OPTIONS":
                self.told.set()

        self.client = TransportLayer(loop, "127.0.0.1:0", receive=take, flush=nothing, failed=nothing)
        self.server = TransportLayer(
            loop, "127.0.0.1:0", receive=take, flush=nothing, failed=nothing, stun_server=serves,
        )

    async def __aenter__(self) -> Ends:
        await self.client.open()
        await self.server.open()
        self.hop = Hop("UDP", *self.server.listen_address)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self.server.close()


async def test_a_socket_learns_how_it_is_seen() -> None:
    async with Ends() as ends:
        assert await ends.client.public_address(ends.hop) == ends.client.listen_address
        local, public = await ends.client.local_and_public(ends.hop)
        assert local == public == ends.client.listen_address
        assert ends.server.stun.counters["requests"] == 2
        assert ends.messages == []


async def test_silence_and_strangers_are_told_apart_from_answers() -> None:
    async with Ends(serves=False) as ends:
        loop = asyncio.get_running_loop()
        ends.client.stun = StunClient(loop, serves=False, waits=(0.01, 0.01, 0.01))
        with pytest.raises(NetworkError, match="does not answer"):
            await ends.client.public_address(ends.hop)
        assert ends.server.stun.counters == {"answers": 0, "requests": 0, "dropped": 3}
    async with Ends() as ends:
        asked = asyncio.ensure_future(ends.client.public_address(ends.hop))
        await asyncio.sleep(0)
        transaction = next(iter(ends.client.stun._waiting), None)
        while transaction is None:
            await asyncio.sleep(0)
            transaction = next(iter(ends.client.stun._waiting), None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:  # knows the transaction, but is another
            link = ends.client._links[0]
            forged = stun.binding_success(transaction, ("198.51.100.1", 1))
            assert ends.client.stun.receive(forged, link, (stranger.getsockname()[0], 9))
        assert await asked == ends.client.listen_address


async def test_an_error_answer_ends_the_question() -> None:
    async with Ends() as ends:
        link = ends.client._links[0]
        asked = asyncio.ensure_future(ends.client.stun.ask(link, ("127.0.0.1", 9)))
        await asyncio.sleep(0)
        (transaction,) = ends.client.stun._waiting
        refusal = b"\x01\x11\x00\x08" + stun.MAGIC_COOKIE + transaction + bytes.fromhex("0009000400000414")
        assert ends.client.stun.receive(refusal, link, ("127.0.0.1", 9))
        with pytest.raises(NetworkError, match="420"):
            await asked


async def test_sip_on_the_same_socket_is_left_alone() -> None:
    async with Ends() as ends:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for data in (b"\0", b"\x01not stun at all, but long enough", b"\r\n\r\n", b"OPTIONS"):
                peer.sendto(data, ends.server.listen_address)
            await ends.told.wait()
        assert ends.messages[-1] == b"OPTIONS"
