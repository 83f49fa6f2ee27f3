"""SRTP through pylibsrtp: sessions for the reference core, addresses of libsrtp's functions for the native one."""

from __future__ import annotations

import functools
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from microsip_core.errors import NotSupported

if TYPE_CHECKING:
    from pylibsrtp import Session


class SrtpProfile(NamedTuple):
    """A suite for pylibsrtp; octets of its tag behind the MKI in RTP and in RTCP (RFC 3711 s3.1, RFC 7714 s8.1)."""

    policy: str
    tag: int
    rtcp_tag: int


PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": SrtpProfile("SRTP_PROFILE_AES128_CM_SHA1_80", 10, 10),
    "AES_CM_128_HMAC_SHA1_32": SrtpProfile("SRTP_PROFILE_AES128_CM_SHA1_32", 4, 10),
    "AEAD_AES_128_GCM": SrtpProfile("SRTP_PROFILE_AEAD_AES_128_GCM", 0, 0),
    "AEAD_AES_256_GCM": SrtpProfile("SRTP_PROFILE_AEAD_AES_256_GCM", 0, 0),
}

# Of the self-test: libsrtp's own, also in tests/vectors/srtp.
_TEST_KEY = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6")
_TEST_PLAIN = bytes.fromhex("800f1234decafbadcafebabeabababababababababababababababab")
_TEST_SEALED = bytes.fromhex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What a stream needs for SRTP: the suite (RFC 4568 name), and master key with salt of each direction."""

    suite: str
    send: bytes = field(repr=False)
    receive: bytes = field(repr=False)
    receive_mki: bytes = b""
    """The master key identifier that the peer puts into its packets."""


class LibraryFunctions(NamedTuple):
    """Addresses of libsrtp's functions."""

    release: int
    protect: int
    protect_rtcp: int
    unprotect: int
    unprotect_rtcp: int


def new_key(octets: int) -> bytes:
    """Return a new master key with salt, from the system's source of randomness: never from one that can be seeded."""
    return secrets.token_bytes(octets)


def require_srtp(core: str) -> None:
    """Raise NotSupported where a media core, "native" or "reference", can have no SRTP."""
    if core == "native":
        library_functions()
    else:
        _library()


def open_session(suite: str, key: bytes, *, receiving: bool) -> Session:
    """Return a session of pylibsrtp for one direction. Raises NotSupported."""
    library = _library()
    session: Session = library.Session(_policy(library, suite, key, receiving))
    return session


def open_context(suite: str, key: bytes, *, receiving: bool) -> int:
    """Return the address of a libsrtp context for one direction, which the caller has to release.

    Raises NotSupported where :func:`library_functions` does.
    """
    library_functions()
    return _create(_policy(_library(), suite, key, receiving))


@functools.cache
def library_functions() -> LibraryFunctions:
    """Return the addresses of libsrtp's functions, after a packet has been sealed and opened through them.

    Raises NotSupported: the names behind pylibsrtp are private and may change.
    """
    _library()
    try:
        functions = _find_functions()
        _test(functions)
    except (ImportError, AttributeError, TypeError, ValueError, OSError) as error:
        raise NotSupported(
            f"this pylibsrtp keeps its functions where they can not be found ({error})", step="start SRTP",
            remedy='Install pylibsrtp 1.0, or use the reference core (core="reference")',
        ) from error
    return functions


def remove_mki(packet: bytes, mki: bytes, after: int) -> bytes | None:
    """Return a packet without the identifier that stands before the last ``after`` octets; None if it is another."""
    place = len(packet) - after - len(mki)
    if place < 0 or packet[place : place + len(mki)] != mki:
        return None
    return packet[:place] + packet[place + len(mki) :]


def _library() -> Any:
    try:
        import pylibsrtp
    except ImportError as error:
        raise NotSupported(
            "SRTP needs the package pylibsrtp", step="start SRTP", remedy="pip install pylibsrtp, or switch SRTP off",
        ) from error
    return pylibsrtp


def _policy(library: Any, suite: str, key: bytes, receiving: bool) -> Any:
    policy = library.Policy
    kind = policy.SSRC_ANY_INBOUND if receiving else policy.SSRC_ANY_OUTBOUND
    return policy(key=key, ssrc_type=kind, srtp_profile=getattr(policy, PROFILES[suite].policy))


def _create(policy: Any) -> int:
    from pylibsrtp._binding import ffi, lib

    context = ffi.new("srtp_t *")
    status = lib.srtp_create(context, policy._policy)
    if status != 0:
        raise NotSupported(f"libsrtp can not make a session (status {status})", step="start SRTP")
    return int(ffi.cast("uintptr_t", context[0]))


def _find_functions() -> LibraryFunctions:
    from pylibsrtp._binding import ffi, lib

    def address_of(name: str) -> int:
        return int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))

    return LibraryFunctions(
        address_of("srtp_dealloc"), address_of("srtp_protect"), address_of("srtp_protect_rtcp"),
        address_of("srtp_unprotect"), address_of("srtp_unprotect_rtcp"),
    )


def _test(functions: LibraryFunctions) -> None:
    """Seal and open a packet as the media threads would."""
    import ctypes

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))
    release = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(functions.release)
    packet = ctypes.create_string_buffer(_TEST_PLAIN, 256)
    length = ctypes.c_int(len(_TEST_PLAIN))
    for receiving, function, wanted in (
        (False, functions.protect, _TEST_SEALED), (True, functions.unprotect, _TEST_PLAIN),
    ):
        context = _create(_policy(_library(), "AES_CM_128_HMAC_SHA1_80", _TEST_KEY, receiving))
        status = kind(function)(context, packet, ctypes.byref(length))
        release(context)
        if status != 0 or packet.raw[: length.value] != wanted:
            raise ValueError("a packet came out wrong")
