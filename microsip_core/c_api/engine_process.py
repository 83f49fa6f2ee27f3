"""The engine of a C program: a process that the C library starts, asks by frames over a socket, and that ends with it.

    python -m microsip_core.c_api.engine_process FD

The socket is one end of a pair that only the two processes hold: nobody else can connect. When the program ends,
however it does, the other end closes; then calls are hung up, accounts unregistered, and this process ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from microsip_core.c_api import functions, results
from microsip_core.c_api.messages import SipHeader, SipMessage, built
from microsip_core.c_api.specification import Function, table
from microsip_core.c_api.structures import SipEvent, media_streams_of
from microsip_core.c_api.wire import LARGEST_FRAME, Value, frame, values_of
from microsip_core.errors import ErrorCode, InvalidArgument, MicrosipError, ParseError
from microsip_core.user_agent.log import LOG

_WORKERS = 256  # requests that may wait at the same time: so many threads of the program may be in a function
_LONGEST_READ = 1 << 16


class EngineProcess:
    """Answers requests, each in a thread of its own, and pushes events."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._writing = threading.Lock()
        self._workers = ThreadPoolExecutor(_WORKERS, "request")
        self._special: dict[str, Callable[..., Sequence[Value]]] = {
            "init": self._init, "media_read": _media_read, "media_write": _media_write, "media_stats": _media_stats,
            "parse": _parse, "build": _build,
        }

    def serve(self) -> None:
        """Serve until the program closes its end."""
        try:
            while (body := self._next_frame()) is not None:
                self._workers.submit(self._answer, body)
        except ParseError as error:
            LOG.error("the program sent what is no request: %s", error)
        functions.sip_shutdown()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _next_frame(self) -> bytes | None:
        head = self._exactly(4)
        if head is None:
            return None
        length, = struct.unpack("<I", head)
        if not 4 <= length <= LARGEST_FRAME:
            raise ParseError(f"a frame of {length} octets", step="read a request")
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes | None:
        data = bytearray()
        while len(data) < count:
            try:
                more = self._connection.recv(min(count - len(data), 1 << 16))
            except OSError:
                more = b""
            if not more:
                return None
            data += more
        return bytes(data)

    def _answer(self, body: bytes) -> None:
        number = 0
        try:
            number, values = values_of(body)
            answer = self._do(values)
        except MicrosipError as error:
            answer = [int(error.code), str(error)]
        except Exception as error:  # a fault of ours must not leave the program waiting
            LOG.exception("fault in a request of the program")
            answer = [int(ErrorCode.SIP_ERROR), repr(error)]
        self._send(number, answer)

    def _do(self, values: list[Value]) -> list[Value]:
        if not values or not isinstance(values[0], str):
            raise ParseError("a request without a name", step="read a request")
        name, arguments = values[0], values[1:]
        special = self._special.get(name)
        if special is not None:
            return list(special(*arguments))
        function = table().get(name)
        if function is None:
            raise InvalidArgument(f"the engine has no function {name!r}", remedy="Install library and engine together")
        return _called(function, arguments)

    def _init(self, *settings: Value) -> list[Value]:
        names, given = settings[::2], settings[1::2]
        config = {str(name): _setting(str(name), value) for name, value in zip(names, given, strict=True)
                  if value is not None}
        code = functions.sip_init(config)
        if code == ErrorCode.SIP_OK:
            functions.sip_set_callback(self._push)
        return [int(code), "" if code >= 0 else results.last_text()]

    def _push(self, event: SipEvent) -> None:
        message = "" if event.message is None else built(event.message).decode("utf-8", "replace")
        self._send(0, [event.type, event.time, event.account, event.call, event.status, event.text, event.peer,
                       event.request, message])

    def _send(self, number: int, values: Sequence[Value]) -> None:
        with self._writing, contextlib.suppress(OSError):  # the program has gone: serve() notices
            self._connection.sendall(frame(number, values))


def _setting(name: str, value: Value) -> Any:
    """Return a field of the configuration: lists come as words with commas between them."""
    if name in ("codecs", "listen", "nameservers") and isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    if name == "port_range" and isinstance(value, list):
        return tuple(value)
    return value


def _called(function: Function, arguments: list[Value]) -> list[Value]:
    """Call a function of the C-style API and return its code, the text of its error, and what it returned."""
    if len(arguments) != len(function.parameters):
        raise InvalidArgument(f"{function.name} takes {len(function.parameters)} arguments",
                              remedy="Install library and engine together")
    given = {}
    for parameter, value in zip(function.parameters, arguments, strict=True):
        if value is None and parameter.default is not None:
            continue  # NULL stands for the default
        given[parameter.name] = bool(value) if parameter.kind == "flag" else value
    result = getattr(functions, function.name)(**given)
    if isinstance(result, int):
        return [result, "" if result >= 0 else results.last_text()]
    if isinstance(result, str):
        return [len(result.encode()), "", result]
    if isinstance(result, list):
        return [len(result), "", [_flat(item) for item in result]]
    return [0, "", _flat(result)]


def _flat(value: Any) -> Value:
    if dataclasses.is_dataclass(value):
        return [_flat(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, tuple | list):
        return [_flat(item) for item in value]
    return value  # type: ignore[no-any-return]  # int, float, bool, str: what structures are made of


def _media_read(call: Value, samples: Value) -> list[Value]:
    if not isinstance(call, int) or not isinstance(samples, int) or not 0 <= samples <= _LONGEST_READ:
        raise InvalidArgument(f"{samples!r} samples can not be read")
    buffer = bytearray(2 * samples)
    count = functions.sip_media_read(call, buffer)
    return [count, "" if count >= 0 else results.last_text(), bytes(buffer[:2 * max(count, 0)])]


def _media_write(call: Value, data: Value) -> list[Value]:
    if not isinstance(call, int) or not isinstance(data, bytes):
        raise InvalidArgument("there are no samples to write")
    count = functions.sip_media_write(call, data)
    return [count, "" if count >= 0 else results.last_text()]


def _media_stats(call: Value) -> list[Value]:
    if not isinstance(call, int):
        raise InvalidArgument(f"the call is {call!r}")
    statistics = functions.sip_media_stats(call)
    if isinstance(statistics, int):
        return [statistics, results.last_text()]
    streams = media_streams_of(statistics)
    return [len(streams), "", [_flat(stream) for stream in streams]]


def _parse(text: Value) -> list[Value]:
    """Return a message's fields, its headers as lines of text."""
    message = functions.sip_parse(text)
    if isinstance(message, int):
        return [message, results.last_text()]
    fields = [getattr(message, field.name) for field in dataclasses.fields(message)][:-2]
    lines = "".join(f"{header.name}: {header.value}\r\n" for header in message.headers)
    return [0, "", [*fields, lines, message.body.decode("utf-8", "replace")]]


def _build(is_request: Value, method: Value, uri: Value, status: Value, reason: Value, *rest: Value) -> list[Value]:
    """Return the text of a message; ``rest`` are its headers as lines of text, and its body."""
    lines, body = (str(value or "") for value in rest)
    pairs = (line.partition(":") for line in lines.splitlines() if line.strip())
    message = SipMessage(
        bool(is_request), str(method or ""), str(uri or ""), status if isinstance(status, int) else 0,
        str(reason or ""), headers=tuple(SipHeader(name.strip(), value.strip()) for name, _, value in pairs),
        body=body.encode(),
    )
    text = functions.sip_build(message)
    return [text, results.last_text()] if isinstance(text, int) else [len(text), "", text.decode("utf-8", "replace")]


def main() -> int:
    """Serve the program that has started this process, on the descriptor it names."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the program's to answer: it closes our socket
    connection = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(connection.fileno(), False)
    EngineProcess(connection).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
