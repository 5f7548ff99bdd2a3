/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* A time zone's file: what is taken tells dates that are dates, and a moment of
 * each that is it again, or the first after a gap. */
#include <stdlib.h>

#include "base/zone.h"

#define DAY_S	INT64_C(86400)
#define MOMENTS 64
#define STEP_S	INT64_C(99999999) /* three years and some hours */
#define REACH_S INT64_C(93599)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_moment(const struct zone *z, int64_t when)
{
	struct zone_time t, again;
	int64_t moment;

	zone_local(z, when, &t);
	if (t.month < 1 || t.month > 12 || t.day < 1 || t.day > 31 ||
	    t.hour > 23 || t.minute > 59 || t.second > 59 || t.weekday < 1 ||
	    t.weekday > 7 || t.iso_week < 1 || t.iso_week > 53 ||
	    t.day_number * DAY_S + t.hour * INT64_C(3600) +
		    t.minute * INT64_C(60) + t.second !=
		when + t.offset_s)
		abort();
	if (t.second != 0)
		return;
	/* This minute begins when; the first that does can't be later. */
	moment = zone_moment(z, t.day_number, t.hour, t.minute);
	zone_local(z, moment, &again);
	if (moment > when || moment < when - 2 * REACH_S ||
	    again.day_number != t.day_number || again.hour != t.hour ||
	    again.minute != t.minute || again.second != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = ERR_INIT;
	SCOPED(zone_freep) struct zone *z = zone_parse("fuzz", p, n, &e);

	if (z == NULL) {
		if (e.kind != ERR_CORRUPT)
			abort();
		return (0);
	}
	for (int64_t i = -MOMENTS / 2; i < MOMENTS; i++)
		check_moment(z, i * STEP_S / 60 * 60);
	return (0);
}
