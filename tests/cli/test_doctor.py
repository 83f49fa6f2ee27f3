"""``microsip doctor`` tells what there is and what is missing, whatever that is."""

from __future__ import annotations

import json

import pytest

from microsip_core.cli.main import main
from microsip_core.diagnosis import installation
from microsip_core.diagnosis.installation import Finding, examine

from .commands import microsip, record_of


def test_json_names_core_codecs_and_packages() -> None:
    done = microsip("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    record = record_of(done)
    assert record["core"] in ("native", "reference")
    assert {"PCMU", "PCMA"} <= set(record["codecs"])
    assert record["packages"]["numpy"]
    assert isinstance(record["devices"], list)
    assert {finding["state"] for finding in record["findings"]} <= {"ok", "note", "missing"}


def test_reference_core_where_asked_for() -> None:
    record = record_of(microsip("doctor", "--json", MICROSIP_CORE="reference"))
    assert record["core"] == "reference"


def test_core_that_is_not_there_is_missing() -> None:
    done = microsip("doctor", MICROSIP_CORE="quantum")
    assert done.returncode == 1
    assert "quantum" in done.stdout
    assert "Calls do not work" in done.stdout
    assert done.stderr == ""


def test_everything_that_is_not_ok_has_a_remedy_or_says_why() -> None:
    findings = examine()
    assert {"media core", "codecs", "packages", "PortAudio", "audio devices", "UDP"} <= {each.name for each in findings}
    for finding in findings:
        assert finding.text
        assert finding.state == "ok" or finding.remedy or ":" in finding.text or "," in finding.text, finding


def test_missing_packages_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "PACKAGES", (("nosuchmodule", "no-such", "nothing", False),))
    finding = installation._packages()
    assert (finding.state, finding.required) == ("note", False)
    assert "no-such (nothing)" in finding.text
    assert finding.remedy == "pip install no-such"


def test_check_that_fails_is_a_finding_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    def broken() -> Finding:
        raise RuntimeError("the library is damaged")

    monkeypatch.setattr(installation, "_port_audio", broken)
    assert main(["doctor", "--json"]) == 0
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert "the library is damaged" in findings["PortAudio"]["text"]
