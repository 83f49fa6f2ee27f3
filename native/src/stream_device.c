/* A stream's microphone and loudspeaker: set, exchanged and let go. */
#include "engine.h"
#include "stream.h"

static void set_device(ms_device_t **place, ms_shard_t *shard, ms_device_t *device) {
    if (*place != NULL) {
        ms_device_halt(*place);
        ms_mpsc_push(&shard->engine->rubbish, &(*place)->node);
    }
    *place = device;
}

static ms_device_t **place_of(ms_stream_t *stream, const ms_device_t *device) {
    return device->config.capture ? &stream->microphone : &stream->speaker;
}

void ms_stream_take_device(ms_stream_t *stream, ms_shard_t *shard, ms_device_t *device) {
    set_device(place_of(stream, device), shard, device);
}

void ms_stream_drop_device(ms_stream_t *stream, ms_shard_t *shard, const ms_device_t *device) {
    if (*place_of(stream, device) == device) /* else it has been replaced already */
        set_device(place_of(stream, device), shard, NULL);
}

void ms_stream_drop_devices(ms_stream_t *stream, ms_shard_t *shard) {
    set_device(&stream->microphone, shard, NULL);
    set_device(&stream->speaker, shard, NULL);
}

ms_status_t ms_stream_set_device(ms_stream_t *stream, ms_device_t *device) {
    if (device->caller_attached)
        return MS_ESTATE;
    if (device->config.stream_rate != stream->caller_audio_rate)
        return MS_EINVAL;
    ms_command_t *command = ms_command_create(stream, MS_COMMAND_DEVICE);
    if (command == NULL)
        return MS_ENOMEM;
    command->as.device = device;
    device->caller_attached = true;
    stream->caller_attached = true;
    atomic_fetch_add(&device->owners, 1);
    ms_command_submit(command);
    return MS_OK;
}

void ms_device_close(ms_device_t *device, ms_stream_t *stream) {
    ms_command_t *command = stream == NULL || !device->caller_attached ? NULL
                                                                       : ms_command_create(stream, MS_COMMAND_UNDEVICE);
    if (command != NULL) { /* else the stream lets go when it ends, or has already */
        command->as.device = device;
        ms_command_submit(command);
    }
    ms_device_let_go(device);
}
