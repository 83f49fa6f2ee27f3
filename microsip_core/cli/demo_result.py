"""Shows the demo's call: the ladder with both sides and the server, statistics, speech scores, and writes the files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microsip_core.diagnosis.call_picture import Direction, Wave, render_call_picture
from microsip_core.diagnosis.ladder import Arrow, Note, arrows_of, established_at, render_ladder
from microsip_core.diagnosis.tables import media_table
from microsip_core.diagnosis.waveform import read_channels

from .call_diagrams import direction_summary, media_note
from .output import Output
from .quality_log import quality_samples
from .report import ReportedMessage, read_report, write_text
from .speech_score import pesq_narrowband


@dataclass(frozen=True, slots=True)
class Side:
    """One side: its name, its record of the call, the file it spoke, and its report."""

    name: str
    record: dict[str, Any]
    speech: str
    report: Path


@dataclass(frozen=True, slots=True)
class DemoCall:
    """The demo's call as both sides saw it."""

    server: str
    codec: str
    alice: Side
    bob: Side


def show_demo(call: DemoCall, output: Output, directory: Path) -> None:
    """Print the diagrams and write the files."""
    scores = [pesq_narrowband(speaker.speech, _recording(hearer))
              for speaker, hearer in ((call.alice, call.bob), (call.bob, call.alice))]
    arrows, notes, names = _ladder_parts(call)
    output.text("\nSIP messages of the call (seconds since the INVITE)\n\n" + render_ladder(
        arrows, names=names, notes=notes, width=output.width, color=output.color, ascii_only=output.ascii_only))
    output.text("Media statistics per direction\n\n" + _table(call, scores, output))
    files = {
        "ladder": directory / "ladder.txt", "picture": directory / "call.svg",
        "alice": directory / "alice.wav", "bob": directory / "bob.wav",
    }
    write_text(files["ladder"], render_ladder(arrows, names=names, notes=notes, width=120), step="write the ladder")
    write_text(files["picture"], _picture(call, scores), step="write the picture")
    output.text(f"recordings  {files['alice']}, {files['bob']}  (left sent, right received)")
    output.text(f"picture     {files['picture']}\nladder      {files['ladder']}")
    output.record({
        "command": "demo", "ok": True, "exit_status": 0, "server": call.server, "codec": call.codec,
        "alice": call.alice.record, "bob": call.bob.record,
        "pesq_nb": {"alice_to_bob": scores[0], "bob_to_alice": scores[1]},
        "files": {name: str(path) for name, path in files.items()}, "error": None,
    })


def _ladder_parts(call: DemoCall) -> tuple[list[Arrow], list[Note], dict[tuple[str, int], str]]:
    traces = [read_report(side.report)[1] for side in (call.alice, call.bob)]
    alice, bob = (trace[0].local for trace in traces)
    names = {alice: "alice", _server(traces[0]): "loopback server", bob: "bob"}
    # The proxy keeps the Call-ID, so both legs of the call have the same.
    arrows = arrows_of(*traces, call_id=call.alice.record["call_id"])
    established = established_at(arrows)
    notes = [Note(established + 1e-6, alice, bob, media_note(call.alice.record))] if established is not None else []
    return arrows, notes, names


def _server(trace: list[ReportedMessage]) -> tuple[str, int]:
    return trace[0].remote


def _table(call: DemoCall, scores: list[float | None], output: Output) -> str:
    arrow = "->" if output.ascii_only else "→"
    alice, bob = call.alice.record["media"], call.bob.record["media"]
    shown = [f"{score:.2f}" if score is not None else "-" for score in scores]
    extra = {"PESQ-NB (1 to 4.5)": shown} if any(scores) else {}
    directions = {
        f"alice {arrow} bob": (alice["send"], bob["receive"]), f"bob {arrow} alice": (bob["send"], alice["receive"]),
    }
    return media_table(directions, extra=extra, color=output.color, ascii_only=output.ascii_only)


def _recording(side: Side) -> str:
    return str(side.record["recorded"])


def _picture(call: DemoCall, scores: list[float | None]) -> str:
    directions = []
    for speaker, hearer, score in ((call.alice, call.bob, scores[0]), (call.bob, call.alice, scores[1])):
        figures = {**speaker.record["media"]["send"], **{
            name: value for name, value in hearer.record["media"]["receive"].items() if value is not None}}
        summary = direction_summary(figures) + (f" · PESQ-NB {score:.2f}" if score else "")
        sent_rate, sent = read_channels(_recording(speaker))
        heard_rate, heard = read_channels(_recording(hearer))
        directions.append(Direction(
            f"{speaker.name} → {hearer.name}", summary,
            [Wave(f"{speaker.name} says", sent[0], sent_rate), Wave(f"{hearer.name} hears", heard[1], heard_rate)],
            quality_samples(read_report(hearer.report)[2]),
        ))
    record = call.alice.record
    subtitle = (f"{call.codec} · {record['duration_s']:.1f} s · answered after {record['answer_ms']:.0f} ms · "
                f"through the loopback server {call.server}")
    return render_call_picture("A call from alice to bob", subtitle, directions)
