/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a branch's schedule setting means: how far apart its runs are, which is
 * what "are we safe?" asks, and when the next one is.
 */
#ifndef REPOSITORY_SCHEDULE_H
#define REPOSITORY_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct zone;

#define SCHEDULE_EXPECTED                                                      \
	"hourly, 02:30, 02:30,14:30 or mon-fri 22:00, and behind it if "       \
	"you like a time zone such as Europe/Brussels"

/* Does it mean anything? */
bool schedule_is_good(const char *text);

/*
 * The longest time between two runs of "hourly", "02:30", "02:30,14:30" or
 * "mon-fri 22:00", each with a time zone behind it or not, in seconds.
 * Fails: ERR_CONFIG saying what is expected.
 */
int schedule_longest_gap(
    const char *text, uint64_t *seconds, struct err *e) MUST_USE;

#define SCHEDULE_ZONE_TEXT 64
/* The zone that stands behind it, or "". */
void schedule_zone(const char *text, char out[SCHEDULE_ZONE_TEXT]);
/*
 * The first run after a moment, by the clocks of a zone. A time that clocks
 * skip is as long after the gap as it is behind its start; of one that comes
 * twice it is the first. Fails: ERR_CONFIG saying what is expected.
 */
int schedule_next(const char *text, const struct zone *z, int64_t after,
    int64_t *next, struct err *e) MUST_USE;

#endif
