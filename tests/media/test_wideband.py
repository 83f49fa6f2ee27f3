"""G.722 and L16 on the native core, negotiated: sound and digits both ways, rates of taps and recordings."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from media_room import Room, strongest

from microsip_core.errors import CodecError
from microsip_core.media.codec_registry import codecs_of, find_codec
from microsip_core.media.engine import create_engine, native_available
from microsip_core.media.media_session import EngineMediaBackend

NAMES = [codec.name for codec in codecs_of("native")] if native_available() else []


@pytest.fixture(params=["G722", "L16"])
def codec(request: pytest.FixtureRequest) -> str:
    if request.param not in NAMES:
        pytest.skip(f"the native core has no {request.param} here")
    return str(request.param)


@pytest.fixture
def room() -> Iterator[Room]:
    engine = create_engine("native")
    yield Room(engine)
    engine.close()


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 60])
def test_a_call(room: Room, codec: str, ptime_ms: int, tmp_path: Path) -> None:
    backend = EngineMediaBackend(room.engine)
    ours = backend.open_session(local_host="127.0.0.1", codecs=[codec, "PCMU"], ptime_ms=ptime_ms)
    theirs = backend.open_session(local_host="127.0.0.1", codecs=[codec])
    ours.accept_answer(theirs.accept_offer(ours.create_offer()))
    assert ours.codec == theirs.codec == codec
    a, b = ours.stream, theirs.stream
    assert a is not None
    assert b is not None
    tap = a.open_tap()
    assert tap.sample_rate == 16_000
    b.echo(True)
    a.play_tone([((5000,), 0, 0)])  # what a narrow band has not
    a.record(tmp_path / "call.wav")
    assert room.wait(lambda: tap.readable > 16_000)
    assert strongest(tap.read(tap.readable)[-8000:], 16_000) == pytest.approx(5000, abs=5)
    a.stop_record()
    room.wait_for(a, "recording_finished")
    with wave.open(str(tmp_path / "call.wav")) as recording:
        assert recording.getframerate() == 16_000
    a.send_dtmf("8")
    event = room.wait_for(b, "dtmf")
    assert (event.detail, event.value) == ("8", pytest.approx(160, abs=61))
    figures = b.statistics()
    assert figures["sample_rate"] == 16_000
    assert figures["packets_lost"] == figures["invalid"] == figures["send_errors"] == 0
    assert figures["jitter_us"] < 5000
    ours.close()
    theirs.close()


def test_only_what_the_core_has_is_offered_and_named() -> None:
    assert [codec.name for codec in codecs_of("reference")] == ["PCMU", "PCMA"]
    with pytest.raises(CodecError) as refusal:
        find_codec("opus", "reference")
    assert refusal.value.remedy == "Use one of PCMU, PCMA"
    engine = create_engine("reference")
    try:
        offer = EngineMediaBackend(engine).open_session(local_host="127.0.0.1").create_offer()
        assert b"m=audio " in offer
        assert b" RTP/AVP 0 8 101\r\n" in offer
        assert b"opus" not in offer
    finally:
        engine.close()
