/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Cutting: the same in parts as whole, within the limits, stable at edits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/chunk.h"
#include "tests/unit/known.h"

#define CUTS_MAX 20000

/* Where the chunks of a stream end. */
struct cuts {
	size_t n;
	size_t at[CUTS_MAX];
};

static struct keys *keys;

static int
start(void **state)
{
	(void)state;
	keys = known_keys(11);
	return (0);
}

static int
end(void **state)
{
	(void)state;
	keys_free(keys);
	return (0);
}

/* Gives the stream in parts: their lengths are 1 to most, or all at once. */
static void
cut(const struct chunk_profile *profile, const uint8_t *p, size_t n,
    size_t most, struct cuts *out)
{
	struct chunker c;
	size_t at = 0, part, used;
	uint64_t x = 1;
	bool ended;

	chunker_init(&c, keys, profile);
	out->n = 0;
	while (at < n) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407U;
		part = most == 0 ? n - at : 1 + (size_t)(x >> 33) % most;
		if (part > n - at)
			part = n - at;
		while (part > 0) {
			used = chunker_next(&c, p + at, part, &ended);
			assert_true(used <= part);
			assert_true(used > 0);
			assert_true(ended || used == part);
			at += used;
			part -= used;
			if (ended)
				out->at[out->n++] = at;
			assert_true(out->n < CUTS_MAX);
		}
	}
	if (out->n == 0 || out->at[out->n - 1] != n)
		out->at[out->n++] = n;
}

static uint8_t *
noise(size_t n, uint32_t seed)
{
	uint8_t *p = mem_new(n);

	known_noise(p, n, seed);
	return (p);
}

static void
parts_of_any_size_give_the_cuts_of_the_whole(void **state)
{
	static const size_t most[] = { 1, 2, 63, 64, 65, 1000, 4096, 100000 };
	SCOPED(scope_free) uint8_t *p = noise(3000000, 1);
	SCOPED(scope_free) struct cuts *whole = mem_new(sizeof(*whole));
	SCOPED(scope_free) struct cuts *parts = mem_new(sizeof(*parts));
	size_t i;

	(void)state;
	cut(&chunk_meta, p, 3000000, 0, whole);
	assert_true(whole->n > 100);
	for (i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		cut(&chunk_meta, p, 3000000, most[i], parts);
		assert_int_equal(parts->n, whole->n);
		assert_memory_equal(
		    parts->at, whole->at, whole->n * sizeof(whole->at[0]));
	}
	cut(&chunk_data, p, 3000000, 0, whole);
	cut(&chunk_data, p, 3000000, 777, parts);
	assert_int_equal(parts->n, whole->n);
	assert_memory_equal(
	    parts->at, whole->at, whole->n * sizeof(whole->at[0]));
}

/* Least, most and mean of all chunks but the last. */
static void
measure(const struct cuts *c, size_t *least, size_t *most, size_t *mean)
{
	size_t i, length, before = 0;

	*least = SIZE_MAX;
	*most = 0;
	for (i = 0; i + 1 < c->n; i++) {
		length = c->at[i] - before;
		before = c->at[i];
		*least = length < *least ? length : *least;
		*most = length > *most ? length : *most;
	}
	*mean = before / (c->n - 1);
}

static void
lengths_keep_least_and_most_and_come_near_the_average(void **state)
{
	const size_t n = 64U << 20;
	SCOPED(scope_free) uint8_t *p = noise(n, 2);
	SCOPED(scope_free) struct cuts *c = mem_new(sizeof(*c));
	size_t least, most, mean;

	(void)state;
	cut(&chunk_meta, p, n, 0, c);
	measure(c, &least, &most, &mean);
	assert_true(least >= chunk_meta.least && most <= chunk_meta.most);
	assert_in_range(mean, 16000, 20000);
	cut(&chunk_data, p, n, 0, c);
	measure(c, &least, &most, &mean);
	assert_true(least >= chunk_data.least && most <= chunk_data.most);
	assert_in_range(mean, 450U << 10, 700U << 10);
}

static void
bytes_that_never_cut_are_cut_at_the_most(void **state)
{
	SCOPED(scope_free) uint8_t *p = mem_new(9U << 20);
	SCOPED(scope_free) struct cuts *c = mem_new(sizeof(*c));

	(void)state;
	cut(&chunk_data, p, 9U << 20, 0, c);
	assert_int_equal(c->n, 3);
	assert_int_equal(c->at[0], chunk_data.most);
	assert_int_equal(c->at[1], 2 * chunk_data.most);
	assert_int_equal(c->at[2], 9U << 20);
}

static void
a_short_stream_is_one_chunk(void **state)
{
	SCOPED(scope_free) uint8_t *p = noise(128U << 10, 3);
	SCOPED(scope_free) struct cuts *c = mem_new(sizeof(*c));
	size_t n;

	(void)state;
	for (n = 1; n < 128U << 10; n += 9973) {
		cut(&chunk_data, p, n, 0, c);
		assert_int_equal(c->n, 1);
	}
}

static void
an_insertion_moves_only_the_cuts_beside_it(void **state)
{
	const size_t n = 4000000, where = 1000000, more = 1234;
	SCOPED(scope_free) uint8_t *p = noise(n, 4), *q = noise(n + more, 5);
	SCOPED(scope_free) struct cuts *a = mem_new(sizeof(*a));
	SCOPED(scope_free) struct cuts *b = mem_new(sizeof(*b));
	size_t i, j, same = 0;

	(void)state;
	memcpy(q, p, where);
	memcpy(q + where + more, p + where, n - where);
	cut(&chunk_meta, p, n, 0, a);
	cut(&chunk_meta, q, n + more, 0, b);
	for (i = 0, j = 0; i < a->n; i++) {
		size_t want = a->at[i] + (a->at[i] > where ? more : 0);

		while (j < b->n && b->at[j] < want)
			j++;
		same += j < b->n && b->at[j] == want;
	}
	assert_true(a->n > 150);
	assert_true(same + 5 >= a->n);
}

static void
a_reset_starts_a_chunk(void **state)
{
	SCOPED(scope_free) uint8_t *p = noise(300000, 6);
	struct chunker fresh, used;
	size_t a, b;
	bool cut_a, cut_b;

	(void)state;
	chunker_init(&fresh, keys, &chunk_meta);
	chunker_init(&used, keys, &chunk_meta);
	(void)chunker_next(&used, p + 1000, 3000, &cut_b);
	assert_false(cut_b);
	chunker_reset(&used);
	a = chunker_next(&fresh, p, 300000, &cut_a);
	b = chunker_next(&used, p, 300000, &cut_b);
	assert_true(cut_a && cut_b);
	assert_int_equal(a, b);
}

static void
cuts_depend_on_the_name_key(void **state)
{
	SCOPED(scope_free) uint8_t *p = noise(1000000, 7);
	SCOPED(scope_free) struct cuts *a = mem_new(sizeof(*a));
	SCOPED(scope_free) struct cuts *b = mem_new(sizeof(*b));
	struct keys *mine = keys;
	size_t i, same = 0;

	(void)state;
	cut(&chunk_meta, p, 1000000, 0, a);
	keys = known_keys(12);
	cut(&chunk_meta, p, 1000000, 0, b);
	keys_free(keys);
	keys = mine;
	for (i = 0; i < a->n && i < b->n; i++)
		same += a->at[i] == b->at[i];
	assert_true(same <= 2); /* both end at the end */
}

static void
the_cuts_of_known_bytes_do_not_change(void **state)
{
	const size_t n = 8000000;
	SCOPED(scope_free) uint8_t *p = noise(n, 8);
	SCOPED(scope_free) struct cuts *c = mem_new(sizeof(*c));
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct chunker k;
	size_t i;

	(void)state;
	chunker_init(&k, keys, &chunk_data);
	for (i = 0; i < 256; i++)
		buf_add_u64(&text, k.gear[i]);
	assert_string_equal(known_sha(text.p, text.n),
	    "cd137b356f9dc51ba0282c52dda60a3a5801d09cfe16c8a0c67c7589cbd6ac1d");
	text.n = 0;
	cut(&chunk_data, p, n, 0, c);
	for (i = 0; i < c->n; i++)
		buf_printf(&text, "%zu\n", c->at[i]);
	cut(&chunk_meta, p, n, 0, c);
	for (i = 0; i < c->n; i++)
		buf_printf(&text, "%zu\n", c->at[i]);
	assert_string_equal(known_sha(text.p, text.n),
	    "17192b961e2d9421cdb2f2be206a74e4b8c6d08e84077cb976ab5ef398679c34");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_any_size_give_the_cuts_of_the_whole),
		cmocka_unit_test(
		    lengths_keep_least_and_most_and_come_near_the_average),
		cmocka_unit_test(bytes_that_never_cut_are_cut_at_the_most),
		cmocka_unit_test(a_short_stream_is_one_chunk),
		cmocka_unit_test(an_insertion_moves_only_the_cuts_beside_it),
		cmocka_unit_test(a_reset_starts_a_chunk),
		cmocka_unit_test(cuts_depend_on_the_name_key),
		cmocka_unit_test(the_cuts_of_known_bytes_do_not_change),
	};

	return (cmocka_run_group_tests(tests, start, end));
}
