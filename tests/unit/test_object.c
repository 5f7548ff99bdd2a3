/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * Any object: whether bytes are its own, where a whole copy is found, and that
 * nothing is believed of an endpoint that its answers do not show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/stop.h"
#include "repository/config_object.h"
#include "repository/object.h"
#include "repository/open_pack.h"
#include "storage-drivers/store_impl.h"
#include "tests/unit/known.h"
#include "tests/unit/repo_fixture.h"

static void
find(struct repo *r, const char *name, struct state_object *o)
{
	struct err e = ERR_INIT;
	bool found;

	fixture_must(state_find(r->state, name, o, &found, &e), &e);
	assert_true(found);
}

/* --- are these its bytes? --- */

struct taking {
	const struct keys *keys;
	const char *name;
};

static bool
takes(const uint8_t *p, size_t n, const void *arg)
{
	const struct taking *t = arg;
	struct err e = ERR_INIT;

	return (object_check(t->keys, t->name, NULL, p, n, &e) == 0);
}

/* Without its hash, by what its kind says of itself: seal, signature, name. */
static int
check_by_kind(const struct state_object *o, void *arg, struct err *e)
{
	struct repo *r = arg;
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct taking t = { r->keys, o->name };
	struct attempt attempt = { takes, &t };
	size_t step = o->bytes / 40 + 1;

	fixture_must(object_load(r, &r->endpoints[0], o, &b, e), e);
	assert_true(takes(b.p, b.n, &t));
	assert_int_equal(known_flips_taken(&b, step, &attempt), 0);
	assert_false(takes(b.p, b.n - 1, &t));
	assert_false(takes(b.p, 0, &t));
	return (0);
}

static void
object_check_takes_each_object_and_nothing_else(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	struct err e = ERR_INIT;

	assert_int_equal(state_each(r->state, -1, check_by_kind, r, &e), 0);
}

static void
object_check_refuses_one_object_under_anothers_name(void **state)
{
	static const char *const kinds[] = { "packs/", "index/", "backups/",
		"audit/", "keys/" };
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		SCOPED(buf_free) struct buf b = BUF_INIT;
		char one[OBJECT_NAME_TEXT], other[OBJECT_NAME_TEXT];

		fixture_name(r, kinds[i], 0, one);
		fixture_name(r, kinds[i], 1, other);
		fixture_must(store_load(r->endpoints[0].store, one,
				 STORE_OBJECT_MAX, &b, &e),
		    &e);
		err_clear(&e);
		assert_int_equal(
		    object_check(r->keys, other, NULL, b.p, b.n, &e), -1);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
}

static void
object_check_refuses_names_that_are_no_objects(void **state)
{
	static const char *const names[] = { "", "x", "packs/", "packs/aa/bb",
		"index", "index/", "backups/", "backups/x", "audit/", "keys/",
		"writers/", "config2", "../config", "packs/../config" };
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(
		    object_check(r->keys, names[i], NULL, "bytes", 5, &e), -1);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
}

static void
object_check_refuses_a_valid_object_of_another_time(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(buf_free) struct buf other = BUF_INIT;
	struct state_object o;
	struct err e = ERR_INIT;

	find(r, "config", &o);
	fixture_must(config_encode(r->keys, 9, &other, &e), &e);
	fixture_must(
	    object_check(r->keys, "config", NULL, other.p, other.n, &e), &e);
	assert_int_equal(
	    object_check(r->keys, "config", &o.sha, other.p, other.n, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "valid"));
}

/* --- reading --- */

static void
object_load_refuses_another_length(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct fixture_names packs;
	struct state_object o;
	struct err e = ERR_INIT;

	fixture_name(r, "index/", 0, packs.one);
	find(r, packs.one, &o);
	o.bytes--;
	assert_int_equal(object_load(r, &r->endpoints[0], &o, &b, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	o.bytes += 2;
	err_clear(&e);
	assert_int_equal(object_load(r, &r->endpoints[0], &o, &b, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	o.bytes = (uint64_t)STORE_OBJECT_MAX + 1;
	err_clear(&e);
	assert_int_equal(object_load(r, &r->endpoints[0], &o, &b, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
object_find_passes_bad_copies_and_marks_them(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct state_object o;
	char name[OBJECT_NAME_TEXT];
	const char *from = NULL;
	struct err e = ERR_INIT;

	fixture_pack(r, PACK_DATA, 0, name);
	fixture_damage(g, 0, name, FIXTURE_FLIP, NULL);
	fixture_damage(g, 1, name, FIXTURE_DELETE, NULL);
	find(r, name, &o);
	fixture_must(object_find(r, &o, UINT8_MAX, &b, &from, &e), &e);
	assert_string_equal(from, g->endpoints[2].name);
	assert_int_equal(b.n, o.bytes);
	find(r, name, &o);
	assert_int_equal(o.damaged, 1U << r->endpoints[0].number);
	assert_int_equal(o.missing, 1U << r->endpoints[1].number);
	/* The only whole one is where it is to be healed: none. */
	assert_int_equal(
	    object_find(r, &o, r->endpoints[2].number, &b, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
}

static void
object_find_takes_an_absent_endpoint_for_no_loss(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct state_object o;
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	fixture_pack(r, PACK_DATA, 0, name);
	fixture_unmount(g, 0);
	find(r, name, &o);
	fixture_must(object_find(r, &o, UINT8_MAX, &b, NULL, &e), &e);
	find(r, name, &o);
	assert_int_equal(o.missing | o.damaged | o.pending, 0);
}

static void
object_find_asks_first_where_the_last_try_was_answered(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct state_object o;
	char name[OBJECT_NAME_TEXT];
	const char *from = NULL;
	struct err e = ERR_INIT;

	fixture_pack(r, PACK_DATA, 0, name);
	find(r, name, &o);
	fixture_must(state_note_endpoint(
			 r->state, r->endpoints[0].number, "timed out", &e),
	    &e);
	fixture_must(object_find(r, &o, UINT8_MAX, &b, &from, &e), &e);
	assert_string_equal(from, g->endpoints[1].name);
	/* And it is still asked when nobody else is left. */
	fixture_damage(g, 1, name, FIXTURE_DELETE, NULL);
	fixture_damage(g, 2, name, FIXTURE_CUT, NULL);
	fixture_must(object_find(r, &o, UINT8_MAX, &b, &from, &e), &e);
	assert_string_equal(from, g->endpoints[0].name);
}

static void
object_find_takes_this_machines_own_copy_first(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct state_object o;
	char name[OBJECT_NAME_TEXT];
	const char *from = NULL;
	struct err e = ERR_INIT;

	fixture_name(r, "backups/", 0, name);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		fixture_damage(g, i, name, FIXTURE_FLIP, NULL);
	find(r, name, &o);
	fixture_must(object_find(r, &o, UINT8_MAX, &b, &from, &e), &e);
	assert_string_equal(from, "this machine");
	fixture_must(object_check(r->keys, name, &o.sha, b.p, b.n, &e), &e);
}

/* --- writing --- */

static void
object_store_believes_no_upload_that_was_cut(void **state)
{
	static const struct store_fault cut = { .op = "put",
		.match = "packs/",
		.count = 1,
		.action = FAULT_TRUNCATE };
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct endpoint *ep = &r->endpoints[0];
	struct state_object o;
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	fixture_pack(r, PACK_DATA, 0, name);
	find(r, name, &o);
	fixture_must(object_load(r, ep, &o, &b, &e), &e);
	fixture_must(
	    state_mark(r->state, o.number, ep->number, STATE_MISSING, &e), &e);
	ep->store = store_with_faults(ep->store, &cut, 1);
	assert_int_equal(object_store(r, ep, &o, &b, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	find(r, name, &o);
	assert_int_equal(o.confirmed & 1U << ep->number, 0);
	err_clear(&e);
	fixture_must(object_store(r, ep, &o, &b, &e), &e);
	find(r, name, &o);
	assert_int_equal(o.pending | o.missing, 0);
	fixture_assert_same(g);
}

/* --- whole packs --- */

static void
open_pack_check_names_the_chunk_that_is_wrong(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(opener_freep) struct opener *opener = opener_new(r->keys);
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	SCOPED(buf_free) struct buf b = BUF_INIT;
	char name[OBJECT_NAME_TEXT], hex[2 * NAME_BYTES + 1];
	struct err e = ERR_INIT;

	fixture_pack(r, PACK_DATA, 0, name);
	fixture_must(
	    store_load(r->endpoints[0].store, name, STORE_OBJECT_MAX, &b, &e),
	    &e);
	fixture_must(open_pack_check(r, &r->endpoints[0], opener, &b, &e), &e);
	fixture_must(pack_read(r->keys, b.p, b.n, NULL, &d, &e), &e);
	assert_true(d.n >= 2);
	b.p[d.records[1].offset + 30] ^= 1;
	assert_int_equal(
	    open_pack_check(r, &r->endpoints[0], opener, &b, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	hex_of(d.records[1].record.name.b, NAME_BYTES, hex);
	assert_non_null(strstr(e.text, hex));
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(object_check_takes_each_object_and_nothing_else),
		TEST(object_check_refuses_one_object_under_anothers_name),
		TEST(object_check_refuses_names_that_are_no_objects),
		TEST(object_check_refuses_a_valid_object_of_another_time),
		TEST(object_load_refuses_another_length),
		TEST(object_find_passes_bad_copies_and_marks_them),
		TEST(object_find_takes_an_absent_endpoint_for_no_loss),
		TEST(object_find_asks_first_where_the_last_try_was_answered),
		TEST(object_find_takes_this_machines_own_copy_first),
		TEST(object_store_believes_no_upload_that_was_cut),
		TEST(open_pack_check_names_the_chunk_that_is_wrong),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
