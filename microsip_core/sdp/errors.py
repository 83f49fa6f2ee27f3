"""The error and the limits of the SDP parser."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.errors import ParseError


class SdpError(ParseError):
    """A session description is malformed or too large; ``line`` is the number of the offending line, from 1."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}", step="parse SDP")
        self.line = line


@dataclass(frozen=True, slots=True)
class SdpLimits:
    """What a description may hold before it is refused; a JSEP offer with simulcast stays below half of each."""

    octets: int = 65_536
    lines: int = 2_000
    media: int = 64
    formats: int = 128  # per media description: there are no more payload types


DEFAULT_LIMITS = SdpLimits()
