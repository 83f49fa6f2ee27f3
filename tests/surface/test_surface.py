"""All that is promised has a test that proves it, and the page that says so is up to date."""

from __future__ import annotations

import re

import pytest

from microsip_core.c_api import functions, specification
from microsip_core.config.account_settings import AccountSettings
from microsip_core.config.configuration import key_table
from microsip_core.config.settings import General, Settings
from microsip_core.control.event_commands import PLACEHOLDERS
from microsip_core.control.numbers import Number
from microsip_core.errors import ErrorCode
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.states import CallState

from .table import KINDS, PAGE, ROOT, mentions, page, rows, text_of

SPOKEN = {"NUMBER,123,,4": "100,123,,4", "NUMBER text...": "hello"}
"""What a test of such an argument says in its place."""
DESIGN = ROOT.parent / "shared" / "design" / "surface.md"


def there_are() -> dict[str, set[str]]:
    """Return the names that the package has, by kind."""
    settings = set(key_table(Settings))
    commands = {key for key in settings if key.startswith("cmd")}
    return {
        "functions": {name for name in functions.__all__ if name.startswith("sip_")},
        "structures": {name for name in functions.__all__ if name.startswith("Sip")}
        | {record.__name__ for record in specification.records()} | {"UserAgentConfig"},
        "states": {state.value for state in CallState}, "events": {event.value for event in EventType},
        "errors": {code.name for code in ErrorCode}, "settings": settings - commands,
        "accounts": set(key_table(AccountSettings)), "commands": commands | set(key_table(General)),
        "placeholders": {f"%{name}%" for name in PLACEHOLDERS}, "numbers": {number.name for number in Number},
    }


@pytest.mark.parametrize("kind", sorted(there_are()))
def test_all_there_is_has_a_row(kind: str) -> None:
    data = rows()
    told, pending = set(data[kind]), set(data["pending"])
    assert there_are()[kind] - told - pending == set(), "add a row to docs/surface.toml, with the test that proves it"
    assert told - there_are()[kind] == set(), "a row for what there is not"


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_names_a_test_that_speaks_of_it(kind: str) -> None:
    wrong = []
    for name, test in rows()[kind].items():
        file, _, function = test.partition("::")
        text = text_of(ROOT / file, function) if (ROOT / file).is_file() else None
        if text is None:
            wrong.append(f"{name}: there is no {test}")
        elif not mentions(text, kind, SPOKEN.get(name, name)):
            wrong.append(f"{name}: {test} does not speak of it")
    assert wrong == []


def test_nothing_is_both_there_and_pending() -> None:
    data = rows()
    pending = set(data["pending"])
    assert {name: kind for kind in ("functions", "structures", "states", "errors", "settings", "accounts", "numbers")
            for name in pending & set(data[kind])} == {}


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == page(), "run python -m tests.surface.table"


@pytest.mark.skipif(not DESIGN.is_file(), reason="the contract is not beside this repository")
def test_every_function_of_the_contract_has_a_row() -> None:
    promised = {name for name in re.findall(r"\bsip_[a-z_]+", DESIGN.read_text()) if not name.endswith("_t")}
    assert promised - set(rows()["functions"]) == set()
