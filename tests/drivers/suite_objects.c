/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The storage contract about one object: put, get, stat, load, drop.
 */
#include "tests/drivers/suite_parts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "storage-drivers/store_drop.h"

/* --- put and get --------------------------------------------------------- */

static void
an_object_put_is_got_back(void **state)
{
	suite_put(suite_store(state), "packs/ab/object-1.x_Z", "some bytes");
	suite_expect(suite_store(state), "packs/ab/object-1.x_Z", "some bytes");
}

static void
an_empty_object_is_an_object(void **state)
{
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;
	uint64_t bytes = 1;

	suite_expect_success(store_put(s, "empty", NULL, 0, 0, &e), &e);
	suite_expect_success(store_stat(s, "empty", &bytes, &e), &e);
	assert_int_equal(bytes, 0);
	suite_expect_success(store_get(s, "empty", 0, NULL, 0, &e), &e);
	suite_expect(s, "empty", "");
	assert_int_equal(suite_count(s, ""), 1);
}

/* All byte values, at every position of a word, from the first to the last. */
static void
the_largest_object_goes_there_and_back(void **state)
{
	struct store *s = suite_store(state);
	SCOPED(buf_free) struct buf got = BUF_INIT;
	SCOPED(scope_free) uint8_t *p = mem_new(STORE_OBJECT_MAX);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < STORE_OBJECT_MAX; i++)
		p[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
	suite_expect_success(
	    store_put(s, "big", p, STORE_OBJECT_MAX, 0, &e), &e);
	suite_expect_success(
	    store_load(s, "big", STORE_OBJECT_MAX, &got, &e), &e);
	assert_int_equal(got.n, STORE_OBJECT_MAX);
	assert_true(memcmp(got.p, p, STORE_OBJECT_MAX) == 0);
}

static void
the_longest_name_is_taken(void **state)
{
	struct store *s = suite_store(state);
	char name[STORE_NAME_MAX];

	memset(name, 'n', sizeof(name));
	memcpy(name, "packs/", 6);
	name[sizeof(name) - 1] = '\0';
	suite_put(s, name, "x");
	suite_expect(s, name, "x");
	assert_int_equal(suite_count(s, ""), 1);
}

static void
get_reads_the_range_and_nothing_else(void **state)
{
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;
	const char *text = "0123456789";

	suite_put(s, "digits", text);
	for (size_t from = 0; from <= 10; from++)
		for (size_t n = 0; from + n <= 10; n++) {
			char got[12] = "###########";

			suite_expect_success(
			    store_get(s, "digits", from, got, n, &e), &e);
			assert_memory_equal(got, text + from, n);
			assert_int_equal(got[n], '#');
		}
}

static void
a_range_that_is_not_all_there_is_corrupt(void **state)
{
	static const struct {
		uint64_t off;
		size_t n;
	} ranges[] = { { 0, 11 }, { 9, 2 }, { 10, 1 }, { 11, 0 }, { 11, 1 },
		{ UINT64_MAX, 1 }, { UINT64_MAX, 0 }, { UINT64_MAX - 3, 8 },
		{ INT64_MAX, 8 } };
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;
	char got[16];

	suite_put(s, "digits", "0123456789");
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		suite_expect_failure(
		    store_get(s, "digits", ranges[i].off, got, ranges[i].n, &e),
		    &e, ERR_CORRUPT);
}

static void
an_object_that_is_not_there_is_missing(void **state)
{
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;
	uint64_t bytes;
	char got[1];

	suite_put(s, "packs/ab/there", "x");
	suite_expect_failure(
	    store_get(s, "packs/ab/gone", 0, got, 1, &e), &e, ERR_MISSING);
	suite_expect_failure(
	    store_get(s, "no/folder", 0, got, 0, &e), &e, ERR_MISSING);
	suite_expect_failure(
	    store_stat(s, "packs/ab/gone", &bytes, &e), &e, ERR_MISSING);
	suite_expect_failure(
	    store_stat(s, "gone", &bytes, &e), &e, ERR_MISSING);
}

static void
stat_tells_the_size(void **state)
{
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;
	uint64_t bytes = 0;

	suite_put(s, "backups/x", "seven b");
	suite_expect_success(store_stat(s, "backups/x", &bytes, &e), &e);
	assert_int_equal(bytes, 7);
}

static void
a_second_put_replaces_all_of_the_first(void **state)
{
	struct store *s = suite_store(state);

	suite_put(s, "keys/a", "the long first contents");
	suite_put(s, "keys/a", "short");
	suite_expect(s, "keys/a", "short");
	suite_put(s, "keys/a", "and longer again than before");
	suite_expect(s, "keys/a", "and longer again than before");
	assert_int_equal(suite_count(s, ""), 1);
}

static void
repeating_a_put_is_harmless(void **state)
{
	struct store *s = suite_store(state);

	for (int i = 0; i < 3; i++)
		suite_put(s, "packs/ab/same", "same");
	suite_expect(s, "packs/ab/same", "same");
	assert_int_equal(suite_count(s, ""), 1);
}

static void
put_new_takes_a_free_name(void **state)
{
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;

	suite_expect_success(
	    store_put(s, "writers/1-a", "me", 2, STORE_PUT_NEW, &e), &e);
	suite_expect(s, "writers/1-a", "me");
}

static void
put_new_leaves_a_taken_name_alone(void **state)
{
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;

	suite_put(s, "writers/1-a", "first");
	suite_expect_failure(
	    store_put(s, "writers/1-a", "second", 6, STORE_PUT_NEW, &e), &e,
	    ERR_EXISTS);
	suite_expect(s, "writers/1-a", "first");
	assert_int_equal(suite_count(s, ""), 1);
}

/* --- load ---------------------------------------------------------------- */

static void
load_appends_the_whole_object(void **state)
{
	struct store *s = suite_store(state);
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	suite_put(s, "config", "object");
	buf_add_string(&out, "before ");
	suite_expect_success(store_load(s, "config", 6, &out, &e), &e);
	assert_string_equal(buf_text(&out), "before object");
	assert_int_equal(out.n, 13);
}

static void
load_refuses_what_is_longer_than_the_limit(void **state)
{
	struct store *s = suite_store(state);
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	suite_put(s, "config", "object");
	suite_expect_failure(
	    store_load(s, "config", 5, &out, &e), &e, ERR_CORRUPT);
	suite_expect_failure(
	    store_load(s, "gone", 5, &out, &e), &e, ERR_MISSING);
	assert_int_equal(out.n, 0);
}

/* --- drop ---------------------------------------------------------------- */

static void
a_dropped_object_is_gone_and_no_other(void **state)
{
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;

	suite_put(s, "packs/ab/1", "one");
	suite_put(s, "packs/ab/2", "two");
	suite_expect_success(store_drop(s, "packs/ab/1", &e), &e);
	suite_expect_none(s, "packs/ab/1");
	suite_expect(s, "packs/ab/2", "two");
	assert_int_equal(suite_count(s, ""), 1);
	suite_put(s, "packs/ab/1", "anew");
	suite_expect(s, "packs/ab/1", "anew");
}

static void
dropping_what_is_missing_succeeds(void **state)
{
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;

	suite_expect_success(store_drop(s, "gone", &e), &e);
	suite_expect_success(store_drop(s, "no/such/folder", &e), &e);
	assert_int_equal(e.kind, ERR_NONE);
}

/* --- running ------------------------------------------------------------- */

size_t
suite_objects(struct CMUnitTest *to)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_put_is_got_back),
		cmocka_unit_test(an_empty_object_is_an_object),
		cmocka_unit_test(the_largest_object_goes_there_and_back),
		cmocka_unit_test(the_longest_name_is_taken),
		cmocka_unit_test(get_reads_the_range_and_nothing_else),
		cmocka_unit_test(a_range_that_is_not_all_there_is_corrupt),
		cmocka_unit_test(an_object_that_is_not_there_is_missing),
		cmocka_unit_test(stat_tells_the_size),
		cmocka_unit_test(a_second_put_replaces_all_of_the_first),
		cmocka_unit_test(repeating_a_put_is_harmless),
		cmocka_unit_test(put_new_takes_a_free_name),
		cmocka_unit_test(put_new_leaves_a_taken_name_alone),
		cmocka_unit_test(load_appends_the_whole_object),
		cmocka_unit_test(load_refuses_what_is_longer_than_the_limit),
		cmocka_unit_test(a_dropped_object_is_gone_and_no_other),
		cmocka_unit_test(dropping_what_is_missing_succeeds),
	};

	memcpy(to, tests, sizeof(tests));
	return (sizeof(tests) / sizeof(tests[0]));
}
