"""What two sides agree on about RTCP: one port for both, reduced size, and VoIP metrics in the reports."""

from __future__ import annotations

from typing import NamedTuple

from .description import MediaDescription


class RtcpFeatures(NamedTuple):
    """Features of RTCP that both sides have, or that one side says it has."""

    mux: bool = False
    """It goes and comes on the port of RTP (RFC 5761)."""
    reduced_size: bool = False
    """The peer may leave out the report (RFC 5506); we never do."""
    voip_metrics: bool = False
    """The peer wants VoIP metrics in our reports (RFC 3611 s4.7)."""

    def __and__(self, other: RtcpFeatures) -> RtcpFeatures:
        """Return those that both have."""
        return RtcpFeatures(*(ours and theirs for ours, theirs in zip(self, other, strict=True)))

    @property
    def lines(self) -> str:
        """The attribute lines that say so."""
        return "".join(line for has, line in zip(self, _LINES, strict=True) if has)


_LINES = ("a=rtcp-mux\r\n", "a=rtcp-rsize\r\n", "a=rtcp-xr:voip-metrics\r\n")
NO_FEATURES = RtcpFeatures()
ALL_FEATURES = RtcpFeatures(True, True, True)


def rtcp_features(media: MediaDescription) -> RtcpFeatures:
    """Read a stream's features off its attributes.

    a=rtcp-xr may stand for the session too (RFC 3611 s5.1); such a wish, which nobody has to meet, is not looked for.
    """
    attributes = media.attributes
    if "rtcp-mux" not in attributes and "rtcp-rsize" not in attributes and "rtcp-xr" not in attributes:
        return NO_FEATURES
    wanted = " ".join(attributes.get("rtcp-xr", ())).split()
    return RtcpFeatures(
        "rtcp-mux" in attributes, "rtcp-rsize" in attributes,
        any(parameter.partition("=")[0] == "voip-metrics" for parameter in wanted),
    )
