/* Between a codec's sample rate and the one a call's sources and sinks were opened with, when a re-INVITE has changed
   the codec. */
#ifndef MS_CONVERTER_H
#define MS_CONVERTER_H

#include "microsip_media.h"
#include "mpsc_list.h"

typedef struct ms_converter {
    ms_node_t node;
    ms_resampler_t *receive, *send;
} ms_converter_t;

ms_status_t ms_converter_create(uint32_t codec_rate, uint32_t audio_rate, ms_converter_t **converter);
void ms_converter_free(ms_converter_t *converter);

/* A whole frame at a time; `out` has room for one sample more than `wanted`. */
void ms_converter_run(ms_resampler_t *resampler, const int16_t *in, uint32_t n, int16_t *out, uint32_t wanted);

#endif
