"""Our own sipp scenarios: the short forms their files use, spelled out into what sipp reads, and how to run them.

The files in ``scenarios`` are sipp's XML with these short forms:

- ``{request BYE 2}``: request line and headers of a request with that CSeq, by the side that sent the INVITE; sipp
  takes target and route set from the response it received with ``rrs="true"``. ``{retry INVITE 2}``: one that is
  tried again, outside of a dialog. ``{failed ACK 1}``: the ACK of a refusal, which belongs to its INVITE's
  transaction. ``{elsewhere INVITE 1}``: a request of a second dialog.
- ``{backward BYE 1}``: a request by the side that received the INVITE with ``<remember/>``.
- ``{response 200 OK}``: status line and headers of a response to the INVITE just received, ``{reply 200 OK}`` to any
  other request. ``{later 200 OK}``: to the remembered INVITE when other requests have come since, ``{proxied ...}``
  the same behind a proxy, ``{again ...}`` to a remembered one within the dialog, ``{fork ...}`` to the remembered one
  with another tag, as a second callee.
- ``{sdp}`` or ``{sdp sendonly}``: Content-Type, Content-Length and a session description; ``{empty}``: no body.
- ``<expect header="Require" regexp="100rel"/>`` inside ``<action>``: what a header (or ``body``) must match.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from microsip_core import Call, UserAgent, UserAgentConfig

from .peers import HOST, Peer, require, start
from .stream_peers import free_port, wait_for_tcp

FOLDER = Path(__file__).with_name("scenarios")

_CALLEE = ";tag=callee[pid]"
_CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>"
_VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK[pid]x[call_number]x{branch}"
_REQUEST = f"""\
{{method}} {{target}} SIP/2.0
{_VIA}
{{routes}}From: <sip:sipp@[local_ip]:[local_port]>;tag={{from_tag}}[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{{to_tag}}
Call-ID: {{call_id}}
CSeq: {{number}} {{method}}
{_CONTACT}
Max-Forwards: 70"""
_BACKWARD = f"""\
{{method}} [next_url] SIP/2.0
{_VIA}
[routes]
From:[$to]{_CALLEE}
To:[$from]
Call-ID: [call_id]
CSeq: {{number}} {{method}}
{_CONTACT}
Max-Forwards: 70"""
_RESPONSE = f"""\
SIP/2.0 {{status}}
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:]{{tag}}
[last_Call-ID:]
[last_CSeq:]
{_CONTACT}"""
_LATER = f"""\
SIP/2.0 {{status}}
Via:[$via]{{second_via}}
From:[$from]
To:[$to]{{tag}}
Call-ID: [call_id]
CSeq:[$cseq]
{_CONTACT}"""
_LATER_TAGS = {"later": _CALLEE, "again": "", "fork": ";tag=fork", "proxied": _CALLEE}
_SDP = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP[media_ip_type] [media_ip]
s=-
c=IN IP[media_ip_type] {address}
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a={direction}"""
_REMEMBERED = {"from": "From", "to": "To", "via": "Via", "cseq": "CSeq"}


def _request(found: re.Match[str]) -> str:
    kind, method, number = found.groups()
    begins = (number == "1" and method not in ("ACK", "PRACK")) or method == "CANCEL"
    begins = begins or kind in ("failed", "retry")
    own = method in ("INVITE", "CANCEL") or kind == "failed"
    branch = f"{number}{kind[0] if kind in ('backward', 'elsewhere') else ''}{'invite' if own else method}"
    if kind == "backward":
        return _BACKWARD.format(method=method, number=number, branch=branch)
    other = kind == "elsewhere"
    to_tag = "" if begins and kind != "failed" else ";tag=[$theirs]" if other else "[peer_tag_param]"
    return _REQUEST.format(
        method=method, number=number, branch=branch, to_tag=to_tag,
        target="sip:[service]@[remote_ip]:[remote_port]" if begins or other else "[next_url]",
        routes="" if begins or other else "[routes]\n",
        from_tag="other" if other else "caller", call_id="second///[call_id]" if other else "[call_id]",
    )


def _response(found: re.Match[str]) -> str:
    kind, status = found.groups()
    if kind in _LATER_TAGS:
        second = "\nVia:[$via2]" if kind == "proxied" else ""
        return _LATER.format(status=status, tag=_LATER_TAGS[kind], second_via=second)
    return _RESPONSE.format(status=status, tag=_CALLEE if kind == "response" else "")


def _description(found: re.Match[str]) -> str:
    direction = (found[1] or "sendrecv").strip()
    if direction == "0.0.0.0":  # the hold of RFC 2543
        return _SDP.format(address=direction, direction="sendrecv")
    return _SDP.format(address="[media_ip]", direction=direction)


def spell_out(text: str) -> str:
    """Return a scenario as sipp reads it."""
    used: list[str] = []

    def expectation(found: re.Match[str]) -> str:
        used.append(f"expected{len(used)}")
        where = 'search_in="body"' if found[1] == "body" else f'search_in="hdr" header="{found[1]}:"'
        return f'<ereg regexp="{found[2]}" {where} check_it="true" assign_to="{used[-1]}"/>'

    remember = "".join(
        f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{name}"/>'
        for name, header in _REMEMBERED.items()
    )
    if "[$via2]" in text or "{proxied" in text:
        remember += '<ereg regexp=".*" search_in="hdr" header="Via:" occurrence="2" assign_to="via2"/>'
    used += _REMEMBERED if "<remember/>" in text else ()
    text = re.sub(r"\{(request|backward|failed|retry|elsewhere) (\w+) (\d+)\}", _request, text)
    text = re.sub(r"\{(response|reply|later|again|fork|proxied) (\d+ [^}]+)\}", _response, text)
    text = re.sub(r"\{sdp( [^}]+)?\}", _description, text)
    text = text.replace("{empty}", "Content-Length: 0\n").replace("<remember/>", remember)
    text = text.replace("{via}", _VIA.format(branch="[msg_index]"))
    text = re.sub(r'<expect header="([^"]+)" regexp="([^"]*)"/>', expectation, text)
    text = re.sub(r'<expect (body)="([^"]*)"/>', expectation, text)
    reference = f'<Reference variables="{",".join(used)}"/>\n</scenario>' if used else "</scenario>"
    return text.replace("</scenario>", reference)


def start_scenario(
    folder: Path, name: str, *, target: str = "", transport: str = "udp", host: str = HOST, service: str = "us",
    keys: dict[str, str] | None = None, arguments: tuple[str, ...] = (),
) -> Peer:
    """Start sipp with ``scenarios/NAME.xml`` for one call: it calls HOST:PORT ``target``, or waits to be called.

    ``keys`` replace ``[NAME]`` in the scenario.
    """
    program = require("sipp", "sip-tester")
    text = (FOLDER / f"{name}.xml").read_text()
    for key, value in (keys or {}).items():
        text = text.replace(f"[{key}]", value)
    text = spell_out(text)
    port = free_port()
    scenario = folder / f"{name}-{port}.xml"
    scenario.write_text(text)
    command = [
        program, "-sf", str(scenario), "-i", host, "-p", str(port), "-mi", host, "-nostdin", "-timeout", "20s",
        "-timeout_error", "-m", "1", "-s", service, "-t", "t1" if transport == "tcp" else "u1", "-trace_err",
        "-error_file", str(folder / f"{name}-{port}.errors"), "-recv_timeout", "8000", *arguments,
        *([target] if target else []),
    ]
    waits = not target and transport == "udp"
    peer = start("sipp", command, port, folder / f"{name}-{port}.log", folder, wait_for_port=waits, host=host)
    peer.extra["errors"] = command[command.index("-error_file") + 1]
    return wait_for_tcp(peer, port) if transport == "tcp" and not target else peer


async def passed(peer: Peer, timeout: float = 25.0) -> None:
    """Wait until the scenario is over and require that it went as written."""
    status = await asyncio.to_thread(peer.wait, timeout)
    if status != 0:
        pytest.fail(f"sipp ended with {status}:\n{complaints(peer)[-3000:]}\n{peer.output()[-2500:]}")


def complaints(peer: Peer) -> str:
    """Return what sipp found not to be as its scenario says."""
    errors = Path(peer.extra["errors"])
    return errors.read_text(errors="replace") if errors.exists() else ""


@dataclass(frozen=True)
class Case:
    """One run: the scenario, what we do meanwhile, and where that differs from the common run."""

    scenario: str
    ours: Callable[[UserAgent, str], Awaitable[None]]
    """What our side does; the second argument is sipp's URI where it is we who call."""
    keys: dict[str, str] = field(default_factory=dict)
    transport: str = "udp"
    host: str = HOST
    target: str = ""
    """Scenario of a second sipp that is called in the course; its address is the key ``other``."""

    def __str__(self) -> str:
        words = [self.scenario, *self.keys.values(), self.transport if self.transport != "udp" else "",
                 "ipv6" if self.host != HOST else ""]
        return "-".join(word.replace(" ", "_") for word in words if word)

    def agent(self) -> UserAgent:
        """Return a user agent for it, not started."""
        listen = f"{self.transport}:{bracketed(self.host)}:0"
        return UserAgent(UserAgentConfig(listen=listen, accept_transfers=True))

    def others(self, folder: Path, started: Callable[[Peer], Peer]) -> tuple[dict[str, str], list[Peer]]:
        """Start the second sipp, if there is one; return all keys, and that sipp."""
        if not self.target:
            return self.keys, []
        peer = started(start_scenario(folder, self.target))
        return {**self.keys, "other": f"{HOST}:{peer.port}"}, [peer]


def bracketed(host: str) -> str:
    """Return a host as it stands before a port."""
    return f"[{host}]" if ":" in host else host


async def over(call: Call, by: str = "remote") -> None:
    """Wait until a call has ended, and require that it was this side that ended it."""
    await call.wait_ended(8)
    assert call.ended_by == by, call.error
