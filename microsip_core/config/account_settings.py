"""Every key of the account sections with its type, default, range and meaning: the one table of them."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.config.keys import ACCOUNT_LIMIT, boolean, choice, dial_plan, integer, secret, text, words
from microsip_core.config.secret import Secret


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """A section ``[AccountN]``. ``[Account0]`` is the local account, for calls by address."""

    label: str = text("", "name of the account", limit=ACCOUNT_LIMIT)
    server: str = text("", "registrar, HOST or HOST:PORT; empty for no registration", limit=ACCOUNT_LIMIT)
    proxy: tuple[str, ...] = words((), "proxies to go through, with blanks between", limit=ACCOUNT_LIMIT)
    domain: str = text("", "domain of the address; empty for the server", limit=ACCOUNT_LIMIT)
    username: str = text("", "user part of the address", limit=ACCOUNT_LIMIT)
    authID: str = text("", "user name for authentication; empty for username", limit=ACCOUNT_LIMIT)
    password: Secret = secret("the password, or env:NAME, file:PATH, keyring:SERVICE/USER")  # noqa: RUF009 (a field)
    displayName: str = text("", "name shown to those called", limit=ACCOUNT_LIMIT)
    dialingPrefix: str = text("", "put before numbers of more than three digits", limit=ACCOUNT_LIMIT)
    dialPlan: str = dial_plan("patterns of the numbers that may be dialled; empty for all")
    hideCID: str = choice("0", "hide the caller: 1 or hard anonymous From, soft Privacy header only",
                          "0", "", "1", "hard", "soft")
    voicemailNumber: str = text("", "number of the mail box; watched for new messages when given", limit=ACCOUNT_LIMIT)
    transport: str = choice("udp", "transport; empty for UDP, and TCP for large messages", "udp", "tcp", "tls", "")
    SRTP: str = choice("", "encryption of media", "", "optional", "mandatory", "dtls", "dtls-sdes", live=False)
    publicAddr: str = text("", "public address to tell; empty for what is learned", limit=ACCOUNT_LIMIT)
    registerRefresh: int = integer(300, "registration asked for", 10, 86400, unit="s")
    keepAlive: int = integer(15, "seconds between keep-alive packets; 0 for none", 0, 3600, unit="s")
    publish: bool = boolean(False, "publish presence")
    ICE: bool = boolean(False, "find a path for media with ICE")
    allowRewrite: bool = boolean(False, "rewrite our addresses to those the server sees")
    disableSessionTimer: bool = boolean(False, "no session timer (RFC 4028)")
