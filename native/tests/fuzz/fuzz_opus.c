/* Any octets as an Opus packet: what is read off it before libopus sees it. */
#include "codecs/opus.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *packet = malloc(size + 1); /* exactly as long, so that a read past the end is seen */
    if (packet == NULL)
        abort();
    memcpy(packet, data, size);
    for (size_t length = 0; length <= size && length <= 8; length++) {
        size_t wide = ms_opus_samples(packet + size - length, length, 16000);
        if (wide > 120 * 16 || ms_opus_samples(packet + size - length, length, 48000) != 3 * wide)
            abort();
        ms_opus_has_redundancy(packet + size - length, length);
    }
    free(packet);
    return 0;
}
