"""The timer heap: order, cancellation, bounded garbage."""

from __future__ import annotations

import random

from microsip_core.sip.timers import TimerHeap, Timers


class Recorder:
    def __init__(self) -> None:
        self.fired: list[tuple[float, int]] = []

    def on_timer(self, kind: int, now: float) -> None:
        self.fired.append((now, kind))


def test_timers_fire_in_order_of_time_and_then_of_scheduling() -> None:
    heap, owner = TimerHeap(), Recorder()
    for kind, when in enumerate((3.0, 1.0, 2.0, 1.0)):
        heap.schedule(when, owner, kind)
    assert heap.next_timeout() == 1.0
    heap.fire(2.5)
    assert owner.fired == [(2.5, 1), (2.5, 3), (2.5, 2)]
    assert heap.next_timeout() == 3.0
    assert len(heap) == 1


def test_a_cancelled_timer_does_not_fire_and_does_not_count() -> None:
    heap, owner = TimerHeap(), Recorder()
    first = heap.schedule(1.0, owner, 1)
    heap.schedule(2.0, owner, 2)
    heap.cancel(first)
    heap.cancel(first)
    assert len(heap) == 1
    assert heap.next_timeout() == 2.0
    heap.fire(5.0)
    assert owner.fired == [(5.0, 2)]
    assert heap.next_timeout() is None
    assert len(heap) == 0


def test_cancelling_a_timer_that_has_fired_is_no_matter() -> None:
    heap, owner = TimerHeap(), Recorder()
    timer = heap.schedule(1.0, owner, 1)
    heap.fire(1.0)
    heap.cancel(timer)
    assert len(heap) == 0
    assert owner.fired == [(1.0, 1)]


def test_a_timer_may_schedule_another_for_the_same_moment() -> None:
    heap = TimerHeap()

    class Again(Recorder):
        def on_timer(self, kind: int, now: float) -> None:
            super().on_timer(kind, now)
            if kind < 3:
                heap.schedule(now, self, kind + 1)

    owner = Again()
    heap.schedule(1.0, owner, 1)
    heap.fire(1.0)
    assert owner.fired == [(1.0, 1), (1.0, 2), (1.0, 3)]


def test_cancelled_timers_do_not_pile_up() -> None:
    heap, owner, dice = TimerHeap(), Recorder(), random.Random(1)
    alive = []
    for number in range(20_000):
        alive.append(heap.schedule(dice.random() * 100, owner, number))
        if len(alive) > 100:
            heap.cancel(alive.pop(dice.randrange(len(alive))))
        assert len(heap._heap) <= 2 * len(heap) + 66
    assert len(heap) == len(alive) == 100
    heap.fire(100.0)
    assert len(owner.fired) == 100


def test_the_derived_timers_follow_t1() -> None:
    assert Timers().timeout == 32.0
    assert Timers(t1=0.1).timeout == 6.4
