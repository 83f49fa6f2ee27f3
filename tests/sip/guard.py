"""An element in front of an endpoint that challenges every request, as registrars and proxies do."""

from __future__ import annotations

from typing import Any

from microsip_core.sip import builder
from microsip_core.sip.digest import DigestServer, DigestVerdict
from microsip_core.sip.endpoint import Endpoint
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.sip.message import Request
from microsip_core.sip.parser import parse_message
from microsip_core.sip.transaction.layer import stamp_via

SECRET = b"0123456789abcdef"


class Guard:
    """Lets through what has good credentials for every one of its realms; ``realms`` maps a realm to 401 or 407.

    ``together``: the challenges of all realms come in one response, as from a forking proxy (RFC 3261 s16.7 step 7);
    else each realm asks when the one before it is content.
    """

    def __init__(
        self, endpoint: Endpoint, realms: dict[str, int], password: str = "secret", *, together: bool = False,
        **options: Any,
    ) -> None:
        self.endpoint = endpoint
        self.together = together
        self.password = password
        self.realms = {name: (status, DigestServer(name, SECRET, **options)) for name, status in realms.items()}
        self.challenged: list[str] = []
        self.passed: list[Request] = []
        self._outgoing: list[OutgoingPacket] = []

    def receive(self, data: bytes, source: Source, now: float) -> None:
        message = parse_message(data)
        if isinstance(message, Request):
            if message.method not in ("ACK", "CANCEL") and not self._lets_through(message, source, now):
                return
            self.passed.append(message)
        self.endpoint.receive(data, source, now)

    def _lets_through(self, request: Request, source: Source, now: float) -> bool:
        asked: list[tuple[str, str]] = []
        status = 0
        for asks, server in self.realms.values():
            kind = "Authorization" if asks == 401 else "Proxy-Authorization"
            check = server.check(request.get_all(kind), request.method, lambda name: self.password, now, request.body)
            if check.verdict is DigestVerdict.ACCEPTED or (asked and not self.together):
                continue
            self.challenged.append(f"{asks} {request.method} {check.verdict.value}")
            header = "WWW-Authenticate" if asks == 401 else "Proxy-Authenticate"
            asked += [(header, value) for value in server.challenges(now, stale=check.verdict is DigestVerdict.STALE)]
            status = status or asks
        if not asked:
            return True
        stamp_via(request, source)
        response = builder.response_to(request, status, to_tag="guard", headers=asked)
        self._outgoing.append(
            OutgoingPacket(response.to_bytes(), Hop(source.transport, source.host, source.port), source, None)
        )
        return False

    def data_to_send(self) -> list[OutgoingPacket]:
        packets, self._outgoing = self._outgoing, []
        return packets + self.endpoint.data_to_send()

    def handle_timeout(self, now: float) -> None:
        self.endpoint.handle_timeout(now)

    def next_timeout(self) -> float | None:
        return self.endpoint.next_timeout()

    def next_event(self) -> Any:
        return self.endpoint.next_event()
