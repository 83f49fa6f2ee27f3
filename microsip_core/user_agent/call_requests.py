"""Requests within a call that a user sends by hand: INFO, MESSAGE, NOTIFY, OPTIONS or any other method."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument, InvalidState, NetworkError, TimedOut
from microsip_core.sip.events import EndCause
from microsip_core.sip.grammar import is_token
from microsip_core.user_agent.call_life import ANSWERED, CallLife
from microsip_core.user_agent.received_request import content_type_of, octets
from microsip_core.user_agent.target import check_headers

if TYPE_CHECKING:
    from microsip_core.sip.message import Response

OF_SESSIONS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE"})


class CallRequests(CallLife):
    """Sends requests in the dialog of a call."""

    async def request(
        self, method: str, *, headers: Sequence[tuple[str, str]] | None = None, body: bytes | str = b"",
        content_type: str | None = None, timeout: float | None = None,
    ) -> Response:
        """Send a request in the dialog of the call and return the final response, whatever its status.

        Challenges are answered. ``headers`` are further ones, ``content_type`` is plain text for a ``body`` that is a
        string. Raises InvalidState when the call is not answered, InvalidArgument for the methods that make, change or
        end calls and for what can not be sent, TimedOut (after ``timeout`` seconds, or the 32 s of SIP), NetworkError.
        """
        step = check_method(method, OF_SESSIONS, "call")
        extra = check_headers(headers, step)
        content, kind = octets(body, step), content_type_of(body, content_type, step)
        if self.session is None or self.state not in ANSWERED:
            raise InvalidState(f"the call is {self.state}", step=step, peer=self.remote_uri,
                               remedy="Wait until the call is answered")
        agent = self.agent
        outcome = agent.expect()
        self.session.send_request(
            method, agent.now(), headers=extra, body=content, content_type=kind, owner=outcome,
        )
        agent.pump()
        done, _ = await asyncio.wait([outcome], timeout=timeout)
        if not done:
            outcome.cancel()
            raise TimedOut(f"no final response within {timeout:g} s", step=step, peer=self.remote_uri)
        event = outcome.result()
        if event.response is not None:
            return event.response
        if event.cause is EndCause.TRANSPORT:
            raise agent.driver.transport_error(event.reason) or NetworkError(
                event.reason, step=step, peer=self.remote_uri,
            )
        raise TimedOut("the peer did not respond in time", step=step, peer=self.remote_uri)


def check_method(method: object, refused: frozenset[str], where: str) -> str:
    """Return the step that sending ``method`` is; raises InvalidArgument for what is no method, or not for users."""
    if not isinstance(method, str) or not is_token(method):
        raise InvalidArgument(f"{method!r} is no method", step="request", remedy='Write "OPTIONS", "INFO", ...')
    if method in refused:
        raise InvalidArgument(f"{method} is no request to send by hand", step="request",
                              remedy=f"The methods of {where} objects send it")
    return method.lower()
