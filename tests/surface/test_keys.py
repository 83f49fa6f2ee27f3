"""Keys of the configuration that no other test drives."""

from __future__ import annotations

from control.test_phone import Make, make, peer, uri  # noqa: F401 - fixtures

from microsip_core.control.numbers import Number
from microsip_core.user_agent.user_agent import UserAgent


async def test_digits_go_out_as_info_where_the_settings_say(make: Make, peer: UserAgent) -> None:  # noqa: F811
    """``DTMFMethod=3``; the peer has no media, so that nothing else could reach it."""
    phone = await make("[Settings]\nDTMFMethod=3\n")
    assert (await phone.number(Number.DIAL, uri(peer)))[0] == 1
    call = await peer.next_call(5)
    await call.answer()
    assert (await phone.number(Number.DTMF, "5"))[0] == 1
    assert await call.recv_dtmf(1, 8) == "5"
