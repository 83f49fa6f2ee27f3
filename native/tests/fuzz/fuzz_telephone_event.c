/* Any octets as telephone-event packets of one source, in any order: no more digits than packets, all of them sane. */
#include "byte_order.h"
#include "clock.h"
#include "telephone_event.h"

#include <stdlib.h>

#define RECORD 9 /* payload, timestamp, marker */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ms_dtmf_receiver_t receiver = {0};
    ms_telephone_event_t event;
    ms_dtmf_heard_t heard;
    size_t packets = 0, digits = 0;
    int64_t now = 0;
    for (; size > 0; packets++) {
        size_t record = size < RECORD ? size : RECORD;
        if (ms_telephone_event_read(data, record < 4 ? record : 4, &event) == MS_OK && record == RECORD) {
            now += data[8] * MS_NS_PER_MS;
            digits += ms_dtmf_receiver_expire(&receiver, now, &heard);
            digits += ms_dtmf_receiver_update(&receiver, &event, ms_get32(data + 4), data[8] & 1, now, &heard);
        }
        data += record;
        size -= record;
    }
    digits += ms_dtmf_receiver_expire(&receiver, now + MS_NS_PER_SECOND, &heard);
    if (digits > packets)
        abort();
    return 0;
}
