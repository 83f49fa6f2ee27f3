"""Opens the pair of UDP ports of an RTP session: an even one for RTP and the next for RTCP (RFC 3550 s11)."""

from __future__ import annotations

import errno
import random
import socket

from microsip_core.errors import Busy, InvalidArgument, NetworkError

_TRIES = 64
_BUFFER = 262_144  # octets: a second of many calls' bursts


def open_port_pair(host: str, port_range: tuple[int, int] | None) -> tuple[socket.socket, socket.socket]:
    """Bind both sockets on a literal address, non-blocking.

    Raises :class:`NetworkError` when the address is not ours, :class:`Busy` when no pair of the range is free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port_range is None:
        candidates = [0] * _TRIES
    else:
        low, high = port_range
        if not 1 <= low <= high <= 65535 or low + low % 2 + 1 > high:
            raise InvalidArgument(
                f"port range {low} to {high}", step="open media ports", remedy="It needs an even port and the next one",
            )
        candidates = list(range(low + low % 2, high, 2))
        random.shuffle(candidates)
    for candidate in candidates:
        pair = _try_pair(family, host, candidate)
        if pair is not None:
            return pair
    where = "the system's range" if port_range is None else f"{port_range[0]} to {port_range[1]}"
    raise Busy(
        f"no free pair of UDP ports in {where} on {host}", step="open media ports",
        remedy="Widen the port range or end calls",
    )


def _try_pair(family: int, host: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    rtp = _bind(family, host, port)
    if rtp is None:
        return None
    number = rtp.getsockname()[1]
    rtcp = _bind(family, host, number + 1) if number % 2 == 0 else None
    if rtcp is None:
        rtp.close()
        return None
    return rtp, rtcp


def _bind(family: int, host: str, port: int) -> socket.socket | None:
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise NetworkError(str(error), step="open media ports", remedy="Raise the limit of open files") from error
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise NetworkError(
            f"can not use {host}: {error.strerror or error}", step="open media ports",
            remedy="Give a literal address of this machine",
        ) from error
    return opened
