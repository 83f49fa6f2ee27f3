# Declarations of microsip_media.h for Cython.
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "microsip_media.h" nogil:
    ctypedef int ms_status_t
    const char *ms_status_text(ms_status_t status)

    ctypedef struct ms_engine_t:
        pass
    ctypedef struct ms_stream_t:
        pass
    ctypedef struct ms_tap_t:
        pass
    ctypedef struct ms_packet_log_t:
        pass
    ctypedef struct ms_packet_record_t:
        int64_t wall_time
        uint32_t length
        bint outgoing
        bint ipv6
        uint16_t local_port
        uint16_t remote_port
        uint8_t local[16]
        uint8_t remote[16]
    ctypedef struct ms_pcm_t:
        pass
    ctypedef struct ms_resampler_t:
        pass

    ctypedef struct ms_engine_config_t:
        uint32_t shards
        bint manual
        bint unhurried
        bint pinned
        uint32_t streams_max, load_max_percent

    ms_status_t ms_engine_create(const ms_engine_config_t *config, ms_engine_t **engine)
    void ms_engine_stop(ms_engine_t *engine)
    void ms_engine_free(ms_engine_t *engine)

    ctypedef struct ms_event_t:
        int kind
        uint32_t stream_id
        uint32_t reference
        int64_t value
        int64_t time
        char *text

    int ms_engine_event_fd(const ms_engine_t *engine)
    size_t ms_engine_poll_events(ms_engine_t *engine, ms_event_t *events, size_t capacity)

    enum:
        MS_LATENESS_BUCKETS
        MS_PAYLOADS_MAX
        MS_SRTP_MKI_MAX
        MS_TONE_FREQUENCIES
        MS_TONE_STEPS
    const uint32_t *ms_lateness_bounds

    ctypedef struct ms_engine_statistics_t:
        uint32_t shards, shards_realtime, streams
        uint64_t wakeups, frames, frames_late, frames_skipped
        uint64_t *lateness
        uint64_t lateness_max_us, events_lost, cpu_ns
        uint32_t load_percent
        uint64_t streams_refused

    void ms_engine_get_statistics(ms_engine_t *engine, ms_engine_statistics_t *statistics)
    int64_t ms_engine_tick(ms_engine_t *engine, int64_t now)

    ctypedef struct ms_stream_config_t:
        const char *local_host
        uint16_t port_first, port_last
        uint16_t jitter_min_ms, jitter_max_ms, jitter_initial_ms
        uint32_t media_timeout_ms
        uint32_t no_rtp_ms
        uint8_t dscp
        const char *cname

    ms_status_t ms_stream_open(ms_engine_t *engine, const ms_stream_config_t *config, ms_stream_t **stream)

    ctypedef struct ms_stream_statistics_t:
        uint32_t ssrc
        uint64_t packets_sent, octets_sent, send_errors, dtmf_sent
        uint32_t remote_ssrc
        bint remote_known
        uint64_t packets_received, octets_received, packets_expected, packets_lost
        uint64_t duplicates, reordered, late, discarded
        uint64_t invalid, foreign, ssrc_changes, dtmf_received
        uint64_t jitter_us, jitter_max_us
        uint64_t srtp_forged, srtp_replayed, srtp_errors
        uint32_t sample_rate
        uint64_t samples_played, samples_concealed, samples_bridged, samples_recovered, samples_inserted, samples_removed
        int64_t buffer_us, buffer_mean_us, buffer_max_us, buffer_target_us, buffer_delay_us
        uint64_t resets
        uint64_t bursts, burst_packets, burst_lost, gap_packets, gap_lost, loss_runs
        bint clock_skew_known
        int64_t clock_skew_ppm
        uint64_t rtcp_sent, rtcp_received, rtcp_invalid
        int64_t round_trip_us, round_trip_max_us
        int64_t remote_packets_lost, remote_fraction_lost, remote_jitter_us
        int64_t remote_xr_loss, remote_xr_discard, remote_xr_burst_density, remote_xr_gap_density
        int64_t remote_xr_burst_ms, remote_xr_gap_ms, remote_xr_delay_ms
        int64_t remote_xr_r_factor, remote_xr_mos_lq, remote_xr_mos_cq
        uint64_t ticks, ticks_late, ticks_skipped
        double sent_power, received_power

    void ms_stream_close(ms_stream_t *stream, ms_stream_statistics_t *last)
    uint32_t ms_stream_id(const ms_stream_t *stream)
    void ms_stream_address(const ms_stream_t *stream, bint rtcp, char *host, uint16_t *port)
    ms_status_t ms_stream_move(ms_stream_t *stream, const char *local_host, uint16_t port_first, uint16_t port_last)
    void ms_stream_get_statistics(const ms_stream_t *stream, ms_stream_statistics_t *statistics)

    ctypedef struct ms_srtp_t:
        pass
    ctypedef int (*ms_srtp_function_t)(void *context, void *packet, int *length)
    ctypedef struct ms_srtp_config_t:
        void *context
        int (*release)(void *context)
        ms_srtp_function_t rtp, rtcp
        uint8_t *mki
        uint8_t mki_length, mki_before, mki_before_rtcp

    ms_status_t ms_srtp_create(const ms_srtp_config_t *config, ms_srtp_t **srtp)
    void ms_srtp_free(ms_srtp_t *srtp)

    ctypedef struct ms_payload_t:
        const char *name
        uint8_t type
        uint32_t clock_rate
        uint8_t channels
        uint32_t sample_rate

    ctypedef struct ms_encoder_settings_t:
        uint32_t bitrate, playback_rate
        uint8_t complexity, expected_loss_percent
        bint redundancy, silence_suppression

    ctypedef struct ms_opus_library_t:
        int (*encoder_size)(int channels)
        int (*encoder_init)(void *encoder, int32_t rate, int channels, int application)
        int (*encoder_ctl)(void *encoder, int request, ...)
        int32_t (*encode)(void *encoder, const int16_t *pcm, int frame_size, unsigned char *packet, int32_t capacity)
        int (*decoder_size)(int channels)
        int (*decoder_init)(void *decoder, int32_t rate, int channels)
        int (*decode)(void *decoder, const unsigned char *packet, int32_t length, int16_t *pcm, int frame_size, int fec)

    ms_status_t ms_opus_install(const ms_opus_library_t *functions)
    bint ms_codec_available(const char *name, uint32_t clock_rate, uint8_t channels)

    ctypedef struct ms_stream_format_t:
        const char *remote_host
        uint16_t remote_port
        const char *remote_rtcp_host
        uint16_t remote_rtcp_port
        bint rtcp_mux, rtcp_reduced_size, rtcp_voip_metrics
        bint sending, receiving
        bint has_send
        ms_payload_t send
        uint16_t ptime_ms
        ms_encoder_settings_t encoder
        ms_payload_t *receive
        size_t receive_count
        int16_t telephone_event
        uint32_t telephone_event_rate
        bint srtp
        ms_srtp_t *srtp_send
        ms_srtp_t *srtp_receive

    ms_status_t ms_stream_configure(ms_stream_t *stream, const ms_stream_format_t *format)
    uint32_t ms_stream_sample_rate(const ms_stream_t *stream)
    ms_status_t ms_stream_set_echo(ms_stream_t *stream, bint on)
    ms_status_t ms_stream_set_mute(ms_stream_t *stream, bint on)
    ms_status_t ms_stream_set_gain(ms_stream_t *stream, double send, double receive)
    ms_status_t ms_stream_send_dtmf(ms_stream_t *stream, const char *digits, uint32_t duration_ms, uint32_t gap_ms)

    ms_status_t ms_pcm_load(const char *path, uint32_t rate, ms_pcm_t **pcm)
    ms_status_t ms_pcm_copy(const int16_t *samples, size_t length, uint32_t from_rate, uint32_t rate, ms_pcm_t **pcm)
    uint64_t ms_pcm_length(const ms_pcm_t *pcm)
    void ms_pcm_release(ms_pcm_t *pcm)

    ctypedef struct ms_tone_t:
        float *frequencies
        uint32_t frequency_count
        uint32_t on_ms, off_ms

    ms_status_t ms_stream_play(ms_stream_t *stream, ms_pcm_t *pcm, bint loop, uint32_t id)
    ms_status_t ms_stream_play_tones(ms_stream_t *stream, const ms_tone_t *tones, size_t count, bint loop, uint32_t id)
    ctypedef struct ms_feed_t:
        pass
    ms_status_t ms_stream_play_feed(ms_stream_t *stream, uint32_t capacity, uint32_t id, ms_feed_t **feed)
    uint32_t ms_feed_space(const ms_feed_t *feed)
    uint32_t ms_feed_waiting(const ms_feed_t *feed)
    uint32_t ms_feed_write(ms_feed_t *feed, const int16_t *samples, uint32_t n)
    uint32_t ms_feed_clear(ms_feed_t *feed)
    void ms_feed_end(ms_feed_t *feed)
    bint ms_feed_gone(const ms_feed_t *feed)
    uint64_t ms_feed_starved(const ms_feed_t *feed)
    void ms_feed_close(ms_feed_t *feed)
    ms_status_t ms_stream_pause_play(ms_stream_t *stream, uint32_t id, bint on)
    ms_status_t ms_stream_seek_play(ms_stream_t *stream, uint32_t id, uint64_t position)
    uint64_t ms_stream_played(const ms_stream_t *stream)
    ms_status_t ms_stream_stop_play(ms_stream_t *stream)
    ms_status_t ms_stream_record(ms_stream_t *stream, const char *path, bint stereo, uint32_t id)
    ms_status_t ms_stream_stop_record(ms_stream_t *stream)
    ms_status_t ms_stream_pause_record(ms_stream_t *stream, uint32_t id, bint on)
    ctypedef struct ms_recorder_t:
        pass
    ms_status_t ms_stream_record_samples(ms_stream_t *stream, bint stereo, uint32_t id, ms_recorder_t **recorder)
    uint32_t ms_recorder_read(ms_recorder_t *recorder, int16_t *samples, uint32_t n)
    bint ms_recorder_ended(const ms_recorder_t *recorder)
    void ms_recorder_finish(ms_recorder_t *recorder, int failure)

    ctypedef struct ms_mixer_t:
        pass
    ctypedef struct ms_member_t:
        pass
    ctypedef struct ms_mixer_statistics_t:
        uint32_t members
        uint64_t ticks, skipped, work_ns
        double power
    ctypedef struct ms_member_settings_t:
        double talk_gain, hear_gain
        bint muted, deaf
    ctypedef struct ms_member_statistics_t:
        double power
        uint64_t starved, trimmed, starved_out, trimmed_out

    ms_status_t ms_mixer_open(ms_engine_t *engine, uint32_t rate, ms_mixer_t **mixer)
    void ms_mixer_close(ms_mixer_t *mixer)
    uint32_t ms_mixer_id(const ms_mixer_t *mixer)
    void ms_mixer_get_statistics(const ms_mixer_t *mixer, ms_mixer_statistics_t *statistics)
    ms_status_t ms_mixer_join(ms_mixer_t *mixer, ms_stream_t *stream, ms_member_t **member)
    void ms_member_leave(ms_member_t *member, ms_mixer_t *mixer, ms_stream_t *stream)
    ms_status_t ms_member_set(ms_member_t *member, const ms_member_settings_t *settings)
    void ms_member_get_statistics(const ms_member_t *member, ms_member_statistics_t *statistics)
    ms_status_t ms_mixer_play(ms_mixer_t *mixer, ms_pcm_t *pcm, bint loop, uint32_t id)
    ms_status_t ms_mixer_stop_play(ms_mixer_t *mixer)
    ms_status_t ms_mixer_record(ms_mixer_t *mixer, const char *path, uint32_t id)
    ms_status_t ms_mixer_stop_record(ms_mixer_t *mixer)
    ms_status_t ms_mixer_pause_record(ms_mixer_t *mixer, uint32_t id, bint on)
    ms_status_t ms_mixer_record_samples(ms_mixer_t *mixer, uint32_t id, ms_recorder_t **recorder)
    ms_status_t ms_stream_bridge(ms_stream_t *a, ms_stream_t *b)
    ms_status_t ms_stream_unbridge(ms_stream_t *stream)

    ctypedef struct ms_dtmf_detector_t:
        pass
    ms_status_t ms_dtmf_detector_open(uint32_t rate, ms_dtmf_detector_t **detector)
    void ms_dtmf_detector_close(ms_dtmf_detector_t *detector)
    size_t ms_dtmf_detector_process(ms_dtmf_detector_t *detector, const int16_t *samples, size_t n, char *digit,
                                    uint32_t *duration_ms)
    ms_status_t ms_stream_detect_dtmf(ms_stream_t *stream, bint on)

    ctypedef struct ms_heard_t:
        int kind
        uint32_t since_ms, duration_ms, frequency
    ctypedef struct ms_listener_t:
        pass
    ms_status_t ms_listener_open(uint32_t rate, uint32_t hangover_ms, ms_listener_t **listener)
    void ms_listener_close(ms_listener_t *listener)
    size_t ms_listener_process(ms_listener_t *listener, const int16_t *samples, size_t n, ms_heard_t *heard)
    ms_status_t ms_stream_listen(ms_stream_t *stream, bint on, uint32_t hangover_ms)

    ms_status_t ms_stream_open_tap(ms_stream_t *stream, uint32_t capacity, ms_tap_t **tap)
    ms_status_t ms_stream_open_packet_log(ms_stream_t *stream, uint32_t capacity, ms_packet_log_t **log)
    void ms_packet_log_close(ms_packet_log_t *log, ms_stream_t *stream)
    bint ms_packet_log_next(ms_packet_log_t *log, ms_packet_record_t *record, uint8_t *datagram, size_t room)
    uint64_t ms_packet_log_dropped(const ms_packet_log_t *log)
    void ms_tap_close(ms_tap_t *tap, ms_stream_t *stream)
    uint32_t ms_tap_readable(const ms_tap_t *tap)
    uint32_t ms_tap_space(const ms_tap_t *tap)
    uint32_t ms_tap_unplayed(const ms_tap_t *tap)
    uint32_t ms_tap_read(ms_tap_t *tap, int16_t *samples, uint32_t n)
    uint32_t ms_tap_write(ms_tap_t *tap, const int16_t *samples, uint32_t n)
    uint32_t ms_tap_clear(ms_tap_t *tap)
    uint64_t ms_tap_dropped(const ms_tap_t *tap)
    uint64_t ms_tap_starved(const ms_tap_t *tap)

    ctypedef struct ms_device_t:
        pass
    ctypedef struct ms_device_config_t:
        bint capture
        uint32_t device_rate
        uint32_t channels
        uint32_t stream_rate
        uint32_t margin_ms
    ctypedef struct ms_device_statistics_t:
        bint running
        uint64_t callbacks
        uint64_t host_faults
        uint64_t missing
        uint64_t dropped
        uint64_t cut
        int64_t delay_us
        int64_t latency_us
        int64_t margin_us
        int64_t correction_ppb
        int64_t quiet_us
        double power
    ms_status_t ms_device_open(const ms_device_config_t *config, ms_device_t **device)
    int ms_device_callback(const void *input, void *output, unsigned long frames, const void *time_info,
                           unsigned long flags, void *device)
    ms_status_t ms_stream_set_device(ms_stream_t *stream, ms_device_t *device)
    void ms_device_close(ms_device_t *device, ms_stream_t *stream)
    void ms_device_get_statistics(const ms_device_t *device, ms_device_statistics_t *statistics)

    ms_status_t ms_resampler_open(uint32_t from_rate, uint32_t to_rate, ms_resampler_t **resampler)
    void ms_resampler_close(ms_resampler_t *resampler)
    void ms_resampler_reset(ms_resampler_t *resampler)
    size_t ms_resampler_bound(const ms_resampler_t *resampler, size_t n)
    size_t ms_resampler_process(ms_resampler_t *resampler, const int16_t *samples, size_t n, int16_t *out)
