"""Requests the server tests send by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from microsip_core.sip.builder import request
from microsip_core.sip.message import Request


def register(
    user: str = "alice", *, contacts: Sequence[str] = (), expires: str | None = None, cseq: int = 1,
    call_id: str = "c1",
    to: str | None = None, headers: Iterable[tuple[str, str]] = (), domain: str = "example.test",
) -> Request:
    """A REGISTER as it is after the transport received it."""
    extra = [("Contact", contact) for contact in contacts]
    if expires is not None:
        extra.append(("Expires", expires))
    return request(
        "REGISTER", f"sip:{domain}", via="SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1",
        from_=f"<sip:{user}@{domain}>;tag=1",
        to=to or f"<sip:{user}@{domain}>", call_id=call_id, cseq=cseq, headers=[*extra, *headers],
    )
