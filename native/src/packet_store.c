/* A sorted array of packet heads and a pool of payload blocks. */
#include "packet_store.h"

#include <string.h>

#define NO_BLOCK UINT16_MAX

static size_t block_count(uint32_t octets) {
    size_t blocks = (octets + MS_STORE_BLOCK - 1) / MS_STORE_BLOCK;
    return blocks < NO_BLOCK ? blocks : NO_BLOCK - 1u;
}

size_t ms_store_size(uint16_t packets, uint32_t octets) {
    size_t blocks = block_count(octets);
    return packets * sizeof(ms_stored_packet_t) + blocks * (sizeof(uint16_t) + MS_STORE_BLOCK);
}

void ms_store_init(ms_packet_store_t *store, void *memory, uint16_t packets, uint32_t octets) {
    store->packets = memory;
    store->capacity = packets;
    store->blocks = (uint16_t)block_count(octets);
    store->next = (uint16_t *)(void *)(store->packets + packets);
    store->octets = (uint8_t *)(store->next + store->blocks);
    ms_store_clear(store);
}

void ms_store_clear(ms_packet_store_t *store) {
    for (uint16_t i = 0; i < store->blocks; i++)
        store->next[i] = (uint16_t)(i + 1u < store->blocks ? i + 1u : NO_BLOCK);
    store->free_block = store->blocks > 0 ? 0 : NO_BLOCK;
    store->free_blocks = store->blocks;
    store->count = 0;
}

static uint16_t write_chain(ms_packet_store_t *store, const uint8_t *payload, size_t length) {
    uint16_t first = store->free_block, last = NO_BLOCK;
    for (size_t done = 0; done < length; done += MS_STORE_BLOCK) {
        size_t part = length - done < MS_STORE_BLOCK ? length - done : MS_STORE_BLOCK;
        last = store->free_block;
        memcpy(store->octets + (size_t)last * MS_STORE_BLOCK, payload + done, part);
        store->free_block = store->next[last];
        store->free_blocks--;
    }
    if (last == NO_BLOCK)
        return NO_BLOCK;
    store->next[last] = NO_BLOCK;
    return first;
}

ms_store_result_t ms_store_insert(ms_packet_store_t *store, const ms_stored_packet_t *packet, const uint8_t *payload) {
    size_t place = store->count;
    while (place > 0 && store->packets[place - 1].sequence >= packet->sequence) {
        if (store->packets[place - 1].sequence == packet->sequence)
            return MS_STORE_DUPLICATE;
        place--;
    }
    if (store->count == store->capacity || store->free_blocks < block_count(packet->length))
        return MS_STORE_FULL;
    ms_stored_packet_t *slot = store->packets + place;
    memmove(slot + 1, slot, (store->count - place) * sizeof *slot);
    *slot = *packet;
    slot->block = write_chain(store, payload, packet->length);
    store->count++;
    return MS_STORE_ADDED;
}

void ms_store_copy(const ms_packet_store_t *store, size_t index, uint8_t *payload) {
    const ms_stored_packet_t *packet = store->packets + index;
    uint16_t block = packet->block;
    for (size_t done = 0; done < packet->length; done += MS_STORE_BLOCK) {
        size_t part = packet->length - done < MS_STORE_BLOCK ? packet->length - done : MS_STORE_BLOCK;
        memcpy(payload + done, store->octets + (size_t)block * MS_STORE_BLOCK, part);
        block = store->next[block];
    }
}

void ms_store_remove_first(ms_packet_store_t *store, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint16_t block = store->packets[i].block;
        while (block != NO_BLOCK) {
            uint16_t next = store->next[block];
            store->next[block] = store->free_block;
            store->free_block = block;
            store->free_blocks++;
            block = next;
        }
    }
    store->count = (uint16_t)(store->count - count);
    memmove(store->packets, store->packets + count, store->count * sizeof *store->packets);
}
