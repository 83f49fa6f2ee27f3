"""How an account registers, stays registered, and keeps the flow it is reached by (RFC 3261 s10.2, RFC 5626)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from microsip_core.errors import Canceled, InvalidArgument, InvalidState, MicrosipError, NetworkError, TimedOut
from microsip_core.sip.backoff import recovery_delay
from microsip_core.sip.events import RegistrationFailed, RegistrationRemoved, RegistrationSucceeded
from microsip_core.sip.hop import Hop, hop_for_uri
from microsip_core.sip.registration import RegistrationState
from microsip_core.sip.uri import SipUri
from microsip_core.transport.keep_alive import CONNECTION_SECONDS, OUTBOUND_SECONDS
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.failure import registration_error
from microsip_core.user_agent.states import AccountState

if TYPE_CHECKING:
    from microsip_core.sip.identity import Identity
    from microsip_core.sip.registration import Registration
    from microsip_core.user_agent.account_options import AccountTraits
    from microsip_core.user_agent.trunk import Trunk
    from microsip_core.user_agent.user_agent import UserAgent

_GOING = (RegistrationState.UNREGISTERING, RegistrationState.REMOVED)
_RECONNECT_AFTER = (0.05, 1.0)  # seconds until we open another connection for one that was lost
_FLOW_FAILED = 430
_LONGEST_EXPIRES = 2**31 - 1


class AccountRegistration:
    """The part of an :class:`~.account.Account` that registers."""

    def __init__(self, agent: UserAgent, aor: str, registrar: str, identity: Identity, expires: int,
                 traits: AccountTraits) -> None:
        self.aor = aor
        self.state = AccountState.UNREGISTERED
        self.status, self.reason = 0, ""
        self.error: MicrosipError | None = None
        self.traits = traits
        self.registrar = registrar
        self.identity = identity
        self.proxy: str | None = None
        self.trunk: Trunk | None = None
        self._agent = agent
        self._expires = checked_expires(expires)
        self._expires_at = 0.0
        self._keep_alive = agent.config.keep_alive if traits.keep_alive is None else traits.keep_alive
        self._flow: Hop | None = None
        self._unsent = 0
        self._registration: Registration | None = None
        self._outcome: asyncio.Future[bool] | None = None
        self._task: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None

    @property
    def expires(self) -> float | None:
        """Seconds that the registration still lasts, None when not registered."""
        if self.state is not AccountState.REGISTERED:
            return None
        return max(0.0, self._expires_at - self._agent.now())

    async def register(self, timeout: float | None = None) -> None:
        """Register and wait for the outcome; refreshed by itself from then on. ``timeout`` in seconds.

        Raises AuthenticationError, TimedOut, DnsError, NetworkError, or CallRefused with the registrar's status.
        """
        self.start_registration()
        await self.settled(timeout)

    def start_registration(self, expires: int | None = None) -> None:
        """Register, or register anew, in the background."""
        if self.trunk is not None:
            raise InvalidState("a trunk does not register", step="register", peer=self.aor,
                               remedy="Make the account without trunk=True")
        if expires is not None:
            self._expires = checked_expires(expires)
        self._cancel_attempt()
        before = self._new_outcome()
        if before is not None and not before.done():
            before.set_result(False)  # whoever waits for it goes on to wait for the new one
        self.state, self.error = AccountState.REGISTERING, None
        try:
            if self._agent.transport.reach_now(self._next_hop()):
                self._send_register()
            else:
                self._task = self._agent.loop.create_task(self._resolve_and_register())
        except NetworkError as error:
            self._could_not_send(error)

    async def settled(self, timeout: float | None = None) -> None:
        """Wait until the registration under way has succeeded or failed. Raises what :meth:`register` raises."""
        outcome = self._outcome
        if outcome is None:
            raise InvalidState("no registration is under way", step="register", peer=self.aor)
        done, _ = await asyncio.wait([outcome], timeout=timeout)
        if not done:
            raise TimedOut(
                f"the registrar did not settle it within {timeout:g} s", step="register", peer=self.registrar,
                remedy="Check the address, that the server runs, and that no firewall is between",
            )
        if not outcome.result():
            await self.settled(timeout)

    async def unregister(self, timeout: float | None = None) -> None:
        """Remove our binding at the registrar and wait, at most ``timeout`` seconds. Raises TimedOut."""
        if not self.start_removal():
            return
        outcome = self._outcome
        if outcome is not None:
            done, _ = await asyncio.wait([outcome], timeout=timeout)
            if not done:
                raise TimedOut("the registrar did not confirm the removal", step="unregister", peer=self.registrar)

    def start_removal(self) -> bool:
        """Remove our binding in the background; returns False when there is none."""
        self._cancel_attempt()
        if self._registration is None or self.state is AccountState.UNREGISTERED:
            self.state = AccountState.UNREGISTERED
            return False
        before = self._new_outcome()
        if before is not None and not before.done():
            before.set_exception(Canceled("it was unregistered meanwhile", step="register", peer=self.registrar))
        self.state = AccountState.UNREGISTERING
        self._registration.unregister(self._agent.now())
        self._agent.pump()
        return True

    def _new_outcome(self) -> asyncio.Future[bool] | None:
        """Make the future of what is now under way, and return that of what was."""
        before = self._outcome
        self._outcome = self._agent.loop.create_future()
        self._outcome.add_done_callback(_look_at_exception)
        return before

    def _next_hop(self) -> Hop:
        uri = SipUri.parse(self.proxy or self.registrar)
        return hop_for_uri(uri, self.identity.transport or self._agent.transport.default_transport)

    async def _resolve_and_register(self) -> None:
        try:
            await self._agent.transport.reach(self._next_hop())
        except NetworkError as error:
            self._could_not_send(error)
        else:
            self._send_register()

    def _send_register(self) -> None:
        now = self._agent.now()
        if self._registration is None or self._registration.state in _GOING:
            self._registration = self._agent.endpoint.register(
                self.identity, self.registrar, now, expires=self._expires, headers=self.traits.headers or (),
                owner=self,
            )
        else:
            self._registration.set_expires(self._expires)
            self._registration.refresh(now)
        self._agent.pump()

    def _could_not_send(self, error: NetworkError) -> None:
        """Try again by and by: the core knows nothing of a REGISTER that never came to be (RFC 5626 s4.5)."""
        self._unsent += 1
        config, uniform = self._agent.config, self._agent.endpoint.ids.uniform
        delay = recovery_delay(self._unsent, uniform, config.retry_base, config.retry_limit)
        self._retry = self._agent.loop.call_later(delay, self.start_registration)
        self._failed(error)

    def connection_lost(self, hop: Hop) -> None:
        """A flow has ended: if the registrar reached us over it, register anew, not all accounts at once."""
        ours = self._agent.transport.choose_hop(self._next_hop())
        if hop in (ours, self._flow):
            self.recover()

    def recover(self) -> None:
        """Register anew over a new flow, a moment from now, if we are or want to be registered."""
        if self.state in (AccountState.REGISTERED, AccountState.REGISTERING):
            self._cancel_attempt()
            delay = self._agent.endpoint.ids.uniform(*_RECONNECT_AFTER)
            self._retry = self._agent.loop.call_later(delay, self.start_registration)

    def _cancel_attempt(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def on_succeeded(self, event: RegistrationSucceeded) -> None:
        """The registrar has accepted."""
        if event.registration is not self._registration:
            return
        self.status, self.reason = event.response.status, event.response.reason
        self._expires_at = self._agent.now() + event.expires
        self._unsent = 0
        self._keep_flow(event.registration.hop)
        again = self.state is AccountState.REGISTERED
        self.state, self.error = AccountState.REGISTERED, None
        self._settle(None)
        if not again or event.first:
            self._emit(EventType.REGISTERED, self.status, self.reason)

    def on_failed(self, event: RegistrationFailed) -> None:
        """The registrar has refused, or did not answer."""
        if event.registration is not self._registration:
            return
        self.status, self.reason = event.status, event.reason
        if event.status == _FLOW_FAILED and event.registration.hop is not None:
            self._agent.transport.abandon(event.registration.hop)
        network = self._agent.driver.transport_error(event.reason)
        self._failed(registration_error(event, self.registrar, network, self.identity))

    def _failed(self, error: MicrosipError) -> None:
        self.leave_flow()
        self.state, self.error = AccountState.FAILED, error
        self._settle(error)
        self._emit(EventType.REGISTER_FAILED, self.status, str(error))

    def on_removed(self, event: RegistrationRemoved) -> None:
        """The binding is gone."""
        if event.registration is not self._registration:
            return  # one that another has replaced
        self.leave_flow()
        self.state, self._registration = AccountState.UNREGISTERED, None
        self._settle(None)
        self._emit(EventType.UNREGISTERED, event.status)

    def _keep_flow(self, hop: Hop | None) -> None:
        """Keep the way open by which the registrar has just answered, so that it can reach us by it."""
        self._flow = hop
        if hop is None:
            return
        grant = self.identity.reach.grant
        own = OUTBOUND_SECONDS if hop.transport == "UDP" else CONNECTION_SECONDS
        seconds = (grant.flow_timer or own) if grant.outbound else self._keep_alive
        self._agent.transport.keep_alive(hop, self, seconds, outbound=grant.outbound)

    def leave_flow(self) -> None:
        """Keep the way to the registrar open no longer."""
        self._flow = None
        self._agent.transport.release_flow(self)

    def flow_failed(self) -> None:
        """A proxy says that our flow is no more (430, RFC 5626 s5.3.1): another connection, and a new registration."""
        if self._flow is not None:
            self._agent.transport.abandon(self._flow)
        self.recover()

    def _settle(self, error: MicrosipError | None) -> None:
        if self._outcome is None or self._outcome.done():
            return
        if error is None:
            self._outcome.set_result(True)
        else:
            self._outcome.set_exception(error)

    def _emit(self, kind: EventType, status: int = 0, text: str = "") -> None:
        """Tell those who listen; the account does."""
        raise NotImplementedError


def checked_expires(expires: object) -> int:
    """Return the seconds to register for, from 1 on. Raises InvalidArgument."""
    if not isinstance(expires, int) or isinstance(expires, bool) or not 1 <= expires <= _LONGEST_EXPIRES:
        raise InvalidArgument(f"expires is {expires!r}", step="account", remedy="It must be whole seconds from 1 on")
    return expires


def _look_at_exception(future: asyncio.Future[bool]) -> None:
    """Spare asyncio's complaint where nobody awaits the outcome."""
    if not future.cancelled():
        future.exception()
