/* The public interface of the media engine: opaque types, a status returned, results through pointers last. */
#ifndef MICROSIP_MEDIA_H
#define MICROSIP_MEDIA_H

#include <stddef.h>
#include <stdint.h>

typedef enum ms_status {
    MS_OK = 0,
    MS_EINVAL = -1,    /* an argument outside its documented range */
    MS_ENOMEM = -2,
    MS_ENETWORK = -3,  /* a socket could not be opened; errno tells why */
    MS_EBUSY = -4,     /* the port, or every port of the range, is taken */
    MS_EIO = -5,       /* a file could not be read or written; errno tells why */
    MS_EFORMAT = -6,   /* a file or packet holds something else than expected */
    MS_ENOTSUP = -7,
    MS_ESTATE = -8,
    MS_ELIMIT = -9
} ms_status_t;

/* One line for a status. */
const char *ms_status_text(ms_status_t status);

#endif
