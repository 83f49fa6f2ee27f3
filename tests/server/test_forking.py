"""Forking message by message: branches, best response, cancellation and time (RFC 3261 s16.6-16.10)."""

from __future__ import annotations

import pytest

from microsip_core.sip.message import Request

from .core_bench import BOB, DOMAIN, CoreBench, Sent, forwarded, invite, lines


def fork(q: dict[int, float] | None = None) -> tuple[CoreBench, dict[int, Sent]]:
    """Bob's three phones, on 5072 to 5074, called by alice."""
    bench = CoreBench()
    bench.bind("bob", 5072, 5073, 5074, q=q)
    return bench, {found.hop.port or 0: found for found in invite(bench)}


def test_one_answer_cancels_the_others() -> None:
    bench, branches = fork()
    assert sorted(branches) == [5072, 5073, 5074]
    assert len({found.message.via.branch for found in branches.values()}) == 3
    for found in branches.values():
        bench.reply(found, 180)
    sent = bench.reply(branches[5073], 200)
    assert lines(sent)[0] == "200 5071"
    assert sorted(lines(sent)[1:]) == ["CANCEL 5072", "CANCEL 5074"]
    cancel = next(found for found in sent if found.line == "CANCEL 5072")
    assert cancel.message.via.branch == branches[5072].message.via.branch
    assert lines(bench.reply(cancel, 200)) == []
    assert lines(bench.reply(branches[5072], 487)) == ["ACK 5072"], "acknowledged here, not sent to alice"


def test_a_branch_that_has_said_nothing_is_canceled_when_it_does() -> None:
    bench, branches = fork()
    bench.reply(branches[5073], 200)
    assert lines(bench.reply(branches[5072], 180)) == ["CANCEL 5072"], "after the 200 the 180 is of no use to alice"


def test_two_answers_both_go_through() -> None:
    bench, branches = fork()
    assert lines(bench.reply(branches[5072], 200))[0] == "200 5071"
    assert lines(bench.reply(branches[5073], 200)) == ["200 5071"]


@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ((486, 480, 408), 486), ((404, 486, 404), 486), ((480, 404, 408), 480), ((302, 486, 503), 302),
        ((503, 500, 503), 500), ((503, 503, 503), 500), ((486, 401, 480), 401), ((486, 484, 603), 603),
        ((500, 486, 503), 486), ((487, 487, 487), 487),
    ],
)
def test_the_best_response_goes_back_when_all_have_answered(statuses: tuple[int, ...], best: int) -> None:
    bench, branches = fork()
    for port, status in zip((5072, 5073), statuses, strict=False):
        assert lines(bench.reply(branches[port], status)) == [f"ACK {port}"]
    sent = bench.reply(branches[5074], statuses[2])
    assert lines(sent) == ["ACK 5074", f"{best} 5071"]


def test_a_decline_everywhere_cancels_the_rest_and_wins() -> None:
    bench, branches = fork()
    bench.reply(branches[5073], 180)
    assert lines(bench.reply(branches[5072], 603)) == ["ACK 5072", "CANCEL 5073"]
    bench.reply(branches[5073], 487)
    assert lines(bench.reply(branches[5074], 486)) == ["ACK 5074", "603 5071"]


def test_the_challenges_of_all_branches_go_back_together() -> None:
    bench, branches = fork()
    bench.reply(branches[5072], 401, headers=[("WWW-Authenticate", 'Digest realm="a", nonce="1"')])
    bench.reply(branches[5073], 407, headers=[("Proxy-Authenticate", 'Digest realm="b", nonce="2"')])
    sent = bench.reply(branches[5074], 401, headers=[("WWW-Authenticate", 'Digest realm="c", nonce="3"')])
    final = sent[-1].message
    assert final.status == 401
    assert sorted(final.get_all("WWW-Authenticate")) == ['Digest realm="a", nonce="1"', 'Digest realm="c", nonce="3"']
    assert final.get_all("Proxy-Authenticate") == ['Digest realm="b", nonce="2"']


def test_lower_preference_is_tried_after_the_higher_one_failed() -> None:
    bench, branches = fork({5072: 0.5, 5073: 1.0, 5074: 0.5})
    assert sorted(branches) == [5073]
    sent = bench.reply(branches[5073], 486)
    assert sorted(lines(sent)) == ["ACK 5073", "INVITE 5072", "INVITE 5074"]
    assert lines(bench.reply(next(found for found in sent if found.hop.port == 5072), 200))[0] == "200 5071"


def test_a_target_that_can_not_be_sent_to_counts_as_503() -> None:
    bench = CoreBench()
    bench.send(bench.new("REGISTER", f"sip:{DOMAIN}", from_=f"<{BOB}>;tag=r", to=f"<{BOB}>", headers=[
        ("Contact", "<sip:bob@127.0.0.1:5072>, <sip:bob@192.0.2.1>"),
    ]))
    (found,) = invite(bench)
    assert lines(bench.reply(found, 486)) == ["ACK 5072", "486 5071"]


# -- cancellation and time


def cancel_of(bench: CoreBench, request: Request) -> Request:
    cancel = bench.new("CANCEL", request.uri)
    for name in ("Via", "From", "To", "Call-ID"):
        cancel.set(name, request.get(name) or "")
    cancel.set("CSeq", f"{request.cseq.number} CANCEL")
    return cancel


def test_the_caller_gives_up() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072, 5073)
    request = bench.new("INVITE", BOB, headers=[("Contact", "<sip:alice@127.0.0.1:5071>")])
    branches = {found.hop.port: found for found in forwarded(bench.send(request))}
    bench.reply(branches[5072], 180)
    sent = bench.send(cancel_of(bench, request))
    assert lines(sent) == ["200 5071", "CANCEL 5072"]
    assert sent[0].message.cseq.method == "CANCEL"
    assert sorted(lines(bench.reply(branches[5073], 180))) == ["180 5071", "CANCEL 5073"]
    bench.reply(branches[5072], 487)
    assert lines(bench.reply(branches[5073], 486)) == ["ACK 5073", "487 5071"], "487 is what a canceled call gets"


def test_a_target_that_never_answers_gives_408() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072)
    invite(bench)
    assert lines(bench.advance(31.9)).count("INVITE 5072") == 6
    assert lines(bench.advance(0.2)) == ["408 5071"]
    bench.advance(200)
    assert bench.core.next_timeout() is None


def test_a_non_invite_request_that_is_never_answered_gives_408() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072)
    bench.send(bench.new("MESSAGE", BOB))
    assert "408 5071" in lines(bench.advance(33))
    bench.advance(200)
    assert bench.core.next_timeout() is None


def test_timer_c_cancels_what_rings_too_long() -> None:
    bench = CoreBench(timer_c=181.0)
    bench.bind("bob", 5072)
    (found,) = invite(bench)
    bench.advance(1)
    bench.reply(found, 180)
    assert bench.advance(180) == []
    bench.reply(found, 183)  # starts timer C again (s16.7 step 2)
    assert lines(bench.advance(180.9)) == []
    assert lines(bench.advance(0.2)) == ["CANCEL 5072"]
    assert lines(bench.reply(found, 487)) == ["ACK 5072", "487 5071"]


def test_a_canceled_branch_that_stays_silent_ends_after_64_t1() -> None:
    bench = CoreBench(timer_c=181.0)
    bench.bind("bob", 5072)
    (found,) = invite(bench)
    bench.reply(found, 180)
    sent = bench.advance(181 + 33)
    assert lines(sent)[0] == "CANCEL 5072"
    assert "408 5071" in lines(sent)
    bench.advance(200)
    assert bench.core.next_timeout() is None


def test_nothing_is_left_after_a_call() -> None:
    bench, branches = fork()
    for found in branches.values():
        bench.reply(found, 180)
    cancels = [found for found in bench.reply(branches[5073], 200) if found.line.startswith("CANCEL")]
    for found in cancels:
        bench.reply(found, 200)
    bench.reply(branches[5072], 487)
    bench.reply(branches[5074], 487)
    bench.advance(64)
    assert bench.core.next_timeout() is None
    assert bench.core.statistics(bench.now)["transactions"] == 0


# -- breadth


@pytest.mark.parametrize(
    ("asked", "given"), [(None, ["20", "20", "20"]), ("600", ["20", "20", "20"]), ("4", ["1", "1", "2"])],
)
def test_branches_share_the_breadth_of_a_request(asked: str | None, given: list[str]) -> None:
    bench = CoreBench()
    bench.bind("bob", 5072, 5073, 5074)
    headers = [] if asked is None else [("Max-Breadth", asked)]
    sent = forwarded(bench.send(bench.new("MESSAGE", BOB, headers=headers)))
    assert sorted(found.message.get("Max-Breadth") for found in sent) == given


def test_a_request_of_one_branch_is_left_as_it_is() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072)
    assert invite(bench)[0].message.get("Max-Breadth") is None


def test_a_request_without_breadth_enough_is_refused() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072, 5073, 5074)
    assert lines(bench.send(bench.new("MESSAGE", BOB, headers=[("Max-Breadth", "2")]))) == ["440 5071"]


def test_users_whose_contacts_name_each_other_do_not_multiply_a_request() -> None:
    bench = CoreBench()
    for user in ("bob", "carol"):
        contacts = [
            ("Contact", f"<sip:{other}@127.0.0.1:5060;p={number}>") for number in range(8) for other in ("bob", "carol")
        ]
        to = f"<sip:{user}@{DOMAIN}>"
        bench.send(bench.new("REGISTER", f"sip:{DOMAIN}", to=to, call_id=user, headers=contacts))
    waiting = bench.send(bench.new("MESSAGE", BOB))
    packets = 0
    while waiting:
        found = waiting.pop()
        packets += 1
        assert packets < 1000
        if found.hop.port == 5060:
            waiting += bench.send(found.message, 5060)
    assert lines([found])[0].endswith(" 5071")


def test_an_ack_to_a_user_bound_to_the_server_itself_does_not_loop() -> None:
    bench = CoreBench()
    contacts = [("Contact", f"<sip:bob@127.0.0.1{where}>") for where in (":5060;p=1", ":5060;p=2", ";p=3", ":5072")]
    bench.send(bench.new("REGISTER", f"sip:{DOMAIN}", to=f"<{BOB}>", call_id="bob", headers=contacts))
    assert lines(bench.send(bench.new("ACK", BOB))) == ["ACK 5072"]
