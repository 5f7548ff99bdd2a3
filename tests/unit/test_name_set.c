/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* The set of names against a plain table of what should be in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/random.h"
#include "repository/name_set.h"

#define NAMES  600
#define ROUNDS 40000

/* Names that crowd at a few places, so that runs are long and wrap around. */
static struct name
crowded(uint32_t i)
{
	struct name name = { { 0 } };

	name.b[0] = (uint8_t)(250 + i % 10);
	memcpy(name.b + 8, &i, sizeof(i));
	return (name);
}

static void
expect_all(const struct name_set *s, const bool there[NAMES])
{
	size_t n = 0;

	for (uint32_t i = 0; i < NAMES; i++) {
		struct name name = crowded(i);

		assert_int_equal(name_set_has(s, &name, 1), there[i]);
		n += there[i];
	}
	assert_int_equal(s->n, n);
}

static void
adding_and_removing_in_any_order_keeps_the_rest(void **arg)
{
	struct name_set s = NAME_SET_INIT;
	bool there[NAMES] = { false };

	(void)arg;
	random_seed(1);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t i = random_below(NAMES);
		struct name name = crowded(i);

		if (random_below(2) == 0) {
			assert_int_equal(name_set_add(&s, &name, 1), !there[i]);
			there[i] = true;
		} else {
			name_set_remove(&s, &name, 1);
			there[i] = false;
		}
		if (round % 1000 == 0)
			expect_all(&s, there);
	}
	expect_all(&s, there);
	name_set_free(&s);
}

static void
an_empty_set_has_nothing_and_loses_nothing(void **arg)
{
	struct name_set s = NAME_SET_INIT;
	struct name name = crowded(1);

	(void)arg;
	assert_false(name_set_has(&s, &name, 1));
	name_set_remove(&s, &name, 1);
	assert_true(name_set_add(&s, &name, 1));
	name_set_remove(&s, &name, 1);
	name_set_remove(&s, &name, 1);
	assert_false(name_set_has(&s, &name, 1));
	assert_int_equal(s.n, 0);
	name_set_free(&s);
}

static void
a_name_of_another_kind_is_another_name(void **arg)
{
	struct name_set s = NAME_SET_INIT;
	struct name name = crowded(1);

	(void)arg;
	assert_true(name_set_add(&s, &name, 1));
	assert_true(name_set_add(&s, &name, 2));
	assert_false(name_set_add(&s, &name, 2));
	name_set_remove(&s, &name, 1);
	assert_false(name_set_has(&s, &name, 1));
	assert_true(name_set_has(&s, &name, 2));
	name_set_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    adding_and_removing_in_any_order_keeps_the_rest),
		cmocka_unit_test(an_empty_set_has_nothing_and_loses_nothing),
		cmocka_unit_test(a_name_of_another_kind_is_another_name),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
