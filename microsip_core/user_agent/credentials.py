"""The credentials of an account: a password, several for realms, or a function that is asked when they are wanted."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument
from microsip_core.sip.identity import Credential, CredentialSource, PendingCredential
from microsip_core.user_agent.log import LOG

if TYPE_CHECKING:
    from microsip_core.user_agent.agent_core import AgentCore

Answer = Credential | str | None
CredentialCallback = Callable[[str], "Answer | Awaitable[Answer]"]
"""``realm -> password``, or a Credential, or None for: there is none. A plain function or a coroutine function."""
_PATIENCE = 60.0  # seconds that a coroutine may take: somebody may have to type a password


def credentials_of(
    agent: AgentCore, user: str, password: str | None, given: Sequence[Credential] | CredentialCallback | None,
) -> Sequence[Credential] | CredentialSource:
    """Return what the core is to answer challenges with. Raises InvalidArgument."""
    if given is None:
        return [Credential(user, password)] if password is not None else []
    if password is not None:
        raise InvalidArgument("both password and credentials are given", step="account", remedy="Give one of them")
    if callable(given):
        return AskedCredentials(agent, user, given)
    if not all(isinstance(one, Credential) for one in given):
        raise InvalidArgument("the credentials are none", step="account", remedy="Give Credential(user, password)")
    return list(given)


class AskedCredentials:
    """Asks a function of the user's for the password of each realm that challenges; a fault of it means no password."""

    def __init__(self, agent: AgentCore, user: str, callback: CredentialCallback) -> None:
        self._agent = agent
        self._user = user
        self._callback = callback

    def __call__(self, realm: str, user: str) -> Credential | PendingCredential | None:
        """Ask for the credential of a realm; a coroutine function promises it."""
        try:
            answer = self._callback(realm)
        except Exception:
            LOG.exception("fault in the function that is asked for credentials")
            return None
        if not inspect.isawaitable(answer):
            return self._credential(answer)
        pending = PendingCredential()
        self._agent.keep_task(self._agent.loop.create_task(self._wait(answer, pending)))
        return pending

    async def _wait(self, answer: Awaitable[Answer], pending: PendingCredential) -> None:
        credential = None
        try:
            async with asyncio.timeout(_PATIENCE):
                credential = self._credential(await answer)
        except Exception:
            LOG.exception("fault in the function that is asked for credentials")
        finally:
            pending.settle(credential, self._agent.now())
            self._agent.pump()

    def _credential(self, answer: Answer) -> Credential | None:
        return Credential(self._user, answer) if isinstance(answer, str) else answer
