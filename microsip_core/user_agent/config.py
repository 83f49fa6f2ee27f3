"""Settings of a user agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from microsip_core.diagnosis.trace import TraceSink
from microsip_core.errors import InvalidArgument
from microsip_core.sip.admission import AdmissionSettings, parse_networks
from microsip_core.sip.backoff import RETRY_BASE, RETRY_LIMIT
from microsip_core.sip.grammar import is_token
from microsip_core.transport.address import split_host_port
from microsip_core.transport.tls import TlsSettings
from microsip_core.user_agent.peers import Peers
from microsip_core.user_agent.reach_options import check_instance, parse_public_address

_LARGEST = 2**31


@dataclass(frozen=True, slots=True)
class UserAgentConfig:
    """Settings of a :class:`~microsip_core.user_agent.user_agent.UserAgent`; the defaults need no network.

    ``listen`` is "HOST:PORT" ("[HOST]:PORT" for IPv6, port 0 or absent for a free one), with another transport than UDP
    before it ("tcp:HOST:PORT", "tls:", "ws:", "wss:"), or several of these. A UDP or TCP destination that no such
    address can reach is served from a further socket on the local address that routes there.
    ``listen_tcp``: listen for TCP at each UDP address, too, where that port is free (RFC 3261 s18.2.1), unless a
    TCP address is given.
    ``public_address`` "HOST" or "HOST:PORT", literal, is told in Contact and session descriptions in place of our own;
    "auto" is what the ``stun_server`` ("HOST" or "HOST:PORT") says, or without one what the registrar sees.
    ``rewrite_contact`` goes by the address the registrar sees us at: None does by UDP from a private address, True by
    any transport, False never. The binding is moved there at once, and session descriptions name that host; the port of
    RTP stays ours, so that the peer has to send to where our RTP comes from (symmetric RTP), as nearly all do.
    ``outbound`` asks registrars for RFC 5626: None where the way there is a connection, True by UDP too, False never.
    ``instance_id`` "urn:uuid:..." tells this device from others of the same account. None makes one up for this user
    agent: keep one and give it at every start, and a registrar with outbound replaces the binding of before a crash.
    ``gruu`` asks for and uses GRUUs (RFC 5627): None where outbound is asked for.
    ``keep_alive`` in seconds is how often a UDP flow to a registrar is kept open by CRLF CRLF, 0 never; one with
    outbound is by STUN, at the times the registrar says. ``retry_base`` and ``retry_limit`` in seconds are the pauses
    after failed registrations: 50 to 100 % of retry_base * 2**failures, up to the limit (RFC 5626 s4.5).
    ``network_poll`` in seconds is how often we look whether the system's own address has changed, to do by ourselves
    what :meth:`UserAgent.network_changed` does; 0 never. ``listen`` should be "0.0.0.0:PORT" or "[::]:PORT" then.
    ``tls`` is what TLS and WSS use: certificate, trusted authorities; by default those of the system are trusted.
    ``nameservers`` ("HOST" or "HOST:PORT") look up SIP domains, those of the system where none are given.
    ``codecs`` in order of preference. ``ptime_ms`` the packet time to send, 10 to 60.
    ``port_range`` (low, high) bounds the RTP ports, None takes free ones. A call takes two, so that a range too small
    for ``max_calls``, or with no free pair at start, is an error then.
    ``media_dscp`` is the DiffServ code point of RTP and RTCP, 0 to 63: 46 (EF, RFC 4594) by default, 0 for no marking.
    ``media_threads`` serve the calls of the native core, 1 to 64, several each on a processor of its own.
    ``media_load_limit`` in percent of a media thread's time refuses further calls while it is used up, 0 never does.
    ``no_rtp_after`` in seconds tells, with the likely cause, when nothing is heard since the answer, 0 never does.
    ``srtp`` "off", "optional" (offers SRTP with keys in the description, SDES of RFC 4568, and takes what the peer can)
    or "mandatory" (no call without). The keys are as secret as the way of the SIP messages, so use TLS; they are
    redacted wherever messages are shown. ``srtp_suites`` in order of preference, empty for all there are.
    ``rtcp_mux`` offers to carry RTCP on the port of RTP (RFC 5761), and does so where the peer offers it.
    ``core`` is "native" or "reference", None takes the native media engine where it is built.
    ``user_agent`` is the User-Agent and Server header value, "" to send none.
    ``ring_timeout`` in seconds ends a call that rings that long, incoming and outgoing.
    ``media_timeout`` in seconds hangs up a call whose peer has sent RTP and then ceased that long, 0 never does.
    ``max_calls`` limits the calls at once: further incoming ones are refused with 486. None: only the core's own limit.
    ``requests_per_second`` and ``request_burst`` bound the requests outside of dialogs that one source may send us
    (an IPv6 source is its /64): as many again get 503 with Retry-After, more are dropped. None: no bound.
    ``unlimited_from`` are networks without this bound, by default this machine: give those of your proxy or trunk too
    if they send more. ``allow_from`` are the only networks whose requests outside of dialogs are taken, None for any;
    others get 403, or no answer at all with ``ignore_strangers``. Name your registrar's network there, or its calls are
    refused. Networks are written "192.0.2.0/24" or "192.0.2.7". :attr:`UserAgent.counters` tells what was refused.
    ``refuse_when_late`` refuses new requests (503, Retry-After: 1) while more come in than we can take and have waited
    for more than 0.1 s for 0.25 s on end: so a burst of calls beyond what this process can do leaves those it took
    unharmed. OPTIONS and all within calls are taken. Handlers that block the loop for long make us late, too.
    ``methods`` are those that ``on_request`` answers, to be told in Allow beside those we know: ("SUBSCRIBE", ...).
    ``trusted_peers`` are addresses and networks ("10.0.0.1", "10.0.0.0/8", "*") whose P-Asserted-Identity and
    Remote-Party-ID are believed, beside the servers of the accounts.
    ``auto_answer_headers`` answers calls by themselves whose caller asks for it as an intercom does (Call-Info
    answer-after, Alert-Info, Answer-Mode, ...); ``auto_answer_from`` are the callers that may, as patterns of a user,
    user@host or URI ("100", "*@example.com"), None for any. A caller may lie about who it is.
    ``auto_ring`` sends 180 when ``on_incoming`` has not answered or refused at once.
    ``max_message_size`` is the most octets of a text message: larger ones are refused with 413, or not sent.
    ``accept_transfers`` follows the REFER of a peer within a call: the call it asks for is made (and billed to you).
    ``accept_joins`` lets an incoming call ask to be added to a call of ours (Join, RFC 3911): it then comes with
    ``joins`` set, for ``on_incoming`` to answer and mix. The header is ignored otherwise.
    ``max_redirects`` is how many places a call is tried at that a 300, 301 or 302 names, 0 follows none.
    ``followed_hosts`` are the hosts that a peer may send us to, "*.example.com" for all below it, None for any.
    ``trace`` is the number of SIP messages to keep for diagnosis, 0 for none; ``trace_sinks`` are told of each message
    (a PcapngWriter, a HepSender, one of your own) and closed with the user agent.
    ``close_timeout`` in seconds bounds how long :meth:`UserAgent.close` waits for hang-ups and unregistration.
    """

    listen: str | Sequence[str] = "127.0.0.1:0"
    listen_tcp: bool = True
    public_address: str | None = None
    stun_server: str | None = None
    rewrite_contact: bool | None = None
    outbound: bool | None = None
    instance_id: str | None = None
    gruu: bool | None = None
    keep_alive: float = 15.0
    retry_base: float = RETRY_BASE
    retry_limit: float = RETRY_LIMIT
    network_poll: float = 0.0
    tls: TlsSettings | None = None
    nameservers: Sequence[str] = ()
    codecs: Sequence[str] = ("PCMU", "PCMA")
    ptime_ms: int = 20
    port_range: tuple[int, int] | None = None
    srtp: str = "off"
    srtp_suites: Sequence[str] = ()
    rtcp_mux: bool = True
    media_dscp: int = 46
    media_threads: int = 1
    media_load_limit: int = 95
    no_rtp_after: float = 5.0
    core: str | None = None
    user_agent: str | None = None
    ring_timeout: float = 180.0
    media_timeout: float = 60.0
    max_calls: int | None = 4000
    requests_per_second: float | None = 100.0
    request_burst: int = 500
    unlimited_from: Sequence[str] = ("127.0.0.0/8", "::1")
    allow_from: Sequence[str] | None = None
    ignore_strangers: bool = False
    refuse_when_late: bool = True
    methods: Sequence[str] = ()
    trusted_peers: Sequence[str] = ()
    auto_answer_headers: bool = False
    auto_answer_from: Sequence[str] | None = None
    auto_ring: bool = True
    max_message_size: int = 16_384
    accept_transfers: bool = False
    accept_joins: bool = False
    max_redirects: int = 5
    followed_hosts: Sequence[str] | None = None
    trace: int = 0
    trace_sinks: Sequence[TraceSink] = ()
    close_timeout: float = 4.0
    seed: int | None = None

    def __post_init__(self) -> None:
        """Raise InvalidArgument for a setting outside its range: now, not at the first call."""
        if isinstance(self.codecs, str):
            raise _refusal("codecs", self.codecs, 'a sequence of names, such as ("PCMU", "PCMA")')
        if isinstance(self.methods, str) or not all(is_token(one) for one in self.methods):
            raise _refusal("methods", self.methods, 'a sequence of method names, such as ("SUBSCRIBE",)')
        if isinstance(self.auto_answer_from, str):
            raise _refusal("auto_answer_from", self.auto_answer_from, 'a sequence of patterns, such as ("100",)')
        Peers(self.trusted_peers, "trusted_peers")
        for name, low in (("ring_timeout", 0.001), ("media_timeout", 0.0), ("close_timeout", 0.0), ("trace", 0),
                          ("max_message_size", 0), ("keep_alive", 0), ("retry_base", 0.001), ("retry_limit", 0.001),
                          ("no_rtp_after", 0.0), ("network_poll", 0.0)):
            if not low <= getattr(self, name) <= _LARGEST:
                raise _refusal(name, getattr(self, name), f"at least {low:g}")
        parse_public_address(self.public_address)
        if self.instance_id is not None:
            check_instance(self.instance_id)
        if self.stun_server is not None:
            split_host_port(self.stun_server)
        if not 10 <= self.ptime_ms <= 60:
            raise _refusal("ptime_ms", self.ptime_ms, "10 to 60")
        if self.max_calls is not None and self.max_calls < 1:
            raise _refusal("max_calls", self.max_calls, "at least 1, or None for no limit of its own")
        for name in ("unlimited_from", "allow_from"):
            try:
                parse_networks(getattr(self, name) or ())
            except InvalidArgument as error:
                raise _refusal(name, getattr(self, name), 'a sequence of networks, ["192.0.2.0/24"]') from error
        if self.requests_per_second is not None and not 0 < self.requests_per_second <= _LARGEST:
            raise _refusal("requests_per_second", self.requests_per_second, "more than 0, or None for no bound")
        if self.request_burst < 1:
            raise _refusal("request_burst", self.request_burst, "at least 1")
        if self.port_range is not None and not 1 <= self.port_range[0] < self.port_range[1] <= 65535:
            raise _refusal("port_range", self.port_range, "(low, high) with 1 <= low < high <= 65535")
        for name, low, high in (("media_dscp", 0, 63), ("media_threads", 1, 64), ("media_load_limit", 0, 100)):
            if not low <= getattr(self, name) <= high:
                raise _refusal(name, getattr(self, name), f"{low} to {high}")
        if self.user_agent is not None and not self.user_agent.isprintable():
            raise _refusal("user_agent", self.user_agent, "one line of printable text")

    def admission(self) -> AdmissionSettings:
        """Return whose requests are taken, and how many, for the SIP core."""
        return AdmissionSettings(
            self.requests_per_second, self.request_burst, tuple(self.unlimited_from),
            None if self.allow_from is None else tuple(self.allow_from), self.ignore_strangers,
        )


def _refusal(name: str, value: object, wanted: str) -> InvalidArgument:
    return InvalidArgument(f"{name} is {value!r}", step="configure the user agent", remedy=f"It must be {wanted}")
