"""What became of a call, as JSON and as text: the same record for the caller and for who answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from microsip_core.diagnosis.printable import printable
from microsip_core.errors import MicrosipError, TimedOut

from .exit_status import NotAnswered

if TYPE_CHECKING:
    from microsip_core.user_agent.call import Call

FILE_PATIENCE = 5.0  # seconds to wait for a recording to be a complete file
_GONE = "Check that the peer still runs and that the network carries its packets"


def call_record(call: Call, recorded: str | None = None, *, with_media: bool = True) -> dict[str, Any]:
    """Return the figures of a call for JSON: times in ms where the name says so, else in seconds.

    ``setup_ms`` is from the INVITE to the first sign of the callee, ``answer_ms`` to the answer; loss and jitter are
    what we received, the peer's view is under "media"; ``mos`` is that of the worse direction.
    """
    statistics = call.statistics() if with_media else None
    media = statistics.to_dict() if statistics is not None else None
    send, receive = (media["send"], media["receive"]) if media else ({}, {})
    return {
        "direction": call.direction,
        "local_uri": call.local_uri,
        "remote_uri": call.remote_uri,
        "call_id": call.call_id,
        "status": call.status,
        "reason": call.reason,
        "started": round(call.created, 3),
        "setup_ms": _rounded(call.setup_ms),
        "answer_ms": _rounded(call.answer_ms),
        "duration_s": round(call.duration, 3),
        "codec": call.codec if with_media else None,
        "packets_sent": send.get("packets"),
        "packets_received": receive.get("packets"),
        "packets_lost": receive.get("lost"),
        "loss_percent": receive.get("loss_percent"),
        "jitter_ms": receive.get("jitter_ms"),
        "round_trip_ms": receive.get("rtt_ms"),
        "mos": media["mos"] if media else None,
        "end_cause": str(call.end_cause) if call.end_cause is not None else None,
        "ended_by": call.ended_by,
        "recorded": recorded,
        "media": media,
    }


async def hang_up(call: Call) -> MicrosipError | None:
    """End the call and wait until its recording is a complete file.

    Returns an error when the peer does not confirm the end, as one that has vanished would not.
    """
    live = call.answered is not None and call.ended is None
    await call.hangup()
    await call.recordings_complete(FILE_PATIENCE)
    if not live or call.released is None or (call.released.done() and call.released.result() != 0):
        return call.recording_error
    return TimedOut("the peer vanished: it does not answer our BYE", step="hang up", peer=call.remote_uri, remedy=_GONE)


def call_failure(call: Call) -> MicrosipError | None:
    """Return what went wrong with a call, None when it was answered and ended normally."""
    from microsip_core.user_agent.states import EndCause

    if call.error is not None and call.end_cause is EndCause.NO_ANSWER:
        failure = NotAnswered(call.error.message, step=call.error.step, peer=call.error.peer, remedy=call.error.remedy)
        failure.evidence = call.error.evidence
        return failure
    if call.error is not None and call.end_cause is EndCause.MEDIA_TIMEOUT:
        call.error.remedy = f"{_GONE}, or wait longer with --media-timeout"
    if call.error is not None or call.end_cause in (None, EndCause.NORMAL):
        return call.error or call.recording_error
    message = f"it ended with {call.end_cause} ({call.status} {call.reason})"
    return MicrosipError(message, step="call", peer=call.remote_uri)


_ENDED_BY = {"local": " by us", "remote": " by the peer", "timeout": " by a timeout", "transport": " by the network"}


def call_sentence(record: dict[str, Any]) -> str:
    """Return what became of a call in one sentence."""
    peer = ("call to " if record["direction"] == "outgoing" else "call from ") + record["remote_uri"]
    if record["answer_ms"] is None:
        said = f"{record['status']} {record['reason']}" if record["status"] else "no response"
        return printable(f"{peer} was not answered: {said} ({record['end_cause']})")
    ended = f"ended{_ENDED_BY.get(record['ended_by'] or '', '')} after {record['duration_s']:.1f} s"
    parts = [f"{peer} {ended} ({record['end_cause']})", f"answered after {record['answer_ms']:.0f} ms"]
    if record["codec"]:
        parts.append(str(record["codec"]))
    if record["mos"] is not None:
        parts.append(f"MOS {record['mos']:.2f}")
    if record["recorded"]:
        parts.append(f"recorded to {record['recorded']}")
    return printable(", ".join(parts))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
