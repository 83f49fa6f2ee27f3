"""The headers by which a caller asks to be answered at once, as an intercom does; read and written.

There is one standard, Answer-Mode (RFC 5373), and what phones and servers send: Call-Info with ``answer-after``,
Alert-Info with ``info=alert-autoanswer``, ``ring-answer`` or ``intercom``, X-AUTOANSWER and P-Auto-Answer. Each is a
wish: whom to obey is for the callee to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .grammar import split_outside, unquote

if TYPE_CHECKING:
    from .message import Message

_MOST = 10
_LONGEST = 9999.0
_ALERTS = frozenset({"alert-autoanswer", "alert autoanswer", "auto answer", "autoanswer", "ring-answer", "ring answer",
                     "intercom"})
_YES = frozenset({"true", "1", "yes", "normal", "on"})


def answer_after(message: Message) -> float | None:
    """Return the seconds (0 to 9999) after which the caller asks to be answered, None where it does not ask."""
    asked = [
        *(_of_call_info(value) for value in message.get_all("Call-Info")[:_MOST]),
        *(_of_alert_info(value) for value in message.get_all("Alert-Info")[:_MOST]),
        *(_of_flag(message.get(name)) for name in ("X-AUTOANSWER", "P-Auto-Answer")),
        *(_of_answer_mode(message.get(name)) for name in ("Answer-Mode", "Priv-Answer-Mode")),
    ]
    delays = [delay for delay in asked if delay is not None]
    return min(delays) if delays else None


def request_headers(delay: float, domain: str) -> tuple[tuple[str, str], ...]:
    """Return the headers that ask for an answer after so many seconds, in the three spellings most phones know."""
    seconds = f"{min(max(delay, 0.0), _LONGEST):g}"
    headers = (
        ("Call-Info", f"<sip:{domain}>;answer-after={seconds}"),
        ("Alert-Info", f"<http://{domain}>;info=alert-autoanswer;delay={seconds}"),
    )
    return headers if delay > 0 else (*headers, ("Answer-Mode", "Auto"))


def _of_call_info(value: str) -> float | None:
    delay = _parameters(value).get("answer-after")
    if delay is not None:
        return _seconds(delay)
    return 0.0 if "auto answer" in value.lower() else None


def _of_alert_info(value: str) -> float | None:
    parameters = _parameters(value)
    if parameters.get("info") not in _ALERTS and parameters.get("intercom") != "true":
        return None
    return _seconds(parameters.get("delay", "0")) or 0.0


def _of_flag(value: str | None) -> float | None:
    return 0.0 if value is not None and value.strip().lower() in _YES else None


def _of_answer_mode(value: str | None) -> float | None:
    return 0.0 if value is not None and value.partition(";")[0].strip().lower() == "auto" else None


def _parameters(value: str) -> dict[str, str]:
    """Return the parameters behind a URI, names and values in small letters, quotes taken off."""
    pairs = (part.partition("=") for part in split_outside(value.rpartition(">")[2] or value, ";"))
    return {name.strip().lower(): unquote(content.strip()).strip().lower() for name, _, content in pairs}


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 5 else None
