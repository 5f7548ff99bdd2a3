/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The storage contract when several threads use one store.
 */
#include "tests/drivers/suite_parts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "storage-drivers/store_drop.h"

#define THREADS 4
#define ROUNDS	25

/* --- threads: cmocka's own calls are left to the main one ---------------- */

struct worker {
	struct store *s;
	unsigned number;
	pthread_t thread;
	struct err e;
	int wins, rc;
	bool may_miss; /* the store is a loose one */
};

/* Starts one function as several threads, and waits for all of them. */
static void
run_threads(struct worker workers[THREADS], void **state, void *(*body)(void *))
{
	const struct suite *suite = *state;

	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .s = suite->s,
			.number = i,
			.may_miss = suite->subject->is_loose };
		assert_int_equal(
		    pthread_create(&workers[i].thread, NULL, body, &workers[i]),
		    0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		if (workers[i].rc != 0)
			fail_msg("thread %u: %d: %s", i, workers[i].rc,
			    workers[i].e.text);
}

static int
count_one(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)entry;
	(void)e;
	++*(int *)arg;
	return (0);
}

static void *
put_get_list_drop(void *arg)
{
	struct worker *w = arg;
	char name[32], text[32], got[32];
	int listed = 0;

	for (unsigned i = 0; i < ROUNDS && w->rc == 0; i++) {
		size_t n = (size_t)snprintf(
		    text, sizeof(text), "%u of %u", i, w->number);

		snprintf(name, sizeof(name), "packs/%02u/%u", i, w->number);
		if (store_put(w->s, name, text, n, 0, &w->e) < 0 ||
		    store_get(w->s, name, 0, got, n, &w->e) < 0 ||
		    store_list(w->s, "packs/", count_one, &listed, &w->e) < 0 ||
		    (i % 2 != 0 && store_drop(w->s, name, &w->e) < 0))
			w->rc = -1;
		else if (memcmp(got, text, n) != 0)
			w->rc = err_set(&w->e, ERR_SYSTEM, "read %s", got);
	}
	return (NULL);
}

static void
threads_share_a_store(void **state)
{
	struct worker workers[THREADS];

	run_threads(workers, state, put_get_list_drop);
	assert_int_equal(suite_count(suite_store(state), "packs/"),
	    THREADS * ((ROUNDS + 1) / 2));
}

static void *
be_the_first(void *arg)
{
	struct worker *w = arg;
	const char text[] = { (char)('0' + w->number) };
	char name[32];

	for (unsigned i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "writers/%u", i);
		if (store_put(w->s, name, text, 1, STORE_PUT_NEW, &w->e) == 0)
			w->wins++;
		else if (w->e.kind != ERR_EXISTS)
			w->rc = -1;
	}
	return (NULL);
}

static void
of_several_put_new_exactly_one_wins(void **state)
{
	struct worker workers[THREADS];
	int wins = 0;

	run_threads(workers, state, be_the_first);
	for (unsigned i = 0; i < THREADS; i++)
		wins += workers[i].wins;
	if (!((struct suite *)*state)->subject->is_loose)
		assert_int_equal(wins, ROUNDS);
	assert_in_range(wins, ROUNDS, ROUNDS * THREADS);
	assert_int_equal(suite_count(suite_store(state), ""), ROUNDS);
}

#define WHOLE 50000

/* Even threads replace an object by others of its size, odd ones read it. */
static void *
replace_or_read(void *arg)
{
	struct worker *w = arg;
	SCOPED(scope_free) char *p = mem_new(WHOLE);

	for (unsigned i = 0; i < ROUNDS && w->rc == 0; i++) {
		if (w->number % 2 == 0) {
			memset(p, (char)('a' + (w->number + i) % 20), WHOLE);
			w->rc = store_put(w->s, "o", p, WHOLE, 0, &w->e);
			continue;
		}
		w->rc = store_get(w->s, "o", 0, p, WHOLE, &w->e);
		if (w->rc < 0 && w->may_miss &&
		    (w->e.kind == ERR_MISSING || w->e.kind == ERR_DENIED)) {
			err_clear(&w->e);
			w->rc = 0;
			continue;
		}
		if (w->rc == 0 && memcmp(p, p + 1, WHOLE - 1) != 0)
			w->rc = err_set(&w->e, ERR_SYSTEM, "a mixture");
	}
	return (NULL);
}

static void
a_reader_never_sees_half_an_object(void **state)
{
	struct worker workers[THREADS];
	SCOPED(scope_free) char *p = mem_new(WHOLE);
	struct err e = ERR_INIT;

	suite_expect_success(
	    store_put(suite_store(state), "o", p, WHOLE, 0, &e), &e);
	run_threads(workers, state, replace_or_read);
	assert_int_equal(suite_count(suite_store(state), ""), 1);
}

/* --- running ------------------------------------------------------------- */

size_t
suite_threads(struct CMUnitTest *to)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_share_a_store),
		cmocka_unit_test(of_several_put_new_exactly_one_wins),
		cmocka_unit_test(a_reader_never_sees_half_an_object),
	};

	memcpy(to, tests, sizeof(tests));
	return (sizeof(tests) / sizeof(tests[0]));
}
