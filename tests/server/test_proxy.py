"""Proxy behaviour message by message: what is refused, how requests are routed and changed (RFC 3261 s16.3-16.6)."""

from __future__ import annotations

import pytest

from microsip_core.sip.hop import Source

from .core_bench import BOB, DOMAIN, CoreBench, forwarded, invite, lines

# -- what is refused


@pytest.mark.parametrize(
    ("uri", "headers", "max_forwards", "status"),
    [
        (BOB, [], 0, 483),
        (BOB, [("Proxy-Require", "foo, bar")], 70, 420),
        (f"sip:nobody@{DOMAIN}", [], 70, 404),
        (f"sip:carol@{DOMAIN}", [], 70, 480),
        ("tel:+123", [], 70, 416),
        (f"sip:{DOMAIN}", [], 70, 405),
        ("sip:bob@127.example.org", [], 70, 500),  # a name, whatever it begins with
        ("sip:bob@192.0.2.1", [], 70, 500),  # 503 of the one branch, as s16.7 has it: we do not relay there
        (BOB, [("Route", "<sip:192.0.2.1;lr>")], 70, 500),
        (BOB, [("Route", "<sip:broken host;lr>")], 70, 400),
    ],
)
def test_a_request_is_refused(uri: str, headers: list[tuple[str, str]], max_forwards: int, status: int) -> None:
    bench = CoreBench()
    bench.bind("bob", 5072)
    answer = bench.send(bench.new("MESSAGE", uri, headers=headers, max_forwards=max_forwards))
    assert lines(answer) == [f"{status} 5071"]
    assert answer[0].message.to.tag
    assert any(": this server serves loopback" in line for line in bench.lines) is (status == 500)
    if status == 420:
        assert answer[0].message.get_all("Unsupported") == ["foo", "bar"]


def test_options_for_the_server_itself_are_answered() -> None:
    bench = CoreBench()
    (answer,) = bench.send(bench.new("OPTIONS", f"sip:{DOMAIN}"))
    assert answer.message.status == 200
    assert answer.message.get("Allow") == "OPTIONS, REGISTER"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"INVITE sip:bob@example.test SIP/3.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK1\r\n\r\n", "505"),
        (b"INVITE sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK1\r\n\r\n", "400"),
        (b"INVITE sip:bob@example.test SIP/2.0\r\nTo: x\r\n\r\n", None),
        (b"INVITE sip:bob@example.test SIP/2.0\r\nVia: nonsense\r\n\r\n", None),
        (b"ACK sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK1\r\n\r\n", None),
        (b"SIP/2.0 200 OK\r\n\r\n", None),
        (b"\xff\xfe\x00 nonsense", None),
    ],
)
def test_malformed_input_is_counted_and_answered_where_possible(data: bytes, status: str | None) -> None:
    bench = CoreBench()
    answer = bench.send(data)
    assert lines(answer) == ([f"{status} 5071"] if status else [])
    assert bench.core.journal.counters["malformed"] == 1
    assert any(line.startswith("malformed: ") for line in bench.lines)


def test_keep_alives_are_no_messages() -> None:
    bench = CoreBench()
    assert bench.send(b"\r\n\r\n") == []
    assert bench.core.journal.counters == {"keep_alives": 1, "sent": 0}


def test_a_cancel_without_its_invite_is_refused() -> None:
    bench = CoreBench()
    assert lines(bench.send(bench.new("CANCEL", BOB))) == ["481 5071"]


def test_a_loop_is_detected_and_a_spiral_is_not() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072)
    (first,) = invite(bench)
    assert lines(bench.send(first.message, 5072))[-1].startswith("INVITE"), "a changed Request-URI is a spiral"
    looped = first.message.copy()
    looped.uri = BOB
    looped.insert_first("Via", "SIP/2.0/UDP 127.0.0.1:5079;branch=z9hG4bKother")
    assert lines(bench.send(looped, 5079)) == ["482 5079"]


# -- what a forwarded request looks like


def test_the_forwarded_request() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072)
    (found,) = invite(bench, max_forwards=10)
    message = found.message
    assert (found.hop.host, found.hop.port, message.uri) == ("127.0.0.1", 5072, "sip:bob@127.0.0.1:5072")
    assert message.max_forwards == 9
    assert message.get_all("Record-Route") == ["<sip:127.0.0.1:5060;lr>"]
    assert [via.port for via in message.vias] == [5060, 5071]
    assert message.via.branch.startswith("z9hG4bK")
    assert message.vias[1].params["received"] == "127.0.0.1"
    assert message.to.uri == BOB
    assert message.contact.uri == "sip:alice@127.0.0.1:5071"


def test_responses_lose_our_via_and_100_stays_here() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072)
    (found,) = invite(bench)
    assert lines(bench.reply(found, 100)) == []
    (ringing,) = bench.reply(found, 180)
    assert ringing.line == "180 5071"
    assert [via.port for via in ringing.message.vias] == [5071]
    assert ringing.message.get_all("Record-Route") == ["<sip:127.0.0.1:5060;lr>"]
    assert lines(bench.reply(found, 200)) == ["200 5071"]
    assert lines(bench.reply(found, 200)) == ["200 5071"], "a 2xx sent again goes through again (RFC 6026)"


def test_a_mid_dialog_request_follows_its_route() -> None:
    bench = CoreBench()
    bye = bench.new(
        "BYE", "sip:bob@127.0.0.1:5072", to=f"<{BOB}>;tag=t", headers=[("Route", "<sip:127.0.0.1:5060;lr>")],
    )
    (found,) = forwarded(bench.send(bye))
    assert (found.hop.port, found.message.uri) == (5072, "sip:bob@127.0.0.1:5072")
    assert "Route" not in found.message
    assert "Record-Route" not in found.message
    assert lines(bench.reply(found, 200)) == ["200 5071"]


@pytest.mark.parametrize(
    ("uri", "routes", "hop", "sent_uri", "sent_routes"),
    [
        # two entries of ours for a change of transport (RFC 5658)
        ("sip:b@127.0.0.1:5072", ["<sip:127.0.0.1:5060;lr>", "<sip:127.0.0.1:5060;transport=tcp;lr>"], 5072,
         "sip:b@127.0.0.1:5072", []),
        # another proxy after us
        ("sip:b@127.0.0.1:5072", ["<sip:127.0.0.1:5060;lr>", "<sip:127.0.0.1:5090;lr>"], 5090,
         "sip:b@127.0.0.1:5072", ["<sip:127.0.0.1:5090;lr>"]),
        # a strict router after us (s16.6 step 6)
        ("sip:b@127.0.0.1:5072", ["<sip:127.0.0.1:5060;lr>", "<sip:127.0.0.1:5090>"], 5090,
         "sip:127.0.0.1:5090", ["<sip:b@127.0.0.1:5072>"]),
        # a strict router before us (s16.4)
        ("sip:127.0.0.1:5060;lr", ["<sip:b@127.0.0.1:5072>"], 5072, "sip:b@127.0.0.1:5072", []),
        ("sip:127.0.0.1:5060;lr", ["<sip:127.0.0.1:5090;lr>", "<sip:b@127.0.0.1:5072>"], 5090,
         "sip:b@127.0.0.1:5072", ["<sip:127.0.0.1:5090;lr>"]),
        # a domain of ours is no numbered address
        ("sip:b@127.0.0.1:5072", [f"<sip:{DOMAIN};lr>"], 5072, "sip:b@127.0.0.1:5072", []),
        # in a dialog an address without port is a peer's Contact, on 5060 or another default port, not our domain
        ("sip:bob@127.0.0.1;transport=tls", ["<sip:127.0.0.1:5060;lr>"], None, "sip:bob@127.0.0.1;transport=tls", []),
        ("sip:b@127.0.0.1:5072;maddr=127.0.0.7", ["<sip:127.0.0.1:5060;lr>"], 5072,
         "sip:b@127.0.0.1:5072;maddr=127.0.0.7", []),
    ],
)
def test_route_sets(uri: str, routes: list[str], hop: int | None, sent_uri: str, sent_routes: list[str]) -> None:
    bench = CoreBench()
    request = bench.new("BYE", uri, to=f"<{BOB}>;tag=t", headers=[("Route", route) for route in routes])
    (found,) = forwarded(bench.send(request))
    assert (found.hop.port, found.message.uri, found.message.get_all("Route")) == (hop, sent_uri, sent_routes)


def test_the_path_of_a_registration_is_followed() -> None:
    bench = CoreBench()
    bench.send(bench.new("REGISTER", f"sip:{DOMAIN}", from_=f"<{BOB}>;tag=r", to=f"<{BOB}>", headers=[
        ("Contact", "<sip:bob@127.0.0.1:5072>"), ("Path", "<sip:127.0.0.1:5090;lr>"),
    ]))
    (found,) = invite(bench)
    assert (found.hop.port, found.message.uri) == (5090, "sip:bob@127.0.0.1:5072")
    assert found.message.get_all("Route") == ["<sip:127.0.0.1:5090;lr>"]


def test_the_ack_to_a_2xx_is_forwarded_with_one_branch_however_often_it_comes() -> None:
    bench = CoreBench()
    ack = bench.new(
        "ACK", "sip:bob@127.0.0.1:5072", to=f"<{BOB}>;tag=t", headers=[("Route", "<sip:127.0.0.1:5060;lr>")],
    )
    (first,) = bench.send(ack)
    (second,) = bench.send(ack)
    assert first.line == "ACK 5072"
    assert first.message.max_forwards == 69
    assert "Route" not in first.message
    assert first.message.via.branch == second.message.via.branch


def test_an_ack_that_names_only_the_user_goes_to_every_contact() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072, 5073)
    sent = bench.send(bench.new("ACK", BOB, to=f"<{BOB}>;tag=t"))
    assert sorted(lines(sent)) == ["ACK 5072", "ACK 5073"]
    assert len({found.message.via.branch for found in sent}) == 2


@pytest.mark.parametrize("uri", [f"sip:nobody@{DOMAIN}", "sip:bob@192.0.2.1", "sip:host:port"])
def test_an_ack_that_can_not_be_forwarded_is_dropped(uri: str) -> None:
    bench = CoreBench()
    assert bench.send(bench.new("ACK", uri)) == []


def test_a_response_without_any_via_but_ours_ends_the_branch() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072)
    (found,) = invite(bench)
    while len(found.message.vias) > 1:
        top = found.message.get_all("Via")[0]
        found.message.remove("Via")
        found.message.add("Via", top)
    assert lines(bench.reply(found, 180)) == []
    assert lines(bench.reply(found, 200)) == ["502 5071"]


def test_a_message_to_several_phones_has_one_answer() -> None:
    bench = CoreBench()
    bench.bind("bob", 5072, 5073)
    first, second = bench.send(bench.new("MESSAGE", BOB))
    assert lines(bench.reply(first, 200)) == ["200 5071"]
    assert lines(bench.reply(second, 200)) == []
    assert sum("MESSAGE alice -> bob: 200" in line for line in bench.lines) == 1


def test_a_peer_can_not_write_lines_into_the_log() -> None:
    bench = CoreBench()
    bench.send(bench.new("MESSAGE", f"sip:x%0Arefused:%1B[31m@{DOMAIN}"))
    assert bench.lines
    assert all(line.isprintable() for line in bench.lines)


def test_a_server_that_listens_everywhere_knows_the_address_it_was_reached_at() -> None:
    bench = CoreBench()
    bench.core.domain.listening = frozenset({("0.0.0.0", 5060)})
    reached = Source("UDP", "192.0.2.7", 5071, ("192.0.2.1", 5060))
    bye = bench.new(
        "BYE", "sip:bob@192.0.2.8:5072", to=f"<{BOB}>;tag=t", headers=[("Route", "<sip:192.0.2.1:5060;lr>")],
    )
    bench.core.receive(bye.to_bytes(), reached, bench.now)
    (found,) = bench.sent()
    assert (found.hop.host, found.hop.port) == ("192.0.2.8", 5072), "a peer of a dialog of ours"
    assert "Route" not in found.message
    message = bench.new("MESSAGE", "sip:bob@192.0.2.8:5072")
    bench.core.receive(message.to_bytes(), reached, bench.now)
    assert [found.message.status for found in bench.sent()] == [500], "no open relay"
