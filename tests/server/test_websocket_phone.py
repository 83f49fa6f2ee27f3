"""A phone in a browser: it has no address, so all that the server has is its connection (RFC 7118, RFC 5626)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import websockets.asyncio.client
from websockets.typing import Subprotocol

from microsip_core.server import LoopbackServer
from microsip_core.sip.builder import request, response_to
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message
from microsip_core.user_agent.states import CallState
from microsip_core.user_agent.user_agent import UserAgent

CONTACT = "<sip:k3j2@b1c5.invalid;transport=ws>"
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=inactive\r\n"
)
SIP = [Subprotocol("sip")]


class Browser:
    """Speaks SIP as a page does: by hand, over one WebSocket."""

    def __init__(self, connection: websockets.asyncio.client.ClientConnection) -> None:
        self._connection = connection

    async def register(self, server: LoopbackServer) -> None:
        await self.send(request(
            "REGISTER", f"sip:{server.domain}", via="SIP/2.0/WS b1c5.invalid;branch=z9hG4bK1",
            from_=f"<{server.uri('bob')}>;tag=1", to=f"<{server.uri('bob')}>", call_id="r1", cseq=1, contact=CONTACT,
        ))
        response = await self.receive()
        assert isinstance(response, Response)
        assert response.status == 200

    async def send(self, message: Request | Response) -> None:
        await self._connection.send(message.to_bytes().decode())

    async def receive(self) -> Request | Response:
        data = await self._connection.recv()
        return parse_message(data.encode() if isinstance(data, str) else data)

    async def expect(self, method: str) -> Request:
        message = await self.receive()
        assert isinstance(message, Request)
        assert message.method == method
        assert message.uri == CONTACT.strip("<>")
        return message


@pytest.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer(
        users={"alice": "", "bob": ""}, challenge="none", transports=("udp", "ws"), services=False,
    ) as running:
        yield running


async def test_browser_is_called_and_hung_up_over_its_connection(server: LoopbackServer) -> None:
    host, port = server.address_of("ws")
    async with (
        websockets.asyncio.client.connect(f"ws://{host}:{port}", subprotocols=SIP) as connection,
        UserAgent(media="none") as alice,
    ):
        browser = Browser(connection)
        await browser.register(server)
        call = alice.start_call(server.uri("bob"))
        invite = await browser.expect("INVITE")
        await browser.send(response_to(
            invite, 200, to_tag="b", contact=CONTACT, body=SDP, content_type="application/sdp",
        ))
        await call.wait(CallState.ACTIVE, 2)
        await browser.expect("ACK")
        ending = call.hangup()
        await browser.send(response_to(await browser.expect("BYE"), 200))
        await ending
        assert call.status == 200


async def test_call_to_a_closed_page_fails_at_once(server: LoopbackServer) -> None:
    host, port = server.address_of("ws")
    async with websockets.asyncio.client.connect(f"ws://{host}:{port}", subprotocols=SIP) as connection:
        await Browser(connection).register(server)
    async with UserAgent(media="none") as alice:
        call = alice.start_call(server.uri("bob"))
        await call.wait_ended(5)
        assert call.status in (480, 500)
