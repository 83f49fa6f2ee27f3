/* The texts of the status codes. */
#include "microsip_media.h"

const char *ms_status_text(ms_status_t status) {
    switch (status) {
    case MS_OK: return "success";
    case MS_EINVAL: return "invalid argument";
    case MS_ENOMEM: return "out of memory";
    case MS_ENETWORK: return "network error";
    case MS_EBUSY: return "address or port in use";
    case MS_EIO: return "file could not be read or written";
    case MS_EFORMAT: return "malformed data";
    case MS_ENOTSUP: return "not supported";
    case MS_ESTATE: return "not possible in this state";
    case MS_ELIMIT: return "limit exceeded";
    }
    return "unknown status";
}
