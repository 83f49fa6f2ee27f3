"""A trunk: an account without registration, whose other end is asked now and then whether it is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from microsip_core.errors import MicrosipError, NetworkError
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.peers import Peers
from microsip_core.user_agent.states import AccountState

if TYPE_CHECKING:
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.account_options import AccountTraits
    from microsip_core.user_agent.user_agent import UserAgent

_PATIENCE = 5.0  # seconds that an answer to OPTIONS may take: a few retransmissions
_AWAY = frozenset({408, 503})


class Trunk:
    """The part of an account that is a trunk."""

    def __init__(self, account: Account, agent: UserAgent, traits: AccountTraits) -> None:
        self._account = account
        self._agent = agent
        self._peers = Peers(traits.peers, "peers")
        self._interval = traits.qualify
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask, if that is wanted; else the other end is taken to be there."""
        self.close()
        if not self._interval:
            self._account.state = AccountState.UP
        self._task = self._agent.loop.create_task(self._watch())

    def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def admits(self, host: str) -> bool:
        """Whether calls may come from this address."""
        return host in self._peers or self._account.is_server(host)

    async def _watch(self) -> None:
        try:
            await self._account.learn_server()  # so that its calls are known as such
        except MicrosipError as error:
            LOG.warning("the server of the trunk %s is not known: %s", self._account.aor, error)
        while self._interval:
            await self._ask()
            await asyncio.sleep(self._interval)

    async def _ask(self) -> None:
        account = self._account
        try:
            reply = await self._agent.options(
                account.server_uri, account=account, timeout=min(self._interval, _PATIENCE),
            )
        except MicrosipError as error:
            account.trunk_is_down(error)
            return
        if reply.status in _AWAY:
            account.trunk_is_down(NetworkError(
                f"the other end answers {reply.status} {reply.reason}", step="qualify", peer=account.server_uri,
            ))
        else:
            account.trunk_is_up(reply.status, reply.reason)
