/* Listens to what a stream receives: is somebody talking (statistical model after Sohn, Kim and Sung, IEEE SPL 6-1,
   1999, in bands), and was that the beep of an answering machine? One spectrum of 32 ms every 10 ms serves both. */
#include "listener.h"

#include "fourier.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE 8000
#define BIN_HZ ((float)RATE / MS_LISTENER_WINDOW)
#define FIRST_BIN 4             /* 125 Hz: below is hum */
#define BAND_BINS 8
#define LAST_BIN (FIRST_BIN + MS_LISTENER_BANDS * BAND_BINS)
#define HALF (MS_LISTENER_WINDOW / 2)
#define POWER_SCALE (1.0f / (MS_LISTENER_WINDOW * 96.0f)) /* a bin's to that of the signal: 96 is the sum of Hann's squares */

/* ---- voice */
#define LEARNING 10             /* hops at the beginning that are taken for background */
#define QUIETEST 1.0f           /* power of a band: less is silence, about -80 dBov in all */
#define LOUDEST_FIRST 20000.0f  /* of the background as first learnt: -36 dBov in all */
#define PRIOR_MEMORY 0.92f
#define NOISE_STEP 0.04f
#define STRETCH 40              /* hops */
#define LEAST_BIAS 1.6f         /* how much the mean is above the least of a stretch */
#define SCORE_MEMORY 0.6f
#define SPEECH_SCORE 0.40f
#define NOISE_SCORE 0.20f       /* the background is learnt below */
#define WITHIN 0x3ff            /* of the last ten hops ... */
#define ENOUGH 6                /* ... so many begin speech */

/* ---- tones */
#define TONAL 0.93f             /* share of the power in two tones that makes the sound no speech */
#define STEADY_HZ 6.0f
#define BEATING_HZ 12.0f
#define OTHER_HOPS 10           /* of steady sound are another tone than a beep, and no vowel */
#define STEADY_HOPS 4
#define BEEP_PURITY 0.90f
#define BEEP_LOW 400.0f
#define BEEP_HIGH 2600.0f
#define BEEP_OFF 12.0f          /* Hz that it may waver */
#define BEEP_LEAST 2000.0f      /* power: -57 dBov */
#define BEEP_SHORTEST_MS 110    /* asked: 120, measured to 10 */
#define BEEP_LONGEST_MS 2000    /* what is longer is fax (T.30 CED: 2.6 s) or call progress */
#define BEEP_HOPS 5
#define BEEP_MISSES 2
#define TONE_HOPS 12            /* a tone that may become a beep is told */
#define APART 12                /* hops to other tones: SIT and melodies */
#define PROGRESS_HIGH 500.0f    /* E.180: dial, ringback, busy; they repeat or last */
#define PROGRESS_APART 100
#define PROGRESS_WAIT 60
#define PROGRESS_LONGEST_MS 800

typedef struct spectrum {
    float power[HALF];
    float total;             /* FIRST_BIN to LAST_BIN */
    float peaks[2], held[2]; /* Hz and power of the two strongest tones */
    float centre;            /* Hz, mean weighted by power */
} spectrum_t;

/* ---- spectrum */

static float peak_frequency(const float *power, int bin) {
    float a = logf(power[bin - 1] + 1e-6f), b = logf(power[bin] + 1e-6f), c = logf(power[bin + 1] + 1e-6f);
    float bend = a - 2.0f * b + c;
    float off = bend < -1e-6f ? 0.5f * (a - c) / bend : 0.0f;
    return ((float)bin + off) * BIN_HZ;
}

/* The strongest tone that does not overlap `other` (a bin, negative for none): Hann's main lobe is four bins wide. */
static int find_peak(const spectrum_t *s, int other, float *held) {
    int best = FIRST_BIN;
    float most = -1.0f;
    for (int bin = FIRST_BIN; bin < LAST_BIN; bin++)
        if ((other < 0 || abs(bin - other) > 3) && s->power[bin] > most) {
            most = s->power[bin];
            best = bin;
        }
    *held = 0.0f;
    for (int bin = best - 2; bin <= best + 2; bin++)
        if (bin < LAST_BIN && bin >= FIRST_BIN && (other < 0 || abs(bin - other) > 2))
            *held += s->power[bin];
    return best;
}

static void transform(const ms_listener_t *listener, spectrum_t *s) {
    ms_complex_t x[MS_LISTENER_WINDOW];
    for (int i = 0; i < MS_LISTENER_WINDOW; i++)
        x[i] = (ms_complex_t){listener->past[i] * listener->window[i], 0.0f};
    ms_fourier(x, MS_LISTENER_WINDOW, 0);
    s->total = s->centre = 0.0f;
    for (int bin = 0; bin < HALF; bin++) {
        s->power[bin] = 2.0f * (x[bin].re * x[bin].re + x[bin].im * x[bin].im) * POWER_SCALE;
        if (bin >= FIRST_BIN && bin < LAST_BIN) {
            s->total += s->power[bin];
            s->centre += s->power[bin] * (float)bin * BIN_HZ;
        }
    }
    s->centre /= s->total + 1e-6f;
    int first = find_peak(s, -1, &s->held[0]), second = find_peak(s, first, &s->held[1]);
    s->peaks[0] = peak_frequency(s->power, first);
    s->peaks[1] = peak_frequency(s->power, second);
}

/* ---- voice */

static void learn(ms_voice_t *voice, int band, float power, bool speech) {
    float *noise = &voice->noise[band], *least = voice->least[band];
    uint32_t stretch = voice->frames / STRETCH % 4;
    voice->smooth[band] += 0.2f * (power - voice->smooth[band]);
    if (voice->frames % STRETCH == 0 || voice->smooth[band] < least[stretch])
        least[stretch] = voice->smooth[band];
    if (voice->frames < LEARNING) {
        float first = power < LOUDEST_FIRST ? power : LOUDEST_FIRST;
        *noise += (first - *noise) / (float)(voice->frames + 1);
    } else if (!speech) {
        *noise += NOISE_STEP * (power - *noise);
    }
    float lowest = least[0];
    for (int i = 1; i < 4; i++)
        lowest = least[i] < lowest ? least[i] : lowest;
    if (voice->frames >= 4 * STRETCH && lowest * LEAST_BIAS > *noise)
        *noise = lowest * LEAST_BIAS; /* it has become louder, and is not speech: that pauses */
    if (*noise < QUIETEST)
        *noise = QUIETEST;
}

/* The mean log likelihood ratio of speech against background, over the bands. */
static float likelihood(ms_voice_t *voice, const float *power) {
    float sum = 0.0f;
    for (int band = 0; band < MS_LISTENER_BANDS; band++) {
        float ratio = power[band] / voice->noise[band];
        ratio = ratio < 1000.0f ? ratio : 1000.0f;
        float above = ratio > 1.0f ? ratio - 1.0f : 0.0f;
        float prior = PRIOR_MEMORY * voice->prior[band] + (1.0f - PRIOR_MEMORY) * above;
        float gain = prior / (1.0f + prior);
        voice->prior[band] = gain * gain * ratio;
        float one = ratio * gain - logf(1.0f + prior);
        sum += one < 10.0f ? one : 10.0f;
    }
    return sum / MS_LISTENER_BANDS;
}

static int bits(unsigned word) {
    int count = 0;
    for (; word != 0; word &= word - 1)
        count++;
    return count;
}

static ms_heard_t voice_hop(ms_listener_t *listener, const spectrum_t *s) {
    ms_voice_t *voice = &listener->voice;
    ms_heard_t heard = {0};
    float power[MS_LISTENER_BANDS];
    for (int band = 0; band < MS_LISTENER_BANDS; band++) {
        power[band] = 0.0f;
        for (int bin = 0; bin < BAND_BINS; bin++)
            power[band] += s->power[FIRST_BIN + band * BAND_BINS + bin] / BAND_BINS;
    }
    for (int band = 0; band < MS_LISTENER_BANDS && voice->frames < LEARNING; band++)
        learn(voice, band, power[band], false);
    voice->score = SCORE_MEMORY * voice->score + (1.0f - SCORE_MEMORY) * likelihood(voice, power);
    for (int band = 0; band < MS_LISTENER_BANDS && voice->frames >= LEARNING; band++)
        learn(voice, band, power[band], voice->score > NOISE_SCORE);
    voice->frames++;
    bool speech = voice->score > SPEECH_SCORE;
    voice->flags = (uint16_t)(voice->flags << 1 | speech);
    if (listener->steady >= STEADY_HOPS) { /* no voice holds still like that: nor did it in the hops before */
        speech = false;
        voice->flags &= (uint16_t)(0xffff << (listener->steady < 12 ? listener->steady + 3 : 15));
    }
    voice->length++;
    voice->quiet = speech ? 0 : voice->quiet + 1;
    if (!voice->talking && bits(voice->flags & WITHIN) >= ENOUGH) {
        voice->talking = true;
        voice->length = (uint32_t)(voice->flags & 0x200 ? 10 : 8);
        heard = (ms_heard_t){.kind = MS_HEARD_SPEECH_STARTED, .since_ms = voice->length * 10};
    } else if (voice->talking && voice->quiet >= listener->hangover) {
        voice->talking = false;
        heard = (ms_heard_t){.kind = MS_HEARD_SPEECH_ENDED, .since_ms = voice->quiet * 10,
                             .duration_ms = (voice->length - (voice->length < voice->quiet ? voice->length : voice->quiet)) * 10};
    }
    return heard;
}

/* ---- tones */

/* How long the sound has been nothing but the same one or two tones. */
static void follow_tones(ms_listener_t *listener, const spectrum_t *s) {
    bool second = s->held[1] > 0.03f * s->total;
    bool same = fabsf(s->peaks[0] - listener->last_peaks[0]) < STEADY_HZ &&
                (!second || fabsf(s->peaks[1] - listener->last_peaks[1]) < STEADY_HZ);
    bool swapped = second && fabsf(s->peaks[0] - listener->last_peaks[1]) < STEADY_HZ &&
                   fabsf(s->peaks[1] - listener->last_peaks[0]) < STEADY_HZ;
    bool tonal = s->held[0] + s->held[1] > TONAL * s->total && s->total > BEEP_LEAST;
    bool beating = fabsf(s->centre - listener->last_centre) < BEATING_HZ; /* two close ones are one peak that wavers */
    listener->steady = tonal && (same || swapped || beating) ? listener->steady + 1 : 0;
    listener->last_centre = s->centre;
    listener->last_peaks[0] = s->peaks[0];
    listener->last_peaks[1] = s->peaks[1];
}

static bool is_progress(float frequency) { return frequency < PROGRESS_HIGH; }

/* A tone has ended. Its length is counted where it has half of its amplitude: there a window is half full. */
static void end_tone(ms_beep_t *beep) {
    uint32_t lasted = beep->length, hops = 0, after = 0;
    uint32_t kept = lasted < MS_TONE_HISTORY ? lasted : MS_TONE_HISTORY;
    float most = 0.0f;
    for (uint32_t i = 0; i < kept; i++)
        most = beep->powers[i] > most ? beep->powers[i] : most;
    for (uint32_t i = 0; i < kept; i++) {
        bool loud = beep->powers[i] >= most / 4.0f;
        hops += loud;
        after = loud ? 0 : after + 1;
    }
    uint32_t duration_ms = hops * 10;
    bool progress = is_progress(beep->frequency);
    beep->length = 0;
    if (lasted < BEEP_HOPS)
        return;
    beep->since_tone = 0;
    beep->last_frequency = beep->frequency;
    if (beep->crowded || kept < lasted || duration_ms < BEEP_SHORTEST_MS ||
        duration_ms > (progress ? PROGRESS_LONGEST_MS : BEEP_LONGEST_MS))
        return;
    beep->duration_ms = duration_ms;
    beep->waiting_frequency = beep->frequency;
    beep->waiting = progress ? PROGRESS_WAIT : APART;
    beep->age = BEEP_MISSES + after + 2; /* the middle of the window is 16 ms ago */
}

static ms_heard_t beep_hop(ms_listener_t *listener, const spectrum_t *s) {
    ms_beep_t *beep = &listener->beep;
    float frequency = s->peaks[0];
    bool pure = s->held[0] > BEEP_PURITY * s->total && s->held[0] > BEEP_LEAST;
    bool tone = pure && frequency >= BEEP_LOW && frequency <= BEEP_HIGH;
    bool same = tone && beep->length > 0 && fabsf(frequency - beep->frequency) < BEEP_OFF;
    beep->age++;
    beep->since_tone++;
    if (listener->steady >= OTHER_HOPS && !tone) /* two tones, or one that no beep has */
        beep->since_tone = 0;
    if (beep->length > 0 && !same && (tone || ++beep->misses >= BEEP_MISSES))
        end_tone(beep);
    if (same) {
        beep->misses = 0;
        if (beep->length < MS_TONE_HISTORY)
            beep->powers[beep->length] = s->held[0];
        beep->length++;
        beep->frequency += (frequency - beep->frequency) / (float)(beep->length < 16 ? beep->length : 16);
        if (beep->length == TONE_HOPS && !beep->crowded)
            return (ms_heard_t){.kind = MS_HEARD_TONE, .since_ms = TONE_HOPS * 10,
                                .frequency = (uint32_t)lrintf(beep->frequency)};
    } else if (tone && beep->length == 0) {
        bool again = is_progress(frequency) && fabsf(frequency - beep->last_frequency) < 2.0f * BEEP_OFF;
        beep->crowded = beep->since_tone < (again ? PROGRESS_APART : APART);
        beep->length = 1;
        beep->misses = 0;
        beep->frequency = frequency;
        beep->powers[0] = s->held[0];
    }
    if (beep->waiting == 0)
        return (ms_heard_t){0};
    if (beep->length >= BEEP_HOPS || (listener->steady >= OTHER_HOPS && !tone)) {
        beep->waiting = 0; /* one of several tones */
        beep->crowded = true;
    } else if (--beep->waiting == 0) {
        return (ms_heard_t){.kind = MS_HEARD_BEEP, .since_ms = beep->age * 10, .duration_ms = beep->duration_ms,
                            .frequency = (uint32_t)lrintf(beep->waiting_frequency)};
    }
    return (ms_heard_t){0};
}

/* ---- a listener */

static void dispose(ms_node_t *node) { ms_listener_close((ms_listener_t *)node); }

void ms_listener_close(ms_listener_t *listener) {
    if (listener == NULL)
        return;
    ms_resampler_close(listener->resampler);
    free(listener->converted);
    free(listener);
}

ms_status_t ms_listener_open(uint32_t rate, uint32_t hangover_ms, ms_listener_t **out) {
    *out = NULL;
    if (rate < RATE || rate > 48000 || hangover_ms < 50 || hangover_ms > 10000)
        return MS_EINVAL;
    ms_listener_t *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return MS_ENOMEM;
    listener->node.dispose = dispose;
    listener->hangover = hangover_ms / 10;
    listener->beep.since_tone = PROGRESS_APART;
    for (int i = 0; i < MS_LISTENER_WINDOW; i++)
        listener->window[i] = 0.5f - 0.5f * cosf(2.0f * (float)acos(-1.0) * ((float)i + 0.5f) / MS_LISTENER_WINDOW);
    ms_status_t status = MS_OK;
    if (rate != RATE) {
        listener->piece = rate / 100;
        status = ms_resampler_open(rate, RATE, &listener->resampler);
        if (status == MS_OK) {
            size_t room = ms_resampler_bound(listener->resampler, listener->piece);
            listener->converted = malloc(room * sizeof *listener->converted);
            status = listener->converted == NULL ? MS_ENOMEM : MS_OK;
        }
    }
    if (status != MS_OK) {
        ms_listener_close(listener);
        return status;
    }
    *out = listener;
    return MS_OK;
}

static ms_heard_t end_hop(ms_listener_t *listener) {
    spectrum_t s;
    transform(listener, &s);
    follow_tones(listener, &s);
    ms_heard_t beep = beep_hop(listener, &s), voice = voice_hop(listener, &s);
    if (listener->queued.kind != MS_HEARD_NOTHING) { /* at most one thing a hop is told, and things are hops apart */
        ms_heard_t queued = listener->queued;
        listener->queued = voice.kind != MS_HEARD_NOTHING ? voice : beep;
        return queued;
    }
    if (voice.kind == MS_HEARD_NOTHING)
        return beep;
    listener->queued = beep;
    return voice;
}

/* At 8000 Hz: how many were taken, up to the end of a hop in which something was heard. */
static size_t take(ms_listener_t *listener, const int16_t *samples, size_t n, ms_heard_t *heard) {
    size_t taken = 0;
    while (taken < n && heard->kind == MS_HEARD_NOTHING) {
        float *at = listener->past + MS_LISTENER_WINDOW - MS_LISTENER_HOP + listener->filled;
        size_t room = MS_LISTENER_HOP - listener->filled, part = n - taken < room ? n - taken : room;
        for (size_t i = 0; i < part; i++)
            at[i] = samples[taken + i];
        taken += part;
        listener->filled += (uint32_t)part;
        if (listener->filled < MS_LISTENER_HOP)
            break;
        *heard = end_hop(listener);
        listener->filled = 0;
        memmove(listener->past, listener->past + MS_LISTENER_HOP,
                (MS_LISTENER_WINDOW - MS_LISTENER_HOP) * sizeof *listener->past);
    }
    return taken;
}

size_t ms_listener_process(ms_listener_t *listener, const int16_t *samples, size_t n, ms_heard_t *heard) {
    size_t taken = 0;
    *heard = (ms_heard_t){0};
    if (listener->resampler == NULL)
        return take(listener, samples, n, heard);
    while (heard->kind == MS_HEARD_NOTHING) {
        if (listener->converted_at < listener->converted_count) {
            listener->converted_at += (uint32_t)take(listener, listener->converted + listener->converted_at,
                                                     listener->converted_count - listener->converted_at, heard);
            continue;
        }
        if (taken == n)
            break;
        size_t part = n - taken < listener->piece ? n - taken : listener->piece;
        listener->converted_count = (uint32_t)ms_resampler_process(listener->resampler, samples + taken, part,
                                                                   listener->converted);
        listener->converted_at = 0;
        taken += part;
    }
    return taken;
}
