/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Moments and their spellings, there and back, over all of the calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"

/* No other thread runs while a test sets the environment. */
static int
set_environment(const char *name, const char *value)
{
	return (setenv(name, value, 1)); /* NOLINT(concurrency-mt-unsafe) */
}

/* As a library between us and libc (libfaketime) does it: later by so much. */
static time_t shift_s;

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	ts->tv_sec += shift_s;
	return (rc);
}

static void
known_moments_are_spelled_right(void **state)
{
	static const struct {
		int64_t when;
		const char *text, *stamp;
	} known[] = {
		{ 0, "1970-01-01T00:00:00Z", "19700101T000000Z" },
		{ 951782399, "2000-02-28T23:59:59Z", "20000228T235959Z" },
		{ 951782400, "2000-02-29T00:00:00Z", "20000229T000000Z" },
		{ 1795314600, "2026-11-22T02:30:00Z", "20261122T023000Z" },
		{ -1, "1969-12-31T23:59:59Z", "19691231T235959Z" },
	};
	char text[CLOCK_TEXT];
	int64_t when;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		clock_text(known[i].when, text);
		assert_string_equal(text, known[i].text);
		clock_stamp(known[i].when, text);
		assert_string_equal(text, known[i].stamp);
		assert_true(clock_parse(known[i].text, &when));
		assert_true(when == known[i].when);
		assert_true(clock_parse(known[i].stamp, &when));
		assert_true(when == known[i].when);
	}
}

/* The C library counts days in its own way. */
static void
every_day_of_four_centuries_agrees_with_gmtime(void **state)
{
	char ours[CLOCK_TEXT], theirs[CLOCK_TEXT];
	int64_t when, back;
	struct tm tm;
	time_t t;

	(void)state;
	for (when = INT64_C(-6857222400); when < INT64_C(7258118400);
	     when += 86400 + 1) {
		t = (time_t)when;
		assert_non_null(gmtime_r(&t, &tm));
		assert_true(strftime(theirs, sizeof(theirs),
				"%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
		clock_text(when, ours);
		assert_string_equal(ours, theirs);
		assert_true(clock_parse(ours, &back));
		assert_true(back == when);
	}
}

static void
the_ends_of_time_fit(void **state)
{
	char text[CLOCK_TEXT];

	(void)state;
	clock_text(INT64_MAX, text);
	assert_string_equal(text, "292277026596-12-04T15:30:07Z");
	clock_stamp(INT64_MIN, text);
	assert_int_equal(text[0], '-');
}

static void
anything_else_is_no_moment(void **state)
{
	static const char *const bad[] = { "", "2026", "2026-11-22",
		"2026-11-22T02:30:00", "2026-11-22 02:30:00Z",
		"2026-11-22T02:30:00Zx", "2026-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
		"2026-01-01T00:00:60Z", "20261122T023000", "20261122t023000Z",
		"+0261122T023000Z", "2026112 T023000Z",
		"-026-11-22T02:30:00Z" };
	int64_t when = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(clock_parse(bad[i], &when));
	assert_true(when == 7);
}

static int64_t
fixed_time(void)
{
	return (INT64_C(1795314600999));
}

static int64_t
before_the_epoch(void)
{
	return (-1);
}

static void
a_test_sets_the_wall_clock(void **state)
{
	(void)state;
	clock_replace(fixed_time);
	assert_true(clock_now_ms() == INT64_C(1795314600999) + 3600000);
	assert_true(clock_now() == INT64_C(1795314600) + 3600);
	clock_replace(before_the_epoch);
	assert_true(clock_now() == 3600 - 1);
	clock_replace(NULL);
	assert_true(clock_now() > INT64_C(1795314600) - 1000000000);
}

static void
sleeping_takes_its_time(void **state)
{
	struct err e = ERR_INIT;
	uint64_t before = clock_ticks_ms();

	(void)state;
	assert_int_equal(clock_sleep_ms(120, &e), 0);
	assert_true(clock_ticks_ms() - before >= 120);
	assert_int_equal(clock_sleep_ms(0, &e), 0);
}

static void
a_stop_wakes_the_sleeper(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	stop_request();
	assert_int_equal(clock_sleep_ms(1000000, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	stop_reset();
}

/* Nobody signals it: it ends when its time is over, with the lock held. */
static void
a_wait_for_a_condition_ends(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;

	(void)state;
	assert_int_equal(pthread_mutex_lock(&lock), 0);
	clock_wait(&never, &lock, 1);
	clock_wait(&never, &lock, 0);
	assert_int_equal(pthread_mutex_trylock(&lock), EBUSY);
	assert_int_equal(pthread_mutex_unlock(&lock), 0);
}

static void
it_ends_also_where_all_clocks_are_shifted(void **state)
{
	uint64_t before = clock_ticks_ms();

	shift_s = 86400;
	assert_true(clock_ticks_ms() >= before + 86400000);
	a_wait_for_a_condition_ends(state);
	shift_s = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_moments_are_spelled_right),
		cmocka_unit_test(
		    every_day_of_four_centuries_agrees_with_gmtime),
		cmocka_unit_test(the_ends_of_time_fit),
		cmocka_unit_test(anything_else_is_no_moment),
		cmocka_unit_test(a_test_sets_the_wall_clock),
		cmocka_unit_test(sleeping_takes_its_time),
		cmocka_unit_test(a_stop_wakes_the_sleeper),
		cmocka_unit_test(a_wait_for_a_condition_ends),
		cmocka_unit_test(it_ends_also_where_all_clocks_are_shifted),
	};

	/* Read once, at the first question for the time. */
	if (set_environment("TRIPLICATE_CLOCK_OFFSET", "3600") != 0)
		return (1);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
