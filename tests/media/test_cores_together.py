"""A call between the two cores: each is the other's peer, as another vendor's phone would be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from media_room import Room, best_match

from microsip_core.media.engine import MediaEngine, create_engine
from microsip_core.media.media_session import EngineMediaBackend
from microsip_core.media.wav import load_wav

NOISE = (np.random.default_rng(3).standard_normal(8000) * 3000).astype(np.int16)


@pytest.mark.parametrize("caller_is_here", [True, False], ids=["calls", "is called"])
def test_call_with_the_reference_core(engine: MediaEngine, tmp_path: Path, caller_is_here: bool) -> None:
    other = create_engine("reference")
    try:
        here, there = Room(engine), Room(other)
        ours = EngineMediaBackend(engine).open_session(local_host="127.0.0.1")
        theirs = EngineMediaBackend(other).open_session(local_host="127.0.0.1", codecs=["PCMA"], ptime_ms=30)
        caller, callee = (ours, theirs) if caller_is_here else (theirs, ours)
        caller.accept_answer(callee.accept_offer(caller.create_offer()))
        assert ours.codec == theirs.codec == "PCMA"
        assert ours.stream is not None
        assert theirs.stream is not None
        here.wait_for(ours.stream, "first_rtp")
        there.wait_for(theirs.stream, "first_rtp")
        here.pump(0.3)
        for stream, name in ((ours.stream, "ours.wav"), (theirs.stream, "theirs.wav")):
            stream.record(tmp_path / name)
            stream.play(NOISE)
        here.wait_for(ours.stream, "playback_finished")
        there.wait_for(theirs.stream, "playback_finished")
        ours.stream.send_dtmf("19#")
        theirs.stream.send_dtmf("D*0")
        assert here.wait(lambda: len(here.of(ours.stream, "dtmf")) == 3)
        assert there.wait(lambda: len(there.of(theirs.stream, "dtmf")) == 3)
        assert "".join(event.detail for event in here.of(ours.stream, "dtmf")) == "D*0"
        assert "".join(event.detail for event in there.of(theirs.stream, "dtmf")) == "19#"
        assert here.wait(lambda: ours.statistics().send.mos is not None, 8.0)
        for room, stream, name in ((here, ours.stream, "ours.wav"), (there, theirs.stream, "theirs.wav")):
            stream.stop_record()
            room.wait_for(stream, "recording_finished")
            heard = load_wav(tmp_path / name).samples[:, 1].astype(np.int16)
            assert best_match(NOISE[4000:6000], heard)[1] > 0.98
        for session in (ours, theirs):
            statistics = session.statistics()
            assert statistics.receive.lost == statistics.send.lost == 0
        theirs.close()
        here.wait_for(ours.stream, "rtcp_bye")
    finally:
        other.close()
