"""C-style functions: accounts, registration and routing."""

from __future__ import annotations

from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import handle, number, optional_text, returns_code, text
from microsip_core.c_api.structures import SipAccount, account_of
from microsip_core.errors import ErrorCode
from microsip_core.sip.identity import Credential
from microsip_core.user_agent.states import AccountState
from microsip_core.user_agent.user_agent import UserAgent

_STATES = list(AccountState)
_LONGEST_EXPIRES = 86_400 * 7
_UNREGISTER_WAIT = 5.0


@returns_code
def sip_create_account(aor: str, password: str | None = None) -> int:
    """Add an account, ``sip:user@domain``, and register it in the background. Returns its handle."""
    running, aor = running_engine(), text(aor, "aor")
    secret = optional_text(password, "password")

    async def work(agent: UserAgent) -> int:
        account = agent.add_account(aor, secret)
        account.start_registration()
        return account.id

    return running.run(work)


@returns_code
def sip_delete_account(account: int = 0) -> int:
    """Forget an account; its registration is removed in the background."""
    running, wanted = running_engine(), handle(account)

    async def work(agent: UserAgent) -> int:
        agent.remove_account(running.account(wanted))
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_set_credentials(username: str, password: str, account: int = 0) -> int:
    """Set the user name and password that challenges are answered with; a registration starts anew."""
    running, wanted = running_engine(), handle(account)
    credential = Credential(text(username, "username"), text(password, "password", empty=True))

    async def work(agent: UserAgent) -> int:
        found = running.account(wanted)
        found.identity.credentials = [credential]
        if found.state in (AccountState.REGISTERING, AccountState.REGISTERED, AccountState.FAILED):
            found.start_registration()
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_set_display_name(name: str, account: int = 0) -> int:
    """Set the name that callees see."""
    running, wanted, shown = running_engine(), handle(account), text(name, "name", empty=True)

    async def work(agent: UserAgent) -> int:
        found = running.account(wanted)
        found.display_name, found.identity.display_name = shown, shown or None
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_set_default_account(account: int) -> int:
    """Make an account the one that 0 stands for."""
    running, wanted = running_engine(), handle(account)

    async def work(agent: UserAgent) -> int:
        found = running.account(wanted)
        agent.accounts.remove(found)
        agent.accounts.insert(0, found)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_list_accounts() -> list[int]:
    """Return the handles of all accounts, the default one first."""

    async def work(agent: UserAgent) -> list[int]:
        return [account.id for account in agent.accounts]

    return running_engine().run(work)


@returns_code
def sip_get_account_info(account: int = 0) -> SipAccount:
    """Return a snapshot of an account."""
    running, wanted = running_engine(), handle(account)

    async def work(agent: UserAgent) -> SipAccount:
        return account_of(running.account(wanted), agent.config.srtp)

    return running.run(work)


@returns_code
def sip_register(account: int = 0, expires: int = 0) -> int:
    """Register, and wait for the outcome. ``expires`` in seconds, 0: as before. Returns 0 or why it failed."""
    running, wanted = running_engine(), handle(account)
    asked = number(expires, "expires", 0, _LONGEST_EXPIRES)

    async def work(agent: UserAgent) -> int:
        found = running.account(wanted)
        found.start_registration(asked or None)
        await found.settled()
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_unregister(account: int = 0) -> int:
    """Remove our binding at the registrar, and wait for it at most 5 s."""
    running, wanted = running_engine(), handle(account)

    async def work(agent: UserAgent) -> int:
        await running.account(wanted).unregister(_UNREGISTER_WAIT)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_registration_state(account: int = 0) -> int:
    """Return 0 unregistered, 1 registering, 2 registered, 3 unregistering, 4 failed."""
    running, wanted = running_engine(), handle(account)

    async def work(agent: UserAgent) -> int:
        return _STATES.index(running.account(wanted).state)

    return running.run(work)


@returns_code
def sip_set_proxy(uri: str | None, account: int = 0) -> int:
    """Send everything of an account by way of ``uri``, which may have a user part; None or "": directly.

    A registration that stands or is under way starts anew by the new way.
    """
    running, wanted, proxy = running_engine(), handle(account), optional_text(uri, "proxy")

    async def work(agent: UserAgent) -> int:
        running.account(wanted).set_proxy(proxy)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_set_registrar(uri: str, account: int = 0) -> int:
    """Set the registrar of an account, by default the domain of its address; a registration starts anew there."""
    running, wanted, registrar = running_engine(), handle(account), text(uri, "registrar")

    async def work(agent: UserAgent) -> int:
        running.account(wanted).set_registrar(registrar)
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_network_changed() -> int:
    """Say that the network is another one: new sockets, registrations anew, and calls that go on by them.

    Returns at once; what does not work yet is tried again in the background. The events tell what becomes of it.
    """

    async def work(agent: UserAgent) -> int:
        agent.network.start()
        return ErrorCode.SIP_OK

    return running_engine().run(work)
