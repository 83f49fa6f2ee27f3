"""Settings outside their range are told when they are given, each with what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from microsip_core.errors import InvalidArgument
from microsip_core.user_agent.config import UserAgentConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port_range", (5, 2)), ("port_range", (70000, 80000)), ("port_range", (0, 100)), ("media_timeout", -5),
        ("ring_timeout", 0), ("ring_timeout", float("nan")), ("close_timeout", -1), ("trace", -1), ("max_calls", 0),
        ("requests_per_second", 0), ("request_burst", 0), ("allow_from", "192.0.2.0/24"), ("allow_from", ["192.0.2"]),
        ("unlimited_from", ["::/200"]),
        ("ptime_ms", 5), ("ptime_ms", 80), ("user_agent", "a\r\nVia: b"), ("codecs", "PCMU"), ("max_message_size", -1),
    ],
)
def test_bad_setting_names_itself(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        UserAgentConfig(**{name: value})
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("port_range", (10000, 10100)), ("media_timeout", 0), ("max_calls", 1), ("max_calls", None),
     ("allow_from", ["192.0.2.0/24", "::1"]), ("requests_per_second", None), ("user_agent", "")],
)
def test_settings_at_their_bounds_are_taken(name: str, value: Any) -> None:
    assert getattr(UserAgentConfig(**{name: value}), name) == value
