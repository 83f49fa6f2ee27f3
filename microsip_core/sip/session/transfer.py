"""Call transfer: REFER with its NOTIFYs (RFC 3515, RFC 4488), and the headers Replaces (RFC 3891) and Join (RFC 3911).

A REFER in the dialog of a call asks the peer to call somebody else. Its 2xx opens an implicit subscription: the peer
tells by NOTIFY, in the same dialog, what status its new call has reached, as a ``message/sipfrag``. An attended
transfer is the same with a Replaces header inside the Refer-To URI, which names the call that the new one takes the
place of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...errors import InvalidState
from ..builder import REASON_PHRASES, response_to
from ..events import TransferProgress, TransferRequested
from ..header_values import NameAddr
from ..parse_error import SipParseError
from ..uri import SipUri, decode
from .session_state import SessionState
from .uac_core import dialog_request

if TYPE_CHECKING:
    from ..endpoint import Endpoint
    from ..events import EndCause
    from ..message import Request, Response
    from ..transaction.server import ServerTransaction
    from .client_request import ClientRequest
    from .invite_session import Headers, InviteSession

_UNESCAPED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_UNWANTED = frozenset({405, 481, 489, 501})
SUBSCRIPTION = 60
"""Seconds the implicit subscription is said to last."""


class Replaces(NamedTuple):
    """A Replaces value, tags as the receiver of the INVITE sees them: ``to_tag`` is its own."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, value: str) -> Replaces:
        """Parse a Replaces value. Raises SipParseError 400."""
        call_id, *parameters = value.split(";")
        tags = {"to-tag": "", "from-tag": ""}
        early_only = False
        for parameter in parameters:
            name, _, content = parameter.partition("=")
            name = name.strip().lower()
            if name in tags:
                tags[name] = content.strip()
            elif name == "early-only":
                early_only = True
        if not call_id.strip() or not tags["to-tag"] or not tags["from-tag"]:
            raise SipParseError(400, "Malformed Replaces")
        return cls(call_id.strip(), tags["to-tag"], tags["from-tag"], early_only)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def replaces_value(session: InviteSession) -> str:
    """Return the Replaces value by which the peer of a session knows it, escaped for a URI header (s19.1.1).

    Raises InvalidState before there is a dialog.
    """
    dialog = session.dialog
    if dialog is None:
        raise InvalidState("the call has no dialog yet", step="transfer")
    value = str(Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag))
    return "".join(char if char in _UNESCAPED else f"%{ord(char):02X}" for char in value)


def find_joined(endpoint: Endpoint, request: Request) -> InviteSession | int:
    """Return the session an INVITE with Join is to be added to, or the status to refuse it with (RFC 3911 s4)."""
    values = request.get_all("Join")
    try:
        join = Replaces.parse(values[0])  # of the same form
    except SipParseError as error:
        return error.status
    if len(values) != 1 or "Replaces" in request:
        return 400
    dialog = endpoint.dialogs.get((join.call_id, join.to_tag, join.from_tag))
    if dialog is None:
        return 481
    session: InviteSession = dialog.usage
    if session.ended:
        return 603
    # an early dialog can be joined at the one who called only
    return session if session.state == SessionState.CONFIRMED or session.direction == "outgoing" else 481


def find_replaced(endpoint: Endpoint, request: Request) -> InviteSession | int:
    """Return the session an INVITE with Replaces is to take the place of, or the status to refuse it with (RFC 3891
    s3)."""
    values = request.get_all("Replaces")
    try:
        replaces = Replaces.parse(values[0])
    except SipParseError as error:
        return error.status
    if len(values) != 1 or "Join" in request:
        return 400
    dialog = endpoint.dialogs.get((replaces.call_id, replaces.to_tag, replaces.from_tag))
    if dialog is None:
        return 481
    session: InviteSession = dialog.usage
    if session.ended:
        return 603
    if session.state == SessionState.CONFIRMED:
        return 486 if replaces.early_only else session
    # an early dialog can be taken over from the one who called only
    return session if session.direction == "outgoing" else 481


class OutgoingTransfer:
    """A REFER of ours, and what we are told of the call it brought about."""

    __slots__ = ("_request", "_session", "_told", "done", "target")

    def __init__(self, session: InviteSession, target: str) -> None:
        self.target = target
        """The Refer-To value."""
        self.done = False
        """Whether nothing more will be told."""
        self._session = session
        self._request: ClientRequest | None = None
        self._told = False

    def send(self, request: ClientRequest, now: float) -> None:
        """Send the REFER."""
        self._request = request
        request.send(now)

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A provisional response to REFER tells nothing of use."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """The peer agrees to try (2xx), or refuses."""
        if response is None or status >= 300 or (response.get("Refer-Sub") or "").strip().lower() == "false":
            self._tell(status, reason, final=True)
        elif not self._told:  # a NOTIFY may overtake the 202
            self._tell(100, "Trying", final=False)

    def matches(self, event: str) -> bool:
        """Whether a NOTIFY with this Event value is for this REFER: by its id, which is the CSeq of the REFER."""
        cseq = self._request.request.cseq.number if self._request is not None else None
        for parameter in event.split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "id":
                return value.strip() == str(cseq)
        return not self.done

    def on_notify(self, notify: Request) -> None:
        """The peer tells how its call fares."""
        if self.done:
            return
        over = (notify.get("Subscription-State") or "").partition(";")[0].strip().lower() == "terminated"
        status, reason = _sipfrag_status(notify.body)
        if status:
            self._tell(status, reason, final=over or status >= 200)
        elif over:
            self._tell(503, "No Outcome Told", final=True)

    def _tell(self, status: int, reason: str, *, final: bool) -> None:
        if self.done:
            return
        self.done, self._told = final, True
        session = self._session
        if final:
            session.transfers = tuple(transfer for transfer in session.transfers if transfer is not self)
        session.endpoint.emit(TransferProgress(session, self, status, reason, final))


class IncomingTransfer:
    """A REFER of the peer: accept or reject it, then tell how the new call fares."""

    __slots__ = ("_cseq", "_notifies", "_session", "_transaction", "accepted", "request")

    def __init__(self, session: InviteSession, transaction: ServerTransaction, request: Request) -> None:
        self.request = request
        self.accepted = False
        self._session = session
        self._transaction = transaction
        self._cseq = request.cseq.number
        self._notifies = (request.get("Refer-Sub") or "").strip().lower() != "false"

    def accept(self, now: float, *, headers: Headers = ()) -> None:
        """Agree to try: 202, and a first NOTIFY (100 Trying) unless the peer wants none."""
        self._expect_open()
        self.accepted = True
        if not self._notifies:
            headers = (*headers, ("Refer-Sub", "false"))
        self._respond(202, None, headers, now)
        if self._notifies:
            self._notify(100, "Trying", now)

    def reject(self, status: int, now: float, *, reason: str | None = None, headers: Headers = ()) -> None:
        """Refuse the transfer (603, 403, ...)."""
        self._expect_open()
        self._respond(status, reason, headers, now)

    def notify(self, status: int, now: float, *, reason: str | None = None) -> None:
        """Tell the status the new call has reached; a final one ends the subscription. Nothing is sent once the call
        is over."""
        if not self.accepted:
            raise InvalidState("the transfer has not been accepted", step="transfer")
        if self._notifies and not self._session.ended:
            self._notify(status, reason or REASON_PHRASES.get(status, ""), now)
            self._notifies = status < 200

    def _notify(self, status: int, reason: str, now: float) -> None:
        state = f"active;expires={SUBSCRIPTION}" if status < 200 else "terminated;reason=noresource"
        session = self._session
        request, hop = dialog_request(
            session.endpoint, session.identity, session.established_dialog, "NOTIFY",
            headers=(("Event", f"refer;id={self._cseq}"), ("Subscription-State", state)),
            body=f"SIP/2.0 {status} {reason}\r\n".encode(), content_type="message/sipfrag;version=2.0",
        )
        session.client_request(request, hop, self).send(now)

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A provisional response to NOTIFY tells nothing of use."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """A peer that no longer wants to know (481), or is gone, is told no more (RFC 6665 s4.2.2).

        One that got the NOTIFYs in another order refuses the older one with 500, and still wants the next.
        """
        if response is None or status in _UNWANTED:
            self._notifies = False

    def _expect_open(self) -> None:
        if self.accepted or self._transaction.answered:
            raise InvalidState("the transfer has been answered", step="transfer")

    def _respond(self, status: int, reason: str | None, headers: Headers, now: float) -> None:
        common = self._session.endpoint.response_headers
        contact = self._session.contact if status < 300 else None
        response = response_to(self.request, status, reason, contact=contact, headers=(*common, *headers))
        self._transaction.respond(response, now)


def receive_refer(session: InviteSession, transaction: ServerTransaction, request: Request, now: float) -> None:
    """Hand a REFER within a dialog to the driver; one that can not be read is refused (RFC 3515 s2.4.2)."""
    common = session.endpoint.response_headers
    if session.state != SessionState.CONFIRMED:
        transaction.respond(response_to(request, 491, headers=common), now)
        return
    values = request.get_all("Refer-To")
    try:
        if len(values) != 1:
            raise SipParseError(400, "Refer-To Missing Or Repeated")
        target, replaces = _refer_target(values[0])
    except SipParseError as error:
        transaction.respond(response_to(request, error.status, error.reason, headers=common), now)
        return
    transfer = IncomingTransfer(session, transaction, request)
    session.endpoint.emit(TransferRequested(session, transfer, target, replaces, request.get("Referred-By"), request))


def receive_notify(session: InviteSession, transaction: ServerTransaction, request: Request, now: float) -> None:
    """Take a NOTIFY of the refer event package to its transfer; others are none of ours (RFC 6665 s4.1.3)."""
    event = request.get("Event") or ""
    known = event.partition(";")[0].strip().lower() == "refer"
    found = [transfer for transfer in session.transfers if known and transfer.matches(event)]
    if not found:
        session.endpoint.core.receive_other(transaction, request, session, now)
        return
    transaction.respond(response_to(request, 200, headers=session.endpoint.response_headers), now)
    found[-1].on_notify(request)


def _refer_target(value: str) -> tuple[str, str | None]:
    """Return the URI of a Refer-To without its headers, and the Replaces among these. Raises SipParseError."""
    uri = NameAddr.parse(value).uri
    if uri.partition(":")[0].lower() not in ("sip", "sips"):
        return uri, None
    parsed = SipUri.parse(uri)
    replaces = [decode(content) for name, content in parsed.headers if name.lower() == "replaces"]
    return str(parsed._replace(headers=())), replaces[0] if replaces else None


def _sipfrag_status(body: bytes) -> tuple[int, str]:
    """Return status and reason of a status line (RFC 3420); 0 and "" where there is none."""
    version, _, rest = body.partition(b"\r\n")[0].decode("utf-8", "replace").partition(" ")
    digits, _, reason = rest.strip().partition(" ")
    if version.upper() != "SIP/2.0" or len(digits) != 3 or not digits.isascii() or not digits.isdigit():
        return 0, ""
    return int(digits), reason
