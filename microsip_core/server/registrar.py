"""Registrar: turns REGISTER requests into bindings of the location service (RFC 3261 s10.3, RFC 3327, RFC 5626 s6).

A client that asks for outbound gets it where it is the first hop that asks: its binding goes by instance and reg-id,
and by the flow the REGISTER came by. An instance that asks for a GRUU gets a public one (RFC 5627 s5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from microsip_core.errors import LimitExceeded
from microsip_core.sip.builder import response_to
from microsip_core.sip.grammar import parse_number, unquote
from microsip_core.sip.header_values import NameAddr
from microsip_core.sip.hop import RELIABLE_TRANSPORTS, Source, hop_for_uri, transport_parameter
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.uri import SipUri, escape_user

from .domain import Domain
from .location import Binding, LocationService

SUPPORTED_EXTENSIONS = ("path", "outbound", "gruu")
_LONGEST_INSTANCE = 128
_MAX_DELTA_SECONDS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class RegistrarLimits:
    """What the registrar grants, in seconds: below the least 423, above the most the most, unasked the default.

    ``flow_timer`` is the Flow-Timer of outbound clients: how often at least they are to be heard (RFC 5626 s4.4).
    ``service_route`` is the value of Service-Route in what it grants (RFC 3608), "" for none.
    """

    min_expires: int = 60
    default_expires: int = 3600
    max_expires: int = 7200
    flow_timer: int = 120
    service_route: str = ""


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
                self._update(request, address, contacts, now, source)
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
        self, request: Request, address: str, contacts: list[str], now: float, source: Source | None,
    ) -> None:
        """Steps 6 and 7: work out the new set of bindings, and commit it as a whole or not at all."""
        parsed = [NameAddr.parse(value) for value in contacts if value.strip() != "*"]
        outbound = _wants_outbound(request, parsed)
        flow = _flow_of(request, source, outbound=outbound)
        bindings = list(self._location.bindings(address, now))
        sequence = request.cseq.number
        if any(value.strip() == "*" for value in contacts):
            if len(contacts) != 1 or request.expires != 0:
                raise _Refused(400, "Contact * Needs Expires 0")
            for binding in bindings:
                _check_order(binding, request.call_id, sequence)
            bindings = []
        for contact in parsed:
            self._update_one(request, contact, bindings, now, flow, outbound)
        try:
            self._location.commit(address, bindings, now)
        except LimitExceeded:
            raise _Refused(503, "Too Many Contacts", (("Retry-After", "60"),)) from None

    def _update_one(
        self, request: Request, contact: NameAddr, bindings: list[Binding], now: float, flow: Source | None,
        outbound: bool,
    ) -> None:
        uri = contact.sip_uri
        seconds = self._seconds(request, contact)
        instance = contact.params.get("+sip.instance")
        if instance is not None and len(instance) > _LONGEST_INSTANCE:
            raise _Refused(400, "Instance Too Long")
        reg_id = contact.params.get("reg-id") if outbound and instance is not None else None
        new = Binding(
            uri=uri, text=str(uri), expires_at=now + seconds, q=contact.q, call_id=request.call_id,
            cseq=request.cseq.number, path=tuple(request.get_all("Path")), instance=instance, reg_id=reg_id,
            flow=flow if flow is not None and (reg_id is not None or _leads_by(uri, flow)) else None,
        )
        for index, binding in enumerate(bindings):
            if binding.replaced_by(new):
                _check_order(binding, request.call_id, request.cseq.number)
                del bindings[index]
                break
        if seconds:
            bindings.insert(0, new)

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
        bindings = self._location.bindings(address, now)
        supported = {tag.lower() for tag in request.get_all("Supported")}
        # the Request-URI led here: To may lack the port that a domain without a name is reached at (RFC 3261 s19.1.1)
        gruu = f"sip:{escape_user(address)}@{request.request_uri.host_port}" if "gruu" in supported else ""
        headers = [("Contact", _contact_value(binding, now, gruu)) for binding in bindings]
        if any(binding.outbound and binding.call_id == request.call_id for binding in bindings):
            headers += [("Require", "outbound"), ("Flow-Timer", str(self._limits.flow_timer))]
        headers += [("Path", value) for value in request.get_all("Path")]
        if self._limits.service_route:
            headers.append(("Service-Route", self._limits.service_route))
        if self._date is not None:
            headers.append(("Date", self._date()))
        return response_to(request, 200, to_tag=to_tag, headers=headers)


def _wants_outbound(request: Request, contacts: list[NameAddr]) -> bool:
    """Tell whether a REGISTER asks for outbound and gets it (RFC 5626 s6): 439 where the first hop does not know it."""
    numbered = [contact for contact in contacts if "reg-id" in contact.params and "+sip.instance" in contact.params]
    if not numbered or "outbound" not in {tag.lower() for tag in request.get_all("Supported")}:
        return False
    if len(contacts) > 1 or not (numbered[0].params["reg-id"] or "").isdigit():
        raise _Refused(400, "One Contact With One Reg-Id")
    if len(request.get_all("Via")) > 1:
        path = request.get_all("Path")
        if not path or "ob" not in NameAddr.parse(path[-1]).sip_uri.params:
            raise _Refused(439)
    return True


def _flow_of(request: Request, source: Source | None, *, outbound: bool) -> Source | None:
    """Return the flow the REGISTER came by, if it is the client's own end: a connection, with outbound UDP too."""
    if source is None or len(request.get_all("Via")) != 1:
        return None
    return source if outbound or source.transport in RELIABLE_TRANSPORTS else None


def _leads_by(contact: SipUri, flow: Source) -> bool:
    """Whether a contact is meant to be reached by the transport of a connection; "ws" stands for WSS, too."""
    return transport_parameter(hop_for_uri(contact).transport) == transport_parameter(flow.transport)


def _check_order(binding: Binding, call_id: str, sequence: int) -> None:
    """Refuse a REGISTER that was overtaken by a later one of the same client (s10.3 step 7)."""
    if binding.call_id == call_id and sequence <= binding.cseq:
        raise _Refused(500, "Out Of Order REGISTER")


def instance_name(instance: str) -> str:
    """Return the URN in a raw ``+sip.instance``, "" where it holds none that could stand in a URI."""
    name = unquote(instance).removeprefix("<").removesuffix(">")
    plain = name.isascii() and name.replace("-", "").replace(":", "").isalnum()
    return name if name.startswith("urn:") and plain else ""


def _contact_value(binding: Binding, now: float, gruu: str) -> str:
    value = f"<{binding.text}>"
    if binding.q != 1.0:
        value += f";q={binding.q:g}"
    if binding.instance is not None:
        value += f";+sip.instance={binding.instance}"
        name = instance_name(binding.instance)
        if gruu and name:
            value += f';pub-gruu="{gruu};gr={name}"'
    if binding.reg_id is not None:
        value += f";reg-id={binding.reg_id}"
    if math.isfinite(binding.expires_at):
        value += f";expires={binding.remaining(now)}"
    return value
