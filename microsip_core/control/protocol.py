"""The phone's side of one control connection, without sockets: bytes in, requests out, replies and events as bytes."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from microsip_core.control.copydata import decode_text
from microsip_core.control.frames import Frame, FrameReader, from_json, reply_payload, to_json
from microsip_core.control.journal import EventJournal
from microsip_core.control.numbers import REPLY, Number
from microsip_core.errors import ErrorCode, ParseError

MOST_IN_FLIGHT = 64
"""Requests of one connection that may be under way; what exceeds that is refused with SIP_ELIMIT."""

COMMANDS = frozenset(range(Number.DIAL, Number.REQUEST))


@dataclass(frozen=True, slots=True)
class NumberRequest:
    """A documented number with its text. Answer with ``reply``."""

    number: Number
    text: str


@dataclass(frozen=True, slots=True)
class JsonRequest:
    """A request by name. ``id`` is the client's own, a string or number. Answer with ``reply_json``."""

    id: str | int
    command: str
    arguments: dict[str, Any]


Request = NumberRequest | JsonRequest


class ControlConnection:
    """Reads the frames of one client and refuses what it can not read; ``closing`` says to hang up after sending.

    ``token`` is what the client must send first, None where the system has told who it is.
    """

    def __init__(self, journal: EventJournal, token: str | None = None) -> None:
        self._journal = journal
        self._token = token
        self._reader = FrameReader()
        self._out = bytearray()
        self._wanted: frozenset[str] | None = None
        self._in_flight = 0
        self.authenticated = token is None
        self.subscribed = False
        self.closing = False

    # -- from the client --------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Request]:
        """Take bytes and return what is asked for."""
        if self.closing:
            return []
        try:
            frames = self._reader.feed(data)
        except ParseError as error:
            self._refuse(0, ErrorCode.SIP_EPARSE, error.message)
            self.closing = True
            return []
        requests = []
        for frame in frames:
            if not self.authenticated:
                self._authenticate(frame)
                if self.closing:
                    break
            elif (request := self._read(frame)) is not None:
                requests.append(request)
        return requests

    def _authenticate(self, frame: Frame) -> None:
        given = frame.payload if frame.number == Number.AUTHENTICATE else b""
        if hmac.compare_digest(given, (self._token or "").encode()):
            self.authenticated = True
            self._send(Number.AUTHENTICATE, reply_payload(ErrorCode.SIP_OK, ""))
        else:
            self._refuse(Number.AUTHENTICATE, ErrorCode.SIP_EPERM, "this is not the token")
            self.closing = True

    def _read(self, frame: Frame) -> Request | None:
        number = frame.number
        is_json = number == Number.REQUEST
        if number == Number.AUTHENTICATE:  # nothing to prove any more
            self._send(number, reply_payload(ErrorCode.SIP_OK, ""))
            return None
        if not is_json and number not in COMMANDS:
            self._refuse(0, ErrorCode.SIP_ENOTSUP, f"there is no number {number}")
            return None
        try:
            request = self._read_json(frame) if is_json else NumberRequest(Number(number), decode_text(frame.payload))
        except ParseError as error:
            self._refuse(number, ErrorCode.SIP_EPARSE, error.message)
            return None
        if self._in_flight >= MOST_IN_FLIGHT:
            self.refuse(request, ErrorCode.SIP_ELIMIT, "too many requests are under way")
            return None
        self._in_flight += 1
        return request

    @staticmethod
    def _read_json(frame: Frame) -> JsonRequest:
        value = from_json(frame.payload)
        identity, command, arguments = value.get("id"), value.get("command"), value.get("arguments", {})
        if isinstance(identity, bool) or not isinstance(identity, (str, int)) or len(str(identity)[:65]) > 64:
            raise ParseError("the request has no id, a short string or a number")
        if not isinstance(command, str) or not isinstance(arguments, dict):
            raise ParseError("the request needs a command, a string, and arguments, an object")
        return JsonRequest(identity, command, arguments)

    # -- to the client ----------------------------------------------------------------------------------------------

    def reply(self, request: NumberRequest, code: int, text: str = "") -> None:
        """Answer a number."""
        self._in_flight -= 1
        self._send(request.number, reply_payload(code, text))

    def reply_json(self, request: JsonRequest, result: Any) -> None:
        """Answer a request that was done. Raises TypeError for a result that is not good for JSON."""
        payload = to_json({"id": request.id, "code": 0, "result": result})
        self._in_flight -= 1
        self._send(Number.REQUEST, payload)

    def fail(self, request: Request, code: int, message: str) -> None:
        """Answer a request that was not done; ``code`` is negative."""
        self._in_flight -= 1
        self.refuse(request, code, message)

    def refuse(self, request: Request, code: int, message: str) -> None:
        """Refuse a request that was not taken up."""
        if isinstance(request, JsonRequest):
            self._send(Number.REQUEST, to_json({"id": request.id, "code": code, "error": message}))
        else:
            self._send(request.number, reply_payload(code, message))

    def _refuse(self, number: int, code: int, message: str) -> None:
        if number == Number.REQUEST:
            self._send(number, to_json({"id": None, "code": code, "error": message}))
        else:
            self._send(number, reply_payload(code, message))

    def _send(self, number: int, payload: bytes) -> None:
        self._out += Frame(REPLY + number, payload).to_bytes()

    def subscribe(self, request: JsonRequest, snapshot: Any) -> None:
        """Answer a subscription, and send the events the client has missed, or where these are gone the snapshot.

        Arguments: ``after`` and ``epoch``, the last sequence number the client knows and what it belongs to;
        ``events``, the names it wants, all without. The result holds ``sequence``, ``epoch``, ``resumed`` and,
        unless resumed, the ``snapshot``, which is the state after ``sequence``.
        """
        after, epoch, wanted = (request.arguments.get(name) for name in ("after", "epoch", "events"))
        if wanted is not None and not (isinstance(wanted, list) and all(isinstance(name, str) for name in wanted)):
            self.fail(request, ErrorCode.SIP_EINVAL, "events must be a list of names")
            return
        self._wanted = None if wanted is None else frozenset(wanted)
        self.subscribed = True
        missed = None
        if isinstance(after, int) and isinstance(epoch, str):
            missed = self._journal.after(after, epoch)
        result = {"sequence": self._journal.sequence, "epoch": self._journal.epoch, "resumed": missed is not None}
        if missed is None:
            result["snapshot"] = snapshot
        self.reply_json(request, result)
        for kind, data in missed or ():
            self.push(kind, data)

    def unsubscribe(self, request: JsonRequest) -> None:
        """End a subscription."""
        self.subscribed = False
        self.reply_json(request, None)

    def push(self, kind: str, data: bytes) -> None:
        """Send an event, if the client wants it."""
        if self.subscribed and (self._wanted is None or kind in self._wanted):
            self._out += data

    def data_to_send(self) -> bytes:
        """Return what is to be sent, once."""
        data = bytes(self._out)
        self._out.clear()
        return data
