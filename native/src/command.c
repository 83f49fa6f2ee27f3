/* Commands and what they bring along, made by callers. */
#include "command.h"

#include "stream.h"

#include <stdlib.h>

static void free_node(ms_node_t *node) { free(node); }

static void free_command(ms_node_t *node) {
    ms_command_t *command = (ms_command_t *)node;
    if (command->kind == MS_COMMAND_CONFIGURE)
        free(command->as.settings);
    if (command->kind == MS_COMMAND_MOVE)
        ms_udp_close_pair(&command->as.sockets);
    free(command);
}

ms_command_t *ms_command_create(ms_stream_t *stream, ms_command_kind_t kind) {
    ms_command_t *command = calloc(1, sizeof *command);
    if (command != NULL) {
        command->node.dispose = free_command;
        command->kind = kind;
        command->stream = stream;
    }
    return command;
}

void ms_command_submit_to(ms_shard_t *shard, ms_command_t *command) {
    ms_mpsc_push(&shard->commands, &command->node);
    ms_waker_ring(&shard->waker);
}

/* The shard is looked up before the push: then the stream may be gone at any time. */
void ms_command_submit(ms_command_t *command) { ms_command_submit_to(command->stream->shard, command); }

/* 800 ms of G.711; of what sounds better as many ms of 16-bit samples, half of them where they are very many. */
static uint32_t payload_bytes_for(uint32_t sample_rate) {
    if (sample_rate <= 8000)
        return 0; /* the buffer's own choice */
    return sample_rate <= 16000 ? sample_rate * 2 * 8 / 10 : sample_rate * 2 * 4 / 10;
}

ms_status_t ms_playout_create(const ms_jb_config_t *wanted, uint32_t sample_rate, uint32_t decoder_bytes,
                              ms_playout_t **out) {
    ms_jb_config_t config = *wanted;
    uint32_t least = (uint32_t)ms_codec_decoder_size();
    config.sample_rate = sample_rate;
    config.payload_bytes = payload_bytes_for(sample_rate);
    config.decoder_bytes = decoder_bytes > least ? decoder_bytes : least;
    size_t size = ms_jb_size(&config);
    if (size == 0)
        return MS_EINVAL;
    ms_playout_t *playout = calloc(1, sizeof *playout + size);
    if (playout == NULL)
        return MS_ENOMEM;
    playout->node.dispose = free_node;
    playout->sample_rate = sample_rate;
    playout->decoder_bytes = config.decoder_bytes;
    ms_status_t status = ms_jb_init(playout->memory, size, &config, &playout->jb);
    if (status == MS_OK)
        *out = playout;
    else
        free(playout);
    return status;
}

ms_status_t ms_encoder_create(const ms_codec_t *codec, const ms_encoder_settings_t *settings, ms_encoder_t **out) {
    ms_encoder_t *encoder = calloc(1, sizeof *encoder + codec->encoder_size);
    if (encoder == NULL)
        return MS_ENOMEM;
    encoder->node.dispose = free_node;
    encoder->codec = codec;
    if (codec->encoder_init != NULL)
        codec->encoder_init(encoder->state);
    if (codec->encoder_set != NULL)
        codec->encoder_set(encoder->state, settings);
    *out = encoder;
    return MS_OK;
}
