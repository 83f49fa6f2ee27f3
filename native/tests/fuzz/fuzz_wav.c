/* Any octets as a WAV file: parsed, and decoded where that works. */
#include "pcm_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ms_wav_t wav;
    if (ms_wav_parse(data, size, &wav) != MS_OK)
        return 0;
    if (wav.frames > size)
        abort();
    int16_t *samples = malloc((wav.frames + 1) * sizeof *samples);
    if (samples != NULL)
        ms_wav_decode(&wav, samples);
    free(samples);
    return 0;
}
