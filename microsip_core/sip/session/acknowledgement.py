"""The ACKs to the 2xx of one INVITE of ours, and the end of forks that came too late (RFC 3261 s13.2.2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dialog.dialog import Dialog
from ..protection import is_own_server
from .client_request import ClientRequest
from .uac_core import dialog_request

if TYPE_CHECKING:
    from ..endpoint import Endpoint
    from ..events import EndCause
    from ..hop import Hop, Source
    from ..identity import Identity
    from ..message import Response
    from ..transaction.client import ClientTransaction

_MAX_FORKS = 32
_CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Acknowledgement:
    """Owner of an INVITE client transaction from its first 2xx on: for as long as 2xx may come, it alone stays.

    A retransmitted 2xx has its ACK repeated. A 2xx of another fork is acknowledged and its dialog ended by BYE: one
    answer is enough.
    """

    __slots__ = ("_acks", "_credentials", "_endpoint", "_hop", "_identity", "_nonces", "_tag", "_uri")

    def __init__(self, endpoint: Endpoint, identity: Identity, invite: ClientRequest, tag: str) -> None:
        """``invite`` is the INVITE that was answered, ``tag`` the To tag of its first 2xx."""
        self._endpoint = endpoint
        self._identity = identity
        self._hop = invite.hop
        self._nonces = invite.nonces
        self._tag = tag
        self._uri = invite.uri
        self._credentials = [(name, value) for name in _CREDENTIALS for value in invite.request.get_all(name)]
        self._acks: dict[str, tuple[bytes, Hop, Source | None]] = {}

    def acknowledge(self, dialog: Dialog, cseq: int, sdp: bytes | None = None) -> None:
        """Send the ACK in ``dialog``. It has the credentials of the INVITE, since it can not be challenged (s22.1)."""
        request, hop = dialog_request(
            self._endpoint, self._identity, dialog, "ACK", cseq=cseq, body=sdp or b"",
            content_type="application/sdp" if sdp else None,
        )
        if self._credentials and self._are_for(hop, dialog.flow):
            for name, value in self._credentials:
                request.add(name, value)
        packet = self._acks[dialog.remote_tag] = (request.to_bytes(), hop, dialog.flow)
        self._endpoint.layer.send(*packet)

    def _are_for(self, hop: Hop, flow: Source | None) -> bool:
        """Whether the credentials may go there: not to a callee whom the server that wanted them has left us with."""
        if hop.with_port == self._hop.with_port:
            return True
        return is_own_server(self._identity, hop, flow, self._endpoint.config.addresses_of)

    # -- from the transaction

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Take a further 2xx."""
        tag = response.to.tag or ""
        packet = self._acks.get(tag)
        if packet is not None:
            self._endpoint.layer.send(*packet)
        elif tag != self._tag and len(self._acks) < _MAX_FORKS:
            self._end_fork(response, now)

    def on_timeout(self, now: float) -> None:
        """An answered INVITE does not time out."""

    def on_transport_error(self, error: str, now: float) -> None:
        """The INVITE itself got through."""

    # -- forks

    def _end_fork(self, response: Response, now: float) -> None:
        dialog = Dialog.of_uac(response, self._uri)
        self.acknowledge(dialog, response.cseq.number)
        request, hop = dialog_request(self._endpoint, self._identity, dialog, "BYE")
        bye = ClientRequest(self._endpoint, self._identity, request, hop, self, dialog=dialog, nonces=self._nonces)
        bye.send(now)

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A 1xx to the BYE of a fork says nothing."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """Whatever became of that BYE, the fork is nothing to us any more."""
