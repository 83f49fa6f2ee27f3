"""The user agent: accounts, calls in and out, events; on one asyncio loop."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Unpack

from microsip_core.diagnosis.trace import TraceEntry, TraceSink
from microsip_core.errors import NotSupported, TlsError
from microsip_core.sip.auto_answer import request_headers as auto_answer_headers
from microsip_core.sip.endpoint import EndpointStatistics
from microsip_core.sip.identity import Credential
from microsip_core.transport.address import HostPort
from microsip_core.transport.tls import TlsSettings
from microsip_core.user_agent.account import Account
from microsip_core.user_agent.account_options import AccountOptions, AccountTraits, check_privacy, check_text
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.conference import Conference
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.credentials import CredentialCallback
from microsip_core.user_agent.devices import Choice
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.failure import no_answer_error
from microsip_core.user_agent.media_backend import MediaBackend
from microsip_core.user_agent.placement import Placement
from microsip_core.user_agent.received_request import RequestHandler
from microsip_core.user_agent.reception import Handler
from microsip_core.user_agent.referral import TransferHandler
from microsip_core.user_agent.requests import AgentRequests
from microsip_core.user_agent.states import CallState, EndCause
from microsip_core.user_agent.target import check_headers, check_media, check_timeout, complete_target, parse_uri

Headers = Sequence[tuple[str, str]]


LIVE_SETTINGS = frozenset({
    "auto_answer_from", "auto_answer_headers", "auto_ring", "close_timeout", "codecs", "followed_hosts", "max_calls",
    "max_message_size", "max_redirects", "port_range", "ptime_ms", "srtp", "stun_server", "tls",
})
"""The fields of UserAgentConfig that :meth:`UserAgent.reconfigure` changes."""


class UserAgent(AgentRequests):
    """A SIP user agent on the running asyncio loop. ``async with UserAgent() as ua:`` starts and closes it.

    It and all that it makes belong to the thread of that loop; the C-style API is for other threads.

    Keyword arguments override the fields of ``config``. ``media`` is a MediaBackend of your own, "none" for signaling
    only (answers with an inactive description, opens no media socket), or None for the media engine.

    ``on_incoming`` is called with each incoming call, a plain function or a coroutine function; without it incoming
    calls ring and wait in :meth:`next_call`. A handler that fails costs its call. ``on_request`` is called with each
    other request that is not the business of a call or registration (MESSAGE, INFO, OPTIONS, NOTIFY, ... in a call or
    out of any), as a ReceivedRequest that it may answer; what it leaves unanswered is answered by default.
    ``on_transfer`` is called with a call
    and the URI that its peer wants called instead, where ``accept_transfers`` allows that; it refuses by returning
    False. ``on_trace`` is called with each SIP message when ``config.trace`` is set or there are ``trace_sinks``;
    ``trace`` holds the last ones. ``accounts`` are in the order of their making, the first is the default one.
    """

    def __init__(
        self, config: UserAgentConfig | None = None, *, listen: str | Sequence[str] | None = None,
        codecs: Sequence[str] | None = None, media: MediaBackend | str | None = None, core: str | None = None,
        user_agent: str | None = None, seed: int | None = None, trace: int | None = None, srtp: str | None = None,
        trace_sinks: Sequence[TraceSink] | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "listen": listen, "codecs": codecs, "core": core, "user_agent": user_agent, "seed": seed, "trace": trace,
            "srtp": srtp, "trace_sinks": trace_sinks,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        super().__init__(dataclasses.replace(config or UserAgentConfig(), **changes), media)
        self.on_incoming: Handler | None = None
        self.on_request: RequestHandler | None = None
        self.on_transfer: TransferHandler | None = None
        self.on_trace: Callable[[TraceEntry], None] | None = None

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> UserAgent:
        """Open the sockets and the media engine.

        Raises Busy when the port is in use, NetworkError when the address is not ours, CodecError for a codec that
        there is not, NotSupported when the media core asked for is not there.
        """
        await self.open()
        return self

    async def close(self) -> None:
        """Hang up every call, unregister every account, wait a bounded time, close all sockets. May be called again."""
        await self.shut_down()

    async def __aenter__(self) -> UserAgent:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def network_changed(self, listen: str | Sequence[str] | None = None) -> None:
        """Say that the network is another one: Wi-Fi to mobile, a new address, waking from sleep.

        New sockets are opened, at ``listen`` or where the settings say ("0.0.0.0:0" follows the system's address by
        itself); every registered account registers anew, and every answered call goes on by new media ports and tells
        its peer so by a re-INVITE. What does not work yet is tried again, with growing, random pauses. Returns when all
        has been sent; calling it again begins anew. Calls that come in and ring meanwhile are answered with the new
        address; those that we make and that are not answered yet go on as they can.
        """
        self.require_open("network changed")
        task = self.network.start(listen)
        while True:
            await asyncio.wait([task])
            later = self.network.task
            if not task.cancelled() or later is None or later is task:
                break
            task = later  # a further change has begun anew
        task.result()

    def reconfigure(self, **changes: Any) -> None:
        """Change settings while we run: those named in ``LIVE_SETTINGS``, for calls and messages to come.

        Raises InvalidArgument for a value out of range, CodecError for an unknown codec, TlsError for files that can
        not be used, NotSupported for a setting that is only read at the start; all stay as they were then.
        """
        self.require_open("reconfigure")
        fixed = sorted(set(changes) - LIVE_SETTINGS)
        if fixed:
            raise NotSupported(f"{fixed[0]} can not be changed while the user agent runs", step="reconfigure",
                               remedy=f"These can: {', '.join(sorted(LIVE_SETTINGS))}")
        config = dataclasses.replace(self.config, **changes)
        self.media.reconfigure(config)
        if "tls" in changes:
            try:
                self.transport.set_tls(config.tls or TlsSettings())
            except TlsError:
                self.media.reconfigure(self.config)
                raise
        self.config = config
        if "stun_server" in changes:
            self.discovery.use(config.stun_server)

    @property
    def listen_address(self) -> HostPort:
        """Where we listen for SIP: (host, port). Raises NotInitialized before the start."""
        self.require_started("listen address")
        return self.transport.listen_address

    @property
    def calls(self) -> list[Call]:
        """The calls that have not ended, oldest first."""
        return list(self._calls.values())

    @property
    def trace(self) -> list[TraceEntry]:
        """The last SIP messages, oldest first, as many as ``config.trace`` says."""
        return list(self._trace)

    @property
    def counters(self) -> EndpointStatistics:
        """What the SIP core has counted since the start: messages received, malformed, refused by status, rate-limited,
        dropped, from strangers, refused since we were late. A live view. Raises NotInitialized before the start."""
        self.require_started("counters")
        return self.endpoint.statistics

    def events(self) -> EventStream:
        """Return all events of calls and accounts from now on, for ``async for``; ends with the user agent."""
        return self.new_stream()

    # -- accounts ---------------------------------------------------------------------------------------------------

    async def create_account(
        self, aor: str, password: str | None = None, *, username: str | None = None, registrar: str | None = None,
        proxy: str | None = None, display_name: str = "", register: bool = True, expires: int = 300,
        timeout: float | None = None, credentials: Sequence[Credential] | CredentialCallback | None = None,
        **options: Unpack[AccountOptions],
    ) -> Account:
        """Add an account and, with ``register``, wait until it is registered, at most ``timeout`` seconds.

        ``username`` is for the digest, by default the user part of ``aor``. ``registrar`` is by default the domain of
        ``aor``. ``expires`` in seconds is what we ask for. The first account is the default one of calls. Further
        options (transport, privacy, trunk, ...) are those of :class:`AccountTraits`; a trunk is not registered.

        The password answers the challenges that come by way of the registrar, the proxy or the domain; a 401 to
        anything but REGISTER only for a realm these are known by (see :mod:`microsip_core.sip.protection`), since it
        may be that of a called party. ``credentials`` in its place are Credentials, which may name the realm they are
        for (and then go to whoever asks for that), or a function, plain or coroutine, that is called with a realm and
        returns the password, a Credential, or None.
        Raises InvalidArgument for a bad URI, and what :meth:`Account.register` raises; the account is then removed.
        """
        check_timeout(timeout, "account")
        account = self.add_account(
            aor, password, username=username, registrar=registrar, proxy=proxy, display_name=display_name,
            expires=expires, credentials=credentials, **options,
        )
        if register and account.trunk is None:
            try:
                await account.register(timeout)
            except BaseException:
                self.remove_account(account)
                raise
        return account

    def add_account(
        self, aor: str, password: str | None = None, *, username: str | None = None, registrar: str | None = None,
        proxy: str | None = None, display_name: str = "", expires: int = 300,
        credentials: Sequence[Credential] | CredentialCallback | None = None, **options: Unpack[AccountOptions],
    ) -> Account:
        """Add an account without registering it; see :meth:`create_account`."""
        self.require_open("create account")
        for name, given in (("password", password), ("username", username), ("registrar", registrar), ("proxy", proxy),
                            ("display_name", display_name)):
            check_text(given, name)
        traits = AccountTraits(**options)
        self._account_number += 1
        account = Account(
            self, self._account_number, aor, password, username=username, registrar=registrar, proxy=proxy,
            display_name=display_name, expires=expires, traits=traits, credentials=credentials,
        )
        self.accounts.append(account)
        return account

    def remove_account(self, account: Account) -> None:
        """Forget an account; a registration is removed in the background. Its calls go on."""
        if account in self.accounts:
            self.accounts.remove(account)
            account.start_removal()
            account.close()

    # -- calls ------------------------------------------------------------------------------------------------------

    def start_call(
        self, uri: str, *, account: Account | None = None, media: str = "audio", codecs: Sequence[str] | None = None,
        headers: Headers | None = None, timeout: float | None = None, privacy: str | None = None,
        auto_answer: float | None = None,
    ) -> Call:
        """Start a call to ``uri`` and return at once; its state and events tell what becomes of it.

        ``uri`` may leave out "sip:", and with an account the host too. ``account`` None is the first account, or none.
        ``timeout`` in seconds gives the call up when it is not answered by then (by default the ``ring_timeout``).
        ``privacy`` "id" asks servers to withhold who calls, "anonymous" says nothing in From either, None is as the
        account has it. ``auto_answer`` asks the callee to answer by itself after so many seconds, as an intercom does.
        Raises InvalidArgument for what can not be called; all else ends the call, with ``call.error`` saying why.
        """
        self.require_open("invite")
        check_media(media)
        extra = check_headers(headers, "invite")
        check_timeout(timeout, "invite")
        check_timeout(auto_answer, "invite", "auto_answer")
        if privacy is not None:
            check_privacy(privacy)
        account = account or (self.accounts[0] if self.accounts else None)
        target = complete_target(uri, account.uri.host_port if account else None)
        parsed = parse_uri(target, "invite")
        call = self.new_call("outgoing", CallState.CALLING, account=account, remote_uri=target)
        call.emit(EventType.CALL_OUTGOING, text=target)
        if timeout is not None:
            call.timer = self.loop.call_later(timeout, _give_up, call, timeout)
        if auto_answer is not None:
            extra = (*extra, *auto_answer_headers(auto_answer, parsed.host_port))
        call.placement = Placement(self, call, codecs, extra, privacy)
        call.placement.begin(parsed, target)
        return call

    async def invite(
        self, uri: str, *, account: Account | None = None, media: str = "audio", codecs: Sequence[str] | None = None,
        headers: Headers | None = None, timeout: float | None = None, privacy: str | None = None,
        auto_answer: float | None = None,
    ) -> Call:
        """Call ``uri`` and return the answered call; cancelling the wait sends CANCEL.

        ``timeout`` in seconds bounds the wait; the others are those of :meth:`start_call`.
        Raises CallRefused with the peer's status, TimedOut, DnsError, NetworkError, AuthenticationError, CodecError,
        and InvalidArgument for a URI that can not be called.
        """
        call = self.start_call(
            uri, account=account, media=media, codecs=codecs, headers=headers, timeout=timeout, privacy=privacy,
            auto_answer=auto_answer,
        )
        try:
            await call.wait(CallState.ACTIVE)
        except asyncio.CancelledError:
            call.hangup()
            raise
        return call

    def conference(self, *, sample_rate: int = 16000) -> Conference:
        """Open a conference, to which calls are added; ``sample_rate`` in Hz is 8000, 16000, 32000 or 48000.

        8000 costs least where all calls are narrowband. Raises NotSupported on the reference core.
        """
        self.require_open("conference")
        return Conference(self.media, self.media.open_mixer(sample_rate))

    async def set_devices(self, *, input: Choice = None, output: Choice = None) -> None:
        """Choose the microphone and loudspeaker of calls that are connected without naming others.

        See :meth:`Call.connect_device` for how a device is meant; None is the system's default. Calls that use what was
        chosen before go over at once. Raises DeviceError for what can not be had; the choice before stays then.
        """
        self.require_started("set devices")
        board = self.devices
        before, board.choices = board.choices, {"input": input, "output": output}
        changed = frozenset(way for way, choice in board.choices.items() if choice != before[way])
        try:
            for call in board.calls:
                await call.follow_choice(changed)
        except BaseException:
            board.choices = before
            raise

    async def next_call(self, timeout: float | None = None) -> Call:
        """Return the next incoming call that no ``on_incoming`` handler took. Raises TimedOut."""
        self.require_open("next call")
        return await self.reception.next_call(timeout)


def _give_up(call: Call, timeout: float) -> None:
    """Nobody has answered in time."""
    if call.answered is None:
        call.timer = None
        rang = call.first_response is not None
        cause = EndCause.NO_ANSWER if rang else EndCause.TIMEOUT
        call.fail(no_answer_error(call.remote_uri, timeout, rang), cause=cause)
