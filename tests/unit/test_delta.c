/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Deltas: small where little changed, exact, and never over the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/delta.h"
#include "tests/unit/known.h"

#define BASE ((size_t)600000)

static uint8_t *
rows(size_t n, uint32_t seed)
{
	uint8_t *p = mem_new(n);

	known_rows(p, n, seed);
	return (p);
}

static void
round_trip(const uint8_t *p, size_t n, const uint8_t *prefix,
    size_t prefix_bytes, size_t *small)
{
	SCOPED(buf_free) struct buf delta = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(
	    delta_encode(3, p, n, prefix, prefix_bytes, &delta, &e), 0);
	*small = delta.n;
	assert_int_equal(
	    delta_expand(delta.p, delta.n, prefix, prefix_bytes, n, &out, &e),
	    0);
	assert_int_equal(out.n, n);
	if (n > 0)
		assert_memory_equal(out.p, p, n);
}

static void
a_few_changed_rows_cost_little(void **state)
{
	SCOPED(scope_free) uint8_t *base = rows(BASE, 1);
	SCOPED(scope_free) uint8_t *now = mem_new(BASE);
	size_t at, small;

	(void)state;
	memcpy(now, base, BASE);
	for (at = 5000; at < BASE; at += 30000)
		memset(now + at, 'x', 7);
	round_trip(now, BASE, base, BASE, &small);
	assert_true(small < BASE / 200);
}

static void
rows_that_moved_are_found_in_any_base(void **state)
{
	const size_t one = 200000;
	SCOPED(scope_free) uint8_t *bases = rows(4 * one, 2);
	SCOPED(scope_free) uint8_t *now = mem_new(3 * one);
	size_t small;

	(void)state;
	memcpy(now, bases + 3 * one, one);
	memcpy(now + one, bases + 777, one);
	memcpy(now + 2 * one, bases + one + 55, one);
	round_trip(now, 3 * one, bases, 4 * one, &small);
	assert_true(small < one / 50);
}

static void
deltas_of_any_lengths_go_there_and_back(void **state)
{
	static const size_t lengths[] = { 0, 1, 100, 70000, 600000 };
	SCOPED(scope_free) uint8_t *p = rows(BASE, 3), *q = rows(BASE, 4);
	size_t i, j, small;

	(void)state;
	for (i = 0; i < 5; i++)
		for (j = 0; j < 5; j++)
			round_trip(p, lengths[i], q, lengths[j], &small);
}

static void
the_longest_chunk_on_the_longest_bases_goes_there_and_back(void **state)
{
	SCOPED(scope_free) uint8_t *prefix = mem_new(DELTA_PREFIX_MAX);
	SCOPED(scope_free) uint8_t *p = mem_new(CHUNK_MAX);
	size_t small;

	(void)state;
	known_noise(prefix, DELTA_PREFIX_MAX, 5);
	memcpy(p, prefix, CHUNK_MAX); /* the farthest */
	round_trip(p, CHUNK_MAX, prefix, DELTA_PREFIX_MAX, &small);
	assert_true(small < CHUNK_MAX / 100);
	memcpy(p, prefix + DELTA_PREFIX_MAX - CHUNK_MAX, CHUNK_MAX);
	round_trip(p, CHUNK_MAX, prefix, DELTA_PREFIX_MAX, &small);
	assert_true(small < CHUNK_MAX / 100);
}

static void
other_bases_or_lengths_are_not_taken_for_the_right_ones(void **state)
{
	SCOPED(scope_free) uint8_t *base = rows(BASE, 6);
	SCOPED(buf_free) struct buf delta = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t plain;

	(void)state;
	assert_int_equal(
	    delta_encode(3, base + 100, 50000, base, BASE, &delta, &e), 0);
	for (plain = 0; plain < 100000; plain += 997) {
		err_clear(&e);
		assert_int_equal(
		    delta_expand(delta.p, delta.n, base, BASE, plain, &out, &e),
		    -1);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
	/* Without its base a delta fails, or gives what the name unmasks. */
	if (delta_expand(delta.p, delta.n, NULL, 0, 50000, &out, &e) == 0)
		assert_memory_not_equal(out.p, base + 100, 50000);
	else
		assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
lengths_over_the_limits_are_corrupt_before_any_work(void **state)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	uint8_t p[16] = { 0 };

	(void)state;
	assert_int_equal(
	    delta_expand(p, 16, p, 16, CHUNK_MAX + 1, &out, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	err_clear(&e);
	assert_int_equal(
	    delta_expand(p, 16, p, DELTA_PREFIX_MAX + 1, 16, &out, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(out.cap, 0);
}

struct given {
	const uint8_t *base;
	size_t plain;
};

static bool
takes_delta(const uint8_t *p, size_t n, const void *arg)
{
	const struct given *g = arg;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (delta_expand(p, n, g->base, BASE, g->plain, &out, &e) == 0)
		return (true);
	assert_int_equal(e.kind, ERR_CORRUPT);
	return (false);
}

static void
a_cut_or_longer_delta_is_corrupt(void **state)
{
	SCOPED(scope_free) uint8_t *base = rows(BASE, 7), *p = rows(20000, 8);
	SCOPED(buf_free) struct buf delta = BUF_INIT;
	struct given g = { base, 20000 };
	struct attempt a = { takes_delta, &g };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(delta_encode(3, p, 20000, base, BASE, &delta, &e), 0);
	assert_true(takes_delta(delta.p, delta.n, &g));
	assert_int_equal(known_cuts_taken(&delta, &a), 0);
	assert_int_equal(known_longer_taken(&delta, &a), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_changed_rows_cost_little),
		cmocka_unit_test(rows_that_moved_are_found_in_any_base),
		cmocka_unit_test(deltas_of_any_lengths_go_there_and_back),
		cmocka_unit_test(
		    the_longest_chunk_on_the_longest_bases_goes_there_and_back),
		cmocka_unit_test(
		    other_bases_or_lengths_are_not_taken_for_the_right_ones),
		cmocka_unit_test(
		    lengths_over_the_limits_are_corrupt_before_any_work),
		cmocka_unit_test(a_cut_or_longer_delta_is_corrupt),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
