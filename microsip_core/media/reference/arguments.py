"""Checks of what a program asks of a reference stream; each raises :class:`InvalidArgument`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from microsip_core.errors import InvalidArgument
from microsip_core.media.stream import Address

NATIVE_REMEDY = "Install with a C compiler, for the native core"


def checked_address(address: Address | None, local: Address) -> Address | None:
    """Return a literal address of the same IP version as ours, as sockets spell it, and its port; or none."""
    if address is None:
        return None
    host, port = address
    try:
        literal = ipaddress.ip_address(host)
    except ValueError as error:
        raise InvalidArgument(f"{host!r} is no literal IP address", step="configure stream") from error
    if literal.version != (6 if ":" in local[0] else 4):
        raise InvalidArgument(f"{host} is not of the IP version of {local[0]}", step="configure stream")
    if not 1 <= port <= 65535:
        raise InvalidArgument(f"{port} is no port", step="configure stream")
    return str(literal), port


def check_payload_types(numbers: Iterable[int | None]) -> None:
    """Accept 0 to 127, and None."""
    for number in numbers:
        if number is not None and not 0 <= number <= 127:
            raise InvalidArgument(f"{number} is no payload type (0 to 127)", step="configure stream")


def check_ptime(ptime_ms: int) -> None:
    """Accept 10 to 60 ms in steps of 10."""
    if ptime_ms not in (10, 20, 30, 40, 50, 60):
        raise InvalidArgument(f"ptime is {ptime_ms} ms", step="configure stream", remedy="Use 10 to 60 in steps of 10")
