"""What a peer says of addresses, routes and times is believed only as far as it can do no harm."""

from __future__ import annotations

import pytest

from microsip_core.sip.dialog.dialog import route_request, route_value
from microsip_core.sip.header_values import Via
from microsip_core.sip.hop import Source, response_hop
from microsip_core.sip.message import Response
from microsip_core.sip.parser import parse_message
from microsip_core.sip.registrar_answer import SHORTEST, granted_seconds

SOURCE = Source("UDP", "10.0.0.9", 4711, ("10.0.0.1", 5060))
CONTACT = "<sip:us@10.0.0.1:5060>"


@pytest.mark.parametrize(
    ("maddr", "host"),
    [
        ("224.2.0.1", "224.2.0.1"), ("239.255.255.250", "239.255.255.250"), ("ff02::1", "ff02::1"),
        ("192.0.2.1", "10.0.0.9"), ("victim.example", "10.0.0.9"), ("224.victim.example", "10.0.0.9"), ("", "10.0.0.9"),
    ],
)
def test_responses_go_by_maddr_to_groups_only(maddr: str, host: str) -> None:
    """A Via that names a third party would make us send it eleven copies of every 200."""
    via = Via.parse(f"SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKa;maddr={maddr}")
    assert response_hop(via, SOURCE).host == host


@pytest.mark.parametrize(
    ("granted", "seconds"),
    [("60", 60), ("0", SHORTEST), ("1", SHORTEST), ("300", 300), ("4294967295", 300), ("junk", 300)],
)
@pytest.mark.parametrize("place", ["Contact", "Expires"])
def test_a_registration_is_neither_hectic_nor_everlasting(place: str, granted: str, seconds: int) -> None:
    ours = f"{CONTACT};expires={granted}" if place == "Contact" else CONTACT
    extra = f"Expires: {granted}\r\n" if place == "Expires" else ""
    response = parse_message((
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa\r\nFrom: <sip:us@a>;tag=1\r\n"
        f"To: <sip:us@a>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nContact: {ours}\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode())
    assert isinstance(response, Response)
    assert granted_seconds(response, CONTACT, 300) == seconds


def test_a_short_registration_of_our_own_wish_is_kept() -> None:
    response = parse_message(
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa\r\nFrom: <sip:us@a>;tag=1\r\n"
        b"To: <sip:us@a>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nExpires: 2\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(response, Response)
    assert granted_seconds(response, CONTACT, 3) == 3


@pytest.mark.parametrize(
    ("route", "request_uri", "hop"),
    [
        ("<sip:p.example;lr>", "sip:bob@b", "sip:p.example;lr"),
        ("<sip:p.example;LR=on>", "sip:bob@b", "sip:p.example;LR=on"),
        ("<sip:p.example>", "sip:p.example", "sip:p.example"),
        ("<sip:a;lr@p.example>", "sip:a;lr@p.example", "sip:a;lr@p.example"),
        ('"x <sip:evil.example;lr>" <sip:p.example;lr>', "sip:bob@b", "sip:p.example;lr"),
    ],
)
def test_a_route_is_loose_by_its_parameter_alone(route: str, request_uri: str, hop: str) -> None:
    target, _, first = route_request("sip:bob@b", (route,))
    assert (target, first) == (request_uri, hop)


def test_a_proxy_becomes_a_loose_route() -> None:
    assert route_value("sip:a;lr@p.example") == "<sip:a;lr@p.example;lr>"
    assert route_value("<sip:p.example;lr>") == "<sip:p.example;lr>"
