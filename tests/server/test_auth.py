"""Challenges of registrar and proxy: which requests are asked, what is accepted (RFC 3261 s22, RFC 8760)."""

from __future__ import annotations

import pytest

from microsip_core.server.auth import AuthSettings, ChallengeMode
from microsip_core.sip.builder import response_to
from microsip_core.sip.digest import authorization, choose_challenge
from microsip_core.sip.hop import Hop
from microsip_core.sip.message import Request

from .core_bench import BOB, DOMAIN, CoreBench, Sent


def bench_with(mode: ChallengeMode, **more: object) -> CoreBench:
    return CoreBench(auth=AuthSettings(mode, **more))  # type: ignore[arg-type]


def answer_challenge(
    request: Request, response: Sent, *, username: str = "alice", password: str = "secret", nc: int = 1,
    branch: str = "r",
) -> Request:
    """The request again, with credentials and the next CSeq."""
    proxy = response.message.status == 407
    challenge = choose_challenge(response.message.get_all("Proxy-Authenticate" if proxy else "WWW-Authenticate"))
    assert challenge is not None
    again = request.copy()
    again.set("Via", f"SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK{branch}{nc}")
    again.set("CSeq", f"{request.cseq.number + nc} {request.method}")
    again.set("Proxy-Authorization" if proxy else "Authorization", authorization(
        challenge, request.method, request.uri, username, password, nc=nc, cnonce="abc", body=request.body,
    ))
    return again


def in_dialog(bench: CoreBench, method: str) -> Request:
    """A request inside a dialog through the server."""
    headers = [("Route", "<sip:127.0.0.1:5060;lr>"), ("Contact", "<sip:a@127.0.0.1:5071>")]
    return bench.new(method, "sip:bob@127.0.0.1:5072", to=f"<{BOB}>;tag=t", headers=headers)


def without_trying(sent: list[Sent]) -> list[Sent]:
    """What was sent, the 100 of an INVITE left out."""
    return [found for found in sent if getattr(found.message, "status", 0) != 100]


@pytest.mark.parametrize(
    ("mode", "method", "dialog", "status"),
    [
        (ChallengeMode.NONE, "REGISTER", False, 200), (ChallengeMode.NONE, "INVITE", False, 0),
        (ChallengeMode.REGISTER, "REGISTER", False, 401), (ChallengeMode.REGISTER, "INVITE", False, 0),
        (ChallengeMode.INVITE, "REGISTER", False, 401), (ChallengeMode.INVITE, "INVITE", False, 407),
        (ChallengeMode.INVITE, "INVITE", True, 407), (ChallengeMode.INVITE, "BYE", True, 0),
        (ChallengeMode.ALL, "REGISTER", False, 401), (ChallengeMode.ALL, "INVITE", False, 407),
        (ChallengeMode.ALL, "INVITE", True, 407), (ChallengeMode.ALL, "BYE", True, 407),
        (ChallengeMode.ALL, "REFER", True, 407), (ChallengeMode.ALL, "PRACK", True, 407),
        (ChallengeMode.ALL, "INFO", True, 407), (ChallengeMode.ALL, "MESSAGE", False, 407),
        (ChallengeMode.ALL, "ACK", True, 0), (ChallengeMode.ALL, "CANCEL", True, 481),
    ],
)
def test_which_requests_are_challenged(mode: ChallengeMode, method: str, dialog: bool, status: int) -> None:
    """Status 0: the request was forwarded."""
    bench = bench_with(mode)
    bench.core.add_service("bob", "sip:bob@127.0.0.1:5072")
    if method == "REGISTER":
        request = bench.new(method, f"sip:{DOMAIN}", to=f"<sip:alice@{DOMAIN}>")
    else:
        request = in_dialog(bench, method) if dialog else bench.new(method, BOB)
    (found,) = without_trying(bench.send(request))
    assert getattr(found.message, "status", 0) == status
    if status in (401, 407):
        again = without_trying(bench.send(answer_challenge(request, found)))
        assert again[0].line == ("200 5071" if method == "REGISTER" else f"{method} 5072")
        assert not again[0].message.get_all("Proxy-Authorization"), "credentials for us go no further"


@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256",), ("SHA-256", "MD5"), ("SHA-512-256", "SHA-256", "MD5")])
@pytest.mark.parametrize("proxy_status", [401, 407])
def test_algorithms_and_both_ways_to_ask(algorithms: tuple[str, ...], proxy_status: int) -> None:
    bench = bench_with(ChallengeMode.ALL, algorithms=algorithms, proxy_status=proxy_status)
    bench.core.add_service("bob", "sip:bob@127.0.0.1:5072")
    request = bench.new("MESSAGE", BOB)
    (challenged,) = bench.send(request)
    assert challenged.message.status == proxy_status
    values = challenged.message.get_all("WWW-Authenticate" if proxy_status == 401 else "Proxy-Authenticate")
    assert [value.partition("algorithm=")[2].partition(",")[0] for value in values] == list(algorithms)
    (forwarded,) = bench.send(answer_challenge(request, challenged))
    assert forwarded.line == "MESSAGE 5072"


def register(bench: CoreBench) -> tuple[Request, Sent]:
    request = bench.new(
        "REGISTER", f"sip:{DOMAIN}", to=f"<sip:alice@{DOMAIN}>", headers=[("Contact", "<sip:alice@127.0.0.1:5071>")],
    )
    (challenged,) = bench.send(request)
    return request, challenged


@pytest.mark.parametrize(
    ("username", "password"), [("alice", "wrong"), ("nobody", "secret"), ("bob ", "secret"), ("", "")],
)
def test_wrong_credentials_are_challenged_again_without_stale(username: str, password: str) -> None:
    bench = bench_with(ChallengeMode.REGISTER)
    request, challenged = register(bench)
    (again,) = bench.send(answer_challenge(request, challenged, username=username, password=password))
    assert again.message.status == 401
    assert "stale" not in again.message.get("WWW-Authenticate")
    assert "refused: REGISTER alice -> alice: wrong user name or password" in bench.lines
    assert bench.core.statistics(bench.now)["wrong_credentials"] == 1
    assert bench.core.statistics(bench.now)["registered"] == 0


def test_the_right_password_of_another_user_does_not_register_alice() -> None:
    bench = bench_with(ChallengeMode.REGISTER)
    request, challenged = register(bench)
    (refused,) = bench.send(answer_challenge(request, challenged, username="bob"))
    assert refused.message.status == 403


def test_the_right_password_of_another_user_does_not_call_as_alice() -> None:
    bench = bench_with(ChallengeMode.ALL)
    bench.core.add_service("carol", "sip:carol@127.0.0.1:5072")
    request = bench.new("MESSAGE", f"sip:carol@{DOMAIN}")
    (challenged,) = bench.send(request)
    (refused,) = bench.send(answer_challenge(request, challenged, username="bob"))
    assert (refused.message.status, refused.message.reason) == (403, "From Of Another User")


def test_an_old_nonce_is_stale_and_the_new_one_works() -> None:
    bench = bench_with(ChallengeMode.REGISTER, nonce_lifetime=5.0)
    request, challenged = register(bench)
    bench.now += 6
    (stale,) = bench.send(answer_challenge(request, challenged))
    assert stale.message.status == 401
    assert all("stale=TRUE" in value for value in stale.message.get_all("WWW-Authenticate"))
    (done,) = bench.send(answer_challenge(request, stale, branch="s", nc=2))
    assert done.message.status == 200


def test_a_nonce_serves_again_with_the_next_count_and_never_with_the_same() -> None:
    bench = bench_with(ChallengeMode.REGISTER)
    request, challenged = register(bench)
    first = answer_challenge(request, challenged, nc=1)
    assert bench.send(first)[0].message.status == 200
    assert bench.send(answer_challenge(request, challenged, nc=2))[0].message.status == 200
    first.set("Via", "SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bKreplay")
    first.set("CSeq", "9 REGISTER")
    (replayed,) = bench.send(first)
    assert replayed.message.status == 401
    assert "stale=TRUE" in replayed.message.get("WWW-Authenticate")


@pytest.mark.parametrize("status", [401, 407])
def test_an_ack_goes_on_without_credentials(status: int) -> None:
    bench = bench_with(ChallengeMode.ALL, proxy_status=status)
    challenged = Sent(response_to(bench.new("INVITE", BOB), status, headers=[
        ("Proxy-Authenticate" if status == 407 else "WWW-Authenticate", 'Digest realm="loopback", nonce="1"'),
    ]), Hop("UDP", "127.0.0.1", 5071))
    ack = answer_challenge(in_dialog(bench, "ACK"), challenged)
    (found,) = bench.send(ack)
    assert found.line == "ACK 5072"
    assert not found.message.get_all("Proxy-Authorization")
    assert not found.message.get_all("Authorization")


def test_the_services_need_no_password() -> None:
    bench = bench_with(ChallengeMode.ALL)
    bench.core.add_service("echo", "sip:echo@127.0.0.1:5099")
    bye = bench.new("BYE", "sip:alice@127.0.0.1:5071", port=5099, headers=[("Route", "<sip:127.0.0.1:5060;lr>")])
    (found,) = bench.send(bye, 5099)
    assert found.line == "BYE 5071"


def test_nobody_registers_a_service() -> None:
    bench = bench_with(ChallengeMode.NONE)
    bench.core.add_service("echo", "sip:echo@127.0.0.1:5099")
    contact = [("Contact", "<sip:x@127.0.0.1:5071>")]
    request = bench.new("REGISTER", f"sip:{DOMAIN}", to=f"<sip:echo@{DOMAIN}>", headers=contact)
    assert bench.send(request)[0].message.status == 404


def test_nothing_told_holds_a_secret() -> None:
    bench = bench_with(ChallengeMode.ALL)
    request, challenged = register(bench)
    again = answer_challenge(request, challenged)
    bench.send(again)
    told = "\n".join(bench.lines)
    assert "REGISTER alice -> alice: 200 OK" in told
    response = again.get("Authorization").partition('response="')[2].partition('"')[0]  # type: ignore[union-attr]
    assert response
    assert response not in told
    assert "secret" not in told
    assert "secret" not in repr(bench.core.config)
