/* The packets waiting in a jitter buffer: still encoded, in playing order, in memory given once. */
#ifndef MS_PACKET_STORE_H
#define MS_PACKET_STORE_H

#include <stddef.h>
#include <stdint.h>

/* Payloads differ much in size (10 to 60 ms, 8 to 192 octets a millisecond), so they lie in chains of small blocks. */
#define MS_STORE_BLOCK 80u /* octets of payload in a block: 10 ms of G.711 */

typedef struct ms_stored_packet {
    int64_t position;   /* of the first sample, on the buffer's time line */
    int64_t sequence;   /* extended */
    int64_t arrival_us;
    uint32_t samples;   /* 0 for comfort noise */
    uint32_t timestamp; /* as received */
    uint16_t length;    /* octets */
    uint16_t block;     /* first of the chain */
    uint8_t payload_type;
    uint8_t marker;
} ms_stored_packet_t;

typedef struct ms_packet_store {
    ms_stored_packet_t *packets; /* [0] plays first */
    uint8_t *octets;
    uint16_t *next;              /* chain of blocks */
    uint16_t count, capacity;
    uint16_t free_block, free_blocks, blocks;
} ms_packet_store_t;

size_t ms_store_size(uint16_t packets, uint32_t octets);
void ms_store_init(ms_packet_store_t *store, void *memory, uint16_t packets, uint32_t octets);
void ms_store_clear(ms_packet_store_t *store);

typedef enum ms_store_result { MS_STORE_ADDED, MS_STORE_DUPLICATE, MS_STORE_FULL } ms_store_result_t;

/* Put a packet in its place (by position, then sequence); the same sequence number twice is a duplicate. */
ms_store_result_t ms_store_insert(ms_packet_store_t *store, const ms_stored_packet_t *packet, const uint8_t *payload);

/* Copy the payload of packet `index` into at least `length` octets. */
void ms_store_copy(const ms_packet_store_t *store, size_t index, uint8_t *payload);

void ms_store_remove_first(ms_packet_store_t *store, size_t count);

#endif
