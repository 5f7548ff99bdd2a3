/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many bytes a second may be uploaded, by the hour: a rate, and other ones
 * for parts of the day. A value type.
 */
#ifndef STORAGE_DRIVERS_RATE_H
#define STORAGE_DRIVERS_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATE_HOURS_MAX 8
#define RATE_LEAST     ((uint64_t)16 << 10) /* less would look like a dead line */
#define RATE_DAY       (24 * 60)	    /* minutes */
#define RATE_EXPECTED                                                          \
	"bytes a second, at least 16K, or none, and other ones for parts of "  \
	"the day: 20M, 06:00-20:00 5M"

struct rate {
	uint64_t bytes_s; /* 0: no limit */
	size_t nhours;
	struct rate_hours {
		unsigned from, to; /* minutes of the day; to may be earlier:
				      over midnight */
		uint64_t bytes_s;
	} hours[RATE_HOURS_MAX]; /* the first that holds counts */
};

/* "20M, 06:00-20:00 5M, 20:00-23:30 none". False: *out is as it was. */
bool rate_parse(const char *text, struct rate *out);
/* Bytes a second at a minute of the day, 0 to RATE_DAY - 1; 0: no limit. */
uint64_t rate_at(const struct rate *r, unsigned minute);
/* Is there ever a limit? */
bool rate_limits(const struct rate *r);

#endif
