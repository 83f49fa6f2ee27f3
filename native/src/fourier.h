/* A small complex Fourier transform for one pitch cycle. */
#ifndef MS_FOURIER_H
#define MS_FOURIER_H

#include <stddef.h>

typedef struct ms_complex { float re, im; } ms_complex_t;

#define MS_FOURIER_MAX 2048u

/* In place, n a power of two up to MS_FOURIER_MAX; inverse = 1 takes the other sign and does not scale. */
void ms_fourier(ms_complex_t *x, size_t n, int inverse);

/* exp(-2 pi i m / n). */
ms_complex_t ms_fourier_root(size_t m, size_t n);

static inline ms_complex_t ms_complex_mul(ms_complex_t a, ms_complex_t b) {
    return (ms_complex_t){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

#endif
