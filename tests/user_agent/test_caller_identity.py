"""Who is shown as the caller, hiding it, where a call has been before, and calls answered by themselves on request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from microsip_core.errors import InvalidArgument
from microsip_core.server import LoopbackServer
from microsip_core.sip.caller_identity import Caller, Diversion, HistoryEntry
from microsip_core.sip.reach import Grant
from microsip_core.sip.session.reason import Reason
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.states import CallState
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent

UriOf = Callable[[UserAgent], str]
BOSS = ("P-Asserted-Identity", '"Boss" <sip:+1@example.net>')


@pytest.mark.parametrize(("trusted", "header"), [
    ((), "From"), (("127.0.0.0/8",), "P-Asserted-Identity"), (("*",), "P-Asserted-Identity"), (("10.0.0.1",), "From"),
])
async def test_asserted_caller_is_shown_where_the_sender_is_trusted(
    make_agent: MakeAgent, caller: UserAgent, uri_of: UriOf, trusted: tuple[str, ...], header: str,
) -> None:
    callee = await make_agent(config=UserAgentConfig(trusted_peers=trusted))
    caller.start_call(uri_of(callee), headers=[BOSS, ("Privacy", "id")])
    call = await callee.next_call(2)
    assert call.caller is not None
    assert call.caller.header == header
    expected = "sip:+1@example.net" if header != "From" else "sip:microsip@127.0.0.1"
    assert call.remote_uri == call.caller.uri == expected
    assert call.privacy == {"id"}


async def test_server_of_the_account_is_trusted(make_agent: MakeAgent) -> None:
    async with LoopbackServer(users={"alice": "secret", "bob": "hidden"}) as server:
        alice, bob = await make_agent(), await make_agent()
        await alice.create_account(server.uri("alice"), "secret")
        await bob.create_account(server.uri("bob"), "hidden")
        alice.start_call("bob", headers=[BOSS])
        call = await bob.next_call(2)
        assert call.caller == Caller("sip:+1@example.net", "Boss", "P-Asserted-Identity")
        assert call.remote_display_name == "Boss"
        await alice.close()
        await bob.close()


@pytest.mark.parametrize(("of_account", "of_call", "shown", "headers"), [
    ("none", None, "alice", {}),
    ("none", "id", "alice", {"Privacy": "id"}),
    ("anonymous", None, "anonymous", {"Privacy": "id"}),
    ("anonymous", "none", "alice", {}),
])
async def test_caller_is_hidden_as_asked(
    make_agent: MakeAgent, callee: UserAgent, uri_of: UriOf, of_account: str, of_call: str | None, shown: str,
    headers: dict[str, str],
) -> None:
    caller = await make_agent()
    account = caller.add_account("sip:alice@example.com", display_name="Alice", privacy=of_account)
    call = caller.start_call(uri_of(callee), account=account, privacy=of_call)
    other = await callee.next_call(2)
    invite = other.invite_request
    assert invite is not None
    assert invite.from_.uri == ("sip:anonymous@anonymous.invalid" if shown == "anonymous" else "sip:alice@example.com")
    assert invite.from_.display_name == shown.title()
    assert ("alice" in str(invite.get("Contact"))) is (shown == "alice")
    assert call.local_uri == invite.from_.uri
    names = ("Privacy", "P-Preferred-Identity", "P-Asserted-Identity")
    assert {name: invite.get(name) for name in names if name in invite} == headers
    await other.answer()
    await call.wait("active", 2)
    callee.on_request = lambda request: seen.append(request.message.get("Referred-By"))
    seen: list[str | None] = []
    with pytest.raises(Exception, match="405"):
        await call.transfer("sip:carol@127.0.0.1")
    assert seen == [None if shown == "anonymous" else "<sip:alice@example.com>"]


async def test_only_our_own_proxy_is_told_whom_it_withholds(
    make_agent: MakeAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    caller = await make_agent()
    account = caller.add_account("sip:alice@example.com", proxy=uri_of(callee), privacy="anonymous")
    account.identity.reach.grant = Grant(temporary_gruu="sip:tgruu.7@example.com;gr")
    caller.start_call(uri_of(callee), account=account)
    other = await callee.next_call(2)
    assert other.invite_request is not None
    assert other.invite_request.get("P-Preferred-Identity") == "<sip:alice@example.com>"
    assert other.invite_request.get("Contact") == "<sip:tgruu.7@example.com;gr>"


async def test_call_that_was_sent_on_tells_where_it_has_been(make_agent: MakeAgent, uri_of: UriOf) -> None:
    caller, first, second = await make_agent(), await make_agent(), await make_agent()
    busy = await make_agent()
    busy.on_incoming = lambda call: call.reject(486)
    first.on_incoming = lambda call: call.redirect(
        [uri_of(busy), uri_of(second)], headers=[("Diversion", f"<{uri_of(first)}>;reason=unconditional")],
    )
    second.on_incoming = lambda call: call.answer()
    await asyncio.wait_for(caller.invite(uri_of(first)), 3)
    call = second.calls[0]
    assert call.diversions == (Diversion(uri_of(first), "", "unconditional"),)
    assert call.history == (
        HistoryEntry(uri_of(first), "1", (Reason("SIP", 302),)),
        HistoryEntry(uri_of(busy), "1.1", (Reason("SIP", 486),), "mp=1"),
        HistoryEntry(uri_of(second), "1.2", (), "mp=1"),
    )
    assert caller.calls[0].history == call.history


# -- answered by itself


async def answered(callee: UserAgent, caller: UserAgent, uri: str, **options: Any) -> bool:
    """Whether a call is answered by itself."""
    call = caller.start_call(uri, **options)
    await call.wait("ringing", 2)
    await asyncio.sleep(0.02)
    return call.state is CallState.ACTIVE


@pytest.mark.parametrize(("config", "options", "expected"), [
    ({}, {"auto_answer": 0}, False),
    ({"auto_answer_headers": True}, {"auto_answer": 0}, True),
    ({"auto_answer_headers": True}, {"auto_answer": 30}, False),
    ({"auto_answer_headers": True}, {}, False),
    ({"auto_answer_headers": True}, {"headers": [("X-AUTOANSWER", "true")]}, True),
    ({"auto_answer_headers": True, "auto_answer_from": ("boss",)}, {"auto_answer": 0}, False),
    ({"auto_answer_headers": True, "auto_answer_from": ("boss", "MICRO*@127.0.0.1")}, {"auto_answer": 0}, True),
])
async def test_call_is_answered_by_itself_where_caller_and_settings_want_it(
    make_agent: MakeAgent, caller: UserAgent, uri_of: UriOf, config: dict[str, Any], options: dict[str, Any],
    expected: bool,
) -> None:
    callee = await make_agent(config=UserAgentConfig(**config))
    assert await answered(callee, caller, uri_of(callee), **options) is expected


async def test_handler_comes_before_the_automatic_answer(
    make_agent: MakeAgent, caller: UserAgent, uri_of: UriOf,
) -> None:
    callee = await make_agent(config=UserAgentConfig(auto_answer_headers=True))
    callee.on_incoming = lambda call: call.reject(603)
    call = caller.start_call(uri_of(callee), auto_answer=0)
    await call.wait_ended(2)
    assert call.status == 603
    callee.on_incoming = lambda call: None
    assert await answered(callee, caller, uri_of(callee), auto_answer=0)
    assert "answermode" in (await caller.options(uri_of(callee))).response.get_all("Supported")  # type: ignore[union-attr]


@pytest.mark.parametrize("options", [
    {"privacy": "all"}, {"auto_answer": "x"}, {"auto_answer": -1}, {"timeout": "x"}, {"timeout": float("nan")},
    {"media": None}, {"headers": "X: y"},
])
async def test_bad_argument_of_a_call_names_itself(caller: UserAgent, options: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        caller.start_call("sip:x@127.0.0.1", **options)
    assert next(iter(options)) in str(caught.value)
    assert caller.calls == []


@pytest.mark.parametrize("uri", [None, 5, b"sip:x@h", ["sip:x@h"]])
async def test_bad_uri_of_a_call_names_itself(caller: UserAgent, uri: Any) -> None:
    with pytest.raises(InvalidArgument, match="SIP URI"):
        await caller.invite(uri)


@pytest.mark.parametrize("options", [
    {"expires": "x"}, {"expires": 0}, {"expires": True}, {"transport": "smoke"}, {"privacy": "x"},
    {"peers": "10.0.0.1"},
    {"peers": ["x"], "trunk": True}, {"qualify": 5}, {"qualify": "x", "trunk": True}, {"headers": [("Via", "x")]},
    {"asserted_identity": "nobody"}, {"registrar": 5}, {"proxy": 5}, {"username": 5}, {"display_name": 5},
    {"password": 5}, {"timeout": "x"},
])
async def test_bad_argument_of_an_account_names_itself(caller: UserAgent, options: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await caller.create_account("sip:a@127.0.0.1", **options)
    name, value = next(iter(options.items()))
    named = {"headers": "'Via'", "qualify": "trunk"} if value in (5, [("Via", "x")]) else {}
    assert named.get(name, name) in str(caught.value)
    assert caller.accounts == []
