/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of base/zone share: the table of a TZif file and the rule in
 * its footer. For them alone.
 */
#ifndef BASE_ZONE_IMPL_H
#define BASE_ZONE_IMPL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/zone.h"

#define ZONE_NAME_TEXT	     64
#define ZONE_TRANSITIONS_MAX 16384
#define ZONE_TYPES_MAX	     256
#define ZONE_CHARS_MAX	     4096
#define ZONE_LEAPS_MAX	     1024
#define ZONE_FOOTER_MAX	     256
/* The least and the greatest offset that RFC 8536 knows: less than 25 hours
 * behind, 26 ahead. */
#define ZONE_OFFSET_LEAST INT32_C(-89999)
#define ZONE_OFFSET_MOST  INT32_C(93599)
/* Before and after it nothing is counted exactly; about 31.7 million years. */
#define ZONE_TIME_MOST INT64_C(1000000000000000)

/* A time during which the offset stays the same: from begin until before end.
 */
struct zone_span {
	int64_t begin, end; /* INT64_MIN, INT64_MAX: open */
	int32_t offset_s;
};

/* When the clocks change, each year: M3.5.0/1, J60 or 59. */
enum zone_day { ZONE_DAY_OF_WEEK, ZONE_DAY_BUT_LEAP, ZONE_DAY_OF_YEAR };
struct zone_change {
	enum zone_day kind;
	unsigned month, week, day; /* day of the week (0 Sunday), or year */
	int32_t time_s;		   /* local, of the time before the change */
};

/* "CET-1CEST,M3.5.0,M10.5.0/3". "summer" is what it calls so. */
struct zone_rule {
	bool has_summer;
	int32_t offset_s, summer_offset_s;
	struct zone_change start, end; /* of the summer */
};
/* False when the n bytes are no rule. */
bool zone_rule_parse(const char *text, size_t n, struct zone_rule *out);
void zone_rule_span(
    const struct zone_rule *r, int64_t when, struct zone_span *out);

struct zone {
	char name[ZONE_NAME_TEXT];
	size_t ntimes;
	int64_t *times;	  /* ascending; the offset changes at each; owned */
	int32_t *offsets; /* from each time on; owned */
	int32_t first;	  /* the offset before the first */
	bool has_rule;	  /* for what comes after the last */
	struct zone_rule rule;
};

/* Fills all but the name of an empty zone. Fails: ERR_CORRUPT; what was filled
 * is zone_free's then as well. */
int zone_file_read(
    struct zone *z, const struct bytes *file, struct err *e) MUST_USE;

#endif
