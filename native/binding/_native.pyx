# cython: language_level=3, embedsignature=False, boundscheck=False, wraparound=False
"""Thin binding of the native media engine: argument checks, no GIL where the C side takes time, status to exception.

Calls that only hand a command over or copy figures keep the GIL: they take about a microsecond, and it keeps two Python threads from
using one stream at the same time.
"""

cimport cython
from libc.errno cimport errno
from libc.stdint cimport INT64_MAX

from media cimport *

# The order of ms_event_kind_t, from 1 on.
EVENT_KINDS = (
    "first_rtp", "dtmf", "dtmf_sent", "media_timeout", "media_resumed", "rtcp_bye", "ssrc_change", "playback_finished",
    "recording_finished", "error", "no_rtp", "overload", "dtmf_inband",
    "recording_stalled", "speech_started", "speech_ended", "tone", "beep",
)

STATUS = {
    "EINVAL": -1, "ENOMEM": -2, "ENETWORK": -3, "EBUSY": -4, "EIO": -5, "EFORMAT": -6, "ENOTSUP": -7, "ESTATE": -8, "ELIMIT": -9,
}

cdef enum:
    EVENT_BATCH = 64
    HOST_TEXT = 64


class NativeError(Exception):
    """A status of the C side: ``status`` is one of STATUS, ``errno`` the system's reason where that is known, else 0."""

    def __init__(self, int status, int reason=0):
        super().__init__(ms_status_text(status).decode())
        self.status = status
        self.errno = reason


cdef int check(ms_status_t status, int reason=0) except -1:
    if status != 0:
        raise NativeError(status, reason if status in (-3, -4, -5) else 0)
    return 0


cdef bytes encode_path(object path):
    cdef bytes encoded = path if isinstance(path, bytes) else str(path).encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise ValueError("a path can not hold a null character")
    return encoded


cdef class Engine:
    """The shards and the recording thread. ``manual`` engines have no shard threads: ``tick`` says what time it is."""

    cdef ms_engine_t *engine
    cdef bint stopped

    def __cinit__(self, uint32_t shards=1, bint manual=False, bint hurried=True, bint pinned=False,
                  uint32_t streams_max=0, uint32_t load_max_percent=0):
        cdef ms_engine_config_t config
        cdef ms_status_t status
        cdef int reason
        config.shards = shards
        config.manual = manual
        config.unhurried = not hurried
        config.pinned = pinned
        config.streams_max = streams_max
        config.load_max_percent = load_max_percent
        with nogil:
            status = ms_engine_create(&config, &self.engine)
            reason = errno
        check(status, reason)

    def __dealloc__(self):
        if self.engine != NULL:
            with nogil:
                ms_engine_free(self.engine)

    def stop(self):
        """End the threads, after every stream has been closed; events can still be polled."""
        self.stopped = True
        with nogil:
            ms_engine_stop(self.engine)

    def event_fd(self):
        """Return the descriptor that is readable while events wait."""
        return ms_engine_event_fd(self.engine)

    def poll(self):
        """Return what happened as tuples (kind index, stream id, value, text, ns, reference)."""
        cdef ms_event_t events[EVENT_BATCH]
        cdef size_t count = EVENT_BATCH, i
        result = []
        while count == EVENT_BATCH:
            with nogil:  # it also frees what streams have left behind
                count = ms_engine_poll_events(self.engine, events, EVENT_BATCH)
            for i in range(count):
                result.append((
                    events[i].kind - 1, events[i].stream_id, events[i].value, (<bytes>events[i].text).decode("utf-8", "replace"),
                    events[i].time, events[i].reference,
                ))
        return result

    def statistics(self):
        """Return the figures of all shards together; ``lateness`` is a list of (upper bound in us or None, frames)."""
        cdef ms_engine_statistics_t figures
        ms_engine_get_statistics(self.engine, &figures)
        bounds = [ms_lateness_bounds[i] for i in range(MS_LATENESS_BUCKETS - 1)] + [None]
        return {
            "shards": figures.shards, "shards_realtime": figures.shards_realtime, "streams": figures.streams, "wakeups": figures.wakeups, "frames": figures.frames,
            "frames_late": figures.frames_late, "frames_skipped": figures.frames_skipped,
            "lateness": [(bounds[i], figures.lateness[i]) for i in range(MS_LATENESS_BUCKETS)],
            "lateness_max_us": figures.lateness_max_us, "events_lost": figures.events_lost, "cpu_ns": figures.cpu_ns,
            "load_percent": figures.load_percent, "streams_refused": figures.streams_refused,
        }

    def tick(self, int64_t now):
        """Serve a manual engine until ``now`` (ns); return when the next thing is due, None if nothing is."""
        cdef int64_t following
        with nogil:
            following = ms_engine_tick(self.engine, now)
        return None if following == INT64_MAX else following


cdef int fill_payload(ms_payload_t *payload, tuple entry, list kept) except -1:
    """``entry`` is (name, payload type, clock rate, channels, sample rate); ``kept`` keeps the encoded name alive."""
    name = entry[0].encode()
    kept.append(name)
    payload.name = <const char *>(<bytes>name)
    payload.type = entry[1]
    payload.clock_rate = entry[2]
    payload.channels = entry[3]
    payload.sample_rate = entry[4] if len(entry) > 4 else 0
    return 0


def install_opus(size_t encoder_size, size_t encoder_init, size_t encoder_ctl, size_t encode, size_t decoder_size,
                 size_t decoder_init, size_t decode):
    """Take addresses of libopus's functions, once; the library has to stay loaded."""
    cdef ms_opus_library_t library
    library.encoder_size = <int (*)(int) noexcept nogil>encoder_size
    library.encoder_init = <int (*)(void *, int32_t, int, int) noexcept nogil>encoder_init
    library.encoder_ctl = <int (*)(void *, int, ...) noexcept nogil>encoder_ctl
    library.encode = <int32_t (*)(void *, const int16_t *, int, unsigned char *, int32_t) noexcept nogil>encode
    library.decoder_size = <int (*)(int) noexcept nogil>decoder_size
    library.decoder_init = <int (*)(void *, int32_t, int) noexcept nogil>decoder_init
    library.decode = <int (*)(void *, const unsigned char *, int32_t, int16_t *, int, int) noexcept nogil>decode
    check(ms_opus_install(&library))


def codec_available(str name, uint32_t clock_rate, uint8_t channels):
    """Whether streams can send and receive a codec."""
    cdef bytes encoded = name.encode()
    return bool(ms_codec_available(encoded, clock_rate, channels))


cdef class Srtp:
    """SRTP of one direction, until a stream takes it over. The library of the functions has to stay loaded."""

    cdef ms_srtp_t *srtp

    def __cinit__(self, size_t context, size_t release, size_t rtp, size_t rtcp, bytes mki=b"", uint8_t mki_before=0,
                  uint8_t mki_before_rtcp=0):
        cdef ms_srtp_config_t config
        cdef size_t i
        if len(mki) > MS_SRTP_MKI_MAX:
            raise NativeError(-1)
        config.context = <void *>context
        config.release = <int (*)(void *) noexcept nogil>release
        config.rtp = <ms_srtp_function_t>rtp
        config.rtcp = <ms_srtp_function_t>rtcp
        config.mki_length = len(mki)
        for i in range(config.mki_length):
            config.mki[i] = mki[i]
        config.mki_before = mki_before
        config.mki_before_rtcp = mki_before_rtcp
        check(ms_srtp_create(&config, &self.srtp))

    def __dealloc__(self):
        ms_srtp_free(self.srtp)


cdef class Clip:
    """Samples in memory that streams can play."""

    cdef ms_pcm_t *pcm

    def __dealloc__(self):
        ms_pcm_release(self.pcm)

    @property
    def length(self):
        """Samples."""
        return ms_pcm_length(self.pcm)

    @staticmethod
    def load(path, uint32_t rate):
        """Read a WAV file as mono samples at ``rate`` Hz."""
        cdef Clip clip = Clip()
        cdef bytes encoded = encode_path(path)
        cdef const char *name = encoded
        cdef ms_status_t status
        cdef int reason
        with nogil:
            status = ms_pcm_load(name, rate, &clip.pcm)
            reason = errno
        check(status, reason)
        return clip

    @staticmethod
    def copy(const int16_t[::1] samples, uint32_t from_rate, uint32_t rate):
        """Take int16 mono samples at ``from_rate`` as samples at ``rate``."""
        cdef Clip clip = Clip()
        cdef ms_status_t status
        cdef size_t length = samples.shape[0]
        cdef const int16_t *first = &samples[0] if length > 0 else NULL
        if length == 0:
            raise NativeError(-1)
        with nogil:
            status = ms_pcm_copy(first, length, from_rate, rate, &clip.pcm)
        check(status)
        return clip


cdef dict statistics_dict(const ms_stream_statistics_t *s):
    return {
        "ssrc": s.ssrc, "packets_sent": s.packets_sent, "octets_sent": s.octets_sent, "send_errors": s.send_errors,
        "dtmf_sent": s.dtmf_sent,
        "remote_ssrc": <int64_t>s.remote_ssrc if s.remote_known else -1,
        "packets_received": s.packets_received, "octets_received": s.octets_received,
        "packets_expected": s.packets_expected, "packets_lost": s.packets_lost, "duplicates": s.duplicates,
        "reordered": s.reordered, "late": s.late, "discarded": s.discarded, "invalid": s.invalid, "foreign": s.foreign,
        "ssrc_changes": s.ssrc_changes, "srtp_forged": s.srtp_forged, "srtp_replayed": s.srtp_replayed,
        "srtp_errors": s.srtp_errors, "jitter_us": s.jitter_us, "jitter_max_us": s.jitter_max_us,
        "dtmf_received": s.dtmf_received,
        "sample_rate": s.sample_rate, "samples_played": s.samples_played, "samples_concealed": s.samples_concealed,
        "samples_bridged": s.samples_bridged, "samples_recovered": s.samples_recovered,
        "samples_inserted": s.samples_inserted, "samples_removed": s.samples_removed,
        "buffer_us": s.buffer_us, "buffer_mean_us": s.buffer_mean_us, "buffer_max_us": s.buffer_max_us,
        "buffer_target_us": s.buffer_target_us, "buffer_delay_us": s.buffer_delay_us, "resets": s.resets,
        "bursts": s.bursts, "burst_packets": s.burst_packets, "burst_lost": s.burst_lost,
        "gap_packets": s.gap_packets, "gap_lost": s.gap_lost, "loss_runs": s.loss_runs,
        "clock_skew_ppm": s.clock_skew_ppm, "clock_skew_known": s.clock_skew_known,
        "rtcp_sent": s.rtcp_sent, "rtcp_received": s.rtcp_received, "rtcp_invalid": s.rtcp_invalid,
        "round_trip_us": s.round_trip_us, "round_trip_max_us": s.round_trip_max_us,
        "remote_packets_lost": s.remote_packets_lost, "remote_fraction_lost": s.remote_fraction_lost,
        "remote_jitter_us": s.remote_jitter_us,
        "remote_xr_loss": s.remote_xr_loss, "remote_xr_discard": s.remote_xr_discard,
        "remote_xr_burst_density": s.remote_xr_burst_density, "remote_xr_gap_density": s.remote_xr_gap_density,
        "remote_xr_burst_ms": s.remote_xr_burst_ms, "remote_xr_gap_ms": s.remote_xr_gap_ms,
        "remote_xr_delay_ms": s.remote_xr_delay_ms, "remote_xr_r_factor": s.remote_xr_r_factor,
        "remote_xr_mos_lq": s.remote_xr_mos_lq, "remote_xr_mos_cq": s.remote_xr_mos_cq,
        "ticks": s.ticks, "ticks_late": s.ticks_late, "ticks_skipped": s.ticks_skipped,
    }


cdef class Stream:
    """One RTP session. After ``close`` all but ``close`` and ``statistics`` raise ESTATE."""

    cdef ms_stream_t *stream
    cdef Engine engine
    cdef dict final

    def __cinit__(
        self, Engine engine, str host, tuple ports, uint16_t jitter_min_ms, uint16_t jitter_max_ms, uint16_t jitter_initial_ms,
        uint32_t media_timeout_ms, str cname, uint32_t no_rtp_ms=0, uint8_t dscp=0,
    ):
        cdef ms_stream_config_t config
        cdef ms_status_t status
        cdef int reason
        cdef bytes host_text = host.encode(), cname_text = cname.encode()
        self.engine = engine
        config.local_host = host_text
        config.port_first, config.port_last = ports
        config.jitter_min_ms = jitter_min_ms
        config.jitter_max_ms = jitter_max_ms
        config.jitter_initial_ms = jitter_initial_ms
        config.media_timeout_ms = media_timeout_ms
        config.no_rtp_ms = no_rtp_ms
        config.dscp = dscp
        config.cname = cname_text
        with nogil:
            status = ms_stream_open(engine.engine, &config, &self.stream)
            reason = errno
        check(status, reason)

    def __dealloc__(self):
        if self.stream != NULL and not self.engine.stopped:
            ms_stream_close(self.stream, NULL)

    cdef ms_stream_t *alive(self) except NULL:
        if self.stream == NULL or self.engine.stopped:
            raise NativeError(STATUS["ESTATE"])
        return self.stream

    @property
    def closed(self):
        """Whether ``close`` has been called."""
        return self.stream == NULL

    @property
    def id(self):
        """Number of the stream in events."""
        return ms_stream_id(self.alive())

    @property
    def sample_rate(self):
        """Hz, of what is played, recorded and tapped."""
        return ms_stream_sample_rate(self.alive())

    def address(self, bint rtcp):
        """Return (host, port) of the RTP or RTCP socket."""
        cdef char host[HOST_TEXT]
        cdef uint16_t port = 0
        ms_stream_address(self.alive(), rtcp, host, &port)
        return (<bytes>host).decode(), port

    def move(self, str host, tuple ports):
        """Go on from another local address, with ports of a range or (0, 0) for any."""
        cdef ms_stream_t *stream = self.alive()
        cdef bytes host_text = host.encode()
        cdef const char *text = host_text
        cdef uint16_t first, last
        cdef ms_status_t status
        cdef int reason
        first, last = ports
        with nogil:
            status = ms_stream_move(stream, text, first, last)
            reason = errno
        check(status, reason)

    def configure(self, remote, remote_rtcp, send, uint16_t ptime_ms, list receive, int16_t telephone_event, bint sending,
                  bint receiving, bint srtp=False, Srtp srtp_send=None, Srtp srtp_receive=None, tuple encoder=(0, 0, 5, 0, False, False),
                  uint32_t telephone_event_rate=0, tuple rtcp=(False, False, False)):
        """``remote`` and ``remote_rtcp`` are (host, port) or None; ``send`` and what ``receive`` lists are payload tuples.

        With ``srtp`` the keys stay as they are where None is given. ``encoder``: bitrate, playback rate, complexity,
        expected loss in percent, redundancy, silence suppression. ``rtcp``: mux, reduced size, VoIP metrics.
        """
        cdef ms_stream_format_t form
        cdef list kept = []
        cdef bytes remote_text, rtcp_text
        cdef size_t i
        if len(receive) > MS_PAYLOADS_MAX:
            raise NativeError(-9)
        form.remote_host = NULL
        form.remote_rtcp_host = NULL
        form.remote_port = form.remote_rtcp_port = 0
        if remote is not None:
            remote_text = remote[0].encode()
            form.remote_host = <const char *>remote_text
            form.remote_port = remote[1]
        if remote_rtcp is not None:
            rtcp_text = remote_rtcp[0].encode()
            form.remote_rtcp_host = <const char *>rtcp_text
            form.remote_rtcp_port = remote_rtcp[1]
        form.sending = sending
        form.receiving = receiving
        form.has_send = send is not None
        if send is not None:
            fill_payload(&form.send, send, kept)
        form.ptime_ms = ptime_ms
        form.encoder.bitrate, form.encoder.playback_rate = encoder[0], encoder[1]
        form.encoder.complexity, form.encoder.expected_loss_percent = encoder[2], encoder[3]
        form.encoder.redundancy, form.encoder.silence_suppression = encoder[4], encoder[5]
        form.receive_count = len(receive)
        for i in range(form.receive_count):
            fill_payload(&form.receive[i], receive[i], kept)
        form.telephone_event = telephone_event
        form.telephone_event_rate = telephone_event_rate
        form.rtcp_mux, form.rtcp_reduced_size, form.rtcp_voip_metrics = rtcp
        form.srtp = srtp
        form.srtp_send = srtp_send.srtp if srtp_send is not None else NULL
        form.srtp_receive = srtp_receive.srtp if srtp_receive is not None else NULL
        check(ms_stream_configure(self.alive(), &form))
        if srtp_send is not None:
            srtp_send.srtp = NULL  # now the stream's
        if srtp_receive is not None:
            srtp_receive.srtp = NULL

    def play(self, Clip clip, bint loop, uint32_t reference):
        """Play samples at the stream's rate."""
        check(ms_stream_play(self.alive(), clip.pcm, loop, reference))

    def play_tones(self, list steps, bint loop, uint32_t reference):
        """``steps`` are (frequencies, ms on, ms off)."""
        cdef ms_tone_t tones[MS_TONE_STEPS]
        cdef size_t i, k
        if not 1 <= len(steps) <= MS_TONE_STEPS:
            raise NativeError(-1)
        for i, (frequencies, on_ms, off_ms) in enumerate(steps):
            if len(frequencies) > MS_TONE_FREQUENCIES:
                raise NativeError(-1)
            for k, frequency in enumerate(frequencies):
                tones[i].frequencies[k] = frequency
            tones[i].frequency_count = len(frequencies)
            tones[i].on_ms = on_ms
            tones[i].off_ms = off_ms
        check(ms_stream_play_tones(self.alive(), tones, len(steps), loop, reference))

    def play_feed(self, uint32_t capacity, uint32_t reference):
        """Play what is written to the Feed that is returned."""
        cdef Feed feed = Feed()
        check(ms_stream_play_feed(self.alive(), capacity, reference, &feed.feed))
        return feed

    def pause_play(self, uint32_t reference, bint on):
        """Pause or resume a playback."""
        check(ms_stream_pause_play(self.alive(), reference, on))

    def seek_play(self, uint32_t reference, uint64_t position):
        """Move a clip to a sample."""
        check(ms_stream_seek_play(self.alive(), reference, position))

    def played(self):
        """Samples played of what plays, or played last."""
        return ms_stream_played(self.alive())

    def stop_play(self):
        """End the playback under way."""
        check(ms_stream_stop_play(self.alive()))

    def record(self, path, bint stereo, uint32_t reference):
        """Record to a WAV file."""
        cdef bytes encoded = encode_path(path)
        cdef const char *name = encoded
        cdef ms_stream_t *stream = self.alive()
        cdef ms_status_t status
        cdef int reason
        with nogil:
            status = ms_stream_record(stream, name, stereo, reference)
            reason = errno
        check(status, reason)

    def stop_record(self):
        """End the recording under way."""
        check(ms_stream_stop_record(self.alive()))

    def pause_record(self, uint32_t reference, bint on):
        """Pause or resume a recording."""
        check(ms_stream_pause_record(self.alive(), reference, on))

    def record_samples(self, bint stereo, uint32_t reference):
        """Return a Recording, to be read and finished."""
        cdef Recording recording = Recording()
        check(ms_stream_record_samples(self.alive(), stereo, reference, &recording.recorder))
        return recording

    def echo(self, bint on):
        """Send back what is received."""
        check(ms_stream_set_echo(self.alive(), on))

    def set_mute(self, bint on):
        """Send silence."""
        check(ms_stream_set_mute(self.alive(), on))

    def set_gain(self, double send, double receive):
        """Linear, 0 to 8."""
        check(ms_stream_set_gain(self.alive(), send, receive))

    def send_dtmf(self, str digits, uint32_t duration_ms, uint32_t gap_ms):
        """Queue digits as telephone-events."""
        cdef bytes encoded = digits.encode("ascii", "replace")
        check(ms_stream_send_dtmf(self.alive(), encoded, duration_ms, gap_ms))

    def detect_dtmf(self, bint on):
        """Listen for digits in the sound received."""
        check(ms_stream_detect_dtmf(self.alive(), on))

    def listen(self, bint on, uint32_t hangover_ms):
        """Listen for speech and beeps in the sound received."""
        check(ms_stream_listen(self.alive(), on, hangover_ms))

    def bridge(self, Stream other):
        """Let the two hear each other."""
        check(ms_stream_bridge(self.alive(), other.alive()))

    def unbridge(self):
        """Leave a bridge or mixer."""
        check(ms_stream_unbridge(self.alive()))

    def open_tap(self, uint32_t capacity):
        """Return a Tap with so many samples of room each way."""
        cdef Tap tap = Tap()
        check(ms_stream_open_tap(self.alive(), capacity, &tap.tap))
        tap.stream = self
        return tap

    def open_packet_log(self, uint32_t capacity):
        """Return a PacketLog with so many octets of room."""
        cdef PacketLog log = PacketLog()
        check(ms_stream_open_packet_log(self.alive(), capacity, &log.log))
        log.stream = self
        return log

    def statistics(self):
        """Return the counters as of the last tick, after ``close`` the last ones."""
        cdef ms_stream_statistics_t figures
        if self.stream == NULL or self.engine.stopped:
            return self.final
        ms_stream_get_statistics(self.stream, &figures)
        return statistics_dict(&figures)

    def power(self):
        """Return mean squares of the last frame sent and received."""
        cdef ms_stream_statistics_t figures
        ms_stream_get_statistics(self.alive(), &figures)
        return figures.sent_power, figures.received_power

    def close(self):
        """End the stream; return its counters. May be called again."""
        cdef ms_stream_t *stream
        if self.stream != NULL and self.engine.stopped: # which has ended it
            self.stream = NULL
        if self.stream != NULL:
            self.final = self.statistics()
            stream, self.stream = self.stream, NULL
            with nogil:
                ms_stream_close(stream, NULL)
        return self.final


@cython.no_gc_clear  # __dealloc__ needs what it refers to, which refers to nothing back
cdef class Tap:
    """The rings between a stream and the program, at the stream's rate."""

    cdef ms_tap_t *tap
    cdef Stream stream

    def __dealloc__(self):
        self.close()

    cpdef close(self):
        """Detach from the stream."""
        cdef ms_tap_t *tap = self.tap
        if tap != NULL:
            self.tap = NULL
            ms_tap_close(tap, self.stream.stream if self.stream is not None and not self.stream.engine.stopped else NULL)

    def readable(self):
        """Samples received and not read."""
        return ms_tap_readable(self.tap) if self.tap != NULL else 0

    def space(self):
        """Samples that can be written."""
        return ms_tap_space(self.tap) if self.tap != NULL else 0

    def unplayed(self):
        """Samples written and not sent."""
        return ms_tap_unplayed(self.tap) if self.tap != NULL else 0

    def read_into(self, int16_t[::1] samples):
        """Fill from the front; return how many samples."""
        if self.tap == NULL or samples.shape[0] == 0:
            return 0
        return ms_tap_read(self.tap, &samples[0], <uint32_t>min(samples.shape[0], 0x7fffffff))

    def write(self, const int16_t[::1] samples):
        """Return how many samples were taken."""
        if self.tap == NULL or samples.shape[0] == 0:
            return 0
        return ms_tap_write(self.tap, &samples[0], <uint32_t>min(samples.shape[0], 0x7fffffff))

    def clear(self):
        """Throw away what was written and not sent; return how many samples."""
        return ms_tap_clear(self.tap) if self.tap != NULL else 0

    def dropped(self):
        """Received samples that found no room."""
        return ms_tap_dropped(self.tap) if self.tap != NULL else 0

    def starved(self):
        """Samples of silence sent because the next ones came too late."""
        return ms_tap_starved(self.tap) if self.tap != NULL else 0


@cython.no_gc_clear  # __dealloc__ needs what it refers to, which refers to nothing back
cdef class PacketLog:
    """RTP and RTCP of a stream as they came and went."""

    cdef ms_packet_log_t *log
    cdef Stream stream

    def __dealloc__(self):
        self.close()

    cpdef close(self):
        """Detach from the stream."""
        cdef ms_packet_log_t *log = self.log
        if log != NULL:
            self.log = NULL
            ms_packet_log_close(log, self.stream.stream if self.stream is not None and not self.stream.engine.stopped else NULL)

    def read(self, int most):
        """Return at most so many packets, oldest first: (ns since the epoch, outgoing, local, remote, octets); addresses
        are (packed host, port)."""
        cdef ms_packet_record_t record
        cdef uint8_t datagram[2048]
        cdef size_t host
        packets = []
        while self.log != NULL and len(packets) < most and ms_packet_log_next(self.log, &record, datagram, sizeof(datagram)):
            host = 16 if record.ipv6 else 4
            packets.append((record.wall_time, bool(record.outgoing), ((<char *>record.local)[:host], record.local_port),
                            ((<char *>record.remote)[:host], record.remote_port), (<char *>datagram)[:record.length]))
        return packets

    def dropped(self):
        """Packets that found no room."""
        return ms_packet_log_dropped(self.log) if self.log != NULL else 0


def device_callback():
    """Return the address of the PaStreamCallback that drives a Device, whose address is its user data."""
    return <size_t><void *>&ms_device_callback


@cython.no_gc_clear  # __dealloc__ needs what it refers to, which refers to nothing back
cdef class Device:
    """One direction of a sound device. Its callback must not be called any more when it is closed."""

    cdef ms_device_t *device
    cdef Stream stream
    cdef uint32_t channels

    def __cinit__(self, bint capture, uint32_t device_rate, uint32_t channels, uint32_t stream_rate, uint32_t margin_ms):
        cdef ms_device_config_t config
        cdef ms_status_t status
        config.capture, config.device_rate, config.channels = capture, device_rate, channels
        config.stream_rate, config.margin_ms = stream_rate, margin_ms
        self.channels = channels
        with nogil:
            status = ms_device_open(&config, &self.device)
        check(status)

    def __dealloc__(self):
        self.close()

    cdef ms_device_t *alive(self) except NULL:
        if self.device == NULL:
            raise NativeError(STATUS["ESTATE"])
        return self.device

    @property
    def address(self):
        """The user data of its callback."""
        return <size_t>self.alive()

    def attach(self, Stream stream):
        """Let it hear or speak for a stream, in place of the one that did; once."""
        check(ms_stream_set_device(stream.alive(), self.alive()))
        self.stream = stream

    def record(self, const int16_t[::1] samples, unsigned long flags):
        """Take interleaved samples, where a callback in Python has to stand in for the native one."""
        if samples.shape[0] >= self.channels:
            ms_device_callback(&samples[0], NULL, samples.shape[0] // self.channels, NULL, flags, self.alive())

    def play(self, int16_t[::1] samples, unsigned long flags):
        """Fill with interleaved samples, likewise."""
        if samples.shape[0] >= self.channels:
            ms_device_callback(NULL, &samples[0], samples.shape[0] // self.channels, NULL, flags, self.alive())

    def statistics(self):
        """Return its figures."""
        cdef ms_device_statistics_t s
        ms_device_get_statistics(self.alive(), &s)
        return {
            "running": bool(s.running), "callbacks": s.callbacks, "host_faults": s.host_faults, "missing": s.missing,
            "dropped": s.dropped, "cut": s.cut, "delay_us": s.delay_us, "latency_us": s.latency_us, "margin_us": s.margin_us,
            "correction_ppb": s.correction_ppb, "quiet_us": s.quiet_us, "power": s.power,
        }

    cpdef close(self):
        """Detach from the stream. May be called again."""
        cdef ms_device_t *device = self.device
        if device != NULL:
            self.device = NULL
            ms_device_close(device, self.stream.stream if self.stream is not None and not self.stream.engine.stopped else NULL)


cdef class Feed:
    """The samples of a playback, written while it plays; from one thread at a time."""

    cdef ms_feed_t *feed

    def __dealloc__(self):
        if self.feed != NULL:
            ms_feed_close(self.feed)

    def space(self):
        """Samples that can be written."""
        return ms_feed_space(self.feed)

    def waiting(self):
        """Samples written and not played."""
        return ms_feed_waiting(self.feed)

    def write(self, const int16_t[::1] samples):
        """Return how many samples were taken."""
        if samples.shape[0] == 0:
            return 0
        return ms_feed_write(self.feed, &samples[0], <uint32_t>min(samples.shape[0], 0x7fffffff))

    def clear(self):
        """Throw away what was written and not played; return how many samples."""
        return ms_feed_clear(self.feed)

    def end(self):
        """Nothing more will be written."""
        ms_feed_end(self.feed)

    def gone(self):
        """Whether it is played no more."""
        return bool(ms_feed_gone(self.feed))

    def starved(self):
        """Samples of silence played because the next ones came too late."""
        return ms_feed_starved(self.feed)


cdef class Recording:
    """Samples that are recorded, for a thread that encodes them."""

    cdef ms_recorder_t *recorder

    def __dealloc__(self):
        self.finish(0)

    def read_into(self, int16_t[::1] samples):
        """Fill from the front, channels interleaved; return how many samples."""
        if self.recorder == NULL or samples.shape[0] == 0:
            return 0
        return ms_recorder_read(self.recorder, &samples[0], <uint32_t>min(samples.shape[0], 0x7fffffff))

    def ended(self):
        """Whether nothing more will come than can be read now."""
        return self.recorder == NULL or bool(ms_recorder_ended(self.recorder))

    cpdef finish(self, int failure):
        """Tell that the file is complete, or the error number of why it is not. May be called again."""
        if self.recorder != NULL:
            ms_recorder_finish(self.recorder, failure)
            self.recorder = NULL


cdef class Mixer:
    """A conference. After ``close`` all but ``close`` raise ESTATE."""

    cdef ms_mixer_t *mixer
    cdef Engine engine

    def __cinit__(self, Engine engine, uint32_t rate):
        self.engine = engine
        check(ms_mixer_open(engine.engine, rate, &self.mixer))

    def __dealloc__(self):
        self.close()

    cdef ms_mixer_t *alive(self) except NULL:
        if self.mixer == NULL or self.engine.stopped:
            raise NativeError(STATUS["ESTATE"])
        return self.mixer

    @property
    def id(self):
        """Stands as the stream in events."""
        return ms_mixer_id(self.alive())

    def join(self, Stream stream):
        """Return the stream's Member."""
        cdef Member member = Member()
        check(ms_mixer_join(self.alive(), stream.alive(), &member.member))
        member.mixer = self
        member.stream = stream
        return member

    def play(self, Clip clip, bint loop, uint32_t reference):
        """Play samples at the mixer's rate to all."""
        check(ms_mixer_play(self.alive(), clip.pcm, loop, reference))

    def stop_play(self):
        """End the playback under way."""
        check(ms_mixer_stop_play(self.alive()))

    def record(self, path, uint32_t reference):
        """Record all together to a WAV file."""
        cdef bytes encoded = encode_path(path)
        cdef const char *name = encoded
        cdef ms_mixer_t *mixer = self.alive()
        cdef ms_status_t status
        cdef int reason
        with nogil:
            status = ms_mixer_record(mixer, name, reference)
            reason = errno
        check(status, reason)

    def stop_record(self):
        """End the recording under way."""
        check(ms_mixer_stop_record(self.alive()))

    def pause_record(self, uint32_t reference, bint on):
        """Pause or resume a recording."""
        check(ms_mixer_pause_record(self.alive(), reference, on))

    def record_samples(self, uint32_t reference):
        """Return a Recording, to be read and finished."""
        cdef Recording recording = Recording()
        check(ms_mixer_record_samples(self.alive(), reference, &recording.recorder))
        return recording

    def statistics(self):
        """Return members, ticks, skipped, work_ns, and the mean square of the last frame."""
        cdef ms_mixer_statistics_t figures
        ms_mixer_get_statistics(self.alive(), &figures)
        return figures.members, figures.ticks, figures.skipped, figures.work_ns, figures.power

    cpdef close(self):
        """End the conference. May be called again."""
        cdef ms_mixer_t *mixer = self.mixer
        self.mixer = NULL
        if mixer != NULL and not self.engine.stopped:
            ms_mixer_close(mixer)


@cython.no_gc_clear  # __dealloc__ needs what it refers to, which refers to nothing back
cdef class Member:
    """A stream's place in a mixer."""

    cdef ms_member_t *member
    cdef Mixer mixer
    cdef Stream stream

    def __dealloc__(self):
        self.leave()

    cpdef leave(self):
        """Leave the mixer. May be called again."""
        cdef ms_member_t *member = self.member
        cdef ms_mixer_t *mixer = NULL
        cdef ms_stream_t *stream = NULL
        if member == NULL:
            return
        self.member = NULL
        if self.mixer is not None and self.stream is not None and not self.mixer.engine.stopped:
            mixer, stream = self.mixer.mixer, self.stream.stream
        ms_member_leave(member, mixer, stream)

    def set(self, double talk_gain, double hear_gain, bint muted, bint deaf):
        """Gains are linear, 0 to 8."""
        cdef ms_member_settings_t settings
        if self.member == NULL:
            raise NativeError(STATUS["ESTATE"])
        settings.talk_gain, settings.hear_gain, settings.muted, settings.deaf = talk_gain, hear_gain, muted, deaf
        check(ms_member_set(self.member, &settings))

    def statistics(self):
        """Return the mean square of the last frame said; samples starved and trimmed on the way in, and out."""
        cdef ms_member_statistics_t figures
        if self.member == NULL:
            raise NativeError(STATUS["ESTATE"])
        ms_member_get_statistics(self.member, &figures)
        return figures.power, figures.starved, figures.trimmed, figures.starved_out, figures.trimmed_out


cdef class DtmfDetector:
    """Finds digits in sound."""

    cdef ms_dtmf_detector_t *detector

    def __cinit__(self, uint32_t rate):
        check(ms_dtmf_detector_open(rate, &self.detector))

    def __dealloc__(self):
        ms_dtmf_detector_close(self.detector)

    def process(self, const int16_t[::1] samples):
        """Return the digits that end in these samples as (digit, ms, samples taken until then)."""
        cdef size_t at = 0, n = samples.shape[0]
        cdef char digit
        cdef uint32_t duration_ms
        found = []
        while at < n:
            with nogil:
                at += ms_dtmf_detector_process(self.detector, &samples[at], n - at, &digit, &duration_ms)
            if digit != 0:
                found.append((chr(digit), duration_ms, at))
        return found


cdef class Listener:
    """Finds speech and beeps in sound."""

    cdef ms_listener_t *listener
    cdef uint64_t taken

    def __cinit__(self, uint32_t rate, uint32_t hangover_ms):
        check(ms_listener_open(rate, hangover_ms, &self.listener))

    def __dealloc__(self):
        ms_listener_close(self.listener)

    def process(self, const int16_t[::1] samples):
        """Return what is heard as (event kind, samples taken since the start, ms since, ms it lasted, Hz)."""
        cdef size_t at = 0, n = samples.shape[0], part
        cdef ms_heard_t heard
        found = []
        if n == 0:
            return found
        while True:
            with nogil:
                part = ms_listener_process(self.listener, &samples[0] + at, n - at, &heard)
            at += part
            self.taken += part
            if heard.kind == 0:
                return found
            kind = ("speech_started", "speech_ended", "tone", "beep")[heard.kind - 1]
            found.append((kind, self.taken, heard.since_ms, heard.duration_ms, heard.frequency))


cdef class Resampler:
    """Streaming sample rate conversion."""

    cdef ms_resampler_t *resampler

    def __cinit__(self, uint32_t from_rate, uint32_t to_rate):
        check(ms_resampler_open(from_rate, to_rate, &self.resampler))

    def __dealloc__(self):
        ms_resampler_close(self.resampler)

    def reset(self):
        """Forget the past."""
        ms_resampler_reset(self.resampler)

    def bound(self, size_t n):
        """Most samples that n samples can give."""
        return ms_resampler_bound(self.resampler, n)

    def process(self, const int16_t[::1] samples, int16_t[::1] out):
        """Convert all samples; return how many are in ``out``, which must have room for ``bound``."""
        cdef size_t n = samples.shape[0], made
        cdef const int16_t *source
        cdef int16_t *target
        if n == 0:
            return 0
        if <size_t>out.shape[0] < ms_resampler_bound(self.resampler, n):
            raise NativeError(-1)
        source = &samples[0]
        target = &out[0]
        with nogil:
            made = ms_resampler_process(self.resampler, source, n, target)
        return made
