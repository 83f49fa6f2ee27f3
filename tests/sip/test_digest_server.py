"""Nonces that expire, replay, staleness and bounded memory of the digest server."""

from __future__ import annotations

import pytest

from microsip_core.errors import InvalidArgument
from microsip_core.sip.digest import (
    Challenge,
    DigestServer,
    DigestVerdict,
    authorization,
    choose_challenge,
    parse_challenge,
)

SECRET = b"0123456789abcdef"
USERS = {"alice": "wonder", "bob": "built"}


def server(**options: object) -> DigestServer:
    return DigestServer("here", SECRET, **options)  # type: ignore[arg-type]


def fresh(digest: DigestServer, now: float = 0.0) -> Challenge:
    challenge = choose_challenge(digest.challenges(now))
    assert challenge is not None
    return challenge


def check(
    digest: DigestServer, value: str, now: float = 0.0, method: str = "REGISTER", body: bytes = b""
) -> DigestVerdict:
    return digest.check([value], method, USERS.get, now, body).verdict


def answer(
    challenge: Challenge, nc: int = 1, *, user: str = "alice", password: str = "wonder", body: bytes = b""
) -> str:
    return authorization(challenge, "REGISTER", "sip:here", user, password, nc=nc, cnonce="c", body=body)


def test_challenges_are_strongest_first_with_one_nonce() -> None:
    challenges = [
        parse_challenge(value) for value in server(algorithms=["MD5", "SHA-512-256", "SHA-256"]).challenges(1.0)
    ]
    assert [challenge.algorithm for challenge in challenges] == ["SHA-512-256", "SHA-256", "MD5"]
    assert len({challenge.nonce for challenge in challenges}) == 1
    assert all(
        (challenge.realm, challenge.qop, challenge.stale) == ("here", ("auth",), False) for challenge in challenges
    )


def test_right_password_is_accepted_with_each_algorithm() -> None:
    digest = server()
    for value in digest.challenges(0.0):
        result = digest.check([answer(parse_challenge(value), len(value))], "REGISTER", USERS.get, 0.0)
        assert (result.verdict, result.username) == (DigestVerdict.ACCEPTED, "alice")


def test_no_credentials_for_our_realm() -> None:
    digest = server()
    other = answer(Challenge("elsewhere", "n", "MD5", ("auth",)))
    for values in ([], ["Basic abc"], ["garbage"], [other]):
        assert digest.check(values, "REGISTER", USERS.get, 0.0).verdict is DigestVerdict.MISSING
    assert digest.check([other, answer(fresh(digest))], "REGISTER", USERS.get, 0.0).verdict is DigestVerdict.ACCEPTED


def test_wrong_user_password_method_or_nonce() -> None:
    digest = server()
    assert check(digest, answer(fresh(digest), password="x")) is DigestVerdict.REFUSED
    assert check(digest, answer(fresh(digest), user="bob")) is DigestVerdict.REFUSED
    assert check(digest, answer(fresh(digest), user="nobody", password="")) is DigestVerdict.REFUSED
    assert check(digest, answer(fresh(digest)), method="INVITE") is DigestVerdict.REFUSED
    assert (
        check(digest, answer(Challenge("here", "made.up.nonce", "SHA-256", ("auth",)), password="x"))
        is DigestVerdict.REFUSED
    )


def test_algorithm_or_qop_that_was_not_offered() -> None:
    digest = server(algorithms=["SHA-256"])
    nonce = fresh(digest).nonce
    assert check(digest, answer(Challenge("here", nonce, "MD5", ("auth",)))) is DigestVerdict.REFUSED
    assert check(digest, answer(Challenge("here", nonce, None, ("auth",)))) is DigestVerdict.REFUSED
    assert check(digest, answer(Challenge("here", nonce, "SHA-256", ("auth-int",)))) is DigestVerdict.REFUSED
    assert check(digest, answer(Challenge("here", nonce, "SHA-256-sess", ("auth",)))) is DigestVerdict.REFUSED


def test_nonce_expires() -> None:
    digest = server(nonce_lifetime=60.0)
    challenge = fresh(digest, 100.0)
    assert check(digest, answer(challenge, 1), 160.0) is DigestVerdict.ACCEPTED
    assert check(digest, answer(challenge, 2), 160.1) is DigestVerdict.STALE
    assert check(digest, answer(challenge, 2, password="x"), 160.1) is DigestVerdict.REFUSED
    assert parse_challenge(digest.challenges(161.0, stale=True)[0]).stale


@pytest.mark.parametrize(
    "nonce", ["", ".", "..", "0.1.", "zz.zz.zz", "0.1.00000000000000000000000000000000", "é", "0.1"]
)
def test_a_nonce_of_somebody_else_is_stale_for_who_knows_the_password(nonce: str) -> None:
    """As after a restart with a new secret: the client shall try again, not ask its user."""
    assert check(server(), answer(Challenge("here", nonce, "SHA-256", ("auth",)))) is DigestVerdict.STALE


def test_nonce_of_another_realm_with_the_same_secret_is_not_ours() -> None:
    other = DigestServer("there", SECRET)
    assert check(server(), answer(Challenge("here", fresh(other).nonce, "SHA-256", ("auth",)))) is DigestVerdict.STALE


def test_count_may_be_used_once_and_come_out_of_order() -> None:
    digest = server()
    challenge = fresh(digest)
    for count in (1, 2, 5, 3, 70, 68, 4000):
        assert check(digest, answer(challenge, count)) is DigestVerdict.ACCEPTED
        assert check(digest, answer(challenge, count)) is DigestVerdict.STALE
    for count in (1, 4, 69, 4000 - 64, 0):
        assert check(digest, answer(challenge, count)) is DigestVerdict.STALE
    assert check(digest, answer(challenge, 4000 - 63)) is DigestVerdict.ACCEPTED


def test_without_qop_a_nonce_serves_once() -> None:
    digest = server()
    challenge = Challenge("here", fresh(digest).nonce, "MD5")
    assert check(digest, answer(challenge)) is DigestVerdict.ACCEPTED
    assert check(digest, answer(challenge)) is DigestVerdict.STALE


def test_memory_is_bounded_and_filling_it_allows_no_replay() -> None:
    digest = server(max_nonces=10)
    first = fresh(digest)
    replayed = answer(first, 1)
    assert check(digest, replayed) is DigestVerdict.ACCEPTED
    for _ in range(50):
        assert check(digest, answer(fresh(digest), 1)) is DigestVerdict.ACCEPTED
    assert len(digest._counts) == 10
    assert check(digest, replayed) is DigestVerdict.STALE
    assert check(digest, answer(first, 2)) is DigestVerdict.STALE


def test_failed_attempts_cost_no_memory() -> None:
    digest = server()
    for _ in range(100):
        check(digest, answer(fresh(digest), password="guess"))
    assert digest._counts == {}


def test_integrity_covers_the_body() -> None:
    digest = server(qop=("auth-int",))
    value = answer(fresh(digest), body=b"sdp")
    assert check(digest, value, body=b"other") is DigestVerdict.REFUSED
    assert check(digest, value, body=b"sdp") is DigestVerdict.ACCEPTED


def test_hashed_user_names_are_not_offered_and_not_taken() -> None:
    digest = server()
    challenge = fresh(digest)
    hashed = Challenge("here", challenge.nonce, "SHA-256", ("auth",), userhash=True)
    assert check(digest, answer(hashed)) is DigestVerdict.REFUSED


def test_bad_arguments() -> None:
    with pytest.raises(InvalidArgument):
        DigestServer("r", b"short")
    with pytest.raises(InvalidArgument):
        DigestServer("r", SECRET, algorithms=["SHA-999"])


@pytest.mark.parametrize(
    ("uri", "verdict"),
    [
        ("sip:here", "accepted"), ("sip:HERE;transport=tcp", "accepted"), ("sips:here", "accepted"),
        ("sip:alice@here", "refused"), ("sip:there", "refused"), ("sip:here:5070", "refused"), ("tel:123", "refused"),
    ],
)
def test_credentials_are_for_one_resource(uri: str, verdict: str) -> None:
    digest = server()
    found = digest.check([answer(fresh(digest))], "REGISTER", USERS.get, 0.0, b"", uri)
    assert found.verdict.value == verdict


@pytest.mark.parametrize("algorithm", ["MD5-sess", "SHA-256-sess", "SHA-512-256-sess"])
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_session_keys(algorithm: str, qop: str) -> None:
    digest = server(algorithms=[algorithm], qop=(qop,))
    challenge = fresh(digest)
    assert challenge.algorithm == algorithm
    assert check(digest, answer(challenge, body=b"x"), body=b"x") is DigestVerdict.ACCEPTED
    assert check(digest, answer(challenge, 2, password="wrong")) is DigestVerdict.REFUSED
    altered = check(digest, answer(challenge, 3, body=b"x"), body=b"y")
    assert altered is (DigestVerdict.REFUSED if qop == "auth-int" else DigestVerdict.ACCEPTED)
