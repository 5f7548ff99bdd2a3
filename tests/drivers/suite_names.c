/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The storage contract about names and the endpoint as a whole: list, probe,
 * prepare, and what is no name.
 */
#include "tests/drivers/suite_parts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "storage-drivers/store_drop.h"

/* What a listing gave. */
struct seen {
	struct store_entry entries[64];
	size_t n;
};

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	struct seen *seen = arg;

	if (seen->n == sizeof(seen->entries) / sizeof(seen->entries[0]))
		return (err_set(e, ERR_SYSTEM, "more objects than expected"));
	seen->entries[seen->n++] = *entry;
	return (0);
}

static struct seen
list(struct store *s, const char *prefix)
{
	struct seen seen = { .n = 0 };
	struct err e = ERR_INIT;

	suite_expect_success(store_list(s, prefix, see, &seen, &e), &e);
	return (seen);
}

/* The entry of that name, which must be there exactly once. */
static const struct store_entry *
the_one(const struct seen *seen, const char *name)
{
	const struct store_entry *found = NULL;

	for (size_t i = 0; i < seen->n; i++) {
		if (strcmp(seen->entries[i].name, name) != 0)
			continue;
		if (found != NULL)
			fail_msg("%s is listed twice", name);
		found = &seen->entries[i];
	}
	if (found == NULL)
		fail_msg("%s is not listed", name);
	return (found);
}

/* --- list ---------------------------------------------------------------- */

static void
list_gives_each_object_once_with_its_size(void **state)
{
	static const char *const names[] = { "config", "packs/ab/1",
		"packs/ab/2", "packs/cd/3", "backups/x", "a/b/c/d/e" };
	struct store *s = suite_store(state);
	struct seen seen;

	for (size_t i = 0; i < 6; i++)
		suite_put(s, names[i], &"654321"[i]);
	suite_put(s, names[3], "put again");
	seen = list(s, "");
	assert_int_equal(seen.n, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(the_one(&seen, names[i])->bytes,
		    i == 3 ? strlen("put again") : 6 - i);
}

static void
list_gives_what_begins_with_the_prefix(void **state)
{
	struct store *s = suite_store(state);
	struct seen seen;

	suite_put(s, "packs/ab/1", "x");
	suite_put(s, "packs/ab/2", "x");
	suite_put(s, "packs/abc/3", "x");
	suite_put(s, "packs2/ab/4", "x");
	suite_put(s, "backups/packs/5", "x");
	seen = list(s, "packs/ab/");
	assert_int_equal(seen.n, 2);
	the_one(&seen, "packs/ab/1");
	the_one(&seen, "packs/ab/2");
	seen = list(s, "packs/");
	assert_int_equal(seen.n, 3);
	the_one(&seen, "packs/abc/3");
}

static void
list_of_nothing_is_no_failure(void **state)
{
	struct store *s = suite_store(state);

	assert_int_equal(suite_count(s, ""), 0);
	assert_int_equal(suite_count(s, "packs/"), 0);
	suite_put(s, "packs/ab/1", "x");
	assert_int_equal(suite_count(s, "packs/cd/"), 0);
	assert_int_equal(suite_count(s, "backups/"), 0);
}

static void
list_gives_times_by_the_endpoints_clock_or_none(void **state)
{
	struct seen seen;
	int64_t modified;

	suite_put(suite_store(state), "config", "x");
	seen = list(suite_store(state), "");
	modified = the_one(&seen, "config")->modified;
	if (modified != STORE_NO_TIME)
		assert_in_range(
		    modified, clock_now() - 86400, clock_now() + 86400);
}

struct stopper {
	int calls, answer;
};

static int
stop_at_second(const struct store_entry *entry, void *arg, struct err *e)
{
	struct stopper *stopper = arg;

	(void)entry;
	if (++stopper->calls < 2)
		return (0);
	if (stopper->answer < 0)
		err_set(e, ERR_QUORUM, "the caller's own");
	return (stopper->answer);
}

static void
list_ends_when_each_says_so_and_gives_its_answer(void **state)
{
	struct stopper well = { .answer = 7 }, badly = { .answer = -1 };
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;

	for (int i = 0; i < 4; i++) {
		const char name[] = { (char)('a' + i), '\0' };

		suite_put(s, name, "x");
	}
	assert_int_equal(store_list(s, "", stop_at_second, &well, &e), 7);
	assert_int_equal(well.calls, 2);
	assert_int_equal(e.kind, ERR_NONE);
	assert_int_equal(store_list(s, "", stop_at_second, &badly, &e), -1);
	assert_int_equal(badly.calls, 2);
	assert_int_equal(e.kind, ERR_QUORUM);
	assert_string_equal(e.text, "the caller's own");
}

static int
read_and_write(const struct store_entry *entry, void *arg, struct err *e)
{
	struct store *s = arg;
	char got[1];

	if (entry->bytes != 1) /* the one below, seen by a live listing */
		return (0);
	if (store_get(s, entry->name, 0, got, 1, e) < 0)
		return (-1);
	return (store_put(s, "written", "meanwhile", 9, 0, e));
}

static void
each_may_call_the_store_that_is_listed(void **state)
{
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;

	suite_put(s, "packs/ab/1", "1");
	suite_put(s, "packs/cd/2", "2");
	suite_expect_success(store_list(s, "", read_and_write, s, &e), &e);
	suite_expect(s, "written", "meanwhile");
}

/* --- names and the endpoint itself --------------------------------------- */

static void
bad_names_are_refused_by_every_call(void **state)
{
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", ".",
		"..", "./a", "a/.", "a/../b", "../a", "a/..", "a b", "a\nb",
		"a~", "a\\b", "a:b", "\xc3\xa4", "a%2fb" };
	struct store *s = suite_store(state);
	struct err e = ERR_INIT;
	char long_name[STORE_NAME_MAX + 1] = "", got[1];
	uint64_t bytes;

	memset(long_name, 'n', STORE_NAME_MAX);
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		const char *name = i < sizeof(bad) / sizeof(bad[0]) ? bad[i]
								    : long_name;

		suite_expect_failure(
		    store_put(s, name, "x", 1, 0, &e), &e, ERR_CORRUPT);
		suite_expect_failure(
		    store_get(s, name, 0, got, 1, &e), &e, ERR_CORRUPT);
		suite_expect_failure(
		    store_stat(s, name, &bytes, &e), &e, ERR_CORRUPT);
		suite_expect_failure(store_drop(s, name, &e), &e, ERR_CORRUPT);
	}
	assert_int_equal(suite_count(s, ""), 0);
}

static void
bad_prefixes_are_refused(void **state)
{
	static const char *const bad[] = { "packs", "/", "/packs/", "packs//",
		"../", "./", "a b/" };
	struct seen seen = { .n = 0 };
	struct err e = ERR_INIT;
	char long_prefix[2 * STORE_NAME_MAX + 1] = "";

	memset(long_prefix, 'n', sizeof(long_prefix) - 1);
	long_prefix[STORE_NAME_MAX - 1] = '/';
	suite_put(suite_store(state), "packs/ab/1", "x");
	suite_expect_failure(
	    store_list(suite_store(state), long_prefix, see, &seen, &e), &e,
	    ERR_CORRUPT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		suite_expect_failure(
		    store_list(suite_store(state), bad[i], see, &seen, &e), &e,
		    ERR_CORRUPT);
	assert_int_equal(seen.n, 0);
}

static void
the_store_has_its_endpoints_name(void **state)
{
	assert_string_equal(store_name(suite_store(state)), SUITE_ENDPOINT);
}

static void
an_endpoint_that_is_there_answers_a_probe(void **state)
{
	struct err e = ERR_INIT;

	suite_expect_success(store_probe(suite_store(state), &e), &e);
	suite_put(suite_store(state), "writers/1-a", "x");
	suite_put(suite_store(state), "writers/2-b", "x");
	suite_expect_success(store_probe(suite_store(state), &e), &e);
}

static void
preparing_again_changes_nothing(void **state)
{
	struct err e = ERR_INIT;

	suite_put(suite_store(state), "config", "mine");
	suite_expect_success(store_prepare(suite_store(state), &e), &e);
	suite_expect(suite_store(state), "config", "mine");
}

/* --- running ------------------------------------------------------------- */

size_t
suite_names(struct CMUnitTest *to)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_gives_each_object_once_with_its_size),
		cmocka_unit_test(list_gives_what_begins_with_the_prefix),
		cmocka_unit_test(list_of_nothing_is_no_failure),
		cmocka_unit_test(
		    list_gives_times_by_the_endpoints_clock_or_none),
		cmocka_unit_test(
		    list_ends_when_each_says_so_and_gives_its_answer),
		cmocka_unit_test(each_may_call_the_store_that_is_listed),
		cmocka_unit_test(bad_names_are_refused_by_every_call),
		cmocka_unit_test(bad_prefixes_are_refused),
		cmocka_unit_test(the_store_has_its_endpoints_name),
		cmocka_unit_test(an_endpoint_that_is_there_answers_a_probe),
		cmocka_unit_test(preparing_again_changes_nothing),
	};

	memcpy(to, tests, sizeof(tests));
	return (sizeof(tests) / sizeof(tests[0]));
}
