"""Where a peer may send us: which URIs of a redirection or a REFER are followed."""

from __future__ import annotations

from collections.abc import Sequence

from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.uri import SipUri


def followed_uri(target: str, before: str, hosts: Sequence[str] | None) -> SipUri | None:
    """Return what to call for the URI that a peer names, None when that may not be followed.

    Only sip and sips are, sip not from a sips URI ``before``, and with ``hosts`` these hosts only ("*.example.com"
    stands for all below example.com). Headers in the URI are dropped: a peer shall not write into our INVITE; a URI for
    another method than INVITE is refused.
    """
    try:
        uri = SipUri.parse(target)
    except SipParseError:
        return None
    if before[:5].lower() == "sips:" and uri.scheme.lower() != "sips":
        return None
    if (uri.params.get("method") or "INVITE").upper() != "INVITE":
        return None
    if hosts is not None and not any(_names(host.lower(), uri.host.lower()) for host in hosts):
        return None
    parameters = {name: value for name, value in uri.params.items() if name != "method"}
    return uri._replace(params=parameters, headers=(), password=None)


def _names(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern.strip("[]")
