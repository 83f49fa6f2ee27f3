/* Any octets as a day in the life of a jitter buffer: its configuration, packets, pauses and pulls. */
#include "jitter_buffer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SAMPLES_MAX 2880

typedef struct input { const uint8_t *data; size_t left; } input_t;

static uint32_t take(input_t *in, size_t octets) {
    uint32_t value = 0;
    for (; octets > 0 && in->left > 0; octets--, in->left--)
        value = value << 8 | *in->data++;
    return value;
}

static void map_payloads(ms_jb_t *jb) {
    static const struct { uint8_t type; const char *name; uint32_t clock; uint8_t channels; } MAP[] = {
        {96, "L16", 8000, 1}, {97, "L16", 16000, 1}, {98, "L16", 48000, 2}, {101, "telephone-event", 8000, 1}};
    for (size_t i = 0; i < sizeof MAP / sizeof *MAP; i++)
        ms_jb_set_payload(jb, MAP[i].type, ms_codec_find(MAP[i].name, MAP[i].clock, MAP[i].channels));
}

static ms_jb_t *open_buffer(input_t *in, uint32_t *rate, void **memory) {
    static const uint32_t RATES[] = {8000, 8000, 16000, 48000};
    ms_jb_config_t config = {.sample_rate = RATES[take(in, 1) % 4], .max_delay_ms = (uint16_t)(20 + take(in, 1) * 3),
                             .max_packets = (uint16_t)(1 + take(in, 1) % 64), .payload_bytes = 80 + take(in, 1) * 40,
                             .initial_delay_ms = (uint16_t)take(in, 1)};
    ms_jb_t *jb = NULL;
    size_t need = ms_jb_size(&config);
    *rate = config.sample_rate;
    *memory = malloc(need > 0 ? need : 1);
    if (*memory == NULL || need == 0 || ms_jb_init(*memory, need, &config, &jb) != MS_OK)
        abort();
    map_payloads(jb);
    return jb;
}

/* A packet of which the input says what is odd about it. */
static void push(ms_jb_t *jb, input_t *in, ms_jb_packet_t *last, int64_t now) {
    uint32_t oddity = take(in, 1);
    last->sequence = (uint16_t)(last->sequence + (oddity & 1 ? take(in, 2) : 1));
    last->timestamp += oddity & 2 ? take(in, 4) : 160;
    if (oddity & 4) last->payload_type = (uint8_t)take(in, 1);
    if (oddity & 8) last->ssrc = take(in, 1);
    size_t want = oddity & 16 ? take(in, 2) % 1500 : 160;
    uint8_t *payload = calloc(1, want > 0 ? want : 1);
    if (payload == NULL)
        abort();
    size_t given = want < in->left && (oddity & 32) ? want : 0;
    memcpy(payload, in->data, given);
    in->data += given, in->left -= given;
    last->payload = payload;
    last->length = want;
    if (ms_jb_push_packet(jb, last, now - (int64_t)(oddity & 64 ? take(in, 2) * 16 : 0)) > MS_JB_IGNORED)
        abort();
    free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input_t in = {data, size};
    uint32_t rate;
    void *memory;
    ms_jb_t *jb = open_buffer(&in, &rate, &memory);
    ms_jb_packet_t packet = {.ssrc = 1, .sequence = 65530, .timestamp = 4294967000U};
    int64_t now = 0;
    int16_t pcm[SAMPLES_MAX + 1];
    while (in.left > 0) {
        uint32_t what = take(&in, 1);
        size_t n = rate / 100;
        if (what < 128)
            push(jb, &in, &packet, now);
        else if (what < 160) /* the octets themselves as an RTP packet */
            ms_jb_push(jb, in.data, in.left < 40 ? in.left : 40, now);
        if (what % 4 == 1)
            n = 1 + take(&in, 2) % (rate * 60 / 1000);
        if (what == 255)
            now += (int64_t)take(&in, 4) * 1000;
        now += (int64_t)n * 1000000 / rate;
        ms_jb_info_t info;
        pcm[n] = 0x55;
        if (ms_jb_pull(jb, pcm, n, now, &info) != MS_OK || pcm[n] != 0x55 || info.kind > MS_JB_CONCEAL)
            abort();
    }
    free(memory);
    return 0;
}
