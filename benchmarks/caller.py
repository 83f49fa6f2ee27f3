"""The least a SIP caller needs, for benchmarks: INVITE, ACK and BYE over UDP, one call after the other."""

from __future__ import annotations

import re
import socket
import time

HOST = "127.0.0.1"
ANSWER_SECONDS = 5.0
RETRANSMIT_SECONDS = 0.5

SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


class Caller:
    """Places calls to one server and remembers them, so that they can be ended."""

    def __init__(self, server_port: int) -> None:
        self._server = (HOST, server_port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(RETRANSMIT_SECONDS)
        self._port = self._socket.getsockname()[1]
        self._calls: list[tuple[int, str, str]] = []

    def call(self, media_port: int) -> int:
        """Place a call whose media is on ``media_port``; return the port of the server's."""
        number = len(self._calls) + 1
        body = SDP.format(host=HOST, port=media_port)
        invite = self._request("INVITE", number, f"sip:bench@{HOST}:{self._server[1]}", "", body)
        answer = self._exchange(invite, number, "INVITE")
        tag = re.search(r"^(?:To|t)\s*:.*;tag=([^\s;>]+)", answer, re.I | re.M)
        contact = re.search(r"^(?:Contact|m)\s*:.*?(sips?:[^\s>;]+)", answer, re.I | re.M)
        media = re.search(r"^m=audio (\d+)", answer, re.M)
        if tag is None or media is None:
            raise RuntimeError("the answer lacks a tag or an audio line")
        target = contact.group(1) if contact else f"sip:{HOST}:{self._server[1]}"
        self._socket.sendto(self._request("ACK", number, target, tag.group(1)), self._server)
        self._calls.append((number, target, tag.group(1)))
        return int(media.group(1))

    def hang_up(self) -> None:
        """End every call; a server that does not answer any more is not waited for."""
        for number, target, tag in self._calls:
            self._socket.sendto(self._request("BYE", number, target, tag), self._server)
        self._socket.close()

    def _request(self, method: str, number: int, uri: str, tag: str, body: str = "") -> bytes:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {HOST}:{self._port};branch=z9hG4bK{method}{number}\r\n"
            f"From: <sip:caller@{HOST}:{self._port}>;tag=c{number}\r\n"
            f"To: <sip:bench@{HOST}:{self._server[1]}>{';tag=' + tag if tag else ''}\r\n"
            f"Call-ID: bench-{self._port}-{number}\r\nCSeq: {2 if method == 'BYE' else 1} {method}\r\n"
            f"Contact: <sip:caller@{HOST}:{self._port}>\r\nMax-Forwards: 70\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _exchange(self, request: bytes, number: int, method: str) -> str:
        deadline = time.monotonic() + ANSWER_SECONDS
        answered = f"Call-ID: bench-{self._port}-{number}"
        self._socket.sendto(request, self._server)
        while time.monotonic() < deadline:
            try:
                text = self._socket.recv(65535).decode("utf-8", "replace")
            except TimeoutError:
                self._socket.sendto(request, self._server)
                continue
            status = re.match(r"SIP/2.0 (\d+)", text)
            if status is None or answered.lower() not in text.lower().replace("call-id :", "call-id:"):
                continue
            if int(status.group(1)) >= 300:
                raise RuntimeError(f"{method} was answered {text.splitlines()[0]}")
            if int(status.group(1)) >= 200:
                return text
        raise RuntimeError(f"{method} was not answered within {ANSWER_SECONDS:.0f} s")
