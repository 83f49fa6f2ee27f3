"""Names of SIP headers: canonical keys, compact forms, which of them are lists, and the known methods."""

from __future__ import annotations

_NAMES = """
Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info Allow Allow-Events
Answer-Mode Authentication-Info Authorization Call-ID Call-Info Contact Content-Disposition Content-Encoding
Content-ID Content-Language Content-Length Content-Type CSeq Date Diversion Error-Info Event Expires Feature-Caps
Flow-Timer From Geolocation Geolocation-Error Geolocation-Routing History-Info Identity Identity-Info In-Reply-To
Info-Package Join Max-Breadth Max-Forwards MIME-Version Min-Expires Min-SE Organization P-Access-Network-Info
P-Asserted-Identity P-Asserted-Service P-Associated-URI P-Called-Party-ID P-Charging-Function-Addresses
P-Charging-Vector P-Early-Media P-Preferred-Identity P-Preferred-Service P-Visited-Network-ID Path
Permission-Missing Policy-Contact Policy-ID Priority Priv-Answer-Mode Privacy Proxy-Authenticate
Proxy-Authentication-Info Proxy-Authorization Proxy-Require RAck Reason Record-Route Recv-Info Refer-Events-At
Refer-Sub Refer-To Referred-By Reject-Contact Relayed-Charge Remote-Party-ID Replaces Reply-To Request-Disposition
Require Resource-Priority Response-Source Restoration-Info Retry-After Route RSeq Security-Client Security-Server
Security-Verify Server Service-Route Session-Expires Session-ID SIP-ETag SIP-If-Match Subject Subscription-State
Supported Suppress-If-Match Target-Dialog Timestamp To Trigger-Consent Unsupported User-Agent User-to-User Via
Warning WWW-Authenticate X-AUTOANSWER
"""

_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

CANONICAL_NAMES: dict[str, str] = {name.lower(): name for name in _NAMES.split()}
"""Lowered name to the spelling of the RFCs."""

KEYS: dict[str, str] = {}
"""Usual spellings of a header name to its key, the lowered full name. Others go through ``header_key``."""
for _key, _name in CANONICAL_NAMES.items():
    for _spelling in (_name, _key, _name.title(), _name.upper()):
        KEYS[_spelling] = _key
for _letter, _name in _COMPACT.items():
    KEYS[_letter] = KEYS[_letter.upper()] = _name.lower()

_LISTS = """
accept accept-contact accept-encoding accept-language accept-resource-priority alert-info allow allow-events
call-info contact content-encoding content-language diversion error-info geolocation history-info in-reply-to
p-asserted-identity p-associated-uri p-early-media p-preferred-identity path permission-missing proxy-require reason
record-route recv-info reject-contact remote-party-id request-disposition require resource-priority route
security-client security-server security-verify service-route supported unsupported via warning
"""

LIST_KEYS: frozenset[str] = frozenset(_LISTS.split())
"""Headers that are a comma-separated list, whose elements may also stand on lines of their own (RFC 3261 s7.3.1)."""

METHODS: frozenset[str] = frozenset(
    (
        *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "PRACK", "UPDATE", "REFER", "MESSAGE"),
        *("SUBSCRIBE", "NOTIFY", "PUBLISH"),
    )
)
"""The methods of RFC 3261 and its extensions; others are possible."""


def header_key(name: str) -> str:
    """Return the key of a header name in any spelling: compact form, upper or lower case, white space around it."""
    key = KEYS.get(name)
    if key is None:
        name = name.strip().lower()
        key = KEYS.get(name, name)
    return key
