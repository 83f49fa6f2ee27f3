"""Fixtures of the media tests: each core in turn, an engine, and two streams that talk to each other."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest
from media_room import Room, connect

from microsip_core.media.engine import MediaEngine, create_engine, native_available
from microsip_core.media.stream import Stream


@pytest.fixture(params=["native", "reference"])
def core(request: pytest.FixtureRequest) -> str:
    """The name of each media core; the native one is left out only where it was not built."""
    if request.param == "native" and not native_available():
        assert importlib.util.find_spec("microsip_core.media._native") is None, "the native core is there but broken"
        if os.environ.get("MICROSIP_REQUIRE_NATIVE") == "1":
            pytest.fail("the native core is required here but was not built")
        pytest.skip("the native core was not built")
    return str(request.param)


@pytest.fixture
def engine(core: str) -> Iterator[MediaEngine]:
    """An engine of the core at hand."""
    opened = create_engine(core)
    yield opened
    opened.close()


@pytest.fixture
def native_engine() -> Iterator[MediaEngine]:
    """The native engine, for what only it promises."""
    if not native_available():
        if os.environ.get("MICROSIP_REQUIRE_NATIVE") == "1":
            pytest.fail("the native core is required here but was not built")
        pytest.skip("the native core was not built")
    opened = create_engine("native")
    yield opened
    opened.close()


@pytest.fixture
def room(engine: MediaEngine) -> Room:
    """An engine and its events."""
    return Room(engine)


@pytest.fixture
def pair(room: Room) -> tuple[Stream, Stream]:
    """Two streams that talk to each other in PCMU."""
    a, b = room.open(), room.open()
    connect(a, b)
    connect(b, a)
    return a, b
