"""What is fuzzed: each target takes any octets and may raise nothing; ``SEEDS`` are where its search begins."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from microsip_core.ids import IdSource
from microsip_core.sdp import SdpError, SessionDescription
from microsip_core.sip.admission import AdmissionSettings
from microsip_core.sip.digest import choose_challenges, parse_challenge, parse_credentials
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import CallIncoming, CallOfferReceived, RequestReceived
from microsip_core.sip.hop import Source
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.parser import check_request, check_response, parse_message
from microsip_core.sip.stream_framing import StreamFramer
from microsip_core.sip.uri import SipUri
from microsip_core.transport import stun

VECTORS = Path(__file__).parents[1] / "vectors"
_SOURCE = Source("UDP", "192.0.2.7", 5060, ("10.0.0.2", 5060))
_SDP = b"v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
_ATTRIBUTES = ("via", "vias", "from_", "to", "cseq", "call_id", "contact", "contacts", "routes", "max_forwards")


def message(data: bytes) -> None:
    """One datagram: what is taken can be written, and read again with the same body."""
    try:
        found = parse_message(data)
    except SipParseError:
        return
    for attribute in _ATTRIBUTES:
        with contextlib.suppress(SipParseError):
            getattr(found, attribute)
    _ = check_response(found) if isinstance(found, Response) else check_request(found)
    assert parse_message(found.to_bytes()).body == found.body


def sdp(data: bytes) -> None:
    """One session description."""
    with contextlib.suppress(SdpError):
        SessionDescription.parse(data).to_bytes()


def digest(data: bytes) -> None:
    """The value of a header with challenges or credentials."""
    text = data.decode("utf-8", "surrogateescape")
    choose_challenges([text])
    for parse in (parse_challenge, parse_credentials):
        with contextlib.suppress(SipParseError):
            str(parse(text))


def uri(data: bytes) -> None:
    """A URI: what is taken is the same after having been written."""
    with contextlib.suppress(SipParseError):
        found = SipUri.parse(data.decode("utf-8", "surrogateescape"))
        assert SipUri.parse(str(found)) == found


def stream(data: bytes) -> None:
    """A stream: it is cut alike whether it comes at once or in pieces. The first octet is the size of these.

    Where a description without a length ends, though, is seen only as far as it has come.
    """
    size = data[0] + 1 if data else 1
    whole, pieces = StreamFramer(), StreamFramer()
    frames = whole.feed(data[1:])
    cut = [frame for start in range(1, len(data), size) for frame in pieces.feed(data[start : start + size])]
    if all(_tells_its_end(frame) for frame in (*frames, *cut)):
        assert (cut, pieces.error is None) == (frames, whole.error is None)


def _tells_its_end(frame: bytes) -> bool:
    head = Request("", "", frame.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape"), [])
    return "Content-Length" in head or "Content-Type" not in head


def stun_packet(data: bytes) -> None:
    """One datagram with a STUN header: what it says of our address can be written."""
    found = stun.parse(data)
    if found is not None and found.mapped is not None:
        answer = stun.parse(stun.binding_success(found.transaction, found.mapped))
        assert answer is not None
        assert answer.mapped == found.mapped


def endpoint(data: bytes) -> None:
    """Datagrams, parted by a NUL octet, at a user agent that takes every call; then all its timers. Nothing is left."""
    agent = Endpoint(
        EndpointConfig(
            local_address=lambda hop: ("10.0.0.2", 5060), transfers=True, deliver_others=True,
            admission=AdmissionSettings(),
        ),
        IdSource(1),
    )
    for part in data.split(b"\0")[:8]:
        agent.receive(part, _SOURCE, 0.0)
        _answer(agent)
    agent.close_all(0.0)
    for _ in range(3000):
        when = agent.next_timeout()
        if when is None:
            break
        agent.handle_timeout(when)
        agent.data_to_send()
    assert agent.next_timeout() is None
    assert not agent.dialogs
    assert not agent.live_sessions


def _answer(agent: Endpoint) -> None:
    while (event := agent.next_event()) is not None:
        if isinstance(event, CallIncoming):
            event.session.accept(_SDP, 0.0)
        elif isinstance(event, CallOfferReceived):
            event.session.answer_offer(_SDP, 0.0)
        elif isinstance(event, RequestReceived):
            event.incoming.decline(0.0)
    agent.data_to_send()


def _files(*patterns: str) -> list[bytes]:
    return [path.read_bytes() for pattern in patterns for path in sorted(VECTORS.glob(pattern)) if path.is_file()]


def _messages() -> list[bytes]:
    lines = (VECTORS / "sip-torture/nist-jain/cases.jsonl").read_text().splitlines()
    nist = [json.loads(line)["text"].replace("\n", "\r\n").encode() for line in lines]
    return _files("sip-torture/rfc*/*.dat", "sip-torture/rfc*/*.sip", "fuzz/sipgo-sip/*.bin") + nist


def _stun_packets() -> list[bytes]:
    transaction = bytes(range(12))
    v4, v6 = ("192.0.2.1", 5060), ("2001:db8::1", 5060)
    packets = [stun.binding_request(transaction)] + [stun.binding_success(transaction, one) for one in (v4, v6)]
    error = bytes.fromhex("0009000800000401") + b"nope" + bytes.fromhex("8028000400000000")
    return [*packets, b"\x01\x11\0\x14" + stun.MAGIC_COOKIE + transaction + error]


TARGETS: dict[str, Callable[[bytes], None]] = {
    "message": message, "sdp": sdp, "digest": digest, "uri": uri, "stream": stream, "stun": stun_packet,
    "endpoint": endpoint,
}
SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "message": _messages,
    "sdp": lambda: _files("sdp/**/*.sdp"),
    "digest": lambda: [
        b'Digest realm="a", nonce="1", algorithm=SHA-256-sess, qop="auth,auth-int", opaque="x", stale=TRUE',
        b'Digest username="a", realm="b", nonce="c", uri="sip:d", response="0", qop=auth, nc=00000001, cnonce="e"',
    ],
    "uri": lambda: [b"sips:al%69ce:pw@[2001:db8::1]:5061;transport=tcp;lr?Subject=x&y=z", b"sip:+1;isub=2@h", b"tel:1"],
    "stream": lambda: [b"\x10" + one for one in _messages()] + [b"\0" + b"\r\n\r\n".join(_messages()[:3])],
    "stun": _stun_packets,
    "endpoint": lambda: [*_messages(), b"\0".join(_messages()[:8])],
}
FOUND: dict[str, list[bytes]] = {
    # a long head with a lone CR, which once became a continuation of the length when it was written
    "message": [b"A sip:a SIP/2.0\r\nX: " + b"x" * 2000 + b"\r\nContent-Length: 0\r\n\rY: Z\r\n\r\n"],
}
"""What broke a target once, and shall not again."""
