/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TZif file (RFC 8536, RFC 9636; versions 1 to 4) flows in, a table of
 * offsets flows out. Integers are big-endian. Files from version 2 on hold the
 * table twice, with times of 4 and of 8 bytes; the second is read, and the rule
 * behind it.
 *
 *   file  = block                            version 1
 *         | block block "\n" rule "\n"       versions 2 to 4
 *   block = "TZif" version:u8 zero[15] isut:u32 isstd:u32 leaps:u32 times:u32
 *           types:u32 chars:u32
 *           time[times] type:u8[times] { offset:i32 summer:u8 name:u8 }[types]
 *           char[chars] { time corr:i32 }[leaps] u8[isstd] u8[isut]
 *
 * Zones "right/…" count leap seconds in their times. Ours does not: they are
 * taken off.
 */
#include <stdlib.h>
#include <string.h>

#include "base/zone_impl.h"

#define MAGIC	     "TZif"
#define RESERVED     15
#define TYPE_BYTES   6
#define CORR_BYTES   4
#define TIMES_REACH  (INT64_C(1) << 59) /* RFC 8536: nothing is before */
#define OLD_TIME     4			/* bytes, in a block of version 1 */
#define NEW_TIME     8
#define VERSION_LAST '4'

struct block {
	uint8_t version; /* 0, or '2' to '4' */
	size_t time_bytes;
	uint32_t isut, isstd, leaps, times, types, chars;
};

static int
corrupt(struct err *e, const char *what)
{
	return (err_set(e, ERR_CORRUPT, "no good time zone file: %s", what));
}

static uint32_t
get_u32(struct bytes *b)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | bytes_u8(b);
	return (v);
}

static int64_t
get_time(struct bytes *b, size_t bytes)
{
	uint64_t high = 0;
	uint32_t low;

	if (bytes == OLD_TIME)
		return ((int32_t)get_u32(b));
	high = get_u32(b);
	low = get_u32(b);
	return ((int64_t)(high << 32 | low));
}

/* The head of a block; its counts are within their limits after it. */
static int
read_head(struct bytes *b, size_t time_bytes, struct block *out, struct err *e)
{
	const uint8_t *magic = bytes_take(b, strlen(MAGIC));

	if (magic == NULL || memcmp(magic, MAGIC, strlen(MAGIC)) != 0)
		return (corrupt(e, "it does not begin with " MAGIC));
	out->time_bytes = time_bytes;
	out->version = bytes_u8(b);
	(void)bytes_take(b, RESERVED);
	out->isut = get_u32(b);
	out->isstd = get_u32(b);
	out->leaps = get_u32(b);
	out->times = get_u32(b);
	out->types = get_u32(b);
	out->chars = get_u32(b);
	if (b->bad)
		return (corrupt(e, "it is cut"));
	if (out->version != 0 &&
	    (out->version < '2' || out->version > VERSION_LAST))
		return (corrupt(e, "its version is none of 1 to 4"));
	if (out->times > ZONE_TRANSITIONS_MAX || out->types > ZONE_TYPES_MAX ||
	    out->chars > ZONE_CHARS_MAX || out->leaps > ZONE_LEAPS_MAX ||
	    out->isstd > ZONE_TYPES_MAX || out->isut > ZONE_TYPES_MAX)
		return (corrupt(e, "a count in its head is too large"));
	return (0);
}

static int
skip_block(struct bytes *b, const struct block *k, struct err *e)
{
	size_t n = k->times * (k->time_bytes + 1) +
	    (size_t)k->types * TYPE_BYTES + k->chars +
	    k->leaps * (k->time_bytes + CORR_BYTES) + k->isstd + k->isut;

	return (bytes_take(b, n) != NULL ? 0 : corrupt(e, "it is cut"));
}

static int
read_times(
    struct bytes *b, const struct block *k, struct zone *z, struct err *e)
{
	z->times = mem_array((size_t)k->times + 1, sizeof(*z->times));
	z->offsets = mem_array((size_t)k->times + 1, sizeof(*z->offsets));
	z->ntimes = k->times;
	for (size_t i = 0; i < z->ntimes; i++) {
		z->times[i] = get_time(b, k->time_bytes);
		if (z->times[i] < -TIMES_REACH || z->times[i] > TIMES_REACH)
			return (corrupt(e, "one of its times is beyond reach"));
	}
	return (0);
}

/* Types are named before they are told: the names wait in the offsets. */
static int
read_type_numbers(
    struct bytes *b, const struct block *k, struct zone *z, struct err *e)
{
	for (size_t i = 0; i < z->ntimes; i++) {
		z->offsets[i] = bytes_u8(b);
		if ((uint32_t)z->offsets[i] >= k->types)
			return (corrupt(e, "it names a type that it lacks"));
	}
	return (0);
}

static int
read_types(
    struct bytes *b, const struct block *k, struct zone *z, struct err *e)
{
	int32_t offsets[ZONE_TYPES_MAX] = { 0 };

	if (k->types == 0 || k->chars == 0)
		return (corrupt(e, "it has no types"));
	if ((k->isstd != 0 && k->isstd != k->types) ||
	    (k->isut != 0 && k->isut != k->types))
		return (corrupt(e, "its counts contradict one another"));
	for (size_t i = 0; i < k->types; i++) {
		offsets[i] = (int32_t)get_u32(b);
		if (offsets[i] < ZONE_OFFSET_LEAST ||
		    offsets[i] > ZONE_OFFSET_MOST)
			return (corrupt(e, "an offset is more than a day"));
		if (bytes_u8(b) > 1)
			return (corrupt(e, "a type is neither 0 nor 1"));
		if (bytes_u8(b) >= k->chars)
			return (corrupt(e, "a name begins past its end"));
	}
	z->first = offsets[0];
	for (size_t i = 0; i < z->ntimes; i++)
		z->offsets[i] = offsets[z->offsets[i]];
	return (0);
}

/* Names say nothing to us, but have to end. */
static int
read_names(struct bytes *b, const struct block *k, struct err *e)
{
	const uint8_t *names = bytes_take(b, k->chars);

	if (names == NULL)
		return (corrupt(e, "it is cut"));
	return (
	    names[k->chars - 1] == 0 ? 0 : corrupt(e, "a name does not end"));
}

/* Takes the leap seconds off the times that come after them. */
static int
read_leaps(
    struct bytes *b, const struct block *k, struct zone *z, struct err *e)
{
	int64_t when, last = INT64_MIN;
	int32_t corr, before = 0;
	size_t at = 0;

	for (uint32_t i = 0; i < k->leaps; i++, last = when, before = corr) {
		when = get_time(b, k->time_bytes);
		corr = (int32_t)get_u32(b);
		if (when < 0 || when > TIMES_REACH || when <= last ||
		    corr < -ZONE_OFFSET_MOST || corr > ZONE_OFFSET_MOST)
			return (
			    corrupt(e, "its leap seconds are out of order"));
		for (; at < z->ntimes && z->times[at] < when; at++)
			z->times[at] -= before;
	}
	for (; at < z->ntimes; at++)
		z->times[at] -= before;
	return (0);
}

/* Whether times are in standard or universal time is for those who make other
 * zones of this one. */
static int
read_indicators(struct bytes *b, const struct block *k, struct err *e)
{
	for (uint32_t i = 0; i < k->isstd + k->isut; i++)
		if (bytes_u8(b) > 1)
			return (corrupt(e, "an indicator is neither 0 nor 1"));
	return (0);
}

static int
check_order(const struct zone *z, struct err *e)
{
	for (size_t i = 1; i < z->ntimes; i++)
		if (z->times[i] <= z->times[i - 1])
			return (corrupt(e, "its times are out of order"));
	return (0);
}

static int
read_block(
    struct bytes *b, const struct block *k, struct zone *z, struct err *e)
{
	if (read_times(b, k, z, e) < 0 || read_type_numbers(b, k, z, e) < 0 ||
	    read_types(b, k, z, e) < 0 || read_names(b, k, e) < 0 ||
	    check_order(z, e) < 0 || read_leaps(b, k, z, e) < 0 ||
	    read_indicators(b, k, e) < 0)
		return (-1);
	return (b->bad ? corrupt(e, "it is cut") : check_order(z, e));
}

static int
read_footer(struct bytes *b, struct zone *z, struct err *e)
{
	const char *text;
	size_t n = b->n;

	if (n < 2 || n - 2 > ZONE_FOOTER_MAX || b->p[0] != '\n' ||
	    b->p[n - 1] != '\n')
		return (corrupt(e, "its last line is cut, or too long"));
	text = (const char *)b->p + 1;
	(void)bytes_take(b, n);
	if (n == 2)
		return (0);
	if (!zone_rule_parse(text, n - 2, &z->rule))
		return (corrupt(e, "its last line is no rule"));
	z->has_rule = true;
	return (0);
}

int
zone_file_read(struct zone *z, const struct bytes *file, struct err *e)
{
	struct bytes b = *file;
	struct block k = { .version = 0 };

	if (read_head(&b, OLD_TIME, &k, e) < 0)
		return (-1);
	if (k.version != 0) {
		uint8_t version = k.version;

		if (skip_block(&b, &k, e) < 0 ||
		    read_head(&b, NEW_TIME, &k, e) < 0)
			return (-1);
		if (k.version != version)
			return (corrupt(e, "its two halves differ in version"));
		return (
		    read_block(&b, &k, z, e) < 0 ? -1 : read_footer(&b, z, e));
	}
	if (read_block(&b, &k, z, e) < 0)
		return (-1);
	return (bytes_done(&b) ? 0 : corrupt(e, "something follows its end"));
}
