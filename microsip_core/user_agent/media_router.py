"""Opens the media of calls, and hands what the media engine reports to the call it is about."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument, NotSupported
from microsip_core.ids import IdSource
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.media_backend import MediaBackend, MediaSession
from microsip_core.user_agent.packet_capture import PacketCapture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from microsip_core.media.mixer import Mixer
    from microsip_core.user_agent.call_media import CallMedia
    from microsip_core.user_agent.conference import Conference

_POLL_SECONDS = 0.02  # for an engine that has no descriptor to wait on


class MediaRouter:
    """The media side of one user agent."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, config: UserAgentConfig, ids: IdSource, media: MediaBackend | str | None,
    ) -> None:
        if isinstance(media, str) and media != "none":
            raise InvalidArgument(f"no media is called {media!r}", remedy='Give "none", a MediaBackend, or nothing')
        self._loop = loop
        self._config = config
        self._ids = ids
        self._owned = media is None or isinstance(media, str)
        self._wanted = media
        self._backend: MediaBackend | None = None
        self._calls: dict[int, CallMedia] = {}
        self._conferences: dict[int, Conference] = {}
        self._event_fd: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._capture = PacketCapture(loop, config.trace_sinks)
        self.on_overload: Callable[[str], None] | None = None

    @property
    def core(self) -> str:
        """Name of the media core in use: "native", "reference", or "none"."""
        return str(getattr(self._backend, "core", "none"))

    def reconfigure(self, config: UserAgentConfig) -> None:
        """Go by other settings in calls to come. Raises CodecError, InvalidArgument; the old ones then stay."""
        before, self._config = self._config, config
        try:
            if self._backend is not None:
                self.new_session("127.0.0.1", None).close()
                self._check_ports()
        except Exception:
            self._config = before
            raise

    def open(self) -> None:
        """Start the engine and check the settings. Raises CodecError, InvalidArgument, NotSupported."""
        self._backend = self._create_backend()
        try:
            self.new_session("127.0.0.1", None).close()  # opens nothing yet, but refuses an unknown codec
            self._check_ports()
        except Exception:
            self.close()
            raise
        self._event_fd = self._backend.event_fd
        if self._event_fd is not None:
            self._loop.add_reader(self._event_fd, self.poll)

    def _check_ports(self) -> None:
        """Refuse now a range of ports that no call could use, or too few for the calls asked for.

        The ``max_calls`` that nobody has set asks for nothing: then the ports are the limit.
        """
        wanted, check = self._config.port_range, getattr(self._backend, "check_ports", None)
        if wanted is None or check is None:
            return
        from microsip_core.media.stream import calls_in, ports_text

        check("127.0.0.1", wanted)
        most = self._config.max_calls
        if most not in (None, UserAgentConfig().max_calls) and most > calls_in(wanted):
            raise InvalidArgument(
                f"max_calls is {most}, more than the media {ports_text(wanted)}", step="configure the user agent",
                remedy=f"Widen port_range to {2 * most} ports, or lower max_calls",
            )

    def _create_backend(self) -> MediaBackend:
        if self._wanted is None:
            from microsip_core.media.media_session import open_backend
            from microsip_core.sdp.rtcp import ALL_FEATURES

            timeout_ms = round(self._config.media_timeout * 1000)
            return open_backend(
                self._config.core, ids=self._ids, media_timeout_ms=timeout_ms, srtp_suites=self._config.srtp_suites,
                rtcp=ALL_FEATURES._replace(mux=self._config.rtcp_mux), dscp=self._config.media_dscp,
                shards=self._config.media_threads, load_max_percent=self._config.media_load_limit,
                no_rtp_ms=round(self._config.no_rtp_after * 1000),
            )
        if isinstance(self._wanted, str):
            from microsip_core.user_agent.signaling_only import SignalingOnlyBackend

            return SignalingOnlyBackend(self._ids)
        return self._wanted

    def new_session(
        self, local_host: str, codecs: Sequence[str] | None, public_host: str | None = None,
    ) -> MediaSession:
        """Return the media of one call; its ports are opened when it is first described, as those of ``public_host``
        where that is another than ours."""
        assert self._backend is not None
        config = self._config
        # A backend of the user's own need not know of SRTP and NATs as long as it is not asked for.
        further: dict[str, str] = {} if config.srtp == "off" else {"srtp": config.srtp}
        if public_host is not None:
            further["public_host"] = public_host
        return self._backend.open_session(
            local_host=local_host, codecs=codecs or config.codecs, ptime_ms=config.ptime_ms,
            port_range=config.port_range, **further,
        )

    def watch(self, call: CallMedia) -> None:
        """Hand the events of the call's stream to it from now on."""
        stream = call.media.stream if call.media is not None else None
        if stream is None:
            return
        self._calls[stream.id] = call
        call.stream_id = stream.id
        self._capture.watch(stream)
        if self._event_fd is None and self._timer is None:
            self._timer = self._loop.call_later(_POLL_SECONDS, self._poll_again)

    def open_mixer(self, sample_rate: int) -> Mixer:
        """Open a conference of the engine. Raises NotSupported where there are none."""
        opener = getattr(self._backend, "open_mixer", None)
        if opener is None:
            raise NotSupported(f"{self.core} media has no conferences", step="open conference",
                               remedy="Use the media engine")
        mixer: Mixer = opener(sample_rate)
        return mixer

    def listen(self, number: int, conference: Conference) -> None:
        """Hand the events of a conference to it from now on."""
        self._conferences[number] = conference

    def unlisten(self, number: int) -> None:
        """The conference has ended."""
        self._conferences.pop(number, None)

    def forget(self, call: CallMedia) -> None:
        """The call's stream is closed."""
        self._calls.pop(call.stream_id, None)
        self._capture.forget(call.stream_id)

    def poll(self) -> None:
        """Take the events that wait."""
        if self._backend is None:
            return
        for event in self._backend.poll_events():
            if event.kind == "overload":
                LOG.warning("the media engine is overloaded: %d frames skipped, %s", event.value, event.detail)
                if self.on_overload is not None:
                    self.on_overload(f"{event.value} frames skipped, {event.detail}")
                continue
            call = self._calls.get(event.stream_id) or self._conferences.get(event.stream_id)
            if call is None:
                continue
            try:
                call.on_media_event(event)
            except Exception:
                LOG.exception("fault while handling %s of %s", event.kind, call)

    def _poll_again(self) -> None:
        self.poll()
        self._timer = self._loop.call_later(_POLL_SECONDS, self._poll_again) if self._calls else None

    def close(self) -> None:
        """Stop the engine, if it is ours. May be called again."""
        self._capture.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._event_fd is not None:
            self._loop.remove_reader(self._event_fd)
            self._event_fd = None
        if self._backend is not None and self._owned:
            self._backend.close()
            self.poll()
        for call in list(self._calls.values()):
            call.engine_gone()
        for conference in list(self._conferences.values()):
            conference.engine_gone()
        self._backend = None
