"""The report file of a call: its record, every SIP message without secrets, and the media figures over time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microsip_core.diagnosis.ladder import TraceEntry
from microsip_core.diagnosis.redaction import redact
from microsip_core.errors import FileError


@dataclass(frozen=True, slots=True)
class ReportedMessage:
    """A SIP message of a report: a trace entry without secrets."""

    time: float
    direction: str
    local: tuple[str, int]
    remote: tuple[str, int]
    data: bytes


def write_report(
    path: str, record: dict[str, Any], messages: Iterable[TraceEntry], quality: list[dict[str, Any]],
) -> None:
    """Write the report as JSON. Raises FileError."""
    document = {
        "call": record,
        "messages": [
            {"time": entry.time, "direction": entry.direction, "local": list(entry.local), "remote": list(entry.remote),
             "text": redact(entry.data.decode("utf-8", "backslashreplace"))}
            for entry in messages
        ],
        "quality": quality,
    }
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n", step="write the report")


def write_text(path: str | Path, text: str, *, step: str) -> None:
    """Write a text file. Raises FileError."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(str(error.strerror), step=step, peer=str(path), remedy="Choose another place") from error


def read_report(path: str | Path) -> tuple[dict[str, Any], list[ReportedMessage], list[dict[str, Any]]]:
    """Return the record, the messages and the media figures of a report file. Raises FileError."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        messages = [
            ReportedMessage(entry["time"], entry["direction"], tuple(entry["local"]), tuple(entry["remote"]),
                            entry["text"].encode())
            for entry in document["messages"]
        ]
        return document["call"], messages, document["quality"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"it is no report of a call ({error})", step="read the report", peer=str(path)) from error
