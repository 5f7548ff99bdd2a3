/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* What stands for a pack that was written anew, and for which backups; which
 * names are needed, roughly; and every copy of every chunk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/name_filter.h"
#include "repository/state_backups.h"
#include "repository/state_replaced.h"
#include "repository/state_sweep.h"
#include "tests/unit/known.h"
#include "tests/unit/state_rig.h"

#define ID_1	 "20261101T023000Z-00000001"
#define ID_2	 "20261102T023000Z-00000002"
#define OLD	 "index/1-1-00000000000000aa"
#define NEW	 "index/1-2-00000000000000bb"
#define THEN	 INT64_C(2000000000)
#define ENDPOINT 0

/* Two backups that need the first pack of an index object; that one pack, which
 * is written anew for the first of them alone. */
struct scene {
	uint64_t old_pack, old_index, new_pack, new_index;
	uint64_t covered, other; /* manifests */
};

static uint64_t
add_manifest(struct state_rig *f, const char *id, uint64_t sequence)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct err e = ERR_INIT;
	struct index_ref *ref;
	struct state_object o;
	struct manifest m;
	char name[OBJECT_NAME_TEXT];
	bool found;

	manifest_init(&m);
	memcpy(m.id, id, strlen(id) + 1);
	m.sequence = sequence;
	m.nindexes = 1;
	m.indexes = mem_new(sizeof(*m.indexes));
	ref = m.indexes;
	memcpy(ref->object, OLD, sizeof(OLD));
	buf_add_u8(&ref->used, 1);
	t = state_begin(f->s, &e);
	state_rig_must(t == NULL, &e);
	state_rig_must(state_add_manifest(t, &m, id, strlen(id), &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
	manifest_free(&m);
	manifest_name(id, name);
	state_rig_must(state_find(f->s, name, &o, &found, &e), &e);
	return (o.number);
}

static void
replace(struct state_rig *f, const struct scene *s)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct sha256 old = state_rig_get(f, s->old_pack).sha;
	char ids[1][BACKUP_ID_TEXT] = { ID_1 };
	const struct index_replaced replaced = {
		.npacks = 1, .packs = &old, .nbackups = 1, .backups = ids
	};
	struct err e = ERR_INIT;

	t = state_begin(f->s, &e);
	state_rig_must(t == NULL, &e);
	state_rig_must(state_add_replaced(t, s->new_index, &replaced, &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
}

static void
confirm(struct state_rig *f, uint64_t number, size_t endpoint)
{
	struct err e = ERR_INIT;

	state_rig_must(
	    state_confirm(f->s, number, f->numbers[endpoint], NULL, &e), &e);
}

static struct scene
set_scene(struct state_rig *f)
{
	struct scene s;

	s.old_pack = state_rig_add_pack(f, 1, 2, false);
	s.old_index = state_rig_add_index(f, OLD, &s.old_pack, 1);
	s.covered = add_manifest(f, ID_1, 1);
	s.other = add_manifest(f, ID_2, 2);
	s.new_pack = state_rig_add_pack(f, 2, 1, true);
	s.new_index = state_rig_add_index(f, NEW, &s.new_pack, 1);
	for (size_t i = 0; i < 3; i++) {
		confirm(f, s.old_index, i);
		confirm(f, s.old_pack, i);
	}
	return (s);
}

static uint64_t
missing(struct state_rig *f, uint64_t manifest)
{
	struct err e = ERR_INIT;
	uint64_t n;

	state_rig_must(
	    state_closure_missing(f->s, manifest, f->numbers[ENDPOINT], &n, &e),
	    &e);
	return (n);
}

static void
sweep(struct state_rig *f, int64_t now)
{
	struct state_sweep s = { .now = now, .grace_s = 10 };
	struct err e = ERR_INIT;

	state_rig_must(state_sweep(f->s, &s, &e), &e);
	buf_free(&s.spooled);
}

static bool
goes(struct state_rig *f, uint64_t number)
{
	return (state_rig_get(f, number).is_going);
}

static void
remove_manifest(struct state_rig *f, const char *id)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct err e = ERR_INIT;

	t = state_begin(f->s, &e);
	state_rig_must(t == NULL, &e);
	state_rig_must(state_remove_manifest(t, id, THEN, &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
}

/* --- tests ------------------------------------------------------------------
 */

static void
a_new_pack_stands_for_the_old_one_where_it_is(void **arg)
{
	struct state_rig *f = *arg;
	struct scene s = set_scene(f);
	struct err e = ERR_INIT;

	replace(f, &s);
	assert_int_equal(missing(f, s.covered), 0);
	state_rig_must(state_mark(f->s, s.old_pack, f->numbers[ENDPOINT],
			   STATE_MISSING, &e),
	    &e);
	assert_int_equal(missing(f, s.covered), 1);
	confirm(f, s.new_pack, ENDPOINT);
	assert_int_equal(missing(f, s.covered), 1);
	confirm(f, s.new_index, ENDPOINT);
	assert_int_equal(missing(f, s.covered), 0);
	/* It says nothing of a backup that it was not made for. */
	assert_int_equal(missing(f, s.other), 1);
}

static void
an_old_pack_stays_until_every_endpoint_has_the_new_one(void **arg)
{
	struct state_rig *f = *arg;
	struct scene s = set_scene(f);

	replace(f, &s);
	remove_manifest(f, ID_2);
	for (size_t i = 0; i < 3; i++) {
		sweep(f, THEN);
		sweep(f, THEN + 100);
		assert_false(goes(f, s.old_pack));
		assert_false(goes(f, s.new_pack));
		confirm(f, s.new_pack, i);
		confirm(f, s.new_index, i);
	}
	sweep(f, THEN);
	sweep(f, THEN + 100);
	assert_true(goes(f, s.old_pack));
	assert_false(goes(f, s.new_pack));
	assert_false(goes(f, s.new_index));
	assert_false(goes(f, s.old_index));
}

static void
an_old_pack_stays_for_a_backup_that_the_repack_did_not_know(void **arg)
{
	struct state_rig *f = *arg;
	struct scene s = set_scene(f);

	replace(f, &s);
	for (size_t i = 0; i < 3; i++) {
		confirm(f, s.new_pack, i);
		confirm(f, s.new_index, i);
	}
	sweep(f, THEN);
	sweep(f, THEN + 100);
	assert_false(goes(f, s.old_pack));
	remove_manifest(f, ID_1);
	sweep(f, THEN);
	sweep(f, THEN + 100);
	assert_false(goes(f, s.old_pack));
	assert_true(goes(f, s.new_pack)); /* nobody needs it now */
}

/* The record of a pack that is gone tells what stands for it. */
static void
a_replaced_pack_is_not_forgotten_before_its_index_object(void **arg)
{
	struct state_rig *f = *arg;
	struct scene s = set_scene(f);
	struct state_object o;
	struct err e = ERR_INIT;
	uint64_t n;

	replace(f, &s);
	remove_manifest(f, ID_2);
	for (size_t i = 0; i < 3; i++) {
		confirm(f, s.new_pack, i);
		confirm(f, s.new_index, i);
	}
	sweep(f, THEN);
	sweep(f, THEN + 100);
	for (size_t i = 0; i < 3; i++)
		state_rig_must(
		    state_deleted(f->s, s.old_pack, f->numbers[i], &e), &e);
	state_rig_must(state_forget_gone(f->s, INT64_MAX, &n, &e), &e);
	assert_int_equal(missing(f, s.covered), 0);
	remove_manifest(f, ID_1);
	sweep(f, THEN);
	sweep(f, THEN + 100);
	for (size_t i = 0; i < 3; i++) {
		const uint64_t all[] = { s.old_index, s.new_index, s.new_pack,
			s.covered, s.other };

		for (size_t k = 0; k < 5; k++)
			state_rig_must(
			    state_deleted(f->s, all[k], f->numbers[i], &e), &e);
	}
	state_rig_must(state_forget_gone(f->s, INT64_MAX, &n, &e), &e);
	state_rig_must(state_forget_gone(f->s, INT64_MAX, &n, &e), &e);
	assert_int_equal(state_get(f->s, s.old_pack, &o, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
}

static void
deduplication_takes_the_new_pack(void **arg)
{
	struct state_rig *f = *arg;
	struct scene s = set_scene(f);
	struct state_use use;
	struct err e = ERR_INIT;
	struct name name;
	bool known;

	replace(f, &s);
	/* The old pack has this chunk alone: better than to store it again. */
	state_rig_chunk_name(1, 1, &name);
	state_rig_must(
	    state_knows(f->s, &name, RECORD_DATA, &use, &known, &e), &e);
	assert_true(known);
	assert_int_equal(use.packs[0], s.old_pack);
	state_rig_chunk_name(2, 0, &name);
	state_rig_must(
	    state_knows(f->s, &name, RECORD_DATA, &use, &known, &e), &e);
	assert_int_equal(use.packs[0], s.new_pack);
}

static void
a_name_that_was_added_is_always_found(void **arg)
{
	enum { NAMES = 100000 };
	SCOPED(name_filter_freep)
	struct name_filter *filter = name_filter_new(NAMES);
	struct name name;
	unsigned wrong = 0;

	(void)arg;
	for (uint32_t i = 0; i < NAMES; i++) {
		known_noise(name.b, sizeof(name.b), i);
		name_filter_add(filter, &name);
	}
	for (uint32_t i = 0; i < NAMES; i++) {
		known_noise(name.b, sizeof(name.b), i);
		assert_true(name_filter_has(filter, &name));
		known_noise(name.b, sizeof(name.b), NAMES + i);
		wrong += name_filter_has(filter, &name);
	}
	assert_true(wrong < NAMES / 100);
}

struct seen {
	uint64_t n, sum;
};

static int
see(const struct state_copy *c, void *arg, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	s->n++;
	s->sum += c->pack;
	return (0);
}

static void
every_copy_is_seen_once(void **arg)
{
	enum { PACKS = 5, RECORDS = 2500 }; /* several steps of the walk */
	struct state_rig *f = *arg;
	struct seen seen = { .n = 0 };
	struct err e = ERR_INIT;
	uint64_t sum = 0, n;

	for (uint32_t i = 0; i < PACKS; i++)
		sum += RECORDS * state_rig_add_pack(f, 1 + i, RECORDS, true);
	state_rig_must(state_each_copy(f->s, see, &seen, &e), &e);
	assert_int_equal(seen.n, PACKS * RECORDS);
	assert_int_equal(seen.sum, sum);
	state_rig_must(state_count_copies(f->s, &n, &e), &e);
	assert_int_equal(n, seen.n);
}

#define STATE_TEST(name)                                                       \
	cmocka_unit_test_setup_teardown(                                       \
	    name, state_rig_setup, state_rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STATE_TEST(a_new_pack_stands_for_the_old_one_where_it_is),
		STATE_TEST(
		    an_old_pack_stays_until_every_endpoint_has_the_new_one),
		STATE_TEST(
		    an_old_pack_stays_for_a_backup_that_the_repack_did_not_know),
		STATE_TEST(
		    a_replaced_pack_is_not_forgotten_before_its_index_object),
		STATE_TEST(deduplication_takes_the_new_pack),
		cmocka_unit_test(a_name_that_was_added_is_always_found),
		STATE_TEST(every_copy_is_seen_once),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
