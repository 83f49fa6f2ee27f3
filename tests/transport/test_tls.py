"""SIP over TLS on loopback: whose certificate is taken, and what is said of the others."""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from pathlib import Path

import pytest
from certificates import Authority
from leaks import open_descriptors

from microsip_core.errors import TlsError
from microsip_core.sip.hop import Hop
from microsip_core.transport.stream_limits import StreamLimits
from microsip_core.transport.tls import TlsSettings, check_name, client_context, server_context

from .conftest import MakeOwner
from .owner import Owner, eventually

MESSAGE = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"


def tls(owner: Owner, host: str = "127.0.0.1") -> Hop:
    return Hop("TLS", host, owner.layer.listen_address_of("TLS")[1])


async def refusal(client: Owner, hop: Hop) -> TlsError:
    """Return how a request to ``hop`` fails; a connection must be refused before a message goes out."""
    client.send(MESSAGE, hop, token=1)
    await client.until(lambda: bool(client.failures))
    error = client.failures[0][1]
    assert isinstance(error, TlsError)
    return error


@pytest.mark.parametrize("names", [("127.0.0.1",), ("sip:127.0.0.1",), ("sip:a.example", "127.0.0.1")])
async def test_messages_both_ways_over_one_verified_connection(
    make_owner: MakeOwner, authority: Authority, names: tuple[str, ...],
) -> None:
    server = await make_owner("tls:127.0.0.1:0", tls=authority.settings(*names))
    client = await make_owner(tls=authority.settings())
    await client.layer.reach(tls(server))
    connection = client.layer.streams.find(tls(server))
    assert connection is not None
    assert connection.source is not None
    assert client.layer.local_address(tls(server)) == connection.source.local  # nothing else could be called back
    client.send(MESSAGE, tls(server))
    await server.until(lambda: bool(server.messages))
    source = server.messages[0][1]
    assert source.transport == "TLS"
    server.send(MESSAGE, Hop("TLS", source.host, source.port))
    await client.until(lambda: bool(client.messages))
    assert server.layer.streams.counters["accepted"] == 1


async def test_name_of_the_sip_domain_is_asked_for_and_checked(make_owner: MakeOwner, authority: Authority) -> None:
    asked: list[str | None] = []
    server = await make_owner("tls:127.0.0.1:0", tls=authority.settings("localhost"))
    context = server.layer.streams.connector._context(server=True)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    client = await make_owner(tls=authority.settings())
    client.send(MESSAGE, tls(server, "localhost"))
    await server.until(lambda: bool(server.messages))
    assert asked == ["localhost"]


async def test_host_name_mismatch_names_who_the_certificate_is_for(make_owner: MakeOwner, authority: Authority) -> None:
    server = await make_owner("tls:127.0.0.1:0", tls=authority.settings("other.example", "sip:third.example"))
    client = await make_owner(tls=authority.settings())
    error = await refusal(client, tls(server, "localhost"))
    assert "is for other.example, third.example and not for localhost" in str(error)
    assert server.messages == []


async def test_certificate_of_an_unknown_authority(
    make_owner: MakeOwner, authority: Authority, tmp_path: Path,
) -> None:
    server = await make_owner("tls:127.0.0.1:0", tls=Authority(tmp_path, "Unknown").settings("127.0.0.1"))
    client = await make_owner(tls=authority.settings())
    assert "unknown authority" in str(await refusal(client, tls(server)))


async def test_expired_certificate(make_owner: MakeOwner, authority: Authority) -> None:
    settings = TlsSettings(certificate=str(authority.issue("127.0.0.1", expired=True)))
    server = await make_owner("tls:127.0.0.1:0", tls=settings)
    client = await make_owner(tls=authority.settings())
    assert "has expired" in str(await refusal(client, tls(server)))


async def test_self_signed_certificate_is_refused_and_taken_when_named(
    make_owner: MakeOwner, authority: Authority,
) -> None:
    own = str(authority.issue("127.0.0.1", self_signed=True))
    server = await make_owner("tls:127.0.0.1:0", tls=TlsSettings(certificate=own))
    client = await make_owner(tls=authority.settings())
    error = await refusal(client, tls(server))
    assert "self-signed" in str(error)
    assert "TLS settings" in str(error.remedy)
    trusting = await make_owner(tls=TlsSettings(ca=own))
    trusting.send(MESSAGE, tls(server))
    await server.until(lambda: bool(server.messages))


async def test_verification_can_be_switched_off(make_owner: MakeOwner, authority: Authority) -> None:
    server = await make_owner("tls:127.0.0.1:0", tls=authority.settings("other.example"))
    client = await make_owner(tls=TlsSettings(verify=False))
    client.send(MESSAGE, tls(server))
    await server.until(lambda: bool(server.messages))


async def test_client_certificate(make_owner: MakeOwner, authority: Authority) -> None:
    settings = authority.settings("127.0.0.1", client_certificates="required")
    server = await make_owner("tls:127.0.0.1:0", tls=settings)
    known = await make_owner(tls=authority.settings("client.example"))
    known.send(MESSAGE, tls(server))
    await server.until(lambda: bool(server.messages))
    unknown = await make_owner(tls=authority.settings())
    error = await refusal(unknown, tls(server))
    assert "certificate" in str(error)


async def test_peer_that_speaks_no_tls(make_owner: MakeOwner, authority: Authority) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    client = await make_owner(tls=authority.settings())
    error = await refusal(client, Hop("TLS", *listening.sockets[0].getsockname()))
    assert "does not speak TLS" in str(error)
    listening.close()
    await asyncio.sleep(0.01)


async def test_half_open_handshake_is_given_up(make_owner: MakeOwner, authority: Authority) -> None:
    settings, limits = authority.settings("127.0.0.1"), StreamLimits(connect_seconds=0.2)
    server = await make_owner("tls:127.0.0.1:0", tls=settings, limits=limits)
    reader, writer = await asyncio.open_connection(*server.layer.listen_address)
    async with asyncio.timeout(3):
        assert await reader.read() == b""
    await eventually(lambda: not server.layer.streams._accepted)
    writer.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_old_tls_versions_are_refused(make_owner: MakeOwner, authority: Authority) -> None:
    server = await make_owner("tls:127.0.0.1:0", tls=authority.settings("127.0.0.1"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert client_context(TlsSettings(verify=False)).minimum_version == ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(*server.layer.listen_address, ssl=context)


async def test_listening_needs_a_certificate(make_owner: MakeOwner, authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(TlsError, match="a certificate is needed"):
        await make_owner("tls:127.0.0.1:0")
    with pytest.raises(TlsError, match=r"missing\.pem"):
        await make_owner("tls:127.0.0.1:0", tls=TlsSettings(certificate=str(tmp_path / "missing.pem")))
    ours = dataclasses.replace(authority.settings("127.0.0.1"), key=str(authority.issue("127.0.0.1")))
    with pytest.raises(TlsError, match="key values mismatch"):
        server_context(ours)


@pytest.mark.parametrize(("host", "names", "good"), [
    ("example.com", [("DNS", "example.com")], True),
    ("EXAMPLE.com.", [("DNS", "example.COM")], True),
    ("sip.example.com", [("DNS", "*.example.com")], True),
    ("a.b.example.com", [("DNS", "*.example.com")], False),
    ("example.com", [("DNS", "*.com")], False),
    ("example.com", [("URI", "sip:example.com")], True),
    ("a.example.com", [("URI", "sip:*.example.com")], False),
    ("example.com", [("URI", "sip:user@example.com")], False),
    ("example.com", [("URI", "https://example.com")], False),
    ("example.com", [("DNS", "example.com.evil.org")], False),
    ("192.0.2.1", [("IP Address", "192.0.2.1")], True),
    ("192.0.2.1", [("DNS", "192.0.2.1")], False),
    ("2001:db8::1", [("IP Address", "2001:DB8:0:0:0:0:0:1")], True),
    ("example.com", [], True),
    ("example.com", [("DNS", "other.com")], False),
])
def test_whose_certificate_it_is(host: str, names: list[tuple[str, str]], good: bool) -> None:
    """The common name counts only where there is no other (RFC 5922 s7.1)."""
    certificate = {"subjectAltName": tuple(names), "subject": ((("commonName", "example.com"),),)}
    if good:
        check_name(host, certificate)
    else:
        with pytest.raises(TlsError):
            check_name(host, certificate)


def test_works_on_uvloop_too(authority: Authority) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> None:
        server = Owner("tls:127.0.0.1:0", tls=authority.settings("127.0.0.1"))
        client, stranger = Owner(tls=authority.settings()), Owner(tls=TlsSettings(ca=str(authority.issue("x"))))
        for owner in (server, client, stranger):
            await owner.layer.open()
        client.send(MESSAGE, tls(server), token=1)
        await server.until(lambda: bool(server.messages))
        source = server.messages[0][1]
        server.send(MESSAGE, Hop("TLS", source.host, source.port), source)
        await client.until(lambda: bool(client.messages))
        assert isinstance(await refusal(stranger, tls(server)), TlsError)
        for owner in (client, stranger, server):
            await owner.layer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.sleep(0))  # it keeps a pipe of its own from the first use on
    before = open_descriptors()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
    assert open_descriptors() <= before
