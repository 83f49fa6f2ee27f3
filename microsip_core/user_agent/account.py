"""An account: an address of record, its credentials, its registration and its route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.states import AccountState

if TYPE_CHECKING:
    from microsip_core.user_agent.call import Call


class Account:
    """An identity to call from and to be reached at. Made by :meth:`UserAgent.create_account`."""

    id: int  # 1, 2, 3 ... within the user agent
    aor: str  # sip:user@domain
    state: AccountState
    display_name: str
    registrar: str
    proxy: str | None
    status: int  # last status of the registrar, 0 before the first
    reason: str

    @property
    def expires(self) -> float | None:
        """Seconds that the registration still lasts, None when not registered."""
        raise NotImplementedError

    async def register(self, timeout: float | None = None) -> None:
        """Register and wait for the outcome; refreshed by itself from then on.

        Raises AuthenticationError, TimedOut, DnsError, NetworkError or MicrosipError with the registrar's status.
        """
        raise NotImplementedError

    async def unregister(self, timeout: float | None = None) -> None:
        """Remove our binding at the registrar and wait for the outcome."""
        raise NotImplementedError

    def set_proxy(self, uri: str | None) -> None:
        """Send everything of this account by way of ``uri`` (loose route); restarts a registration through it."""
        raise NotImplementedError

    async def invite(
        self, uri: str, *, media: str = "audio", codecs: Sequence[str] | None = None,
        headers: Sequence[tuple[str, str]] | None = None, timeout: float | None = None,
    ) -> Call:
        """Call ``uri`` from this account; see :meth:`UserAgent.invite`."""
        raise NotImplementedError

    def events(self) -> EventStream:
        """Return the account's events from now on, for ``async for``."""
        raise NotImplementedError
