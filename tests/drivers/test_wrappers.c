/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Wrappers are drivers: each keeps the whole storage contract over the
 * reference driver, and does the one thing that it is for. What retry does is
 * in test_retry.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stop.h"
#include "storage-drivers/store_drop.h"
#include "tests/drivers/fake.h"
#include "tests/drivers/suite.h"

#define FLAWS 60

static struct store *
ram(void)
{
	return (store_ram_new(SUITE_ENDPOINT));
}

/* --- fault --------------------------------------------------------------- */

static struct store *
faulty(const char *op, const char *match, enum store_fault_action action)
{
	const struct store_fault rule = { op, match, 0, UINT_MAX, action,
		ERR_DENIED };

	return (store_with_faults(ram(), &rule, 1));
}

static void
a_fault_lets_skip_calls_pass_and_acts_on_count(void **state)
{
	const struct store_fault rule = { "put", "", 2, 3, FAULT_FAIL,
		ERR_FULL };
	SCOPED(store_freep)
	struct store *s = store_with_faults(ram(), &rule, 1);
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 8; i++) {
		int rc = store_put(s, "a", "x", 1, 0, &e);

		if (i >= 2 && i < 5)
			suite_expect_failure(rc, &e, ERR_FULL);
		else
			suite_expect_success(rc, &e);
	}
}

static void
a_fault_acts_on_its_call_and_names_alone(void **state)
{
	SCOPED(store_freep)
	struct store *s = faulty("put", "packs/", FAULT_FAIL);
	struct err e = ERR_INIT;

	(void)state;
	suite_put(s, "config", "x");
	suite_expect(s, "config", "x");
	suite_expect_failure(
	    store_put(s, "packs/ab/1", "x", 1, 0, &e), &e, ERR_DENIED);
	suite_expect_none(s, "packs/ab/1");
	assert_int_equal(suite_count(s, "packs/"), 0);
}

static void
a_fault_for_every_call_stops_every_call(void **state)
{
	SCOPED(store_freep) struct store *s = faulty("*", "", FAULT_FAIL);
	struct err e = ERR_INIT;
	uint64_t bytes;
	char got[1];

	(void)state;
	suite_expect_failure(store_prepare(s, &e), &e, ERR_DENIED);
	suite_expect_failure(store_put(s, "a", "x", 1, 0, &e), &e, ERR_DENIED);
	suite_expect_failure(store_get(s, "a", 0, got, 1, &e), &e, ERR_DENIED);
	suite_expect_failure(store_stat(s, "a", &bytes, &e), &e, ERR_DENIED);
	suite_expect_failure(store_drop(s, "a", &e), &e, ERR_DENIED);
	suite_expect_failure(store_probe(s, &e), &e, ERR_DENIED);
}

static void
the_first_rule_whose_turn_has_come_acts(void **state)
{
	const struct store_fault rules[] = { { "put", "b", 0, 1, FAULT_FAIL,
						 ERR_FULL },
		{ "*", "", 0, 2, FAULT_FAIL, ERR_LOCKED } };
	SCOPED(store_freep)
	struct store *s = store_with_faults(ram(), rules, 2);
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_failure(store_put(s, "a", "x", 1, 0, &e), &e, ERR_LOCKED);
	suite_expect_failure(store_put(s, "b", "x", 1, 0, &e), &e, ERR_FULL);
	suite_expect_failure(store_put(s, "b", "x", 1, 0, &e), &e, ERR_LOCKED);
	suite_put(s, "b", "x");
}

static void
a_call_that_fails_after_was_done(void **state)
{
	const struct store_fault rule = { "*", "", 0, 2, FAULT_FAIL_AFTER,
		ERR_NETWORK };
	SCOPED(store_freep)
	struct store *s = store_with_faults(ram(), &rule, 1);
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_failure(store_put(s, "a", "x", 1, 0, &e), &e, ERR_NETWORK);
	suite_expect_failure(store_put(s, "b", "x", 1, 0, &e), &e, ERR_NETWORK);
	suite_expect(s, "a", "x");
	assert_int_equal(suite_count(s, ""), 2);
}

static void
what_fails_by_itself_keeps_its_own_error(void **state)
{
	SCOPED(store_freep)
	struct store *s = faulty("get", "", FAULT_FAIL_AFTER);
	struct err e = ERR_INIT;
	char got[1];

	(void)state;
	suite_expect_failure(store_get(s, "a", 0, got, 1, &e), &e, ERR_MISSING);
}

static void
a_flip_changes_one_bit_of_what_is_read(void **state)
{
	SCOPED(store_freep) struct store *s = faulty("*", "", FAULT_FLIP);
	struct err e = ERR_INIT;
	uint8_t got[9], put[9] = "contents";
	unsigned bits = 0;

	(void)state;
	suite_expect_success(store_put(s, "a", put, 9, 0, &e), &e);
	suite_expect_success(store_get(s, "a", 0, got, 9, &e), &e);
	for (size_t i = 0; i < 9; i++)
		bits += (unsigned)__builtin_popcount(got[i] ^ put[i]);
	assert_int_equal(bits, 1);
	suite_expect_success(store_get(s, "a", 0, got, 0, &e), &e);
}

static void
a_truncated_put_stores_half_and_says_nothing(void **state)
{
	SCOPED(store_freep) struct store *s = faulty("*", "", FAULT_TRUNCATE);

	(void)state;
	suite_put(s, "a", "12345678");
	suite_expect(s, "a", "1234");
}

/* --- trace --------------------------------------------------------------- */

/* What body writes to standard error at debug level. */
static void
capture(void (*body)(struct store *s), struct store *s, char *out, size_t n)
{
	FILE *file = tmpfile();
	int kept = dup(STDERR_FILENO);
	size_t got;

	assert_non_null(file);
	log_set_level(LOG_DEBUGS);
	(void)fflush(stderr);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	body(s);
	(void)fflush(stderr);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	log_set_level(LOG_WARNINGS);
	close(kept);
	rewind(file);
	got = fread(out, 1, n - 1, file);
	out[got] = '\0';
	(void)fclose(file);
}

static void
do_everything(struct store *s)
{
	struct err e = ERR_INIT;
	uint64_t bytes;
	char got[3];

	suite_put(s, "config", "contents");
	suite_expect_success(store_get(s, "config", 2, got, 3, &e), &e);
	suite_expect_success(store_stat(s, "config", &bytes, &e), &e);
	suite_expect_success(store_prepare(s, &e), &e);
	suite_expect_success(store_drop(s, "config", &e), &e);
	suite_expect_failure(
	    store_get(s, "config", 0, got, 3, &e), &e, ERR_MISSING);
	assert_int_equal(suite_count(s, "packs/"), 0);
}

static void
each_call_is_a_debug_line(void **state)
{
	static const char *const parts[] = { "put config: 8 bytes",
		"get config: 3 bytes", "stat config: ", "prepare ",
		"drop config: ", "there is no object config", "list packs/: " };
	SCOPED(store_freep) struct store *s = store_with_trace(ram());
	char lines[4096];

	(void)state;
	capture(do_everything, s, lines, sizeof(lines));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(lines, parts[i]) == NULL)
			fail_msg("no '%s' in: %s", parts[i], lines);
	assert_non_null(strstr(lines, "endpoint " SUITE_ENDPOINT ": "));
	assert_null(strstr(lines, "contents"));
}

/* --- the suite, over each ------------------------------------------------ */

static void *
make(void)
{
	fake_clock_reset();
	return (mem_new(1));
}

static struct store *
open_trace(void *ground)
{
	(void)ground;
	return (store_with_trace(ram()));
}

static struct store *
open_retry(void *ground)
{
	(void)ground;
	return (store_with_retry_by(ram(), 60, &FAKE_CLOCK));
}

static struct store *
open_fault(void *ground)
{
	(void)ground;
	return (store_with_faults(ram(), NULL, 0));
}

/*
 * Retry over an endpoint that now and then fails, before or after the deed: no
 * promise may suffer from it.
 */
static struct store *
open_retry_over_flaws(void *ground)
{
	struct store_fault rules[FLAWS];

	(void)ground;
	for (unsigned i = 0; i < FLAWS; i++)
		rules[i] = (struct store_fault){ "*", "", i % 3, 1,
			i % 2 == 0 ? FAULT_FAIL_AFTER : FAULT_FAIL,
			i % 4 < 2 ? ERR_AGAIN : ERR_NETWORK };
	return (store_with_retry_by(
	    store_with_faults(ram(), rules, FLAWS), 3600, &FAKE_CLOCK));
}

int
main(void)
{
	static const struct suite_subject subjects[] = {
		{ "trace(ram)", make, open_trace, free, false, false },
		{ "retry(ram)", make, open_retry, free, false, false },
		{ "fault(ram)", make, open_fault, free, false, false },
		{ "retry(fault(ram))", make, open_retry_over_flaws, free, false,
		    false },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_fault_lets_skip_calls_pass_and_acts_on_count),
		cmocka_unit_test(a_fault_acts_on_its_call_and_names_alone),
		cmocka_unit_test(a_fault_for_every_call_stops_every_call),
		cmocka_unit_test(the_first_rule_whose_turn_has_come_acts),
		cmocka_unit_test(a_call_that_fails_after_was_done),
		cmocka_unit_test(what_fails_by_itself_keeps_its_own_error),
		cmocka_unit_test(a_flip_changes_one_bit_of_what_is_read),
		cmocka_unit_test(a_truncated_put_stores_half_and_says_nothing),
		cmocka_unit_test(each_call_is_a_debug_line),
	};
	int failures = 0;

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		failures += suite_run(&subjects[i]);
	failures += cmocka_run_group_tests_name("wrappers", tests, NULL, NULL);
	return (failures == 0 ? 0 : 1);
}
