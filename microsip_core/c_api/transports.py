"""C-style functions: where the engine listens, and how it encrypts and finds its way out."""

from __future__ import annotations

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import number, optional_text, returns_code, text
from microsip_core.c_api.transport_handles import SipTransport
from microsip_core.errors import ErrorCode, InvalidArgument
from microsip_core.transport.address import join_host_port
from microsip_core.transport.tls import TlsSettings
from microsip_core.user_agent.user_agent import UserAgent

_PROTOCOLS = ("udp", "tcp", "tls", "ws", "wss")


@returns_code
def sip_transport_add(proto: str, host: str = "127.0.0.1", port: int = 0) -> int:
    """Listen at one more address, port 0 for a free one; returns its handle. ``proto`` is udp, tcp, tls, ws or wss.

    SIP_EBUSY when the port is in use, SIP_ENETWORK when the address is not ours, SIP_ETLS without a certificate.
    """
    running, where = running_engine(), optional_text(host, "host") or "127.0.0.1"
    protocol, local_port = text(proto, "proto").lower(), number(port, "port", 0, 65535)
    if protocol not in _PROTOCOLS:
        raise InvalidArgument(f"{proto!r} is no transport", remedy=f"Give one of {', '.join(_PROTOCOLS)}")

    async def work(agent: UserAgent) -> int:
        entry = await agent.transport.add(f"{protocol}:{join_host_port((where.strip('[]'), local_port))}")
        return running.transports.id_of(entry)

    return running.run(work)


@returns_code
def sip_transport_close(transport: int) -> int:
    """Listen no more at an address. Calls and accounts go on by others: register anew where that matters.

    SIP_ESTATE for the last one, SIP_EINVAL for one that is none or was opened by itself.
    """
    running, wanted = running_engine(), number(transport, "transport", 1, 2**31 - 1)

    async def work(agent: UserAgent) -> int:
        for one in running.transports.look(agent):
            if one.id == wanted:
                agent.transport.remove(one.protocol, (one.host, one.port))
                return ErrorCode.SIP_OK
        raise InvalidArgument(f"there is no transport {wanted}", remedy="Ask sip_transport_list for those there are")

    return running.run(work)


@returns_code
def sip_transport_list() -> list[SipTransport]:
    """Return where the engine takes messages: first the addresses asked for, then those opened by themselves."""
    running = running_engine()

    async def work(agent: UserAgent) -> list[SipTransport]:
        return running.transports.look(agent)

    return running.run(work)


@returns_code
def sip_set_stun(server: str | None) -> int:
    """Learn our public address from a STUN server, "HOST" or "HOST:PORT"; None or "": do not. In the background."""
    wanted = optional_text(server, "server")
    return _reconfigure(stun_server=wanted)


@returns_code
def sip_set_srtp(mode: str) -> int:
    """Encrypt the media of calls to come: "off", "optional" or "mandatory"."""
    wanted = text(mode, "mode")
    if wanted not in ("off", "optional", "mandatory"):
        raise InvalidArgument(f"{wanted!r} is no mode", remedy="Give off, optional or mandatory")
    return _reconfigure(srtp=wanted)


@returns_code
def sip_set_tls(
    cert: str | None = None, key: str | None = None, ca: str | None = None, verify: bool = True,
) -> int:
    """Set what TLS connections to come use, all PEM files: our certificate, its key, whom to trust (None: the system's
    authorities). ``verify`` False takes any certificate from a server: for tests only. SIP_ETLS for a bad file.
    """
    settings = TlsSettings(
        certificate=optional_text(cert, "cert"), key=optional_text(key, "key"), ca=optional_text(ca, "ca"),
        verify=bool(verify),
    )
    return _reconfigure(tls=settings)


def _reconfigure(**changes: object) -> int:
    running = running_engine()

    async def work(agent: UserAgent) -> int:
        agent.reconfigure(**changes)
        return ErrorCode.SIP_OK

    return running.run(work)
