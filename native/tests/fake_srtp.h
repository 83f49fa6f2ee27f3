/* A library with the form of libsrtp, for tests: an exclusive or for a cipher, a checksum for a tag, a window of one. */
#ifndef MICROSIP_TESTS_FAKE_SRTP_H
#define MICROSIP_TESTS_FAKE_SRTP_H

#include "srtp.h"

#include <stdlib.h>
#include <string.h>

#define FAKE_TAG 10

typedef struct fake_context {
    uint8_t key;
    int last;          /* sequence number opened last, -1: none */
    bool broken;
    bool unauthenticated; /* lets everything in, for what lies behind the check */
    int *released;
} fake_context_t;

static inline uint8_t fake_sum(const uint8_t *packet, int length, uint8_t key) {
    uint8_t sum = key;
    for (int i = 0; i < length; i++)
        sum = (uint8_t)(sum * 31 + packet[i]);
    return sum;
}

static inline int fake_protect(void *context, void *octets, int *length) {
    const fake_context_t *fake = context;
    uint8_t *packet = octets;
    if (fake->broken)
        return 1;
    for (int i = 8; i < *length; i++)
        packet[i] ^= fake->key;
    memset(packet + *length, fake_sum(packet, *length, fake->key), FAKE_TAG);
    *length += FAKE_TAG;
    return 0;
}

static inline int fake_unprotect(void *context, void *octets, int *length) {
    fake_context_t *fake = context;
    uint8_t *packet = octets;
    int plain = *length - FAKE_TAG;
    if (fake->broken || plain < 0)
        return 1;
    for (int i = 0; i < FAKE_TAG && !fake->unauthenticated; i++)
        if (packet[plain + i] != fake_sum(packet, plain, fake->key))
            return 7;
    int sequence = plain >= 4 ? packet[2] << 8 | packet[3] : 0;
    if (sequence == fake->last && !fake->unauthenticated)
        return 9;
    fake->last = sequence;
    for (int i = 8; i < plain; i++)
        packet[i] ^= fake->key;
    *length = plain;
    return 0;
}

static inline int fake_release(void *context) {
    fake_context_t *fake = context;
    if (fake->released != NULL)
        ++*fake->released;
    free(fake);
    return 0;
}

static inline ms_srtp_t *fake_open(uint8_t key, bool receiving, int *released) {
    fake_context_t *fake = calloc(1, sizeof *fake);
    if (fake == NULL)
        abort();
    *fake = (fake_context_t){.key = key, .last = -1, .released = released};
    ms_srtp_function_t function = receiving ? fake_unprotect : fake_protect;
    ms_srtp_config_t config = {.context = fake, .release = fake_release, .rtp = function, .rtcp = function};
    ms_srtp_t *srtp;
    if (ms_srtp_create(&config, &srtp) != MS_OK)
        abort();
    return srtp;
}

#endif
