"""The transaction layer: matches messages to transactions, and keeps the one timer heap (RFC 3261 s17, RFC 6026)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from ..builder import response_to
from ..hop import Hop, OutgoingPacket, Source, response_hop
from ..message import Request, Response
from ..parse_error import SipParseError
from ..timers import DEFAULT_TIMERS, TimerHeap, Timers
from .client import ClientTransaction
from .invite_client import InviteClientTransaction
from .invite_server import InviteServerTransaction
from .non_invite_client import NonInviteClientTransaction
from .non_invite_server import NonInviteServerTransaction
from .server import ServerInput, ServerTransaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...ids import IdSource
    from .user import TransactionUser

ServerKey = tuple[str, str, int | None, str]
_TURNED_AWAY = 8192
_MAGIC_COOKIE = "z9hG4bK"


class TransactionLayer:
    """All transactions of one element; used by the UA core and by a proxy core alike.

    A request to be sent has its topmost Via already, with a fresh branch. ``timers.trying`` rules the automatic 100
    (0: at once).
    ``merged``: refuse merged requests with 482 (RFC 3261 s8.2.2.2; for a UA, not for a proxy): a proxy has forked them,
    so they have two Vias. With one Via it is the sender that tries again by another way (RFC 3263 s4.3). Beyond
    ``max_transactions`` server transactions, or ``max_octets`` of requests in them, a new request is refused with 503.
    ``refused`` counts what the layer refused by itself, by status.

    A response is matched by branch and CSeq method (s17.1.3); that the sent-by is ours follows from the branch, which
    is. One that does not have the Call-ID and CSeq of its request (s8.2.6.2) is none either: a dialog made of it would
    be another one.
    """

    __slots__ = (
        "_clients", "_max_octets", "_max_transactions", "_merge_keys", "_merged", "_octets", "_outgoing", "_secret",
        "_servers", "_turned_away", "admits", "refused", "timer_heap", "timers", "user",
    )

    def __init__(
        self, user: TransactionUser, ids: IdSource, timers: Timers = DEFAULT_TIMERS, *, max_transactions: int = 500_000,
        max_octets: int = 256 * 1024 * 1024, merged: bool = True,
    ) -> None:
        self.user = user
        self._secret = ids.tag()
        self.timers = timers
        self.timer_heap = TimerHeap()
        """Free for others above the layer too: ``schedule(when, owner, kind)``."""
        self.refused: dict[int, int] = {}
        self.admits: Callable[[Request, Source, float], bool] | None = None
        """Whether to take a request that is new; whoever says no has answered it where it is to be answered."""
        self._max_transactions = max_transactions
        self._max_octets = max_octets
        self._octets = 0
        self._merged = merged
        self._clients: dict[str, ClientTransaction] = {}
        self._servers: dict[ServerKey, ServerTransaction] = {}
        self._merge_keys: dict[str, ServerTransaction] = {}
        self._turned_away: dict[ServerKey, str] = {}
        self._outgoing: list[OutgoingPacket] = []

    # -- messages in

    def receive(self, message: Request | Response, source: Source, now: float) -> None:
        """Take a parsed and checked message. A request gets ``received`` and ``rport`` into its topmost Via (s18.2.1,
        RFC 3581)."""
        if isinstance(message, Request):
            self._receive_request(message, source, now)
        else:
            self._receive_response(message, source, now)

    def _receive_response(self, response: Response, source: Source, now: float) -> None:
        branch = response.via.params.get("branch") or ""
        transaction = self._clients.get(branch if response.cseq.method != "CANCEL" else branch + " CANCEL")
        if transaction is None or not transaction.is_answered_by(response):
            self.user.on_stray_response(response, source, now)
        else:
            transaction.receive(response, now)

    def _receive_request(self, request: Request, source: Source, now: float) -> None:
        method = request.method
        key = server_key(request, "INVITE" if method == "ACK" else method)
        transaction = self._servers.get(key)
        if transaction is not None and transaction.source.transport != source.transport:
            key, transaction = self._by_transport(key, transaction, source, alone=method != "ACK")
        if transaction is not None:
            transaction.handle(ServerInput.REQUEST if method != "ACK" else ServerInput.ACK, request, now)
        elif method == "ACK":
            if self._turned_away and self._turned_away.pop(key, None) is not None:
                return
            self.user.on_ack(request, source, now)
        elif method == "CANCEL":
            self._receive_cancel(request, source, key, now)
        else:
            self._start_server(request, source, key, now)

    def _by_transport(
        self, key: ServerKey, transaction: ServerTransaction, source: Source, *, alone: bool,
    ) -> tuple[ServerKey, ServerTransaction | None]:
        """Find the transaction of a request that came by another transport, too, where nobody reads its answer here.

        ``alone``: it is one of its own. An ACK or CANCEL is not: some clients send it by the wrong transport.
        """
        key = (f"{key[0]} {source.transport}", *key[1:])
        return key, self._servers.get(key, None if alone else transaction)

    def _receive_cancel(self, request: Request, source: Source, key: ServerKey, now: float) -> None:
        invite = self._servers.get((*key[:3], "INVITE"))
        if invite is None:
            self._start_server(request, source, key, now)
            return
        if invite.source.transport != source.transport:
            _, invite = self._by_transport(invite.key, invite, source, alone=False)
            assert invite is not None
        stamp_via(request, source)
        transaction = NonInviteServerTransaction(self, request, source, response_hop(request.via, source), key, None)
        self._keep_server(transaction)
        self.user.on_cancel(invite, transaction, request, now)
        if transaction.request is not None:
            transaction.wait(now)

    def _start_server(self, request: Request, source: Source, key: ServerKey, now: float) -> None:
        """Make a transaction for a new request, unless it is to be refused, and hand the request up."""
        if self.admits is not None and not self.admits(request, source, now):
            return
        retry_after = self._turned_away.get(key) if self._turned_away else None
        if retry_after is not None:
            self.refuse(request, source, 503, (("Retry-After", retry_after),))
            return
        if len(self._servers) >= self._max_transactions or self._octets >= self._max_octets:
            self.refuse(request, source, 503, (("Retry-After", "10"),))
            return
        merge_key = None
        if self._merged and request.to.tag is None:
            merge_key = f"{request.from_.tag} {request.cseq} {request.call_id}"
            if merge_key in self._merge_keys:
                if len(request.vias) > 1:
                    self.refuse(request, source, 482)
                    return
                merge_key = None
        via = request.via
        if via.host != source.host or "rport" in via.params:
            stamp_via(request, source)
        hop = response_hop(via, source)
        transaction: InviteServerTransaction | NonInviteServerTransaction
        if request.method == "INVITE":
            transaction = InviteServerTransaction(self, request, source, hop, key, merge_key)
        else:
            transaction = NonInviteServerTransaction(self, request, source, hop, key, merge_key)
        self._keep_server(transaction)
        if merge_key is not None:
            self._merge_keys[merge_key] = transaction
        transaction.start(now)
        self.user.on_request(transaction, request, now)
        if transaction.request is not None:
            transaction.wait(now)

    # -- messages out

    def send_request(
        self, request: Request, hop: Hop, now: float, owner: Any = None, flow: Source | None = None,
    ) -> ClientTransaction:
        """Start a client transaction (any method but ACK). ``owner`` is kept as ``transaction.owner`` for the user.

        ``flow``: a connection to reuse if it still stands.
        """
        key = request.via.params["branch"]
        assert key is not None
        transaction: ClientTransaction
        if request.method == "INVITE":
            transaction = InviteClientTransaction(self, request, hop, key, owner, flow)
        else:
            transaction = NonInviteClientTransaction(self, request, hop, key, owner, flow)
        self._clients[key] = transaction
        transaction.start(now)
        return transaction

    def send_cancel(self, request: Request, hop: Hop, now: float, flow: Source | None) -> ClientTransaction:
        """Send a CANCEL, which has the branch of its INVITE; for ``ClientTransaction.cancel``. Its ``owner`` is
        None."""
        branch = request.via.params["branch"]
        transaction = NonInviteClientTransaction(self, request, hop, f"{branch} CANCEL", None, flow)
        self._clients[transaction.key] = transaction
        transaction.start(now)
        return transaction

    def send_stateless(
        self, data: bytes, hop: Hop, source: Source | None = None, token: object | None = None,
    ) -> None:
        """Send outside any transaction: the ACK to a 2xx, a response forwarded statelessly."""
        self._outgoing.append(OutgoingPacket(data, hop, source, token))

    send = send_stateless

    def respond_stateless(self, request: Request, response: Response, source: Source) -> None:
        """Answer a request for which there is no transaction (s8.2.7). The request must have a readable Via."""
        self.send(response.to_bytes(), response_hop(request.via, source), source)

    def refuse(
        self, request: Request, source: Source, status: int, headers: tuple[tuple[str, str], ...] = (),
        reason: str | None = None,
    ) -> None:
        """Refuse a request without making a transaction for it, and count it.

        One whose Via can not be read is answered to where it came from.
        """
        try:
            stamp_via(request, source)
            hop = response_hop(request.via, source)
        except SipParseError:
            hop = Hop(source.transport, source.host, source.port)
        self.refused[status] = self.refused.get(status, 0) + 1
        response = response_to(request, status, reason, to_tag=self.stateless_tag(request), headers=headers)
        self.send(response.to_bytes(), hop, source)

    def turn_away(self, request: Request, source: Source, retry_after: int) -> None:
        """Refuse a request with 503 without making a transaction for it, and its retransmissions as well (s8.2.7).

        Once a caller has our 503 its call is over: were the retransmission of an INVITE taken that waits behind it,
        nobody would be there to acknowledge the answer. So those refused are remembered until the ACK, the newest of
        them where there are too many.
        """
        if request.method == "INVITE":
            if len(self._turned_away) >= _TURNED_AWAY:
                del self._turned_away[next(iter(self._turned_away))]
            self._turned_away[server_key(request, "INVITE")] = str(retry_after)
        self.refuse(request, source, 503, (("Retry-After", str(retry_after)),))

    def stateless_tag(self, request: Request) -> str:
        """Return a To tag that is the same for every retransmission of a request that is answered statelessly
        (s8.2.7)."""
        text = f"{self._secret}{request.get('Call-ID')}{request.uri}".encode("utf-8", "surrogateescape")
        return f"{crc32(text):08x}{crc32(text, 1):08x}"

    def data_to_send(self) -> list[OutgoingPacket]:
        """Take all packets that wait, in order."""
        packets = self._outgoing
        if packets:
            self._outgoing = []
        return packets

    def transport_failed(self, token: object | None, error: str, now: float) -> None:
        """Tell that a packet with this token could not be sent; a string is the branch of a request of ours."""
        if isinstance(token, str):
            token = self._clients.get(token)
        if isinstance(token, (ClientTransaction, ServerTransaction)):
            token.transport_failed(error, now)

    # -- time

    def handle_timeout(self, now: float) -> None:
        """Fire all timers due."""
        self.timer_heap.fire(now)

    def next_timeout(self) -> float | None:
        """Return when ``handle_timeout`` is to be called next."""
        return self.timer_heap.next_timeout()

    # -- transactions

    @property
    def client_count(self) -> int:
        """Client transactions alive, those that only absorb retransmissions included."""
        return len(self._clients)

    @property
    def server_count(self) -> int:
        """Server transactions alive, those that only absorb retransmissions included."""
        return len(self._servers)

    @property
    def idle(self) -> bool:
        """Whether no request of ours waits for its final response, and none of a peer for ours. Walks all
        transactions."""
        return all(transaction.settled for transaction in self._clients.values()) and all(
            transaction.settled for transaction in self._servers.values()
        )

    def _keep_server(self, transaction: ServerTransaction) -> None:
        self._servers[transaction.key] = transaction
        self._octets += transaction.octets

    def forget_client(self, transaction: ClientTransaction) -> None:
        """Drop a terminated transaction."""
        self._clients.pop(transaction.key, None)

    def forget_merge_key(self, transaction: ServerTransaction) -> None:
        """Take a request that looks merged with this one for one of its own from now on."""
        if transaction.merge_key is not None:
            self._merge_keys.pop(transaction.merge_key, None)
            transaction.merge_key = None

    def forget_server(self, transaction: ServerTransaction) -> None:
        """Drop a terminated transaction."""
        if self._servers.pop(transaction.key, None) is not None:
            self._octets -= transaction.octets
        if transaction.merge_key is not None:
            self._merge_keys.pop(transaction.merge_key, None)


def server_key(request: Request, method: str) -> ServerKey:
    """Return what identifies the server transaction of a request (s17.2.3).

    Branch, sent-by and method; from an RFC 2543 element, whose branch lacks the cookie, the parts of the message that
    stood for it then. The To tag is not among them: it differs between an INVITE and its ACK, and one sender will not
    use one CSeq for two of them.
    """
    via = request.via
    branch = via.params.get("branch")
    if branch is not None and branch.startswith(_MAGIC_COOKIE):
        return branch, via.host, via.port, method
    old = f"{branch}\n{request.call_id}\n{request.from_.tag}\n{request.cseq.number}\n{request.uri}"
    return old, via.host, via.port, method


def stamp_via(request: Request, source: Source) -> None:
    """Put ``received`` and ``rport`` into the topmost Via where they belong (s18.2.1, RFC 3581 s4)."""
    via = request.via
    stamped = via.with_received(source.host, source.port)
    if stamped is not via:
        request.replace_first("Via", str(stamped))
