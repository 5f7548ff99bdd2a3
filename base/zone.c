/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A moment flows in, local time flows out, and back. Both ask one question: in
 * which span of one offset is this moment? A span comes out of the file's
 * table, or, after the table's last time, out of its rule.
 */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/zone_impl.h"
#include "base/zone_name.h"

static struct zone *
zone_new(const char *name)
{
	struct zone *z = mem_new(sizeof(*z));

	(void)snprintf(z->name, sizeof(z->name), "%s", name);
	return (z);
}

struct zone *
zone_parse(const char *name, const void *p, size_t n, struct err *e)
{
	SCOPED(zone_freep) struct zone *z = zone_new(name);
	struct bytes file = bytes_of(p, n);

	if (zone_file_read(z, &file, e) < 0)
		return (NULL);
	return (TAKE(z));
}

struct zone *
zone_open(const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf file = BUF_INIT;
	struct zone *z;

	if (strcmp(name, "UTC") == 0)
		return (zone_new(name));
	if (zone_name_load(name, &file, e) < 0)
		return (NULL);
	if ((z = zone_parse(name, file.p, file.n, e)) == NULL)
		(void)err_within(e, "time zone %s", name);
	return (z);
}

void
zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->times);
	free(z->offsets);
	free(z);
}

void
zone_freep(struct zone **z)
{
	zone_free(*z);
	*z = NULL;
}

const char *
zone_name(const struct zone *z)
{
	return (z->name);
}

/* How many of the table's times are not after a moment. */
static size_t
times_until(const struct zone *z, int64_t when)
{
	size_t low = 0, high = z->ntimes, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (z->times[middle] <= when)
			low = middle + 1;
		else
			high = middle;
	}
	return (low);
}

static struct zone_span
span_at(const struct zone *z, int64_t when)
{
	size_t n = times_until(z, when);
	struct zone_span span = { INT64_MIN, INT64_MAX, z->first };

	if (n == z->ntimes && z->has_rule)
		zone_rule_span(&z->rule, when, &span);
	else if (n > 0)
		span.offset_s = z->offsets[n - 1];
	if (n > 0 && span.begin < z->times[n - 1])
		span.begin = z->times[n - 1];
	if (n < z->ntimes)
		span.end = z->times[n];
	return (span);
}

static void
fill_week(struct zone_time *t)
{
	/* 1970-01-01 was a Thursday, and a week is of its Thursday's year. */
	int64_t from_monday = t->day_number + 3 -
	    civil_floor_div(t->day_number + 3, 7) * 7;
	int64_t thursday = t->day_number - from_monday + 3, year;

	year = civil_of(thursday).year;
	t->weekday = (unsigned)from_monday + 1;
	t->iso_year = (int)year;
	t->iso_week = (unsigned)((thursday - civil_days(year, 1, 1)) / 7) + 1;
}

/* Within what can be counted. */
static int64_t
within_reach(int64_t when)
{
	if (when < -ZONE_TIME_MOST)
		return (-ZONE_TIME_MOST);
	return (when > ZONE_TIME_MOST ? ZONE_TIME_MOST : when);
}

void
zone_local(const struct zone *z, int64_t when, struct zone_time *out)
{
	int32_t offset = span_at(z, within_reach(when)).offset_s;
	int64_t local = within_reach(when) + offset;
	unsigned rest;
	struct civil date;

	out->offset_s = offset;
	out->day_number = civil_floor_div(local, CIVIL_DAY_S);
	rest = (unsigned)(local - out->day_number * CIVIL_DAY_S);
	date = civil_of(out->day_number);
	out->year = (int)date.year;
	out->month = date.month;
	out->day = date.day;
	out->hour = rest / 3600;
	out->minute = rest / 60 % 60;
	out->second = rest % 60;
	fill_week(out);
}

int64_t
zone_moment(
    const struct zone *z, int64_t day_number, unsigned hour, unsigned minute)
{
	int64_t most = ZONE_TIME_MOST / CIVIL_DAY_S, day = day_number, local;
	struct zone_span span;

	day = day < -most ? -most : day > most ? most : day;
	local = day * CIVIL_DAY_S + (int64_t)hour * 3600 + minute * INT64_C(60);
	/* The first moment at which any clock could show it, and on. */
	span = span_at(z, local - ZONE_OFFSET_MOST);
	for (;;) {
		struct zone_span next;

		if (local - span.offset_s < span.end)
			return (local - span.offset_s);
		next = span_at(z, span.end);
		/* Skipped: as the clocks before the gap would have it. */
		if (local - next.offset_s < next.begin)
			return (local - span.offset_s);
		span = next;
	}
}
