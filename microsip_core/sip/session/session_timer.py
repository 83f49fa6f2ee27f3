"""Session timers: a call whose other end has gone is noticed and ended (RFC 4028).

Both sides agree on an interval and on who refreshes. The refresher sends an UPDATE (or a re-INVITE, to a peer that
does not know UPDATE) when half of it is over. If no refresh has come shortly before its end, the session is ended by
BYE: the one who does not refresh does that min(32 s, a third) before the end, the refresher at the end (s10).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from ..events import EndCause

if TYPE_CHECKING:
    from ..message import Message, Request, Response
    from ..timers import Timer
    from .invite_session import InviteSession

Headers = tuple[tuple[str, str], ...]
BUSY = 5.0
"""Seconds to wait with a refresh while a change of the session is under way."""
_LONGEST = 0x7FFFFFFF


class TimerKind(IntEnum):
    """What the timer of a session waits for."""

    REFRESH = 0
    EXPIRE = 1


class SessionTimer:
    """The agreed interval in seconds, and whether it is we who refresh."""

    __slots__ = ("_deadline", "_session", "_timer", "interval", "refresher", "uses_update")

    def __init__(
        self, session: InviteSession, interval: int, *, refresher: bool, uses_update: bool, now: float,
    ) -> None:
        self.interval = interval
        self.refresher = refresher
        self.uses_update = uses_update
        self._session = session
        self._deadline = now + interval - (0.0 if refresher else min(32.0, interval / 3))
        self._timer: Timer | None = None
        if refresher:
            self._schedule(now + interval / 2, TimerKind.REFRESH)
        else:
            self._schedule(self._deadline, TimerKind.EXPIRE)

    def stop(self) -> None:
        """The session is over, or a new agreement takes the place of this one."""
        if self._timer is not None:
            self._session.endpoint.layer.timer_heap.cancel(self._timer)
            self._timer = None

    def on_timer(self, kind: int, now: float) -> None:
        """Refresh, or end the session."""
        self._timer = None
        session = self._session
        if kind == TimerKind.EXPIRE:
            session.end(now, EndCause.SESSION_EXPIRED, "timeout", 0, "session timer expired")
            session.send_bye(now)
        elif session.busy:
            expired = now + BUSY >= self._deadline
            self._schedule(self._deadline if expired else now + BUSY, TimerKind(expired))
        else:
            self._schedule(self._deadline, TimerKind.EXPIRE)
            session.refresh("UPDATE" if self.uses_update else "INVITE", now)

    def _schedule(self, when: float, kind: TimerKind) -> None:
        self._timer = self._session.endpoint.layer.timer_heap.schedule(when, self, kind)


# -- our requests (s7)


def request_headers(session: InviteSession) -> Headers:
    """Return what an INVITE or UPDATE of ours says: who refreshes stays who it is (s7.4)."""
    config = session.endpoint.config
    if config.session_expires is None:
        return ()
    least = max(config.min_session_expires, session.min_session_expires)
    timer = session.timer
    if timer is None:
        interval, role = max(config.session_expires, least), ""
    else:
        interval, role = max(timer.interval, least), ";refresher=uac" if timer.refresher else ";refresher=uas"
    headers = (("Session-Expires", f"{interval}{role}"),)
    return (*headers, ("Min-SE", str(least))) if least > 90 else headers


def lengthen(session: InviteSession, response: Response) -> bool:
    """Take the Min-SE of a 422 (s7.3); False if it brings nothing new: then asking again would be in vain."""
    least = _seconds(response.get("Min-SE"))
    if least is None or least <= session.min_session_expires or session.endpoint.config.session_expires is None:
        return False
    session.min_session_expires = least
    return True


def take_response(session: InviteSession, response: Response, now: float) -> None:
    """Take what a 2xx to our INVITE or UPDATE agrees to (s7.2); without Session-Expires there is no timer."""
    interval = _seconds(response.get("Session-Expires"))
    if session.endpoint.config.session_expires is None or interval is None:
        stop_timer(session)
        return
    interval = max(interval, session.endpoint.config.min_session_expires)
    _start(session, interval, response, now, refresher=_refresher(response) != "uas")


# -- requests of the peer (s9)


def too_short(session_expires: str, request: Request, least: int) -> bool:
    """Whether a request is to be refused with 422: its interval is too short, and its sender would understand (s9)."""
    interval = _seconds(session_expires)
    return interval is not None and interval < least and _supports(request)


def answer_headers(session: InviteSession, request: Request, now: float) -> Headers:
    """Agree to the interval a request asks for, start the timer, and return what the 2xx says (s9)."""
    config = session.endpoint.config
    text = request.get("Session-Expires")
    if config.session_expires is None or text is None:
        stop_timer(session)
        return ()
    interval = _seconds(text)
    if interval is None:
        return ()
    understood = _supports(request)
    role = (_refresher(request) or "uac") if understood else "uas"
    interval = max(interval, config.min_session_expires)
    _start(session, interval, request, now, refresher=role == "uas")
    headers = (("Session-Expires", f"{interval};refresher={role}"),)
    return (*headers, ("Require", "timer")) if role == "uac" else headers


def stop_timer(session: InviteSession) -> None:
    """End the session's timer, if it has one."""
    if session.timer is not None:
        session.timer.stop()
        session.timer = None


def _start(session: InviteSession, interval: int, message: Message, now: float, *, refresher: bool) -> None:
    uses_update = "UPDATE" in message.get_all("Allow") or (session.timer is not None and session.timer.uses_update)
    stop_timer(session)
    session.timer = SessionTimer(session, interval, refresher=refresher, uses_update=uses_update, now=now)


def _supports(request: Request) -> bool:
    return any(tag.lower() == "timer" for tag in request.get_all("Supported") + request.get_all("Require"))


def _seconds(value: str | None) -> int | None:
    text = (value or "").partition(";")[0].strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) <= _LONGEST else None


def _refresher(message: Message) -> str | None:
    for parameter in (message.get("Session-Expires") or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "refresher" and value.strip().lower() in ("uac", "uas"):
            return value.strip().lower()
    return None
