"""Where RTP goes and from where it is believed: symmetric RTP (RFC 4961) with a guard against theft of the stream."""

from __future__ import annotations

from microsip_core.media.stream import Address

_LEARNING = 3.0  # seconds in which the address that SDP named may still take over
_SAME_SOURCE = 0.5  # seconds of silence after which the same SSRC is followed to another address
_OTHER_SOURCE = 5.0  # and another SSRC


class Peer:
    """The other end of a stream. The first valid packet decides, so that a peer behind a NAT is heard at once."""

    def __init__(self) -> None:
        self.rtp: Address | None = None
        self.rtcp: Address | None = None
        self._signaled: Address | None = None
        self._latched = False
        self._settled = False
        self._latched_at = self._heard = 0.0

    def configure(self, rtp: Address | None, rtcp: Address | None) -> None:
        """Take what SDP says now. The same address again keeps what has been learned."""
        if rtp != self._signaled or rtp is None:
            self.rtp = self._signaled = rtp
            self._latched = self._settled = False
        self.rtcp = rtcp if rtcp is not None or rtp is None else (rtp[0], rtp[1] + 1)

    def accept(self, source: Address, same_ssrc: bool, now: float, *, authentic: bool = False) -> bool:
        """Say whether a valid packet from there belongs to this stream; follow it where that is right.

        ``authentic``: it is encrypted with the peer's key and no replay, which is the best proof there is.
        """
        if self._latched and source == self.rtp:
            self._heard = now
            return True
        if self._latched:
            rightful = not self._settled and now - self._latched_at < _LEARNING and source == self._signaled
            patience = _SAME_SOURCE if same_ssrc else _OTHER_SOURCE
            if not rightful and not authentic and now - self._heard < patience:
                return False
        self._settled = self._latched or source == self._signaled
        self._latched = True
        self._latched_at = self._heard = now
        if self.rtcp is None or self.rtcp[0] != source[0]:
            self.rtcp = (source[0], source[1] + 1)
        self.rtp = source
        return True

    def accept_rtcp(self, source: Address, *, muxed: bool = False) -> bool:
        """Say whether RTCP from there belongs to this stream; later reports go there, unless it came with RTP."""
        known = {address[0] for address in (self.rtp, self._signaled, self.rtcp) if address is not None}
        if source[0] not in known:
            return False
        if not muxed:
            self.rtcp = source
        return True
