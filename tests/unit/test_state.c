/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* Local state: what is known stays known, and every object is, at every
 * configured endpoint, confirmed or pending. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "repository/state_impl.h"
#include "storage-drivers/store.h"
#include "tests/unit/known.h"
#include "tests/unit/state_rig.h"

/* --- the environment --- */

static void
no_state_is_missing_and_says_what_to_run(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(scope_free) char *none = file_join(f->folder, "none");
	struct err e = ERR_INIT;

	assert_null(state_open(none, NULL, &e));
	assert_int_equal(e.kind, ERR_MISSING);
	assert_non_null(strstr(e.hint, "init"));
}

static void
state_that_lost_its_database_is_damaged_not_missing(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(scope_free) char *spool = file_join(f->folder, "spool");
	SCOPED(scope_free) char *db = file_join(f->folder, "db");
	struct err e = ERR_INIT;

	state_free(f->s);
	f->s = NULL;
	state_rig_must(file_make_folders(spool, 0700, &e), &e);
	state_rig_must(file_remove_tree(db, &e), &e);
	assert_null(state_open(f->folder, &f->repo, &e));
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.hint, "recover"));
}

static void
state_of_another_repository_is_refused(void **arg)
{
	struct state_rig *f = *arg;
	struct repo_id other = { { 1 } };
	struct err e = ERR_INIT;

	state_free(f->s);
	f->s = NULL;
	assert_null(state_open(f->folder, &other, &e));
	assert_int_equal(e.kind, ERR_KEY);
	err_clear(&e);
	assert_int_equal(state_create(f->folder, &other, &e), -1);
	assert_int_equal(e.kind, ERR_EXISTS);
	err_clear(&e);
	state_rig_must(state_create(f->folder, &f->repo, &e), &e);
}

static void
a_database_that_was_cut_is_corrupt_and_nothing_crashes(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(scope_free) char *data = file_join(f->folder, "db/data.mdb");
	struct state_tally tally;
	struct stat st;
	struct err e = ERR_INIT;
	unsigned corrupt = 0;

	for (uint32_t i = 0; i < 40; i++)
		state_rig_add_pack(f, 100 + i, 20, true);
	state_free(f->s);
	f->s = NULL;
	assert_int_equal(stat(data, &st), 0);
	for (off_t n = st.st_size; n > 0; n -= 8192) {
		assert_int_equal(truncate(data, n), 0);
		err_clear(&e);
		f->s = state_open(f->folder, &f->repo, &e);
		if (f->s == NULL || state_tally(f->s, &tally, &e) < 0) {
			assert_true(
			    e.kind == ERR_CORRUPT || e.kind == ERR_MISSING);
			corrupt++;
		}
		state_free(f->s);
		f->s = NULL;
	}
	assert_true(corrupt > 2);
}

static void
a_database_of_rubbish_is_corrupt(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(scope_free) char *data = file_join(f->folder, "db/data.mdb");
	uint8_t rubbish[16384];
	struct err e = ERR_INIT;

	state_free(f->s);
	f->s = NULL;
	known_noise(rubbish, sizeof(rubbish), 5);
	state_rig_must(file_save(data, 0600, rubbish, sizeof(rubbish), &e), &e);
	assert_null(state_open(f->folder, &f->repo, &e));
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
the_map_grows_before_it_is_full(void **arg)
{
	struct state_rig *f = *arg;
	struct err e = ERR_INIT;

	state_free(f->s);
	f->s = state_open_sized(f->folder, &f->repo, (size_t)1 << 20, &e);
	state_rig_must(f->s == NULL, &e);
	for (uint32_t i = 0; i < 200; i++)
		state_rig_add_pack(f, 1000 + i, 200, true);
	assert_true(state_rig_knows(f, 1000, 0));
	assert_true(state_rig_knows(f, 1199, 199));
}

static void
what_was_not_committed_is_not_there(void **arg)
{
	struct state_rig *f = *arg;
	struct state_txn *t;
	struct state_object o;
	struct err e = ERR_INIT;
	bool found;

	t = state_begin(f->s, &e);
	state_rig_must(t == NULL, &e);
	state_rig_must(state_put_root(t, "config", "abc", 3, &e), &e);
	state_abort(t);
	state_rig_must(state_find(f->s, "config", &o, &found, &e), &e);
	assert_false(found);
}

/* --- endpoints --- */

static void
endpoints_keep_their_numbers(void **arg)
{
	struct state_rig *f = *arg;
	const char *const other[] = { "new", "waw" };
	uint8_t numbers[2];
	struct err e = ERR_INIT;

	state_rig_must(state_configure(f->s, other, 2, false, numbers, &e), &e);
	assert_int_equal(numbers[1], f->numbers[2]);
	assert_true(numbers[0] != f->numbers[0] &&
	    numbers[0] != f->numbers[1] && numbers[0] != f->numbers[2]);
}

static void
a_new_endpoint_waits_for_everything(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t pack = state_rig_add_pack(f, 1, 3, true);
	struct state_object o;

	state_rig_confirm(f, pack, 0, false);
	state_rig_configure(f, 4);
	o = state_rig_get(f, pack);
	assert_int_equal(o.pending,
	    1U << f->numbers[1] | 1U << f->numbers[2] | 1U << f->numbers[3]);
	assert_int_equal(o.confirmed, 1U << f->numbers[0]);
}

static void
an_endpoint_that_left_holds_nothing(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t pack = state_rig_add_pack(f, 1, 3, true);
	bool let_go;
	struct err e = ERR_INIT;

	state_rig_confirm(f, pack, 0, false);
	state_rig_confirm(f, pack, 1, false);
	state_rig_configure(f, 2);
	assert_int_equal(state_rig_get(f, pack).pending, 0);
	state_rig_must(state_let_go(f->s, pack, 1, 0, &let_go, &e), &e);
	assert_true(let_go);
	state_rig_configure(f, 3);
	assert_int_equal(state_rig_get(f, pack).pending, 1U << f->numbers[2]);
}

static void
a_reader_with_other_endpoints_changes_nothing(void **arg)
{
	struct state_rig *f = *arg;
	const char *const one[] = { "fra" };
	uint64_t pack = state_rig_add_pack(f, 1, 3, true);
	uint8_t number;
	uint32_t mask;
	struct err e = ERR_INIT;

	state_rig_must(state_configure(f->s, one, 1, false, &number, &e), &e);
	state_rig_must(state_configured(f->s, &mask, &e), &e);
	assert_int_equal(__builtin_popcount(mask), 3);
	assert_int_equal(__builtin_popcount(state_rig_get(f, pack).pending), 3);
}

static void
names_beyond_the_numbers_take_those_of_forgotten_ones(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t pack = state_rig_add_pack(f, 1, 3, true);
	struct err e = ERR_INIT;
	uint8_t number;

	state_rig_confirm(f, pack, 0, false);
	state_rig_confirm(f, pack, 1, false);
	for (unsigned i = 0; i < 40; i++) {
		char name[16];
		const char *const names[] = { name };

		snprintf(name, sizeof(name), "other%u", i);
		state_rig_must(
		    state_configure(f->s, names, 1, true, &number, &e), &e);
		assert_true(number < STATE_ENDPOINTS_MAX);
		assert_int_equal(state_rig_get(f, pack).pending, 1U << number);
		assert_int_equal(
		    state_rig_get(f, pack).confirmed & 1U << number, 0);
	}
}

static void
what_an_endpoint_said_last_is_kept(void **arg)
{
	struct state_rig *f = *arg;
	struct state_endpoint ep;
	char text[400];
	struct err e = ERR_INIT;

	memset(text, 'x', sizeof(text));
	text[399] = '\0';
	state_rig_must(state_note_endpoint(f->s, f->numbers[1], text, &e), &e);
	state_rig_reopen(f);
	state_rig_must(state_get_endpoint(f->s, f->numbers[1], &ep, &e), &e);
	assert_int_equal(strlen(ep.last_error), sizeof(ep.last_error) - 1);
	assert_int_equal(ep.reached, 0);
	state_rig_must(state_note_endpoint(f->s, f->numbers[1], "", &e), &e);
	state_rig_must(state_get_endpoint(f->s, f->numbers[1], &ep, &e), &e);
	assert_string_equal(ep.last_error, "");
	assert_true(ep.reached > 0);
	assert_int_equal(state_get_endpoint(f->s, 31, &ep, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
}

/* --- objects --- */

static void
an_object_is_confirmed_or_pending_at_each_endpoint(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t pack = state_rig_add_pack(f, 1, 3, true);
	uint32_t all;
	struct state_object o;
	struct err e = ERR_INIT;

	state_rig_must(state_configured(f->s, &all, &e), &e);
	for (size_t i = 0; i < 3; i++) {
		o = state_rig_get(f, pack);
		assert_int_equal(o.confirmed | o.pending, all);
		assert_int_equal(o.confirmed & o.pending, 0);
		state_rig_confirm(f, pack, i, i == 2);
	}
	state_rig_must(
	    state_mark(f->s, pack, f->numbers[1], STATE_DAMAGED, &e), &e);
	state_rig_reopen(f);
	o = state_rig_get(f, pack);
	assert_int_equal(o.pending, 1U << f->numbers[1]);
	assert_int_equal(o.damaged, 1U << f->numbers[1]);
	assert_int_equal(o.confirmed, all & ~o.pending);
	assert_false(o.spooled);
}

static void
pending_objects_come_in_sending_order(void **arg)
{
	struct state_rig *f = *arg;
	struct state_txn *t;
	struct state_object o, after;
	struct err e = ERR_INIT;
	uint64_t packs[2], index;
	bool found;

	packs[0] = state_rig_add_pack(f, 1, 3, true);
	packs[1] = state_rig_add_pack(f, 2, 3, true);
	index = state_rig_add_index(f, "index/1-1-0123456789abcdef", packs, 2);
	t = state_begin(f->s, &e);
	state_rig_must(state_put_root(t, "config", "abc", 3, &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
	state_rig_must(
	    state_next_pending(f->s, f->numbers[0], NULL, &o, &found, &e), &e);
	assert_true(found);
	assert_string_equal(o.name, "config");
	for (size_t i = 0; i < 3; i++) {
		after = o;
		state_rig_must(state_next_pending(
				   f->s, f->numbers[0], &after, &o, &found, &e),
		    &e);
		assert_true(found);
		assert_int_equal(o.number, i == 2 ? index : packs[i]);
	}
	after = o;
	state_rig_must(
	    state_next_pending(f->s, f->numbers[0], &after, &o, &found, &e),
	    &e);
	assert_false(found);
}

static void
root_objects_are_pending_again_when_they_change(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(buf_free) struct buf body = BUF_INIT;
	struct state_txn *t;
	struct state_object o;
	struct err e = ERR_INIT;
	bool found;

	for (unsigned i = 0; i < 3; i++) {
		t = state_begin(f->s, &e);
		state_rig_must(state_put_root(t, "config",
				   i < 2 ? "old" : "newer", i < 2 ? 3 : 5, &e),
		    &e);
		state_rig_must(state_commit(&t, &e), &e);
		state_rig_must(state_find(f->s, "config", &o, &found, &e), &e);
		assert_int_equal(__builtin_popcount(o.pending), i == 1 ? 0 : 3);
		for (size_t j = 0; j < 3; j++)
			state_rig_confirm(f, o.number, j, false);
	}
	state_rig_must(state_body(f->s, o.number, &body, &e), &e);
	assert_int_equal(body.n, 5);
	assert_memory_equal(body.p, "newer", 5);
	t = state_begin(f->s, &e);
	state_rig_must(state_forget_root(t, "config", &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
	state_rig_must(state_find(f->s, "config", &o, &found, &e), &e);
	assert_false(found);
}

static void
the_spool_lets_go_when_all_or_enough_have_it(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t pack = state_rig_add_pack(f, 1, 3, true), bytes;
	uint32_t without = ~(1U << f->numbers[0]);
	bool let_go;
	struct err e = ERR_INIT;

	state_rig_must(state_spool_bytes(f->s, &bytes, &e), &e);
	assert_int_equal(bytes, 1001);
	state_rig_must(state_let_go(f->s, pack, 1, ~0U, &let_go, &e), &e);
	assert_false(let_go); /* nobody has it */
	state_rig_confirm(f, pack, 1, false);
	state_rig_must(state_let_go(f->s, pack, 2, ~0U, &let_go, &e), &e);
	assert_false(let_go); /* only one has it */
	state_rig_must(state_let_go(f->s, pack, 1, without, &let_go, &e), &e);
	assert_false(let_go); /* one that is sent to still waits */
	state_rig_must(state_let_go(f->s, pack, 1, ~0U, &let_go, &e), &e);
	assert_true(let_go);
	state_rig_must(state_spool_bytes(f->s, &bytes, &e), &e);
	assert_int_equal(bytes, 0);
	assert_int_equal(__builtin_popcount(state_rig_get(f, pack).pending), 2);
}

static void
a_tally_counts_what_is_where(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t pack = state_rig_add_pack(f, 1, 3, true);
	struct state_tally tally;
	struct err e = ERR_INIT;

	state_rig_add_pack(f, 2, 3, true);
	state_rig_add_index(f, "index/1-1-0123456789abcdef", &pack, 1);
	state_rig_confirm(f, pack, 0, false);
	state_rig_must(
	    state_mark(f->s, pack, f->numbers[1], STATE_MISSING, &e), &e);
	state_rig_must(state_tally(f->s, &tally, &e), &e);
	assert_int_equal(tally.objects[f->numbers[0]], 1);
	assert_int_equal(tally.bytes[f->numbers[0]], 1001);
	assert_int_equal(tally.pending_packs[f->numbers[0]], 1);
	assert_int_equal(tally.pending_objects[f->numbers[0]], 2);
	assert_int_equal(tally.pending_bytes[f->numbers[2]], 1001 + 1002 + 50);
	assert_int_equal(tally.missing[f->numbers[1]], 1);
	assert_int_equal(tally.spool_packs, 2);
	assert_int_equal(tally.spool_objects, 3);
	assert_int_equal(tally.spool_bytes, 1001 + 1002 + 50);
}

/* --- listings --- */

static struct state_listing_result
apply(struct state_listing *l)
{
	struct state_listing_result result;
	struct err e = ERR_INIT;

	state_rig_must(state_listing_apply(l, &result, &e), &e);
	return (result);
}

static enum state_seen
see(struct state_listing *l, const char *name, uint64_t bytes)
{
	struct store_entry entry = { .bytes = bytes };
	enum state_seen what;
	struct err e = ERR_INIT;

	(void)snprintf(entry.name, sizeof(entry.name), "%s", name);
	state_rig_must(state_listing_entry(l, &entry, &what, &e), &e);
	return (what);
}

static void
a_listing_confirms_and_finds_what_is_lost_or_cut(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(state_listing_freep) struct state_listing *l = NULL;
	uint64_t packs[4];
	uint32_t bit = 1U << f->numbers[0];
	struct state_listing_result result;
	struct state_endpoint ep;
	struct err e = ERR_INIT;

	for (uint32_t i = 0; i < 4; i++) {
		packs[i] = state_rig_add_pack(f, 1 + i, 1, true);
		if (i < 3)
			state_rig_confirm(f, packs[i], 0, false);
	}
	l = state_listing_open(f->s, f->numbers[0], &e);
	state_rig_must(l == NULL, &e);
	assert_int_equal(
	    see(l, state_rig_get(f, packs[0]).name, 1001), STATE_SEEN);
	assert_int_equal(
	    see(l, state_rig_get(f, packs[1]).name, 7), STATE_SEEN_DAMAGED);
	assert_int_equal(
	    see(l, state_rig_get(f, packs[3]).name, 1004), STATE_SEEN);
	assert_int_equal(see(l, "index/what", 1), STATE_SEEN_UNKNOWN);
	result = apply(l);
	assert_int_equal(result.confirmed, 1);
	assert_int_equal(result.lost, 2);
	assert_int_equal(state_rig_get(f, packs[0]).confirmed, bit);
	assert_int_equal(state_rig_get(f, packs[1]).damaged, bit);
	assert_int_equal(state_rig_get(f, packs[2]).missing, bit);
	assert_int_equal(state_rig_get(f, packs[2]).pending & bit, bit);
	assert_int_equal(state_rig_get(f, packs[3]).confirmed, bit);
	state_rig_must(state_get_endpoint(f->s, f->numbers[0], &ep, &e), &e);
	assert_true(ep.listed > 0);
}

static void
what_is_confirmed_while_a_listing_runs_is_left_alone(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(state_listing_freep) struct state_listing *l = NULL;
	uint64_t early = state_rig_add_pack(f, 1, 1, true), late;
	struct err e = ERR_INIT;

	l = state_listing_open(f->s, f->numbers[0], &e);
	state_rig_must(l == NULL, &e);
	late = state_rig_add_pack(f, 2, 1, true);
	state_rig_confirm(f, early, 0, false);
	state_rig_confirm(f, late, 0, false);
	assert_int_equal(apply(l).lost, 0);
	assert_int_equal(
	    state_rig_get(f, early).confirmed, 1U << f->numbers[0]);
	assert_int_equal(state_rig_get(f, late).confirmed, 1U << f->numbers[0]);
}

static void
a_listing_does_not_heal_what_is_marked_damaged(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(state_listing_freep) struct state_listing *l = NULL;
	uint64_t pack = state_rig_add_pack(f, 1, 1, true);
	struct err e = ERR_INIT;

	state_rig_must(
	    state_mark(f->s, pack, f->numbers[0], STATE_DAMAGED, &e), &e);
	l = state_listing_open(f->s, f->numbers[0], &e);
	state_rig_must(l == NULL, &e);
	assert_int_equal(see(l, state_rig_get(f, pack).name, 1001), STATE_SEEN);
	assert_int_equal(apply(l).confirmed, 0);
	assert_int_equal(state_rig_get(f, pack).damaged, 1U << f->numbers[0]);
}

#define STATE_TEST(fn)                                                         \
	cmocka_unit_test_setup_teardown(fn, state_rig_setup, state_rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STATE_TEST(no_state_is_missing_and_says_what_to_run),
		STATE_TEST(state_that_lost_its_database_is_damaged_not_missing),
		STATE_TEST(state_of_another_repository_is_refused),
		STATE_TEST(
		    a_database_that_was_cut_is_corrupt_and_nothing_crashes),
		STATE_TEST(a_database_of_rubbish_is_corrupt),
		STATE_TEST(the_map_grows_before_it_is_full),
		STATE_TEST(what_was_not_committed_is_not_there),
		STATE_TEST(endpoints_keep_their_numbers),
		STATE_TEST(a_new_endpoint_waits_for_everything),
		STATE_TEST(an_endpoint_that_left_holds_nothing),
		STATE_TEST(a_reader_with_other_endpoints_changes_nothing),
		STATE_TEST(
		    names_beyond_the_numbers_take_those_of_forgotten_ones),
		STATE_TEST(what_an_endpoint_said_last_is_kept),
		STATE_TEST(an_object_is_confirmed_or_pending_at_each_endpoint),
		STATE_TEST(pending_objects_come_in_sending_order),
		STATE_TEST(root_objects_are_pending_again_when_they_change),
		STATE_TEST(the_spool_lets_go_when_all_or_enough_have_it),
		STATE_TEST(a_tally_counts_what_is_where),
		STATE_TEST(a_listing_confirms_and_finds_what_is_lost_or_cut),
		STATE_TEST(
		    what_is_confirmed_while_a_listing_runs_is_left_alone),
		STATE_TEST(a_listing_does_not_heal_what_is_marked_damaged),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
