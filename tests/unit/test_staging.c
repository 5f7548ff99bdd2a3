/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* The staging area of a restore: what may be brought ahead of time, and what
 * goes when room is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "restore/staging.h"
#include "tests/unit/rig.h"

#define PACK  ((uint64_t)8 << 20)
#define PACKS 10

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

struct area {
	struct rig g;
	struct staging *s;
	struct staged *packs[PACKS];
};

static void
area_open(struct area *a, uint64_t limit)
{
	SCOPED(scope_free) char *folder = NULL;
	struct err e = ERR_INIT;

	rig_open(&a->g, 1);
	folder = rig_path(&a->g, "cache");
	a->s = staging_new(folder, limit, &e);
	must(a->s == NULL, &e);
}

static void
area_close(struct area *a)
{
	staging_free(a->s, false);
	rig_close(&a->g);
}

/* Packs from to to are wanted whole. */
static void
expect(struct area *a, uint8_t from, uint8_t to)
{
	for (uint8_t i = from; i < to; i++) {
		const struct sha256 name = { { i, 1 } };

		a->packs[i] = staging_hold(a->s, &name, PACK);
		staging_expect(a->s, a->packs[i], PACK, 1);
		staging_let_go(a->s, a->packs[i]);
	}
}

/* The next one is pack i, and it comes. */
static void
assert_comes(struct area *a, uint8_t i)
{
	struct staging_pack pack;
	struct staged *p = staging_begin_ahead(a->s, &pack);
	struct err e = ERR_INIT;
	int fd;

	assert_ptr_equal(p, a->packs[i]);
	assert_int_equal(pack.pack.b[0], i);
	assert_int_equal(pack.bytes, PACK);
	assert_int_equal(pack.sure, 1);
	fd = staging_begin_whole(a->s, p, &e);
	must(fd < 0, &e);
	assert_int_equal(ftruncate(fd, (off_t)PACK), 0);
	scope_close(&fd);
	staging_end_whole(a->s, p, true);
	staging_let_go(a->s, p);
}

static void
assert_none(struct area *a)
{
	struct staging_pack pack;

	assert_null(staging_begin_ahead(a->s, &pack));
}

/* It is here, without anybody bringing it now. */
static void
read_some(struct area *a, uint8_t i, uint32_t n)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	const struct sha256 name = { { i, 1 } };
	struct staged *p = staging_hold(a->s, &name, PACK);
	enum staging_turn turn;
	struct err e = ERR_INIT;

	must(staging_turn(a->s, p, 0, n, &turn, &e), &e);
	assert_int_equal(turn, STAGING_HERE);
	must(staging_read(a->s, p, 0, n, &out, &e), &e);
	staging_let_go(a->s, p);
}

static void
the_window_is_half_of_the_area_and_moves_with_reading(void **state)
{
	struct area a = { .s = NULL };
	uint8_t i;

	(void)state;
	area_open(&a, 8 * PACK);
	expect(&a, 0, PACKS);
	assert_none(&a); /* it is not sure yet that they are read */
	staging_allow_ahead(a.s);
	for (i = 0; i < 4; i++)
		assert_comes(&a, i);
	assert_none(&a);
	for (i = 4; i < PACKS; i++) {
		read_some(&a, (uint8_t)(i - 4), (uint32_t)PACK);
		assert_comes(&a, i);
		assert_none(&a);
	}
	/* What was not read yet is all still here. */
	for (i = PACKS - 4; i < PACKS; i++)
		read_some(&a, i, 1);
	assert_none(&a);
	area_close(&a);
}

static void
it_takes_no_room_from_what_will_be_read_again(void **state)
{
	struct area a = { .s = NULL };
	uint8_t i;

	(void)state;
	area_open(&a, 8 * PACK);
	expect(&a, 0, PACKS);
	staging_allow_ahead(a.s);
	for (i = 0; i < 8; i++) {
		assert_comes(&a, i);
		read_some(&a, i, 100);
	}
	/* All of them are half read: there is no room ahead of them. */
	assert_none(&a);
	read_some(&a, 3, (uint32_t)PACK);
	assert_comes(&a, 8);
	for (i = 0; i < 8; i++)
		if (i != 3)
			read_some(&a, i, 100);
	area_close(&a);
}

static void
what_is_expected_later_waits_for_its_word(void **state)
{
	struct area a = { .s = NULL };

	(void)state;
	area_open(&a, 64 * PACK);
	expect(&a, 0, 2);
	staging_allow_ahead(a.s);
	expect(&a, 2, 4);
	assert_comes(&a, 0);
	assert_comes(&a, 1);
	assert_none(&a);
	staging_allow_ahead(a.s);
	assert_comes(&a, 2);
	assert_comes(&a, 3);
	assert_none(&a);
	area_close(&a);
}

static void
a_small_area_has_no_room_ahead(void **state)
{
	static const uint64_t limits[] = { 0, PACK, 2 * PACK - 1 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct area a = { .s = NULL };

		area_open(&a, limits[i]);
		expect(&a, 0, 2);
		staging_allow_ahead(a.s);
		assert_none(&a);
		area_close(&a);
	}
}

static void
what_is_left_goes_to_the_next_who_asks(void **state)
{
	struct area a = { .s = NULL };
	struct staging_pack pack;
	struct staged *p;
	enum staging_turn turn;
	struct err e = ERR_INIT;

	(void)state;
	area_open(&a, 8 * PACK);
	expect(&a, 0, 1);
	staging_allow_ahead(a.s);
	p = staging_begin_ahead(a.s, &pack);
	assert_ptr_equal(p, a.packs[0]);
	staging_leave(a.s, p);
	assert_none(&a);
	must(staging_turn(a.s, p, 0, 10, &turn, &e), &e);
	assert_int_equal(turn, STAGING_WHOLE);
	staging_end_whole(a.s, p, false);
	must(staging_turn(a.s, p, 0, 10, &turn, &e), &e);
	assert_int_equal(turn, STAGING_RANGE);
	staging_end_range(a.s, p, 0, 10, NULL);
	staging_let_go(a.s, p);
	area_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_window_is_half_of_the_area_and_moves_with_reading),
		cmocka_unit_test(it_takes_no_room_from_what_will_be_read_again),
		cmocka_unit_test(what_is_expected_later_waits_for_its_word),
		cmocka_unit_test(a_small_area_has_no_room_ahead),
		cmocka_unit_test(what_is_left_goes_to_the_next_who_asks),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
