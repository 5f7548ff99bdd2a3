/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* Dates of locks, by object and endpoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repository/state_locks.h"
#include "tests/unit/state_rig.h"

static int64_t
date_of(const struct state_rig *f, uint64_t number, uint8_t endpoint)
{
	struct err e = ERR_INIT;
	int64_t until = -1;

	state_rig_must(state_get_lock(f->s, number, endpoint, &until, &e), &e);
	return (until);
}

static void
nothing_is_locked_that_nobody_locked(void **arg)
{
	const struct state_rig *f = *arg;

	assert_true(date_of(f, 1, 0) == 0);
}

static void
a_date_is_of_its_object_and_endpoint_alone(void **arg)
{
	struct state_rig *f = *arg;
	struct err e = ERR_INIT;

	state_rig_must(state_set_lock(f->s, 7, 1, 1000, &e), &e);
	state_rig_must(state_set_lock(f->s, 7, 2, 2000, &e), &e);
	state_rig_must(state_set_lock(f->s, 256 + 7, 1, 3000, &e), &e);
	state_rig_must(state_set_lock(f->s, 7, 1, 1001, &e), &e);
	state_rig_reopen(f);
	assert_true(date_of(f, 7, 1) == 1001);
	assert_true(date_of(f, 7, 2) == 2000);
	assert_true(date_of(f, 256 + 7, 1) == 3000);
	assert_true(date_of(f, 7, 0) == 0);
	assert_true(date_of(f, 8, 1) == 0);
}

#define RIG_TEST(fn)                                                           \
	cmocka_unit_test_setup_teardown(fn, state_rig_setup, state_rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(nothing_is_locked_that_nobody_locked),
		RIG_TEST(a_date_is_of_its_object_and_endpoint_alone),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
