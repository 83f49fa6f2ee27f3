"""How many SIP messages a second one core parses, peers beside us in the same run.

    python -m benchmarks.parse [--rounds 5] [--seconds 0.2] [--identical] [--only NAME]... [--json FILE]

An INVITE of 956 octets with SDP and a 200 OK of 316. The messages parsed differ in branch, tag, Call-ID and SDP origin,
as on a trunk, so that a parser that remembers values finds only those again that real traffic repeats; ``--identical``
parses one message over and over, as other published figures do. Rounds go through all contestants in turn; the table
has the median by CPU time. Lazy parsers are also timed with the fields read that a user agent needs: Via branch, From
and To tags, CSeq, Contact. "answered" is those fields, and the SDP offer of the INVITE parsed and answered (by peers:
parsed). Peers that are not installed are named as missing. "bare split" does nothing but cut lines at colons, a floor
for Python: we can be below it because we cut the lines only when a header is asked for, which "fields" includes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any, NamedTuple

Work = Callable[[Any], object]
POOL = 1000
COLUMNS = ("INVITE", "INVITE fields", "INVITE answered", "200", "200 fields")
BARS = {
    "must": {"INVITE": 110_000, "INVITE answered": 45_000, "200": 200_000},
    "aim": {"INVITE": 250_000, "INVITE answered": 120_000, "200": 400_000},
}

SDP = """v=0
o=alice {number:010d} {number:010d} IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 49170 RTP/AVP 0 8 9 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:9 G722/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
"""
INVITE = """INVITE sip:bob@127.0.0.1:5060;transport=udp SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK{number:09d};rport
Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bKnashds8;received=127.0.0.1
Record-Route: <sip:127.0.0.1:5080;lr>
Max-Forwards: 69
From: "Alice Smith" <sip:alice@127.0.0.1>;tag={number:010d}
To: "Bob" <sip:bob@127.0.0.1>
Call-ID: {number:014d}@127.0.0.1
CSeq: 314159 INVITE
Contact: <sip:alice@127.0.0.1:5062;transport=udp>
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, INFO, UPDATE, MESSAGE, PRACK
Supported: replaces, timer, 100rel
Session-Expires: 1800;refresher=uac
Min-SE: 90
User-Agent: softphone/1.0
Content-Type: application/sdp
Content-Length: {length}

{body}"""
OK = """SIP/2.0 200 OK
Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK{number:09d};rport=5080
From: "Alice Smith" <sip:alice@127.0.0.1>;tag={number:010d}
To: "Bob" <sip:bob@127.0.0.1>;tag=314159
Call-ID: {number:014d}@127.0.0.1
CSeq: 314160 BYE
Contact: <sip:bob@127.0.0.1:5060>
Server: softphone/1.0
Content-Length: 0

"""


def messages(template: str, count: int) -> list[bytes]:
    """Return ``count`` messages that differ in their identifiers, all of one size."""
    made = []
    for number in range(1, count + 1):
        body = SDP.format(number=number).replace("\n", "\r\n")
        head = template.replace("{body}", "").format(number=number, length=len(body)).replace("\n", "\r\n")
        made.append((head + body if "{body}" in template else head).encode())
    return made


class Contestant(NamedTuple):
    """A parser: its name with version, what it does for each column, and whether it takes octets rather than text."""

    name: str
    work: dict[str, Work]
    octets: bool = True


def ours() -> Contestant:
    """Return the parser of this package."""
    from microsip_core.sdp import STATIC_FORMATS, AudioCapabilities, AudioNegotiation, RtpFormat
    from microsip_core.sip.message import Message
    from microsip_core.sip.parser import parse_message

    capabilities = AudioCapabilities([STATIC_FORMATS[0], STATIC_FORMATS[8], RtpFormat(101, "telephone-event", 8000)])

    def read(message: Message) -> object:
        contact = message.contact
        return message.via.branch, message.from_.tag, message.to.tag, message.cseq.number, contact and contact.uri

    def fields(data: bytes) -> object:
        return read(parse_message(data))

    def answered(data: bytes) -> object:
        message = parse_message(data)
        return read(message), AudioNegotiation(capabilities, "127.0.0.1", 4000, session_id=1).accept_offer(message.body)

    return Contestant("microsip-core", columns(parse_message, fields, answered))


def columns(parse: Work, fields: Work | None = None, answered: Work | None = None) -> dict[str, Work]:
    """Assign what a parser can do to the columns of the table."""
    work = {"INVITE": parse, "200": parse}
    if fields is not None:
        work |= {"INVITE fields": fields, "200 fields": fields}
    if answered is not None:
        work["INVITE answered"] = answered
    return work


def bare_split() -> Contestant:
    """Return the floor: lines cut at colons and names lowered, nothing structured and nothing checked."""

    def parse(data: bytes) -> object:
        head, _, body = data.decode().partition("\r\n\r\n")
        lines = head.split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        return lines[0], headers, body

    return Contestant("bare split (floor)", columns(parse))


def sipmessage() -> Contestant:
    """Return the lazy parser of spacinov/sipmessage."""
    from sipmessage import Message

    def fields(data: bytes) -> object:
        message = Message.parse(data)
        addresses = message.from_address, message.to_address, message.contact
        return message.via, addresses, message.cseq

    return Contestant(f"sipmessage {metadata.version('sipmessage')}", columns(Message.parse, fields))


def pyvoip() -> Contestant:
    """Return pyVoIP's parser, which reads all fields and the SDP at once."""
    import pyVoIP.VoIP  # noqa: F401  the order of these imports matters: they are circular
    from pyVoIP.SIP import SIPMessage

    return Contestant(f"pyVoIP {metadata.version('pyVoIP')}", columns(SIPMessage, SIPMessage))


def aiosipua() -> Contestant:
    """Return aiosipua's parser; SDP is parsed, not answered."""
    from aiosipua import SipMessage, parse_sdp

    def fields(data: bytes) -> object:
        message = SipMessage.parse(data)
        addresses = message.from_addr.tag, message.to_addr.tag, message.contact
        return message.via[0].branch, addresses, message.cseq.method

    def with_sdp(data: bytes) -> object:
        return fields(data), parse_sdp(data.partition(b"\r\n\r\n")[2].decode())

    return Contestant(f"aiosipua {metadata.version('aiosipua')}", columns(SipMessage.parse, fields, with_sdp))


def sippy() -> Contestant:
    """Return sippy's parser, which takes text; SDP is parsed, not answered."""
    from sippy.SipRequest import SipRequest
    from sippy.SipResponse import SipResponse

    def parse(text: str) -> Any:
        return SipResponse(text) if text.startswith("SIP/2.0") else SipRequest(text)

    def fields(text: str) -> Any:
        message = parse(text)
        tags = message.getHFBody("from").getTag(), message.getHFBody("to").getTag()
        return message, tags, message.getHFBody("via").getBranch(), message.getHFBody("cseq").getCSeq()

    def with_sdp(text: str) -> object:
        return fields(text)[0].getBody().parse()

    return Contestant(f"sippy {metadata.version('sippy')}", columns(parse, fields, with_sdp), octets=False)


PEERS: dict[str, Callable[[], Contestant]] = {
    "split": bare_split,
    "sipmessage": sipmessage,
    "pyVoIP": pyvoip,
    "aiosipua": aiosipua,
    "sippy": sippy,
}


def whole_path() -> dict[str, Work]:
    """Return what our side of a call does with messages besides parsing them."""
    from microsip_core.sip.builder import response_to
    from microsip_core.sip.message import Request
    from microsip_core.sip.parser import check_request, parse_message

    answer = SDP.format(number=1).replace("\n", "\r\n").encode()

    def checked(data: bytes) -> Request:
        request = parse_message(data)
        assert isinstance(request, Request)
        assert check_request(request) is None
        return request

    def ringing(data: bytes) -> bytes:
        return response_to(checked(data), 180, to_tag="314159").to_bytes()

    def answered(data: bytes) -> bytes:
        response = response_to(
            checked(data),
            200,
            to_tag="314159",
            contact="<sip:bob@127.0.0.1>",
            body=answer,
            content_type="application/sdp",
        )
        return response.to_bytes()

    return {
        "INVITE parsed and checked": checked,
        "INVITE parsed, checked, 180 built": ringing,
        "INVITE parsed, checked, 200 with SDP built": answered,
    }


def rate(work: Work, pool: list[Any], seconds: float) -> float:
    """Return how often a second ``work`` is done with the messages of the pool, by CPU time."""
    done = 0
    start = time.process_time()
    end = start + seconds
    while (now := time.process_time()) < end or not done:
        for data in pool:
            work(data)
        done += len(pool)
    return done / (now - start)


def measure(contestants: list[Contestant], arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return the median rate of every contestant for every column."""
    count = 1 if arguments.identical else POOL
    pools: dict[str, list[bytes]] = {"INVITE": messages(INVITE, count), "200": messages(OK, count)}
    repeat = POOL // count
    results: dict[str, dict[str, list[float]]] = {c.name: {column: [] for column in c.work} for c in contestants}
    for _ in range(arguments.rounds):
        for contestant in contestants:
            for column, work in contestant.work.items():
                pool: list[Any] = pools[column.split()[0]] * repeat
                if not contestant.octets:
                    pool = [data.decode() for data in pool]
                results[contestant.name][column].append(rate(work, pool, arguments.seconds))
    return {name: {column: statistics.median(rates) for column, rates in row.items()} for name, row in results.items()}


def find_peers(only: list[str]) -> tuple[list[Contestant], list[str]]:
    """Return the contestants that are installed, ours first, and the names of those that are not."""
    found = [ours()]
    missing = []
    for name, make in PEERS.items():
        if only and name not in only:
            continue
        try:
            with contextlib.redirect_stdout(sys.stderr):
                found.append(make())
        except ImportError as error:
            missing.append(f"{name} ({error})")
    return found, missing


def print_table(results: dict[str, dict[str, float]], header: Iterable[str], bars: dict[str, dict[str, int]]) -> None:
    """Print one row for each contestant and each bar."""
    print(f"{'messages a second, one core':28}" + "".join(f"{column:>17}" for column in header))
    for name, row in (results | bars).items():  # type: ignore[operator]
        print(f"{name:28}" + "".join(f"{row[c]:>17,.0f}" if c in row else f"{'-':>17}" for c in header))


def main() -> int:
    """Run the benchmark; return the exit status, 1 when a bar marked as must is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="for each figure in each round")
    parser.add_argument("--identical", action="store_true", help="parse one message over and over")
    parser.add_argument("--only", action="append", default=[], choices=PEERS, help="name a peer; may be repeated")
    parser.add_argument(
        "--json", metavar="FILE", help="write the figures there, - for standard output instead of the table"
    )
    arguments = parser.parse_args()
    contestants, missing = find_peers(arguments.only)
    results = measure(contestants, arguments)
    path = measure([Contestant("path", whole_path())], arguments)["path"]
    report = {
        "unit": "messages a second of CPU time on one core, median of rounds",
        "messages": "identical"
        if arguments.identical
        else f"{POOL} that differ in branch, tag, Call-ID and SDP origin",
        "octets": {"INVITE": len(messages(INVITE, 1)[0]), "200": len(messages(OK, 1)[0])},
        "python": platform.python_version(),
        "results": results,
        "whole path": path,
        "missing": missing,
        "bars": BARS,
    }
    if arguments.json == "-":
        print(json.dumps(report, indent=2))
    else:
        print_table(results, COLUMNS, BARS)
        for name, figure in path.items():
            print(f"ours, {name}: {figure:,.0f} a second, {1e6 / figure:.1f} us")
        print("Peers not installed: " + ("; ".join(missing) or "none"))
    if arguments.json and arguments.json != "-":
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
    mine = results["microsip-core"]
    return 0 if all(mine[column] >= bar for column, bar in BARS["must"].items()) else 1


if __name__ == "__main__":
    sys.exit(main())
