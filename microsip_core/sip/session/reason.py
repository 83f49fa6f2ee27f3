"""The Reason header: why a BYE or CANCEL was sent (RFC 3326)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..grammar import split_outside, unquote

if TYPE_CHECKING:
    from ..message import Message


def reason_of(message: Message) -> tuple[int, str]:
    """Return status and text of the Reason: of the value with protocol SIP, else of the first; 0 and "" where there is
    none.

    The status of another protocol than SIP is its cause value, such as 16 of Q.850.
    """
    found: tuple[int, str] | None = None
    for value in message.get_all("Reason"):
        protocol, *parameters = split_outside(value, ";")
        status, text = 0, ""
        for parameter in parameters:
            name, _, content = parameter.partition("=")
            name, content = name.strip().lower(), content.strip()
            if name == "cause" and content.isascii() and content.isdigit() and len(content) <= 3:
                status = int(content)
            elif name == "text":
                text = unquote(content)
        if protocol.strip().upper() == "SIP":
            return status, text
        found = found or (status, text)
    return found or (0, "")
