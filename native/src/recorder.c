/* Recording: the tick puts samples into a ring; one thread of the engine writes them to WAV files, or the caller reads
   them to encode them himself. */
#include "recorder.h"

#include "pcm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_SECONDS 2
#define ROUND_NS (50 * MS_NS_PER_MS)
#define HEADER_NS (1000 * MS_NS_PER_MS) /* a crash leaves a file that is at most so much too short */
#define EVENTS 1024
#define CHUNK 4096
#define CALLERS_PATIENCE_NS (5000 * MS_NS_PER_MS) /* at the end, with callers who read */

static bool write_at(int fd, const void *bytes, size_t length, off_t offset) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t done = pwrite(fd, at, length, offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        offset += done;
        length -= (size_t)done;
    }
    return true;
}

static bool write_header(ms_recorder_t *recorder, int64_t now) {
    uint8_t header[MS_WAV_HEADER_SIZE];
    ms_wav_write_header(header, recorder->channels, recorder->sample_rate, recorder->frames);
    recorder->header_written = now;
    return write_at(recorder->fd, header, sizeof header, 0);
}

static void to_little_endian(int16_t *samples, uint32_t n) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (uint32_t i = 0; i < n; i++)
        samples[i] = (int16_t)__builtin_bswap16((uint16_t)samples[i]);
#else
    (void)samples, (void)n;
#endif
}

/* Write out what has gathered. After a failure only the ring is emptied, until the stream lets go. */
static void write_out(ms_recorder_t *recorder, int64_t now) {
    int16_t chunk[CHUNK];
    for (uint32_t n; (n = ms_pcm_ring_read(&recorder->ring, chunk, CHUNK)) > 0;) {
        uint64_t done = MS_WAV_HEADER_SIZE + recorder->frames * recorder->channels * sizeof *chunk;
        if (atomic_load(&recorder->failure) != 0)
            continue;
        to_little_endian(chunk, n);
        if (done + sizeof chunk > UINT32_MAX) {
            atomic_store(&recorder->failure, EFBIG); /* where the header's fields end */
        } else if (!write_at(recorder->fd, chunk, n * sizeof *chunk, (off_t)done)) {
            atomic_store(&recorder->failure, errno != 0 ? errno : EIO);
        } else {
            recorder->frames += n / recorder->channels;
        }
    }
    if (now - recorder->header_written >= HEADER_NS && !write_header(recorder, now))
        atomic_store(&recorder->failure, errno != 0 ? errno : EIO);
}

static void finish(ms_writer_t *writer, ms_recorder_t *recorder, int64_t now) {
    uint64_t dropped = atomic_load(&recorder->dropped);
    bool complete = recorder->fd < 0 || (write_header(recorder, now) & (close(recorder->fd) == 0));
    if (!complete) {
        int none = 0;
        atomic_compare_exchange_strong(&recorder->failure, &none, errno);
    }
    int failure = atomic_load(&recorder->failure);
    ms_event_t event = {.kind = MS_EVENT_RECORDING_FINISHED,
                        .stream_id = recorder->stream_id,
                        .reference = recorder->id,
                        .value = (int64_t)(recorder->frames * 1000 / recorder->sample_rate), .time = now};
    if (failure != 0)
        snprintf(event.text, sizeof event.text, "%s", strerror(failure));
    else if (dropped > 0)
        snprintf(event.text, sizeof event.text, "the disk was too slow: %llu ms are missing",
                 (unsigned long long)(dropped * 1000 / recorder->sample_rate));
    ms_event_ring_put(&writer->events, &event);
    ms_pcm_ring_close(&recorder->ring);
    free(recorder);
}

/* One round over all recorders; the list without those that are complete. */
static ms_recorder_t *serve(ms_writer_t *writer, ms_recorder_t *recorders) {
    ms_recorder_t *left = NULL;
    int64_t now = ms_clock_now();
    for (ms_recorder_t *next, *recorder = recorders; recorder != NULL; recorder = next) {
        next = recorder->next;
        bool ended = atomic_load(&recorder->ended); /* before the last reading, so that nothing is left behind */
        if (recorder->fd < 0)
            ended = ended && atomic_load(&recorder->finished);
        else
            write_out(recorder, now);
        if (ended) {
            finish(writer, recorder, now);
        } else {
            recorder->next = left;
            left = recorder;
        }
    }
    return left;
}

static bool only_callers(const ms_recorder_t *recorders) {
    while (recorders != NULL && recorders->fd < 0)
        recorders = recorders->next;
    return recorders == NULL;
}

static void *writer_main(void *context) {
    ms_writer_t *writer = context;
    ms_recorder_t *recorders = NULL;
    int64_t give_up = MS_FOREVER;
    ms_thread_name("microsip-writer");
    for (;;) {
        bool stopping = atomic_load(&writer->stopping);
        pthread_mutex_lock(&writer->mutex);
        while (writer->added != NULL) {
            ms_recorder_t *recorder = writer->added;
            writer->added = recorder->next;
            recorder->next = recorders;
            recorders = recorder;
        }
        pthread_mutex_unlock(&writer->mutex);
        recorders = serve(writer, recorders);
        if (stopping && give_up == MS_FOREVER)
            give_up = ms_clock_now() + CALLERS_PATIENCE_NS;
        if (stopping && (recorders == NULL || (ms_clock_now() > give_up && only_callers(recorders))))
            return NULL; /* a caller who never finishes keeps his recorder's memory */
        ms_waker_wait(&writer->waker, recorders == NULL ? MS_FOREVER : ms_clock_now() + ROUND_NS);
    }
}

ms_status_t ms_writer_start(ms_writer_t *writer, ms_notifier_t *notifier) {
    memset(writer, 0, sizeof *writer);
    ms_status_t status = ms_event_ring_open(&writer->events, EVENTS, notifier);
    if (status != MS_OK)
        return status;
    atomic_init(&writer->stopping, false);
    pthread_mutex_init(&writer->mutex, NULL);
    status = ms_waker_open(&writer->waker);
    if (status == MS_OK) {
        status = ms_thread_start(&writer->thread, writer_main, writer);
        if (status != MS_OK)
            ms_waker_close(&writer->waker);
    }
    if (status != MS_OK)
        ms_event_ring_close(&writer->events);
    return status;
}

void ms_writer_stop(ms_writer_t *writer) {
    atomic_store(&writer->stopping, true);
    ms_waker_ring(&writer->waker);
    pthread_join(writer->thread, NULL);
}

void ms_writer_free(ms_writer_t *writer) {
    ms_waker_close(&writer->waker);
    pthread_mutex_destroy(&writer->mutex);
    ms_event_ring_close(&writer->events);
}

ms_status_t ms_recorder_open(ms_writer_t *writer, const char *path, bool stereo, uint32_t sample_rate, uint32_t id,
                             uint32_t stream_id, ms_recorder_t **out) {
    ms_recorder_t *recorder = calloc(1, sizeof *recorder);
    if (recorder == NULL)
        return MS_ENOMEM;
    recorder->id = id;
    recorder->stream_id = stream_id;
    recorder->channels = stereo ? 2 : 1;
    recorder->sample_rate = sample_rate;
    if (ms_pcm_ring_open(&recorder->ring, RING_SECONDS * sample_rate * recorder->channels) != MS_OK) {
        free(recorder);
        return MS_ENOMEM;
    }
    recorder->fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (path != NULL && (recorder->fd < 0 || !write_header(recorder, ms_clock_now()))) {
        int reason = errno;
        if (recorder->fd >= 0)
            close(recorder->fd);
        ms_pcm_ring_close(&recorder->ring);
        free(recorder);
        errno = reason;
        return MS_EIO;
    }
    *out = recorder;
    pthread_mutex_lock(&writer->mutex);
    recorder->next = writer->added;
    writer->added = recorder;
    pthread_mutex_unlock(&writer->mutex);
    ms_waker_ring(&writer->waker);
    return MS_OK;
}

static void keep(ms_recorder_t *recorder, const int16_t *sent, const int16_t *received, uint32_t n) {
    int16_t frames[2 * MS_RECORDER_FRAMES];
    for (uint32_t i = 0; i < n; i++) {
        int16_t heard = received == NULL ? 0 : received[i];
        if (recorder->channels == 2) {
            frames[2 * i] = sent[i];
            frames[2 * i + 1] = heard;
        } else {
            int32_t sum = sent[i] + heard;
            frames[i] = (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
        }
    }
    ms_pcm_ring_write(&recorder->ring, frames, n * recorder->channels);
}

static void lose(ms_recorder_t *recorder, uint32_t n, ms_event_ring_t *events, int64_t now) {
    atomic_fetch_add_explicit(&recorder->dropped, n, memory_order_relaxed);
    if (recorder->stalled)
        return;
    recorder->stalled = true;
    ms_event_t event = {.kind = MS_EVENT_RECORDING_STALLED, .stream_id = recorder->stream_id,
                        .reference = recorder->id, .value = RING_SECONDS * 1000, .time = now};
    ms_event_ring_put(events, &event);
}

ms_recorder_t *ms_recorder_put(ms_recorder_t *recorder, const int16_t *sent, const int16_t *received, uint32_t n,
                               ms_event_ring_t *events, int64_t now) {
    if (atomic_load_explicit(&recorder->failure, memory_order_relaxed) != 0) {
        ms_recorder_end(recorder);
        return NULL;
    }
    if (recorder->paused)
        return recorder;
    if (ms_pcm_ring_space(&recorder->ring) < n * recorder->channels) {
        lose(recorder, n, events, now);
    } else {
        recorder->stalled = false;
        keep(recorder, sent, received, n);
    }
    return recorder;
}

void ms_recorder_end(ms_recorder_t *recorder) { atomic_store(&recorder->ended, true); }

uint32_t ms_recorder_read(ms_recorder_t *recorder, int16_t *samples, uint32_t n) {
    uint32_t read = ms_pcm_ring_read(&recorder->ring, samples, n - n % recorder->channels);
    recorder->frames += read / recorder->channels;
    return read;
}

bool ms_recorder_ended(const ms_recorder_t *recorder) { return atomic_load(&recorder->ended); }

void ms_recorder_finish(ms_recorder_t *recorder, int failure) {
    if (failure != 0)
        atomic_store(&recorder->failure, failure);
    atomic_store(&recorder->finished, true);
}
