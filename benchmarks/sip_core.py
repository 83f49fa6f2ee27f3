"""CPU time of the SIP core for one complete call as UAS, without sockets: INVITE, 180, 200, ACK, BYE, 200.

Run: python benchmarks/sip_core.py [--calls N] [--no-ringing] [--profile]. Prints a table and one line of JSON.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import time
import tracemalloc

from microsip_core.ids import IdSource
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import CallIncoming
from microsip_core.sip.hop import Source
from microsip_core.sip.identity import Identity

SDP = (
    b"v=0\r\no=user1 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
SOURCE = Source("UDP", "127.0.0.1", 5061, ("127.0.0.1", 5060))
SPACING = 1 / 2500


def make_messages(number: int) -> tuple[bytes, bytes, bytes]:
    """Return INVITE, ACK and BYE of a call as sipp's uac sends them; the To tag of the last two is to be filled in."""
    head = (
        "{method} sip:service@127.0.0.1:5060 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-{n}-{branch}\r\n"
        "From: sipp <sip:sipp@127.0.0.1:5061>;tag={n}SIPpTag00{n}\r\n"
        "To: service <sip:service@127.0.0.1:5060>{tag}\r\n"
        "Call-ID: {n}-1234@127.0.0.1\r\nCSeq: {cseq} {method}\r\n"
        "Contact: sip:sipp@127.0.0.1:5061\r\nMax-Forwards: 70\r\nSubject: Performance Test\r\n"
    )

    def make(method: str, branch: int, cseq: int, tag: str, rest: bytes) -> bytes:
        return head.format(method=method, n=number, branch=branch, cseq=cseq, tag=tag).encode() + rest

    invite = make("INVITE", 0, 1, "", b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(SDP) + SDP)
    ack = make("ACK", 5, 1, ";tag=%TAG%", b"Content-Length: 0\r\n\r\n")
    bye = make("BYE", 7, 2, ";tag=%TAG%", b"Content-Length: 0\r\n\r\n")
    return invite, ack, bye


def take_call(endpoint: Endpoint, messages: tuple[bytes, bytes, bytes], now: float, ringing: bool) -> None:
    """Have the endpoint take one call, events and packets as a driver would."""
    invite, ack, bye = messages
    endpoint.receive(invite, SOURCE, now)
    event = endpoint.next_event()
    assert isinstance(event, CallIncoming)
    session = event.session
    if ringing:
        session.progress(180, now)
    session.accept(SDP, now)
    endpoint.data_to_send()
    assert session.dialog is not None
    tag = session.dialog.local_tag.encode()
    for data in (ack, bye):
        endpoint.receive(data.replace(b"%TAG%", tag), SOURCE, now)
        while endpoint.next_event() is not None:
            pass
        endpoint.data_to_send()
    when = endpoint.next_timeout()
    if when is not None and when <= now:
        endpoint.handle_timeout(now)


def run(calls: int, ringing: bool) -> dict[str, float]:
    """Take calls at a virtual 2,500 a second, the transactions of the last 32 s being kept as they have to be."""
    endpoint = Endpoint(
        EndpointConfig(local_address=lambda hop: ("127.0.0.1", 5060)), IdSource(1), Identity("sip:service@127.0.0.1")
    )
    messages = [make_messages(number) for number in range(calls)]
    gc.collect()
    gc.freeze()
    started = time.process_time()
    for number, call in enumerate(messages):
        take_call(endpoint, call, number * SPACING, ringing)
    spent = time.process_time() - started
    assert not endpoint.live_sessions
    return {"calls": calls, "ms_per_call": 1000 * spent / calls, "server_transactions": endpoint.layer.server_count}


def memory(calls: int) -> float:
    """Return the octets that a call leaves behind while its transactions absorb retransmissions."""
    endpoint = Endpoint(EndpointConfig(local_address=lambda hop: ("127.0.0.1", 5060)), IdSource(1))
    messages = [make_messages(number) for number in range(calls)]
    tracemalloc.start()
    for call in messages:
        take_call(endpoint, call, 0.0, True)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / calls


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--no-ringing", action="store_true", help="answer without 180")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(run, options.calls, not options.no_ringing)
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)
        return
    result = run(options.calls, not options.no_ringing)
    result["octets_left_per_call"] = memory(2000)
    for name, value in result.items():
        print(f"{name:22} {value:10.4g}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
