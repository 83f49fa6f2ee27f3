"""Tokens, quoted strings, lists and parameters (RFC 3261 s25)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microsip_core.sip.grammar import (
    format_display_name,
    format_parameters,
    is_token,
    parse_number,
    parse_parameters,
    quote,
    split_list,
    split_outside,
    unquote,
)
from microsip_core.sip.parse_error import SipParseError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("  ", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a , b ,, c ", ["a", "b", "c"]),
        ('"a,b" <sip:x>, c', ['"a,b" <sip:x>', "c"]),
        ("<sip:a,b@x>,<sip:c@y;p=1,2>", ["<sip:a,b@x>", "<sip:c@y;p=1,2>"]),
        (r'"a \", b" <sip:x>,c', [r'"a \", b" <sip:x>', "c"]),
        (r'"a\\",b', [r'"a\\"', "b"]),
        ('"<" <sip:a>, ">" <sip:b>', ['"<" <sip:a>', '">" <sip:b>']),
        ('<sip:"@x>,b', ['<sip:"@x>', "b"]),
        ('"open, a, b', ['"open, a, b']),
        ("<open, a, b", ["<open, a, b"]),
        ('a, "b" , <c>;d="e,f"', ["a", '"b"', '<c>;d="e,f"']),
    ],
)
def test_list_is_split_outside_quotes_and_brackets(text: str, parts: list[str]) -> None:
    assert split_list(text) == parts


@settings(deadline=None)
@given(st.text(alphabet='a,;"\\<> ', max_size=60), st.sampled_from(",;"))
def test_splitting_loses_nothing(text: str, separator: str) -> None:
    assert separator.join(split_outside(text, separator)) == text


@pytest.mark.parametrize("piece", [",", '"', "<", '",', '<">,', '\\",', '"\\'])
def test_splitting_a_hostile_value_takes_linear_time(piece: str) -> None:
    def seconds(count: int) -> float:
        text = '"' + piece * count
        best = 1e9
        for _ in range(3):
            start = time.process_time()
            split_list(text)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(40_000) < 30 * max(seconds(4_000), 1e-4)


@pytest.mark.parametrize(
    ("quoted", "text"),
    [('"a"', "a"), ('""', ""), (r'"a\"b"', 'a"b'), (r'"a\\"', "a\\"), (r'"\a\b"', "ab"), ("a", "a"), ('"', '"')],
)
def test_unquote(quoted: str, text: str) -> None:
    assert unquote(quoted) == text


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="\r\n")))
def test_quoting_round_trips(text: str) -> None:
    assert unquote(quote(text)) == text


def test_quoting_drops_line_breaks() -> None:
    assert quote('a"\r\nVia: b') == r'"a\"Via: b"'


def test_parameters() -> None:
    assert parse_parameters('tag=x;LR; Q = 0.5 ;a="b;c"', "Test") == {"tag": "x", "lr": None, "q": "0.5", "a": '"b;c"'}
    assert format_parameters({"tag": "x", "lr": None}) == ";tag=x;lr"
    assert format_parameters({}) == ""


@pytest.mark.parametrize("text", ["", ";", "a;;b", "a;", "=x", "a b=c", "a=1;A=2", 'a="x"y', 'a=x"', "ä=1", 'a="x'])
def test_malformed_parameters_are_refused(text: str) -> None:
    with pytest.raises(SipParseError) as caught:
        parse_parameters(text, "Test")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "limit", "number"),
    [
        ("0", 255, 0),
        ("0068", 255, 68),
        ("256", 255, None),
        ("4294967295", 0xFFFFFFFF, 4294967295),
        ("4294967296", 0xFFFFFFFF, None),
        ("0" * 5000 + "7", 255, 7),
        ("9" * 5000, 0xFFFFFFFF, None),
        ("", 9, None),
        ("-1", 9, None),
        ("+1", 9, None),
        ("1 ", 9, None),
        ("²", 9, None),
        ("٣", 9, None),
    ],
)
def test_number(text: str, limit: int, number: int | None) -> None:
    assert parse_number(text, limit) == number


def test_token() -> None:
    assert is_token("a-.!%*_+`'~9")
    assert not is_token("")
    assert not is_token("a b")
    assert not is_token("ä")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Bob", "Bob"),
        ("Bob Smith", "Bob Smith"),
        ("Bob  Smith", '"Bob  Smith"'),
        ("J. Ü", '"J. Ü"'),
        ('a"b', r'"a\"b"'),
    ],
)
def test_display_name_is_quoted_when_it_must_be(name: str, text: str) -> None:
    assert format_display_name(name) == text
