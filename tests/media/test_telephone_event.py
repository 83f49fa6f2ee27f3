"""Telephone-events of the reference core (RFC 4733)."""

from __future__ import annotations

import pytest

from microsip_core.media.reference.telephone_event import DtmfReceiver, DtmfSender, TelephoneEvent

PAYLOADS = [  # event, end, volume, duration, octets (RFC 4733 s2.3)
    (1, True, 8, 800, "01880320"),
    (10, False, 10, 160, "0a0a00a0"),
    (11, True, 10, 1600, "0b8a0640"),
    (15, False, 0, 65535, "0f00ffff"),
]


@pytest.mark.parametrize(("event", "end", "volume", "duration", "octets"), PAYLOADS)
def test_payload(event: int, end: bool, volume: int, duration: int, octets: str) -> None:
    made = TelephoneEvent(event, end, volume, duration)
    assert made.to_bytes().hex() == octets
    assert TelephoneEvent.parse(bytes.fromhex(octets)) == made
    # Further events in the packet are not looked at; a short one is none.
    assert TelephoneEvent.parse(bytes.fromhex(octets) * 2) == made
    assert TelephoneEvent.parse(bytes.fromhex(octets)[:3]) is None


class TestSender:
    def run(self, sender: DtmfSender, frames: int) -> list[TelephoneEvent | None]:
        return [f.event if (f := sender.next(160 * n, 160)) else None for n in range(frames)]

    def test_digit(self) -> None:
        sender = DtmfSender()
        sender.put("7", 480, 640)
        frames = [sender.next(1000 + 160 * n, 160) for n in range(6)]
        events = [frame.event for frame in frames if frame is not None]
        assert [event.duration for event in events] == [160, 320, 480, 480, 480]
        assert [event.end for event in events] == [False, False, True, True, True]
        assert {frame.timestamp for frame in frames if frame} == {1000}
        assert [frame.marker for frame in frames if frame] == [True, False, False, False, False]
        assert [frame.last for frame in frames if frame] == [False, False, False, False, True]
        assert frames[5] is None

    def test_gap_is_kept(self) -> None:
        sender = DtmfSender()
        sender.put("1", 320, 640)
        sender.put("2", 320, 640)
        codes = [event.event if event else None for event in self.run(sender, 12)]
        # Two of the three end packets lie in the gap of four frames.
        assert codes == [1, 1, 1, 1, None, None, 2, 2, 2, 2, None, None]

    def test_shorter_than_a_frame(self) -> None:
        sender = DtmfSender()
        sender.put("1", 100, 0)
        events = self.run(sender, 4)
        assert [event.duration if event else None for event in events] == [100, 100, 100, None]

    def test_longest(self) -> None:
        sender = DtmfSender()
        sender.put("1", 100_000, 0)
        durations = [event.duration for event in self.run(sender, 500) if event]
        assert max(durations) == 65535


class TestReceiver:
    def hear(self, *packets: tuple[int, int, bool, int], receiver: DtmfReceiver | None = None) -> list[tuple[int, int]]:
        receiver = receiver or DtmfReceiver()
        heard = []
        for place, (code, timestamp, end, duration) in enumerate(packets):
            heard += receiver.update(TelephoneEvent(code, end, 10, duration), timestamp, place == 0, 0.02 * place)
        return heard

    def test_once(self) -> None:
        assert self.hear((5, 0, False, 160), (5, 0, True, 320), (5, 0, True, 320), (5, 0, True, 320)) == [(5, 320)]

    def test_only_a_repeated_end_arrives(self) -> None:
        assert self.hear((5, 0, True, 320)) == [(5, 320)]

    def test_same_digit_twice(self) -> None:
        assert self.hear((5, 0, True, 320), (5, 0, True, 320), (5, 800, False, 160), (5, 800, True, 240)) == [
            (5, 320), (5, 240),
        ]

    def test_lost_end(self) -> None:
        assert self.hear((5, 0, False, 320), (6, 800, True, 160)) == [(5, 320), (6, 160)]

    def test_straggler(self) -> None:
        assert self.hear((5, 800, True, 320), (4, 0, True, 160)) == [(5, 320)]

    def test_long_event_goes_on_in_segments(self) -> None:
        receiver = DtmfReceiver()
        assert self.hear((5, 0, False, 65535), receiver=receiver) == []
        assert receiver.update(TelephoneEvent(5, True, 10, 465), 65535, False, 0.1) == [(5, 66000)]

    def test_expiry(self) -> None:
        receiver = DtmfReceiver()
        assert receiver.expire(100.0) == []
        self.hear((5, 0, False, 320), receiver=receiver)
        assert receiver.expire(0.1) == []
        assert receiver.expire(0.3) == [(5, 320)]
        assert receiver.expire(0.6) == []
        # Its end, much too late, is not a second digit.
        assert receiver.update(TelephoneEvent(5, True, 10, 800), 0, False, 0.7) == []

    def test_restarted_clock_after_a_pause(self) -> None:
        receiver = DtmfReceiver()
        self.hear((5, 90_000, True, 320), receiver=receiver)
        assert receiver.update(TelephoneEvent(6, True, 10, 160), 5, True, 3.0) == [(6, 160)]
