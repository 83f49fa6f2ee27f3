"""Response context: a forwarded request, its branches, and what goes back (RFC 3261 s16.2, s16.7-16.10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from microsip_core.sip.builder import response_to
from microsip_core.sip.grammar import parse_number
from microsip_core.sip.message import Request, Response

from .best_response import best_response
from .forwarding import Target

if TYPE_CHECKING:
    from microsip_core.sip.timers import Timer, TimerHeap
    from microsip_core.sip.transaction.client import ClientTransaction
    from microsip_core.sip.transaction.server import ServerTransaction

MAX_BREADTH = 60
_TIMER_C = 1


class Forwarder(Protocol):
    """What a response context asks of the proxy."""

    timer_heap: TimerHeap
    timer_c: float

    def forward(self, branch: Branch, now: float) -> ClientTransaction | None:
        """Send the context's request to the branch's target; None when it may not or can not be sent there."""

    def new_tag(self) -> str:
        """Return a To tag for a response of our own."""

    def finished(self, context: ResponseContext, response: Response) -> None:
        """Be told of each final response that was sent back."""

_ANSWERED_ELSEWHERE = (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),)  # RFC 3326 s3.1


class Branch:
    """One attempt to reach one target."""

    __slots__ = ("breadth", "context", "response", "switched", "target", "timer", "transaction")

    def __init__(self, context: ResponseContext, target: Target, breadth: int) -> None:
        self.context = context
        self.target = target
        self.breadth = breadth
        self.transaction: ClientTransaction | None = None
        self.response: Response | None = None
        self.timer: Timer | None = None
        self.switched = False
        """Whether it goes by TCP because it is too large for UDP."""

    def on_timer(self, kind: int, now: float) -> None:
        """Timer C: it rings too long (s16.8). The transaction ends it, with or without an answer to the CANCEL."""
        self.timer = None
        if self.transaction is not None:
            self.transaction.cancel(now)


class ResponseContext:
    """Sends a request to groups of targets, one group after the other, and forwards what comes back.

    A group holds the targets of equal q and is tried in parallel; the next one follows when all of a group have failed
    (s16.6). Every 2xx to an INVITE and every 101-199 goes back at once, other final responses when all branches have
    one.

    The branches of a group share what Max-Breadth leaves of all the branches that the request may be in at once, so
    that users whose contacts name each other can not multiply it without end (RFC 5393 s5.3).
    """

    __slots__ = (
        "_branches", "_breadth", "_canceled", "_final_sent", "_forwarder", "_groups", "digest", "request", "routed",
        "transaction",
    )

    def __init__(
        self, forwarder: Forwarder, transaction: ServerTransaction, request: Request, digest: str, routed: bool,
        targets: Sequence[Target],
    ) -> None:
        self.transaction = transaction
        self.request = request
        self.digest = digest
        self.routed = routed
        self._forwarder = forwarder
        self._breadth = _breadth_of(request)
        self._groups = _by_preference(targets)
        self._branches: list[Branch] = []
        self._canceled = False
        self._final_sent = False

    def start(self, now: float) -> None:
        """Forward to the first group of targets."""
        self._start_group(now)

    def on_response(self, branch: Branch, response: Response, now: float) -> None:
        """Take a response of one branch, our Via still on top (s16.7 steps 1-5, 9, 10)."""
        status = response.status
        if status == 100:
            return
        response.remove_first("Via")
        if "Via" not in response:  # nobody behind us asked for it (s16.7 step 3); a final one still ends the branch
            if status >= 200:
                self.on_failure(branch, 502, now)
            return
        if status < 200:
            self._start_timer_c(branch, now)
            if not self._final_sent:
                self.transaction.respond(response, now)
            return
        repeated = branch.response is not None
        self._close(branch, response)
        if status < 300:
            if self.request.method == "INVITE" or not self._final_sent:
                self._respond(response, now)
            self._cancel_pending(now, _ANSWERED_ELSEWHERE)
        elif not repeated:
            if status >= 600:
                self._groups.clear()
                self._cancel_pending(now)
            self._conclude(now)

    def on_failure(self, branch: Branch, status: int, now: float) -> None:
        """Take it that a branch answered ``status``: 408 when it timed out, 503 when unreachable (s16.7, s16.9)."""
        if branch.response is None:
            self._close(branch, self._own_response(487 if self._canceled else status))
            self._conclude(now)

    def cancel(self, now: float, reasons: Sequence[str] = ()) -> None:
        """Cancel every branch that has no final response: the sender has canceled (s16.10), for ``reasons``."""
        self._canceled = True
        self._groups.clear()
        self._cancel_pending(now, [("Reason", reason) for reason in reasons])

    @property
    def canceled(self) -> bool:
        """Whether the sender wants it no more."""
        return self._canceled

    # -- branches

    def _start_group(self, now: float) -> None:
        targets = self._groups.pop(0)
        share, rest = divmod(self._breadth, len(targets))
        group = [Branch(self, target, share + (index < rest)) for index, target in enumerate(targets)]
        self._branches += group
        for branch in group:
            if not share:
                self._close(branch, self._own_response(440))
                continue
            branch.transaction = self._forwarder.forward(branch, now)
            if branch.transaction is None:
                self._close(branch, self._own_response(503))
            elif self.request.method == "INVITE":
                self._start_timer_c(branch, now)
        self._conclude(now)

    def _start_timer_c(self, branch: Branch, now: float) -> None:
        heap = self._forwarder.timer_heap
        if branch.timer is not None:
            heap.cancel(branch.timer)
        branch.timer = heap.schedule(now + self._forwarder.timer_c, branch, _TIMER_C)

    def _close(self, branch: Branch, response: Response) -> None:
        branch.response = response
        if branch.timer is not None:
            self._forwarder.timer_heap.cancel(branch.timer)
            branch.timer = None

    def _cancel_pending(self, now: float, headers: Sequence[tuple[str, str]] = ()) -> None:
        for branch in self._branches:
            if branch.response is None and branch.transaction is not None:
                branch.transaction.cancel(now, headers)

    # -- responses

    def _conclude(self, now: float) -> None:
        """When every branch is through: try the next group, or send back the best response (s16.7 step 6)."""
        if self._final_sent:
            return
        responses = [branch.response for branch in self._branches if branch.response is not None]
        if len(responses) < len(self._branches):
            return
        if self._groups:
            self._start_group(now)
            return
        best = best_response(responses, canceled=self._canceled)
        if best.status == 503:  # s16.7 step 6: passed on, a 503 would make the sender give up on us, too
            best = self._own_response(500, "No Target Could Be Reached")
        self._respond(best, now)

    def _respond(self, response: Response, now: float) -> None:
        self._final_sent = True
        self.transaction.respond(response, now)
        self._forwarder.finished(self, response)

    def _own_response(self, status: int, reason: str | None = None) -> Response:
        return response_to(self.request, status, reason, to_tag=self._forwarder.new_tag())


def _breadth_of(request: Request) -> int:
    """Return Max-Breadth of a request, at most what we give one without (RFC 5393 s5.3.3)."""
    text = request.get("Max-Breadth")
    number = parse_number(text, MAX_BREADTH) if text is not None else None
    return MAX_BREADTH if number is None else number


def _by_preference(targets: Sequence[Target]) -> list[list[Target]]:
    """Group targets by q, highest first."""
    groups: dict[float, list[Target]] = {}
    for target in targets:
        groups.setdefault(target.q, []).append(target)
    return [groups[q] for q in sorted(groups, reverse=True)]
