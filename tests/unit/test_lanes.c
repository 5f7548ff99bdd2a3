/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* Several objects under way at a time, a barrier, and the first failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "repository/lanes.h"

#define OBJECTS 200

struct yard {
	atomic_uint inside, most, done;
	atomic_ullong sum;
	uint64_t bad;	   /* the number that fails, or 0 */
	unsigned wait_for; /* workers that have to be inside together, or 0 */
};

static int
work(void *arg, const struct state_object *o, struct err *e)
{
	struct yard *y = arg;
	unsigned inside = atomic_fetch_add(&y->inside, 1) + 1;
	unsigned most = atomic_load(&y->most);
	int rc = 0;

	while (inside > most &&
	    !atomic_compare_exchange_weak(&y->most, &most, inside))
		continue;
	while (atomic_load(&y->most) < y->wait_for)
		assert_int_equal(clock_sleep_ms(1, e), 0);
	(void)atomic_fetch_add(&y->sum, o->number);
	(void)atomic_fetch_add(&y->done, 1);
	if (o->number == y->bad)
		rc = err_set(e, ERR_NETWORK, "number %llu",
		    (unsigned long long)o->number);
	(void)atomic_fetch_sub(&y->inside, 1);
	return (rc);
}

/* How many were taken. */
static unsigned
give(struct lanes *l, unsigned n, struct err *e)
{
	for (unsigned i = 1; i <= n; i++) {
		const struct state_object o = { .number = i };

		if (lanes_give(l, &o, e) < 0)
			return (i - 1);
	}
	return (n);
}

static void
every_object_is_worked_off_once(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= LANES_MAX; n++) {
		struct yard y = { .bad = 0 };
		SCOPED(lanes_freep) struct lanes *l = lanes_new(n, work, &y);
		struct err e = ERR_INIT;

		assert_int_equal(give(l, OBJECTS, &e), OBJECTS);
		assert_int_equal(lanes_drain(l, &e), 0);
		assert_int_equal(atomic_load(&y.done), OBJECTS);
		assert_int_equal(
		    atomic_load(&y.sum), OBJECTS * (OBJECTS + 1) / 2);
		assert_int_equal(atomic_load(&y.inside), 0);
		assert_true(atomic_load(&y.most) <= n);
	}
}

static void
as_many_are_under_way_as_there_are_lanes(void **state)
{
	struct yard y = { .wait_for = 4 };
	SCOPED(lanes_freep) struct lanes *l = lanes_new(4, work, &y);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(give(l, 4, &e), 4);
	assert_int_equal(lanes_drain(l, &e), 0);
	assert_int_equal(atomic_load(&y.most), 4);
}

static void
after_a_failure_nothing_is_begun_until_it_is_told(void **state)
{
	struct yard y = { .bad = 7 };
	SCOPED(lanes_freep) struct lanes *l = lanes_new(3, work, &y);
	struct err e = ERR_INIT;
	unsigned taken, done;

	(void)state;
	taken = give(l, OBJECTS, &e);
	assert_in_range(taken, 7, OBJECTS);
	if (taken < OBJECTS)
		assert_string_equal(e.text, "number 7");
	err_clear(&e);
	assert_int_equal(lanes_drain(l, &e), -1);
	assert_int_equal(e.kind, ERR_NETWORK);
	assert_string_equal(e.text, "number 7");
	done = atomic_load(&y.done);
	assert_int_equal(done, taken);
	y.bad = 0;
	err_clear(&e);
	assert_int_equal(give(l, 5, &e), 5);
	assert_int_equal(lanes_drain(l, &e), 0);
	assert_int_equal(atomic_load(&y.done), done + 5);
}

static void
one_lane_is_the_givers_own_thread(void **state)
{
	struct yard y = { .bad = 2 };
	SCOPED(lanes_freep) struct lanes *l = lanes_new(1, work, &y);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(give(l, 9, &e), 1);
	assert_int_equal(atomic_load(&y.done), 2);
	assert_string_equal(e.text, "number 2");
}

static void
freed_lanes_end_what_is_under_way(void **state)
{
	struct yard y = { .bad = 0 };
	struct lanes *l = lanes_new(2, work, &y);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(give(l, 9, &e), 9);
	lanes_free(l);
	assert_int_equal(atomic_load(&y.done), 9);
	lanes_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_object_is_worked_off_once),
		cmocka_unit_test(as_many_are_under_way_as_there_are_lanes),
		cmocka_unit_test(
		    after_a_failure_nothing_is_begun_until_it_is_told),
		cmocka_unit_test(one_lane_is_the_givers_own_thread),
		cmocka_unit_test(freed_lanes_end_what_is_under_way),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
