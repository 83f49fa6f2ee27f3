"""A client of the control socket: numbers, requests, and events without a gap; plain blocking calls, no event loop."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from microsip_core.control.address import ControlAddress, read_token
from microsip_core.control.frames import LARGEST_REPLY, Frame, FrameReader, from_json, read_reply, to_json
from microsip_core.control.numbers import REPLY, Number
from microsip_core.errors import FileError, MicrosipError, NetworkError, NotInitialized, ParseError, TimedOut

_CONNECT_TIME = 5.0  # seconds
_RETRY = 0.2  # seconds between attempts to find the phone again


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a subscription began with. ``snapshot`` is the state after ``sequence``, None when nothing was missed."""

    sequence: int
    epoch: str
    snapshot: dict[str, Any] | None


class ControlClient:
    """A connection to the running phone of one configuration. Used by one thread at a time.

    Raises NotInitialized when no phone runs, PermissionDenied when it is somebody else's, TimedOut, NetworkError.
    """

    def __init__(self, address: ControlAddress, timeout: float = 30.0) -> None:
        self._address, self._timeout = address, timeout
        self._events: deque[dict[str, Any]] = deque()
        self._wanted: list[str] | None = None
        self._last: Subscription | None = None
        self._id = 0
        self._connect()

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; may be called again."""
        self._socket.close()

    def _connect(self) -> None:
        self._reader = FrameReader(LARGEST_REPLY)
        self._replies: deque[Frame] = deque()
        token = None
        try:
            if self._address.unix:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.settimeout(_CONNECT_TIME)
                self._socket.connect(str(self._address.socket))
            else:
                port, token = read_token(self._address.token)
                self._socket = socket.create_connection(("127.0.0.1", port), _CONNECT_TIME)
        except OSError as error:
            raise NotInitialized("no phone runs for this configuration", step="find the phone",
                                 peer=self._address.name, remedy="Start one first") from error
        if token is not None:
            code, text = self.number(Number.AUTHENTICATE, token)
            if code < 0:
                raise MicrosipError(text, step="find the phone", peer=self._address.name, code=code)

    # -- asking -----------------------------------------------------------------------------------------------------

    def number(self, number: int, text: str = "", timeout: float | None = None) -> tuple[int, str]:
        """Send a documented number with its text and return code and text of the reply."""
        self._send(Frame(number, text.encode()))
        try:
            reply = self._next_reply(timeout)
        except TimedOut:
            self.close()  # a late reply would be taken for that to the next number
            raise
        return read_reply(reply.payload)

    def request(self, command: str, timeout: float | None = None, **arguments: Any) -> Any:
        """Make a request by name and return its result. Raises MicrosipError with the phone's code and words."""
        self._id += 1
        self._send(Frame(Number.REQUEST, to_json({"id": self._id, "command": command, "arguments": arguments})))
        while True:
            reply = from_json(self._next_reply(timeout).payload)
            if reply.get("id") in (self._id, None):
                break  # what comes for another id is the late reply to a request that was given up
        if reply.get("code", -1) < 0:
            raise MicrosipError(str(reply.get("error")), step=command, code=reply.get("code"))
        return reply.get("result")

    def _send(self, frame: Frame) -> None:
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(frame.to_bytes())
        except OSError as error:
            raise NetworkError("the phone has hung up", step="ask the phone", peer=self._address.name) from error

    def _next_reply(self, timeout: float | None) -> Frame:
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        while not self._replies:
            self._receive(deadline)
        return self._replies.popleft()

    def _receive(self, deadline: float | None) -> None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimedOut("the phone did not answer in time", step="ask the phone", peer=self._address.name)
        try:
            self._socket.settimeout(left)
            data = self._socket.recv(65_536)
        except TimeoutError:
            raise TimedOut("the phone did not answer in time", step="ask the phone", peer=self._address.name) from None
        except OSError as error:
            raise NetworkError("the phone has hung up", step="ask the phone", peer=self._address.name) from error
        if not data:
            raise NetworkError("the phone has hung up", step="ask the phone", peer=self._address.name)
        for frame in self._reader.feed(data):
            if frame.number == REPLY + Number.EVENT:
                self._events.append(from_json(frame.payload))
            elif frame.number < REPLY:
                raise ParseError("the phone sent what is no reply", step="ask the phone", peer=self._address.name)
            else:
                self._replies.append(frame)

    # -- events -----------------------------------------------------------------------------------------------------

    def subscribe(self, events: Sequence[str] | None = None) -> Subscription:
        """Have events sent, all or those named; after a reconnection those that were missed come first."""
        self._wanted = None if events is None else list(events)
        arguments: dict[str, Any] = {} if self._wanted is None else {"events": self._wanted}
        if self._last is not None:
            known = self._events[-1]["sequence"] if self._events else self._last.sequence
            arguments |= {"after": known, "epoch": self._last.epoch}
        result = self.request("subscribe", **arguments)
        begun = Subscription(result["sequence"], result["epoch"], result.get("snapshot"))
        if not result["resumed"] or self._last is None:
            self._last = begun
        return begun

    def next_event(self, timeout: float | None = None) -> dict[str, Any]:
        """Return the next event, a dictionary with ``sequence`` and ``event``, waiting for it. Raises TimedOut."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            self._receive(deadline)
        event = self._events.popleft()
        if self._last is not None:
            self._last = Subscription(event["sequence"], self._last.epoch, None)
        return event

    def events(self, patience: float = 0.0) -> Iterator[dict[str, Any]]:
        """Walk events; when the phone hangs up look for it again for ``patience`` seconds and go on without a gap.

        Where a gap can not be helped, as after a restart of the phone, an event "snapshot" tells the state. Ends when
        the phone stays away.
        """
        while True:
            try:
                yield self.next_event()
            except NetworkError:
                snapshot = self._reconnect(patience)
                if snapshot is None:
                    return
                yield from snapshot

    def _reconnect(self, patience: float) -> list[dict[str, Any]] | None:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.close()
            try:
                self._connect()
                begun = self.subscribe(self._wanted)
            except (NotInitialized, NetworkError, TimedOut, FileError):
                time.sleep(_RETRY)
                continue
            if begun.snapshot is None:
                return []
            return [{"sequence": begun.sequence, "event": "snapshot", "snapshot": begun.snapshot}]
        return None
