"""Requests outside of calls: any by hand, text messages (RFC 3428), OPTIONS as a question whether a peer is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from microsip_core.errors import (
    AuthenticationError,
    CallRefused,
    LimitExceeded,
    MicrosipError,
    NetworkError,
    TimedOut,
)
from microsip_core.sip.dialog.dialog import route_request, route_value
from microsip_core.sip.events import EndCause, ResponseReceived
from microsip_core.sip.hop import Hop, hop_for_uri
from microsip_core.sip.uri import SipUri
from microsip_core.user_agent.agent_core import AgentCore
from microsip_core.user_agent.call_requests import OF_SESSIONS, check_method
from microsip_core.user_agent.events import Event, EventType
from microsip_core.user_agent.received_request import content_type_of, octets
from microsip_core.user_agent.target import check_headers, complete_target, parse_uri

if TYPE_CHECKING:
    from microsip_core.sip.message import Response
    from microsip_core.user_agent.account import Account

_NOT_BY_HAND = OF_SESSIONS | {"REGISTER"}
_TEXT = "text/plain;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class OptionsReply:
    """What a peer said to OPTIONS: any ``status`` shows that it is there.

    ``round_trip_ms`` is the time from the request to the final response, with the second round of a challenge.
    ``allow`` are the methods it takes, ``user_agent`` its Server or User-Agent header; empty where it does not tell.
    ``response`` is the response itself, with all of its headers.
    """

    status: int
    reason: str
    round_trip_ms: float
    allow: tuple[str, ...] = ()
    user_agent: str = ""
    response: Response | None = None


class AgentRequests(AgentCore):
    """The part of a user agent that sends requests outside of calls."""

    async def request(
        self, method: str, uri: str, *, account: Account | None = None,
        headers: Sequence[tuple[str, str]] | None = None, body: bytes | str = b"", content_type: str | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Send a request out of any call and return the final response, whatever its status.

        ``method`` is OPTIONS, MESSAGE, SUBSCRIBE, PUBLISH, NOTIFY, REFER or any other but those that make, change or
        end calls and registrations. ``headers`` are further ones, ``content_type`` is plain text for a ``body`` that is
        a string. From, Contact, route and credentials are the ``account``'s, by default the first one's; challenges are
        answered. Raises InvalidArgument, TimedOut (after ``timeout`` seconds, or the 32 s of SIP), NetworkError,
        DnsError. Cancelling the wait does not take the request back.
        """
        step = check_method(method, _NOT_BY_HAND, "Account and Call")
        extra = check_headers(headers, step)
        content, kind = octets(body, step), content_type_of(body, content_type, step)
        target, account = self._complete(uri, account, step)
        event = await self._request(
            method, target, account, timeout, headers=extra, body=content, content_type=kind,
        )
        if event.response is None:
            raise self._refusal(event, step, target, account)
        if self.observed:
            self.publish(Event(EventType.RESPONSE, time.time(), None, account, event.status, method, target,
                               event.response))
        return event.response

    async def send_message(
        self, uri: str, text: str, *, account: Account | None = None,
        headers: Sequence[tuple[str, str]] | None = None, timeout: float | None = None,
    ) -> None:
        """Send ``text`` to ``uri`` by MESSAGE and wait until it has been taken, at most ``timeout`` seconds.

        The event ``message_status`` tells the outcome too. Raises CallRefused with the status of the peer or a server,
        TimedOut, NetworkError, AuthenticationError, LimitExceeded for more octets than ``max_message_size``.
        """
        step, body = "message", text.encode()
        if len(body) > self.config.max_message_size:
            raise LimitExceeded(
                f"the text has {len(body)} octets of {self.config.max_message_size} at most", step=step, peer=uri,
                remedy="Send it in parts",
            )
        extra = check_headers(headers, step)
        target, account = self._complete(uri, account, step)
        try:
            event = await self._request(
                "MESSAGE", target, account, timeout, headers=extra, body=body, content_type=_TEXT,
            )
            if event.status >= 300:
                raise self._refusal(event, step, target, account)
        except MicrosipError as error:
            status = error.status if isinstance(error, CallRefused) else 0
            self._tell_message(target, account, status, str(error))
            raise
        self._tell_message(target, account, event.status, event.reason)

    async def options(
        self, uri: str, *, account: Account | None = None, headers: Sequence[tuple[str, str]] | None = None,
        timeout: float | None = None,
    ) -> OptionsReply:
        """Ask the peer at ``uri`` what it can, to learn whether it is there and how fast it answers.

        Any final response counts. Raises TimedOut (after ``timeout`` seconds, or the 32 s of SIP), NetworkError,
        DnsError.
        """
        step = "options"
        extra = (("Accept", "application/sdp"), *check_headers(headers, step))
        target, account = self._complete(uri, account, step)
        hop = self.hop_for(parse_uri(target, step), account)
        await self._reach(hop)
        started = self.now()
        event = await self._request("OPTIONS", target, account, timeout, headers=extra)
        elapsed = (self.now() - started) * 1000
        response = event.response
        if response is None:
            raise self._refusal(event, step, target, account)
        software = response.get("Server") or response.get("User-Agent") or ""
        allow = tuple(response.get_all("Allow"))
        return OptionsReply(event.status, event.reason, elapsed, allow, software, response)

    def _complete(self, uri: str, account: Account | None, step: str) -> tuple[str, Account | None]:
        """Return the URI to send to, and the account to send from: the first one where none is given."""
        self.require_open(step)
        account = account or (self.accounts[0] if self.accounts else None)
        target = complete_target(uri, account.uri.host_port if account is not None else None)
        parse_uri(target, step)
        return target, account

    async def _reach(self, hop: Hop) -> None:
        if not self.transport.reach_now(hop):
            await self.transport.reach(hop)

    async def _request(
        self, method: str, target: str, account: Account | None, timeout: float | None, *,
        headers: tuple[tuple[str, str], ...] = (), body: bytes = b"", content_type: str | None = None,
    ) -> ResponseReceived:
        """Send a request out of any dialog and return what came of it. Raises TimedOut after ``timeout`` seconds."""
        hop = self.hop_for(SipUri.parse(target), account)
        outcome = self.expect()
        try:
            async with asyncio.timeout(timeout):
                await self._reach(hop)
                local_host = self.transport.local_address(hop)[0]
                identity = account.identity if account is not None else self.anonymous_identity(local_host)
                self.endpoint.request(
                    method, target, self.now(), identity=identity, headers=headers, body=body,
                    content_type=content_type, owner=outcome,
                )
                self.pump()
                return await outcome
        except TimeoutError as error:
            if isinstance(error, MicrosipError):
                raise
            outcome.cancel()
            raise TimedOut(f"no final response within {timeout:g} s", step=method.lower(), peer=target) from None

    def _refusal(
        self, event: ResponseReceived, step: str, target: str, account: Account | None,
    ) -> MicrosipError:
        if event.cause is EndCause.TIMEOUT:
            return TimedOut("the peer did not respond in time", step=step, peer=target,
                            remedy="Check the address, that the peer runs, and that no firewall is between")
        if event.cause is EndCause.TRANSPORT:
            return self.driver.transport_error(event.reason) or NetworkError(event.reason, step=step, peer=target)
        if event.cause is EndCause.AUTHENTICATION:
            had_password = account is not None and bool(account.identity.credentials)
            what = "the credentials were refused" if had_password else "a password is wanted"
            return AuthenticationError(f"{what} ({event.status} {event.reason})", step=step, peer=target)
        return CallRefused(event.status, event.reason, step=step, peer=target)

    def _tell_message(self, target: str, account: Account | None, status: int, text: str) -> None:
        if self.observed:
            self.publish(Event(EventType.MESSAGE_STATUS, time.time(), None, account, status, text, target))

    def hop_for(self, target: SipUri, account: Account | None) -> Hop:
        """Return where a request to ``target`` goes first."""
        transport = self.transport.default_transport
        if account is None:
            return hop_for_uri(target, transport)
        identity = account.identity
        routes = identity.routes or identity.service_route
        if routes:
            _, _, first = route_request(str(target), (route_value(routes[0]),))
            target = SipUri.parse(first)
        return hop_for_uri(target, identity.transport or transport)
