"""``microsip doctor``: which media core, codecs, devices and packages there are, what is missing, and the remedy."""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser, Namespace
from typing import Any

from microsip_core.diagnosis.installation import Finding, examine

from .arguments import add_output_options
from .exit_status import ExitStatus
from .output import Output

DESCRIPTION = """\
Tell which media core is in use, which codecs and audio devices there are, which packages are missing and what to do
about it. Nothing is sent to the network, and no device is opened."""

EXAMPLES = """\
  microsip doctor
  microsip doctor --json
  MICROSIP_CORE=reference microsip doctor
"""

_BROKEN = "Calls do not work before what is marked as missing is mended."
_INDENT = 22
_MARKS = {"ok": ("✔", "+"), "note": ("●", "*"), "missing": ("✘", "!")}
_COLORS = {"ok": "\x1b[32m", "note": "\x1b[33m", "missing": "\x1b[31m"}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_output_options(parser)


def run(arguments: Namespace, output: Output) -> int:
    """Examine the installation and print the findings; 1 when something is missing without which no call works."""
    findings = examine()
    broken = any(finding.required and finding.state == "missing" for finding in findings)
    status = ExitStatus.FAILED if broken else ExitStatus.OK
    output.record(_record(findings, broken, int(status)))
    for finding in findings:
        output.text(_line(finding, output))
    output.text("\n" + (_BROKEN if broken else _summary(findings)))
    return status


def _record(findings: list[Finding], broken: bool, status: int) -> dict[str, Any]:
    facts = {name: value for finding in findings for name, value in finding.facts.items()}
    return {
        "command": "doctor", "ok": not broken, "exit_status": status, **facts,
        "findings": [
            {"name": finding.name, "state": finding.state, "text": finding.text, "remedy": finding.remedy}
            for finding in findings
        ],
        "error": None,
    }


def _line(finding: Finding, output: Output) -> str:
    mark = _MARKS[finding.state][output.ascii_only]
    if output.color:
        mark = f"{_COLORS[finding.state]}{mark}\x1b[0m"
    arrow = "->" if output.ascii_only else "→"
    lines = textwrap.wrap(finding.text, max(output.width - _INDENT, 30))
    lines += textwrap.wrap(f"{arrow} {finding.remedy}", max(output.width - _INDENT, 30)) if finding.remedy else []
    return f"{mark} {finding.name:<{_INDENT - 2}}" + f"\n{'':<{_INDENT}}".join(lines)


def _summary(findings: list[Finding]) -> str:
    notes = sum(1 for finding in findings if finding.state != "ok")
    return "Calls work here." + (f" {notes} things could be better, see above." if notes > 1 else
                                 " One thing could be better, see above." if notes else "")
