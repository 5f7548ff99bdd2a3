/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * A bare machine: what one endpoint and one key give back, what damage there
 * costs, and how the new machine becomes the writer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/stop.h"
#include "repository/audit_log.h"
#include "repository/catalog.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/recover.h"
#include "repository/state_backups.h"
#include "tests/unit/repo_fixture.h"

/* Another machine's settings, with all endpoints: nothing else is there. */
static void
bare_with_all(const struct rig *g, struct bare *b)
{
	fixture_bare(g, 0, b);
	b->settings.endpoints = g->settings.endpoints;
	b->settings.nendpoints = g->settings.nendpoints;
	b->settings.write_quorum = g->settings.write_quorum;
}

/* Keys from the restore key and endpoint i; the agent half is saved. */
static struct keys *
open_keys(const struct rig *g, size_t i, const struct bare *b)
{
	struct err e = ERR_INIT;
	SCOPED(store_freep)
	struct store *s = endpoint_open_store(&g->endpoints[i], 0, &e);
	struct keys *k = keys_load_restore(g->settings.restore_key, &e);

	fixture_must(s == NULL || k == NULL, &e);
	fixture_must(recover_keys(s, k, &e), &e);
	fixture_must(keys_save_agent(k, b->agent_key, &e), &e);
	return (k);
}

static void
recover_all(
    const struct rig *g, size_t i, struct bare *b, struct recover_result *out)
{
	SCOPED(keys_freep) struct keys *k = NULL;
	struct err e = ERR_INIT;

	bare_with_all(g, b);
	k = open_keys(g, i, b);
	fixture_must(recover_state(&b->settings, k, NULL, out, &e), &e);
}

static struct repo *
open_bare(const struct bare *b, enum repo_mode mode)
{
	struct err e = ERR_INIT;
	struct repo *r = repo_open(
	    &b->settings, mode, REPO_NEEDS_RESTORE_KEY, &e);

	fixture_must(r == NULL, &e);
	return (r);
}

/* --- what comes back --- */

static void
recover_gives_everything_back_from_each_endpoint_alone(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(scope_free) char *gone = rig_path(g, "state.gone");

	/* The machine is lost, but for its restore key. */
	assert_int_equal(rename(g->settings.state, gone), 0);
	assert_int_equal(unlink(g->settings.agent_key), 0);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++) {
		for (size_t k = 0; k < RIG_ENDPOINTS; k++)
			if (k != i)
				fixture_unmount(g, k);
		assert_int_equal(fixture_restorable(g, i), 2);
		for (size_t k = 0; k < RIG_ENDPOINTS; k++)
			if (k != i)
				fixture_mount(g, k);
	}
}

static struct keys *
keys_by_passphrase(
    const struct rig *g, size_t i, const char *passphrase, struct err *e)
{
	SCOPED(store_freep)
	struct store *s = endpoint_open_store(&g->endpoints[i], 0, e);
	SCOPED(secret_free) struct secret secret = SECRET_INIT;

	assert_non_null(s);
	secret_copy(&secret, passphrase, strlen(passphrase));
	return (recover_keys_by_passphrase(s, &secret, e));
}

static void
recover_opens_the_keys_by_either_passphrase(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct err e = ERR_INIT;
	SCOPED(keys_freep)
	struct keys *one = keys_by_passphrase(g, 0, "a passphrase", &e);
	SCOPED(keys_freep)
	struct keys *two = keys_by_passphrase(g, 2, "another one", &e);
	SCOPED(store_freep)
	struct store *s = endpoint_open_store(&g->endpoints[1], 0, &e);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(repo_freep) struct repo *r = NULL;

	assert_non_null(one);
	assert_non_null(two);
	fixture_bare(g, 1, &b);
	fixture_must(recover_keys(s, one, &e), &e);
	fixture_must(keys_save_agent(one, b.agent_key, &e), &e);
	fixture_must(recover_state(&b.settings, one, NULL, &out, &e), &e);
	assert_int_equal(out.backups, 2);
	r = open_bare(&b, REPO_READ);
	assert_int_equal(fixture_read_all(r, 0), 2);
}

static void
recover_says_key_for_a_wrong_passphrase_or_none(void **state)
{
	const struct rig *g = fixture_rig(state);
	struct err e = ERR_INIT;

	assert_null(keys_by_passphrase(g, 0, "wrong", &e));
	assert_int_equal(e.kind, ERR_KEY);
	/* A damaged slot is in nobody's way. */
	fixture_damage(g, 0, "keys/one", FIXTURE_FLIP, NULL);
	err_clear(&e);
	{
		SCOPED(keys_freep)
		struct keys *k = keys_by_passphrase(g, 0, "another one", &e);

		assert_non_null(k);
	}
	assert_null(keys_by_passphrase(g, 0, "a passphrase", &e));
	assert_int_equal(e.kind, ERR_KEY);
	fixture_damage(g, 0, "keys/one", FIXTURE_DELETE, NULL);
	fixture_damage(g, 0, "keys/two", FIXTURE_DELETE, NULL);
	err_clear(&e);
	assert_null(keys_by_passphrase(g, 0, "another one", &e));
	assert_int_equal(e.kind, ERR_KEY);
	fixture_unmount(g, 0);
	err_clear(&e);
	assert_null(keys_by_passphrase(g, 0, "another one", &e));
	assert_int_equal(e.kind, ERR_MISSING);
}

static void
recover_lists_what_the_old_machine_listed(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(catalog_free) struct catalog old = { .n = 0 };
	SCOPED(catalog_free) struct catalog new = { .n = 0 };
	SCOPED(repo_freep) struct repo *r = NULL;
	struct err e = ERR_INIT;
	uint64_t seq;
	struct sha256 head;

	r = rig_repo(g, REPO_READ);
	fixture_must(catalog_read(r, NULL, &old, &e), &e);
	fixture_must(audit_log_head(r, &seq, &head, &e), &e);
	repo_freep(&r);
	recover_all(g, 0, &b, &out);
	assert_int_equal(out.damaged, 0);
	assert_int_equal(out.epoch, 1);
	assert_true(out.writer_host[0] != '\0' && out.writer_since > 0);
	assert_int_equal(out.backups, 2);
	assert_string_equal(out.newest, old.v[0].m.id);
	assert_int_equal(out.audit_seq, seq);
	assert_memory_equal(&out.audit_head, &head, sizeof(head));
	assert_int_equal(out.nbranches, 1);
	assert_string_equal(out.branches[0], "production");

	r = open_bare(&b, REPO_READ);
	fixture_must(catalog_read(r, NULL, &new, &e), &e);
	assert_int_equal(new.n, old.n);
	for (size_t i = 0; i < new.n; i++) {
		assert_string_equal(new.v[i].m.id, old.v[i].m.id);
		assert_string_equal(new.v[i].m.comment, old.v[i].m.comment);
		fixture_must(catalog_fill(r, &new, &new.v[i], &e), &e);
		assert_true(new.v[i].m.has_private);
		assert_int_equal(new.v[i].m.tree_entries, 3);
		assert_int_equal(new.v[i].stored, 3);
		assert_string_equal(
		    catalog_state(&new.v[i]), catalog_state(&old.v[i]));
	}
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		assert_int_equal(fixture_read_all(r, i), 2);
}

static void
recover_brings_the_marks_back(void **state)
{
	const struct rig *g = fixture_rig(state);
	const char *id = ((const struct fixture_pair *)*state)->ids[0];
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct state_marks marks;
	struct err e = ERR_INIT;

	fixture_must(audit_log_add(r, "pin", id, NULL, NULL, &e), &e);
	fixture_must(replicate_audit(r, 0, &e), &e);
	repo_freep(&r);
	recover_all(g, 1, &b, &out);
	r = open_bare(&b, REPO_READ);
	fixture_must(state_get_marks(r->state, id, &marks, &e), &e);
	assert_true(marks.pinned);
}

/* --- what is refused --- */

static void
recover_refuses_a_state_folder_with_something_in_it(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(keys_freep) struct keys *k = NULL;
	SCOPED(scope_free) char *kept = NULL;
	struct err e = ERR_INIT;

	bare_with_all(g, &b);
	k = open_keys(g, 0, &b);
	kept = file_join(b.state, "kept");
	assert_int_equal(mkdir(b.state, 0700), 0);
	fixture_must(file_save(kept, 0600, "x", 1, &e), &e);
	assert_int_equal(recover_state(&b.settings, k, NULL, &out, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_true(file_exists(kept));
	/* Empty, it is as good as missing. */
	assert_int_equal(unlink(kept), 0);
	err_clear(&e);
	fixture_must(recover_state(&b.settings, k, NULL, &out, &e), &e);
	recover_result_free(&out);
	assert_int_equal(recover_state(&b.settings, k, NULL, &out, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
}

static void
recover_leaves_a_file_in_the_place_of_the_folder(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(keys_freep) struct keys *k = NULL;
	struct err e = ERR_INIT;

	bare_with_all(g, &b);
	k = open_keys(g, 0, &b);
	fixture_must(file_save(b.state, 0600, "x", 1, &e), &e);
	assert_int_equal(recover_state(&b.settings, k, NULL, &out, &e), -1);
	assert_true(file_exists(b.state));
}

static void
recover_from_nothing_fails_and_leaves_nothing(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(keys_freep) struct keys *k = NULL;
	struct err e = ERR_INIT;

	fixture_bare(g, 2, &b);
	k = open_keys(g, 2, &b);
	fixture_empty(g, 2);
	assert_int_equal(recover_state(&b.settings, k, NULL, &out, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_false(file_exists(b.state));
	fixture_unmount(g, 2);
	err_clear(&e);
	assert_int_equal(recover_state(&b.settings, k, NULL, &out, &e), -1);
	assert_int_equal(e.kind, ERR_NETWORK);
	assert_false(file_exists(b.state));
}

static void
recover_keys_refuses_another_repository(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(store_freep) struct store *s = NULL;
	SCOPED(keys_freep) struct keys *k = NULL;
	struct err e = ERR_INIT;
	struct rig other;

	fixture_open(&other);
	s = endpoint_open_store(&other.endpoints[0], 0, &e);
	k = keys_load_restore(g->settings.restore_key, &e);
	fixture_must(s == NULL || k == NULL, &e);
	assert_int_equal(recover_keys(s, k, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	fixture_empty(&other, 0);
	err_clear(&e);
	assert_int_equal(recover_keys(s, k, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_true(e.hint[0] != '\0');
	fixture_close(&other);
}

static void
recover_ends_when_asked_to_stop(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(keys_freep) struct keys *k = NULL;
	struct err e = ERR_INIT;

	bare_with_all(g, &b);
	k = open_keys(g, 0, &b);
	stop_request();
	assert_int_equal(recover_state(&b.settings, k, NULL, &out, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	assert_false(file_exists(b.state));
}

/* --- damage --- */

/* One object of a kind is bad at the first endpoint, whole at the others. */
static void
goes_around(void **state, const char *prefix, enum fixture_damage how)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(repo_freep) struct repo *r = NULL;
	struct state_object o;
	struct fixture_names names;
	struct err e = ERR_INIT;
	bool found;

	fixture_name_two(g, prefix, true, &names);
	fixture_damage(g, 0, names.one, how, names.other);
	recover_all(g, 1, &b, &out);
	assert_int_equal(out.damaged, how == FIXTURE_SWAP ? 2 : 1);
	assert_int_equal(out.backups, 2);
	r = open_bare(&b, REPO_READ);
	fixture_must(state_find(r->state, names.one, &o, &found, &e), &e);
	assert_true(found);
	/* The listing has its name; that its bytes are bad is not forgotten. */
	assert_int_equal(o.confirmed & 1U << r->endpoints[0].number, 0);
	assert_true((o.damaged & 1U << r->endpoints[0].number) != 0);
	assert_int_equal(fixture_read_all(r, 1), 2);
}

static void
recover_goes_around_a_damaged_index_object(void **state)
{
	goes_around(state, "index/", FIXTURE_FLIP);
}

static void
recover_goes_around_a_damaged_manifest(void **state)
{
	goes_around(state, "backups/", FIXTURE_CUT);
}

static void
recover_goes_around_swapped_manifests(void **state)
{
	goes_around(state, "backups/", FIXTURE_SWAP);
}

static void
recover_goes_around_a_damaged_audit_entry(void **state)
{
	goes_around(state, "audit/", FIXTURE_FLIP);
}

static void
recover_goes_around_swapped_audit_entries(void **state)
{
	goes_around(state, "audit/", FIXTURE_SWAP);
}

static void
recover_counts_what_no_endpoint_has(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(keys_freep) struct keys *k = NULL;
	struct fixture_names indexes, manifests;
	struct err e = ERR_INIT;

	fixture_name_two(g, "index/", true, &indexes);
	fixture_name_two(g, "backups/", true, &manifests);
	fixture_damage(g, 1, indexes.other, FIXTURE_DELETE, NULL);
	fixture_damage(g, 1, manifests.one, FIXTURE_FLIP, NULL);
	fixture_bare(g, 1, &b);
	k = open_keys(g, 1, &b);
	fixture_must(recover_state(&b.settings, k, NULL, &out, &e), &e);
	assert_int_equal(out.damaged, 2);
	assert_int_equal(out.backups, 1);
}

/* Names that an endpoint made up, of all lengths, do no harm. */
static void
recover_passes_over_objects_that_are_not_ours(void **state)
{
	static const char *const names[] = { "backups/x",
		"backups/20260101T000000Z-00000000",
		"index/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"index/1/2/3", "audit/1-1-0000000000000000", "keys/UPPER",
		"writers/4294967295-0000000000000000" };
	const size_t n = sizeof(names) / sizeof(names[0]);
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(repo_freep) struct repo *r = NULL;
	struct err e = ERR_INIT;

	{
		SCOPED(store_freep)
		struct store *s = endpoint_open_store(&g->endpoints[0], 0, &e);

		for (size_t i = 0; i < n; i++)
			fixture_must(
			    store_put(s, names[i], "bogus", 5, 0, &e), &e);
	}
	recover_all(g, 0, &b, &out);
	assert_int_equal(out.damaged, n);
	assert_int_equal(out.backups, 2);
	assert_int_equal(out.epoch, 1);
	r = open_bare(&b, REPO_READ);
	assert_int_equal(fixture_read_all(r, 0), 2);
}

/* --- taking over --- */

static void
recovered_repository_is_read_only(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(repo_freep) struct repo *r = NULL;
	struct verify_conf conf = { .depth = VERIFY_DATA };
	struct err e = ERR_INIT;
	size_t had = fixture_objects(g, 0, "");

	recover_all(g, 0, &b, &out);
	assert_null(repo_open(&b.settings, REPO_WRITE, 0, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	r = open_bare(&b, REPO_READ);
	assert_int_equal(r->epoch, 0);
	fixture_verify_with(r, &conf, &v);
	assert_true(v.ok);
	/* It looked, and wrote nothing anywhere. */
	assert_int_equal(fixture_objects(g, 0, ""), had);
}

static void
take_over_makes_this_machine_the_writer_and_stops_the_old_one(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	SCOPED(repo_freep) struct repo *r = NULL;
	struct err e = ERR_INIT;

	recover_all(g, 0, &b, &out);
	fixture_must(recover_take_over(&b.settings, &out, &e), &e);
	assert_int_equal(out.epoch, 2);
	assert_int_equal(out.backups, 2);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		assert_int_equal(fixture_objects(g, i, "writers/"), 2);

	r = rig_repo(g, REPO_WRITE);
	fixture_backup(r, 5, NULL);
	fixture_send(r, 0, reports);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++) {
		assert_int_equal(reports[i].error.kind, ERR_TAKEN_OVER);
		assert_int_equal(fixture_objects(g, i, "backups/"), 2);
	}
	repo_freep(&r);

	r = open_bare(&b, REPO_WRITE);
	assert_int_equal(r->epoch, 2);
	fixture_backup(r, 6, NULL);
	fixture_send(r, 0, reports);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		assert_true(reports[i].up_to_date);
	fixture_assert_same(g);
	assert_int_equal(fixture_restorable(g, 1), 3);
}

static int
is_take_over(const struct audit_entry *a, void *arg, struct err *e)
{
	(void)e;
	*(unsigned *)arg += strcmp(a->event, "take-over") == 0 && a->epoch == 2;
	return (0);
}

static void
take_over_is_in_the_audit_log(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(repo_freep) struct repo *r = NULL;
	struct err e = ERR_INIT;
	size_t had = fixture_objects(g, 2, "audit/");
	unsigned found = 0;
	uint64_t seq;

	recover_all(g, 0, &b, &out);
	seq = out.audit_seq;
	fixture_must(recover_take_over(&b.settings, &out, &e), &e);
	assert_int_equal(out.audit_seq, seq + 1);
	assert_int_equal(fixture_objects(g, 2, "audit/"), had + 1);
	r = open_bare(&b, REPO_READ);
	fixture_must(audit_log_each(r, is_take_over, &found, &e), &e);
	assert_int_equal(found, 1);
}

static void
take_over_needs_a_quorum(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	struct err e = ERR_INIT;

	recover_all(g, 0, &b, &out);
	fixture_unmount(g, 0);
	fixture_empty(g, 1);
	assert_int_equal(recover_take_over(&b.settings, &out, &e), -1);
	assert_int_equal(e.kind, ERR_QUORUM);
	assert_int_equal(fixture_objects(g, 1, ""), 0);
	assert_int_equal(fixture_objects(g, 2, "writers/"), 1);
	fixture_mount(g, 0);
	err_clear(&e);
	fixture_must(recover_take_over(&b.settings, &out, &e), &e);
	/* An endpoint that holds nothing is not claimed: sync fills it. */
	assert_int_equal(fixture_objects(g, 1, ""), 0);
}

/* The old machine takes it back the same way. */
static void
take_over_goes_past_every_epoch_that_was(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	SCOPED(repo_freep) struct repo *r = NULL;
	struct err e = ERR_INIT;

	recover_all(g, 0, &b, &out);
	fixture_must(recover_take_over(&b.settings, &out, &e), &e);
	fixture_must(recover_take_over(&g->settings, &out, &e), &e);
	assert_int_equal(out.epoch, 3);
	r = rig_repo(g, REPO_WRITE);
	fixture_send(r, 0, reports);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		assert_true(reports[i].up_to_date);
}

/* Numbers in names that nobody signed could use all of them up. */
static void
take_over_does_not_count_epochs_that_nobody_signed(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	struct err e = ERR_INIT;
	struct writer newest;
	SCOPED(repo_freep) struct repo *r = NULL;

	recover_all(g, 0, &b, &out);
	r = open_bare(&b, REPO_READ);
	fixture_must(
	    store_put(r->endpoints[0].store,
		"writers/4294967295-0000000000000000", "bogus", 5, 0, &e),
	    &e);
	fixture_must(
	    endpoint_newest_writer(r->endpoints[0].store, r->keys, &newest, &e),
	    &e);
	assert_int_equal(newest.epoch, UINT32_MAX);
	assert_string_equal(newest.host, "unknown");
	fixture_must(endpoint_newest_signed_writer(
			 r->endpoints[0].store, r->keys, &newest, &e),
	    &e);
	assert_int_equal(newest.epoch, 1);
	repo_freep(&r);
	fixture_must(recover_take_over(&b.settings, &out, &e), &e);
	assert_int_equal(out.epoch, 2);
}

static void
take_over_never_touches_another_repository(void **state)
{
	struct fixture_pair *pair = *state;
	struct rig *g = &pair->g;
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	struct err e = ERR_INIT;
	struct rig other;
	size_t audits;

	fixture_open(&other);
	audits = fixture_objects(&other, 0, "audit/");
	free(g->endpoints[2].url);
	g->endpoints[2].url = mem_string(other.endpoints[0].url);
	recover_all(g, 0, &b, &out);
	fixture_must(recover_take_over(&b.settings, &out, &e), &e);
	assert_int_equal(fixture_objects(&other, 0, "writers/"), 1);
	assert_int_equal(fixture_objects(&other, 0, "audit/"), audits);
	fixture_close(&other);
}

static void
take_over_waits_for_no_job_of_this_machine(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(scope_free) char *path = file_join(g->settings.state, "lock");
	struct recover_result out = { .epoch = 0 };
	struct err e = ERR_INIT;
	SCOPED(scope_close) int lock = file_lock(path, &e);

	assert_true(lock >= 0);
	assert_int_equal(recover_take_over(&g->settings, &out, &e), -1);
	assert_int_equal(e.kind, ERR_LOCKED);
	assert_int_equal(fixture_objects(g, 0, "writers/"), 1);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recover_gives_everything_back_from_each_endpoint_alone),
		TEST(recover_opens_the_keys_by_either_passphrase),
		TEST(recover_says_key_for_a_wrong_passphrase_or_none),
		TEST(recover_lists_what_the_old_machine_listed),
		TEST(recover_brings_the_marks_back),
		TEST(recover_refuses_a_state_folder_with_something_in_it),
		TEST(recover_leaves_a_file_in_the_place_of_the_folder),
		TEST(recover_from_nothing_fails_and_leaves_nothing),
		TEST(recover_keys_refuses_another_repository),
		TEST(recover_ends_when_asked_to_stop),
		TEST(recover_goes_around_a_damaged_index_object),
		TEST(recover_goes_around_a_damaged_manifest),
		TEST(recover_goes_around_swapped_manifests),
		TEST(recover_goes_around_a_damaged_audit_entry),
		TEST(recover_goes_around_swapped_audit_entries),
		TEST(recover_counts_what_no_endpoint_has),
		TEST(recover_passes_over_objects_that_are_not_ours),
		TEST(recovered_repository_is_read_only),
		TEST(
		    take_over_makes_this_machine_the_writer_and_stops_the_old_one),
		TEST(take_over_is_in_the_audit_log),
		TEST(take_over_needs_a_quorum),
		TEST(take_over_goes_past_every_epoch_that_was),
		TEST(take_over_does_not_count_epochs_that_nobody_signed),
		TEST(take_over_never_touches_another_repository),
		TEST(take_over_waits_for_no_job_of_this_machine),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
