/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* What fits into `memory` at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repository/memory.h"

#define MIB ((uint64_t)1 << 20)

static void
memory_is_enough_by_default_for_all_that_is_asked(void **state)
{
	struct memory_plan p = memory_plan(256 * MIB, 3, 4, 3);

	(void)state;
	assert_int_equal(p.jobs, 4);
	assert_int_equal(p.transfers, 3);
}

static void
memory_is_enough_for_one_of_each_at_least(void **state)
{
	struct memory_plan p;

	(void)state;
	assert_int_equal(memory_least(3), 128 * MIB);
	assert_int_equal(memory_least(19), 176 * MIB);
	for (int level = 1; level <= 19; level++) {
		assert_int_equal(memory_least(level) % MEMORY_STEP, 0);
		p = memory_plan(memory_least(level), level, 64, 16);
		assert_int_equal(p.jobs, 1);
		assert_int_equal(p.transfers, 1);
	}
}

static void
memory_is_shared_in_turn_when_it_is_short(void **state)
{
	struct memory_plan p = memory_plan(256 * MIB, 3, 64, 16);

	(void)state;
	assert_in_range(p.jobs, 3, 5);
	assert_in_range(p.transfers, 3, 5);
	p = memory_plan(256 * MIB, 19, 4, 3);
	assert_in_range(p.jobs, 1, 2);
	assert_in_range(p.transfers, 1, 3);
}

static void
memory_never_gives_more_than_is_asked(void **state)
{
	struct memory_plan p = memory_plan(1024 * MIB * 1024, 3, 2, 1);

	(void)state;
	assert_int_equal(p.jobs, 2);
	assert_int_equal(p.transfers, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    memory_is_enough_by_default_for_all_that_is_asked),
		cmocka_unit_test(memory_is_enough_for_one_of_each_at_least),
		cmocka_unit_test(memory_is_shared_in_turn_when_it_is_short),
		cmocka_unit_test(memory_never_gives_more_than_is_asked),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
