"""Command lines of the documentation that the tables of tests/control do not hold."""

from __future__ import annotations

import pytest

from microsip_core.control.actions import ActionKind
from microsip_core.control.launch import parse_launch


@pytest.mark.parametrize(("url", "kind"), [
    ("msip:micmute", ActionKind.MIC_MUTE), ("msip:micunmute", ActionKind.MIC_UNMUTE),
    ("msip:speakmute", ActionKind.SPEAKER_MUTE), ("msip:speakunmute", ActionKind.SPEAKER_UNMUTE),
])
def test_commands_as_a_url(url: str, kind: ActionKind) -> None:
    assert [action.kind for action in parse_launch([url]).actions] == [kind]
