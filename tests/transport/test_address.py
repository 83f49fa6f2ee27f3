"""Splitting and joining host and port."""

from __future__ import annotations

import socket

import pytest

from microsip_core.errors import InvalidArgument
from microsip_core.transport.address import (
    is_loopback,
    is_wildcard,
    join_host_port,
    numeric_family,
    split_host_port,
)


@pytest.mark.parametrize(("text", "expected"), [
    ("127.0.0.1:5060", ("127.0.0.1", 5060)),
    ("127.0.0.1", ("127.0.0.1", 7)),
    ("example.com:0", ("example.com", 0)),
    ("[::1]:5080", ("::1", 5080)),
    ("[::1]", ("::1", 7)),
    ("::1", ("::1", 7)),
])
def test_split(text: str, expected: tuple[str, int]) -> None:
    assert split_host_port(text, 7) == expected


@pytest.mark.parametrize("text", ["127.0.0.1:x", "127.0.0.1:65536", "h:-1", "[::1", "[::1]5060", "h:\u0665"])
def test_split_refuses(text: str) -> None:
    with pytest.raises(InvalidArgument):
        split_host_port(text)


def test_join_puts_brackets_round_ipv6() -> None:
    assert join_host_port(("::1", 5060)) == "[::1]:5060"
    assert join_host_port(("10.0.0.1", 5060)) == "10.0.0.1:5060"


def test_kinds() -> None:
    assert numeric_family("10.1.2.3") == socket.AF_INET
    assert numeric_family("fe80::1%eth0") == socket.AF_INET6
    assert numeric_family("example.com") is None
    assert numeric_family("") is None
    assert is_loopback("127.8.8.8")
    assert is_loopback("::1")
    assert not is_loopback("128.0.0.1")
    assert is_wildcard("0.0.0.0")
    assert is_wildcard("::")
