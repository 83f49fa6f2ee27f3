"""C-style functions: requests and responses by hand, and messages as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.messages import SipHeader, SipMessage, built, parsed
from microsip_core.c_api.results import handle, number, optional_text, record, returns_code, seconds, text
from microsip_core.errors import ErrorCode, InvalidArgument, refusal_code
from microsip_core.sip.message import Response
from microsip_core.user_agent.user_agent import UserAgent

Headers = str | Sequence[tuple[str, str]] | Sequence[SipHeader] | None


@returns_code
def sip_send_request(
    method: str, uri: str, headers: Headers = None, body: str | bytes = b"", account: int = 0,
    timeout: float | None = None,
) -> int:
    """Send a request out of any call, and wait for the final response. Returns its status where that is 2xx.

    Else -1000 - status, SIP_ETIMEOUT, ... The event "response" has the response itself. ``headers`` are "Name: value"
    lines, or pairs; Content-Type among them. INVITE, BYE, REGISTER and their like are not sent by hand.
    """
    running, name, target = running_engine(), text(method, "method"), text(uri, "uri")
    wanted, limit = handle(account), seconds(timeout)
    extra, kind, content = _parts(headers, body)

    async def work(agent: UserAgent) -> int:
        sender = running.account(wanted) if wanted or agent.accounts else None
        return _outcome(await agent.request(
            name, target, account=sender, headers=extra, body=content, content_type=kind, timeout=limit,
        ))

    return running.run(work)


@returns_code
def sip_info(call: int, body: str | bytes = b"", content_type: str | None = None, headers: Headers = None) -> int:
    """Send INFO within a call, and wait for the final response. Returns as :func:`sip_send_request` does."""
    running, wanted = running_engine(), handle(call)
    extra, kind, content = _parts(headers, body)
    kind = optional_text(content_type, "content_type") or kind

    async def work(agent: UserAgent) -> int:
        return _outcome(await running.call(wanted).request("INFO", headers=extra, body=content, content_type=kind))

    return running.run(work)


@returns_code
def sip_send_response(
    request: int, status: int = 200, reason: str | None = None, headers: Headers = None, body: str | bytes = b"",
) -> int:
    """Answer a request that an event "request" has told, by the ``request`` handle of that event. Returns 0.

    Only the methods that the setting ``methods`` names wait for an answer, up to 30 s; the others have been answered.
    """
    running, wanted = running_engine(), number(request, "request", 1, 2**31 - 1)
    code, phrase = number(status, "status", 101, 699), optional_text(reason, "reason")
    extra, kind, content = _parts(headers, body)

    async def work(agent: UserAgent) -> int:
        running.request(wanted).respond(code, phrase, headers=extra, body=content, content_type=kind)
        if code >= 200:
            running.request_answered(wanted)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_parse(message: Any) -> SipMessage:
    """Return a SIP message from its text; SIP_EPARSE for what is none."""
    if not isinstance(message, (str, bytes)) or not message:
        raise InvalidArgument(f"the message is {message!r}", remedy="Give its text")
    return parsed(message)


@returns_code
def sip_build(message: Any) -> bytes:
    """Return the text of a SIP message from its start line, ``headers`` and ``body``; SIP_EINVAL for what is none."""
    if not isinstance(message, SipMessage):
        raise InvalidArgument(f"the message is {message!r}", remedy="Give a SipMessage")
    return built(message)


def _outcome(response: Response) -> int:
    if response.status < 300:
        return response.status
    return record(refusal_code(response.status), f"{response.status} {response.reason}")


def _parts(headers: Any, body: Any) -> tuple[list[tuple[str, str]], str | None, str | bytes]:
    """Return the headers without Content-Type, that, and the body. Raises InvalidArgument."""
    if not isinstance(body, (str, bytes)):
        raise InvalidArgument(f"the body is {body!r}", remedy="Give a string or bytes")
    pairs = [pair for pair in _pairs(headers) if pair[0].lower() not in ("content-type", "c")]
    kinds = [value for name, value in _pairs(headers) if name.lower() in ("content-type", "c")]
    return pairs, kinds[0] if kinds else None, body


def _pairs(headers: Any) -> list[tuple[str, str]]:
    if headers is None:
        return []
    if isinstance(headers, str):
        lines = [line.partition(":") for line in headers.splitlines() if line.strip()]
        if not all(colon for _, colon, _ in lines):
            raise InvalidArgument(f"the headers are {headers!r}", remedy='Write "Name: value" on each line')
        return [(name.strip(), value.strip()) for name, _, value in lines]
    try:
        pairs = [(one.name, one.value) if isinstance(one, SipHeader) else tuple(one) for one in headers]
    except TypeError:
        raise InvalidArgument(f"the headers are {headers!r}", remedy='Give "Name: value" lines, or pairs') from None
    for pair in pairs:
        if [type(part) for part in pair] != [str, str]:
            raise InvalidArgument(f"{pair!r} is no header", remedy='Give "Name: value" lines, or pairs')
    return [(name, value) for name, value in pairs]
