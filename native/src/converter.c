/* Between a codec's sample rate and that of a call's sources and sinks. */
#include "converter.h"

#include <stdlib.h>
#include <string.h>

void ms_converter_free(ms_converter_t *converter) {
    if (converter == NULL)
        return;
    ms_resampler_close(converter->receive);
    ms_resampler_close(converter->send);
    free(converter);
}

static void dispose(ms_node_t *node) { ms_converter_free((ms_converter_t *)node); }

ms_status_t ms_converter_create(uint32_t codec_rate, uint32_t audio_rate, ms_converter_t **out) {
    ms_converter_t *converter = calloc(1, sizeof *converter);
    if (converter == NULL)
        return MS_ENOMEM;
    converter->node.dispose = dispose;
    ms_status_t status = ms_resampler_open(codec_rate, audio_rate, &converter->receive);
    if (status == MS_OK)
        status = ms_resampler_open(audio_rate, codec_rate, &converter->send);
    if (status == MS_OK)
        *out = converter;
    else
        ms_converter_free(converter);
    return status;
}

/* Frames are whole milliseconds and rates multiples of 1000 Hz, so that as many samples come out as are wanted. */
void ms_converter_run(ms_resampler_t *resampler, const int16_t *in, uint32_t n, int16_t *out, uint32_t wanted) {
    size_t made = ms_resampler_process(resampler, in, n, out);
    if (made < wanted)
        memset(out + made, 0, (wanted - made) * sizeof *out);
}
