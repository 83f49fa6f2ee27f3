"""What a program holds of an engine that has stopped, or lets go of in any order, harms nothing."""

from __future__ import annotations

import gc

import pytest

native = pytest.importorskip("microsip_core.media._native")


def stream(engine: object) -> object:
    return native.Stream(engine, "127.0.0.1", (0, 0), 0, 200, 40, 0, "cname")


def test_streams_of_a_stopped_engine_say_so() -> None:
    engine = native.Engine(1, True)
    one = stream(engine)
    engine.stop()
    for use in (one.played, lambda: one.play_feed(1000, 1), lambda: one.open_tap(100), one.power):
        with pytest.raises(native.NativeError):
            use()
    one.close()
    one.close()


def test_members_and_taps_may_go_in_a_cycle() -> None:
    engine = native.Engine(1, True)
    mixer, one = native.Mixer(engine, 8000), stream(engine)

    class Holder:
        pass

    for make in (lambda: mixer.join(one), lambda: one.open_tap(100), lambda: one.open_packet_log(5000)):
        holder = Holder()
        holder.member = make()
        holder.stream, holder.itself = one, holder
        del holder
        gc.collect()
    engine.stop()
