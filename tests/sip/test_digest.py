"""Digest values and the client side: RFC 7616, RFC 8760, and the published vectors."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microsip_core.sip.digest import (
    Challenge,
    Credentials,
    authorization,
    choose_challenge,
    choose_challenges,
    parse_challenge,
    parse_credentials,
    password_hash,
    verify,
)
from microsip_core.sip.digest_values import SUPPORTED, compute_response, hash_text, split_challenges
from microsip_core.sip.parse_error import SipParseError

from .sip_vectors import VECTORS

CASES: list[dict[str, Any]] = json.loads((VECTORS / "digest" / "digest.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_published_vector(case: dict[str, Any]) -> None:
    challenge = Challenge(
        case["realm"], case["nonce"], case["algorithm"], ("auth",) if "qop" in case else (), case.get("opaque")
    )
    value = authorization(
        challenge, case["method"], case["uri"], case["username"], case["password"], nc=1, cnonce=case.get("cnonce", "x")
    )
    credentials = parse_credentials(value)
    assert credentials.response == case.get("response_correct", case["response"])
    assert (credentials.username, credentials.uri, credentials.opaque) == (
        case["username"],
        case["uri"],
        case.get("opaque"),
    )
    assert credentials.nc == case.get("nc")
    assert verify(credentials, case["method"], password=case["password"])
    ha1 = password_hash(case["algorithm"], case["username"], case["realm"], case["password"])
    assert verify(credentials, case["method"], ha1=ha1)
    assert not verify(credentials, case["method"], password=case["password"] + "x")
    assert not verify(credentials, "X" + case["method"], password=case["password"])
    assert not verify(credentials, case["method"])


def test_hashed_user_name() -> None:
    case = next(case for case in CASES if case.get("userhash"))
    challenge = Challenge(case["realm"], case["nonce"], case["algorithm"], ("auth",), userhash=True)
    value = authorization(
        challenge, case["method"], case["uri"], case["username"], case["password"], cnonce=case["cnonce"]
    )
    credentials = parse_credentials(value)
    assert (credentials.username, credentials.userhash) == (case["username_hash_correct"], True)
    assert credentials.response == case["response_correct"]


def test_all_algorithms_are_there() -> None:
    assert {"MD5", "SHA-256", "SHA-512-256"} == SUPPORTED


@pytest.mark.parametrize(("algorithm", "constructor"), [("MD5-sess", hashlib.md5), ("SHA-256-sess", hashlib.sha256)])
def test_sess_form_by_hand(algorithm: str, constructor: Any) -> None:
    def h(text: str) -> str:
        return constructor(text.encode()).hexdigest()

    challenge = Challenge("r", "n", algorithm, ("auth",))
    credentials = parse_credentials(authorization(challenge, "INVITE", "sip:x", "u", "p", nc=2, cnonce="c"))
    ha1 = h(h("u:r:p") + ":n:c")
    assert credentials.response == h(f"{ha1}:n:00000002:c:auth:{h('INVITE:sip:x')}")
    assert verify(credentials, "INVITE", password="p")


def test_sess_form_without_qop_tells_its_cnonce() -> None:
    credentials = parse_credentials(
        authorization(Challenge("r", "n", "MD5-sess"), "BYE", "sip:x", "u", "p", cnonce="c")
    )
    assert (credentials.cnonce, credentials.qop, credentials.nc) == ("c", None, None)
    assert verify(credentials, "BYE", password="p")


def test_auth_int_covers_the_body() -> None:
    challenge = Challenge("r", "n", "SHA-256", ("auth-int",))
    credentials = parse_credentials(authorization(challenge, "INVITE", "sip:x", "u", "p", cnonce="c", body=b"sdp"))
    assert credentials.qop == "auth-int"
    a2 = hashlib.sha256(b"INVITE:sip:x:" + hashlib.sha256(b"sdp").hexdigest().encode()).hexdigest()
    a1 = hashlib.sha256(b"u:r:p").hexdigest()
    assert credentials.response == hashlib.sha256(f"{a1}:n:00000001:c:auth-int:{a2}".encode()).hexdigest()
    assert verify(credentials, "INVITE", password="p", body=b"sdp")
    assert not verify(credentials, "INVITE", password="p", body=b"sdq")


def test_auth_is_preferred_unless_asked_otherwise() -> None:
    both = Challenge("r", "n", "MD5", ("auth-int", "auth"))
    assert parse_credentials(authorization(both, "BYE", "sip:x", "u", "p", cnonce="c")).qop == "auth"
    assert (
        parse_credentials(authorization(both, "BYE", "sip:x", "u", "p", cnonce="c", prefer_integrity=True)).qop
        == "auth-int"
    )


def test_challenge_is_parsed() -> None:
    challenge = parse_challenge(
        'DIGEST realm="MCI \\"World\\" SIP, Inc", domain="sip:ss1.wcom.com",nonce="f84f", opaque="", stale=FALSE,'
        'algorithm=md5,qop="auth,auth-int", x=y'
    )
    assert challenge == Challenge(
        'MCI "World" SIP, Inc', "f84f", "MD5", ("auth", "auth-int"), "", False, "sip:ss1.wcom.com"
    )
    assert parse_challenge(str(challenge)) == challenge
    assert challenge.is_supported


@pytest.mark.parametrize(
    ("text", "stale"), [("stale=true", True), ('stale="TRUE"', True), ("stale=0", False), ("x=y", False)]
)
def test_stale(text: str, stale: bool) -> None:
    assert parse_challenge(f'Digest realm="r", nonce="n", {text}').stale is stale


@pytest.mark.parametrize(
    "value", ["", "Digest", "Basic realm=x", 'Digest realm="r"', 'Digest nonce="n"', "Digestrealm=r,nonce=n"]
)
def test_malformed_challenge(value: str) -> None:
    with pytest.raises(SipParseError):
        parse_challenge(value)


@pytest.mark.parametrize(
    "value", ["", "Digest", "Basic dTpw", 'Digest username="u"', 'Digest username="u",realm="r",nonce="n",uri="x"']
)
def test_malformed_credentials(value: str) -> None:
    with pytest.raises(SipParseError):
        parse_credentials(value)


def test_the_topmost_supported_challenge_of_each_realm_wins() -> None:
    values = [
        'Digest realm="a", nonce="0", algorithm=SHA-999',
        'Digest realm="a", nonce="1", algorithm=MD5',
        'Digest realm="b", nonce="2", algorithm=SHA-256, qop="auth"',
        'Digest realm="a", nonce="3", algorithm=SHA-256-sess, qop="auth"',
        'Digest realm="a", nonce="4", algorithm=SHA-256, qop="auth"',
        'Digest realm="a", nonce="5", algorithm=SHA-999',
        'Digest realm="a", nonce="6", algorithm=SHA-512-256, qop="strange"',
        'Digest realm="c", nonce="7", algorithm=AKAv1-MD5',
        'Basic realm="d"',
        "garbage",
    ]
    assert [challenge.nonce for challenge in choose_challenges(values)] == ["1", "2"]
    assert choose_challenge(values).nonce == "1"  # type: ignore[union-attr]
    assert choose_challenge(['Basic realm="d"']) is None
    assert choose_challenge([]) is None


def test_several_challenges_on_one_line() -> None:
    value = (
        'Digest realm="a, b", nonce="1", qop="auth,auth-int", Basic realm="c", '
        'Digest nonce="2" , realm = "d",algorithm=SHA-256'
    )
    assert split_challenges(value) == [
        'Digest realm="a, b", nonce="1", qop="auth,auth-int"',
        'Basic realm="c"',
        'Digest nonce="2", realm = "d", algorithm=SHA-256',
    ]
    assert [challenge.realm for challenge in choose_challenges([value])] == ["a, b", "d"]


def test_unknown_algorithm_is_kept_as_it_came() -> None:
    challenge = parse_challenge('Digest realm="r", nonce="n", algorithm=AKAv1-MD5')
    assert challenge.algorithm == "AKAv1-MD5"
    assert not challenge.is_supported


def test_verify_refuses_what_it_does_not_know() -> None:
    base = {"username": "u", "realm": "r", "nonce": "n", "uri": "sip:x", "response": "0"}
    for extra in (
        {"algorithm": "X"},
        {"qop": "strange"},
        {"qop": "auth"},
        {"qop": "auth", "nc": "00000001"},
        {"response": "é"},
    ):
        assert not verify(Credentials(**(base | extra)), "BYE", password="p")  # type: ignore[arg-type]


def test_response_digits_in_upper_case_are_taken() -> None:
    response = compute_response(
        "MD5", password_hash("MD5", "u", "r", "p"), "BYE", "sip:x", "n", qop=None, nc="", cnonce="", body=b""
    )
    assert verify(Credentials("u", "r", "n", "sip:x", response.upper()), "BYE", password="p")


def test_nonce_count() -> None:
    def count(nc: str | None) -> int | None:
        return Credentials("u", "r", "n", "x", "0", nc=nc).nonce_count

    assert [count("0000000a"), count("1"), count("0000000g"), count("+0000001"), count(None)] == [
        10,
        None,
        None,
        None,
        None,
    ]


def test_response_does_not_show_in_repr() -> None:
    value = authorization(Challenge("r", "n"), "BYE", "sip:x", "user", "hunter2", cnonce="c")
    credentials = parse_credentials(value)
    assert credentials.response not in repr(credentials)
    assert "hunter2" not in value


_TEXT = st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)), max_size=20)


@settings(deadline=None)
@given(
    _TEXT,
    _TEXT,
    _TEXT,
    _TEXT,
    st.sampled_from(["MD5", "SHA-256", "SHA-512-256", "MD5-sess", None]),
    st.sampled_from(["auth", "auth-int", None]),
)
def test_any_name_realm_and_password_are_proved(
    username: str, realm: str, password: str, nonce: str, algorithm: str | None, qop: str | None
) -> None:
    challenge = parse_challenge(str(Challenge(realm, nonce, algorithm, (qop,) if qop else ())))
    assert (challenge.realm, challenge.nonce) == (realm, nonce)
    credentials = parse_credentials(
        authorization(challenge, "INVITE", "sip:x@h", username, password, cnonce="c", body=b"b")
    )
    assert credentials.username == username
    assert verify(credentials, "INVITE", password=password, body=b"b")
    assert not verify(credentials, "INVITE", password=password + "x", body=b"b")


def test_hash_text_is_utf8() -> None:
    assert hash_text("MD5", "é") == hashlib.md5("é".encode()).hexdigest()
