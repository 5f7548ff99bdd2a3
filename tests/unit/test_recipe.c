/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Recipes there and back, fed whole and in parts, and broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "repository/recipe.h"
#include "tests/unit/known.h"

/* A recipe of n parts; the i-th of them 1000 + i bytes long. */
static void
make_recipe(struct recipe *r, unsigned n)
{
	struct name name;
	unsigned i;

	*r = (struct recipe)RECIPE_INIT;
	r->kind = STREAM_TABLE;
	known_noise(r->identity, sizeof(r->identity), n);
	known_noise(r->checksum.b, NAME_BYTES, n + 1);
	for (i = 0; i < n; i++) {
		known_noise(name.b, NAME_BYTES, i + 2);
		recipe_add(r, &name, 1000 + i);
	}
	if (n == 1)
		r->checksum = r->parts[0].name;
}

static void
assert_same(const struct recipe *a, const struct recipe *b)
{
	assert_memory_equal(a->identity, b->identity, 16);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->bytes, b->bytes);
	assert_memory_equal(a->checksum.b, b->checksum.b, NAME_BYTES);
	assert_int_equal(a->n, b->n);
	if (a->n > 0)
		assert_memory_equal(
		    a->parts, b->parts, a->n * sizeof(a->parts[0]));
}

static void
recipes_of_any_length_go_there_and_back_in_one_stream(void **state)
{
	static const unsigned lengths[] = { 0, 1, 2, 3, 100, 1, 0, 5000 };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	SCOPED(recipe_free) struct recipe back = RECIPE_INIT;
	struct err e = ERR_INIT;
	struct bytes in;
	bool more;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		SCOPED(recipe_free) struct recipe r;

		make_recipe(&r, lengths[i]);
		recipe_encode(&r, &b);
	}
	in = bytes_of(b.p, b.n);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		SCOPED(recipe_free) struct recipe r;

		make_recipe(&r, lengths[i]);
		assert_int_equal(recipe_decode(&in, &back, &more, &e), 0);
		assert_false(more);
		assert_same(&r, &back);
	}
	assert_true(bytes_done(&in));
}

static void
a_recipe_of_one_part_takes_sixty_eight_bytes(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	SCOPED(recipe_free) struct recipe r;

	(void)state;
	make_recipe(&r, 1);
	recipe_encode(&r, &b);
	assert_int_equal(b.n, 68);
}

static void
a_cut_recipe_asks_for_more_and_moves_nothing(void **state)
{
	static const unsigned lengths[] = { 0, 1, 2, 7 };
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		SCOPED(buf_free) struct buf b = BUF_INIT;
		SCOPED(recipe_free) struct recipe r;
		SCOPED(recipe_free) struct recipe back = RECIPE_INIT;
		struct err e = ERR_INIT;

		make_recipe(&r, lengths[i]);
		recipe_encode(&r, &b);
		for (n = 0; n < b.n; n++) {
			struct bytes in = bytes_of(b.p, n);
			bool more = false;

			assert_int_equal(
			    recipe_decode(&in, &back, &more, &e), 0);
			assert_true(more);
			assert_false(in.bad);
			assert_ptr_equal(in.p, b.p);
			assert_int_equal(in.n, n);
			assert_true(back.cap <= 1);
		}
	}
}

/* Decodes changed bytes of a recipe of two parts. */
static int
decode(size_t at, const char *bytes, size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	SCOPED(recipe_free) struct recipe r;
	SCOPED(recipe_free) struct recipe back = RECIPE_INIT;
	struct bytes in;
	bool more;

	make_recipe(&r, 2);
	recipe_encode(&r, &b);
	memcpy(b.p + at, bytes, n);
	in = bytes_of(b.p, b.n);
	err_clear(e);
	return (recipe_decode(&in, &back, &more, e));
}

static void
a_recipe_that_breaks_a_rule_is_corrupt(void **state)
{
	/* identity 0, kind 16, flags 17, zero 18, count 20, bytes 24,
	 * checksum 32, name 64, plain 96, name 100, plain 132 */
	static const struct {
		size_t at;
		const char *bytes;
		size_t n;
	} bad[] = {
		{ 16, "\x00", 1 },
		{ 16, "\x06", 1 },
		{ 17, "\x01", 1 },
		{ 18, "\x01", 1 },
		{ 19, "\x01", 1 },
		{ 20, "\x01\x00\x00\x01", 4 }, /* 2^24 + 1 parts */
		{ 24, "\xd2\x07", 2 },	       /* a byte more than there is */
		{ 31, "\x80", 1 },
		{ 96, "\x00\x00\x00\x00", 4 }, /* an empty part */
		{ 96, "\x01\x00\x40\x00", 4 }, /* 4 MiB + 1 */
		{ 132, "\xff\xff\xff\xff", 4 },
	};
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	assert_int_equal(decode(0, "x", 1, &e), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    decode(bad[i].at, bad[i].bytes, bad[i].n, &e), -1);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
}

static void
a_huge_count_allocates_nothing(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	SCOPED(recipe_free) struct recipe back = RECIPE_INIT;
	struct err e = ERR_INIT;
	struct bytes in;
	bool more;

	(void)state;
	buf_add_zeros(&b, 16);
	buf_add_u32(&b, STREAM_FILE);
	buf_add_u32(&b, RECIPE_PARTS_MAX);
	buf_add_u64(&b, 1);
	buf_add_zeros(&b, 1000);
	in = bytes_of(b.p, b.n);
	assert_int_equal(recipe_decode(&in, &back, &more, &e), 0);
	assert_true(more);
	assert_int_equal(back.cap, 0);
}

static void
an_empty_stream_is_zero_bytes_long(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	SCOPED(recipe_free) struct recipe r;
	SCOPED(recipe_free) struct recipe back = RECIPE_INIT;
	struct err e = ERR_INIT;
	struct bytes in;
	bool more;

	(void)state;
	make_recipe(&r, 0);
	r.bytes = 1;
	recipe_encode(&r, &b);
	in = bytes_of(b.p, b.n);
	assert_int_equal(recipe_decode(&in, &back, &more, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
the_bytes_of_a_known_recipe_do_not_change(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	unsigned n;

	(void)state;
	for (n = 0; n < 4; n++) {
		SCOPED(recipe_free) struct recipe r;

		make_recipe(&r, n);
		recipe_encode(&r, &b);
	}
	assert_string_equal(known_sha(b.p, b.n),
	    "da78e9c64d660fdf40018f596af599ef7d57cb4693a4cde30fe2a093eac0ce46");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    recipes_of_any_length_go_there_and_back_in_one_stream),
		cmocka_unit_test(a_recipe_of_one_part_takes_sixty_eight_bytes),
		cmocka_unit_test(a_cut_recipe_asks_for_more_and_moves_nothing),
		cmocka_unit_test(a_recipe_that_breaks_a_rule_is_corrupt),
		cmocka_unit_test(a_huge_count_allocates_nothing),
		cmocka_unit_test(an_empty_stream_is_zero_bytes_long),
		cmocka_unit_test(the_bytes_of_a_known_recipe_do_not_change),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
