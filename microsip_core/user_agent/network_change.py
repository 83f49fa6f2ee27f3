"""What becomes of a user agent when the network changes under it: sockets, registrations and calls move.

New sockets are opened, with growing pauses while that does not work; the public address is looked for; every account
registers anew; then every answered call, once its account is registered, tells its peer the new addresses by a
re-INVITE. Sound goes on by new ports meanwhile, so that a peer with symmetric RTP follows even before it is told.

An incoming call that rings meanwhile is answered with the new address, and its sound moves once it is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from microsip_core.errors import Busy, InvalidState, MicrosipError, NetworkError
from microsip_core.sip.backoff import recovery_delay
from microsip_core.sip.session.uac_core import relocate
from microsip_core.user_agent.call_life import ANSWERED, UNANSWERED_INCOMING
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.states import AccountState, CallState

if TYPE_CHECKING:
    from microsip_core.user_agent.agent_core import AgentCore
    from microsip_core.user_agent.call import Call

PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds: pauses between tries are 50 to 100 % of PAUSE * 2**failures, up to LONGEST_PAUSE."""
_TRIES_OF_A_CALL = 8
_REGISTERED = (AccountState.REGISTERED, AccountState.REGISTERING, AccountState.FAILED)


class NetworkChange:
    """Moves one user agent; a further change begins anew."""

    def __init__(self, agent: AgentCore) -> None:
        self._agent = agent
        self._task: asyncio.Task[None] | None = None
        self._moves: set[asyncio.Task[None]] = set()
        self._ringing: set[asyncio.Task[None]] = set()

    def start(self, listen: str | Sequence[str] | None = None) -> asyncio.Task[None]:
        """Move in the background; the task ends when all that had to be said has been sent, or has failed."""
        self._cancel()
        self._task = self._agent.loop.create_task(self._move(listen))
        return self._task

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The move under way or done last, None after the end."""
        return self._task

    async def _move(self, listen: str | Sequence[str] | None) -> None:
        agent = self._agent
        await self._open_sockets(listen)
        for account in agent.accounts:
            if account.state in _REGISTERED:
                account.leave_flow()
        await agent.discovery.again()
        for account in agent.accounts:
            if account.state in _REGISTERED:
                account.start_registration()
        for call in agent.calls_now:
            if call.state in ANSWERED:
                self._keep(self._moves, self._move_call(call))
            elif call.session is not None and call.session.dialog is not None and call.state in UNANSWERED_INCOMING:
                relocate(call.session)
                self._keep(self._ringing, self._move_once_answered(call))
        agent.pump()
        if self._moves:
            await asyncio.wait(list(self._moves))

    def _keep(self, tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        task = self._agent.loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _move_once_answered(self, call: Call) -> None:
        try:
            await call.wait(CallState.ACTIVE)
        except MicrosipError:
            return  # it has ended
        await self._move_call(call)

    async def _open_sockets(self, listen: str | Sequence[str] | None) -> None:
        failures = 0
        while True:
            try:
                await self._agent.transport.reopen(listen)
            except (NetworkError, Busy) as error:
                LOG.warning("the network has changed, and can not be used yet: %s", error)
                failures += 1
                await self._pause(failures)
            else:
                return

    async def _pause(self, failures: int) -> None:
        await asyncio.sleep(recovery_delay(failures, self._agent.endpoint.ids.uniform, PAUSE, LONGEST_PAUSE))

    async def _move_call(self, call: Call) -> None:
        """Move one call, again and again while something is in the way."""
        for failures in range(1, _TRIES_OF_A_CALL + 1):
            await self._until_registered(call)
            if call.state not in ANSWERED:
                return
            try:
                call.move()
            except (InvalidState, NetworkError, Busy) as error:
                LOG.info("%s can not be moved yet: %s", call, error)
                await self._pause(failures)
            else:
                return
        LOG.warning("%s could not be moved to the new network", call)

    async def _until_registered(self, call: Call) -> None:
        """Wait for the account: its server may take nothing from an address that is not registered."""
        account = call.account
        while account is not None and account.state in (AccountState.REGISTERING, AccountState.FAILED):
            if call.state not in ANSWERED:
                return
            try:
                await account.settled()
            except MicrosipError:
                await self._pause(1)

    async def close(self) -> None:
        """Stop what is under way."""
        await asyncio.gather(*self._cancel(), return_exceptions=True)

    def _cancel(self) -> list[asyncio.Task[None]]:
        tasks = [task for task in (self._task, *self._moves, *self._ringing) if task is not None]
        self._task = None
        for task in tasks:
            task.cancel()
        return tasks
