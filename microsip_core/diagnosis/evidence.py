"""What was sent and what came back before something failed, and the explanation that is made of it when asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import Explanation, MicrosipError
from ..sip.hop import hop_for_uri
from ..sip.parse_error import SipParseError
from ..sip.uri import SipUri, hide_password
from .likely_cause import find_cause
from .message_summary import summarize
from .printable import printable

if TYPE_CHECKING:
    from ..sip.message import Message, Request

_TOLD = ("Warning", "Reason", "Retry-After", "Unsupported", "Accept", "Min-SE", "Min-Expires", "Server")
_LONGEST = 160


@dataclass(slots=True)
class MessageEvidence:
    """The last request that was sent and what came back for it.

    ``provisional`` is the status of the last 1xx seen, 0 where none came; ``usernames`` are those of the passwords at
    hand by realm (None: for any realm); ``kind`` is the core's word for the end ("rejected", "no_ack"). The messages
    are kept as they are and read when an explanation is wanted.
    """

    sent: Request | None
    received: Message | None = None
    provisional: int = 0
    usernames: dict[str | None, str] = field(default_factory=dict)
    kind: str = ""

    def explanation(self, error: MicrosipError) -> Explanation:
        """Return which step failed, what was sent, what came back, the likely cause and what to do."""
        cause, remedy = find_cause(error, self)
        return Explanation(
            step=error.step or "", peer=printable(hide_password(error.peer or "")), sent=self._sent_lines(),
            received=self._received_lines(), cause=printable(cause), remedy=printable(remedy),
        )

    def _sent_lines(self) -> tuple[str, ...]:
        request = self.sent
        if request is None:
            return ()
        data = request.to_bytes()
        lines = [f"{request.method} {hide_password(request.uri)} ({len(data)} octets{_way(request)})"]
        sdp = summarize(data).sdp
        if sdp:
            lines.append(f"offering {sdp}")
        return tuple(_clip(line) for line in lines)

    def _received_lines(self) -> tuple[str, ...]:
        lines = []
        if self.provisional:
            lines.append(f"{self.provisional}, and after it")
        if self.received is None:
            return tuple([*lines, "nothing"] if self.sent is not None else lines)
        data = self.received.to_bytes()
        summary = summarize(data)
        lines.append(summary.label)
        if summary.sdp:
            lines.append(f"describing {summary.sdp}")
        lines += [f"{name}: {value}" for name in _TOLD for value in self.received.get_all(name)[:2]]
        return tuple(_clip(line) for line in lines)


def _way(request: Request) -> str:
    """Return the transport, where the request came from and where it went to by its own headers."""
    try:
        via = request.via
        routes = request.routes
        hop = hop_for_uri(routes[0].sip_uri if routes else SipUri.parse(request.uri), via.transport)
    except SipParseError:
        return ""
    where = hop.host if hop.port is None else f"{hop.host}:{hop.port}"
    return f", {via.transport} from {via.sent_by} to {where}"


def _clip(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
