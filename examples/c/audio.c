/* Call a URI, send a tone, and tell how loud what comes back is: raw sound both ways.
 *
 *     gcc -Wall -Werror audio.c $(microsip-config --cflags --libs) -lm -o audio && ./audio sip:echo@127.0.0.1:5070
 */
#include <math.h>
#include <microsip.h>
#include <stdio.h>
#include <unistd.h>

enum { RATE = 8000, FRAME = RATE / 50, FRAMES = 75 };

int main(int argc, char **argv)
{
    int16_t tone[FRAME], heard[FRAME];
    double sum = 0;
    long count = 0;
    if (argc != 2 || sip_init() < 0)
        return 2;
    int call = sip_invite(argv[1], "audio");
    if (call < 0) {
        fprintf(stderr, "%s\n", sip_error_text());
        return 1;
    }
    for (int frame = 0; frame < FRAMES; frame++) {
        for (int i = 0; i < FRAME; i++)
            tone[i] = (int16_t)(10000 * sin(2 * 3.14159265 * 440 * (frame * FRAME + i) / RATE));
        sip_media_write(call, tone, FRAME);
        int got = sip_media_read(call, heard, FRAME);
        for (int i = 0; i < got && frame > FRAMES / 2; i++, count++)
            sum += (double)heard[i] * heard[i];
        usleep(20000);
    }
    sip_media_stream_t streams[2];
    int known = sip_media_stats(call, streams, 2);
    for (int i = 0; i < known && i < 2; i++)
        printf("%s %s: %lld packets, %lld lost\n", streams[i].dir, streams[i].codec, (long long)streams[i].packets,
               (long long)streams[i].lost);
    printf("heard %.0f\n", count ? sqrt(sum / (double)count) : 0);
    sip_hangup(call);
    return 0;
}
