"""The launch grammar as a table, from words and from one text, and that nothing breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microsip_core.config.secret import Secret
from microsip_core.control.actions import Action, ActionKind, Digits, Launch
from microsip_core.control.launch import (
    ALIASES,
    LONGEST_LINE,
    looks_like_launch,
    parse_command_line,
    parse_launch,
    redact,
    schedule_digits,
)
from microsip_core.errors import InvalidArgument

K = ActionKind


def dial(target: str, *digits: tuple[float, str]) -> Action:
    return Action(K.DIAL, target=target, digits=tuple(Digits(at, text) for at, text in digits))


TABLE: list[tuple[list[str], list[Action]]] = [
    ([], [Action(K.SHOW)]),
    (["100"], [dial("100")]),
    (["+49", "30", "123"], [Action(K.MESSAGE, "+49", "30 123")]),
    (["bob@pbx.example"], [dial("bob@pbx.example")]),
    (["sip:bob@pbx.example;transport=tcp?Subject=x"], [dial("bob@pbx.example;transport=tcp?Subject=x")]),
    (["SIPS:bob@pbx"], [dial("SIPS:bob@pbx")]),
    (["tel:+49%2030%20123"], [dial("+49 30 123")]),
    (["callto://100/"], [dial("100")]),
    (["Dial:100"], [dial("100")]),
    (["dialpad:*97#"], [dial("*97#")]),
    (["100,123,,4"], [dial("100", (1.0, "123"), (3.6, "4"))]),
    (["sip:100@pbx,1*"], [dial("100@pbx", (1.0, "1*"))]),
    (["100", "hello", "there"], [Action(K.MESSAGE, "100", "hello there")]),
    (["100", "/not", "a", "command"], [Action(K.MESSAGE, "100", "/not a command")]),
    (["100", "answer"], [Action(K.MESSAGE, "100", "answer")]),
    (["100", "/answer"], [Action(K.MESSAGE, "100", "/answer")]),
    (["/answer"], [Action(K.ANSWER)]),
    (["-ANSWER"], [Action(K.ANSWER)]),
    (["Answer"], [Action(K.ANSWER)]),
    (["/HangupAll"], [Action(K.HANGUP_ALL)]),
    (["/hangupincoming"], [Action(K.HANGUP_INCOMING)]),
    (["/hangupcalling"], [Action(K.HANGUP_CALLING)]),
    (["hangup"], [Action(K.HANGUP)]),
    (["/hangup"], [Action(K.HANGUP)]),
    (["-hangup"], [Action(K.HANGUP)]),
    (["hold"], [Action(K.HOLD)]),
    (["/mute"], [Action(K.MUTE)]),
    (["status"], [Action(K.STATUS)]),
    (["-calls"], [Action(K.CALLS)]),
    (["/dtmf:12#a"], [Action(K.DTMF, text="12#A")]),
    (["/DTMF:5?"], [Action(K.FILL_DIGITS, text="5")]),
    (["/transfer:200"], [Action(K.TRANSFER, target="200")]),
    (["/transfer:sip:Bob@x"], [Action(K.TRANSFER, target="Bob@x")]),
    (["/account:2", "100"], [Action(K.ACCOUNT, account=2), dial("100")]),
    (["100", "/Account:2"], [Action(K.ACCOUNT, account=2), dial("100")]),
    (["100", "/account:2", "hi", "you"], [Action(K.ACCOUNT, account=2), Action(K.MESSAGE, "100", "hi you")]),
    (["/account:3", "/password:S3cret"], [Action(K.PASSWORD, account=3, password=Secret("S3cret"))]),
    (["/password:S3cret", "100"], [Action(K.PASSWORD, password=Secret("S3cret")), dial("100")]),
    (["/exit"], [Action(K.EXIT)]),
    (["/reset"], [Action(K.RESET)]),
    (["/resetnoask"], [Action(K.RESET_NO_ASK)]),
    (["/minimized"], [Action(K.MINIMIZE)]),
    (["/minimized", "100"], [dial("100")]),
    (["msip:answer"], [Action(K.ANSWER)]),
    (["MSIP://HangupAll/"], [Action(K.HANGUP_ALL)]),
    (["msip:transfer_200"], [Action(K.TRANSFER, target="200")]),
    (["msip:hold"], [Action(K.HOLD)]),
    (["msip:micmuteclick"], [Action(K.MIC_MUTE_CLICK)]),
    (["msip:speakup"], [Action(K.SPEAKER_UP)]),
    (["msip:100"], [dial("100")]),
    (["msip:status"], [Action(K.STATUS)]),
    (["msip:transfer_"], [dial("transfer_")]),
    (["answer@pbx"], [dial("answer@pbx")]),
    (["/answer", "/dtmf:1"], [Action(K.ANSWER), Action(K.DTMF, text="1")]),
    (["/5"], [dial("/5")]),
]


@pytest.mark.parametrize(("words", "actions"), TABLE, ids=lambda value: " ".join(map(str, value))[:40])
def test_the_grammar(words: list[str], actions: list[Action]) -> None:
    assert list(parse_launch(words).actions) == actions
    assert list(parse_command_line("  " + "  ".join(words) + " ").actions) == [
        Action(one.kind, one.target, one.text.replace(" ", "  ") if one.kind is K.MESSAGE else one.text, one.digits,
               one.account, one.password) for one in actions]


@pytest.mark.parametrize(("text", "launch"), [
    ('"tel:+49 30 123"', Launch((dial("+49 30 123"),))),
    ('100 "hello  there"', Launch((Action(K.MESSAGE, "100", "hello  there"),))),
    ('100 he said "hi"', Launch((Action(K.MESSAGE, "100", 'he said "hi"'),))),
    ("100\tline one\nline two", Launch((Action(K.MESSAGE, "100", "line one\nline two"),))),
    ('/i:"C:\\My Phones\\a b.ini" 100', Launch((dial("100"),), "C:\\My Phones\\a b.ini")),
    ('"/i:a b.ini"', Launch((Action(K.SHOW),), "a b.ini")),
    ("100 /i:x.ini /minimized", Launch((dial("100"),), "x.ini", True)),
    ("", Launch((Action(K.SHOW),))),
    ('"', Launch((Action(K.SHOW),))),
    ("sip:bob%20hello", Launch((Action(K.MESSAGE, "bob", "hello"),))),
    ("sip:100%20/exit", Launch((Action(K.MESSAGE, "100", "/exit"),))),
    ("sip:1%2B1", Launch((dial("1+1"),))),
])
def test_command_lines(text: str, launch: Launch) -> None:
    assert parse_command_line(text) == launch


@pytest.mark.parametrize(("text", "digits"), [
    ("1", [(1.0, "1")]),
    ("123,,4", [(1.0, "123"), (3.6, "4")]),
    ("123,4", [(1.0, "123"), (2.6, "4")]),
    (",1", [(2.0, "1")]),
    ("1 2,ab", [(1.0, "12"), (2.4, "AB")]),
    ("", []),
    (",,", []),
    ("1,", [(1.0, "1")]),
])
def test_when_digits_go_out(text: str, digits: list[tuple[float, str]]) -> None:
    assert [(one.at, one.digits) for one in schedule_digits(text)] == digits


@pytest.mark.parametrize("words", [
    ["/nothing"], ["/dial:1"], ["/dtmf:"], ["/dtmf:12x"], ["/dtmf:?"], ["/dtmf:" + "1" * 129], ["/transfer:"],
    ["/account:"],
    ["/account:x"], ["/account:-1"], ["/account:\u0661"], ["/account:1000"], ["/password:"], ["/i:"], ["/answer:1"],
    ["sip:"],
    ["100,x"], ["100,1", "text"], ["100\0"], ["1\x01"], ["/transfer:a\nb"], ["x" * 1025], ["/"], ["-"], ["/home/me"],
    ["/answer:"],
])
def test_what_means_nothing_is_told_and_never_dialled(words: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        parse_launch(words)


def test_a_line_has_a_bound() -> None:
    with pytest.raises(InvalidArgument, match="too long"):
        parse_command_line("1" * (LONGEST_LINE + 1))


def test_a_password_is_shown_nowhere() -> None:
    words = ["/account:1", "/Password:hunter2", "-password:hunter2", "100"]
    launch = parse_launch(words)
    assert "hunter2" not in repr(launch)
    assert launch.actions[0].password.reveal() == "hunter2"
    assert redact(words) == ["/account:1", "/Password:***", "-password:***", "100"]
    for wrong in (["/password:hunter2", "/account:hunter2"], ["/password=hunter2"], ["/pasword:hunter2"]):
        with pytest.raises(InvalidArgument) as error:
            parse_launch(wrong)
        assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(("words", "starts"), [
    ([], True), (["100"], True), (["100", "hi"], True), (["/minimized"], True), (["/account:1"], True),
    (["/answer"], False),
    (["/hangupall"], False), (["/exit"], False), (["status"], False), (["msip:hold"], False),
    (["/answer", "100"], True),
])
def test_what_starts_a_phone(words: list[str], starts: bool) -> None:
    assert parse_launch(words).starts_a_phone is starts


@pytest.mark.parametrize(("word", "launch"), [
    ("/answer", True), ("/x", True), ("-hangup", True), ("-dtmf:1", True), ("--help", False), ("-h", False),
    ("sip:x", True), ("TEL:1", True), ("sips:x", True), ("msip:hold", True), ("bob@x", True), ("100", True),
    ("+49 30", True), ("100,1", True), ("status", True), ("dial", False), ("bob", False), ("", False), ("-", False),
])
def test_what_is_this_grammar_beyond_doubt(word: str, launch: bool) -> None:
    assert looks_like_launch(word) is launch


WORDS = st.one_of(
    st.text(max_size=12), st.sampled_from([word for words, _ in TABLE for word in words]),
    st.builds(lambda a, b: f"/{a}:{b}", st.sampled_from(["dtmf", "account", "i", "transfer", "password"]),
    st.text(max_size=6)),
)


@given(st.lists(WORDS, max_size=5))
def test_any_words_are_read_or_told(words: list[str]) -> None:
    for parse, given_words in ((parse_launch, words), (parse_command_line, " ".join(words))):
        try:
            launch = parse(given_words)
        except InvalidArgument:
            continue
        assert launch.actions
        if ":" not in "".join(words):  # no scheme before the word
            assert not any(action.kind is K.DIAL and action.target.lower() in ALIASES for action in launch.actions)
