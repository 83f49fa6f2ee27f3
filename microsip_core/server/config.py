"""What the server core and the service users are told once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument
from microsip_core.sip.limits import DEFAULT_LIMITS, Limits
from microsip_core.sip.timers import DEFAULT_TIMERS, Timers

from .auth import AuthSettings
from .registrar import RegistrarLimits

if TYPE_CHECKING:
    from microsip_core.user_agent.media_backend import MediaBackend


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Settings of a :class:`~microsip_core.server.core.ServerCore`. Times in seconds.

    ``users`` maps user names to passwords; the addresses of record are these names at every one of ``domains``.
    ``timer_c`` is how long a branch may ring (RFC 3261 s16.6 step 11: more than 180), measured from the last 101-199.
    ``date`` gives the Date of registrar responses. ``max_contacts`` bounds the contacts of one user, and so the
    branches of a forked call.
    """

    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    domains: tuple[str, ...] = ("127.0.0.1",)
    realm: str = "loopback"
    auth: AuthSettings = field(default_factory=AuthSettings)
    registrar: RegistrarLimits = field(default_factory=lambda: RegistrarLimits(min_expires=1))
    max_contacts: int = 16
    timer_c: float = 185.0
    timers: Timers = DEFAULT_TIMERS
    limits: Limits = DEFAULT_LIMITS
    max_transactions: int = 20_000
    server: str = "microsip-core loopback"
    date: Callable[[], str] | None = None

    def __post_init__(self) -> None:
        for name in self.users:
            if not name or any(char in name for char in ' "<>@:\r\n'):
                raise InvalidArgument(f"{name!r} can not be a user name", remedy="use letters and digits")
        if not self.domains:
            raise InvalidArgument("the server needs a domain")


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How the service users behave. Times in seconds.

    ``slow_delay`` is how long ``slow`` rings, ``early_delay`` how long ``early`` sends early media before it answers.
    ``announcement`` is the WAV file ``play`` plays, None for the built-in chimes. ``longest_call`` ends calls nobody
    ended.
    """

    slow_delay: float = 3.0
    early_delay: float = 2.0
    announcement: str | None = None
    longest_call: float = 3600.0
    max_calls: int = 1000
    core: str | None = None
    media: MediaBackend | str | None = None
