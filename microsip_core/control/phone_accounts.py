"""The accounts of a phone: made from their sections, registered at once, remade when the configuration changes."""

from __future__ import annotations

from collections.abc import Mapping

from microsip_core.config.account_settings import AccountSettings
from microsip_core.config.secret import Secret
from microsip_core.control.log import LOG
from microsip_core.control.phone_settings import account_plan
from microsip_core.errors import MicrosipError, NoAccount
from microsip_core.user_agent.account import Account
from microsip_core.user_agent.user_agent import UserAgent


class PhoneAccounts:
    """Accounts by the number of their section. ``chosen`` is the number of the one that calls go out by."""

    def __init__(self, agent: UserAgent, chosen: int) -> None:
        self._agent = agent
        self._sections: dict[int, AccountSettings] = {}
        self._passwords: dict[int, Secret] = {}  # of this session, in place of those of the file
        self.accounts: dict[int, Account] = {}
        self.chosen = chosen

    def apply(self, sections: Mapping[int, AccountSettings]) -> None:
        """Make, remake and remove accounts so that they are those of the sections; one that fails costs no other."""
        for number in list(self.accounts.keys() - sections.keys()):
            self._agent.remove_account(self.accounts.pop(number))
        before, self._sections = self._sections, dict(sections)
        for number, section in sections.items():
            if number in self.accounts and before.get(number) == section:
                continue
            try:
                self._make(number)
            except MicrosipError as error:
                LOG.error("[Account%d] can not be used: %s", number, error)

    def _make(self, number: int) -> None:
        section = self._sections[number]
        if number == 0 and not section.username:
            return  # the local account: calls by address need none
        plan = account_plan(section)
        password = self._passwords.get(number, section.password)
        known = password.reveal() if password else None
        if number in self.accounts:
            self._agent.remove_account(self.accounts.pop(number))
        account = self._agent.add_account(
            plan.aor, known, username=plan.username, registrar=plan.registrar, proxy=plan.proxy,
            display_name=plan.display_name, expires=plan.expires, **plan.reach,
        )
        self.accounts[number] = account
        if plan.registers:
            account.start_registration()

    def set_password(self, number: int | None, password: Secret) -> None:
        """Use another password until the phone ends. Raises NoAccount, ConfigError for a reference to nothing."""
        number = self.chosen if number is None else number
        self.section(number)
        password.reveal()
        self._passwords[number] = password
        self._make(number)

    def choose(self, number: int) -> None:
        """Call by this account from now on. Raises NoAccount."""
        self.section(number)
        self.chosen = number

    def section(self, number: int) -> AccountSettings:
        """Return the section of an account. Raises NoAccount."""
        if number not in self._sections:
            raise NoAccount(f"there is no [Account{number}]", step="choose the account")
        return self._sections[number]

    def current(self) -> tuple[Account | None, AccountSettings | None]:
        """Return the account that calls go out by, with its section; none when there is no account at all."""
        number = self.chosen if self.chosen in self.accounts else min(self.accounts, default=None)
        if number is None:
            return None, None
        return self.accounts[number], self._sections[number]

    def settings_of(self, account: Account | None) -> AccountSettings | None:
        """Return the section of an account."""
        return next((self._sections[number] for number, one in self.accounts.items() if one is account), None)

    def register(self, number: int | None) -> None:
        """Register one account or all of them anew. Raises NoAccount."""
        wanted = list(self.accounts) if number is None else [number]
        for one in wanted:
            if one not in self.accounts:
                raise NoAccount(f"there is no [Account{one}]", step="register")
            if self._sections[one].server:
                self.accounts[one].start_registration()

    def label(self, account: Account | None) -> str:
        """Return what an account is called."""
        section = self.settings_of(account)
        return section.label or section.username if section is not None else ""
