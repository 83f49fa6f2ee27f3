"""SRTP of a reference stream: its packets sealed and opened by pylibsrtp, and why one could not be."""

from __future__ import annotations

from typing import Literal

from microsip_core.media.srtp import PROFILES, SrtpKeys, open_session, remove_mki

Verdict = Literal["authentic", "forged", "replayed", "failed"]

_RTP_HEADER, _RTCP_HEADER = 12, 8


class StreamSeal:
    """The sessions of both directions, made for one set of keys."""

    def __init__(self, keys: SrtpKeys) -> None:
        """Make the sessions; raises :class:`NotSupported`."""
        import pylibsrtp

        self._error = pylibsrtp.Error
        self._keys = keys
        self._profile = PROFILES[keys.suite]
        self._sending = open_session(keys.suite, keys.send, receiving=False)
        self._receiving = open_session(keys.suite, keys.receive, receiving=True)

    def take_over(self, before: StreamSeal) -> None:
        """Go on with the sessions of another one whose keys are the same."""
        old, new = before._keys, self._keys
        if (old.suite, old.send) == (new.suite, new.send):
            self._sending = before._sending
        if (old.suite, old.receive, old.receive_mki) == (new.suite, new.receive, new.receive_mki):
            self._receiving = before._receiving

    def close(self, packet: bytes, rtcp: bool) -> bytes | None:
        """Return the packet encrypted, None when that is not possible."""
        try:
            return self._sending.protect_rtcp(packet) if rtcp else self._sending.protect(packet)
        except (self._error, ValueError):
            return None

    def open(self, packet: bytes, rtcp: bool) -> tuple[bytes | None, Verdict]:
        """Return the packet decrypted, or None and why."""
        if len(packet) < (_RTCP_HEADER if rtcp else _RTP_HEADER) or packet[0] >> 6 != 2:
            return None, "failed"
        if self._keys.receive_mki:
            after = self._profile.rtcp_tag if rtcp else self._profile.tag
            shorter = remove_mki(packet, self._keys.receive_mki, after)
            if shorter is None:
                return None, "forged"
            packet = shorter
        try:
            plain = self._receiving.unprotect_rtcp(packet) if rtcp else self._receiving.unprotect(packet)
        except ValueError:
            return None, "failed"  # longer than pylibsrtp takes
        except self._error as error:
            reason = str(error)
            return None, "forged" if "authentication" in reason else "replayed" if "replay" in reason else "failed"
        return plain, "authentic"
