/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local time by the system's time zone database (RFC 8536, TZif), for any zone
 * in any thread: libc's own has one zone for the whole process.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct zone;

/* name is one of the database's ("Europe/Brussels"), or "UTC", which needs no
 * database. Fails: ERR_MISSING (no such zone, or no database here),
 * ERR_CORRUPT.
 */
struct zone *zone_open(const char *name, struct err *e) MUST_USE;
/* The same from a file's bytes, whatever they are. Fails: ERR_CORRUPT. */
struct zone *zone_parse(
    const char *name, const void *p, size_t n, struct err *e) MUST_USE;
void zone_free(struct zone *z);
void zone_freep(struct zone **z);
const char *zone_name(const struct zone *z);

struct zone_time {
	int year;
	unsigned month, day;	       /* from 1 */
	unsigned hour, minute, second; /* second never 60 */
	unsigned weekday;	       /* 1 Monday to 7 Sunday */
	int64_t day_number; /* days since 1970-01-01 of the local date */
	int iso_year;
	unsigned iso_week; /* 1 to 53 */
	int32_t offset_s;  /* local less UTC */
};
/* Moments before or after the next 30 million years are taken for the first or
 * the last of them. */
void zone_local(const struct zone *z, int64_t when, struct zone_time *out);
/*
 * The moment of a local date and time. One that comes twice (clocks go back)
 * is the first of the two; one that is skipped is the moment after the gap that
 * is as far behind it as the time is behind its start.
 */
int64_t zone_moment(
    const struct zone *z, int64_t day_number, unsigned hour, unsigned minute);

#endif
