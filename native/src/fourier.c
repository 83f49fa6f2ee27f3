/* Radix 2, decimation in time; the roots come from eleven constants, so no table is shared and every machine gets the same bits. */
#include "fourier.h"

/* cos and sin of 2 pi / 2^k. */
static const ms_complex_t roots[] = {
    {1.0f, 0.0f}, {-1.0f, 0.0f}, {0.0f, 1.0f}, {0.70710678118654752f, 0.70710678118654752f},
    {0.92387953251128674f, 0.38268343236508977f}, {0.98078528040323043f, 0.19509032201612825f},
    {0.99518472667219693f, 0.098017140329560604f}, {0.99879545620517241f, 0.049067674327418015f},
    {0.99969881869620425f, 0.024541228522912288f}, {0.99992470183914450f, 0.012271538285719925f},
    {0.99998117528260111f, 0.0061358846491544753f}, {0.99999529380957619f, 0.0030679567629659761f}};

static void reverse_bits(ms_complex_t *x, size_t n) {
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            ms_complex_t swap = x[i];
            x[i] = x[j];
            x[j] = swap;
        }
    }
}

void ms_fourier(ms_complex_t *x, size_t n, int inverse) {
    reverse_bits(x, n);
    for (size_t half = 1, k = 1; half < n; half *= 2, k++) {
        ms_complex_t step = {roots[k].re, inverse ? roots[k].im : -roots[k].im}, w = {1.0f, 0.0f};
        for (size_t j = 0; j < half; j++) {
            for (size_t i = j; i < n; i += 2 * half) {
                ms_complex_t odd = ms_complex_mul(x[i + half], w);
                x[i + half] = (ms_complex_t){x[i].re - odd.re, x[i].im - odd.im};
                x[i] = (ms_complex_t){x[i].re + odd.re, x[i].im + odd.im};
            }
            w = ms_complex_mul(w, step);
        }
    }
}

ms_complex_t ms_fourier_root(size_t m, size_t n) {
    ms_complex_t w = {1.0f, 0.0f};
    size_t k = 0;
    while ((size_t)1 << k < n)
        k++;
    for (; m != 0 && k > 0; m >>= 1, k--)
        if (m & 1)
            w = ms_complex_mul(w, (ms_complex_t){roots[k].re, -roots[k].im});
    return w;
}
