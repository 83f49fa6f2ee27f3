"""A registration kept alive: REGISTER, refresh, retry and removal (RFC 3261 s10)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from .identity import Identity


class RegistrationState(IntEnum):
    """Where a registration stands."""

    REGISTERING = 0
    REGISTERED = 1
    FAILED = 2
    """Not registered; retried by itself if RegistrationFailed said so."""
    UNREGISTERING = 3
    REMOVED = 4


class Registration:
    """One binding of our Contact to an address-of-record at a registrar."""

    identity: Identity
    registrar: str
    state: RegistrationState
    expires: int
    """Seconds the registrar granted last; before that, the seconds we asked for."""
    contact: str
    """The Contact URI bound."""
    owner: Any

    def refresh(self, now: float) -> None:
        """Send a REGISTER now (also: after a failure, without waiting; after a change of identity.routes or of the
        local address)."""
        raise NotImplementedError

    def unregister(self, now: float) -> None:
        """Remove the binding (Expires: 0) and stop; RegistrationRemoved follows."""
        raise NotImplementedError

    def set_expires(self, expires: int) -> None:
        """Ask for another time from the next REGISTER on."""
        raise NotImplementedError

    def add_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Add headers to every REGISTER from the next on."""
        raise NotImplementedError
