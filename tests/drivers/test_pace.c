/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Rates by the hour as a configuration spells them, and bytes held to them by a
 * clock that no one waits for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/stop.h"
#include "storage-drivers/pace.h"
#include "tests/drivers/fake.h"

#define KIB ((size_t)1024)

/* --- rates --------------------------------------------------------------- */

static void
a_rate_holds_all_day(void **state)
{
	struct rate r;

	(void)state;
	assert_true(rate_parse("20M", &r));
	assert_true(rate_at(&r, 0) == 20U << 20);
	assert_true(rate_at(&r, RATE_DAY - 1) == 20U << 20);
	assert_true(rate_limits(&r));
	assert_true(rate_parse("none", &r));
	assert_true(rate_at(&r, 720) == 0);
	assert_false(rate_limits(&r));
}

static void
hours_hold_from_their_first_minute_to_before_their_last(void **state)
{
	struct rate r;

	(void)state;
	assert_true(rate_parse("20M, 06:00-20:00 5M", &r));
	assert_true(rate_at(&r, 6 * 60 - 1) == 20U << 20);
	assert_true(rate_at(&r, 6 * 60) == 5U << 20);
	assert_true(rate_at(&r, 20 * 60 - 1) == 5U << 20);
	assert_true(rate_at(&r, 20 * 60) == 20U << 20);
}

static void
hours_may_go_over_midnight(void **state)
{
	struct rate r;

	(void)state;
	assert_true(rate_parse("1M,22:00-6:30 none", &r));
	assert_true(rate_at(&r, 21 * 60) == 1U << 20);
	assert_true(rate_at(&r, 23 * 60) == 0);
	assert_true(rate_at(&r, 0) == 0);
	assert_true(rate_at(&r, 6 * 60 + 29) == 0);
	assert_true(rate_at(&r, 6 * 60 + 30) == 1U << 20);
}

static void
hours_alone_limit_nothing_else(void **state)
{
	struct rate r;

	(void)state;
	assert_true(rate_parse(" 08:00-18:00 64K , 12:00-24:00 1M ", &r));
	assert_true(rate_at(&r, 7 * 60) == 0);
	assert_true(rate_at(&r, 13 * 60) == 64 * KIB); /* the first counts */
	assert_true(rate_at(&r, 23 * 60) == 1U << 20);
	assert_true(rate_limits(&r));
}

static const char nine_parts[] =
    "1M, 0:00-1:00 1M, 1:00-2:00 1M, 2:00-3:00 1M, 3:00-4:00 1M, "
    "4:00-5:00 1M, 5:00-6:00 1M, 6:00-7:00 1M, 7:00-8:00 1M, 8:00-9:00 1M, "
    "9:00-10:00 1M";

static void
what_means_nothing_is_refused(void **state)
{
	static const char *const bad[] = { "", ",", "fast", "-1", "0", "1",
		"15K", "20M,", "20M, 5M", "20M, 06:00 5M", "20M, 06:00-20:00",
		"20M, 06:00-20:005M", "20M, 06:00-06:00 5M",
		"20M, 25:00-26:00 5M", "20M, 06:60-07:00 5M", "20M, 6-20 5M",
		"06:00-07:00 5M, 20M", "20M, 06:00-20:00 1",
		"20M, 123:00-20:00 5M", nine_parts };
	struct rate r = { .bytes_s = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rate_parse(bad[i], &r))
			fail_msg("'%s' was taken", bad[i]);
	assert_true(r.bytes_s == 42);
}

/* --- paces --------------------------------------------------------------- */

static unsigned minute_now;

static unsigned
minute(void)
{
	return (minute_now);
}

static struct pace *
pace_at(const char *rate)
{
	struct rate r;

	fake_clock_reset();
	minute_now = 0;
	assert_true(rate_parse(rate, &r));
	return (pace_new_by(&r, &FAKE_CLOCK, minute));
}

static void
wait_for(struct pace *p, size_t n, unsigned times)
{
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < times; i++)
		assert_int_equal(pace_wait(p, n, &e), 0);
}

static void
bytes_take_the_time_that_the_rate_says(void **state)
{
	struct pace *p = pace_at("100K");

	(void)state;
	/* A quarter second is saved up, and one piece may go unpaid. */
	wait_for(p, 25 * KIB, 42);
	assert_int_equal(fake_clock_ms(), 40 * 250);
	pace_free(p);
}

static void
a_pause_saves_up_a_moment_and_no_more(void **state)
{
	struct pace *p = pace_at("100K");
	struct err e = ERR_INIT;
	uint64_t began;

	(void)state;
	wait_for(p, 100 * KIB, 3);
	assert_int_equal(FAKE_CLOCK.sleep_ms(3600 * 1000, &e), 0);
	began = fake_clock_ms();
	wait_for(p, 100 * KIB, 3);
	assert_int_equal(fake_clock_ms() - began, 2000 - 250);
	pace_free(p);
}

static void
a_new_hour_has_its_own_rate(void **state)
{
	struct pace *p = pace_at("100K, 06:00-20:00 1M, 21:00-22:00 none");
	uint64_t began;

	(void)state;
	wait_for(p, 100 * KIB, 11);
	minute_now = 6 * 60;
	wait_for(p, 1, 1); /* what went before is still paid for */
	began = fake_clock_ms();
	wait_for(p, 1U << 20, 2);
	assert_in_range(fake_clock_ms() - began, 1000, 1001);
	minute_now = 21 * 60;
	began = fake_clock_ms();
	wait_for(p, 1U << 20, 100);
	assert_int_equal(fake_clock_ms(), began);
	pace_free(p);
}

static void
a_piece_is_a_moments_worth(void **state)
{
	struct pace *p = pace_at("1M, 06:00-20:00 16K, 21:00-22:00 none");

	(void)state;
	assert_int_equal(pace_piece(p, 10U << 20), 256 * KIB);
	assert_int_equal(pace_piece(p, 5), 5);
	minute_now = 6 * 60;
	assert_int_equal(pace_piece(p, 10U << 20), 16 * KIB);
	minute_now = 21 * 60;
	assert_int_equal(pace_piece(p, 10U << 20), 10U << 20);
	pace_free(p);
	assert_int_equal(pace_piece(NULL, 10U << 20), 10U << 20);
}

static void
no_limit_needs_no_pace(void **state)
{
	(void)state;
	assert_null(pace_at("none"));
	wait_for(NULL, 1U << 26, 10);
	assert_int_equal(fake_clock_sleeps(), 0);
}

static void
the_most_at_the_least_rate_does_not_overflow(void **state)
{
	struct pace *p = pace_at("16K");

	(void)state;
	wait_for(p, STORE_OBJECT_MAX, 2);
	assert_in_range(fake_clock_ms(), 4095000, 4096000);
	pace_free(p);
}

static void
a_stop_ends_the_wait(void **state)
{
	struct pace *p = pace_at("16K");
	struct err e = ERR_INIT;

	(void)state;
	wait_for(p, 1U << 20, 1);
	fake_clock_stop_at(0);
	assert_int_equal(pace_wait(p, 1, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	pace_free(p);
}

static void
the_real_clock_sees_a_requested_stop(void **state)
{
	const struct rate r = { .bytes_s = RATE_LEAST };
	struct pace *p = pace_new(&r);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(pace_wait(p, 1U << 26, &e), 0);
	stop_request();
	assert_int_equal(pace_wait(p, 1, &e), -1);
	stop_reset();
	assert_int_equal(e.kind, ERR_STOPPED);
	pace_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_holds_all_day),
		cmocka_unit_test(
		    hours_hold_from_their_first_minute_to_before_their_last),
		cmocka_unit_test(hours_may_go_over_midnight),
		cmocka_unit_test(hours_alone_limit_nothing_else),
		cmocka_unit_test(what_means_nothing_is_refused),
		cmocka_unit_test(bytes_take_the_time_that_the_rate_says),
		cmocka_unit_test(a_pause_saves_up_a_moment_and_no_more),
		cmocka_unit_test(a_new_hour_has_its_own_rate),
		cmocka_unit_test(a_piece_is_a_moments_worth),
		cmocka_unit_test(no_limit_needs_no_pace),
		cmocka_unit_test(the_most_at_the_least_rate_does_not_overflow),
		cmocka_unit_test(a_stop_ends_the_wait),
		cmocka_unit_test(the_real_clock_sees_a_requested_stop),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
