/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the storage contract against a subject; the promises themselves are in
 * suite_objects.c, suite_names.c and suite_threads.c, one function each. What a
 * driver may do as it likes is not asked: the order of a listing, or whether
 * "a" and "a/b" can both be objects.
 */
#include "tests/drivers/suite_parts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* --- helpers ------------------------------------------------------------- */

void
suite_expect_success(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%d: %s", rc, e->text);
}

void
suite_expect_failure(int rc, struct err *e, enum err_kind kind)
{
	const char *begin = "endpoint " SUITE_ENDPOINT ": ";

	if (rc != -1 || e->kind != kind)
		fail_msg("rc %d, kind %d instead of %d: %s", rc, (int)e->kind,
		    (int)kind, e->text);
	if (strncmp(e->text, begin, strlen(begin)) != 0 ||
	    strstr(e->text + 1, begin) != NULL)
		fail_msg("does not name its endpoint once: %s", e->text);
	err_clear(e);
}

void
suite_put(struct store *s, const char *name, const char *text)
{
	struct err e = ERR_INIT;

	suite_expect_success(store_put(s, name, text, strlen(text), 0, &e), &e);
}

void
suite_expect(struct store *s, const char *name, const char *text)
{
	SCOPED(buf_free) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	suite_expect_success(
	    store_load(s, name, STORE_OBJECT_MAX, &got, &e), &e);
	assert_string_equal(buf_text(&got), text);
	assert_int_equal(got.n, strlen(text));
}

void
suite_expect_none(struct store *s, const char *name)
{
	struct err e = ERR_INIT;
	uint64_t bytes;

	suite_expect_failure(store_stat(s, name, &bytes, &e), &e, ERR_MISSING);
}

static int
count_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)entry;
	(void)e;
	++*(size_t *)arg;
	return (0);
}

size_t
suite_count(struct store *s, const char *prefix)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	suite_expect_success(store_list(s, prefix, count_entry, &n, &e), &e);
	return (n);
}

struct store *
suite_store(void **state)
{
	return (((struct suite *)*state)->s);
}

static void
what_was_put_is_there_when_opened_again(void **state)
{
	struct suite *suite = *state;

	suite_put(suite->s, "packs/ab/kept", "kept");
	store_free(suite->s);
	suite->s = suite->subject->open(suite->ground);
	suite_expect(suite->s, "packs/ab/kept", "kept");
}

/* --- running ------------------------------------------------------------- */

static int
set_up(void **state)
{
	struct suite *suite = mem_new(sizeof(*suite));

	suite->subject = *state;
	suite->ground = suite->subject->make();
	suite->s = suite->subject->open(suite->ground);
	*state = suite;
	return (0);
}

static int
tear_down(void **state)
{
	struct suite *suite = *state;

	store_free(suite->s);
	suite->subject->unmake(suite->ground);
	free(suite);
	return (0);
}

int
suite_run(const struct suite_subject *subject)
{
	const struct CMUnitTest lasting = cmocka_unit_test(
	    what_was_put_is_there_when_opened_again);
	struct CMUnitTest tests[SUITE_MAX];
	struct suite_subject copy = *subject; /* cmocka's states aren't const */
	size_t n;

	n = suite_objects(tests);
	n += suite_names(tests + n);
	n += suite_threads(tests + n);
	if (subject->lasts)
		tests[n++] = lasting;
	for (size_t i = 0; i < n; i++) {
		tests[i].setup_func = set_up;
		tests[i].teardown_func = tear_down;
		tests[i].initial_state = &copy;
	}
	return (_cmocka_run_group_tests(subject->what, tests, n, NULL, NULL));
}
