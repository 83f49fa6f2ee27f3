"""Typed values: defaults, bad values with their lines, secrets, reload, folders, and the generated reference."""

from __future__ import annotations

import json
import pickle
import sys
import types
from dataclasses import fields
from pathlib import Path

import pytest

from microsip_core.config.account_settings import AccountSettings
from microsip_core.config.changes import compare, reload_configuration
from microsip_core.config.configuration import (
    Configuration,
    key_table,
    load_configuration,
    read_configuration,
    set_value,
)
from microsip_core.config.ini_file import IniFile
from microsip_core.config.paths import configuration_file, configuration_folder, instance_name, runtime_folder
from microsip_core.config.reference import configuration_reference
from microsip_core.config.secret import Secret
from microsip_core.config.settings import General, Settings
from microsip_core.errors import ConfigError, InvalidArgument, NotSupported

TABLES = (Settings, General, AccountSettings)
SURFACE = {
    Settings: "singleMode callWaiting maxConcurrentCalls autoHangUpTime denyIncoming DND autoAnswer autoAnswerDelay "
    "autoAnswerNumber forwarding forwardingNumber forwardingDelay DTMFMethod audioCodecs VAD EC forceCodec "
    "audioInputDevice audioOutputDevice audioRingDevice volumeRing volumeOutput volumeInput recordingPath "
    "recordingFormat autoRecording sourcePort rtpPortMin rtpPortMax rport dnsSrv STUN enableSTUN userAgent "
    "cmdOutgoingCall cmdIncomingCall cmdCallRing cmdCallAnswer cmdCallAnswerVideo cmdCallStart cmdCallBusy cmdCallEnd",
    General: "OnIncomingCall OnCallStarted OnCallEnded OnStatusChange",
    AccountSettings: "label server proxy domain username authID password displayName dialingPrefix dialPlan hideCID "
    "voicemailNumber transport SRTP publicAddr registerRefresh keepAlive publish ICE allowRewrite disableSessionTimer",
}


def read(text: str) -> tuple[Configuration, list[str]]:
    loaded = read_configuration(IniFile(text, path=Path("M.ini")))
    return loaded.configuration, [str(problem) for problem in loaded.problems]


@pytest.mark.parametrize("table", TABLES)
def test_every_promised_key_is_there_and_its_default_survives_writing(table: type) -> None:
    keys = key_table(table)
    assert set(SURFACE[table].split()) <= set(keys)
    for entry in fields(table):
        default = getattr(table(), entry.name)
        assert keys[entry.name].read(keys[entry.name].write(default)) == default
        assert f"| `{entry.name}` |" in configuration_reference()


def test_an_empty_file_gives_microsips_defaults() -> None:
    configuration, problems = read("")
    assert problems == []
    settings, account = configuration.settings, AccountSettings()
    assert (settings.singleMode, settings.callWaiting, settings.DND) == (True, True, False)
    assert (settings.denyIncoming, settings.autoAnswer, settings.forwarding) == ("button", "button", "button")
    assert settings.audioCodecs == ("PCMA/8000/1", "PCMU/8000/1")
    assert (account.registerRefresh, account.keepAlive, account.transport) == (300, 15, "udp")


def test_values_of_every_section() -> None:
    configuration, problems = read(
        "[Settings]\nSINGLEMODE=0\ncmdCallEnd=\"C:\\a b\\x.exe\"\naudioCodecs=opus/48000/2 PCMU/8000/1\n"
        "STUN=\"a b:3478\"\n"
        "[General]\nOnCallEnded='/opt/x y' \"%number%\"\n"
        "[account2]\nserver=pbx.example:5080\nproxy=p1 p2\ndialPlan=xxx|0.\npassword=\"s p\"\n[Account0]\nlabel=Local\n"
        "[Calls]\n0=100;Bob;0;1700000000;12;\n1=200;;2;1700000100;0;\n[Shortcuts]\n0=Door;*5;dtmf\n",
    )
    assert problems == []
    assert configuration.settings.singleMode is False
    assert configuration.settings.cmdCallEnd == '"C:\\a b\\x.exe"'
    assert configuration.settings.STUN == ("a", "b:3478")
    assert configuration.general.OnCallEnded == "'/opt/x y' \"%number%\""
    assert list(configuration.accounts) == [0, 2]
    assert configuration.accounts[2].proxy == ("p1", "p2")
    assert configuration.accounts[2].password.reveal() == "s p"
    assert configuration.calls == ("100;Bob;0;1700000000;12;", "200;;2;1700000100;0;")
    assert configuration.shortcuts == ("0=Door;*5;dtmf"[2:],)


@pytest.mark.parametrize(("line", "told"), [
    ("[Settings]\nsingleMode=maybe", "M.ini:2: [Settings] singleMode: 'maybe' is not usable: it must be 0 or 1; "
     "the default '1' is used"),
    ("[Settings]\n\nautoHangUpTime=-5", "M.ini:3: [Settings] autoHangUpTime: '-5' is not usable: it must be a whole "
     "number, 0 to 86400 s; the default '0' is used"),
    ("[Settings]\nautoHangUpTime=\u0661", "must be a whole number"),
    ("[Settings]\nsourcePort=70000", "0 to 65535"),
    ("[Settings]\ndenyIncoming=everybody", "(empty), button, user, domain, userdomain, remotedomain, all"),
    ("[Account1]\nregisterRefresh=5", "M.ini:2: [Account1] registerRefresh"),
    ("[Account1]\ndialPlan=xx|9y", "'9y': 'y' means nothing in a dial plan"),
    ("[Settings]\nSTUN=1 2 3 4 5 6 7 8 9", "8 entries, not 9"),
    ("[Settings]\nuserAgent=" + "x" * 256, "256 characters long, 255 are read"),
    ("[Settings]\nuserAgent=a\vb", "control character"),
    ("[Settings]\nrtpPortMin=4000", "M.ini:2: [Settings] rtpPortMax"),
    ("[Settings]\nrtpPortMin=4000\nrtpPortMax=3000", "a range of two ports"),
    ("[Settings]\nwhat is this", "M.ini:2: this is no section"),
])
def test_each_bad_value_is_told_with_its_line_and_its_default_stands_in(line: str, told: str) -> None:
    configuration, problems = read(line)
    assert len(problems) == 1
    assert told in problems[0]
    if "rtpPort" not in line:
        assert configuration.settings == Settings()


def test_all_problems_come_in_the_order_of_the_file() -> None:
    _, problems = read("[Account1]\nkeepAlive=x\n[Settings]\nDND=x\njunk\n")
    assert [text.split(":")[1] for text in problems] == ["2", "4", "5"]


def test_values_are_written_as_microsip_writes_them() -> None:
    file = IniFile("[Settings]\r\nDND=1\r\n")
    set_value(file, "Settings", "DND", False)
    set_value(file, "Settings", "audioCodecs", ("PCMU/8000/1", "PCMA/8000/1"))
    set_value(file, "Account1", "password", Secret("env:PW"))
    assert file.to_text() == (
        "[Settings]\r\nDND=0\r\naudioCodecs=PCMU/8000/1 PCMA/8000/1\r\n[Account1]\r\npassword=env:PW\r\n")
    for section, key, value in [("Settings", "nothing", 1), ("Settings", "volumeRing", 101), ("Other", "x", 1),
                                ("Account1", "password", "bare text"), ("Settings", "userAgent", "a\nb")]:
        with pytest.raises(InvalidArgument) as error:
            set_value(file, section, key, value)
        assert "bare text" not in str(error.value)


# -- secrets --------------------------------------------------------------------------------------------------------

def test_a_secret_is_not_shown() -> None:
    configuration, problems = read("[Account1]\npassword=hunter2\n[Account2]\npassword=" + "hunter2" * 200)
    assert len(problems) == 1
    changes = compare(Configuration(accounts={1: AccountSettings(password=Secret("other"))}), configuration)
    shown = [repr(configuration), str(configuration), *problems, *changes.lines(), repr(changes),
             f"{configuration.accounts[1].password}", format(configuration.accounts[1].password)]
    assert not any("hunter2" in text for text in shown)
    assert "[Account1] password: *** -> ***" in changes.lines()
    with pytest.raises(TypeError):
        pickle.dumps(configuration.accounts[1].password)
    with pytest.raises(TypeError):
        json.dumps(configuration.accounts[1].password)


def test_references_lead_to_passwords(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_bytes(b"\xef\xbb\xbffrom file\nsecond line\n")
    assert Secret("env:PW").reveal({"PW": "from env"}) == "from env"
    assert Secret(f"file:{file}").reveal() == "from file"
    assert Secret("plain:env:x").reveal() == "env:x"
    assert Secret("with:colon").reveal() == "with:colon"
    assert [Secret(text).is_reference for text in ("env:X", "env", "x", "plain:x")] == [True, False, False, False]


def test_the_keyring_is_asked_only_when_referred_to(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring, errors = types.ModuleType("keyring"), types.ModuleType("keyring.errors")
    errors.KeyringError = type("KeyringError", (Exception,), {})
    keyring.errors = errors
    keyring.get_password = {("sip/pbx", "bob"): "from keyring"}.get
    keyring.get_password = lambda service, user: {("sip/pbx", "bob"): "from keyring"}.get((service, user))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    assert Secret("keyring:sip/pbx/bob").reveal() == "from keyring"
    with pytest.raises(ConfigError, match="keyring set"):
        Secret("keyring:pbx/alice").reveal()
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(NotSupported, match="pip install keyring"):
        Secret("keyring:pbx/alice").reveal()


@pytest.mark.parametrize("reference", ["env:MISSING", "file:/nonexistent/pw", "keyring:nobody"])
def test_references_to_nothing_say_so(reference: str) -> None:
    with pytest.raises(ConfigError):
        Secret(reference).reveal({})


# -- reload ---------------------------------------------------------------------------------------------------------

def test_a_reload_tells_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "M.ini"
    path.write_text("[Settings]\nDND=0\n[Account1]\nlabel=a\n[Account2]\nlabel=b\n")
    old = load_configuration(path).configuration
    path.write_text("[Settings]\nDND=1\nsourcePort=5070\n[Account1]\nlabel=c\n[Account3]\nlabel=d\n")
    loaded, changes = reload_configuration(path, old)
    assert loaded.configuration.settings.DND
    assert changes.lines() == [
        "[Settings] DND: 0 -> 1", "[Settings] sourcePort: 0 -> 5070 (after a restart)", "[Account3] added",
        "[Account2] removed", "[Account1] label: a -> c",
    ]
    assert [change.key for change in changes.after_restart] == ["sourcePort"]
    assert not compare(old, old)


def test_a_reload_of_a_bad_file_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "M.ini"
    path.write_text("[Settings]\nDND=1\nvolumeRing=200\nEC=x\n")
    with pytest.raises(ConfigError) as error:
        reload_configuration(path, Configuration())
    assert f"{path}:3" in str(error.value)
    assert f"{path}:4" in str(error.value)


# -- folders --------------------------------------------------------------------------------------------------------

def test_the_folder_is_the_platforms() -> None:
    assert configuration_folder({"APPDATA": "R"}, "win32") == Path("R") / "MicroSIP"
    assert configuration_folder({"HOME": "/h"}, "darwin") == Path("/h/Library/Application Support/MicroSIP")
    assert configuration_folder({"HOME": "/h"}, "linux") == Path("/h/.config/microsip")
    assert configuration_folder({"HOME": "/h", "XDG_CONFIG_HOME": "/c"}, "linux") == Path("/c/microsip")
    assert configuration_folder({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "linux") == Path("/h/.config/microsip")
    assert runtime_folder({"XDG_RUNTIME_DIR": "/run/user/7"}, "linux") == Path("/run/user/7/microsip")
    assert runtime_folder({}, "linux").name.startswith("microsip-")


def test_the_file_is_the_one_named_and_names_the_instance(tmp_path: Path) -> None:
    assert configuration_file(None, {"HOME": "/h"}, "linux") == Path("/h/.config/microsip/MicroSIP.ini")
    assert configuration_file("sub/a.ini", folder=tmp_path) == tmp_path / "sub" / "a.ini"
    assert configuration_file(str(tmp_path / "b.ini")) == tmp_path / "b.ini"
    one, two = tmp_path / "x" / "sales team.ini", tmp_path / "y" / "sales team.ini"
    assert instance_name(one) != instance_name(two)
    assert instance_name(one) == instance_name(tmp_path / "x" / ".." / "x" / "sales team.ini")
    assert instance_name(one).startswith("sales_team-")


def test_the_written_reference_is_the_generated_one() -> None:
    written = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert configuration_reference() in written, "regenerate it from microsip_core.config.reference"
