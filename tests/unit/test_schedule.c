/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * How far apart the runs of a schedule are.
 */
#include "repository/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedule_measures_the_longest_gap),
		cmocka_unit_test(schedule_refuses_what_it_does_not_know),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
