"""One call, and what its user can do with it: ring, answer, reject, hang up, hold, and all that CallDevices offers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType

from microsip_core.errors import Canceled, InvalidArgument, InvalidState, MicrosipError
from microsip_core.sip.session.invite_session import InviteSession
from microsip_core.sip.session.reason import Reason
from microsip_core.user_agent.call_devices import CallDevices
from microsip_core.user_agent.call_life import ANSWERED, UNANSWERED_INCOMING
from microsip_core.user_agent.call_requests import CallRequests
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.failure import refusal_status
from microsip_core.user_agent.outcome import DONE, Outcome
from microsip_core.user_agent.states import CallState, EndCause
from microsip_core.user_agent.target import check_headers, check_media, complete_target, parse_uri
from microsip_core.user_agent.transfer import TransferAttempt, begin_transfer

Headers = Sequence[tuple[str, str]]
_RELEASE_WAIT = 2.0  # seconds that awaiting hangup() gives the peer to confirm

_OF_REFER = frozenset({"refer-to", "referred-by"})


class Call(CallRequests, CallDevices):
    """A call, incoming or outgoing. Made by :class:`UserAgent`, never directly.

    The methods that act (``ring``, ``answer``, ``reject``, ``hangup``, ``hold``, ``unhold``) act at once, also from a
    plain function, and return something to await for the outcome. ``async with call:`` hangs up at the exit.

    ``id`` counts from 1 within the user agent, ``call_id`` is SIP's. ``direction`` is "outgoing" or "incoming",
    ``state`` a :class:`CallState`. ``account`` is the account it belongs to, None without one. ``local_uri``,
    ``remote_uri`` and ``remote_display_name`` say who talks. ``invite_request`` is the INVITE with all its headers,
    ``response`` the last response to ours, ``end_message`` the BYE, CANCEL or response that ended the call; None where
    there is none. ``caller`` says who calls us and by which header: From, or where the sender is trusted what it
    asserts; ``remote_uri`` and ``remote_display_name`` are taken from that. ``end_reasons`` are the Reason values of
    ``end_message`` (RFC 3326).
    ``status`` and ``reason`` are the last SIP status, 0 before the first.
    ``created``, ``ringing``, ``answered`` and ``ended`` are seconds since the epoch, None until then. ``end_cause`` and
    ``ended_by`` ("local", "remote", "timeout", "transport") tell how it ended; ``error`` is the exception that those
    who waited got, None after a normal end. ``transferred_to`` is the call we made as the peer asked us to by REFER,
    ``replaced_by`` the one that has taken the place of this one (RFC 3891), ``joins`` the one that
    this one asks to be added to (RFC 3911); else None.
    """

    # -- incoming ---------------------------------------------------------------------------------------------------

    def _unanswered(self, step: str) -> InviteSession:
        if self.direction != "incoming" or self.state not in UNANSWERED_INCOMING or self.session is None:
            raise InvalidState(
                f"the {self.direction} call is {self.state}", step=step, peer=self.remote_uri,
                remedy=f"Only an unanswered incoming call takes {step}()",
            )
        return self.session

    def ring(self, early_media: bool = False, *, headers: Headers | None = None) -> Outcome:
        """Send 180 Ringing, or with ``early_media`` 183 with our session description, for an incoming call."""
        session, extra = self._unanswered("ring"), check_headers(headers, "ring")
        if early_media:
            description = self._describe("ring")
            session.progress(183, self.agent.now(), sdp=description, headers=extra)
            self.enter(CallState.EARLY)
        else:
            session.progress(180, self.agent.now(), headers=extra)
            if self.state is CallState.INCOMING:
                self.enter(CallState.RINGING)
        if self.ringing is None:
            self.ringing = self.first_response = time.time()
            self.emit(EventType.CALL_RINGING, 180)
        self.agent.pump()
        return DONE

    def answer(self, *, headers: Headers | None = None) -> Outcome:
        """Answer an incoming call with 200; awaiting waits for the caller's ACK.

        Without a common codec the call is refused with 488 and CodecError is raised. InvalidState when not incoming.
        """
        session, extra = self._unanswered("answer"), check_headers(headers, "answer")
        description = self._describe("answer")
        self.answered = time.time()
        if self.first_response is None:
            self.first_response = self.answered
        self.status, self.reason, self.offer = 200, "OK", None
        self.enter(CallState.CONNECTING)
        self.emit(EventType.CALL_ANSWERED, 200, "OK")
        session.accept(description, self.agent.now(), headers=extra)
        self.agent.pump()
        return Outcome(self._confirmed)

    async def _confirmed(self) -> None:
        await self.wait(CallState.ACTIVE)

    def _describe(self, step: str) -> bytes:
        """Open the media and answer the caller's offer, or make the offer ourselves; refuse the call if that fails."""
        try:
            return self.answer_offer(self.offer)
        except MicrosipError as error:
            error.step, error.peer = error.step or step, error.peer or self.remote_uri
            self.fail(error, refusal_status(error), EndCause.MEDIA)
            raise

    def reject(
        self, status: int = 486, reason: str | None = None, *, headers: Headers | None = None,
    ) -> Outcome:
        """Refuse an incoming call with a final status of 300-699. Retry-After, Warning, ... go into ``headers``."""
        if not 300 <= status <= 699:
            raise InvalidArgument(f"{status} is no status to refuse with", step="reject", remedy="Give 300 to 699")
        extra = check_headers(headers, "reject")
        self._unanswered("reject").reject(status, self.agent.now(), reason=reason, headers=extra)
        self.agent.pump()
        return DONE

    def redirect(
        self, contacts: str | Sequence[str], status: int = 302, *, headers: Headers | None = None,
    ) -> Outcome:
        """Send the caller of an unanswered incoming call elsewhere: 302 with one or more URIs, best first."""
        if not 300 <= status <= 399:
            raise InvalidArgument(f"{status} does not redirect", step="redirect", remedy="Give 300 to 399")
        uris = [contacts] if isinstance(contacts, str) else list(contacts)
        if not 1 <= len(uris) <= 10:
            raise InvalidArgument(f"{len(uris)} URIs to redirect to", step="redirect", remedy="Give one to ten")
        domain = self.account.uri.host_port if self.account is not None else None
        targets = [str(parse_uri(complete_target(uri, domain), "redirect")) for uri in uris]
        where = [("Contact", f"<{uri}>;q={1 - rank / 10:g}") for rank, uri in enumerate(targets)]
        extra = check_headers(headers, "redirect")
        self._unanswered("redirect").reject(status, self.agent.now(), headers=(*where, *extra))
        self.agent.pump()
        return DONE

    # -- both directions --------------------------------------------------------------------------------------------

    def hangup(self, *, reason: Reason | None = None, headers: Headers | None = None) -> Outcome:
        """End the call whatever its state: CANCEL, final response or BYE; in an ended call nothing.

        ``reason`` goes into a Reason header (RFC 3326), ``headers`` are further ones.
        The call has ended when this returns. Awaiting gives the peer up to 2 s to confirm, and a recording as long to
        be complete; it does not raise.
        """
        extra = check_headers(headers, "hangup")
        if reason is not None:
            extra = (*extra, *check_headers([("Reason", str(reason))], "hangup"))
        if self.state is not CallState.ENDED:
            if self.session is None:
                self.error = Canceled("the call was given up", step="invite", peer=self.remote_uri)
                self.finish(EndCause.CANCELED, "local")
                return DONE
            self.released = self.agent.loop.create_future()
            self.session.hangup(self.agent.now(), headers=extra)
            self.agent.pump()
        return Outcome(self._until_released)

    async def _until_released(self) -> None:
        if self.released is not None and not self.released.done():
            await asyncio.wait([self.released], timeout=_RELEASE_WAIT)
        await self.recordings_complete(_RELEASE_WAIT)

    def hold(self, *, headers: Headers | None = None) -> Outcome:
        """Put the peer on hold by a re-INVITE; awaiting raises CallRefused when the peer does not take it."""
        return self._renegotiate(True, "hold", check_headers(headers, "hold"))

    def unhold(self, *, headers: Headers | None = None) -> Outcome:
        """Resume after :meth:`hold`."""
        return self._renegotiate(False, "unhold", check_headers(headers, "unhold"))

    def update(self, media: str = "audio", *, headers: Headers | None = None) -> Outcome:
        """Agree on the media anew by a re-INVITE: what is on hold stays so. ``media`` is "audio".

        Awaiting raises CallRefused when the peer does not take it, NotSupported for video.
        """
        check_media(media)
        return self._renegotiate(self.held, "update", check_headers(headers, "update"), anew=True)

    def _renegotiate(self, hold: bool, step: str, headers: Headers, *, anew: bool = False) -> Outcome:
        if self.state not in ANSWERED or self.session is None or self.media is None:
            raise InvalidState(
                f"the call is {self.state}", step=step, peer=self.remote_uri, remedy="Wait until the call is answered",
            )
        if self.renegotiation is not None:
            raise InvalidState(
                "a change of the call is under way", step=step, peer=self.remote_uri, remedy="Await the one before",
            )
        if hold == self.held and not anew:
            return DONE
        self.session.reinvite(self.media.hold(hold), self.agent.now(), headers=headers)
        renegotiation = self.agent.loop.create_future()
        renegotiation.add_done_callback(_look_at_exception)
        self.renegotiation, self.renegotiating_hold = renegotiation, hold
        self.agent.pump()

        async def finished() -> None:
            await asyncio.shield(renegotiation)

        return Outcome(finished)

    def transfer(self, uri: str, *, headers: Headers | None = None) -> Outcome:
        """Ask the peer to call ``uri`` instead of us (blind transfer); awaiting waits until that call is answered.

        The call is hung up then. Otherwise it goes on, taken off hold where it was held, and awaiting raises
        CallRefused with the status of the new call, or TimedOut when the peer does not tell. The events
        ``call_transferring`` and ``call_transfer_status`` tell the progress. A peer that agrees and leaves without
        telling counts as transferred. InvalidState before the answer.
        """
        target = complete_target(uri, self.account.uri.host_port if self.account is not None else None)
        parse_uri(target, "transfer")
        return self._transferred(begin_transfer(self, target, None, check_headers(headers, "transfer", ours=_OF_REFER)))

    def transfer_to(self, other: Call, *, headers: Headers | None = None) -> Outcome:
        """Connect the peers of two answered calls with each other (attended transfer); see :meth:`transfer`.

        The peer of this call is asked to take our place in ``other``; both calls have ended when that has worked.
        """
        extra = check_headers(headers, "transfer", ours=_OF_REFER)
        return self._transferred(begin_transfer(self, other.remote_uri, other, extra))

    def _transferred(self, attempt: TransferAttempt) -> Outcome:
        async def finished() -> None:
            try:
                await asyncio.shield(attempt.outcome)
            except MicrosipError:
                if self.renegotiation is not None:  # it is being taken off hold
                    await asyncio.wait([self.renegotiation])
                raise
            await self._until_released()

        return Outcome(finished)

    async def __aenter__(self) -> Call:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        await self.hangup()


def _look_at_exception(future: asyncio.Future[None]) -> None:
    """Spare asyncio's complaint where nobody awaits the outcome."""
    if not future.cancelled():
        future.exception()
