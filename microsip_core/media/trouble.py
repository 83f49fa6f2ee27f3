"""Why nothing is heard: the likely cause that a media engine tells with ``no_rtp``, in words, with a remedy."""

from __future__ import annotations

_CAUSES = {
    "nothing": (
        "nothing at all arrives at {local}",
        "Check that {local} can be reached from the peer: a firewall or NAT may drop what it sends, or the address in"
        " our description is one it has no route to",
    ),
    "rtcp_only": (
        "RTCP arrives, but no RTP: the peer is there and sends no sound",
        "Look at the peer: it may be on hold or muted, have no microphone, or wait to be sent RTP first",
    ),
    "foreign": (
        "RTP arrives from {detail}, which is not the peer, and is ignored",
        "If it is the peer, its description has to name the address it sends from",
    ),
    "payload_type": (
        "RTP arrives with payload type {detail}, which was not agreed on",
        "Look at the codecs of both descriptions: the peer sends another one",
    ),
    "not_rtp": ("something arrives at {local} that is no RTP", "Look at what sends there: it may be encrypted by DTLS"),
    "not_authentic": (
        "RTP arrives that is not encrypted with the key agreed on, or not at all",
        "Look at the a=crypto lines of both descriptions: something between may have changed them",
    ),
}


def explain_no_rtp(detail: str, local: str, waited_ms: int) -> tuple[str, str]:
    """Return a sentence and a remedy for the detail of a ``no_rtp`` event: a cause, and what it is about.

    ``local`` is our "host:port". The causes: nothing, rtcp_only, foreign HOST:PORT, payload_type N, not_rtp,
    not_authentic.
    """
    cause, _, about = detail.partition(" ")
    text, remedy = _CAUSES.get(cause, _CAUSES["nothing"])
    words = {"local": local, "detail": about}
    return f"no RTP after {waited_ms / 1000:.1f} s: {text.format(**words)}", remedy.format(**words)
