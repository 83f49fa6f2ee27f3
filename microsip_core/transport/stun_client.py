"""Asks STUN servers from our SIP sockets where we come from, and answers who asks us (RFC 8489, RFC 5626 s4.4.2)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

from microsip_core.errors import NetworkError
from microsip_core.transport import stun
from microsip_core.transport.address import HostPort, join_host_port
from microsip_core.transport.link import Link

_MOST_AT_ONCE = 1000


class StunClient:
    """The STUN of one transport layer. ``serves``: whether Binding requests of others are answered.

    ``waits`` are the seconds to wait after each transmission. ``counters`` of what came: answers, requests, dropped.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, serves: bool, waits: Sequence[float] = stun.WAITS) -> None:
        self._loop = loop
        self._serves = serves
        self._waits = waits
        self._waiting: dict[bytes, tuple[Link, HostPort, asyncio.Future[HostPort]]] = {}
        self.counters = {"answers": 0, "requests": 0, "dropped": 0}

    async def ask(self, link: Link, server: HostPort) -> HostPort:
        """Return the address of a socket as a STUN server sees it. Raises NetworkError when it does not answer."""
        if len(self._waiting) >= _MOST_AT_ONCE:
            raise NetworkError("too many STUN requests wait", step="stun", peer=join_host_port(server))
        transaction = secrets.token_bytes(12)
        answer: asyncio.Future[HostPort] = self._loop.create_future()
        self._waiting[transaction] = (link, server, answer)
        try:
            request = stun.binding_request(transaction)
            for seconds in self._waits:
                link.send(request, server)
                await asyncio.wait([answer], timeout=seconds)
                if answer.done():
                    return answer.result()
        except OSError as error:
            raise NetworkError(str(error), step="stun", peer=join_host_port(server)) from error
        finally:
            del self._waiting[transaction]
        raise NetworkError(
            "the STUN server does not answer", step="stun", peer=join_host_port(server),
            remedy="Check its address, and that no firewall is between",
        )

    def receive(self, data: bytes, link: Link, remote: HostPort) -> bool:
        """Take a datagram that may be STUN; returns whether it was."""
        if not stun.is_stun(data):
            return False
        message = stun.parse(data)
        known = self._waiting.get(message.transaction) if message is not None else None
        if message is None or message.unknown:
            self.counters["dropped"] += 1
        elif message.kind == "request" and self._serves:
            self.counters["requests"] += 1
            self._answer(message, link, remote)
        elif known is not None and known[:2] == (link, remote) and not known[2].done():
            self._take(message, known[2], remote)
        else:
            self.counters["dropped"] += 1
        return True

    def _answer(self, message: stun.StunMessage, link: Link, remote: HostPort) -> None:
        try:
            link.send(stun.binding_success(message.transaction, remote), remote)
        except OSError:
            self.counters["dropped"] += 1  # whoever asked asks again

    def _take(self, message: stun.StunMessage, answer: asyncio.Future[HostPort], remote: HostPort) -> None:
        self.counters["answers"] += 1
        if message.kind == "success" and message.mapped is not None:
            answer.set_result(message.mapped)
        else:
            answer.set_exception(NetworkError(
                f"the STUN server refused ({message.error})" if message.error else "the STUN server gave no address",
                step="stun", peer=join_host_port(remote),
            ))
