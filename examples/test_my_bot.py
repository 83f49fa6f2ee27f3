"""How to test a bot of your own: the fixture ``loopback_server`` is a SIP server on a free port.

    pytest examples/test_my_bot.py
"""

from microsip_core import Call, UserAgent
from microsip_core.server.server import LoopbackServer

pytest_plugins = ["microsip_core.testing"]


async def my_bot(call: Call) -> None:
    """The bot under test: it answers and says which digits it heard."""
    await call.answer()
    digits = await call.recv_dtmf(3, timeout=5)
    await call.send_dtmf(digits[::-1])


async def test_bot_says_the_digits_backwards(loopback_server: LoopbackServer) -> None:
    async with UserAgent() as bot, UserAgent() as caller:
        bot.on_incoming = my_bot
        await bot.create_account(loopback_server.uri("bob"), "secret")
        async with await caller.invite(loopback_server.uri("bob"), timeout=5) as call:
            await call.send_dtmf("123", duration_ms=80, gap_ms=50)
            assert await call.recv_dtmf(3, timeout=5) == "321"
