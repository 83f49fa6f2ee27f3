/* Register, call somebody, hang up: the smallest program there is.
 *
 *     gcc -Wall -Werror call.c $(microsip-config --cflags --libs) -o call && ./call
 */
#include <microsip.h>

int main(void)
{
    sip_init();
    sip_create_account("sip:user@domain.com", "password");
    sip_set_proxy("sip:proxy@domain.com");
    sip_invite("sip:remote@endpoint.com", "audio");
    sip_answer();
    sip_hangup();
    return 0;
}
