/* DTMF in the sound itself (ITU-T Q.23, received as Q.24 asks). Blocks of 12 ms, one every 6 ms, are correlated with the
   eight frequencies (what Goertzel's filters give, with the phase); how the phase turns from block to block tells how
   far a tone is from its nominal frequency, far more exactly than the width of a block would. */
#include "dtmf_detector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOPS_PER_SECOND 166.66666666666666 /* at rates whose 6 ms are whole samples: multiples of 500 Hz */
#define HOP_MS 6
#define LEAST_AMPLITUDE 350.0 /* -36 dBm0 */
#define HITS 5                /* a 40 ms tone holds at least four whole blocks, and one that it fills well enough */
#define MISSES 3
#define LONG 12               /* blocks: who speaks does not hold two tones for 78 ms */
#define QUIETER 0.25          /* shorter ones end in something that is 6 dB less: a voice goes on */
#define OTHERS 4.0f           /* the other tones of a group are at least 6 dB weaker */
#define PURITY 0.85           /* of the energy is in the two tones */
#define STEADINESS 0.975      /* a voice glides, a tone turns from block to block by the same angle */
#define BLOCK_PURITY 0.55     /* the same for one block, before it is known how far off the tones are */
#define HIGH_OVER_LOW 3.2     /* 5 dB */
#define LOW_OVER_HIGH 8.0     /* 9 dB */
#define OFF_MOST 0.024        /* between the 1.5 % that have to be taken and the 3.5 % that must not be */

static const double FREQUENCIES[MS_DTMF_TONES] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};
static const char KEYPAD[4][4] = {{'1', '2', '3', 'A'}, {'4', '5', '6', 'B'}, {'7', '8', '9', 'C'}, {'*', '0', '#', 'D'}};

static void dispose(ms_node_t *node) { ms_dtmf_detector_close((ms_dtmf_detector_t *)node); }

void ms_dtmf_detector_close(ms_dtmf_detector_t *detector) {
    if (detector == NULL)
        return;
    free(detector->block);
    free(detector->table);
    free(detector);
}

static void fill_table(ms_dtmf_detector_t *detector) {
    for (int tone = 0; tone < MS_DTMF_TONES; tone++) {
        double angle = 2.0 * acos(-1.0) * FREQUENCIES[tone] / detector->rate;
        for (uint32_t i = 0; i < detector->hop; i++) {
            detector->table[(i * MS_DTMF_TONES + (uint32_t)tone) * 2] = (float)cos(angle * i);
            detector->table[(i * MS_DTMF_TONES + (uint32_t)tone) * 2 + 1] = (float)-sin(angle * i);
        }
        detector->rotation[tone][0] = 1.0;
        detector->step[tone][0] = cos(angle * detector->hop);
        detector->step[tone][1] = -sin(angle * detector->hop);
    }
}

ms_status_t ms_dtmf_detector_open(uint32_t rate, ms_dtmf_detector_t **out) {
    *out = NULL;
    if (rate < 8000 || rate > 48000 || rate % 500 != 0)
        return MS_EINVAL;
    ms_dtmf_detector_t *detector = calloc(1, sizeof *detector);
    if (detector == NULL)
        return MS_ENOMEM;
    detector->node.dispose = dispose;
    detector->rate = rate;
    detector->hop = rate / 500 * HOP_MS / 2;
    detector->row = detector->column = -1;
    detector->block = calloc(detector->hop, sizeof *detector->block);
    detector->table = malloc(detector->hop * MS_DTMF_TONES * 2 * sizeof *detector->table);
    if (detector->block == NULL || detector->table == NULL) {
        ms_dtmf_detector_close(detector);
        return MS_ENOMEM;
    }
    fill_table(detector);
    *out = detector;
    return MS_OK;
}

/* ---- one block */

static void correlate(ms_dtmf_detector_t *detector) {
    float sums[MS_DTMF_TONES * 2] = {0};
    float energy = 0.0f;
    for (uint32_t i = 0; i < detector->hop; i++) {
        float x = detector->block[i];
        const float *row = detector->table + i * MS_DTMF_TONES * 2;
        energy += x * x;
        for (int k = 0; k < MS_DTMF_TONES * 2; k++)
            sums[k] += x * row[k];
    }
    detector->energy = energy;
    for (int tone = 0; tone < MS_DTMF_TONES; tone++) {
        double *at = detector->rotation[tone], *step = detector->step[tone];
        double re = sums[2 * tone], im = sums[2 * tone + 1];
        detector->sums[tone] = (ms_tone_sum_t){(float)(re * at[0] - im * at[1]), (float)(re * at[1] + im * at[0])};
        double next = at[0] * step[0] - at[1] * step[1];
        at[1] = at[0] * step[1] + at[1] * step[0];
        at[0] = next;
    }
}

static float power(ms_tone_sum_t sum) { return sum.re * sum.re + sum.im * sum.im; }

/* The strongest of four, or -1 when it is not much stronger than the others. */
static int strongest(const float *powers) {
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (powers[i] > powers[best])
            best = i;
    for (int i = 0; i < 4; i++)
        if (i != best && powers[i] * OTHERS > powers[best])
            return -1;
    return best;
}

/* What a tone's energy is, from the power of its sum over a block: that of a sine of amplitude a is (a * n / 2)^2. */
static double energy_of(const ms_dtmf_detector_t *detector, double sum) { return sum * 2.0 / (2.0 * detector->hop); }

static bool looks_like_a_digit(const ms_dtmf_detector_t *detector, const float *powers, double energy, int *row,
                               int *column) {
    *row = strongest(powers);
    *column = strongest(powers + 4);
    if (*row < 0 || *column < 0)
        return false;
    double low = energy_of(detector, powers[*row]), high = energy_of(detector, powers[4 + *column]);
    double least = LEAST_AMPLITUDE * LEAST_AMPLITUDE * detector->hop * 0.7;
    return low + high > BLOCK_PURITY * energy && low > least && high > least;
}

/* ---- a digit */

/* How far a tone is from its frequency, Hz. */
static double distance(const double turn[2]) {
    return atan2(turn[1], turn[0]) / (2.0 * acos(-1.0)) * HOPS_PER_SECOND;
}

/* A tone that is off by so many Hz gives a block's sum less than its energy. */
static double corrected(double energy, double off) {
    double angle = acos(-1.0) * off * 2.0 * HOP_MS / 1000.0;
    double loss = fabs(angle) < 1e-6 ? 1.0 : sin(angle) / angle;
    return energy / (loss * loss);
}

static bool is_a_digit(const ms_dtmf_detector_t *detector) {
    double off_low = distance(detector->turn[0]), off_high = distance(detector->turn[1]);
    if (fabs(off_low) > OFF_MOST * FREQUENCIES[detector->row] ||
        fabs(off_high) > OFF_MOST * FREQUENCIES[4 + detector->column])
        return false;
    if (hypot(detector->turn[0][0], detector->turn[0][1]) < STEADINESS * detector->turned[0] ||
        hypot(detector->turn[1][0], detector->turn[1][1]) < STEADINESS * detector->turned[1])
        return false;
    double low = corrected(detector->tone[0], off_low), high = corrected(detector->tone[1], off_high);
    return low + high > PURITY * detector->total && high < HIGH_OVER_LOW * low && low < LOW_OVER_HIGH * high;
}

static void forget(ms_dtmf_detector_t *detector) {
    detector->row = detector->column = -1;
    detector->hits = detector->misses = 0;
    detector->confirmed = false;
    memset(detector->turn, 0, sizeof detector->turn);
    memset(detector->turned, 0, sizeof detector->turned);
    detector->tone[0] = detector->tone[1] = detector->total = 0.0;
}

static void add_turn(double turn[2], double *turned, ms_tone_sum_t now, ms_tone_sum_t before) {
    double re = (double)now.re * before.re + (double)now.im * before.im;
    double im = (double)now.im * before.re - (double)now.re * before.im;
    turn[0] += re;
    turn[1] += im;
    *turned += hypot(re, im);
}

static void count_hit(ms_dtmf_detector_t *detector, const ms_tone_sum_t *block, const float *powers, double energy) {
    if (detector->hits > 0 && !detector->confirmed) {
        add_turn(detector->turn[0], &detector->turned[0], block[detector->row], detector->last_block[detector->row]);
        add_turn(detector->turn[1], &detector->turned[1], block[4 + detector->column],
                 detector->last_block[4 + detector->column]);
    }
    detector->hits++;
    detector->misses = 0;
    if (detector->confirmed)
        return;
    detector->tone[0] += energy_of(detector, powers[detector->row]);
    detector->tone[1] += energy_of(detector, powers[4 + detector->column]);
    detector->total += energy;
    if (detector->hits < HITS)
        return;
    if (is_a_digit(detector))
        detector->confirmed = true;
    else
        forget(detector);
}

/* After each hop; true when a digit has ended. */
static bool end_hop(ms_dtmf_detector_t *detector, ms_dtmf_inband_t *heard) {
    ms_tone_sum_t block[MS_DTMF_TONES];
    float powers[MS_DTMF_TONES];
    int row, column;
    bool ended = false;
    correlate(detector);
    for (int tone = 0; tone < MS_DTMF_TONES; tone++) {
        block[tone].re = detector->sums[tone].re + detector->last_hop[tone].re;
        block[tone].im = detector->sums[tone].im + detector->last_hop[tone].im;
        powers[tone] = power(block[tone]);
    }
    double energy = (double)detector->energy + (double)detector->last_energy;
    bool digit = looks_like_a_digit(detector, powers, energy, &row, &column);
    bool same = digit && row == detector->row && column == detector->column;
    if (!same && detector->hits > 0 && (!detector->confirmed || ++detector->misses >= MISSES || digit)) {
        bool ends = digit || energy < QUIETER * detector->total / HITS;
        if (detector->confirmed && (detector->hits >= LONG || ends)) {
            heard->digit = KEYPAD[detector->row][detector->column];
            heard->duration_ms = (detector->hits + 1) * HOP_MS;
            heard->position = detector->position;
            ended = true;
        }
        forget(detector);
    }
    if (digit && detector->hits == 0) {
        detector->row = row;
        detector->column = column;
        same = true;
    }
    if (same)
        count_hit(detector, block, powers, energy);
    memcpy(detector->last_block, block, sizeof block);
    memcpy(detector->last_hop, detector->sums, sizeof detector->sums);
    detector->last_energy = detector->energy;
    return ended;
}

size_t ms_dtmf_detector_take(ms_dtmf_detector_t *detector, const int16_t *samples, size_t n, ms_dtmf_inband_t *heard) {
    size_t taken = 0;
    heard->digit = '\0';
    while (taken < n) {
        size_t room = detector->hop - detector->filled, part = n - taken < room ? n - taken : room;
        memcpy(detector->block + detector->filled, samples + taken, part * sizeof *samples);
        taken += part;
        detector->position += part;
        detector->filled += (uint32_t)part;
        if (detector->filled < detector->hop)
            break;
        detector->filled = 0;
        if (end_hop(detector, heard))
            break;
    }
    return taken;
}

size_t ms_dtmf_detector_process(ms_dtmf_detector_t *detector, const int16_t *samples, size_t n, char *digit,
                                uint32_t *duration_ms) {
    ms_dtmf_inband_t heard;
    size_t taken = ms_dtmf_detector_take(detector, samples, n, &heard);
    *digit = heard.digit;
    *duration_ms = heard.digit == '\0' ? 0 : heard.duration_ms;
    return taken;
}
