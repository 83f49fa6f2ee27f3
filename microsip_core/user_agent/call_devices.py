"""The part of a call that is about the microphone and loudspeaker of the person who makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from microsip_core.errors import MicrosipError
from microsip_core.user_agent.call_media import CallMedia
from microsip_core.user_agent.events import EventType

if TYPE_CHECKING:
    from microsip_core.media.devices import DeviceStatistics, Direction, OpenDevice
    from microsip_core.user_agent.devices import Choice


@dataclass(frozen=True, slots=True)
class AudioDelay:
    """How long sound takes from mouth to ear, in ms, part by part; None where it is not known."""

    packet: float
    """What has to be gathered before it can be sent."""
    network: float | None
    """Half of the round trip."""
    jitter_buffer: float | None
    loudspeaker: float | None
    """Our ring, the driver and the device."""
    microphone: float | None
    """The same of our microphone, with the packet; what we hear has come through the peer's instead."""

    @property
    def mouth_to_ear(self) -> float:
        """Sum of what is known, with our microphone's delay for the peer's, in ms."""
        ours = (self.network, self.jitter_buffer, self.loudspeaker)
        spoken = self.packet if self.microphone is None else self.microphone
        return spoken + sum(part for part in ours if part is not None)


class CallDevices(CallMedia):
    """Lets a person talk: a microphone and a loudspeaker, beside all that plays, records or taps."""

    _devices: dict[Direction, OpenDevice | None] | None = None
    _by_default: frozenset[Direction] = frozenset()
    _replacing: frozenset[Direction] = frozenset()

    async def connect_device(
        self, *, input: Choice = None, output: Choice = None, latency: float | str | None = None,
    ) -> None:
        """Talk and listen by these devices from now on; in place of those before, without a gap in the call.

        A device is meant by its name, a part or pattern of it ("*headset*"), its index, or "null" for none; None is
        what :meth:`UserAgent.set_devices` says, else the system's default. ``latency`` is that of driver and device in
        seconds, or "low" or "high". What is played, or written to :attr:`audio`, is sent instead of the microphone. The
        event ``device_lost`` tells that one has gone, ``device_changed`` which has taken its place. Raises DeviceError
        with the remedy (none there, busy, not permitted), NotSupported on the reference core, InvalidState before the
        answer; the devices before stay then.
        """
        wanted: dict[Direction, Choice] = {"input": input, "output": output}
        await self._connect(wanted, latency)
        self._by_default = frozenset(direction for direction, choice in wanted.items() if choice is None)

    async def _connect(self, wanted: dict[Direction, Choice], latency: float | str | None = None) -> None:
        self.stream("connect device")
        board = self.agent.devices
        opened: dict[Direction, OpenDevice | None] = {}
        try:
            for direction, choice in wanted.items():
                choice = board.choices[direction] if choice is None else choice
                opened[direction] = await board.open(self, choice, direction, latency)
            self.stream("connect device")  # it may have ended meanwhile
            for device in opened.values():
                if device is not None:
                    device.attach()
        except BaseException:
            for device in opened.values():
                board.let_go(device)
            raise
        before, self._devices = self._devices or {}, {**(self._devices or {}), **opened}
        for direction in opened:
            board.let_go(before.get(direction))
        board.watch(self)

    def disconnect_device(self) -> None:
        """Send silence and play nothing, where there is nothing else to send; with no device this does nothing."""
        devices, self._devices = self._devices, None
        self.agent.devices.forget(self)
        for device in (devices or {}).values():
            self.agent.devices.let_go(device)

    @property
    def devices(self) -> dict[Direction, str]:
        """Names of the devices in use by "input" and "output"; "null" for the null device. Empty without any."""
        return {way: "null" if one is None else one.info.name for way, one in (self._devices or {}).items()}

    def device_statistics(self) -> list[DeviceStatistics]:
        """Return figures of the devices in use."""
        return [device.statistics() for device in (self._devices or {}).values() if device is not None]

    def audio_delay(self) -> AudioDelay | None:
        """Return how long sound takes, part by part, as of now; None before there is media."""
        figures = self.statistics()
        if figures is None:
            return None
        delays = {one.direction: one.delay_ms + max(one.latency_ms, 0.0) for one in self.device_statistics()}
        trip = figures.receive.rtt_ms
        return AudioDelay(
            float(self.agent.config.ptime_ms), None if trip is None else trip / 2, figures.receive.buffer_ms,
            delays.get("output"), delays.get("input"),
        )

    # -- for the files of this package ------------------------------------------------------------------------------

    def lost_devices(self) -> list[Direction]:
        """Return the directions whose device has gone, and is not being replaced yet."""
        return [
            direction for direction, device in (self._devices or {}).items()
            if device is not None and direction not in self._replacing and device.lost
        ]

    async def replace_lost(self, direction: Direction) -> None:
        """Take the default device in place of one that has gone, or the null device."""
        from microsip_core.user_agent.devices import open_or_none

        device = (self._devices or {}).get(direction)
        if device is None or self._closing:
            return
        self._replacing |= {direction}
        self.emit(EventType.DEVICE_LOST, text=f"{direction}: {device.info.name}")
        board = self.agent.devices
        try:
            other = await open_or_none(board, self, None, direction, device.info.index)
            if self._devices is None or self._devices.get(direction) is not device:
                board.let_go(other)  # the call has ended, or was given another meanwhile
                return
            if other is not None:
                try:
                    other.attach()
                except MicrosipError:
                    board.let_go(other)
                    other = None
            self._devices[direction] = other
            board.let_go(device)
            self.emit(EventType.DEVICE_CHANGED, text=f"{direction}: {self.devices[direction]}")
        finally:
            self._replacing -= {direction}

    async def follow_choice(self, directions: frozenset[Direction]) -> None:
        """Go over to the devices that the user agent has been told to use, where this call uses those."""
        wanted: dict[Direction, Choice] = dict.fromkeys(sorted(directions & self._by_default))
        if wanted and self._devices is not None:
            before = self.devices
            await self._connect(wanted)
            for direction, name in self.devices.items():
                if before.get(direction) != name:
                    self.emit(EventType.DEVICE_CHANGED, text=f"{direction}: {name}")

    def close_media(self) -> None:
        """Let go of the devices, too."""
        super().close_media()
        self.disconnect_device()
