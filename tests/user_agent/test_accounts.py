"""Accounts at the loopback server: registering, every way it fails, routes, and calls that belong to an account."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from microsip_core.errors import (
    AuthenticationError,
    CallRefused,
    Canceled,
    DnsError,
    InvalidArgument,
    InvalidState,
    NetworkError,
    TimedOut,
)
from microsip_core.server.server import LoopbackServer
from microsip_core.user_agent.states import AccountState, CallState
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import RawPeer


@pytest.fixture
def loopback_server_settings() -> dict[str, Any]:
    return {"users": {"alice": "secret", "bob": "hunter2"}}


async def test_register_and_unregister(caller: UserAgent, loopback_server: LoopbackServer) -> None:
    seen = caller.events()
    account = await caller.create_account(loopback_server.uri("alice"), "secret", expires=120)
    assert account.state is AccountState.REGISTERED
    assert account.status == 200
    assert 100 < (account.expires or 0) <= 120
    assert caller.accounts == [account]
    await account.unregister()
    assert account.state is AccountState.UNREGISTERED
    assert account.expires is None
    await account.unregister()  # nothing to do
    await account.register()
    assert account.state is AccountState.REGISTERED
    await caller.close()
    assert [event.type.value async for event in seen] == [
        "registered", "unregistered", "registered", "unregistered", "shutdown",
    ]


async def test_wrong_password_names_step_peer_and_remedy(caller: UserAgent, loopback_server: LoopbackServer) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await caller.create_account(loopback_server.uri("alice"), "wrong")
    error = caught.value
    assert error.step == "register"
    assert error.peer == account_registrar(loopback_server)
    assert "401" in str(error)
    assert "realm" in str(error)
    assert "password" in str(error.remedy)
    assert caller.accounts == []


def account_registrar(server: LoopbackServer) -> str:
    return "sip:{}:{}".format(*server.address)


async def test_no_password_at_all(caller: UserAgent, loopback_server: LoopbackServer) -> None:
    with pytest.raises(AuthenticationError, match="wants a password") as caught:
        await caller.create_account(loopback_server.uri("alice"))
    assert caught.value.remedy == "Give the account its password"


async def test_other_digest_user_name(caller: UserAgent, loopback_server: LoopbackServer) -> None:
    with pytest.raises((AuthenticationError, CallRefused)):
        await caller.create_account(loopback_server.uri("alice"), "hunter2", username="carol")


async def test_silent_registrar(caller: UserAgent, peer: RawPeer) -> None:
    with pytest.raises(TimedOut) as caught:
        await caller.create_account(peer.uri, "x", timeout=0.1)
    assert caught.value.peer == f"sip:127.0.0.1:{peer.port}"
    assert caller.accounts == []


async def test_registrar_that_is_not_there(caller: UserAgent, peer: RawPeer) -> None:
    peer.close()
    with pytest.raises(NetworkError, match="nothing listens"):
        await caller.create_account(peer.uri, "x", timeout=5)


async def test_unknown_registrar(caller: UserAgent) -> None:
    with pytest.raises(DnsError):
        await caller.create_account("sip:alice@nowhere.invalid", "x", timeout=20)


async def test_refusal_of_the_registrar(caller: UserAgent, peer: RawPeer) -> None:
    registering = asyncio.create_task(caller.create_account(peer.uri, "x"))
    await peer.respond(await peer.receive("REGISTER"), "404 Not Found")
    with pytest.raises(CallRefused, match="404"):
        await registering
    registering = asyncio.create_task(caller.create_account(peer.uri, "x"))
    await peer.respond(await peer.receive("REGISTER"), "403 Forbidden")
    with pytest.raises(AuthenticationError, match="403"):
        await registering


@pytest.mark.parametrize("options", [
    {"aor": "alice"}, {"aor": "sip:alice@h", "registrar": "nonsense"}, {"aor": "sip:alice@h", "proxy": "tel:1"},
])
async def test_bad_settings(caller: UserAgent, options: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument):
        await caller.create_account(**options, password="x", register=False)  # type: ignore[arg-type]
    assert caller.accounts == []


async def test_registering_twice_at_once_settles_both(caller: UserAgent, loopback_server: LoopbackServer) -> None:
    account = caller.add_account(loopback_server.uri("alice"), "secret")
    await asyncio.wait_for(asyncio.gather(account.register(), account.register()), 5)
    assert account.state is AccountState.REGISTERED


async def test_unregister_while_registering(caller: UserAgent, peer: RawPeer) -> None:
    account = caller.add_account(peer.uri, "x")
    registering = asyncio.create_task(account.register())
    request = await peer.receive("REGISTER")
    removing = asyncio.create_task(account.unregister(2))
    with pytest.raises(Canceled):
        await registering
    await peer.respond(request, "200 OK", extra="Expires: 60\r\n")
    removal = await peer.receive("REGISTER")
    assert "expires=0" in removal.lower() or "Expires: 0" in removal
    await peer.respond(removal, "200 OK")
    await removing
    assert account.state is AccountState.UNREGISTERED


async def test_registering_again_while_the_removal_is_under_way(caller: UserAgent, peer: RawPeer) -> None:
    registering = asyncio.create_task(caller.create_account(peer.uri, "x"))
    await peer.respond(await peer.receive("REGISTER"), "200 OK", extra="Expires: 60\r\n")
    account = await registering
    assert account.start_removal()
    removal = await peer.receive("REGISTER")
    again = asyncio.create_task(account.register())
    await peer.respond(await peer.receive("REGISTER"), "200 OK", extra="Expires: 60\r\n")
    await again
    await peer.respond(removal, "200 OK")
    await asyncio.sleep(0.02)
    assert account.state is AccountState.REGISTERED


async def test_unregister_is_bounded(caller: UserAgent, peer: RawPeer) -> None:
    registering = asyncio.create_task(caller.create_account(peer.uri, "x"))
    await peer.respond(await peer.receive("REGISTER"), "200 OK", extra="Expires: 60\r\n")
    account = await registering
    with pytest.raises(TimedOut, match="unregister"):
        await account.unregister(0.05)


async def test_settled_without_registration(caller: UserAgent) -> None:
    with pytest.raises(InvalidState):
        await caller.add_account("sip:a@127.0.0.1").settled()


async def test_proxy_set_while_registering_takes_the_registration_over(
    caller: UserAgent, peer: RawPeer, loopback_server: LoopbackServer,
) -> None:
    account = caller.add_account(loopback_server.uri("alice"), "secret", registrar=peer.uri)
    registering = asyncio.create_task(account.register())
    await peer.receive("REGISTER")  # and it never answers
    proxy = "sip:proxy@{}:{}".format(*loopback_server.address)
    account.registrar = account_registrar(loopback_server)
    account.set_proxy(proxy)
    account.set_registrar(account_registrar(loopback_server))
    await asyncio.wait_for(registering, 5)
    assert account.state is AccountState.REGISTERED
    assert account.proxy == proxy


async def test_another_registrar_gets_the_password_and_the_old_one_no_more(caller: UserAgent) -> None:
    users = {"alice": "secret"}
    domain = "example.com"
    async with LoopbackServer(users=users, domain=domain, realm="old", challenge="all", challenge_status=401) as old, \
            LoopbackServer(users=users, domain=domain, realm="new") as new:
        account = await caller.create_account(
            "sip:alice@example.com", "secret", registrar=account_registrar(old), timeout=5,
        )
        assert account.identity.realms == {"old"}
        account.set_registrar(account_registrar(new))
        await account.settled(5)
        assert account.state is AccountState.REGISTERED
        assert account.identity.realms == {"new"}
        call = caller.start_call("sip:echo@{}:{}".format(*old.address), account=account)
        with pytest.raises(AuthenticationError, match="none of the account's"):
            await call.wait("active", 5)


async def test_registration_challenged_by_a_stranger_is_told(
    caller: UserAgent, loopback_server: LoopbackServer,
) -> None:
    account = caller.add_account("sip:alice@example.com", "secret", registrar=account_registrar(loopback_server))
    account.identity.servers = ("sip:example.com",)
    with pytest.raises(AuthenticationError, match="none of the account's"):
        await account.register(5)


async def test_requests_go_by_way_of_the_proxy(caller: UserAgent, peer: RawPeer) -> None:
    registering = asyncio.create_task(
        caller.create_account("sip:alice@192.0.2.1", "x", proxy=f"sip:proxy@127.0.0.1:{peer.port}"),
    )
    request = await peer.receive("REGISTER sip:192.0.2.1 ")
    assert f"Route: <sip:proxy@127.0.0.1:{peer.port};lr>" in request
    await peer.respond(request, "200 OK", extra="Expires: 60\r\n")
    account = await registering
    call = caller.start_call("bob")
    request = await peer.receive("INVITE sip:bob@192.0.2.1 ")
    assert f"Route: <sip:proxy@127.0.0.1:{peer.port};lr>" in request
    assert "From: <sip:alice@192.0.2.1>" in request
    assert call.account is account
    call.hangup()


async def test_calls_between_accounts(make_agent: MakeAgent, loopback_server: LoopbackServer) -> None:
    alice, bob = await make_agent(), await make_agent()
    account = await alice.create_account(loopback_server.uri("alice"), "secret", display_name="Alice A")
    callee = await bob.create_account(loopback_server.uri("bob"), "hunter2")
    bob.on_incoming = lambda call: call.answer()
    call = await account.invite("bob")
    incoming = bob.calls[0]
    assert incoming.account is callee
    assert incoming.remote_display_name == "Alice A"
    assert incoming.remote_uri == loopback_server.uri("alice")
    await call.hangup()
    with pytest.raises(CallRefused, match="404"):
        await account.invite("nobody")


async def test_second_account_is_matched_by_user(make_agent: MakeAgent, loopback_server: LoopbackServer) -> None:
    alice, both = await make_agent(), await make_agent()
    first = await both.create_account(loopback_server.uri("alice"), "secret")
    second = await both.create_account(loopback_server.uri("bob"), "hunter2")
    for user, account in (("bob", second), ("alice", first)):
        call = alice.start_call(loopback_server.uri(user))
        assert (await both.next_call(2)).account is account
        await call.hangup()


class TestServerThatChallengesEverything:
    @pytest.fixture
    def loopback_server_settings(self) -> dict[str, Any]:
        return {"users": {"alice": "secret", "bob": "hunter2"}, "challenge": "all"}

    async def test_call_and_bye_are_authenticated(
        self, caller: UserAgent, loopback_server: LoopbackServer,
    ) -> None:
        account = await caller.create_account(loopback_server.uri("alice"), "secret")
        call = await account.invite(loopback_server.uri("echo"))
        await call.hangup()
        assert call.error is None
        assert call.end_cause == "normal"

    async def test_bye_of_the_callee_is_authenticated_too(
        self, make_agent: MakeAgent, loopback_server: LoopbackServer,
    ) -> None:
        alice, bob = await make_agent(trace=50), await make_agent()
        await alice.create_account(loopback_server.uri("alice"), "secret")
        await bob.create_account(loopback_server.uri("bob"), "hunter2")
        bob.on_incoming = lambda call: call.answer()
        call = await alice.invite("bob")
        incoming = bob.calls[0]
        await incoming.wait("active", 2)
        await incoming.hangup()
        await call.wait_ended(2)
        byes = [entry.data for entry in alice.trace if entry.data.startswith(b"BYE")]
        assert len(byes) == 1
        assert call.ended_by == "remote"

    async def test_call_without_credentials(self, caller: UserAgent, loopback_server: LoopbackServer) -> None:
        with pytest.raises(AuthenticationError) as caught:
            await caller.invite(loopback_server.uri("echo"))
        assert caught.value.step == "invite"


async def test_account_events(caller: UserAgent, loopback_server: LoopbackServer) -> None:
    account = caller.add_account(loopback_server.uri("alice"), "wrong")
    events = account.events()
    with pytest.raises(AuthenticationError):
        await account.register()
    account.identity.credentials = []
    await caller.close()
    kinds = [(event.type.value, event.status) async for event in events]
    assert kinds[0] == ("register_failed", 401)


@pytest.mark.parametrize("slow", [False, True])
async def test_a_function_is_asked_for_the_password(
    caller: UserAgent, loopback_server: LoopbackServer, slow: bool,
) -> None:
    asked = []

    def at_once(realm: str) -> str:
        asked.append(realm)
        return "secret"

    async def later(realm: str) -> str:
        await asyncio.sleep(0)
        return at_once(realm)

    account = await caller.create_account(loopback_server.uri("alice"), credentials=later if slow else at_once)
    assert account.state is AccountState.REGISTERED
    assert asked == ["loopback"]


@pytest.mark.parametrize("fault", [lambda realm: None, lambda realm: 1 / 0])
async def test_a_function_that_knows_no_password_costs_the_registration(
    caller: UserAgent, loopback_server: LoopbackServer, fault: Any,
) -> None:
    with pytest.raises(AuthenticationError):
        await caller.create_account(loopback_server.uri("alice"), credentials=fault)
    with pytest.raises(InvalidArgument):
        caller.add_account(loopback_server.uri("alice"), "secret", credentials=fault)


async def test_a_called_stranger_who_asks_gets_no_digest_of_the_password(
    caller: UserAgent, loopback_server: LoopbackServer, peer: RawPeer,
) -> None:
    account = await caller.create_account(loopback_server.uri("alice"), "secret")
    call = caller.start_call(peer.uri, account=account)
    request = await peer.receive("INVITE")
    challenge = 'WWW-Authenticate: Digest realm="loopback", nonce="n", algorithm=MD5\r\n'
    await peer.respond(request, "401 Unauthorized", extra=challenge)
    with pytest.raises(AuthenticationError, match="none of the account's"):
        await call.wait(CallState.ACTIVE, timeout=3)
    assert "Authorization" not in await peer.receive("ACK")
