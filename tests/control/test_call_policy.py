"""The policy for incoming calls as a table, and what the configuration makes of a user agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from microsip_core.config.account_settings import AccountSettings
from microsip_core.config.configuration import Configuration
from microsip_core.config.settings import Settings
from microsip_core.control import phone_settings
from microsip_core.control.call_policy import Decision, IncomingFacts, decide
from microsip_core.control.phone_settings import (
    account_plan,
    agent_config,
    call_privacy,
    codec_names,
    dial_target,
    not_applied,
    recording_file,
)
from microsip_core.errors import ConfigError, PermissionDenied
from microsip_core.media.codec_registry import CODECS

OURS = {"called_user": "bob", "called_domain": "pbx", "account_user": "bob", "account_domain": "pbx"}
HERE = {**OURS, "number": "100", "caller_domain": "pbx"}
NO, YES = "refused", "rings"


@pytest.mark.parametrize(("settings", "facts", "what"), [
    ({}, {}, YES),
    ({"DND": True}, {}, NO),
    ({"DND": True, "denyIncoming": ""}, {}, YES),
    ({"denyIncoming": "all"}, {}, NO),
    ({"denyIncoming": "user"}, {"called_user": "eve"}, NO),
    ({"denyIncoming": "user"}, {"called_domain": "other"}, YES),
    ({"denyIncoming": "domain"}, {"called_domain": "other"}, NO),
    ({"denyIncoming": "domain"}, {"called_domain": "PBX"}, YES),
    ({"denyIncoming": "userdomain"}, {"called_user": "eve"}, NO),
    ({"denyIncoming": "userdomain"}, {}, YES),
    ({"denyIncoming": "remotedomain"}, {"caller_domain": "other"}, NO),
    ({"denyIncoming": "remotedomain"}, {}, YES),
    ({"callWaiting": False}, {"calls": 1}, NO),
    ({"callWaiting": False}, {"calls": 0}, YES),
    ({"maxConcurrentCalls": 2}, {"calls": 1}, YES),
    ({"maxConcurrentCalls": 2}, {"calls": 2}, NO),
    ({"singleMode": True}, {"calls": 1}, YES),
])
def test_who_is_refused(settings: dict[str, Any], facts: dict[str, Any], what: str) -> None:
    decision = decide(Settings(**settings), IncomingFacts(**{**HERE, **facts}))
    assert (decision.status == 486) == (what == NO)
    assert bool(decision.why) == (what == NO)


@pytest.mark.parametrize(("settings", "facts", "after"), [
    ({}, {}, None),
    ({"AA": True}, {}, 0),
    ({"AA": True, "autoAnswer": ""}, {}, None),
    ({"autoAnswer": "all", "autoAnswerDelay": 3}, {}, 3),
    ({"autoAnswer": "all", "autoAnswerNumber": "1*;2*"}, {"number": "299"}, 0),
    ({"autoAnswer": "all", "autoAnswerNumber": "1*;2*"}, {"number": "399"}, None),
    ({"autoAnswer": "all"}, {"calls": 1, "held": 1}, None),
    ({"autoAnswer": "all", "autoAnswerCalls": "hold"}, {"calls": 1, "held": 1}, 0),
    ({"autoAnswer": "all", "autoAnswerCalls": "hold"}, {"calls": 2, "held": 1}, None),
    ({"autoAnswer": "all", "autoAnswerCalls": "all"}, {"calls": 2}, 0),
    ({"autoAnswer": "header"}, {}, None),
    ({"autoAnswer": "header"}, {"asked_delay": 0.0}, 0),
    ({"autoAnswer": "header"}, {"asked_delay": None}, None),
    ({"autoAnswer": "header"}, {"asked_delay": 5.0}, 5),
    ({"autoAnswer": "header", "autoAnswerDelay": 9}, {"asked_delay": 5.0}, 9),
])
def test_who_is_answered(settings: dict[str, Any], facts: dict[str, Any], after: float | None) -> None:
    assert decide(Settings(**settings), IncomingFacts(**{**HERE, **facts})) == Decision(answer_after=after)


@pytest.mark.parametrize(("settings", "after"), [
    ({"FWD": True, "forwardingNumber": "200"}, 0), ({"forwarding": "all", "forwardingNumber": "200"}, 0),
    ({"FWD": True}, None), ({"forwardingNumber": "200"}, None),
    ({"FWD": True, "forwarding": "", "forwardingNumber": "200"}, None),
    ({"forwarding": "all", "forwardingNumber": "200", "forwardingDelay": 4}, 4),
    ({"DND": True, "FWD": True, "forwardingNumber": "200"}, None),
])
def test_who_is_sent_on(settings: dict[str, Any], after: float | None) -> None:
    decision = decide(Settings(**settings), IncomingFacts(**HERE))
    assert decision.forward_after == after
    assert decision.forward_to == ("200" if after is not None else "")


def test_a_user_agent_is_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(sourcePort=5070, rtpPortMin=4000, rtpPortMax=4099, userAgent="Desk", audioCodecs=(
        "speex/8000/1", "PCMU/8000/1", "pcma", "PCMU/8000/1"))
    config = agent_config(Configuration(settings, accounts={1: AccountSettings(SRTP="mandatory")}), "::1")
    assert (config.listen, config.port_range, config.user_agent) == ("[::1]:5070", (4000, 4099), "Desk")
    assert (config.codecs, config.srtp) == (("PCMU", "PCMA"), "mandatory")
    assert agent_config(Configuration()).srtp == "off"
    with pytest.raises(ConfigError, match="codec"):
        codec_names(Settings(audioCodecs=("speex",)))
    wide = Settings(audioCodecs=("G722/16000/1", "PCMA/8000/1"))
    monkeypatch.setattr(phone_settings, "codecs_of", lambda core: [one for one in CODECS if core in one.cores])
    assert codec_names(wide, "native") == ("G722", "PCMA")
    assert codec_names(wide, "reference") == ("PCMA",)


@pytest.mark.parametrize("wanted", [("mandatory", ""), ("dtls",), ("optional", "mandatory")])
def test_no_account_gets_less_encryption_than_it_asks_for(wanted: tuple[str, ...]) -> None:
    accounts = {number: AccountSettings(SRTP=srtp) for number, srtp in enumerate(wanted, 1)}
    with pytest.raises(ConfigError, match="SRTP"):
        agent_config(Configuration(accounts=accounts))


def test_accounts() -> None:
    plan = account_plan(AccountSettings(server="pbx:5080", username="bob", authID="b1", proxy=("edge", "other"),
                                        transport="tcp", displayName="Bob"))
    assert (plan.aor, plan.registrar, plan.proxy) == ("sip:bob@pbx:5080", "sip:pbx:5080;transport=tcp",
                                                      "sip:edge;transport=tcp;lr")
    assert (plan.username, plan.registers) == ("b1", True)
    assert not account_plan(AccountSettings(domain="pbx", username="bob")).registers
    for bad in (AccountSettings(server="pbx"), AccountSettings(username="bob")):
        with pytest.raises(ConfigError):
            account_plan(bad)


def test_ways_through_nats() -> None:
    plan = account_plan(AccountSettings(
        server="pbx", username="bob", publicAddr="203.0.113.9", allowRewrite=True, keepAlive=30,
    ))
    assert plan.reach == {"public_address": "203.0.113.9", "rewrite_contact": True, "keep_alive": 30.0}
    plain = account_plan(AccountSettings(server="pbx", username="bob"))
    assert plain.reach == {"public_address": None, "rewrite_contact": None, "keep_alive": 15.0}
    settings = Settings(STUN=("stun.example.com", "other"), enableSTUN=True)
    assert agent_config(Configuration(settings)).stun_server == "stun.example.com"
    assert agent_config(Configuration(Settings(STUN=("stun.example.com",)))).stun_server is None


def test_caller_is_hidden_as_the_account_says() -> None:
    assert call_privacy(None) == call_privacy(AccountSettings()) == "none"
    assert call_privacy(AccountSettings(hideCID="soft")) == "id"
    assert {call_privacy(AccountSettings(hideCID=hide)) for hide in ("1", "hard")} == {"anonymous"}


def test_what_is_dialled_goes_by_the_rules_of_the_account() -> None:
    account = AccountSettings(dialPlan="<9:>xx.|xxx", dialingPrefix="00")
    assert dial_target("9 12-34", account) == "001234"
    assert dial_target("9 12-34", None) == "91234"
    with pytest.raises(PermissionDenied):
        dial_target("5", account)


def test_recordings_stay_in_their_folder(tmp_path: Path) -> None:
    first = recording_file(Settings(), tmp_path, "../../etc/passwd\0\n", "incoming", "a/b")
    assert first.parent == tmp_path / "Recordings"
    assert first.name.endswith("-.._.._etc_passwd__-incoming-a_b.wav")
    first.parent.mkdir()
    first.write_bytes(b"")
    assert recording_file(Settings(recordingPath="/x"), tmp_path, "1", "incoming", "").parent == Path("/x")


def test_what_has_no_effect_is_told() -> None:
    told = list(not_applied(Configuration(Settings(VAD=True, autoRecording=True), accounts={
        2: AccountSettings(ICE=True)})))
    assert [text.split(" has")[0].split(":")[0] for text in told] == [
        "[Settings] VAD", "[Settings] recordingFormat", "[Account2] ICE"]
    assert list(not_applied(Configuration())) == []
