"""The part of a call that is about other calls: a conference it takes part in, or the one call it is bridged to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument
from microsip_core.user_agent.call_dtmf import CallDtmf

if TYPE_CHECKING:
    from microsip_core.user_agent.conference import Conference


class CallMeeting(CallDtmf):
    """Lets calls hear each other. A call is in one conference or bridge at a time."""

    meeting: Conference | None = None  # set by the conference
    _bridged: CallMeeting | None = None

    @property
    def conference(self) -> Conference | None:
        """The conference it takes part in, None in none."""
        return self.meeting

    @property
    def bridged_to(self) -> CallMeeting | None:
        """The call whose peer hears our peer, None in no bridge."""
        return self._bridged

    def bridge(self, other: CallMeeting) -> None:
        """Let the peers of two calls hear each other, instead of us; codecs and sample rates may differ.

        What is played or written into one of them is sent instead while it lasts. Each leaves the bridge or conference
        it was in. The bridge ends with either call; the other goes on, in silence. Raises InvalidArgument for calls of
        two user agents, InvalidState when one of them has no media, NotSupported on the reference core.
        """
        if other is self or other.agent is not self.agent:
            raise InvalidArgument("only two calls of one user agent can be bridged", step="bridge",
                                  peer=self.remote_uri)
        ours, theirs = self.stream("bridge"), other.stream("bridge")
        self.leave_meeting()
        other.leave_meeting()
        ours.bridge(theirs)
        self._bridged, other._bridged = other, self

    def unbridge(self) -> None:
        """Take two bridged calls apart. In no bridge this does nothing."""
        other = self._bridged
        if other is None:
            return
        self._bridged = other._bridged = None
        for call in (self, other):
            if call.media is not None and call.media.stream is not None:
                call.media.stream.unbridge()

    def leave_meeting(self) -> None:
        """Leave the conference or bridge there is; the end of the call does so, too."""
        self.unbridge()
        if self.meeting is not None:
            self.meeting.remove(self)  # type: ignore[arg-type]  # it is a Call: nothing else is made of this class
