"""The parts under the C-style functions: loop thread, dispatcher, codes and arguments."""

from __future__ import annotations

import asyncio
import threading
from array import array
from collections.abc import Iterator
from typing import Any

import pytest

from microsip_core.c_api import results
from microsip_core.c_api.dispatcher import Dispatcher
from microsip_core.c_api.loop_thread import LoopThread
from microsip_core.c_api.media import _samples
from microsip_core.c_api.structures import SipEvent
from microsip_core.errors import CallRefused, ErrorCode, InvalidArgument, InvalidState, TimedOut


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    loop_thread = LoopThread()
    yield loop_thread
    loop_thread.stop()


def test_work_runs_on_the_loop_thread(thread: LoopThread) -> None:
    async def name() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert thread.run(name) == "microsip-loop"


def test_exception_comes_back(thread: LoopThread) -> None:
    async def fail() -> None:
        raise TimedOut("late")

    with pytest.raises(TimedOut, match="late"):
        thread.run(fail)


def test_waiting_on_the_own_thread_is_refused(thread: LoopThread) -> None:
    async def inner() -> None: ...

    async def outer() -> None:
        thread.run(inner)

    with pytest.raises(InvalidState, match="own thread"):
        thread.run(outer)


def test_stop_ends_thread_and_waiters(thread: LoopThread) -> None:
    errors: list[BaseException] = []
    started = threading.Event()

    async def forever() -> None:
        started.set()
        await asyncio.Event().wait()

    def wait() -> None:
        try:
            thread.run(forever)
        except InvalidState as error:
            errors.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert started.wait(5)
    thread.stop()
    waiter.join(5)
    assert not waiter.is_alive()
    assert len(errors) == 1
    with pytest.raises(InvalidState, match="ended"):
        thread.run(forever)
    thread.stop()


def sip_event(kind: str, number: int = 0) -> SipEvent:
    return SipEvent(kind, 0.0, 0, number, 0, "")


def test_poll_in_order_and_with_mask() -> None:
    dispatcher = Dispatcher()
    for number, kind in enumerate(("dtmf", "call_ended", "dtmf"), 1):
        dispatcher.put(sip_event(kind, number))
    assert dispatcher.poll(0, frozenset({"call_ended"})) == sip_event("call_ended", 2)
    assert dispatcher.poll(0) == sip_event("dtmf", 1)
    assert dispatcher.poll(0) == sip_event("dtmf", 3)
    assert dispatcher.poll(0.01) is None


def test_poll_wakes_for_an_event_and_for_the_end() -> None:
    dispatcher = Dispatcher()
    found: list[SipEvent | None] = []
    poller = threading.Thread(target=lambda: found.extend([dispatcher.poll(None), dispatcher.poll(None)]))
    poller.start()
    dispatcher.put(sip_event("dtmf"))
    dispatcher.close()
    poller.join(5)
    assert found == [sip_event("dtmf"), None]


def test_queue_is_bounded() -> None:
    dispatcher = Dispatcher()
    for number in range(10_003):
        dispatcher.put(sip_event("dtmf", number))
    assert dispatcher.dropped == 3
    assert dispatcher.poll(0) == sip_event("dtmf", 3)


def test_callback_gets_its_events_on_one_thread_and_survives_its_own_fault(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher = Dispatcher()
    seen: list[tuple[int, str]] = []

    def callback(event: SipEvent) -> None:
        seen.append((event.call, threading.current_thread().name))
        if event.call == 1:
            raise RuntimeError("user fault")

    dispatcher.set_callback(callback, frozenset({"dtmf"}))
    for number in (1, 2, 3):
        dispatcher.put(sip_event("dtmf", number))
    dispatcher.put(sip_event("call_ended", 4))
    dispatcher.close()
    assert seen == [(1, "microsip-callbacks"), (2, "microsip-callbacks"), (3, "microsip-callbacks")]
    assert "user fault" in caplog.text
    assert dispatcher.poll(0) == sip_event("call_ended", 4)


def test_exceptions_become_codes_and_are_remembered_per_thread() -> None:
    @results.returns_code
    def refuse(status: int) -> int:
        raise CallRefused(status, "Busy Here", step="invite", peer="sip:bob@host")

    @results.returns_code
    def break_down() -> int:
        raise KeyError("fault of ours")

    assert refuse(486) == -1486
    assert results.last_code() == -1486
    assert "sip:bob@host" in results.last_text()
    assert break_down() == ErrorCode.SIP_ERROR
    other: list[int] = []
    thread = threading.Thread(target=lambda: other.append(results.last_code()))
    thread.start()
    thread.join()
    assert other == [0]


@pytest.mark.parametrize("bad", [None, 5, b"\xff", "", "a\r\nb", object(), "x\x00"])
def test_text_refuses(bad: Any) -> None:
    with pytest.raises(InvalidArgument):
        results.text(bad, "uri")


@pytest.mark.parametrize("bad", [-1, "1", 1.5, True, 2**40, object()])
def test_handle_refuses(bad: Any) -> None:
    with pytest.raises(InvalidArgument):
        results.handle(bad)


def test_arguments_that_are_fine() -> None:
    assert results.text(b"sip:x", "uri") == "sip:x"
    assert results.handle(None) == 0
    assert results.seconds(-1) is None
    assert results.seconds(2) == 2.0
    assert results.optional_text("", "proxy") is None
    assert results.event_mask("dtmf") == frozenset({"dtmf"})
    assert results.event_mask(["dtmf", "call_ended"]) == frozenset({"dtmf", "call_ended"})
    assert results.event_mask(0) is None


@pytest.mark.parametrize("bad", ["nonsense", 7, ["dtmf", "x"], object()])
def test_event_mask_refuses(bad: Any) -> None:
    with pytest.raises(InvalidArgument, match="call_ended"):
        results.event_mask(bad)


def test_samples_of_buffers() -> None:
    assert len(_samples(array("h", [1, 2, 3]), 2, writable=True)) == 2
    assert list(_samples(b"\x01\x00\x02\x00", None, writable=False)) == [1, 2]
    for bad in (array("i", [1]), b"\x01", "text", 7):
        with pytest.raises(InvalidArgument):
            _samples(bad, None, writable=False)
    with pytest.raises(InvalidArgument):
        _samples(b"\x01\x00", None, writable=True)
    with pytest.raises(InvalidArgument):
        _samples(array("h", [1]), 2, writable=False)
