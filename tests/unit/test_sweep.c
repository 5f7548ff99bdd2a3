/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/* What nobody needs goes, when its time has come and not before: claims, the
 * grace, DELETEs at each endpoint, and what is forgotten in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "repository/audit_log.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "repository/state_claims.h"
#include "repository/state_sweep.h"
#include "retention/reap.h"
#include "retention/relist.h"
#include "tests/unit/repo_fixture.h"

#define GRACE_S ((int64_t)1000)
#define THEN	((int64_t)2000000000)

/* --- steps ---------------------------------------------------------------- */

static struct repo *
open_writer(const struct rig *g)
{
	struct err e = ERR_INIT;
	struct repo *r = repo_open(&g->settings, REPO_WRITE, 0, &e);

	fixture_must(r == NULL, &e);
	return (r);
}

static void
remove_backup(struct repo *r, const char *id)
{
	SCOPED(audit_entry_free) struct audit_entry a;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct err e = ERR_INIT;
	uint64_t bytes;

	audit_log_fill(&a, "removal", id, "production", json_object());
	t = state_begin(r->state, &e);
	fixture_must(t == NULL, &e);
	fixture_must(audit_log_append(r, t, &a, &bytes, &e), &e);
	fixture_must(state_remove_manifest(t, id, THEN, &e), &e);
	fixture_must(state_commit(&t, &e), &e);
}

/* What a sweep at a moment says. */
static struct state_sweep
sweep_at(struct repo *r, int64_t now)
{
	struct state_sweep s = { .now = now, .grace_s = GRACE_S };
	struct err e = ERR_INIT;

	fixture_must(state_sweep(r->state, &s, &e), &e);
	buf_free(&s.spooled);
	return (s);
}

/* DELETEs at endpoint i. Returns how many objects went. */
static uint64_t
reap_at(struct repo *r, size_t i)
{
	SCOPED(remover_freep) struct remover *m = remover_new(r);
	SCOPED(reaped_freep) struct reaped *x = reaped_new();
	struct prune_endpoint out = { .ep = &r->endpoints[i] };
	struct err e = ERR_INIT;

	fixture_must(replicate_audit(r, 0, &e), &e);
	fixture_must(reap(r, m, x, UINT64_MAX, &out, &r->endpoints[i], &e), &e);
	return (out.backups + out.packs);
}

static uint64_t
forget(struct repo *r)
{
	struct err e = ERR_INIT;
	uint64_t n;

	fixture_must(state_forget_gone(r->state, INT64_MAX, &n, &e), &e);
	return (n);
}

/* All steps, until the grace is over. */
static void
prune(struct repo *r)
{
	sweep_at(r, THEN);
	sweep_at(r, THEN + GRACE_S);
	for (size_t i = 0; i < r->nendpoints; i++)
		reap_at(r, i);
	forget(r);
}

static bool
is_known(struct repo *r, const char *object)
{
	struct state_object o;
	struct err e = ERR_INIT;
	bool found;

	fixture_must(state_find(r->state, object, &o, &found, &e), &e);
	return (found && !o.is_going);
}

static uint64_t
number_of(struct repo *r, const char *object)
{
	struct state_object o;
	struct err e = ERR_INIT;
	bool found;

	fixture_must(state_find(r->state, object, &o, &found, &e), &e);
	assert_true(found);
	return (o.number);
}

/* The numbers of a backup's data packs that the other one does not need: its
 * noise. Returns how many. */
static size_t
own_packs(struct repo *r, const char *id, uint64_t packs[16])
{
	struct state_sweep s = {
		.now = THEN, .nwithout = 1, .only_looks = true
	};
	char without[1][BACKUP_ID_TEXT];
	struct state_object o;
	struct err e = ERR_INIT;
	size_t n = 0;
	uint64_t last;

	(void)snprintf(without[0], sizeof(without[0]), "%s", id);
	s.without = (const char(*)[BACKUP_ID_TEXT])without;
	fixture_must(state_sweep(r->state, &s, &e), &e);
	assert_true(s.going > 0);
	buf_free(&s.spooled);
	remove_backup(r, id);
	sweep_at(r, THEN);
	fixture_must(state_highest(r->state, &last, &e), &e);
	for (uint64_t i = 1; i <= last; i++) {
		bool condemned;

		if (state_get(r->state, i, &o, &e) < 0) {
			err_clear(&e);
			continue;
		}
		fixture_must(
		    state_is_condemned(r->state, i, &condemned, &e), &e);
		if (condemned && o.class == STATE_PACK && n < 16)
			packs[n++] = i;
	}
	assert_int_equal(n, s.going);
	return (n);
}

/* --- tests ------------------------------------------------------------------
 */

static void
what_a_removed_backup_alone_needed_goes_after_the_grace(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	size_t before = fixture_objects(g, 0, "packs/");
	struct state_sweep s;

	remove_backup(r, pair->ids[1]);
	s = sweep_at(r, THEN);
	assert_true(s.condemned > 0);
	assert_int_equal(s.going, 0);
	s = sweep_at(r, THEN + GRACE_S - 1);
	assert_int_equal(s.going, 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(reap_at(r, i), 1); /* the manifest */
		assert_int_equal(fixture_objects(g, i, "packs/"), before);
		assert_int_equal(fixture_objects(g, i, "backups/"), 1);
	}
	s = sweep_at(r, THEN + GRACE_S);
	assert_true(s.going > 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(reap_at(r, i), s.going);
	assert_int_equal(fixture_objects(g, 0, "packs/"), before - s.going);
	assert_true(forget(r) > s.going);
	assert_int_equal(forget(r), 0);
	fixture_assert_same(g);
	repo_freep(&r);
	fixture_assert_whole(g, VERIFY_HASH);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fixture_restorable(g, i), 1);
}

static void
what_is_gone_is_stored_again_and_comes_back_whole(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);

	remove_backup(r, pair->ids[1]);
	remove_backup(r, pair->ids[0]);
	prune(r);
	assert_int_equal(fixture_objects(g, 0, "packs/"), 0);
	assert_int_equal(fixture_objects(g, 0, "index/"), 0);
	repo_freep(&r);
	fixture_backup_everywhere(g, 1, NULL);
	fixture_assert_same(g);
	fixture_assert_whole(g, VERIFY_DATA);
	assert_int_equal(fixture_restorable(g, 2), 1);
}

static void
a_claim_takes_the_mark_from_a_condemned_pack(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	SCOPED(number_bits_free) struct number_bits claimed = NUMBER_BITS_INIT;
	SCOPED(state_job_end) struct state_job job = STATE_JOB_INIT;
	struct err e = ERR_INIT;
	uint64_t packs[16] = { 0 };
	size_t n = own_packs(r, pair->ids[1], packs);
	bool got, condemned;

	fixture_must(state_job_begin(r->state, &job, &e), &e);
	fixture_must(state_claim(&job, packs, 1, &claimed, &got, &e), &e);
	assert_true(got);
	assert_true(number_bits_has(&claimed, packs[0]));
	/* Its neighbours are condemned, and nobody asked for them. */
	for (size_t i = 1; i < n; i++)
		assert_false(number_bits_has(&claimed, packs[i]));
	fixture_must(
	    state_is_condemned(r->state, packs[0], &condemned, &e), &e);
	assert_false(condemned);
	assert_int_equal(sweep_at(r, THEN + GRACE_S).going, n - 1);
	/* When the job ends, the grace begins anew. */
	state_job_end(&job);
	assert_int_equal(sweep_at(r, THEN + 2 * GRACE_S).going, 0);
	assert_int_equal(sweep_at(r, THEN + 3 * GRACE_S).going, 1);
}

static void
what_goes_already_can_not_be_claimed(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	SCOPED(number_bits_free) struct number_bits claimed = NUMBER_BITS_INIT;
	SCOPED(state_job_end) struct state_job job = STATE_JOB_INIT;
	struct err e = ERR_INIT;
	uint64_t packs[16] = { 0 };
	bool got;

	(void)own_packs(r, pair->ids[1], packs);
	assert_true(sweep_at(r, THEN + GRACE_S).going > 0);
	fixture_must(state_job_begin(r->state, &job, &e), &e);
	fixture_must(state_claim(&job, packs, 1, &claimed, &got, &e), &e);
	assert_false(got);
	assert_int_equal(state_claim_backup(&job, pair->ids[1], &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	err_clear(&e);
	fixture_must(state_claim_backup(&job, pair->ids[0], &e), &e);
}

static void
a_restore_keeps_what_its_backup_needs(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	SCOPED(state_job_end) struct state_job job = STATE_JOB_INIT;
	struct err e = ERR_INIT;

	fixture_must(state_job_begin(r->state, &job, &e), &e);
	fixture_must(state_claim_backup(&job, pair->ids[1], &e), &e);
	remove_backup(r, pair->ids[1]);
	assert_int_equal(sweep_at(r, THEN).condemned, 0);
	assert_int_equal(sweep_at(r, THEN + GRACE_S).going, 0);
	state_job_end(&job);
	assert_true(sweep_at(r, THEN + GRACE_S).condemned > 0);
}

/* A job that is killed leaves its claims and its file; the lock ends with it.
 */
static void
claims_of_a_dead_job_are_dropped(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	struct state_job dead = STATE_JOB_INIT;
	SCOPED(state_job_end) struct state_job alive = STATE_JOB_INIT;
	struct err e = ERR_INIT;
	uint64_t n;

	fixture_must(state_job_begin(r->state, &dead, &e), &e);
	fixture_must(state_claim_backup(&dead, pair->ids[1], &e), &e);
	fixture_must(state_job_begin(r->state, &alive, &e), &e);
	fixture_must(state_claim_backup(&alive, pair->ids[0], &e), &e);
	remove_backup(r, pair->ids[1]);
	fixture_must(state_claims_clean(r->state, &n, &e), &e);
	assert_int_equal(n, 0);
	assert_int_equal(sweep_at(r, THEN).condemned, 0);
	(void)close(dead.lock);
	fixture_must(state_claims_clean(r->state, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(access(dead.path, F_OK), -1);
	assert_int_equal(access(alive.path, F_OK), 0);
	free(dead.path);
	assert_true(sweep_at(r, THEN).condemned > 0);
}

static void
an_endpoint_that_was_away_is_pruned_when_it_is_back(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	struct state_sweep s;
	struct err e = ERR_INIT;

	remove_backup(r, pair->ids[1]);
	sweep_at(r, THEN);
	s = sweep_at(r, THEN + GRACE_S);
	fixture_unmount(g, 2);
	reap_at(r, 0);
	reap_at(r, 1);
	assert_int_equal(forget(r), 0); /* it is somewhere still */
	fixture_mount(g, 2);
	assert_int_equal(fixture_objects(g, 2, "backups/"), 2);
	fixture_must(relist(r, &r->endpoints[2], false, &e), &e);
	assert_int_equal(reap_at(r, 2), s.going + 1);
	assert_true(forget(r) > 0);
	fixture_assert_same(g);
	assert_int_equal(fixture_objects(g, 2, "backups/"), 1);
}

/* The manifest of a backup that was removed is shown again, by an endpoint that
 * was put back from a copy, after all was forgotten. */
static void
an_endpoint_does_not_bring_a_removed_backup_back(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	SCOPED(buf_free) struct buf manifest = BUF_INIT;
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	manifest_name(pair->ids[1], name);
	fixture_must(store_load(r->endpoints[1].store, name, MANIFEST_MAX,
			 &manifest, &e),
	    &e);
	remove_backup(r, pair->ids[1]);
	prune(r);
	assert_false(is_known(r, name));
	fixture_must(store_put(r->endpoints[1].store, name, manifest.p,
			 manifest.n, 0, &e),
	    &e);
	fixture_must(relist(r, &r->endpoints[1], false, &e), &e);
	assert_false(is_known(r, name));
	assert_int_equal(reap_at(r, 1), 1);
	forget(r);
	fixture_assert_same(g);
}

/* Local state is older than an endpoint: what the backup that it does not know
 * needs counts. */
static void
a_backup_that_only_an_endpoint_knows_counts(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;
	struct state_txn *t;

	/* It is forgotten here alone. */
	manifest_name(pair->ids[1], name);
	t = state_begin(r->state, &e);
	fixture_must(state_remove_manifest(t, pair->ids[1], THEN, &e), &e);
	fixture_must(state_commit(&t, &e), &e);
	for (size_t i = 0; i < 3; i++) {
		struct state_object o;
		bool found;

		fixture_must(state_find(r->state, name, &o, &found, &e), &e);
		fixture_must(state_deleted(r->state, o.number,
				 r->endpoints[i].number, &e),
		    &e);
	}
	sweep_at(r, THEN);
	sweep_at(r, THEN + GRACE_S);
	assert_true(forget(r) > 0);
	assert_false(is_known(r, name));
	fixture_must(relist(r, &r->endpoints[0], false, &e), &e);
	assert_true(is_known(r, name));
	assert_int_equal(sweep_at(r, THEN + GRACE_S).going, 0);
	assert_int_equal(sweep_at(r, THEN + 9 * GRACE_S).going, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(reap_at(r, i), 0);
	repo_freep(&r);
	fixture_assert_whole(g, VERIFY_HASH);
}

static void
a_backup_that_can_not_be_read_stops_the_sweep(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	struct err e = ERR_INIT;

	fixture_must(
	    store_put(r->endpoints[1].store,
		"backups/20300101T000000Z-0a0b0c0d", "rubbish", 7, 0, &e),
	    &e);
	assert_int_equal(relist(r, &r->endpoints[1], false, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(e.text, "20300101T000000Z-0a0b0c0d"));
}

/* The pack is on its way to an endpoint while it begins to go. */
static void
an_upload_that_ends_late_is_deleted_too(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	struct state_object o;
	struct err e = ERR_INIT;
	uint64_t packs[16] = { 0 };

	(void)own_packs(r, pair->ids[1], packs);
	sweep_at(r, THEN + GRACE_S);
	for (size_t i = 0; i < 3; i++)
		reap_at(r, i);
	fixture_must(state_get(r->state, packs[0], &o, &e), &e);
	fixture_must(
	    store_put(r->endpoints[1].store, o.name, "late", 4, 0, &e), &e);
	fixture_must(
	    state_confirm(r->state, o.number, r->endpoints[1].number, NULL, &e),
	    &e);
	assert_false(is_known(r, o.name));
	assert_int_equal(reap_at(r, 1), 1);
	forget(r);
	fixture_assert_same(g);
	/* One that ends after all was forgotten does no harm here. */
	fixture_must(
	    state_confirm(r->state, o.number, r->endpoints[1].number, NULL, &e),
	    &e);
	fixture_must(state_mark(r->state, o.number, r->endpoints[1].number,
			 STATE_MISSING, &e),
	    &e);
}

static void
a_clock_that_went_back_begins_the_grace_anew(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);

	remove_backup(r, pair->ids[1]);
	sweep_at(r, THEN);
	assert_int_equal(sweep_at(r, THEN - 5 * GRACE_S).going, 0);
	assert_int_equal(sweep_at(r, THEN - 5 * GRACE_S + 1).going, 0);
	assert_true(sweep_at(r, THEN - 4 * GRACE_S).going > 0);
}

/* Forgets a manifest here alone, as if this machine had never had it. */
static void
forget_backup(struct repo *r, const char *id)
{
	struct err e = ERR_INIT;
	struct state_txn *t = state_begin(r->state, &e);
	char name[OBJECT_NAME_TEXT];

	fixture_must(t == NULL, &e);
	fixture_must(state_remove_manifest(t, id, THEN, &e), &e);
	fixture_must(state_commit(&t, &e), &e);
	manifest_name(id, name);
	for (size_t i = 0; i < 3; i++) {
		struct state_object o;
		bool found;

		fixture_must(state_find(r->state, name, &o, &found, &e), &e);
		fixture_must(state_deleted(r->state, o.number,
				 r->endpoints[i].number, &e),
		    &e);
	}
}

/* A pack that goes, and is needed after all by a backup that an endpoint shows,
 * is not taken for one that is where it never was; and when the backup is
 * removed, too, the grace begins anew. */
static void
what_is_needed_after_all_has_its_grace_again(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	char name[OBJECT_NAME_TEXT];
	uint32_t bit = 1U << r->endpoints[2].number;
	struct state_object o;
	struct err e = ERR_INIT;

	fixture_pack(r, PACK_DATA, 1, name);
	fixture_damage(g, 2, name, FIXTURE_DELETE, NULL);
	o.number = number_of(r, name);
	fixture_must(state_mark(r->state, o.number, r->endpoints[2].number,
			 STATE_MISSING, &e),
	    &e);
	forget_backup(r, pair->ids[1]);
	sweep_at(r, THEN);
	assert_true(sweep_at(r, THEN + GRACE_S).going > 0);
	assert_false(is_known(r, name));
	assert_int_equal(forget(r), 1);
	fixture_must(relist(r, &r->endpoints[0], false, &e), &e);
	sweep_at(r, THEN + GRACE_S + 1);
	assert_true(is_known(r, name));
	fixture_must(state_get(r->state, o.number, &o, &e), &e);
	assert_int_equal(o.confirmed & bit, 0);
	assert_int_equal(o.pending & bit, bit);
	remove_backup(r, pair->ids[1]);
	assert_int_equal(sweep_at(r, THEN + GRACE_S + 2).going, 0);
}

static void
copy_folder(const char *from, const char *to)
{
	const char *const argv[] = { "/bin/cp", "-a", from, to, NULL };
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	fixture_must(proc_run(argv, NULL, NULL, 0, &out, 10000, &e), &e);
}

/* What this machine has forgotten, an endpoint that it did not know of has, and
 * a backup that needs it: the index object that names it was known all along.
 */
static void
what_was_forgotten_comes_back_with_a_backup_that_needs_it(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = open_writer(g);
	SCOPED(number_bits_free) struct number_bits claimed = NUMBER_BITS_INIT;
	SCOPED(state_job_end) struct state_job job = STATE_JOB_INIT;
	const char *folder = g->endpoints[2].url;
	SCOPED(scope_free) char *kept = mem_printf("%s.was", folder);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	char data[OBJECT_NAME_TEXT], manifest[OBJECT_NAME_TEXT];
	uint64_t packs[1];
	struct err e = ERR_INIT;
	bool got;

	copy_folder(folder, kept);
	fixture_pack(r, PACK_DATA, 1, data);
	packs[0] = number_of(r, data);
	manifest_name(pair->ids[1], manifest);
	forget_backup(r, pair->ids[1]);
	sweep_at(r, THEN);
	fixture_must(state_job_begin(r->state, &job, &e), &e);
	fixture_must(state_claim(&job, packs, 1, &claimed, &got, &e), &e);
	assert_true(sweep_at(r, THEN + GRACE_S).going > 0);
	for (size_t i = 0; i < 3; i++) {
		reap_at(r, i);
		fixture_damage(g, i, manifest, FIXTURE_DELETE, NULL);
	}
	assert_true(forget(r) > 1);
	state_job_end(&job);
	fixture_must(file_remove_tree(folder, &e), &e);
	fixture_must(file_rename(kept, folder, &e), &e);
	fixture_must(relist(r, &r->endpoints[2], false, &e), &e);
	assert_true(is_known(r, manifest));
	sweep_at(r, THEN + GRACE_S + 1);
	fixture_send(r, REPLICATE_FROM_OTHERS, NULL);
	fixture_send(r, REPLICATE_FROM_OTHERS, reports);
	for (size_t i = 0; i < 3; i++)
		assert_true(reports[i].up_to_date);
	assert_int_equal(fixture_restorable(g, 0), 2);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_removed_backup_alone_needed_goes_after_the_grace),
		TEST(what_is_gone_is_stored_again_and_comes_back_whole),
		TEST(a_claim_takes_the_mark_from_a_condemned_pack),
		TEST(what_goes_already_can_not_be_claimed),
		TEST(a_restore_keeps_what_its_backup_needs),
		TEST(claims_of_a_dead_job_are_dropped),
		TEST(an_endpoint_that_was_away_is_pruned_when_it_is_back),
		TEST(an_endpoint_does_not_bring_a_removed_backup_back),
		TEST(a_backup_that_only_an_endpoint_knows_counts),
		TEST(a_backup_that_can_not_be_read_stops_the_sweep),
		TEST(an_upload_that_ends_late_is_deleted_too),
		TEST(a_clock_that_went_back_begins_the_grace_anew),
		TEST(what_is_needed_after_all_has_its_grace_again),
		TEST(what_was_forgotten_comes_back_with_a_backup_that_needs_it),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
