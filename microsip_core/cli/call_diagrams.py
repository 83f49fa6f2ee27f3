"""Draws one call as its own side saw it: the ladder of its messages, its statistics, its picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from microsip_core.diagnosis.ladder import Address, Arrow, Note, TraceEntry, arrows_of, established_at, render_ladder
from microsip_core.diagnosis.tables import media_table

from .output import Output
from .quality_log import quality_samples
from .report import write_text


def ladder_of_call(record: dict[str, Any], messages: Iterable[TraceEntry], output: Output) -> str:
    """Return the ladder diagram of one call, with its media stream drawn in."""
    arrows, names, notes = _ladder_parts(record, list(messages))
    return render_ladder(arrows, names=names, notes=notes, width=output.width, color=output.color,
                         ascii_only=output.ascii_only)


def write_ladder(path: str, record: dict[str, Any], messages: Iterable[TraceEntry]) -> None:
    """Write the ladder diagram of one call as SVG."""
    from microsip_core.diagnosis.ladder_svg import render_ladder_svg

    arrows, names, notes = _ladder_parts(record, list(messages))
    write_text(path, render_ladder_svg(arrows, names=names, notes=notes), step="draw the ladder")


def _ladder_parts(
    record: dict[str, Any], messages: list[TraceEntry],
) -> tuple[list[Arrow], dict[Address, str], list[Note]]:
    """Return the arrows of the call, the names of the columns, and the media stream where there was one."""
    arrows = arrows_of(messages, call_id=record["call_id"])
    if not arrows:
        return [], {}, []
    here = next(entry.local for entry in messages)
    names = {here: "here"}
    notes = []
    established = established_at(arrows)
    if record["packets_received"] and established is not None:
        far = next(end for end in (arrows[0].source, arrows[0].destination) if end != here)
        notes.append(Note(established + 1e-6, here, far, media_note(record)))
    return arrows, names, notes


def media_note(record: dict[str, Any]) -> str:
    """Return the media stream in a few words."""
    return f"RTP {record['codec']}, {record['duration_s']:.1f} s"


def statistics_of_call(record: dict[str, Any], output: Output) -> str:
    """Return the table of one call's media statistics as far as one side knows them."""
    media = record["media"]
    directions = {"sent": (media["send"], {}), "received": ({}, media["receive"])}
    return media_table(directions, color=output.color, ascii_only=output.ascii_only)


def write_picture(path: str, record: dict[str, Any], quality: list[dict[str, Any]]) -> None:
    """Write the SVG picture of one call as one side saw it; with a stereo recording also its waveforms."""
    from microsip_core.diagnosis.call_picture import Direction, Wave, render_call_picture
    from microsip_core.diagnosis.waveform import read_channels

    waves: list[list[Wave]] = [[], []]
    if record["recorded"] is not None:
        rate, channels = read_channels(record["recorded"])
        if len(channels) == 2:
            waves = [[Wave("sent", channels[0], rate)], [Wave("received", channels[1], rate)]]
    media = record["media"]
    title = f"Call {'to' if record['direction'] == 'outgoing' else 'from'} {record['remote_uri']}"
    svg = render_call_picture(title, picture_subtitle(record), [
        Direction("sent", direction_summary(media["send"]), waves[0]),
        Direction("received", direction_summary(media["receive"]), waves[1], quality_samples(quality)),
    ])
    write_text(path, svg, step="write the picture")


def picture_subtitle(record: dict[str, Any]) -> str:
    """Return the line under a picture's title."""
    who = {"local": "this side", "remote": "the peer"}.get(record["ended_by"] or "", str(record["ended_by"]))
    parts = [record["codec"] or "no codec", f"{record['duration_s']:.1f} s",
             f"answered after {record['answer_ms']:.0f} ms", f"ended by {who} ({record['end_cause']})"]
    return " · ".join(parts)


def direction_summary(figures: dict[str, Any]) -> str:
    """Return one direction's figures in one line."""
    forms = (("packets", "{:,} packets"), ("loss_percent", "{:.2f} % lost"), ("jitter_ms", "jitter {:.2f} ms"),
             ("rtt_ms", "round trip {:.2f} ms"), ("buffer_mean_ms", "buffer {:.0f} ms"), ("mos", "MOS {:.2f}"))
    return " · ".join(form.format(figures[name]) for name, form in forms if figures.get(name) is not None)
