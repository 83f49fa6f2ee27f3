"""Registrar: turns REGISTER requests into bindings of the location service (RFC 3261 s10.3, RFC 3327)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from microsip_core.errors import LimitExceeded
from microsip_core.sip.builder import response_to
from microsip_core.sip.grammar import parse_number
from microsip_core.sip.header_values import NameAddr
from microsip_core.sip.hop import RELIABLE_TRANSPORTS, Source, hop_for_uri, transport_parameter
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.uri import SipUri

from .domain import Domain
from .location import Binding, LocationService

SUPPORTED_EXTENSIONS = ("path",)
_MAX_DELTA_SECONDS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class RegistrarLimits:
    """What the registrar grants, in seconds: below the least 423, above the most the most, unasked the default."""

    min_expires: int = 60
    default_expires: int = 3600
    max_expires: int = 7200


class _Refused(Exception):
    """Ends the processing of a REGISTER with a failure response; nothing is committed."""

    def __init__(self, status: int, reason: str | None = None, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.headers = headers


class Registrar:
    """Processes REGISTER requests whose sender has been authenticated.

    ``users`` are the addresses of record that exist. ``date`` returns the value of the Date header, None leaves it out.
    """

    def __init__(
        self, location: LocationService, domain: Domain, users: Collection[str], limits: RegistrarLimits, *,
        date: Callable[[], str] | None = None,
    ) -> None:
        self._location = location
        self._domain = domain
        self._users = users
        self._limits = limits
        self._date = date

    def register(
        self, request: Request, user: str | None, now: float, to_tag: str, source: Source | None = None,
    ) -> Response:
        """Return the response to a REGISTER; its bindings are committed when that is a 200, and untouched otherwise.

        ``user`` is who authenticated (None where the server does not ask): nobody may change the bindings of another
        (s10.3 step 4). ``source`` is where the request came from: a contact registered over a connection is reached
        by it.
        """
        try:
            address = self._address_of_record(request, user)
            contacts = request.get_all("Contact")
            if contacts:
                self._update(request, address, contacts, now, _flow_of(request, source))
        except _Refused as refused:
            return response_to(request, refused.status, refused.reason, to_tag=to_tag, headers=refused.headers)
        except SipParseError as error:
            return response_to(request, 400, error.reason, to_tag=to_tag)
        return self._granted(request, address, now, to_tag)

    def _address_of_record(self, request: Request, user: str | None) -> str:
        """Steps 1, 4 and 5: the address in To must be ours, known, and the sender's own."""
        to = request.to.sip_uri
        address = self._domain.address_of_record(to)
        if not self._domain.serves(to) or address not in self._users:
            raise _Refused(404, "Unknown Address Of Record")
        if user is not None and user != address:
            raise _Refused(403, "Address Of Record Of Another User")
        return address

    def _update(
        self, request: Request, address: str, contacts: list[str], now: float, flow: Source | None,
    ) -> None:
        """Steps 6 and 7: work out the new set of bindings, and commit it as a whole or not at all."""
        bindings = list(self._location.bindings(address, now))
        sequence = request.cseq.number
        if any(value.strip() == "*" for value in contacts):
            if len(contacts) != 1 or request.expires != 0:
                raise _Refused(400, "Contact * Needs Expires 0")
            for binding in bindings:
                _check_order(binding, request.call_id, sequence)
            bindings = []
        for value in contacts:
            if value.strip() != "*":
                self._update_one(request, NameAddr.parse(value), bindings, now, flow)
        try:
            self._location.commit(address, bindings, now)
        except LimitExceeded:
            raise _Refused(503, "Too Many Contacts", (("Retry-After", "60"),)) from None

    def _update_one(
        self, request: Request, contact: NameAddr, bindings: list[Binding], now: float, flow: Source | None,
    ) -> None:
        uri = contact.sip_uri
        text = str(uri)
        seconds = self._seconds(request, contact)
        for index, binding in enumerate(bindings):
            if binding.matches(uri, text):
                _check_order(binding, request.call_id, request.cseq.number)
                del bindings[index]
                break
        if seconds == 0:
            return
        bindings.insert(0, Binding(
            uri=uri, text=text, expires_at=now + seconds, q=contact.q, call_id=request.call_id,
            cseq=request.cseq.number, path=tuple(request.get_all("Path")), instance=contact.params.get("+sip.instance"),
            flow=flow if flow is not None and _leads_by(uri, flow) else None,
        ))

    def _seconds(self, request: Request, contact: NameAddr) -> int:
        """Return the lifetime of one contact: its ``expires``, else Expires, else the default (s10.2.1.1)."""
        limits = self._limits
        wish = contact.params.get("expires") or request.get("Expires")
        if wish is None:
            return limits.default_expires
        seconds = parse_number(wish.strip(), _MAX_DELTA_SECONDS)
        if seconds is None:
            return limits.default_expires  # malformed counts as 3600, the default (s20.19)
        if 0 < seconds < limits.min_expires:
            raise _Refused(423, None, (("Min-Expires", str(limits.min_expires)),))
        return min(seconds, limits.max_expires)

    def _granted(self, request: Request, address: str, now: float, to_tag: str) -> Response:
        """Step 8: 200 with every binding there is now, and what remains of its time."""
        headers = [("Contact", _contact_value(binding, now)) for binding in self._location.bindings(address, now)]
        headers += [("Path", value) for value in request.get_all("Path")]
        if self._date is not None:
            headers.append(("Date", self._date()))
        return response_to(request, 200, to_tag=to_tag, headers=headers)


def _flow_of(request: Request, source: Source | None) -> Source | None:
    """Return the connection the REGISTER came by, if there is one, and it is the client's own end."""
    if source is None or source.transport not in RELIABLE_TRANSPORTS or len(request.get_all("Via")) != 1:
        return None
    return source


def _leads_by(contact: SipUri, flow: Source) -> bool:
    """Whether a contact is meant to be reached by the transport of a connection; "ws" stands for WSS, too."""
    return transport_parameter(hop_for_uri(contact).transport) == transport_parameter(flow.transport)


def _check_order(binding: Binding, call_id: str, sequence: int) -> None:
    """Refuse a REGISTER that was overtaken by a later one of the same client (s10.3 step 7)."""
    if binding.call_id == call_id and sequence <= binding.cseq:
        raise _Refused(500, "Out Of Order REGISTER")


def _contact_value(binding: Binding, now: float) -> str:
    value = f"<{binding.text}>"
    if binding.q != 1.0:
        value += f";q={binding.q:g}"
    if binding.instance is not None:
        value += f";+sip.instance={binding.instance}"
    if math.isfinite(binding.expires_at):
        value += f";expires={binding.remaining(now)}"
    return value
