"""The control protocol without sockets: frames, authentication, requests, subscriptions, and any bytes at all."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microsip_core.control.copydata import decode_copydata, decode_text
from microsip_core.control.frames import LARGEST_PAYLOAD, Frame, FrameReader, read_reply
from microsip_core.control.journal import EventJournal
from microsip_core.control.numbers import NUMBERS, REPLY, Number, number_reference
from microsip_core.control.protocol import MOST_IN_FLIGHT, ControlConnection, JsonRequest, NumberRequest
from microsip_core.errors import ParseError

TEXTS = st.text(st.characters(exclude_characters="\0\ufeff\ufffe", exclude_categories=("Cs",)), max_size=20)


def replies(connection: ControlConnection) -> list[tuple[int, Any]]:
    """Return what the connection wants to send: (number, (code, text)) or (number, object)."""
    found: list[tuple[int, Any]] = []
    for frame in FrameReader(1 << 30).feed(connection.data_to_send()):
        number = frame.number - REPLY
        found.append((number, json.loads(frame.payload) if number in (16, 18) else read_reply(frame.payload)))
    return found


def request(command: object, identity: object = 1, **arguments: object) -> bytes:
    return Frame(16, json.dumps({"id": identity, "command": command, "arguments": arguments}).encode()).to_bytes()


def new(token: str | None = None, kept: int = 100) -> tuple[ControlConnection, EventJournal]:
    journal = EventJournal("epoch", kept)
    return ControlConnection(journal, token), journal


def test_the_numbers_are_the_documented_ones() -> None:
    documented = ("DIAL HANGUP ANSWER STATUS ACTIVECALL REJECT HOLD UNHOLD TRANSFER DTMF MUTE MESSAGE "
                  "REGISTER RELOAD QUIT")
    assert [Number(number).name for number in range(1, 16)] == documented.split()
    assert set(NUMBERS) == set(Number)
    written = (Path(__file__).parents[2] / "docs" / "control.md").read_text(encoding="utf-8")
    assert number_reference() in written, "regenerate it from microsip_core.control.numbers"


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=50)), max_size=5), st.integers(1, 7))
def test_frames_come_through_in_any_pieces(frames: list[tuple[int, bytes]], size: int) -> None:
    stream = b"".join(Frame(*one).to_bytes() for one in frames)
    reader = FrameReader()
    found = [frame for at in range(0, len(stream), size) for frame in reader.feed(stream[at:at + size])]
    assert found == [Frame(*one) for one in frames]


def test_a_number_with_its_text_in_both_encodings() -> None:
    connection, _ = new()
    for payload in (b"100 hi", "100 hi\0".encode("utf-16-le")):
        assert connection.receive(Frame(1, payload).to_bytes()) == [NumberRequest(Number.DIAL, "100 hi")]
    connection.reply(NumberRequest(Number.DIAL, ""), 1, "call 5")
    assert connection.data_to_send() == struct.pack("!II", 0x8001, 10) + b"\0\0\0\1call 5"


@pytest.mark.parametrize("number", [0, 19, 18, 99, 0x8001, 2**32 - 1])
def test_unknown_numbers_are_refused_and_the_connection_goes_on(number: int) -> None:
    connection, _ = new()
    assert connection.receive(Frame(number).to_bytes()) == []
    assert replies(connection) == [(0, (-10, f"there is no number {number}"))]
    assert connection.receive(Frame(4).to_bytes()) == [NumberRequest(Number.STATUS, "")]


def test_text_that_is_none_is_refused() -> None:
    connection, _ = new()
    assert connection.receive(Frame(1, b"\xff\xff\xff").to_bytes()) == []
    assert replies(connection)[0][1][0] == -19


def test_an_oversize_frame_ends_the_connection_before_it_is_read() -> None:
    connection, _ = new()
    assert connection.receive(struct.pack("!II", 1, LARGEST_PAYLOAD + 1)) == []
    assert connection.closing
    assert replies(connection)[0][1][0] == -19
    assert connection.receive(Frame(4).to_bytes()) == []
    connection, _ = new()
    assert len(connection.receive(Frame(1, b"1" * LARGEST_PAYLOAD).to_bytes())) == 1


@pytest.mark.parametrize("first", [
    Frame(17, b"wrong"), Frame(17), Frame(4), Frame(1, b"100"), Frame(17, b"secre"), Frame(17, b"secrets"),
    Frame(17, b"\xff"),
])
def test_without_the_token_nothing_is_done(first: Frame) -> None:
    connection, _ = new("secret")
    assert connection.receive(first.to_bytes() + Frame(1, b"100").to_bytes()) == []
    assert connection.closing
    assert [code for _, (code, _) in replies(connection)] == [-21]
    assert connection.receive(Frame(17, b"secret").to_bytes() + Frame(1, b"100").to_bytes()) == []


def test_with_the_token_all_is_done() -> None:
    connection, _ = new("secret")
    assert connection.receive(Frame(17, b"secret").to_bytes() + Frame(4).to_bytes()) == [
        NumberRequest(Number.STATUS, "")]
    assert replies(connection) == [(17, (0, ""))]


@pytest.mark.parametrize("payload", [
    b"", b"{", b"[]", b"1", b"null",
    b'{"id":1}', b'{"command":"x"}', b'{"id":null,"command":"x"}', b'{"id":true,"command":"x"}',
    b'{"id":[1],"command":"x"}', b'{"id":1,"command":5}', b'{"id":1,"command":"x","arguments":[]}', b"\xff\xfe",
    b'{"id":"' + b"x" * 65 + b'","command":"x"}', b"[" * 50_000,
])
def test_requests_that_are_none(payload: bytes) -> None:
    connection, _ = new()
    assert connection.receive(Frame(16, payload).to_bytes()) == []
    assert replies(connection)[0][1]["code"] == -19
    assert not connection.closing


def test_a_request_and_its_reply() -> None:
    connection, _ = new()
    [asked] = connection.receive(request("dial", "a1", target="100"))
    assert asked == JsonRequest("a1", "dial", {"target": "100"})
    connection.reply_json(asked, {"call": 1})
    connection.fail(asked, -7, "no such call")
    assert replies(connection) == [
        (16, {"id": "a1", "code": 0, "result": {"call": 1}}), (16, {"id": "a1", "code": -7, "error": "no such call"})]


def test_requests_under_way_have_a_bound() -> None:
    connection, _ = new()
    taken = [one for at in range(MOST_IN_FLIGHT + 3) for one in connection.receive(request("x", at))]
    assert len(taken) == MOST_IN_FLIGHT
    assert [reply["code"] for _, reply in replies(connection)] == [-22] * 3
    connection.reply_json(taken[0], None)
    assert len(connection.receive(request("x"))) == 1


def subscribe(connection: ControlConnection, **arguments: object) -> list[Any]:
    [asked] = connection.receive(request("subscribe", **arguments))
    connection.subscribe(asked, {"calls": []})
    return [reply for _, reply in replies(connection)]


def test_a_subscriber_gets_a_snapshot_then_the_events_it_wants() -> None:
    connection, journal = new()
    connection.push("call", journal.append("call", {}))
    assert subscribe(connection, events=["call"]) == [{"id": 1, "code": 0, "result": {
        "sequence": 1, "epoch": "epoch", "resumed": False, "snapshot": {"calls": []}}}]
    connection.push("call", journal.append("call", {"n": 1}))
    connection.push("other", journal.append("other", {}))
    assert replies(connection) == [(18, {"sequence": 2, "event": "call", "n": 1})]
    connection.unsubscribe(JsonRequest(2, "unsubscribe", {}))
    connection.push("call", journal.append("call", {}))
    assert replies(connection) == [(16, {"id": 2, "code": 0, "result": None})]


@given(st.integers(0, 30), st.integers(-3, 35), st.integers(1, 40), st.booleans())
def test_one_that_was_away_misses_nothing_or_gets_a_snapshot(made: int, known: int, kept: int, same: bool) -> None:
    connection, journal = new(kept=kept)
    for at in range(made):
        journal.append("e", {"n": at})
    first, *events = subscribe(connection, after=known, epoch="epoch" if same else "before")
    if same and made - min(kept, made) <= known <= made:
        assert first["result"]["resumed"]
        assert [event["sequence"] for event in events] == list(range(known + 1, made + 1))
    else:
        assert first["result"]["snapshot"] == {"calls": []}
        assert events == []


@pytest.mark.parametrize("arguments", [{"events": "call"}, {"events": [1]}, {"events": {}}])
def test_subscriptions_that_are_none(arguments: dict[str, object]) -> None:
    connection, _ = new()
    assert subscribe(connection, **arguments)[0]["code"] == -2
    assert not connection.subscribed


@given(st.lists(st.binary(max_size=60) | st.builds(
    lambda number, payload: Frame(number, payload).to_bytes(), st.integers(0, 20), st.binary(max_size=30)), max_size=6),
    st.sampled_from([None, "t"]))
def test_any_bytes_are_taken_or_refused(pieces: list[bytes], token: str | None) -> None:
    connection, _ = new(token)
    for piece in pieces:
        for asked in connection.receive(piece):
            assert connection.authenticated
            connection.fail(asked, -1, "no")
    FrameReader(1 << 30).feed(connection.data_to_send())


# -- text of messages between windows ------------------------------------------------------------------------------

@given(TEXTS)
def test_utf_16_with_its_zero_and_utf_8_are_told_apart(text: str) -> None:
    assert decode_text(text.encode("utf-16-le") + b"\0\0") == text
    assert decode_text(b"\xff\xfe" + text.encode("utf-16-le")) == text
    assert decode_text(b"\xef\xbb\xbf" + text.encode() + b"\0") == text
    assert decode_text(text.encode()) == text


@pytest.mark.parametrize(("data", "text"), [
    (b"", ""), (b"\0", ""), (b"\0\0", ""), (b"100", "100"), (b"100\0", "100"), ("1".encode("utf-16-le"), "1"),
    ("/answer".encode("utf-16-le"), "/answer"), ("\u4f60\u597d".encode(), "\u4f60\u597d"),
    ("\u00fc".encode("utf-16-le") + "\u4f60".encode("utf-16-le"), "\u00fc\u4f60"), (b"\xfc\x6f", "\u6ffc"),
])
def test_texts(data: bytes, text: str) -> None:
    assert decode_copydata(1, data) == (1, text)


@pytest.mark.parametrize("data", [b"\xff", b"a\0b", b"\0" * 3 + b"x", b"a\0\0\0b\0", b"\xff\xfe\0\xd8",
b"x" * (LARGEST_PAYLOAD + 1)])
def test_what_is_no_text(data: bytes) -> None:
    with pytest.raises(ParseError):
        decode_copydata(1, data)
