"""C-style functions: dial plans, numbers and URIs."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import handle, optional_text, returns_code, text
from microsip_core.errors import ErrorCode, ParseError
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.uri import SipUri as ParsedUri
from microsip_core.user_agent.user_agent import UserAgent


@dataclass(frozen=True, slots=True)
class SipUri:
    """sip_uri_t: a SIP or SIPS URI in its parts, "" and port 0 where it has none. ``user`` is without escapes;
    ``parameters`` is what stands between the host and the "?", ``headers`` what stands behind it.
    """

    scheme: str
    user: str
    host: str
    port: int
    transport: str
    parameters: str
    headers: str


@returns_code
def sip_set_dialplan(plan: str, prefix: str = "", account: int = 0) -> int:
    """Send the numbers of an account, of all others where that is 0, through a dial plan, as in MicroSIP.ini
    (``<9:>x.|<:+49>[1-9]x.``), and put ``prefix`` before those of more than three digits. "" ends it.

    sip_invite, sip_transfer and sip_normalize_number go by it. SIP_ECONFIG names what is wrong in a plan.
    """
    running, wanted = running_engine(), handle(account)
    pattern, before = text(plan, "plan", empty=True), optional_text(prefix, "prefix") or ""

    async def work(agent: UserAgent) -> int:
        if wanted:
            running.account(wanted)
        running.preferences.set_dial_plan(wanted, pattern, before)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_normalize_number(number: str, account: int = 0) -> str:
    """Return what is called for what a user typed: without scheme and separators, by the dial plan.

    Names and URIs pass through. SIP_EPERM for a number that the plan blocks.
    """
    running, typed, wanted = running_engine(), text(number, "number"), handle(account)

    async def work(agent: UserAgent) -> str:
        found = running.account(wanted) if wanted or agent.accounts else None
        return running.preferences.normalize(typed, found)

    return running.run(work)


@returns_code
def sip_parse_uri(uri: str) -> SipUri:
    """Take a SIP or SIPS URI apart. SIP_EPARSE for what is none."""
    try:
        parsed = ParsedUri.parse(text(uri, "uri"))
    except SipParseError as error:
        raise ParseError(str(error), step="parse the URI", remedy="It reads sip:user@host:port") from None
    whole = str(parsed._replace(headers=()))
    rest = whole.partition("@")[2] or whole.partition(":")[2]
    return SipUri(
        parsed.scheme, parsed.user_text, parsed.host, parsed.port or 0, parsed.transport or "",
        rest.partition(";")[2], str(parsed).partition("?")[2],
    )
