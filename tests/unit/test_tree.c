/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Tree entries there and back, and paths that would leave their folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/tree.h"
#include "tests/unit/known.h"

#define EXTRA "odoo:odoo"

static void
make_entry(struct tree_entry *t)
{
	memset(t, 0, sizeof(*t));
	t->kind = TREE_FILE;
	t->stream = 7;
	t->size = UINT64_C(0x1122334455);
	t->mtime = -1234567890;
	t->nsec = 999999999;
	t->mode = 0640;
	t->uid = 1001;
	t->gid = 1002;
	strcpy(t->path, "a0/a0b1c2d3e4f5");
	t->extra = (const uint8_t *)EXTRA;
	t->extra_bytes = sizeof(EXTRA) - 1;
}

static void
assert_same(const struct tree_entry *a, const struct tree_entry *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->stream, b->stream);
	assert_true(a->size == b->size && a->mtime == b->mtime);
	assert_int_equal(a->nsec, b->nsec);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_string_equal(a->path, b->path);
	assert_int_equal(a->extra_bytes, b->extra_bytes);
	assert_memory_equal(a->extra, b->extra, a->extra_bytes);
}

static void
entries_of_every_kind_go_there_and_back(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct tree_entry t, back;
	struct err e = ERR_INIT;
	struct bytes in;
	int kind;
	bool more;

	(void)state;
	make_entry(&t);
	for (kind = TREE_ARCHIVE; kind <= TREE_LINK; kind++) {
		t.kind = (uint8_t)kind;
		t.stream = kind >= TREE_FOLDER ? TREE_NO_STREAM
					       : (uint32_t)kind;
		tree_encode(&t, &b);
	}
	in = bytes_of(b.p, b.n);
	for (kind = TREE_ARCHIVE; kind <= TREE_LINK; kind++) {
		t.kind = (uint8_t)kind;
		t.stream = kind >= TREE_FOLDER ? TREE_NO_STREAM
					       : (uint32_t)kind;
		assert_int_equal(tree_decode(&in, &back, &more, &e), 0);
		assert_false(more);
		assert_same(&t, &back);
	}
	assert_true(bytes_done(&in));
}

static void
the_longest_path_and_extra_go_there_and_back(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	SCOPED(scope_free) uint8_t *extra = mem_new(TREE_EXTRA_MAX);
	struct tree_entry t, back;
	struct err e = ERR_INIT;
	struct bytes in;
	bool more;

	(void)state;
	make_entry(&t);
	memset(t.path, '\xfe', TREE_PATH_MAX);
	t.path[TREE_PATH_MAX] = '\0';
	known_noise(extra, TREE_EXTRA_MAX, 1);
	t.extra = extra;
	t.extra_bytes = TREE_EXTRA_MAX;
	tree_encode(&t, &b);
	in = bytes_of(b.p, b.n);
	assert_int_equal(tree_decode(&in, &back, &more, &e), 0);
	assert_same(&t, &back);
}

static void
only_permission_bits_are_stored(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct tree_entry t, back;
	struct err e = ERR_INIT;
	struct bytes in;
	bool more;

	(void)state;
	make_entry(&t);
	t.mode = 0106755;
	tree_encode(&t, &b);
	in = bytes_of(b.p, b.n);
	assert_int_equal(tree_decode(&in, &back, &more, &e), 0);
	assert_int_equal(back.mode, 06755);
}

static void
a_cut_entry_asks_for_more_and_moves_nothing(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct tree_entry t, back;
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	make_entry(&t);
	tree_encode(&t, &b);
	for (n = 0; n < b.n; n++) {
		struct bytes in = bytes_of(b.p, n);
		bool more = false;

		assert_int_equal(tree_decode(&in, &back, &more, &e), 0);
		assert_true(more);
		assert_false(in.bad);
		assert_int_equal(in.n, n);
	}
}

static int
decode(size_t at, const char *bytes, size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct tree_entry t, back;
	struct bytes in;
	bool more;

	make_entry(&t);
	tree_encode(&t, &b);
	memcpy(b.p + at, bytes, n);
	in = bytes_of(b.p, b.n);
	err_clear(e);
	return (tree_decode(&in, &back, &more, e));
}

static void
an_entry_that_breaks_a_rule_is_corrupt(void **state)
{
	/* bytes 0, kind 4, zero 5, stream 8, size 12, mtime 20, nsec 28,
	 * mode 32, uid 36, gid 40, pathlen 44, path 46 (15), extralen 61 */
	static const struct {
		size_t at;
		const char *bytes;
		size_t n;
	} bad[] = {
		{ 0, "\x2d\x00\x00\x00", 4 }, /* 45: too short for any */
		{ 0, "\x2f\x10\x10\x00", 4 }, /* one over the longest */
		{ 0, "\xff\xff\xff\xff", 4 },
		{ 4, "\x00", 1 },
		{ 4, "\x08", 1 },
		{ 5, "\x01", 1 },
		{ 7, "\x01", 1 },
		{ 8, "\x00\x00\x00\x10", 4 }, /* stream 2^28 */
		{ 4, "\x06", 1 },	      /* a folder with a stream */
		{ 4, "\x07", 1 },
		{ 28, "\x00\xca\x9a\x3b", 4 }, /* 10^9 ns */
		{ 33, "\x10", 1 },	       /* mode 010640 */
		{ 44, "\x00\x00", 2 },
		{ 44, "\x0e\x00", 2 },
		{ 44, "\x10\x00", 2 },
		{ 44, "\xff\xff", 2 },
		{ 46, "/", 1 },
		{ 46, "\0", 1 },
		{ 60, "\0", 1 },
		{ 60, "/", 1 },
		{ 46, "../", 3 },
		{ 61, "\x08", 1 },
		{ 61, "\x0a", 1 },
		{ 61, "\xff\xff\xff\xff", 4 },
	};
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	assert_int_equal(decode(46, "b", 1, &e), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (decode(bad[i].at, bad[i].bytes, bad[i].n, &e) != -1)
			fail_msg("case %zu was taken", i);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
}

static void
safe_paths_stay_below_their_folder(void **state)
{
	static const char *const good[] = { "a", "a/b", "...", "a/..b/c.", "-",
		"a b", "\xff\xfe", ".a", "..a", "public.sale_order" };
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", ".",
		"..", "./a", "../a", "a/.", "a/..", "a/../b", "a/./b", "//" };
	char path[TREE_PATH_MAX + 2];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(tree_path_is_safe(good[i]));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(tree_path_is_safe(bad[i]));
	memset(path, 'a', sizeof(path));
	path[TREE_PATH_MAX + 1] = '\0';
	assert_false(tree_path_is_safe(path));
	path[TREE_PATH_MAX] = '\0';
	assert_true(tree_path_is_safe(path));
}

static void
paths_of_too_many_parts_are_refused(void **state)
{
	char path[2 * TREE_PARTS_MAX + 2];
	size_t i;

	(void)state;
	for (i = 0; i < TREE_PARTS_MAX; i++)
		memcpy(path + 2 * i, "a/", 3);
	path[2 * TREE_PARTS_MAX - 1] = '\0';
	assert_true(tree_path_is_safe(path));
	memcpy(path + strlen(path), "/a", 3);
	assert_false(tree_path_is_safe(path));
	assert_true(tree_path_stays_inside(path));
}

/* Encodes t, changed by a test, and expects it to be refused. */
static void
assert_refused(const struct tree_entry *t)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct tree_entry back;
	struct err e = ERR_INIT;
	struct bytes in;
	bool more;

	tree_encode(t, &b);
	in = bytes_of(b.p, b.n);
	assert_int_equal(tree_decode(&in, &back, &more, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
a_link_without_a_true_target_is_refused(void **state)
{
	SCOPED(scope_free) uint8_t *target = mem_new(TREE_PATH_MAX + 1);
	struct tree_entry t;

	(void)state;
	memset(target, 'x', TREE_PATH_MAX + 1);
	make_entry(&t);
	t.kind = TREE_LINK;
	t.stream = TREE_NO_STREAM;
	t.extra_bytes = 0;
	assert_refused(&t);
	t.extra = target;
	t.extra_bytes = TREE_PATH_MAX + 1;
	assert_refused(&t);
	t.extra = (const uint8_t *)"a\0b";
	t.extra_bytes = 3;
	assert_refused(&t);
}

static void
a_file_without_a_stream_is_refused(void **state)
{
	static const uint8_t kinds[] = { TREE_ARCHIVE, TREE_FILE, TREE_LOG,
		TREE_STDIN };
	struct tree_entry t;
	size_t i;

	(void)state;
	make_entry(&t);
	t.stream = TREE_NO_STREAM;
	for (i = 0; i < sizeof(kinds); i++) {
		t.kind = kinds[i];
		assert_refused(&t);
	}
}

static void
the_bytes_of_a_known_entry_do_not_change(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct tree_entry t;

	(void)state;
	make_entry(&t);
	tree_encode(&t, &b);
	assert_int_equal(b.n, 4 + 46 + 15 + 9);
	assert_string_equal(known_sha(b.p, b.n),
	    "7f16f919fba9e077442c90dfb127e657483a14c1e93285d0de54bcc02e479f24");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_every_kind_go_there_and_back),
		cmocka_unit_test(the_longest_path_and_extra_go_there_and_back),
		cmocka_unit_test(only_permission_bits_are_stored),
		cmocka_unit_test(a_cut_entry_asks_for_more_and_moves_nothing),
		cmocka_unit_test(an_entry_that_breaks_a_rule_is_corrupt),
		cmocka_unit_test(safe_paths_stay_below_their_folder),
		cmocka_unit_test(paths_of_too_many_parts_are_refused),
		cmocka_unit_test(a_link_without_a_true_target_is_refused),
		cmocka_unit_test(a_file_without_a_stream_is_refused),
		cmocka_unit_test(the_bytes_of_a_known_entry_do_not_change),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
