/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * How far apart the runs of a schedule are, and when the next one is.
 */
#include "repository/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/zone.h"

static uint64_t
gap(const char *text)
{
	struct err e = ERR_INIT;
	uint64_t seconds = 0;

	if (schedule_longest_gap(text, &seconds, &e) < 0)
		return (0);
	return (seconds);
}

static void
schedule_measures_the_longest_gap(void **state)
{
	(void)state;
	assert_int_equal(gap("hourly"), 3600);
	assert_int_equal(gap("02:30"), 86400);
	assert_int_equal(gap("02:30 Europe/Brussels"), 86400);
	assert_int_equal(gap("02:30,14:30"), 12 * 3600);
	assert_int_equal(gap("01:00,02:00"), 23 * 3600);
	assert_int_equal(gap("mon-fri 22:00"), 3 * 86400);
	assert_int_equal(gap("sun 22:00"), 7 * 86400);
	assert_int_equal(gap("fri-mon,wed 22:00 UTC"), 2 * 86400);
}

static void
schedule_refuses_what_it_does_not_know(void **state)
{
	(void)state;
	assert_int_equal(gap(""), 0);
	assert_int_equal(gap("daily"), 0);
	assert_int_equal(gap("24:00"), 0);
	assert_int_equal(gap("02:60"), 0);
	assert_int_equal(gap("mon-"), 0);
	assert_int_equal(gap("mon"), 0);
	assert_int_equal(gap("2:30x"), 0);
}

static void
next_is(const char *schedule, const char *zone, const char *after,
    const char *expected)
{
	struct err e = ERR_INIT;
	SCOPED(zone_freep) struct zone *z = zone_open(zone, &e);
	char text[CLOCK_TEXT];
	int64_t when, next;

	if (z == NULL)
		skip(); /* no database here */
	assert_true(clock_parse(after, &when));
	assert_int_equal(schedule_next(schedule, z, when, &next, &e), 0);
	clock_text(next, text);
	assert_string_equal(text, expected);
}

static void
schedule_knows_the_next_run(void **state)
{
	(void)state;
	next_is("02:30", "UTC", "2026-11-22T02:29:59Z", "2026-11-22T02:30:00Z");
	next_is("02:30", "UTC", "2026-11-22T02:30:00Z", "2026-11-23T02:30:00Z");
	next_is("14:30,02:30", "UTC", "2026-11-22T02:30:00Z",
	    "2026-11-22T14:30:00Z");
	next_is(
	    "hourly", "UTC", "2026-11-22T23:10:00Z", "2026-11-23T00:00:00Z");
	/* A Sunday. */
	next_is("mon-fri 22:00", "UTC", "2026-11-22T12:00:00Z",
	    "2026-11-23T22:00:00Z");
	next_is(
	    "sun 02:30", "UTC", "2026-11-22T02:30:00Z", "2026-11-29T02:30:00Z");
	next_is(
	    "sun 02:30", "UTC", "2026-11-22T02:29:00Z", "2026-11-22T02:30:00Z");
	next_is("mon 00:30 Europe/Brussels", "Europe/Brussels",
	    "2026-11-22T23:00:00Z", "2026-11-22T23:30:00Z");
	/* Skipped, and twice. */
	next_is("02:30", "Europe/Brussels", "2026-03-28T12:00:00Z",
	    "2026-03-29T01:30:00Z");
	next_is("02:30", "Europe/Brussels", "2026-10-24T12:00:00Z",
	    "2026-10-25T00:30:00Z");
	next_is("02:30", "Europe/Brussels", "2026-10-25T00:30:00Z",
	    "2026-10-26T01:30:00Z");
}

static void
schedule_names_its_zone(void **state)
{
	char zone[SCHEDULE_ZONE_TEXT];

	(void)state;
	schedule_zone("02:30 UTC", zone);
	assert_string_equal(zone, "UTC");
	schedule_zone("mon-fri 02:30 Europe/Brussels", zone);
	assert_string_equal(zone, "Europe/Brussels");
	schedule_zone("mon-fri 02:30", zone);
	assert_string_equal(zone, "");
	schedule_zone("nonsense", zone);
	assert_string_equal(zone, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedule_measures_the_longest_gap),
		cmocka_unit_test(schedule_knows_the_next_run),
		cmocka_unit_test(schedule_names_its_zone),
		cmocka_unit_test(schedule_refuses_what_it_does_not_know),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
