/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/*
 * Local time: as the C library has it, in many zones at many moments; the rule
 * behind a file's table; and files that are not what they should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/civil.h"
#include "base/zone.h"

#define DATABASE "/usr/share/zoneinfo"
#define DAY	 INT64_C(86400)
#define FROM	 INT64_C(0)	     /* 1970 */
#define TO	 INT64_C(4133980800) /* 2101 */
/* 2025: nobody knows the leap seconds to come, and these zones have no rule. */
#define LEAPS_UNTIL INT64_C(1735689600)
#define REACH	    54000 /* seconds; more than any of these zones is off */
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

static const char *const zones[] = { "UTC", "Europe/Brussels", "Europe/London",
	"Europe/Dublin", "Europe/Moscow", "Europe/Istanbul", "America/New_York",
	"America/St_Johns", "America/Sao_Paulo", "America/Santiago",
	"America/Asuncion", "America/Nuuk", "America/Havana", "America/Caracas",
	"America/Adak", "Africa/Casablanca", "Africa/Cairo", "Africa/Monrovia",
	"Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran", "Asia/Gaza",
	"Asia/Beirut", "Asia/Pyongyang", "Australia/Lord_Howe",
	"Australia/Eucla", "Australia/Sydney", "Pacific/Apia",
	"Pacific/Kwajalein", "Pacific/Chatham", "Pacific/Norfolk",
	"Pacific/Kiritimati", "Antarctica/Troll", "Antarctica/Casey",
	"Etc/GMT+12", "Etc/GMT-14", "EST5EDT", "Factory" };

/* xorshift64*: the same in every run. */
static uint64_t
noise(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (*seed * UINT64_C(2685821657736338717));
}

/* No other thread runs while a test sets the environment. */
static void
let_libc_use(const char *zone)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static struct zone *
open_zone(const char *name)
{
	struct err e = ERR_INIT;
	struct zone *z = zone_open(name, &e);

	if (z == NULL)
		fail_msg("%s", e.text);
	assert_string_equal(zone_name(z), name);
	return (z);
}

static bool
has_database(void)
{
	return (access(DATABASE "/zone.tab", R_OK) == 0);
}

/* --- as the C library has it --- */

static void
compare(const struct zone *z, int64_t when)
{
	struct zone_time ours;
	struct tm theirs;
	time_t t = (time_t)when;
	char week[16], said[16];

	zone_local(z, when, &ours);
	assert_non_null(localtime_r(&t, &theirs));
	assert_true(strftime(week, sizeof(week), "%G-%V", &theirs) > 0);
	(void)snprintf(
	    said, sizeof(said), "%d-%02u", ours.iso_year, ours.iso_week);
	if (ours.offset_s != theirs.tm_gmtoff ||
	    ours.year != theirs.tm_year + 1900 ||
	    (int)ours.month != theirs.tm_mon + 1 ||
	    (int)ours.day != theirs.tm_mday ||
	    (int)ours.hour != theirs.tm_hour ||
	    (int)ours.minute != theirs.tm_min ||
	    (int)ours.second != theirs.tm_sec ||
	    (int)(ours.weekday % 7) != theirs.tm_wday ||
	    strcmp(week, said) != 0)
		fail_msg(
		    "%s at %lld: offset %d, %d-%u-%u %u:%u:%u, week %s; expected %ld, %d-%d-%d %d:%d:%d, %s",
		    zone_name(z), (long long)when, ours.offset_s, ours.year,
		    ours.month, ours.day, ours.hour, ours.minute, ours.second,
		    said, theirs.tm_gmtoff, theirs.tm_year + 1900,
		    theirs.tm_mon + 1, theirs.tm_mday, theirs.tm_hour,
		    theirs.tm_min, theirs.tm_sec, week);
	assert_true(
	    civil_days(ours.year, ours.month, ours.day) == ours.day_number);
}

static long
libc_offset(int64_t when)
{
	struct tm tm;
	time_t t = (time_t)when;

	assert_non_null(localtime_r(&t, &tm));
	return (tm.tm_gmtoff);
}

/* The first second with another offset than that of from, in (from, to]. */
static int64_t
edge_between(int64_t from, int64_t to)
{
	long before = libc_offset(from);

	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;

		if (libc_offset(middle) == before)
			from = middle;
		else
			to = middle;
	}
	return (to);
}

/* Some moment of every other day, and the seconds around each change. */
static void
compare_days(const struct zone *z, int64_t to, uint64_t seed)
{
	long before = libc_offset(FROM), after;

	for (int64_t day = FROM; day < to; day += 2 * DAY, before = after) {
		compare(z, day + (int64_t)(noise(&seed) % (uint64_t)(2 * DAY)));
		after = libc_offset(day + 2 * DAY);
		if (after != before) {
			int64_t edge = edge_between(day, day + 2 * DAY);

			compare(z, edge - 1);
			compare(z, edge);
			compare(z, edge + 1);
		}
	}
}

static void
days_and_changes_are_as_libc_has_them(void **state)
{
	(void)state;
	if (!has_database())
		skip();
	for (size_t i = 0; i < COUNT(zones); i++) {
		SCOPED(zone_freep) struct zone *z = open_zone(zones[i]);

		let_libc_use(zones[i]);
		compare_days(z, TO, i + 1);
	}
}

/* The names of zone.tab, which are in its third column. */
static bool
next_zone(FILE *table, char name[64])
{
	char line[512];

	while (fgets(line, sizeof(line), table) != NULL)
		if (line[0] != '#' && sscanf(line, "%*s %*s %63s", name) == 1)
			return (true);
	return (false);
}

static void
every_zone_of_the_database_is_as_libc_has_it(void **state)
{
	SCOPED(scope_fclose) FILE *table = NULL;
	uint64_t seed = 42;
	char name[64];
	size_t n = 0;

	(void)state;
	if (!has_database())
		skip();
	table = fopen(DATABASE "/zone.tab", "re");
	assert_non_null(table);
	for (; next_zone(table, name); n++) {
		SCOPED(zone_freep) struct zone *z = open_zone(name);

		let_libc_use(name);
		for (int i = 0; i < 300; i++)
			compare(z, (int64_t)(noise(&seed) % (uint64_t)TO));
	}
	assert_true(n > 300);
}

/* The first moment at which libc's clocks show this local time, minute by
 * minute; else that after the gap, as the header says. */
static int64_t
search_moment(int64_t local)
{
	int64_t before = local - REACH;

	for (int64_t when = before; when < local + REACH; when += 60) {
		int64_t shown = when + libc_offset(when);

		if (shown == local)
			return (when);
		if (shown > local && before + libc_offset(before) < local) {
			int64_t edge = edge_between(before, when);
			int64_t start = edge + libc_offset(edge - 1);

			return (edge + local - start);
		}
		before = when;
	}
	fail_msg("no moment shows %lld", (long long)local);
	return (0);
}

static void
check_moments_of_day(const struct zone *z, int64_t day)
{
	for (unsigned minute = 0; minute < 1440; minute += 15) {
		int64_t ours = zone_moment(z, day, minute / 60, minute % 60);
		int64_t theirs = search_moment(
		    day * DAY + minute * INT64_C(60));

		if (ours != theirs)
			fail_msg("%s, day %lld, %u:%02u: %lld; expected %lld",
			    zone_name(z), (long long)day, minute / 60,
			    minute % 60, (long long)ours, (long long)theirs);
	}
}

/* Days with changes of every kind: forward and back, by an hour, half an hour,
 * a day; in the night, at midnight; in the table and by the rule. */
static void
moments_are_the_first_that_a_clock_shows(void **state)
{
	static const struct {
		const char *zone;
		int64_t year;
		unsigned month, day;
	} days[] = { { "UTC", 2026, 11, 22 },
		{ "Europe/Brussels", 2026, 3, 29 },
		{ "Europe/Brussels", 2026, 10, 25 },
		{ "Europe/Brussels", 2099, 3, 29 },
		{ "Europe/Brussels", 2099, 10, 25 },
		{ "America/Sao_Paulo", 2018, 11, 4 },
		{ "America/Sao_Paulo", 2018, 2, 17 },
		{ "America/St_Johns", 2007, 11, 4 },
		{ "America/St_Johns", 2007, 11, 3 },
		{ "Australia/Lord_Howe", 2026, 4, 5 },
		{ "Australia/Lord_Howe", 2026, 10, 4 },
		{ "Pacific/Apia", 2011, 12, 29 },
		{ "Pacific/Apia", 2011, 12, 30 },
		{ "Asia/Pyongyang", 2018, 5, 4 },
		{ "Asia/Gaza", 2060, 3, 20 } };

	(void)state;
	if (!has_database())
		skip();
	for (size_t i = 0; i < COUNT(days); i++) {
		SCOPED(zone_freep) struct zone *z = open_zone(days[i].zone);
		int64_t day = civil_days(
		    days[i].year, days[i].month, days[i].day);

		let_libc_use(days[i].zone);
		for (int64_t around = day - 1; around <= day + 1; around++)
			check_moments_of_day(z, around);
	}
}

static void
zones_that_count_leap_seconds_are_as_those_that_do_not(void **state)
{
	static const char *const names[] = { "Europe/Brussels",
		"America/New_York", "Australia/Lord_Howe" };

	(void)state;
	if (access(DATABASE "/right/UTC", R_OK) != 0)
		skip();
	for (size_t i = 0; i < COUNT(names); i++) {
		SCOPED(scope_free)
		char *right = mem_printf("right/%s", names[i]);
		SCOPED(zone_freep) struct zone *z = open_zone(right);

		let_libc_use(names[i]);
		compare_days(z, LEAPS_UNTIL, i + 1);
	}
}

/* --- without a database --- */

static void
weeks_and_leap_days_are_those_of_the_calendar(void **state)
{
	static const struct {
		int64_t year;
		unsigned month, day;
		int iso_year;
		unsigned week, weekday;
	} known[] = { { 2026, 12, 31, 2026, 53, 4 },
		{ 2027, 1, 1, 2026, 53, 5 }, { 2027, 1, 3, 2026, 53, 7 },
		{ 2027, 1, 4, 2027, 1, 1 }, { 2020, 12, 31, 2020, 53, 4 },
		{ 2024, 12, 30, 2025, 1, 1 }, { 2024, 2, 29, 2024, 9, 4 },
		{ 2000, 2, 29, 2000, 9, 2 }, { 2100, 3, 1, 2100, 9, 1 },
		{ 1970, 1, 1, 1970, 1, 4 }, { 1969, 12, 31, 1970, 1, 3 },
		{ 2005, 1, 1, 2004, 53, 6 } };
	SCOPED(zone_freep) struct zone *z = open_zone("UTC");
	struct zone_time t;

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		int64_t day = civil_days(
		    known[i].year, known[i].month, known[i].day);

		zone_local(z, day * DAY + DAY - 1, &t);
		assert_true(t.day_number == day);
		assert_int_equal(t.year, known[i].year);
		assert_int_equal(t.month, known[i].month);
		assert_int_equal(t.day, known[i].day);
		assert_int_equal(t.iso_year, known[i].iso_year);
		assert_int_equal(t.iso_week, known[i].week);
		assert_int_equal(t.weekday, known[i].weekday);
		assert_int_equal(t.hour, 23);
		assert_int_equal(t.second, 59);
		assert_int_equal(t.offset_s, 0);
		assert_true(zone_moment(z, day, 2, 30) == day * DAY + 9000);
	}
}

static void
no_moment_is_too_far_away(void **state)
{
	static const int64_t moments[] = { INT64_MIN, INT64_MIN + 1, -1, 0,
		INT64_MAX - 1, INT64_MAX };
	struct zone_time t;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		SCOPED(zone_freep)
		struct zone *z = open_zone(
		    i == 0 || !has_database() ? "UTC" : "Europe/Brussels");

		for (size_t k = 0; k < COUNT(moments); k++) {
			zone_local(z, moments[k], &t);
			assert_in_range(t.month, 1, 12);
			assert_in_range(t.day, 1, 31);
			assert_in_range(t.iso_week, 1, 53);
			(void)zone_moment(z, moments[k], 23, 59);
		}
	}
}

static void
names_lead_nowhere_else(void **state)
{
	static const char *const bad[] = { "", "../../etc/passwd",
		"/etc/passwd", "Europe/", "Europe/Nowhere", "zone.tab",
		"Europe" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		err_clear(&e);
		assert_null(zone_open(bad[i], &e));
		assert_int_not_equal(e.kind, ERR_NONE);
		assert_true(strlen(e.text) > 0);
	}
	assert_null(zone_open("Europe/Nowhere", &e));
	assert_int_equal(e.kind, ERR_MISSING);
}

/* --- files of our own --- */

struct change {
	int64_t when;
	uint8_t type;
};
struct file {
	uint8_t version;
	size_t nchanges, ntypes;
	const struct change *changes;
	const int32_t *types;
	const char *rule; /* NULL: without its line */
};

static void
put_u32(struct buf *b, uint32_t v)
{
	for (unsigned shift = 32; shift > 0; shift -= 8)
		buf_add_u8(b, (uint8_t)(v >> (shift - 8)));
}

static void
put_block(struct buf *b, const struct file *f, bool is_long)
{
	buf_add_string(b, "TZif");
	buf_add_u8(b, f->version);
	buf_add_zeros(b, 15);
	put_u32(b, 0);
	put_u32(b, 0);
	put_u32(b, 0);
	put_u32(b, (uint32_t)f->nchanges);
	put_u32(b, (uint32_t)f->ntypes);
	put_u32(b, 4);
	for (size_t i = 0; i < f->nchanges; i++) {
		if (is_long)
			put_u32(
			    b, (uint32_t)((uint64_t)f->changes[i].when >> 32));
		put_u32(b, (uint32_t)f->changes[i].when);
	}
	for (size_t i = 0; i < f->nchanges; i++)
		buf_add_u8(b, f->changes[i].type);
	for (size_t i = 0; i < f->ntypes; i++) {
		put_u32(b, (uint32_t)f->types[i]);
		buf_add_u8(b, 0);
		buf_add_u8(b, 0);
	}
	buf_add(b, "ABC", 4);
}

static void
put_file(struct buf *b, const struct file *f)
{
	put_block(b, f, false);
	if (f->version != 0)
		put_block(b, f, true);
	if (f->rule != NULL)
		buf_printf(b, "\n%s\n", f->rule);
}

static struct zone *
parse(const struct file *f, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	put_file(&b, f);
	err_clear(e);
	return (zone_parse("here", b.p, b.n, e));
}

static const int32_t two[] = { 3600, 7200 };
static const struct change once[] = { { 1000, 1 }, { 2000, 0 } };

static void
offset_is(const struct zone *z, int64_t when, int32_t offset)
{
	struct zone_time t;

	zone_local(z, when, &t);
	if (t.offset_s != offset)
		fail_msg("at %lld: %d; expected %d", (long long)when,
		    t.offset_s, offset);
}

static void
each_version_is_read(void **state)
{
	struct file f = { 0, 2, 2, once, two, NULL };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		SCOPED(zone_freep) struct zone *z = NULL;

		f.version = i == 0 ? 0 : (uint8_t)('1' + i);
		f.rule = i == 0 ? NULL : "";
		z = parse(&f, &e);
		if (z == NULL)
			fail_msg("%s", e.text);
		offset_is(z, 999, 3600);
		offset_is(z, 1000, 7200);
		offset_is(z, 1999, 7200);
		offset_is(z, 2000, 3600);
		offset_is(z, INT64_MAX, 3600);
	}
	f.version = '5';
	assert_null(parse(&f, &e));
	f.version = 1;
	assert_null(parse(&f, &e));
}

static void
the_rule_holds_after_the_table(void **state)
{
	static const struct {
		const char *rule;
		int64_t when;
		int32_t offset;
	} known[] = {
		/* 2026-01-01T00:00:00Z, and 2026-07-01 */
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1767225600, 3600 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1782864000, 7200 },
		/* At 01:00 UTC on 2026-03-29, and on 2026-10-25. */
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1774745999, 3600 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1774746000, 7200 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1792889999, 7200 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1792890000, 3600 },
		/* The other half of the world. */
		{ "NZST-12NZDT,M9.5.0,M4.1.0/3", 1767225600, 46800 },
		{ "NZST-12NZDT,M9.5.0,M4.1.0/3", 1782864000, 43200 },
		{ "<-0330>3:30", 1767225600, -12600 },
		{ "AAA-1:02:03", 1767225600, 3723 },
		/* Summer all the year, at the turn of one, and in it. */
		{ "EST5EDT,0/0,J365/25", 1767243599, -14400 },
		{ "EST5EDT,0/0,J365/25", 1767243600, -14400 },
		{ "EST5EDT,0/0,J365/25", 1782864000, -14400 },
		/* Of 2028: J60 is the 1st of March, 59 the 29th of February. */
		{ "AAA0BBB,J60/0,J70/0", 1835481599, 0 },
		{ "AAA0BBB,J60/0,J70/0", 1835481600, 3600 },
		{ "AAA0BBB,59/0,70/0", 1835395199, 0 },
		{ "AAA0BBB,59/0,70/0", 1835395200, 3600 },
		/* Two days before the first Sunday of the month. */
		{ "AAA0BBB,M3.1.0/-48,M10.1.0", 1772150399, 0 },
		{ "AAA0BBB,M3.1.0/-48,M10.1.0", 1772150400, 3600 },
	};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		struct file f = { '3', 0, 2, once, two, known[i].rule };
		SCOPED(zone_freep) struct zone *z = parse(&f, &e);

		if (z == NULL)
			fail_msg("%s: %s", known[i].rule, e.text);
		offset_is(z, known[i].when, known[i].offset);
	}
}

static void
a_rule_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = { "A", "AB1", "CET", "CET-", "CET-25",
		"CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M10.5.0/3,",
		"CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M0.5.0,M10.5.0",
		"CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,J0,M10.5.0",
		"CET-1CEST,J366,M10.5.0", "CET-1CEST,366,M10.5.0",
		"CET-1CEST,M3.5.0/168,M10.5.0", "CET-1:60", "CET-1:00:60",
		"<CET-1", "<A>-1", "CET-0001", "CET-1 ", " CET-1",
		"CET-1CEST,M3.5,M10.5.0", "CET-1CEST,M3.5.0/,M10.5.0" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct file f = { '2', 0, 1, once, two, bad[i] };

		if (parse(&f, &e) != NULL)
			fail_msg("'%s' is taken", bad[i]);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
}

static void
a_file_that_is_cut_anywhere_is_refused(void **state)
{
	static const struct file f = { '2', 2, 2, once, two,
		"CET-1CEST,M3.5.0,M10.5.0/3" };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	put_file(&b, &f);
	for (size_t n = 0; n < b.n; n++) {
		SCOPED(scope_free) uint8_t *exact = mem_new(n + 1);

		memcpy(exact, b.p, n);
		err_clear(&e);
		assert_null(zone_parse("cut", exact, n, &e));
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
	buf_add_u8(&b, '\n');
	assert_null(zone_parse("longer", b.p, b.n, &e));
}

static void
a_table_that_contradicts_itself_is_refused(void **state)
{
	static const struct change backwards[] = { { 2000, 1 }, { 1000, 0 } },
				   twice[] = { { 1000, 1 }, { 1000, 0 } },
				   no_type[] = { { 1000, 2 }, { 2000, 0 } },
				   too_far[] = { { INT64_MIN, 1 },
					   { 2000, 0 } };
	static const int32_t ahead[] = { 3600, 93600 },
			     behind[] = { -90000, 3600 };
	const struct file bad[] = { { '2', 2, 2, backwards, two, "" },
		{ '2', 2, 2, twice, two, "" }, { '2', 2, 2, no_type, two, "" },
		{ '2', 2, 2, too_far, two, "" }, { '2', 2, 2, once, ahead, "" },
		{ '2', 2, 2, once, behind, "" }, { '2', 0, 0, once, two, "" },
		{ '2', 2, 2, once, two, NULL } };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (parse(&bad[i], &e) != NULL)
			fail_msg("file %zu is taken", i);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
}

/* Each byte of a file changed, to each of some values: what is taken answers.
 */
static void
no_changed_byte_leads_astray(void **state)
{
	static const struct file f = { '2', 2, 2, once, two,
		"CET-1CEST,M3.5.0,M10.5.0/3" };
	static const uint8_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	size_t taken = 0;

	(void)state;
	put_file(&b, &f);
	for (size_t i = 0; i < b.n * COUNT(values); i++) {
		uint8_t *at = &b.p[i / COUNT(values)], was = *at;
		SCOPED(zone_freep) struct zone *z = NULL;
		struct zone_time t;

		*at = values[i % COUNT(values)];
		z = zone_parse("changed", b.p, b.n, &e);
		*at = was;
		if (z == NULL)
			continue;
		taken++;
		for (int64_t when = -DAY; when < 4 * DAY; when += 1000) {
			zone_local(z, when, &t);
			assert_in_range(t.month, 1, 12);
			(void)zone_moment(z, when / DAY, 2, 30);
		}
	}
	assert_true(taken > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_and_changes_are_as_libc_has_them),
		cmocka_unit_test(every_zone_of_the_database_is_as_libc_has_it),
		cmocka_unit_test(moments_are_the_first_that_a_clock_shows),
		cmocka_unit_test(
		    zones_that_count_leap_seconds_are_as_those_that_do_not),
		cmocka_unit_test(weeks_and_leap_days_are_those_of_the_calendar),
		cmocka_unit_test(no_moment_is_too_far_away),
		cmocka_unit_test(names_lead_nowhere_else),
		cmocka_unit_test(each_version_is_read),
		cmocka_unit_test(the_rule_holds_after_the_table),
		cmocka_unit_test(a_rule_that_is_none_is_refused),
		cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(a_table_that_contradicts_itself_is_refused),
		cmocka_unit_test(no_changed_byte_leads_astray),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
