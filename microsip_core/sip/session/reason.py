"""The Reason header: why a BYE, a CANCEL or another request was sent (RFC 3326)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..grammar import quote, split_outside, unquote

if TYPE_CHECKING:
    from ..message import Message

_MOST = 8


class Reason(NamedTuple):
    """One Reason value: ``Reason("SIP", 200, "Call completed elsewhere")``.

    ``cause`` is a SIP status for the protocol SIP, a cause value such as 16 for Q.850; 0 for none.
    """

    protocol: str = "SIP"
    cause: int = 0
    text: str = ""

    @classmethod
    def parse(cls, value: str) -> Reason:
        """Parse one value; parameters that can not be read are as if they were not there."""
        protocol, *parameters = split_outside(value, ";")
        cause, text = 0, ""
        for parameter in parameters:
            name, _, content = parameter.partition("=")
            name, content = name.strip().lower(), content.strip()
            if name == "cause" and content.isascii() and content.isdigit() and len(content) <= 3:
                cause = int(content)
            elif name == "text":
                text = unquote(content)
        return cls(protocol.strip(), cause, text)

    def __str__(self) -> str:
        cause = f";cause={self.cause}" if self.cause else ""
        return f"{self.protocol}{cause}{f';text={quote(self.text)}' if self.text else ''}"


def reasons_of(message: Message) -> tuple[Reason, ...]:
    """Return the Reason values of a message, the first eight of them."""
    return tuple(Reason.parse(value) for value in message.get_all("Reason")[:_MOST])


def reason_of(message: Message) -> tuple[int, str]:
    """Return status and text of the Reason: of the value with protocol SIP, else of the first; 0 and "" where there is
    none.

    The status of another protocol than SIP is its cause value, such as 16 of Q.850.
    """
    reasons = reasons_of(message)
    if not reasons:
        return 0, ""
    chosen = next((reason for reason in reasons if reason.protocol.upper() == "SIP"), reasons[0])
    return chosen.cause, chosen.text
