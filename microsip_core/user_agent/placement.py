"""An outgoing call until its answer: resolves and sends the INVITE, and follows redirections (RFC 3261 s8.1.3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from microsip_core.errors import Busy, CallRefused, InvalidArgument, MediaError, MicrosipError, NetworkError
from microsip_core.sip.caller_identity import ANONYMOUS, Diversion, HistoryEntry, diversions_of
from microsip_core.sip.events import CallEnded
from microsip_core.sip.events import EndCause as CoreCause
from microsip_core.sip.header_values import NameAddr
from microsip_core.sip.message import Response
from microsip_core.sip.protection import is_own_server
from microsip_core.sip.session.reason import Reason
from microsip_core.sip.uri import SipUri
from microsip_core.user_agent.destinations import followed_uri
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.states import AccountState, CallState, EndCause

if TYPE_CHECKING:
    from microsip_core.sip.hop import Hop
    from microsip_core.sip.identity import Identity
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.requests import AgentRequests

Headers = Sequence[tuple[str, str]]
_FOLLOWED = frozenset({300, 301, 302})  # 305 and 380 ask for something else than another INVITE
_NEXT_AFTER = frozenset({CoreCause.REJECTED, CoreCause.TIMEOUT, CoreCause.TRANSPORT})


class Placement:
    """Where a call goes, where it has been, and where it may go next."""

    __slots__ = (
        "_agent", "_call", "_codecs", "_diversions", "_followed", "_headers", "_history", "_privacy", "_queue",
        "_visited",
    )

    def __init__(
        self, agent: AgentRequests, call: Call, codecs: Sequence[str] | None, headers: Headers, privacy: str | None,
    ) -> None:
        self._agent = agent
        self._call = call
        self._codecs = codecs
        self._headers = headers
        self._followed = 0
        self._queue: list[SipUri] = []
        self._visited: list[SipUri] = []
        self._privacy = privacy
        self._history: list[HistoryEntry] = []
        self._diversions: tuple[Diversion, ...] = ()

    def begin(self, uri: SipUri, target: str) -> None:
        """Send the INVITE, now or when the name is resolved. Raises InvalidArgument for what can not be called."""
        agent, call = self._agent, self._call
        self._visited.append(uri)
        try:
            if call.account is not None and call.account.state is AccountState.DOWN:
                raise NetworkError("the trunk is down", step="invite", peer=call.account.server_uri,
                                   remedy="Its other end does not answer: see the account's error")
            hop = agent.hop_for(uri, call.account)
            if agent.transport.reach_now(hop):
                self._send(target, hop)
            else:
                call.task = agent.loop.create_task(self._resolve_first(target, hop))
        except InvalidArgument as error:
            call.fail(error)
            raise
        except MicrosipError as error:
            call.fail(error, cause=_cause_of(error))

    async def _resolve_first(self, target: str, hop: Hop) -> None:
        try:
            await self._agent.transport.reach(hop)
            self._send(target, hop)
        except MicrosipError as error:
            self._call.fail(error, cause=_cause_of(error))

    def _send(self, target: str, hop: Hop) -> None:
        agent, call, account = self._agent, self._call, self._call.account
        if call.state is CallState.ENDED:
            return
        local_host = agent.transport.local_address(hop)[0]
        identity = account.identity if account is not None else agent.anonymous_identity(local_host)
        shown, headers = self._identity(identity, hop)
        call.local_uri = shown.uri if shown is not None else identity.aor
        call.session = agent.endpoint.invite(
            target, call.make_offer(local_host, self._codecs), agent.now(), identity=identity, headers=headers,
            answer_timeout=agent.config.ring_timeout, call_id=call.call_id or None, owner=call, from_address=shown,
        )
        call.call_id, call.invite_request = call.session.call_id, call.session.request
        agent.pump()

    def _identity(self, identity: Identity, hop: Hop) -> tuple[NameAddr | None, Headers]:
        """Return the From to show where it is not the account's, and all headers of the INVITE."""
        account = self._call.account
        headers = [*self._headers, *(("Diversion", str(one)) for one in self._diversions)]
        headers += (("History-Info", str(entry)) for entry in self._history)
        privacy = self._privacy or (account.traits.privacy if account is not None else "none")
        asserted = account.traits.asserted_identity if account is not None else None
        if asserted is not None:
            headers.append(("P-Asserted-Identity", f"<{asserted}>"))
        if privacy == "none":
            return None, headers
        headers.append(("Privacy", "id"))
        if privacy == "id":
            return None, headers
        addresses_of = self._agent.transport.resolver.addresses_of
        if account is not None and asserted is None and is_own_server(identity, hop, None, addresses_of):
            # so that our server knows whom it withholds (RFC 3325 s9.2)
            headers.append(("P-Preferred-Identity", f"<{identity.aor}>"))
        return ANONYMOUS, headers

    def go_on(self, event: CallEnded) -> bool:
        """Try the next place after a redirection, or after one that was redirected to has failed; False: there is none.

        ``call.error`` is set where a redirection is not followed for a reason of ours.
        """
        call, config = self._call, self._agent.config
        if self._agent.closing or call.error is not None or call.released is not None or not config.max_redirects:
            return False
        if event.cause is CoreCause.REDIRECTED and event.status in _FOLLOWED:
            why = self._take(event.contacts)
            if isinstance(event.message, Response):
                self._diversions = diversions_of(event.message)
        elif event.cause in _NEXT_AFTER and event.status < 600 and self._queue:
            why = ""
        else:
            return False
        if self._queue and self._followed >= config.max_redirects:
            why = f"It was redirected more than {config.max_redirects} times"
        elif self._queue:
            self._followed += 1
            self._leave(event, self._queue.pop(0))
            return True
        if why and event.contacts:
            call.error = CallRefused(
                event.status, event.reason, step="invite", peer=call.remote_uri,
                remedy=f"{why}: call {' or '.join(event.contacts)} yourself if that is right",
            )
        return False

    def _take(self, contacts: tuple[str, ...]) -> str:
        """Queue where a redirection leads to, before what waits; return why nothing of it can be followed."""
        why = ""
        found: list[SipUri] = []
        for contact in contacts:
            uri = followed_uri(contact, self._call.remote_uri, self._agent.config.followed_hosts)
            if uri is None:
                why = why or "A redirection may not lead there"
            elif any(uri.equivalent(one) for one in (*self._visited, *found)):
                why = "The redirection leads in a circle"
            else:
                found.append(uri)
        self._queue[:0] = found
        return why

    def _leave(self, event: CallEnded, uri: SipUri) -> None:
        """Leave the session that has ended, and call ``uri`` in a new one."""
        call, target = self._call, str(uri)
        self._note(call.remote_uri, target, event)
        event.session.owner = None
        call.session = None
        if call.media is not None:
            self._agent.media.forget(call)
            call.media.close()
            call.media = None
        call.remote_uri = target
        call.enter(CallState.CALLING)
        call.emit(EventType.CALL_PROGRESS, event.status, target)
        try:
            self.begin(uri, target)
        except InvalidArgument:
            return  # it has ended the call


    def _note(self, before: str, target: str, event: CallEnded) -> None:
        """Keep the History-Info of a call that goes on elsewhere: each place is a child of the first (RFC 7044 s10)."""
        if not self._history:
            self._history.append(HistoryEntry(before, "1"))
        self._history[-1] = self._history[-1]._replace(reasons=(Reason("SIP", event.status),))
        number = len(self._history)
        self._history.append(HistoryEntry(target, f"1.{number}", target="mp=1"))


def _cause_of(error: MicrosipError) -> EndCause:
    if isinstance(error, NetworkError):
        return EndCause.TRANSPORT
    return EndCause.MEDIA if isinstance(error, (MediaError, Busy)) else EndCause.ERROR
