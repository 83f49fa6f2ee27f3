"""An account: an address of record, its credentials, its route, its events, and its trunk."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidState
from microsip_core.sip.identity import Credential, Identity
from microsip_core.sip.uri import SipUri
from microsip_core.user_agent.account_options import AccountTraits
from microsip_core.user_agent.account_registration import AccountRegistration
from microsip_core.user_agent.credentials import CredentialCallback, credentials_of
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import Event, EventType
from microsip_core.user_agent.reach_options import reach_of
from microsip_core.user_agent.states import AccountState
from microsip_core.user_agent.target import parse_uri
from microsip_core.user_agent.trunk import Trunk

if TYPE_CHECKING:
    from microsip_core.errors import Explanation, MicrosipError
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.user_agent import UserAgent

_PLAIN = AccountTraits()


class Account(AccountRegistration):
    """An identity to call from and to be reached at. Made by :meth:`UserAgent.create_account`.

    ``id`` counts from 1 within the user agent. ``status`` and ``reason`` are the registrar's last words, 0 and ""
    before the first; ``error`` is why the last attempt failed, None when it did not. ``traits`` are its further
    options. A trunk (``trunk`` is not None) is "up" or "down" instead of registered.
    """

    def __init__(
        self, agent: UserAgent, number: int, aor: str, password: str | None, *, username: str | None = None,
        registrar: str | None = None, proxy: str | None = None, display_name: str = "", expires: int = 300,
        traits: AccountTraits = _PLAIN, credentials: Sequence[Credential] | CredentialCallback | None = None,
    ) -> None:
        uri = parse_uri(aor, "account")
        self.uri = uri
        self.id = number
        self.display_name = display_name
        domain = str(uri._replace(user=None, password=None, headers=()))
        parse_uri(registrar or domain, "registrar")
        user = username or uri.user_text
        identity = Identity(
            aor, display_name or None, credentials_of(agent, user, password, credentials), self._route(proxy),
            reach=reach_of(agent.config, agent.instance_id, traits),
            servers=(registrar or domain, domain),
        )
        super().__init__(agent, aor, registrar or domain, identity, expires, traits)
        self.proxy = proxy
        self._server_hosts: frozenset[str] = frozenset()
        self._streams: weakref.WeakSet[EventStream] | None = None  # few have listeners, and it costs 800 octets
        self.identity.transport = traits.transport
        self.trunk = Trunk(self, agent, traits) if traits.trunk else None
        if self.trunk is not None:
            self.trunk.start()

    def __repr__(self) -> str:
        return f"<Account {self.id} {self.aor} {self.state}>"

    @staticmethod
    def _route(proxy: str | None) -> tuple[str, ...]:
        if proxy is None:
            return ()
        parse_uri(proxy, "proxy")
        return (proxy,)

    # -- what a user does -------------------------------------------------------------------------------------------

    def set_proxy(self, uri: str | None) -> None:
        """Send everything of this account by way of ``uri`` (a loose route, which may have a user part).

        None goes back to the direct way. A registration that stands or is under way starts anew by the new way.
        """
        self.identity.routes = self._route(uri)
        self.proxy = uri
        self._server_hosts = frozenset()
        if self.trunk is not None:
            self.trunk.start()
        if self.state in (AccountState.REGISTERING, AccountState.REGISTERED, AccountState.FAILED):
            self.start_registration()

    def set_registrar(self, uri: str) -> None:
        """Register elsewhere; a registration that stands or is under way is removed and starts anew there.

        The old registrar gets the password no more, but to remove that registration.
        """
        parse_uri(uri, "registrar")
        active = self.state in (AccountState.REGISTERING, AccountState.REGISTERED, AccountState.FAILED)
        before, self._registration = self._registration, None
        self.registrar = uri
        if before is not None:
            before.identity = replace(self.identity)  # the old registrar may still ask for the password, to be left
        domain = str(self.uri._replace(user=None, password=None, headers=()))
        self.identity.servers, self.identity.service_route, self.identity.realms = (uri, domain), (), frozenset()
        if before is not None:
            before.unregister(self._agent.now())
            self._agent.pump()
        if active:
            self.start_registration()

    async def invite(
        self, uri: str, *, media: str = "audio", codecs: Sequence[str] | None = None,
        headers: Sequence[tuple[str, str]] | None = None, timeout: float | None = None, privacy: str | None = None,
        auto_answer: float | None = None,
    ) -> Call:
        """Call ``uri`` from this account; see :meth:`UserAgent.invite`."""
        return await self._agent.invite(
            uri, account=self, media=media, codecs=codecs, headers=headers, timeout=timeout, privacy=privacy,
            auto_answer=auto_answer,
        )

    def explain(self) -> Explanation | None:
        """Return why the registration failed: what was sent, what came back, the likely cause, the remedy; None: it
        did not."""
        return None if self.error is None else self.error.explain()

    def events(self) -> EventStream:
        """Return the account's events from now on, for ``async for``; ends when the user agent is closed."""
        stream = EventStream()
        if self._streams is None:
            self._streams = weakref.WeakSet()
        self._streams.add(stream)
        return stream

    # -- the server, and trunks -------------------------------------------------------------------------------------

    @property
    def server_uri(self) -> str:
        """The URI of the proxy, or where there is none of the registrar, without a user."""
        return str(SipUri.parse(self.proxy or self.registrar)._replace(user=None, password=None, headers=()))

    async def learn_server(self) -> None:
        """Look the addresses of the server up. Raises NetworkError."""
        hop = self._next_hop()
        if not self._agent.transport.reach_now(hop):
            await self._agent.transport.reach(hop)
        self._server_hosts = self._agent.transport.known_hosts(hop)

    def is_server(self, host: str) -> bool:
        """Whether a numeric host is the account's proxy, or registrar where it has no proxy."""
        known = self._agent.transport.known_hosts(self._next_hop())
        if known:
            self._server_hosts = known
        return host in self._server_hosts

    def trunk_is_up(self, status: int, reason: str) -> None:
        """The other end of the trunk has answered."""
        self.status, self.reason, self.error = status, reason, None
        if self.state is not AccountState.UP:
            self.state = AccountState.UP
            self._emit(EventType.TRUNK_UP, status, reason)

    def trunk_is_down(self, error: MicrosipError) -> None:
        """The other end of the trunk does not answer: calls fail at once from now on."""
        self.error = error
        if self.state is not AccountState.DOWN:
            self.state = AccountState.DOWN
            self._emit(EventType.TRUNK_DOWN, 0, str(error))

    # -- for the user agent -----------------------------------------------------------------------------------------

    def _emit(self, kind: EventType, status: int = 0, text: str = "") -> None:
        event = Event(kind, time.time(), None, self, status, text)
        self.tell(event)
        self._agent.publish(event)

    @property
    def observed(self) -> bool:
        """Whether anybody listens to the events of the account."""
        return bool(self._streams)

    def tell(self, event: Event) -> None:
        """Tell those who listen to the account."""
        for stream in list(self._streams or ()):
            stream.put(event)

    def close(self) -> None:
        """Stop all attempts; the user agent is being closed, or the account removed."""
        self._cancel_attempt()
        if self.trunk is not None:
            self.trunk.close()
        self.leave_flow()
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(InvalidState("the account was closed", step="register", peer=self.aor))
        for stream in list(self._streams or ()):
            stream.close()
