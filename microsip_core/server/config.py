"""What the server core is told once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from microsip_core.errors import InvalidArgument
from microsip_core.sip.limits import DEFAULT_LIMITS, Limits
from microsip_core.sip.timers import DEFAULT_TIMERS, Timers

from .auth import AuthSettings
from .registrar import RegistrarLimits


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
