/* Any octets as sound, in pieces of any length and at any rate: what is heard is in the past, and speech ends before it
   begins again. */
#include "listener.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ms_listener_t *listener;
    ms_heard_t heard;
    int16_t samples[256];
    bool talking = false;
    uint64_t total = 0;
    if (size < 2)
        return 0;
    uint32_t rate = 8000 + 157 * (uint32_t)data[0];
    if (ms_listener_open(rate, 50 + data[1], &listener) != MS_OK)
        abort();
    for (data += 2, size -= 2; size >= 2;) {
        size_t n = 1 + data[0] % 255, at = 0;
        n = n < size / 2 ? n : size / 2;
        memcpy(samples, data, n * sizeof *samples);
        total += n;
        do {
            at += ms_listener_process(listener, samples + at, n - at, &heard);
            bool starts = heard.kind == MS_HEARD_SPEECH_STARTED, ends = heard.kind == MS_HEARD_SPEECH_ENDED;
            if ((starts && talking) || (ends && !talking) || heard.frequency > 4000)
                abort();
            if (heard.kind != MS_HEARD_NOTHING && heard.since_ms > total * 1000 / rate + 100)
                abort();
            talking = starts || (talking && !ends);
        } while (heard.kind != MS_HEARD_NOTHING);
        if (at != n)
            abort();
        data += 2 * n;
        size -= 2 * n;
    }
    ms_listener_close(listener);
    return 0;
}
