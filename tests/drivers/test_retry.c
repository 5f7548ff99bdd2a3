/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Trying again: when, how long, how it is told, and that nothing is done twice
 * for it. Time is the fake clock's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "storage-drivers/store_drop.h"
#include "tests/drivers/fake.h"
#include "tests/drivers/suite.h"

#define FOR_EVER UINT32_MAX
#define A_MINUTE 60

static struct store *
retry_over(struct store *inner, unsigned give_up_after_s)
{
	fake_clock_reset();
	return (store_with_retry_by(inner, give_up_after_s, &FAKE_CLOCK));
}

/* Retry over an object store in memory that follows one rule. */
static struct store *
retry_with_fault(const char *op, unsigned count, enum store_fault_action action,
    enum err_kind kind)
{
	const struct store_fault rule = { op, "", 0, count, action, kind };

	return (retry_over(
	    store_with_faults(store_ram_new(SUITE_ENDPOINT), &rule, 1),
	    A_MINUTE));
}

/* Runs a put through retry over this script; returns its failure. */
static struct err
fail_by(const struct fake_answer *answers, size_t n)
{
	struct fake_script script = { .answers = answers, .n = n };
	SCOPED(store_freep)
	struct store *s = retry_over(fake_store(&script), A_MINUTE);
	struct err e = ERR_INIT;

	assert_int_equal(store_put(s, "a", "x", 1, 0, &e), -1);
	assert_int_equal(script.calls, n);
	return (e);
}

/* --- when ---------------------------------------------------------------- */

static void
a_transient_failure_is_tried_again_until_it_goes_well(void **state)
{
	SCOPED(store_freep)
	struct store *s = retry_with_fault("put", 5, FAULT_FAIL, ERR_AGAIN);

	(void)state;
	suite_put(s, "a", "x");
	suite_expect(s, "a", "x");
	assert_int_equal(fake_clock_sleeps(), 5);
}

static void
every_call_is_tried_again(void **state)
{
	static const enum err_kind kinds[] = { ERR_AGAIN, ERR_NETWORK };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		SCOPED(store_freep)
		struct store *s = retry_with_fault(
		    "*", 1, FAULT_FAIL, kinds[i]);
		const struct store_fault once = { "*", "", 0, 1, FAULT_FAIL,
			kinds[i] };
		struct err e = ERR_INIT;
		uint64_t bytes;
		char got[1];

		suite_expect_success(store_prepare(s, &e), &e);
		assert_int_equal(fake_clock_sleeps(), 1);
		suite_put(s, "a", "x");
		/* A fresh rule for each of the others. */
		s = store_with_retry_by(
		    store_with_faults(s, &once, 1), A_MINUTE, &FAKE_CLOCK);
		suite_expect_success(store_get(s, "a", 0, got, 1, &e), &e);
		assert_int_equal(fake_clock_sleeps(), 2);
		s = store_with_retry_by(
		    store_with_faults(s, &once, 1), A_MINUTE, &FAKE_CLOCK);
		suite_expect_success(store_stat(s, "a", &bytes, &e), &e);
		assert_int_equal(fake_clock_sleeps(), 3);
		s = store_with_retry_by(
		    store_with_faults(s, &once, 1), A_MINUTE, &FAKE_CLOCK);
		assert_int_equal(suite_count(s, ""), 1);
		assert_int_equal(fake_clock_sleeps(), 4);
		s = store_with_retry_by(
		    store_with_faults(s, &once, 1), A_MINUTE, &FAKE_CLOCK);
		suite_expect_success(store_drop(s, "a", &e), &e);
		assert_int_equal(fake_clock_sleeps(), 5);
		suite_expect_none(s, "a");
	}
}

static void
a_failure_for_good_is_not_tried_again(void **state)
{
	static const enum err_kind kinds[] = { ERR_MISSING, ERR_DENIED,
		ERR_FULL, ERR_CORRUPT, ERR_CONFIG, ERR_SYSTEM, ERR_STOPPED };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		SCOPED(store_freep)
		struct store *s = retry_with_fault(
		    "put", FOR_EVER, FAULT_FAIL, kinds[i]);
		struct err e = ERR_INIT;

		assert_int_equal(store_put(s, "a", "x", 1, 0, &e), -1);
		assert_string_equal(e.text,
		    "endpoint " SUITE_ENDPOINT ": put a fails on purpose");
		suite_expect_failure(-1, &e, kinds[i]);
		assert_int_equal(fake_clock_sleeps(), 0);
	}
}

static void
waits_double_from_a_fifth_of_a_second_to_ten(void **state)
{
	const struct store_fault rule = { "put", "", 0, 12, FAULT_FAIL,
		ERR_AGAIN };
	SCOPED(store_freep)
	struct store *s = retry_over(
	    store_with_faults(store_ram_new(SUITE_ENDPOINT), &rule, 1),
	    10 * A_MINUTE);
	unsigned most = 400;

	(void)state;
	suite_put(s, "a", "x");
	assert_int_equal(fake_clock_sleeps(), 12);
	for (unsigned i = 0; i < 12; i++) {
		assert_in_range(fake_clock_slept(i), most / 2, most);
		most = 2 * most < 10000 ? 2 * most : 10000;
	}
}

static void
it_gives_up_just_when_the_time_is_up(void **state)
{
	SCOPED(store_freep)
	struct store *s = retry_with_fault(
	    "put", FOR_EVER, FAULT_FAIL, ERR_AGAIN);
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_failure(store_put(s, "a", "x", 1, 0, &e), &e, ERR_AGAIN);
	assert_in_range(
	    fake_clock_ms(), A_MINUTE * 1000 - 200, A_MINUTE * 1000);
	assert_in_range(fake_clock_sleeps(), 9, 16);
}

static void
without_time_it_tries_once(void **state)
{
	static const struct fake_answer answers[] = { { ERR_AGAIN,
	    "503 Slow Down", NULL, 0 } };
	struct fake_script script = { .answers = answers, .n = 1 };
	SCOPED(store_freep)
	struct store *s = retry_over(fake_store(&script), 0);
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_failure(store_put(s, "a", "x", 1, 0, &e), &e, ERR_AGAIN);
	assert_int_equal(script.calls, 1);
	assert_int_equal(fake_clock_sleeps(), 0);
}

/* The breaker: whoever was given up is asked once a call until it answers. */
static void
an_endpoint_that_was_given_up_is_asked_once(void **state)
{
	SCOPED(store_freep)
	struct store *s = retry_with_fault(
	    "put", FOR_EVER, FAULT_FAIL, ERR_NETWORK);
	struct err e = ERR_INIT;
	unsigned sleeps;

	(void)state;
	assert_int_equal(store_put(s, "a", "x", 1, 0, &e), -1);
	sleeps = fake_clock_sleeps();
	for (int i = 0; i < 3; i++) {
		err_clear(&e);
		suite_expect_failure(
		    store_put(s, "a", "x", 1, 0, &e), &e, ERR_NETWORK);
	}
	assert_int_equal(fake_clock_sleeps(), sleeps);
}

static void
any_answer_earns_it_patience_again(void **state)
{
	SCOPED(store_freep)
	struct store *s = retry_with_fault(
	    "put", FOR_EVER, FAULT_FAIL, ERR_NETWORK);
	struct err e = ERR_INIT;
	uint64_t bytes;
	unsigned sleeps;

	(void)state;
	for (int answer = 0; answer < 2; answer++) {
		err_clear(&e);
		assert_int_equal(store_put(s, "a", "x", 1, 0, &e), -1);
		err_clear(&e);
		if (answer == 0)
			assert_int_equal(suite_count(s, ""), 0);
		else /* that there is none is an answer, too */
			suite_expect_failure(
			    store_stat(s, "a", &bytes, &e), &e, ERR_MISSING);
		sleeps = fake_clock_sleeps();
		err_clear(&e);
		assert_int_equal(store_put(s, "a", "x", 1, 0, &e), -1);
		assert_true(fake_clock_sleeps() > sleeps);
	}
}

static void
a_call_that_takes_all_the_time_is_not_tried_again(void **state)
{
	static const struct fake_answer answers[] = { { ERR_NETWORK,
	    "timed out", NULL, 60001 } };

	(void)state;
	assert_string_equal(
	    fail_by(answers, 1).text, "endpoint " SUITE_ENDPOINT ": timed out");
}

/* --- stop ---------------------------------------------------------------- */

static void
a_stop_ends_the_waiting(void **state)
{
	SCOPED(store_freep)
	struct store *s = retry_with_fault(
	    "put", FOR_EVER, FAULT_FAIL, ERR_AGAIN);
	struct err e = ERR_INIT;

	(void)state;
	fake_clock_stop_at(2);
	suite_expect_failure(store_put(s, "a", "x", 1, 0, &e), &e, ERR_STOPPED);
	assert_int_equal(fake_clock_sleeps(), 3);
}

/* With the real clock: it would take a minute if the flag weren't seen. */
static void
a_requested_stop_is_seen_by_the_real_clock(void **state)
{
	const struct store_fault rule = { "put", "", 0, 2, FAULT_FAIL,
		ERR_AGAIN };
	SCOPED(store_freep)
	struct store *s = store_with_retry(
	    store_with_faults(store_ram_new(SUITE_ENDPOINT), &rule, 1),
	    A_MINUTE);
	struct err e = ERR_INIT;
	int rc;

	(void)state;
	stop_request();
	rc = store_put(s, "a", "x", 1, 0, &e);
	stop_reset();
	suite_expect_failure(rc, &e, ERR_STOPPED);
	suite_expect_none(s, "a");
	suite_put(s, "a", "x"); /* the second and last fault, then well */
}

/* --- how it is told ------------------------------------------------------ */

static void
failures_that_are_alike_are_told_once(void **state)
{
	static const struct fake_answer answers[] = {
		{ ERR_AGAIN, "503 Slow Down", NULL, 10000 },
		{ ERR_AGAIN, "503 Slow Down", NULL, 10000 },
		{ ERR_AGAIN, "503 Slow Down", "ask them", 40500 }
	};
	char expected[200];
	struct err e;

	(void)state;
	e = fail_by(answers, 3);
	(void)snprintf(expected, sizeof(expected),
	    "endpoint " SUITE_ENDPOINT ": 503 Slow Down (3 times in %llu s)",
	    (unsigned long long)(fake_clock_ms() + 500) / 1000);
	assert_string_equal(e.text, expected);
	assert_int_equal(e.kind, ERR_AGAIN);
	assert_int_equal(e.sys, 7);
	assert_string_equal(e.hint, "ask them");
}

static void
the_last_failure_counts_those_before_it(void **state)
{
	static const struct fake_answer answers[] = {
		{ ERR_AGAIN, "503 Slow Down", NULL, 1000 },
		{ ERR_NETWORK, "connection reset", NULL, 0 },
		{ ERR_DENIED, "403 Forbidden", NULL, 0 }
	};
	struct err e;

	(void)state;
	e = fail_by(answers, 3);
	assert_int_equal(e.kind, ERR_DENIED);
	assert_string_equal(e.text,
	    "endpoint " SUITE_ENDPOINT
	    ": 403 Forbidden (after 2 other failures in 2 s)");
}

static void
both_counts_are_told_when_both_are_needed(void **state)
{
	static const struct fake_answer answers[] = {
		{ ERR_AGAIN, "503 Slow Down", NULL, 0 },
		{ ERR_NETWORK, "timed out", NULL, 30000 },
		{ ERR_NETWORK, "timed out", NULL, 40000 }
	};
	struct err e;

	(void)state;
	e = fail_by(answers, 3);
	assert_non_null(
	    strstr(e.text, ": timed out (2 times, after 1 other failures"));
}

static void
a_long_failure_keeps_room_for_the_count(void **state)
{
	char text[490];
	const struct fake_answer answers[] = { { ERR_AGAIN, text, NULL, 0 },
		{ ERR_AGAIN, text, NULL, 70000 } };

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_non_null(
	    strstr(fail_by(answers, 2).text, "xxx (2 times in 70 s)"));
}

/* --- that nothing is done twice ------------------------------------------ */

static int
count_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	int *seen = arg;

	(void)e;
	seen[entry->name[0] - 'a']++;
	return (0);
}

static void
a_listing_that_broke_off_gives_no_name_twice(void **state)
{
	static const struct store_entry entries[] = { { "a", 1, 11, false },
		{ "b", 22, STORE_NO_TIME, true },
		{ "c", UINT64_MAX, -1, false } };
	static const struct fake_answer answers[] = {
		{ ERR_AGAIN, "reset", NULL, 0 }, { ERR_AGAIN, "reset", NULL, 0 }
	};
	struct fake_script script = {
		.answers = answers, .n = 2, .entries = entries, .n_entries = 3
	};
	SCOPED(store_freep)
	struct store *s = retry_over(fake_store(&script), A_MINUTE);
	struct err e = ERR_INIT;
	int seen[3] = { 0 };

	(void)state;
	suite_expect_success(store_list(s, "", count_entry, seen, &e), &e);
	assert_int_equal(script.calls, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(seen[i], 1);
}

static int
compare_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	const struct store_entry **next = arg;

	(void)e;
	assert_string_equal(entry->name, (*next)->name);
	assert_true(entry->bytes == (*next)->bytes);
	assert_true(entry->modified == (*next)->modified);
	assert_true(entry->is_hidden == (*next)->is_hidden);
	++*next;
	return (0);
}

static void
a_listing_comes_through_as_it_is(void **state)
{
	static const struct store_entry entries[] = { { "a", 1, 11, false },
		{ "b", 22, STORE_NO_TIME, true },
		{ "c", UINT64_MAX, -1, false } };
	struct fake_script script = { .entries = entries, .n_entries = 3 };
	SCOPED(store_freep)
	struct store *s = retry_over(fake_store(&script), A_MINUTE);
	const struct store_entry *next = entries;
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_success(store_list(s, "", compare_entry, &next, &e), &e);
	assert_ptr_equal(next, entries + 3);
}

static int
fail_transiently(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)entry;
	++*(int *)arg;
	return (err_set(e, ERR_AGAIN, "the caller's own"));
}

static void
a_caller_that_ends_a_listing_is_not_called_again(void **state)
{
	SCOPED(store_freep)
	struct store *s = retry_with_fault("put", 0, FAULT_FAIL, ERR_AGAIN);
	struct err e = ERR_INIT;
	int calls = 0;

	(void)state;
	suite_put(s, "a", "x");
	assert_int_equal(store_list(s, "", fail_transiently, &calls, &e), -1);
	assert_int_equal(calls, 1);
	assert_int_equal(fake_clock_sleeps(), 0);
	assert_string_equal(e.text, "the caller's own");
}

static void
a_listing_that_failed_gives_no_name(void **state)
{
	SCOPED(store_freep)
	struct store *s = retry_with_fault(
	    "list", 1, FAULT_FAIL_AFTER, ERR_DENIED);
	struct err e = ERR_INIT;
	int calls = 0;

	(void)state;
	suite_put(s, "a", "x");
	suite_expect_failure(
	    store_list(s, "", fail_transiently, &calls, &e), &e, ERR_DENIED);
	assert_int_equal(calls, 0);
}

/* --- put new, when the answer was lost ----------------------------------- */

static int
put_new(struct store *s, const char *text, struct err *e)
{
	return (
	    store_put(s, "writers/1", text, strlen(text), STORE_PUT_NEW, e));
}

static void
a_new_object_whose_answer_was_lost_is_ours(void **state)
{
	SCOPED(store_freep)
	struct store *s = retry_with_fault(
	    "put", 1, FAULT_FAIL_AFTER, ERR_AGAIN);
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_success(put_new(s, "me", &e), &e);
	suite_expect(s, "writers/1", "me");
	suite_expect_failure(put_new(s, "me", &e), &e, ERR_EXISTS);
}

/* The first try fails and nothing is stored; another is quicker. */
static void
a_new_name_that_another_took_meanwhile_is_taken(void **state)
{
	static const char *const theirs[] = { "me!", "no", "" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct store_fault rule = { "put", "", 1, 1, FAULT_FAIL,
			ERR_AGAIN };
		SCOPED(store_freep)
		struct store *s = retry_over(
		    store_with_faults(store_ram_new(SUITE_ENDPOINT), &rule, 1),
		    A_MINUTE);
		struct err e = ERR_INIT;

		suite_put(s, "writers/1", theirs[i]);
		suite_expect_failure(put_new(s, "me", &e), &e, ERR_EXISTS);
		suite_expect(s, "writers/1", theirs[i]);
		assert_int_equal(fake_clock_sleeps(), 1);
	}
}

static void
a_new_name_that_can_not_be_looked_at_fails(void **state)
{
	static const char *const looks[] = { "stat", "get" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct store_fault rules[] = {
			{ "put", "", 0, 1, FAULT_FAIL_AFTER, ERR_AGAIN },
			{ looks[i], "", 0, 1, FAULT_FAIL, ERR_DENIED }
		};
		SCOPED(store_freep)
		struct store *s = retry_over(
		    store_with_faults(store_ram_new(SUITE_ENDPOINT), rules, 2),
		    A_MINUTE);
		struct err e = ERR_INIT;

		suite_expect_failure(put_new(s, "me", &e), &e, ERR_DENIED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_transient_failure_is_tried_again_until_it_goes_well),
		cmocka_unit_test(every_call_is_tried_again),
		cmocka_unit_test(a_failure_for_good_is_not_tried_again),
		cmocka_unit_test(waits_double_from_a_fifth_of_a_second_to_ten),
		cmocka_unit_test(it_gives_up_just_when_the_time_is_up),
		cmocka_unit_test(without_time_it_tries_once),
		cmocka_unit_test(
		    a_call_that_takes_all_the_time_is_not_tried_again),
		cmocka_unit_test(a_stop_ends_the_waiting),
		cmocka_unit_test(a_requested_stop_is_seen_by_the_real_clock),
		cmocka_unit_test(failures_that_are_alike_are_told_once),
		cmocka_unit_test(the_last_failure_counts_those_before_it),
		cmocka_unit_test(both_counts_are_told_when_both_are_needed),
		cmocka_unit_test(a_long_failure_keeps_room_for_the_count),
		cmocka_unit_test(a_listing_that_broke_off_gives_no_name_twice),
		cmocka_unit_test(a_listing_comes_through_as_it_is),
		cmocka_unit_test(
		    a_caller_that_ends_a_listing_is_not_called_again),
		cmocka_unit_test(a_listing_that_failed_gives_no_name),
		cmocka_unit_test(a_new_object_whose_answer_was_lost_is_ours),
		cmocka_unit_test(
		    a_new_name_that_another_took_meanwhile_is_taken),
		cmocka_unit_test(a_new_name_that_can_not_be_looked_at_fails),
		cmocka_unit_test(an_endpoint_that_was_given_up_is_asked_once),
		cmocka_unit_test(any_answer_earns_it_patience_again),
	};

	return (cmocka_run_group_tests_name("retry", tests, NULL, NULL) == 0
		? 0
		: 1);
}
