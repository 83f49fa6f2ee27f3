/* G.722: block and variable names of the Recommendation stand beside each step. */
#include "codecs/g722.h"

#include <string.h>

/* Sub-band ADPCM. A predictor with two poles and six zeros guesses the next sample of its band; what it misses is quantised
   with a step that follows the level; from the quantised difference alone both sides adapt, so that encoder and decoder
   stay in step without being told anything. Low band: 6 bits, of which the adaptation uses the upper 4, so that a network
   may steal the others. High band: 2 bits. All arithmetic is 16 bits with saturation, as the Recommendation has it; where a
   bound shows that nothing can overflow, the saturation is left out. */

static int16_t saturate(int32_t x) { return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x); }

static int32_t limit(int32_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : x; }

/* --- Quantisers (tables of clause 3 and 6.2) --- */

/* Q6: decision levels of the low band, in units of step / 4096. */
static const int16_t decision[32] = {0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650,
                                     714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
                                     32767, 32767};

/* QM4, QM5, QM6: output levels of the low band for 4, 5 and 6 bits; QM2: of the high band. Units of step / 32768. */
static const int16_t level4[16] = {0, -20456, -12896, -8968, -6288, -4240, -2584, -1200,
                                   20456, 12896, 8968, 6288, 4240, 2584, 1200, 0};
static const int16_t level5[32] = {-280, -280, -23352, -17560, -14120, -11664, -9752, -8184, -6864, -5712, -4696,
                                   -3784, -2960, -2208, -1520, -880, 23352, 17560, 14120, 11664, 9752, 8184,
                                   6864, 5712, 4696, 3784, 2960, 2208, 1520, 880, 280, -280};
static const int16_t level6[64] = {
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
    -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
    24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136};
static const int16_t level2[4] = {-7408, -1616, 7408, 1616};

/* WL of RL42: change of the logarithmic step by the upper 4 bits of the low code; WH of RH2: by the high code. */
static const int16_t low_change[16] = {-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60};
static const int16_t high_change[4] = {798, -214, 798, -214};

/* ILB: 2048 * 2^(i/32). */
static const int16_t mantissa[32] = {2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774,
                                     2834, 2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676,
                                     3756, 3838, 3922, 4008};

#define LOG_MAX_LOW 18432
#define LOG_MAX_HIGH 22528
#define LOW_SHIFT 8
#define HIGH_SHIFT 10
#define HIGH_DECISION 564 /* Q2 */

/* LOGSCL and SCALEL, LOGSCH and SCALEH. */
static void adapt_step(ms_g722_band_t *band, int change, int most, int shift) {
    int32_t log_step = limit(((band->log_step * 127) >> 7) + change, 0, most);
    int32_t value = mantissa[(log_step >> 6) & 31], down = shift - (log_step >> 11);
    band->log_step = (int16_t)log_step;
    band->step = (int16_t)((down < 0 ? value << -down : value >> down) << 2);
}

/* QUANTL: in which of 30 intervals the magnitude lies, and its 6-bit code. Counting all the levels below it in one loop is
   twice as fast as a search, each step of which waits for the one before. magnitude >= (level * step) >> 12, rearranged. */
static uint8_t quantise_low(int16_t difference, int16_t step) {
    int32_t bound = ((difference ^ (difference >> 15)) + 1) * 4096, i = 0;
    for (int k = 0; k < 32; k++)
        i += decision[k] * step < bound;
    i = i < 30 ? i : 30;
    if (difference >= 0)
        return (uint8_t)(62 - i);
    return (uint8_t)(i <= 2 ? 64 - i : 34 - i); /* ILN: 63, 62, then 31 downwards */
}

/* QUANTH. */
static uint8_t quantise_high(int16_t difference, int32_t step) {
    int32_t magnitude = difference < 0 ? ~difference : difference;
    int outer = magnitude >= (HIGH_DECISION * step) >> 12;
    return (uint8_t)(difference < 0 ? 1 - outer : 3 - outer);
}

/* --- Predictor (block 4) --- */

static void adapt_poles(ms_g722_band_t *band, int16_t partial) {
    int same_1 = (partial ^ band->partial[0]) >= 0, same_2 = (partial ^ band->partial[1]) >= 0;
    int32_t a1 = band->pole[0], turn = saturate(a1 * 4); /* UPPOL2 */
    turn = same_1 ? limit(-turn, -32768, 32767) : turn;
    int32_t a2 = limit((same_2 ? 128 : -128) + (turn >> 7) + ((band->pole[1] * 32512) >> 15), -12288, 12288);
    int32_t bound = 15360 - a2; /* UPPOL1 */
    a1 = limit((same_1 ? 192 : -192) + ((a1 * 32640) >> 15), -bound, bound);
    band->pole[0] = (int16_t)a1;
    band->pole[1] = (int16_t)a2;
    band->partial[1] = band->partial[0];
    band->partial[0] = partial;
}

/* UPZERO and FILTEZ: each coefficient leaks by 1/256 and moves with the sign of the correlation; then the new estimate.
   Loops of eight become vector instructions; the last two weigh nothing. */
static void adapt_zeros(ms_g722_band_t *band, int16_t difference) {
    int16_t push = difference != 0 ? 128 : 0, twice[8];
    int32_t sum = 0;
    for (int i = 0; i < 8; i++) {
        int16_t opposite = (int16_t)((band->twice[i] ^ difference) >> 15); /* 0 or -1 */
        int16_t leak = (int16_t)((band->zero[i] * -256) >> 16);           /* as zero * 32640 >> 15 - zero */
        band->zero[i] = (int16_t)(band->zero[i] + leak + ((push ^ opposite) - opposite));
    }
    for (int i = 1; i < 8; i++)
        twice[i] = band->twice[i - 1];
    twice[0] = saturate(difference * 2);
    twice[6] = twice[7] = 0;
    for (int i = 0; i < 8; i++) {
        sum += (band->zero[i] * twice[i]) >> 15;
        band->twice[i] = twice[i];
    }
    band->zero_estimate = saturate(sum);
}

static void predict(ms_g722_band_t *band, int16_t difference) {
    int16_t signal = saturate(band->estimate + difference); /* RECONS */
    adapt_poles(band, saturate(band->zero_estimate + difference)); /* PARREC */
    adapt_zeros(band, difference);
    int32_t newer = (band->pole[0] * saturate(signal * 2)) >> 15; /* FILTEP */
    int32_t older = (band->pole[1] * saturate(band->signal[0] * 2)) >> 15;
    band->signal[1] = band->signal[0];
    band->signal[0] = signal;
    band->estimate = saturate(saturate(newer + older) + band->zero_estimate); /* PREDIC */
}

/* --- Bands --- */

void ms_g722_init(ms_g722_t *state) {
    memset(state, 0, sizeof *state);
    state->low.step = 32;
    state->high.step = 8;
}

/* What both sides do with the 4 bits that steer the low band, and with the high band's code. */
static void follow_low(ms_g722_band_t *band, unsigned code4) {
    int16_t difference = (int16_t)((band->step * level4[code4]) >> 15); /* INVQAL */
    adapt_step(band, low_change[code4], LOG_MAX_LOW, LOW_SHIFT);
    predict(band, difference);
}

static int16_t follow_high(ms_g722_band_t *band, unsigned code2) {
    int16_t difference = (int16_t)((band->step * level2[code2]) >> 15); /* INVQAH */
    int16_t signal = saturate(band->estimate + difference);
    adapt_step(band, high_change[code2], LOG_MAX_HIGH, HIGH_SHIFT);
    predict(band, difference);
    return signal;
}

uint8_t ms_g722_encode_bands(ms_g722_t *state, int16_t low, int16_t high) {
    uint8_t code = quantise_low(saturate(low - state->low.estimate), state->low.step);
    uint8_t upper = quantise_high(saturate(high - state->high.estimate), state->high.step);
    follow_low(&state->low, code >> 2);
    follow_high(&state->high, upper);
    return (uint8_t)(upper << 6 | code);
}

void ms_g722_decode_bands(ms_g722_t *state, uint8_t code, int mode, int16_t *low, int16_t *high) {
    unsigned bits = code & 63u;
    int32_t level = mode == 1 ? level6[bits] : mode == 2 ? level5[bits >> 1] : level4[bits >> 2];
    int32_t signal = state->low.estimate + ((state->low.step * level) >> 15); /* INVQBL, RECONS */
    *low = (int16_t)limit(signal, -16384, 16383);                            /* LIMIT */
    follow_low(&state->low, bits >> 2);
    *high = (int16_t)limit(follow_high(&state->high, code >> 6), -16384, 16383);
}

/* --- Quadrature mirror filters (clause 3.1 and 4.4) ---
   Two half-band filters of 12 taps each, the second the first reversed, on the even and the odd samples. Their sum gives the
   low band and their difference the high one; written as one product over 24 neighbours, which vector units do in three
   steps. Going back, each of the two samples takes one of the filters, hence the zeros. */

#define BLOCK 160 /* pairs of samples worked on at once */

static const int16_t to_low[MS_G722_TAPS] = {3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876,
                                             3876, 951, -805, -210, 362, 32, -156, 12, 53, -11, -11, 3};
static const int16_t to_high[MS_G722_TAPS] = {-3, -11, 11, 53, -12, -156, -32, 362, 210, -805, -951, 3876,
                                              -3876, 951, 805, -210, -362, 32, 156, 12, -53, -11, 11, 3};
static const int16_t to_first[MS_G722_TAPS] = {0, -11, 0, 53, 0, -156, 0, 362, 0, -805, 0, 3876,
                                               0, 951, 0, -210, 0, 32, 0, 12, 0, -11, 0, 3};
static const int16_t to_second[MS_G722_TAPS] = {3, 0, -11, 0, 12, 0, 32, 0, -210, 0, 951, 0,
                                                3876, 0, -805, 0, 362, 0, -156, 0, 53, 0, -11, 0};

static int32_t filter(const int16_t *x, const int16_t *taps) {
    int32_t sum = 0;
    for (int i = 0; i < MS_G722_TAPS; i++)
        sum += x[i] * taps[i];
    return sum;
}

static void split_bands(const int16_t *x, int16_t *low, int16_t *high) {
    *low = (int16_t)(filter(x, to_low) >> 14);
    *high = (int16_t)(filter(x, to_high) >> 14);
}

static void join_bands(const int16_t *x, int16_t *pcm) {
    pcm[0] = saturate(filter(x, to_first) >> 11);
    pcm[1] = saturate(filter(x, to_second) >> 11);
}

void ms_g722_encode(ms_g722_t *state, const int16_t *pcm, size_t n, uint8_t *codes) {
    int16_t window[MS_G722_TAPS + 2 * BLOCK];
    for (size_t done = 0; done < n / 2;) {
        size_t pairs = n / 2 - done < BLOCK ? n / 2 - done : BLOCK;
        memcpy(window, state->filter, sizeof state->filter);
        memcpy(window + MS_G722_TAPS, pcm + 2 * done, 2 * pairs * sizeof *pcm);
        for (size_t i = 0; i < pairs; i++) {
            int16_t low, high;
            split_bands(window + 2 * i + 2, &low, &high);
            codes[done + i] = ms_g722_encode_bands(state, low, high);
        }
        memcpy(state->filter, window + 2 * pairs, sizeof state->filter);
        done += pairs;
    }
}

void ms_g722_decode(ms_g722_t *state, const uint8_t *codes, size_t n, int16_t *pcm) {
    int16_t window[MS_G722_TAPS + 2 * BLOCK];
    for (size_t done = 0; done < n;) {
        size_t pairs = n - done < BLOCK ? n - done : BLOCK;
        memcpy(window, state->filter, sizeof state->filter);
        for (size_t i = 0; i < pairs; i++) {
            int16_t low, high, *x = window + MS_G722_TAPS + 2 * i;
            ms_g722_decode_bands(state, codes[done + i], 1, &low, &high);
            x[0] = (int16_t)(low + high);
            x[1] = (int16_t)(low - high);
        }
        for (size_t i = 0; i < pairs; i++)
            join_bands(window + 2 * i + 2, pcm + 2 * (done + i));
        memcpy(state->filter, window + 2 * pairs, sizeof state->filter);
        done += pairs;
    }
}

/* The sender's encoder saw each sample MS_G722_DELAY earlier than the decoder gives it: its window for a pair of samples is
   this pair and the 22 after it. */
void ms_g722_resynchronise(ms_g722_t *state, const int16_t *pcm, size_t n) {
    for (size_t i = 0; i + 1 < n; i += 2) {
        int16_t low, high;
        split_bands(pcm + i, &low, &high);
        ms_g722_encode_bands(state, low, high);
        memmove(state->filter, state->filter + 2, (MS_G722_TAPS - 2) * sizeof *state->filter);
        int32_t sum = limit(low, -16384, 16383), difference = sum;
        sum += limit(high, -16384, 16383), difference -= limit(high, -16384, 16383);
        state->filter[MS_G722_TAPS - 2] = saturate(sum);
        state->filter[MS_G722_TAPS - 1] = saturate(difference);
    }
}
