"""Every message of RFC 4475, RFC 5118 and the NIST torture set is taken or refused as its manifest says."""

from __future__ import annotations

from typing import Any

import pytest

from microsip_core.sip.header_values import NameAddr
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import SipParseError, check_request, check_response, parse_message
from microsip_core.sip.uri import SipUri, decode

from .sip_vectors import manifest, nist_cases, nist_message, torture_message

CASES = [(folder, case) for folder in ("rfc4475", "rfc5118") for case in manifest(folder)]
# Statuses that the parser and the check behind it are there to give; the other answers are the endpoint's.
OURS = {400, 414, 416, 505, 513}


def judge(data: bytes) -> tuple[Request | Response | None, int]:
    """Return the message and the status with which it is refused, 0 when it is not."""
    try:
        message = parse_message(data)
    except SipParseError as error:
        return None, error.status
    if isinstance(message, Response):
        return message, 400 if check_response(message) else 0
    refused = check_request(message)
    return message, refused[0] if refused else 0


def load(name: str) -> Request:
    folder = "rfc5118" if name in {case["name"] for case in manifest("rfc5118")} else "rfc4475"
    file = next(case["file"] for case in manifest(folder) if case["name"] == name)
    message = parse_message(torture_message(folder, file))
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(("folder", "case"), CASES, ids=[case["name"] for _, case in CASES])
def test_verdict_of_the_manifest(folder: str, case: dict[str, Any]) -> None:
    message, status = judge(torture_message(folder, case["file"]))
    codes = set(case["ua"].get("codes", ()))
    tolerated = codes | set(case["ua"].get("also_ok", ()))
    if case["parse"] == "reject":
        assert status in codes
    if case["parse"] == "accept":
        assert message is not None
    if status:
        assert status in tolerated
    elif codes and codes <= OURS and case["parse"] != "either":
        pytest.fail(f"to be refused with {codes}")


@pytest.mark.parametrize(("folder", "case"), CASES, ids=[case["name"] for _, case in CASES])
def test_accepted_messages_survive_the_wire(folder: str, case: dict[str, Any]) -> None:
    message, _ = judge(torture_message(folder, case["file"]))
    if message is None:
        assert case["parse"] != "accept"
        return
    again = parse_message(message.to_bytes())
    assert again.to_bytes() == message.to_bytes()
    names = [name for name in message.names() if name != "Content-Length"]
    assert [name for name in again.names() if name != "Content-Length"] == names
    assert all(again.get_all(name) == message.get_all(name) for name in names)
    assert again.body == message.body


def test_either_verdicts_we_chose() -> None:
    """Where RFC 4475 lets a liberal element accept, we refuse all but the Contact that only a registrar reads."""
    chosen = {
        case["name"]: judge(torture_message("rfc4475", case["file"]))[1]
        for case in manifest("rfc4475")
        if case["parse"] == "either"
    }
    assert chosen == {
        "quotbal": 400,
        "ltgtruri": 400,
        "lwsstart": 400,
        "escruri": 400,
        "mismatch01": 400,
        "mcl01": 400,
        "regbadct": 0,
    }
    with pytest.raises(SipParseError):
        load("regbadct").contacts  # noqa: B018


def test_wsinv() -> None:
    request = load("wsinv")
    assert (request.max_forwards, request.cseq) == (68, (9, "INVITE"))
    assert [via.transport for via in request.vias] == ["UDP", "TCP", "UDP"]
    assert (request.via.host, request.via.branch) == ("192.0.2.2", "390skdjuw")
    assert request.vias[2].branch == "z9hG4bK30239"
    assert request.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert request.get("Subject") == ""
    assert request.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert request.contact is not None
    assert request.contact.display_name == 'Quoted string ""'
    assert request.contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert (request.from_.display_name, request.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert request.to.tag == "1918181833n"
    assert request.routes[0].sip_uri.is_loose_router
    assert len(request.body) == 150
    assert request.request_uri.params == {"unknownparam": None}


def test_escapes() -> None:
    request = load("esc01")
    assert request.request_uri.user_text == "sips:user@example.com"
    assert request.to.sip_uri.user == "user"
    assert request.from_.sip_uri.user_text == "I have spaces"
    assert request.contact is not None
    assert request.contact.sip_uri.params == {"lr": None, "name": "value%2541"}
    assert decode("value%2541") == "value%41"
    nulls = load("escnull")
    assert nulls.to.sip_uri.user_text == "null-\0-null"
    assert [contact.sip_uri.user_text for contact in nulls.contacts] == ["\0", "\0\0"]


def test_addresses() -> None:
    request = load("lwsdisp")
    assert tuple(request.from_) == ("caller", "sip:caller@example.com", {"tag": "323"})
    contact = load("cparam01").contact
    assert contact is not None
    assert contact.params == {"unknownparam": None}
    assert contact.sip_uri.params == {}
    uri = load("semiuri").request_uri
    assert (uri.user_text, uri.params) == ("user;par=u@example.net", {})


def test_framing() -> None:
    register = load("dblreq")
    assert (register.method, register.cseq, register.body) == ("REGISTER", (8, "REGISTER"), b"")
    assert register.to_bytes().count(b"SIP/2.0\r\n") == 1
    old = load("inv2543")
    assert old.body.startswith(b"v=0")
    assert (old.via.branch, old.from_.tag, old.max_forwards) == (None, None, None)


def test_unusual_reason_phrase() -> None:
    data = torture_message("rfc4475", "unreason.dat")
    response = parse_message(data)
    assert isinstance(response, Response)
    assert response.status == 200
    assert response.reason.startswith("= 2**3 * 5**2 но сто девяносто девять")
    assert response.to_bytes() == data


def test_extensions_and_types_are_there_to_be_judged() -> None:
    request = load("bext01")
    assert request.get_all("Require") == ["nothingSupportsThis", "nothingSupportsThisEither"]
    assert request.get_all("Proxy-Require") == ["noProxiesSupportThis", "norDoAnyProxiesSupportThis"]
    assert load("invut").media_type == "application/unknownformat"
    assert load("zeromf").max_forwards == 0
    assert load("semiuri").get_all("Accept")[-1] == "message/sipfrag"


def test_ipv6() -> None:
    assert load("ipv6-good").request_uri.host == "2001:db8::10"
    ambiguous = load("port-ambiguous").request_uri
    assert (ambiguous.host, ambiguous.port) == ("2001:db8::10:5070", None)
    assert load("via-received-param-with-delim").via.received == "2001:db8::9:255"
    third = load("mult-ip-in-header").vias[2]
    assert (third.host, third.received) == ("2001:db8::9:255", "192.0.2.200")


@pytest.mark.parametrize("case", nist_cases("message"), ids=lambda case: str(case["index"]))
def test_nist_message(case: dict[str, Any]) -> None:
    message, status = judge(nist_message(case))
    if case["expect"] == "reject":
        assert status in (400, 416)
        return
    assert message is not None
    # An unknown URI scheme, or a response that lacks mandatory headers, is not a matter of syntax.
    assert status in (0, 416) or isinstance(message, Response)
    for name in ("Via", "Contact", "Route", "Record-Route"):
        message.get_all(name)
    _ = message.vias, message.contacts, message.record_routes, message.routes, message.expires, message.max_forwards
    again = parse_message(message.to_bytes())
    assert again.to_bytes() == message.to_bytes()
    assert all(again.get_all(name) == message.get_all(name) for name in message.names())


def test_all_nist_messages_but_three_pass_the_checks_too() -> None:
    refused = {
        case["index"] for case in nist_cases("message") if case["expect"] == "accept" and judge(nist_message(case))[1]
    }
    assert refused == {18, 20, 24}


@pytest.mark.parametrize("case", nist_cases("sip-header"), ids=lambda case: str(case["index"]))
def test_nist_header(case: dict[str, Any]) -> None:
    text = case["text"].replace("\n", "\r\n")
    message = parse_message(f"OPTIONS sip:h SIP/2.0\r\n{text}\r\n\r\n".encode())
    name = message.names()[0]
    values = message.get_all(name)
    assert values == parse_message(message.to_bytes()).get_all(name)
    assert bool(values) == bool(case["text"].partition(":")[2].strip())
    if name in ("From", "To", "Contact"):
        addresses = message.contacts if name == "Contact" else [NameAddr.parse(values[0])]
        for address in addresses:
            if address.uri.startswith("sip:"):
                assert SipUri.parse(address.uri).host
