"""Takes incoming text messages (RFC 3428): checks them, answers them, tells them as events."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from microsip_core.user_agent.events import Event, EventType

if TYPE_CHECKING:
    from microsip_core.sip.events import RequestReceived
    from microsip_core.sip.message import Request
    from microsip_core.user_agent.agent_core import AgentCore
    from microsip_core.user_agent.call import Call

_TYPES = ("text/plain", "text/html")
_ACCEPT = (("Accept", ", ".join(_TYPES)),)


def take_message(agent: AgentCore, event: RequestReceived) -> None:
    """Take a MESSAGE, within a call or outside: 200 and an event ``message``; 413 or 415 for what can not be shown.

    A 200 says that it was delivered (RFC 3428 s7): where nobody listens to the events of the user agent, the account or
    the call it is 480, so that the sender's server may keep it for later.
    """
    request, now = event.request, agent.now()
    if len(request.body) > agent.config.max_message_size:
        event.incoming.respond(413, now)
        return
    if (request.media_type or _TYPES[0]) not in _TYPES or "Content-Encoding" in request:
        event.incoming.respond(415, now, headers=_ACCEPT)
        return
    call: Call | None = event.session.owner if event.session is not None else None
    account = call.account if call is not None else agent.reception.account_for(request, event.incoming.source.host)
    listener = call or account
    if not agent.observed and (listener is None or not listener.observed):
        event.incoming.respond(480, now, reason="Nobody Reads Messages")
    else:
        event.incoming.respond(200, now)
        message = Event(
            EventType.MESSAGE, time.time(), call, account, 0, _text(request), request.from_.uri,
        )
        if call is not None:
            call.tell(message)
        elif account is not None:
            account.tell(message)
        agent.publish(message)


def _text(request: Request) -> str:
    """Return the body as text, in UTF-8 unless it says otherwise; what is no character of it is replaced."""
    for parameter in (request.content_type or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                return request.body.decode(value.strip().strip('"'), "replace")
            except (LookupError, ValueError):
                break
    return request.body.decode("utf-8", "replace")
