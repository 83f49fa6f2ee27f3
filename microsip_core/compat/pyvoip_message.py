"""The request of a call in the form in which pyVoIP shows it: ``call.request.headers["From"]["number"]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from microsip_core.sip.parse_error import SipParseError

if TYPE_CHECKING:
    from microsip_core.sip.header_values import NameAddr
    from microsip_core.sip.message import Request


class SIPMessage:
    """An INVITE: ``method``, ``headers`` (From and To as dictionaries, the rest as text), ``raw``."""

    def __init__(self, request: Request | None) -> None:
        self.method = request.method if request is not None else "INVITE"
        self.raw = request.to_bytes() if request is not None else b""
        self.headers: dict[str, Any] = {}
        if request is None:
            return
        for name in dict.fromkeys(request.names()):
            self.headers[name] = ", ".join(request.get_all(name))
        for name, value in (("From", request.from_), ("To", request.to)):
            self.headers[name] = _address(value)
        self.headers["Call-ID"] = request.call_id

    def summary(self) -> str:
        """Return the message as text."""
        return self.raw.decode("utf-8", "replace")


def _address(value: NameAddr) -> dict[str, str | None]:
    try:
        uri = value.sip_uri
        number, host = uri.user, uri.host
    except SipParseError:  # a tel URI, say
        number, host = value.uri.partition(":")[2], ""
    address = value.uri.partition(":")[2]
    return {"raw": str(value), "tag": value.tag or "", "address": address, "number": number,
            "caller": value.display_name, "host": host}
