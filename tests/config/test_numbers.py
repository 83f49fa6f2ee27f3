"""Dial plans, number rules and masks, as tables."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microsip_core.config.dial_plan import DialPlan
from microsip_core.config.number import is_number, normalize_number, strip_scheme
from microsip_core.errors import ConfigError, InvalidArgument, PermissionDenied
from microsip_core.user_agent.number_masks import matches_any, matches_mask


@pytest.mark.parametrize(("plan", "number", "sent"), [
    ("", "123", "123"),
    ("xxx", "123", "123"),
    ("xxx", "1234", None),
    ("xxx", "12", None),
    ("XXX", "123", "123"),
    ("[2-9]xx", "211", "211"),
    ("[2-9]xx", "111", None),
    ("[135]x", "52", "52"),
    ("[135]x", "22", None),
    ("[1-37]", "7", "7"),
    ("x.", "", ""),
    ("x.", "0123456789", "0123456789"),
    ("xx.", "1", "1"),
    ("0[1-9].", "0912", "0912"),
    ("0[1-9].", "0902", None),
    ("+x.", "+4930", "+4930"),
    ("*xx", "*97", "*97"),
    ("*xx|#x", "#1", "#1"),
    ("911|xxx|<9:>x.", "911", "911"),
    ("911|xxx|<9:>x.", "901234", "01234"),
    ("<9:>x.", "81234", None),
    ("<:+49>[2-9]x.", "30123", "+4930123"),
    ("<00:+>x.", "0049301", "+49301"),
    ("<0:+49>x.|<:+4930>x.", "0891", "+49891"),
    ("<0:+49>x.|<:+4930>x.", "891", "+4930891"),
    ("<x:5>xx", "123", "523"),
    ("1<2:3>4<5:6>", "1245", "1346"),
    (" xxx | 0 x . ", "055", "055"),
    ("xxx||", "123", "123"),
    ("||", "5", "5"),
    ("xxx", "12\u0663", None),
])
def test_dial_plan(plan: str, number: str, sent: str | None) -> None:
    assert DialPlan.parse(plan).apply(number) == sent


@pytest.mark.parametrize("plan", [
    "abc", "x|y", "[", "[]", "[9-2]", "[a-z]", ".x", "x..", "<1:2", "<12>", "<1:a>", "x>", "<1:<2:3>>", "(x)", "x{9}",
    "\\d",     "[1-9", "[\u0661]", "<[9:>x",
])
def test_a_plan_that_means_nothing_is_told(plan: str) -> None:
    with pytest.raises(ConfigError, match="dial plan"):
        DialPlan.parse(plan)


@given(st.text("x[]2-9.<>:*+#|0 ", max_size=20), st.text("0123456789*#+", max_size=12))
def test_no_plan_makes_trouble(plan: str, number: str) -> None:
    try:
        sent = DialPlan.parse(plan).apply(number)
    except ConfigError:
        return
    assert sent is None or set(sent) <= set("0123456789*+#")


def test_a_plan_takes_bounded_time_whatever_the_number() -> None:
    plan = DialPlan.parse("x.x.x.x#")
    with pytest.raises(PermissionDenied):
        normalize_number("1" * 64, dial_plan=plan)
    with pytest.raises(InvalidArgument):
        normalize_number("1" * 65, dial_plan=plan)


@pytest.mark.parametrize(("typed", "bare"), [
    ("123", "123"), ("tel:+1-555", "+1-555"), ("TEL:5", "5"), ("sip:bob@x", "bob@x"), ("SIP://bob@x/", "bob@x"),
    ("callto:5", "5"), ("callto://5/", "5"), ("dialpad:5", "5"), ("dial:5", "5"), ("msip:5", "5"),
    ("sips:bob@x", "sips:bob@x"), ("tel:%2B49%2030", "+49 30"), ("tel:%2b49", "+49"), ("sip:a%40b", "a%40b"),
    (" 5 ", "5"), ("sip:bob@x/y", "bob@x/y"), ("telephone", "telephone"), ("", ""), ("sip:", ""),
])
def test_schemes_fall_away(typed: str, bare: str) -> None:
    assert strip_scheme(typed) == bare


@pytest.mark.parametrize(("typed", "prefix", "plan", "dialled"), [
    ("(030) 123-45.6/7", "", None, "0301234567"),
    ("tel:+49 30 123", "", None, "+4930123"),
    ("123", "0", None, "123"),
    ("1234", "0", None, "01234"),
    ("+4930", "00", None, "004930"),
    ("+493", "", None, "+493"),
    ("bob.jones-smith", "0", "xxx", "bob.jones-smith"),
    ("bob@pbx.example", "0", "xxx", "bob@pbx.example"),
    ("12345@pbx.example", "0", "xxx", "12345@pbx.example"),
    ("sips:bob@x;transport=tls?Subject=hi", "", None, "sips:bob@x;transport=tls?Subject=hi"),
    ("0 30 5", "9", "<0:+49>x.", "949305"),
    ("*97", "0", None, "*97"),
])
def test_numbers_are_made_diallable(typed: str, prefix: str, plan: str | None, dialled: str) -> None:
    parsed = DialPlan.parse(plan) if plan is not None else None
    assert normalize_number(typed, dial_plan=parsed, dialing_prefix=prefix) == dialled


@pytest.mark.parametrize("typed", ["", "  ", "sip:", "tel://", "1\r\n2", "a\0", "x" * 1025, "a\x7f"])
def test_what_can_not_be_dialled(typed: str) -> None:
    with pytest.raises(InvalidArgument):
        normalize_number(typed)


def test_a_plan_blocks_what_it_does_not_know() -> None:
    with pytest.raises(PermissionDenied, match="dial plan"):
        normalize_number("0900123456", dial_plan=DialPlan.parse("[1-9]x."))


@pytest.mark.parametrize(("text", "number"), [
    ("123", True), ("+49 (30) 1-2", True), ("*97#", True), ("bob", False), ("", False), ("-.", False), ("1@x", False),
])
def test_what_a_number_is(text: str, number: bool) -> None:
    assert is_number(text) is number


@pytest.mark.parametrize(("mask", "number", "like"), [
    ("*", "", True), ("", "", True), ("", "1", False), ("555*", "5551", True), ("555*", "4555", False),
    ("*99", "199", True), ("?", "", False), ("??", "12", True), ("1?3", "123", True),
    ("1*3*5", "12345", True), ("1*3*5", "1245", False),
    ("Bob", "bob", True), ("[12]", "1", False), ("[12]", "[12]", True), ("a*b*c", "a-b-b-c", True), ("**", "x", True),
])
def test_masks(mask: str, number: str, like: bool) -> None:
    assert matches_mask(mask, number) is like


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_masks_are_as_their_regular_expressions(mask: str, number: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(character, character) for character in mask)
    assert matches_mask(mask, number) is bool(re.fullmatch(expression, number))


@pytest.mark.parametrize(("masks", "number", "like"), [
    ("", "1", True), (" ; ", "1", True), ("1*;2*", "25", True), ("1*|2*", "25", True), ("1* ; 3*", "25", False),
])
def test_lists_of_masks(masks: str, number: str, like: bool) -> None:
    assert matches_any(masks, number) is like
