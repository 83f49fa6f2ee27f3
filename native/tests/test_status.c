/* Every status has a text of its own. */
#include "check.h"
#include "microsip_media.h"

static void every_status_has_its_own_text(void) {
    for (int status = MS_ELIMIT; status <= MS_OK; status++) {
        CHECK(strcmp(ms_status_text((ms_status_t)status), ms_status_text((ms_status_t)1)) != 0);
        for (int other = status + 1; other <= MS_OK; other++)
            CHECK(strcmp(ms_status_text((ms_status_t)status), ms_status_text((ms_status_t)other)) != 0);
    }
}

int main(void) {
    RUN(every_status_has_its_own_text);
    return check_result("status");
}
