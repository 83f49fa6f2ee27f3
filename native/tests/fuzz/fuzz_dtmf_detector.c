/* Any octets as sound, in pieces of any length and at any rate: digits are digits, and no more than there is time for. */
#include "dtmf_detector.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ms_dtmf_detector_t *detector;
    ms_dtmf_inband_t heard;
    int16_t samples[256];
    size_t digits = 0, total = 0;
    if (size < 2)
        return 0;
    uint32_t rate = 8000 + 500 * (uint32_t)(data[0] % 81);
    if (ms_dtmf_detector_open(rate, &detector) != MS_OK)
        abort();
    for (data++, size--; size >= 2;) {
        size_t n = 1 + data[0] % 255;
        n = n < size / 2 ? n : size / 2;
        memcpy(samples, data, n * sizeof *samples);
        for (size_t at = 0; at < n;) {
            at += ms_dtmf_detector_take(detector, samples + at, n - at, &heard);
            if (heard.digit != '\0' && strchr("0123456789*#ABCD", heard.digit) == NULL)
                abort();
            digits += heard.digit != '\0';
        }
        total += n;
        data += 2 * n;
        size -= 2 * n;
    }
    if (digits * rate / 50 > total || detector->position != total)
        abort();
    ms_dtmf_detector_close(detector);
    return 0;
}
