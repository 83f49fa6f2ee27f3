/* Big-endian numbers at any address. */
#ifndef MS_BYTE_ORDER_H
#define MS_BYTE_ORDER_H

#include <stdint.h>

static inline uint16_t ms_get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static inline uint32_t ms_get32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void ms_put16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void ms_put32(uint8_t *at, uint32_t value) {
    ms_put16(at, (uint16_t)(value >> 16));
    ms_put16(at + 2, (uint16_t)value);
}

#endif
