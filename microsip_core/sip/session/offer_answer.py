"""Where offer and answer of a session stand (RFC 3264 s4, RFC 6337). The descriptions themselves are opaque here.

One offer may be open at a time, ours or theirs. An answer, or a refusal, closes it; a refused offer leaves what was
agreed before in force.

    STABLE --we offer--> OFFERED --their answer--> STABLE
    STABLE --they offer--> OFFER_RECEIVED --our answer--> STABLE

A peer's violation is no error of ours: ``take_offer`` and ``take_answer`` then return False and change nothing. Ours
raises InvalidState.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from ...errors import InvalidState

if TYPE_CHECKING:
    from ..message import Message


class OfferAnswerState(IntEnum):
    """Whose turn it is."""

    STABLE = 0
    OFFERED = 1
    """We offered: the peer owes an answer."""
    OFFER_RECEIVED = 2
    """The peer offered: we owe an answer."""


class OfferAnswer:
    """The offer/answer state of one session. ``local`` and ``remote`` are the descriptions in force, None before the
    first."""

    __slots__ = ("_pending", "local", "remote", "state")

    def __init__(self) -> None:
        self.state = OfferAnswerState.STABLE
        self.local: bytes | None = None
        self.remote: bytes | None = None
        self._pending: bytes | None = None

    def offer(self, sdp: bytes) -> None:
        """We send an offer."""
        self._expect(OfferAnswerState.STABLE, "offer")
        self.state = OfferAnswerState.OFFERED
        self._pending = sdp

    def take_answer(self, sdp: bytes) -> bool:
        """The peer answers our offer."""
        if self.state != OfferAnswerState.OFFERED:
            return False
        self.local, self.remote = self._pending, sdp
        self._close()
        return True

    def take_offer(self, sdp: bytes) -> bool:
        """The peer sends an offer."""
        if self.state != OfferAnswerState.STABLE:
            return False
        self.state = OfferAnswerState.OFFER_RECEIVED
        self._pending = sdp
        return True

    def answer(self, sdp: bytes) -> None:
        """We answer the peer's offer."""
        self._expect(OfferAnswerState.OFFER_RECEIVED, "answer")
        self.local, self.remote = sdp, self._pending
        self._close()

    def withdraw(self) -> None:
        """The open offer, if any, was refused or came to nothing: all is as before it (RFC 3264 s8, RFC 6337 s3.4)."""
        self._close()

    @property
    def remote_offer(self) -> bytes | None:
        """The peer's offer that waits for our answer."""
        return self._pending if self.state == OfferAnswerState.OFFER_RECEIVED else None

    def _close(self) -> None:
        self.state = OfferAnswerState.STABLE
        self._pending = None

    def _expect(self, state: OfferAnswerState, step: str) -> None:
        if self.state != state:
            raise InvalidState(f"offer/answer state is {self.state.name}, not {state.name}", step=step)


_RANGES_OF_DESCRIPTIONS = frozenset((
    "application/sdp", "application/*", "*/*",
    "multipart/mixed", "multipart/alternative", "multipart/*",  # which may hold one (RFC 5621)
))


def sdp_of(message: Message) -> bytes | None:
    """Return the session description a message carries, alone or as a part of a multipart body; None if it has none."""
    body = message.body
    if not body:
        return None
    content_type = message.content_type
    if content_type == "application/sdp" or content_type is None:
        return body
    parameters = content_type.partition(";")[2]
    media_type = message.media_type or ""
    if media_type == "application/sdp":
        return body
    if media_type.startswith("multipart/"):
        return _sdp_part(body, parameters)
    return None


def unreadable_body(request: Message, sdp: bytes | None) -> tuple[tuple[str, str], ...] | None:
    """Return the headers of a 415 for a body of a type or encoding we do not understand (s8.2.3), else None.

    A body marked as optional is none (s20.11). ``sdp`` is what ``sdp_of`` has found.
    """
    encoded = "Content-Encoding" in request
    if not request.body or (sdp is not None and not encoded):
        return None
    disposition = (request.get("Content-Disposition") or "").replace(" ", "").lower()
    if "handling=optional" in disposition:
        return None
    accept = (("Accept", "application/sdp"),)
    return (*accept, ("Accept-Encoding", "identity")) if encoded else accept


def takes_description(request: Message) -> bool:
    """Whether the Accept of an INVITE leaves room for a session description in its response (s20.1; RFC 4475
    s3.3.15)."""
    written = ["".join(value.split()).lower().split(";") for value in request.get_all("Accept")]
    ranges = {kind for kind, *_ in written} - {""}
    taken = {kind for kind, *parameters in written if not _NOT_AT_ALL.intersection(parameters)}
    return not ranges or not taken.isdisjoint(_RANGES_OF_DESCRIPTIONS)


_NOT_AT_ALL = frozenset(("q=0", "q=0.", "q=0.0", "q=0.00", "q=0.000"))


def _sdp_part(body: bytes, parameters: str) -> bytes | None:
    """Return the first application/sdp part of a multipart body (RFC 2046 s5.1, RFC 5621)."""
    boundary = ""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "boundary":
            boundary = value.strip().strip('"')
    if not boundary:
        return None
    marker = b"--" + boundary.encode("utf-8", "surrogateescape")
    for part in (b"\r\n" + body).split(b"\r\n" + marker)[1:]:
        head, blank, content = part.partition(b"\r\n\r\n")
        if not blank or part.startswith(b"--"):
            continue
        for line in head.split(b"\r\n"):
            name_octets, _, value_octets = line.partition(b":")
            is_type = name_octets.strip().lower() in (b"content-type", b"c")
            if is_type and value_octets.partition(b";")[0].strip().lower() == b"application/sdp":
                return content
    return None
