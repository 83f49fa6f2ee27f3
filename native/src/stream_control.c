/* What callers ask of a stream: checked here, carried out as commands at the tick. */
#include "engine.h"
#include "stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DTMF_DURATION_MIN_MS 40
#define DTMF_GAP_MIN_MS 20
#define DTMF_MAX_MS 5000
#define GAIN_MAX 8.0
#define PTIME_MAX_MS 60
#define TONE_MAX_MS 3600000

/* ---- negotiation */

static ms_status_t look_up(const ms_payload_t *payload, const ms_codec_t **codec) {
    if (payload->type > 127 || payload->name == NULL)
        return MS_EINVAL;
    *codec = ms_codec_find_rate(payload->name, payload->clock_rate, payload->channels, payload->sample_rate);
    return *codec == NULL ? MS_ENOTSUP : MS_OK;
}

static ms_status_t fill_addresses(const ms_stream_t *stream, const ms_stream_format_t *format,
                                  ms_settings_t *settings) {
    if (format->remote_host == NULL)
        return MS_OK;
    ms_status_t status = ms_address_parse(format->remote_host, format->remote_port, &settings->remote);
    if (status != MS_OK)
        return status;
    if (settings->remote.any.sa_family != stream->caller_rtp.any.sa_family || format->remote_port == 0)
        return MS_EINVAL;
    const char *host = format->remote_rtcp_host != NULL ? format->remote_rtcp_host : format->remote_host;
    uint16_t port = format->remote_rtcp_port != 0 ? format->remote_rtcp_port : (uint16_t)(format->remote_port + 1);
    status = ms_address_parse(host, port, &settings->remote_rtcp);
    if (status == MS_OK && settings->remote_rtcp.any.sa_family != settings->remote.any.sa_family)
        status = MS_EINVAL;
    return status;
}

static ms_status_t fill_codecs(const ms_stream_format_t *format, ms_settings_t *settings, const ms_codec_t **send) {
    if (format->receive_count > MS_PAYLOADS_MAX || format->telephone_event > 127)
        return MS_EINVAL;
    for (size_t i = 0; i < format->receive_count; i++) {
        ms_status_t status = look_up(&format->receive[i], &settings->receive.codecs[i]);
        if (status != MS_OK)
            return status;
        settings->receive.types[i] = format->receive[i].type;
    }
    settings->receive.count = (uint8_t)format->receive_count;
    if (!format->has_send)
        return MS_OK;
    ms_status_t status = look_up(&format->send, send);
    if (status == MS_OK && ((*send)->kind != MS_CODEC_AUDIO || (*send)->encode == NULL))
        status = MS_ENOTSUP;
    if (format->ptime_ms < 10 || format->ptime_ms > PTIME_MAX_MS || format->ptime_ms % 10 != 0)
        status = MS_EINVAL;
    return status;
}

/* The audio rate: the sent codec's, or that of the first received one. */
static uint32_t rate_of(const ms_stream_t *stream, const ms_settings_t *settings, const ms_codec_t *send) {
    if (send != NULL)
        return send->sample_rate;
    for (uint32_t i = 0; i < settings->receive.count; i++)
        if (settings->receive.codecs[i]->kind == MS_CODEC_AUDIO)
            return settings->receive.codecs[i]->sample_rate;
    return stream->caller_sample_rate;
}

static uint32_t decoder_bytes_for(const ms_settings_t *settings) {
    size_t most = 0;
    for (uint32_t i = 0; i < settings->receive.count; i++)
        if (settings->receive.codecs[i]->decoder_size > most)
            most = settings->receive.codecs[i]->decoder_size;
    return (uint32_t)most;
}

static ms_status_t fill_settings(ms_stream_t *stream, const ms_stream_format_t *format, ms_settings_t *settings) {
    const ms_codec_t *send = NULL;
    ms_status_t status = fill_addresses(stream, format, settings);
    if (status == MS_OK)
        status = fill_codecs(format, settings, &send);
    if (status != MS_OK)
        return status;
    settings->sending = format->sending;
    settings->receiving = format->receiving;
    settings->silence_suppression = format->encoder.silence_suppression;
    settings->rtcp_mux = format->rtcp_mux;
    settings->rtcp_reduced_size = format->rtcp_reduced_size;
    settings->rtcp_voip_metrics = format->rtcp_voip_metrics;
    settings->send_type = format->send.type;
    settings->ptime_ms = format->has_send ? format->ptime_ms : MS_PTIME_DEFAULT_MS;
    settings->telephone_event = format->telephone_event;
    settings->telephone_event_rate = format->telephone_event_rate;
    settings->srtp = format->srtp;
    if (format->srtp && !stream->caller_srtp && (format->srtp_send == NULL || format->srtp_receive == NULL))
        return MS_EINVAL;
    settings->sample_rate = rate_of(stream, settings, send);
    if (send != NULL)
        status = ms_encoder_create(send, &format->encoder, &settings->encoder);
    uint32_t decoder_bytes = decoder_bytes_for(settings);
    if (status == MS_OK &&
        (settings->sample_rate != stream->caller_sample_rate || decoder_bytes > stream->caller_decoder_bytes))
        status = ms_playout_create(&stream->buffer_config, settings->sample_rate, decoder_bytes, &settings->playout);
    /* what has been opened at a rate stays at it: a recording does not change its speed */
    settings->audio_rate = stream->caller_attached ? stream->caller_audio_rate : settings->sample_rate;
    if (status == MS_OK && settings->audio_rate != settings->sample_rate)
        status = ms_converter_create(settings->sample_rate, settings->audio_rate, &settings->converter);
    if (status != MS_OK) {
        free(settings->encoder);
        free(settings->playout);
    }
    return status;
}

ms_status_t ms_stream_configure(ms_stream_t *stream, const ms_stream_format_t *format) {
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_CONFIGURE);
    if (command == NULL)
        return MS_ENOMEM;
    command->as.settings = calloc(1, sizeof *command->as.settings);
    ms_status_t status = command->as.settings == NULL ? MS_ENOMEM : fill_settings(stream, format, command->as.settings);
    if (status != MS_OK) {
        command->node.dispose(&command->node);
        return status;
    }
    stream->caller_sample_rate = command->as.settings->sample_rate;
    stream->caller_audio_rate = command->as.settings->audio_rate;
    stream->caller_dtmf = format->telephone_event >= 0;
    stream->caller_srtp = format->srtp;
    if (command->as.settings->playout != NULL)
        stream->caller_decoder_bytes = command->as.settings->playout->decoder_bytes;
    command->as.settings->srtp_send = format->srtp ? format->srtp_send : NULL;
    command->as.settings->srtp_receive = format->srtp ? format->srtp_receive : NULL;
    ms_command_submit(command);
    return MS_OK;
}

/* ---- sources and sinks */

static ms_status_t submit_flag(ms_stream_t *stream, ms_command_kind_t kind, bool on) {
    ms_command_t *command = ms_command_create(stream, kind);
    if (command == NULL)
        return MS_ENOMEM;
    command->as.on = on;
    ms_command_submit(command);
    return MS_OK;
}

ms_status_t ms_stream_set_echo(ms_stream_t *stream, bool on) { return submit_flag(stream, MS_COMMAND_ECHO, on); }

ms_status_t ms_stream_set_mute(ms_stream_t *stream, bool on) { return submit_flag(stream, MS_COMMAND_MUTE, on); }

ms_status_t ms_stream_set_gain(ms_stream_t *stream, double send, double receive) {
    if (!(send >= 0.0 && send <= GAIN_MAX && receive >= 0.0 && receive <= GAIN_MAX))
        return MS_EINVAL;
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_GAIN);
    if (command == NULL)
        return MS_ENOMEM;
    command->as.gain.send = (int32_t)lrint(send * MS_GAIN_ONE);
    command->as.gain.receive = (int32_t)lrint(receive * MS_GAIN_ONE);
    ms_command_submit(command);
    return MS_OK;
}

ms_status_t ms_stream_send_dtmf(ms_stream_t *stream, const char *digits, uint32_t duration_ms, uint32_t gap_ms) {
    size_t count = strlen(digits);
    if (count == 0 || duration_ms < DTMF_DURATION_MIN_MS || duration_ms > DTMF_MAX_MS || gap_ms < DTMF_GAP_MIN_MS ||
        gap_ms > DTMF_MAX_MS)
        return MS_EINVAL;
    if (!stream->caller_dtmf)
        return MS_ESTATE;
    if (stream->caller_digits + count - ms_stream_digits_done(stream) > MS_DTMF_QUEUE)
        return MS_ELIMIT;
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_DTMF);
    if (command == NULL)
        return MS_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int code = ms_dtmf_code(digits[i]);
        if (code < 0) {
            command->node.dispose(&command->node);
            return MS_EINVAL;
        }
        command->as.digits.codes[i] = (uint8_t)code;
    }
    stream->caller_digits += count;
    command->as.digits.count = (uint8_t)count;
    command->as.digits.duration_ms = (uint16_t)duration_ms;
    command->as.digits.gap_ms = (uint16_t)gap_ms;
    ms_command_submit(command);
    return MS_OK;
}

/* Takes over the playback. */
static ms_status_t submit_playback(ms_stream_t *stream, ms_playback_t *playback) {
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_PLAY);
    if (command == NULL) {
        if (playback != NULL)
            ms_playback_close(playback);
        return MS_ENOMEM;
    }
    command->as.playback = playback;
    stream->caller_attached = true;
    ms_command_submit(command);
    return MS_OK;
}

ms_status_t ms_stream_play(ms_stream_t *stream, ms_pcm_t *pcm, bool loop, uint32_t id) {
    ms_playback_t *playback = NULL;
    ms_status_t status = ms_playback_open_clip(pcm, loop, id, &playback);
    return status == MS_OK ? submit_playback(stream, playback) : status;
}

ms_status_t ms_stream_play_tones(ms_stream_t *stream, const ms_tone_t *tones, size_t count, bool loop, uint32_t id) {
    ms_playback_t *playback = NULL;
    for (size_t i = 0; i < count && i < MS_TONE_STEPS; i++)
        if (tones[i].on_ms > TONE_MAX_MS || tones[i].off_ms > TONE_MAX_MS)
            return MS_EINVAL;
    ms_status_t status = ms_playback_open_tones(tones, count, stream->caller_audio_rate, loop, id, &playback);
    return status == MS_OK ? submit_playback(stream, playback) : status;
}

ms_status_t ms_stream_stop_play(ms_stream_t *stream) { return submit_playback(stream, NULL); }

ms_status_t ms_stream_play_feed(ms_stream_t *stream, uint32_t capacity, uint32_t id, ms_feed_t **feed) {
    ms_playback_t *playback = NULL;
    *feed = NULL;
    ms_status_t status = ms_playback_open_feed(capacity, id, &playback);
    if (status != MS_OK)
        return status;
    ms_feed_t *made = playback->feed; /* the playback is the shard's in a moment */
    status = submit_playback(stream, playback);
    if (status == MS_OK)
        *feed = made;
    else
        ms_feed_close(made);
    return status;
}

static ms_status_t submit_pause(ms_stream_t *stream, ms_command_kind_t kind, uint32_t id, bool on) {
    ms_command_t *command = ms_command_create(stream, kind);
    if (command == NULL)
        return MS_ENOMEM;
    command->as.play.id = id;
    command->as.play.paused = on;
    ms_command_submit(command);
    return MS_OK;
}

ms_status_t ms_stream_pause_play(ms_stream_t *stream, uint32_t id, bool on) {
    return submit_pause(stream, MS_COMMAND_PAUSE, id, on);
}

ms_status_t ms_stream_seek_play(ms_stream_t *stream, uint32_t id, uint64_t position) {
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_SEEK);
    if (command == NULL)
        return MS_ENOMEM;
    command->as.play.id = id;
    command->as.play.position = position;
    ms_command_submit(command);
    return MS_OK;
}

uint64_t ms_stream_played(const ms_stream_t *stream) {
    return atomic_load_explicit(&stream->played, memory_order_relaxed);
}

static ms_status_t record(ms_stream_t *stream, const char *path, bool stereo, uint32_t id, ms_recorder_t **recorder) {
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_RECORD);
    if (command == NULL)
        return MS_ENOMEM;
    ms_status_t status = ms_recorder_open(&stream->engine->writer, path, stereo, stream->caller_audio_rate, id,
                                          stream->id, &command->as.recorder);
    if (status != MS_OK) {
        command->node.dispose(&command->node);
        return status;
    }
    *recorder = command->as.recorder;
    stream->caller_attached = true;
    ms_command_submit(command);
    return MS_OK;
}

ms_status_t ms_stream_record(ms_stream_t *stream, const char *path, bool stereo, uint32_t id) {
    ms_recorder_t *recorder;
    return path == NULL ? MS_EINVAL : record(stream, path, stereo, id, &recorder);
}

ms_status_t ms_stream_record_samples(ms_stream_t *stream, bool stereo, uint32_t id, ms_recorder_t **recorder) {
    *recorder = NULL;
    return record(stream, NULL, stereo, id, recorder);
}

ms_status_t ms_stream_pause_record(ms_stream_t *stream, uint32_t id, bool on) {
    return submit_pause(stream, MS_COMMAND_PAUSE_RECORD, id, on);
}

ms_status_t ms_stream_stop_record(ms_stream_t *stream) {
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_RECORD);
    if (command == NULL)
        return MS_ENOMEM;
    ms_command_submit(command);
    return MS_OK;
}

ms_status_t ms_stream_detect_dtmf(ms_stream_t *stream, bool on) {
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_DETECT);
    ms_status_t status = command == NULL ? MS_ENOMEM : MS_OK;
    if (status == MS_OK && on)
        status = ms_dtmf_detector_open(stream->caller_audio_rate, &command->as.detector);
    if (status != MS_OK) {
        free(command);
        return status;
    }
    stream->caller_attached |= on;
    ms_command_submit(command);
    return MS_OK;
}

ms_status_t ms_stream_listen(ms_stream_t *stream, bool on, uint32_t hangover_ms) {
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_LISTEN);
    ms_status_t status = command == NULL ? MS_ENOMEM : MS_OK;
    if (status == MS_OK && on)
        status = ms_listener_open(stream->caller_audio_rate, hangover_ms, &command->as.listener);
    if (status != MS_OK) {
        free(command);
        return status;
    }
    stream->caller_attached |= on;
    ms_command_submit(command);
    return MS_OK;
}

ms_status_t ms_stream_open_tap(ms_stream_t *stream, uint32_t capacity, ms_tap_t **tap) {
    *tap = NULL;
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_TAP);
    if (command == NULL)
        return MS_ENOMEM;
    ms_status_t status = ms_tap_create(capacity, tap);
    if (status != MS_OK) {
        command->node.dispose(&command->node);
        return status;
    }
    command->as.tap = *tap;
    stream->caller_attached = true;
    ms_command_submit(command);
    return MS_OK;
}

ms_status_t ms_stream_open_packet_log(ms_stream_t *stream, uint32_t capacity, ms_packet_log_t **log) {
    *log = NULL;
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_LOG);
    if (command == NULL)
        return MS_ENOMEM;
    ms_status_t status = ms_packet_log_create(capacity, log);
    if (status != MS_OK) {
        command->node.dispose(&command->node);
        return status;
    }
    command->as.packet_log = *log;
    ms_command_submit(command);
    return MS_OK;
}

void ms_packet_log_close(ms_packet_log_t *log, ms_stream_t *stream) {
    ms_command_t *command = stream == NULL ? NULL : ms_command_create(stream, MS_COMMAND_UNLOG);
    if (command != NULL) { /* else the stream lets go when it ends, or has already */
        command->as.packet_log = log;
        ms_command_submit(command);
    }
    ms_packet_log_let_go(log);
}

void ms_tap_close(ms_tap_t *tap, ms_stream_t *stream) {
    ms_command_t *command = stream == NULL ? NULL : ms_command_create(stream, MS_COMMAND_UNTAP);
    if (command != NULL) { /* else the stream lets go when it ends, or has already */
        command->as.tap = tap;
        ms_command_submit(command);
    }
    ms_tap_let_go(tap);
}
