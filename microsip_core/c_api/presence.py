"""C-style functions for presence, message waiting and typing, which the engine can not do yet: each says so."""

from __future__ import annotations

from typing import NoReturn

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import handle, number, optional_text, returns_code, text
from microsip_core.errors import NotSupported

_LONGEST = 86_400 * 7


def _refuse(what: str, remedy: str | None = None) -> NoReturn:
    running_engine()
    raise NotSupported(f"{what} is not supported yet", step=what, remedy=remedy)


@returns_code
def sip_typing(uri: str, active: bool = True, account: int = 0) -> int:
    """Tell a peer that somebody is typing (RFC 3994). SIP_ENOTSUP in this version."""
    text(uri, "uri"), handle(account)
    _refuse("typing", "Text messages are: sip_message")


@returns_code
def sip_publish(status: str, note: str | None = None, account: int = 0) -> int:
    """Publish our presence (RFC 3903): "open" or "closed" and a note. SIP_ENOTSUP in this version."""
    text(status, "status"), optional_text(note, "note"), handle(account)
    _refuse("presence")


@returns_code
def sip_subscribe(uri: str, event: str = "presence", expires: int = 3600, account: int = 0) -> int:
    """Subscribe to the state of somebody or something (RFC 6665). SIP_ENOTSUP in this version."""
    text(uri, "uri"), text(event, "event"), number(expires, "expires", 0, _LONGEST), handle(account)
    _refuse("subscription", "Requests by hand are: sip_send_request")


@returns_code
def sip_unsubscribe(subscription: int) -> int:
    """End a subscription. SIP_ENOTSUP in this version."""
    number(subscription, "subscription", 1, 2**31 - 1)
    _refuse("subscription")


@returns_code
def sip_get_presence(uri: str) -> str:
    """Return the presence of somebody subscribed to. SIP_ENOTSUP in this version."""
    text(uri, "uri")
    _refuse("presence")


@returns_code
def sip_mwi_state(account: int = 0) -> int:
    """Return how many new voice messages wait (RFC 3842). SIP_ENOTSUP in this version."""
    handle(account)
    _refuse("message waiting")
