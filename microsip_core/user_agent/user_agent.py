"""The user agent: accounts, calls in and out, events; one per asyncio loop or several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType

from microsip_core.user_agent.account import Account
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.media_backend import MediaBackend
from microsip_core.user_agent.trace import TraceEntry

Headers = Sequence[tuple[str, str]]


class UserAgent:
    """A SIP user agent on the running asyncio loop. ``async with UserAgent() as ua:`` starts and closes it.

    Keyword arguments override the fields of ``config``. ``media`` is a MediaBackend of your own, "none" for signaling only
    (answers with an inactive description, opens no media socket), or None for the media engine.
    """

    on_incoming: Callable[[Call], Awaitable[object] | None] | None
    on_trace: Callable[[TraceEntry], None] | None
    calls: list[Call]
    accounts: list[Account]
    trace: Sequence[TraceEntry]

    def __init__(
        self, config: UserAgentConfig | None = None, *, listen: str | None = None, codecs: Sequence[str] | None = None,
        media: MediaBackend | str | None = None, core: str | None = None, user_agent: str | None = None,
        seed: int | None = None, trace: int | None = None,
    ) -> None:
        raise NotImplementedError

    async def start(self) -> UserAgent:
        """Open the sockets. Raises Busy when the port is in use, NetworkError when the address is not ours."""
        raise NotImplementedError

    async def close(self) -> None:
        """Hang up every call, unregister every account, wait a bounded time, close every socket. May be called again."""
        raise NotImplementedError

    async def __aenter__(self) -> UserAgent:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def listen_address(self) -> tuple[str, int]:
        """Where we listen for SIP: (host, port)."""
        raise NotImplementedError

    async def create_account(
        self, aor: str, password: str | None = None, *, username: str | None = None, registrar: str | None = None,
        proxy: str | None = None, display_name: str = "", register: bool = True, expires: int = 300,
    ) -> Account:
        """Add an account and, with ``register``, wait until it is registered.

        ``username`` is for the digest, by default the user part of ``aor``. ``registrar`` is by default the domain of
        ``aor``. ``expires`` in seconds is what we ask for. The first account is the default one of calls.
        Raises InvalidArgument for a bad URI, and what :meth:`Account.register` raises; the account is then removed.
        """
        raise NotImplementedError

    def start_call(
        self, uri: str, *, account: Account | None = None, media: str = "audio", codecs: Sequence[str] | None = None,
        headers: Headers | None = None, timeout: float | None = None,
    ) -> Call:
        """Start a call to ``uri`` and return at once; its state and events tell what becomes of it."""
        raise NotImplementedError

    async def invite(
        self, uri: str, *, account: Account | None = None, media: str = "audio", codecs: Sequence[str] | None = None,
        headers: Headers | None = None, timeout: float | None = None,
    ) -> Call:
        """Call ``uri`` and return the answered call. ``timeout`` in seconds bounds the wait; cancelling it sends CANCEL.

        Raises CallRefused with the peer's status, TimedOut, DnsError, NetworkError, AuthenticationError, CodecError.
        """
        raise NotImplementedError

    async def next_call(self, timeout: float | None = None) -> Call:
        """Return the next incoming call that no ``on_incoming`` handler took. Raises TimedOut."""
        raise NotImplementedError

    def events(self) -> EventStream:
        """Return all events of calls and accounts from now on, for ``async for``; ends when the user agent is closed."""
        raise NotImplementedError
