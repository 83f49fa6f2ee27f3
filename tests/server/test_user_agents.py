"""Two user agents on real sockets with the server between them: challenges, forking, loss, closing."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from microsip_core import AuthenticationError, CallRefused, CallState, EndCause, UserAgent
from microsip_core.server import LoopbackServer
from microsip_core.server.location import Binding
from microsip_core.sip.uri import SipUri

USERS = {"alice": "secret", "bob": "secret"}


async def register(agent: UserAgent, server: LoopbackServer, user: str, **more: Any) -> None:
    await agent.create_account(server.uri(user), "secret", proxy=server.proxy, **more)


@pytest.mark.parametrize(
    ("algorithms", "status", "qop"),
    [
        (("MD5",), 401, "auth"), (("SHA-256",), 407, "auth"), (("SHA-256", "MD5"), 401, "auth"),
        (("SHA-512-256",), 407, "auth-int"), (("MD5-sess",), 407, "auth"), (("SHA-256-sess", "MD5"), 401, "auth-int"),
        (("SHA-512-256-sess",), 407, "auth"),
    ],
)
async def test_every_request_of_a_call_is_challenged(algorithms: tuple[str, ...], status: int, qop: str) -> None:
    server = LoopbackServer(
        users=USERS, services=False, challenge="all", challenge_status=status, algorithms=algorithms, qop=(qop,),
        nonce_lifetime=0.3, domain="example.test",
    )
    async with server, UserAgent(media="none") as alice, UserAgent(media="none") as bob:
        await register(alice, server, "alice")
        await register(bob, server, "bob")
        call = alice.start_call(server.uri("bob"))
        answered = await bob.next_call(timeout=5)
        await answered.answer()
        await call.wait(CallState.ACTIVE, timeout=5)
        await asyncio.sleep(0.4)  # the nonces are stale now
        await call.hold()
        assert call.state is CallState.HELD
        await call.unhold()
        assert call.state is CallState.ACTIVE
        before = server.statistics()["challenges"]
        await answered.hangup()
        assert server.statistics()["challenges"] > before, "the callee's BYE is challenged, too"
        assert await call.wait_ended(timeout=5) is EndCause.NORMAL
        assert (call.ended_by, answered.ended_by) == ("remote", "local")


async def test_a_wrong_password_is_told_as_such() -> None:
    async with LoopbackServer(users=USERS, services=False) as server, UserAgent(media="none") as agent:
        with pytest.raises(AuthenticationError):
            await agent.create_account(server.uri("alice"), "wrong")
        assert server.registered("alice") == []


async def test_unregistering_removes_the_contact() -> None:
    async with LoopbackServer(users=USERS, services=False) as server:
        async with UserAgent(media="none") as agent:
            account = await agent.create_account(server.uri("alice"), "secret")
            host, port = agent.listen_address
            assert server.registered("alice") == [f"sip:alice@{host}:{port}"]
            await account.unregister()
            assert server.registered("alice") == []
            await account.register()
        assert server.registered("alice") == [], "leaving unregisters"


async def test_several_phones_of_one_user_ring_and_one_answers() -> None:
    async with (
        LoopbackServer(users=USERS, services=False) as server, UserAgent(media="none") as alice,
        UserAgent(media="none") as first, UserAgent(media="none") as second,
    ):
        await register(alice, server, "alice")
        await register(first, server, "bob")
        await register(second, server, "bob")
        assert len(server.registered("bob")) == 2
        call = alice.start_call(server.uri("bob"))
        at_first, at_second = await first.next_call(timeout=5), await second.next_call(timeout=5)
        await at_second.answer()
        await call.wait(CallState.ACTIVE, timeout=5)
        assert await at_first.wait_ended(timeout=5) is EndCause.ANSWERED_ELSEWHERE
        await call.hangup()
        assert await at_second.wait_ended(timeout=5) is EndCause.NORMAL


async def test_a_phone_that_is_gone_is_found_out_at_once() -> None:
    """Nothing listens at its port any more, and the system says so: no need to wait 32 s."""
    server = LoopbackServer(users=USERS, services=False, challenge="none")
    async with server, UserAgent(media="none") as alice:
        await register(alice, server, "alice")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.0.1", 0))
            contact = f"sip:bob@127.0.0.1:{gone.getsockname()[1]}"
        server._core.location.commit("bob", [Binding(SipUri.parse(contact), contact)], 0.0)
        with pytest.raises(CallRefused) as refused:
            await alice.invite(server.uri("bob"), timeout=5)
        assert (refused.value.status, refused.value.reason) == (500, "No Target Could Be Reached")


async def test_calls_get_through_a_bad_network() -> None:
    """A tenth of the messages lost, the rest late and out of order: retransmission sees to it."""
    server = LoopbackServer(users=USERS, services=False, challenge="all", loss=0.1, delay=0.005, jitter=0.02, seed=3)
    async with server, UserAgent(media="none") as alice, UserAgent(media="none") as bob:
        await register(alice, server, "alice")
        await register(bob, server, "bob")
        bob.on_incoming = lambda call: call.answer()
        calls = [alice.start_call(server.uri("bob")) for _ in range(10)]
        await asyncio.gather(*(call.wait(CallState.ACTIVE, timeout=30) for call in calls))
        await asyncio.gather(*(call.hangup() for call in calls))
        assert {call.end_cause for call in calls} == {EndCause.NORMAL}
        assert server.statistics()["impairment_lost"] > 0


async def test_closing_the_server_in_a_call_leaves_nothing() -> None:
    server = await LoopbackServer(users=USERS, challenge="none").start()
    async with UserAgent(media="none") as alice:
        await register(alice, server, "alice")
        call = await alice.invite(server.uri("sink"), timeout=5)
        await server.close()
        assert await call.wait_ended(timeout=5) is EndCause.NORMAL
        assert call.ended_by == "remote", "its services hang up"
    loop: Any = asyncio.get_running_loop()
    assert [handle for handle in loop._scheduled if not handle.cancelled() and "microsip" in repr(handle)] == []


async def test_a_call_over_ipv6() -> None:
    server = LoopbackServer("::1", users=USERS, challenge="all")
    async with server, UserAgent(listen="[::1]:0", media="none") as alice:
        assert server.domain.startswith("[::1]:")
        await register(alice, server, "alice")
        assert server.registered("alice")[0].startswith("sip:alice@[::1]:")
        async with await alice.invite(server.uri("sink"), timeout=5) as call:
            assert call.status == 200


async def test_a_server_on_every_address() -> None:
    server = LoopbackServer("0.0.0.0", users=USERS, challenge="none")
    async with server, UserAgent(media="none") as alice:
        assert server.domain == f"127.0.0.1:{server.address[1]}"
        await register(alice, server, "alice")
        async with await alice.invite(server.uri("sink"), timeout=5) as call:
            assert call.status == 200
        assert call.end_cause is EndCause.NORMAL
        assert "relay_refused" not in server.statistics()


async def test_a_user_comes_before_a_service_of_that_name() -> None:
    server = LoopbackServer(users={"echo": "secret"}, challenge="none")
    async with server, UserAgent(media="none") as agent:
        assert server.registered("echo") == []
        assert len(server.registered("tone")) == 1
        await register(agent, server, "echo")
        assert server.registered("echo") == [f"sip:echo@127.0.0.1:{agent.listen_address[1]}"]
