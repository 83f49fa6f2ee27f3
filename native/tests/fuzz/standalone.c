/* Runs a fuzz target without libFuzzer: every file of the corpus, then N mutations of them from a fixed seed.

   program [-n MUTATIONS] [-s SEED] [FILE or FOLDER]... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SEEDS_MAX 1024
#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct seed {
    uint8_t *bytes;
    size_t length;
} seed_t;

static seed_t seeds[SEEDS_MAX];
static size_t seed_count;
static uint64_t state = 1;

static uint32_t next_random(void) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33);
}

/* From memory of exactly its size, so that the sanitizers see a read past the end. */
static void run(const uint8_t *bytes, size_t length) {
    uint8_t *exact = malloc(length > 0 ? length : 1);
    if (exact == NULL)
        exit(2);
    memcpy(exact, bytes, length);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
}

static void add_file(const char *path) {
    FILE *file = fopen(path, "rb");
    static uint8_t bytes[INPUT_MAX];
    if (file == NULL || seed_count == SEEDS_MAX) {
        fprintf(stderr, "%s can not be read\n", path);
        exit(2);
    }
    seed_t *seed = &seeds[seed_count++];
    seed->length = fread(bytes, 1, sizeof bytes, file);
    seed->bytes = malloc(seed->length + 1);
    if (seed->bytes == NULL)
        exit(2);
    memcpy(seed->bytes, bytes, seed->length);
    fclose(file);
}

static void add(const char *path) {
    DIR *folder = opendir(path);
    char name[4096];
    if (folder == NULL) {
        add_file(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            add_file(name);
    }
    closedir(folder);
}

/* A few flips, interesting octets, cuts, insertions, and the tail of another seed. */
static size_t mutate(uint8_t *bytes, size_t length) {
    static const uint8_t INTERESTING[] = {0, 1, 0x7f, 0x80, 0xff, 0xc8, 0x20, 0x40};
    for (uint32_t change = next_random() % 6 + 1; change > 0; change--) {
        size_t at = length > 0 ? next_random() % length : 0;
        switch (next_random() % 6) {
        case 0: if (length > 0) bytes[at] ^= (uint8_t)(1U << next_random() % 8); break;
        case 1: if (length > 0) bytes[at] = INTERESTING[next_random() % sizeof INTERESTING]; break;
        case 2: if (length > 0) bytes[at] = (uint8_t)next_random(); break;
        case 3: length = at; break;
        case 4:
            if (length + 4 < INPUT_MAX) {
                memmove(bytes + at + 4, bytes + at, length - at);
                length += 4;
            }
            break;
        default:
            if (seed_count > 0) {
                const seed_t *other = &seeds[next_random() % seed_count];
                size_t from = other->length > 0 ? next_random() % other->length : 0, part = other->length - from;
                part = part < INPUT_MAX - at ? part : INPUT_MAX - at;
                memcpy(bytes + at, other->bytes + from, part);
                length = at + part > length ? at + part : length;
            }
        }
    }
    return length;
}

int main(int argc, char **argv) {
    long mutations = 100000;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            mutations = atol(argv[++i]);
        else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
            state = strtoull(argv[++i], NULL, 10);
        else
            add(argv[i]);
    }
    for (size_t i = 0; i < seed_count; i++)
        run(seeds[i].bytes, seeds[i].length);
    for (long i = 0; i < mutations; i++) {
        static uint8_t bytes[INPUT_MAX];
        size_t length = 0;
        if (seed_count > 0) {
            const seed_t *seed = &seeds[next_random() % seed_count];
            length = seed->length;
            memcpy(bytes, seed->bytes, length);
        }
        run(bytes, mutate(bytes, length));
    }
    printf("%zu seeds, %ld mutations\n", seed_count, mutations);
    for (size_t i = 0; i < seed_count; i++)
        free(seeds[i].bytes);
    return seed_count > 0 ? 0 : 2;
}
