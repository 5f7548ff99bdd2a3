/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/*
 * One endpoint that keeps versions heals itself, and gives all of it back to a
 * bare machine, after everything there was overwritten or deleted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/object.h"
#include "repository/recover_impl.h"
#include "retention/remove.h"
#include "tests/unit/repo_fixture.h"
#include "tests/unit/versions.h"

/* The repository with only its first endpoint, which keeps versions. */
static struct repo *
open_alone(const struct rig *g, enum repo_mode mode)
{
	struct repo *r = rig_repo(g, mode);

	for (size_t i = 1; i < r->nendpoints; i++)
		store_freep(&r->endpoints[i].store);
	r->nendpoints = 1;
	r->endpoints[0].store = versions_new(r->endpoints[0].store);
	return (r);
}

static void
repair(struct repo *r, enum verify_depth depth, struct verify_result *v)
{
	SCOPED(remover_freep) struct remover *m = remover_new(r);
	struct verify_conf conf = { .depth = depth,
		.repair = true,
		.remove = remover_drop,
		.unhide = remover_unhide,
		.arg = m };

	fixture_verify_with(r, &conf, v);
}

/* --- what is done to every object --- */

static int
keep_name(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)e;
	json_append_string(arg, entry->name);
	return (0);
}

static void
overwrite(struct store *s, const char *name)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	fixture_must(store_load(s, name, STORE_OBJECT_MAX, &b, &e), &e);
	b.p[b.n / 2] ^= 1;
	fixture_must(store_put(s, name, b.p, b.n, 0, &e), &e);
}

/* Hides or overwrites all that is there. Its names. */
static struct json *
attack_all(struct repo *r, bool hides)
{
	struct store *s = r->endpoints[0].store;
	struct json *names = json_array();
	struct err e = ERR_INIT;

	fixture_must(store_list(s, "", keep_name, names, &e), &e);
	for (size_t i = 0; i < json_count(names); i++) {
		const char *name = json_text(json_at(names, i));

		if (hides)
			versions_hide(s, name);
		else
			overwrite(s, name);
	}
	return (names);
}

static void
assert_whole(struct repo *r)
{
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct verify_conf conf = { .depth = VERIFY_DATA };

	fixture_verify_with(r, &conf, &v);
	assert_true(v.ok);
	assert_int_equal(fixture_read_all(r, 0), 2);
}

/* --- healing --- */

static void
all_that_was_overwritten_heals_from_what_was_first(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = open_alone(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(json_freep) struct json *names = attack_all(r, false);

	repair(r, VERIFY_HASH, &v);
	assert_true(v.ok);
	for (size_t i = 0; i < json_count(names); i++)
		assert_int_equal(fixture_times(v.at[0].repaired,
				     json_text(json_at(names, i))),
		    1);
	assert_whole(r);
}

static void
what_was_deleted_is_missing_at_every_depth(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = open_alone(fixture_rig(state), REPO_READ);
	SCOPED(json_freep) struct json *names = attack_all(r, true);

	for (int depth = VERIFY_PRESENCE; depth <= VERIFY_DATA; depth++) {
		SCOPED(verify_result_free)
		struct verify_result v = { .ok = false };
		struct verify_conf conf = { .depth = (enum verify_depth)depth };

		fixture_verify_with(r, &conf, &v);
		assert_false(v.ok);
		assert_int_equal(
		    json_count(v.at[0].missing), json_count(names));
		assert_int_equal(json_count(v.at[0].damaged), 0);
		assert_int_equal(json_count(v.at[0].foreign), 0);
	}
}

static void
what_was_deleted_is_brought_back_from_behind_its_marker(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = open_alone(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(json_freep) struct json *names = attack_all(r, true);

	repair(r, VERIFY_PRESENCE, &v);
	assert_true(v.ok);
	assert_int_equal(json_count(v.at[0].repaired), json_count(names));
	assert_whole(r);
}

static void
where_unhiding_is_denied_it_is_put_again(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = open_alone(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(json_freep) struct json *names = attack_all(r, true);

	versions_deny_unhide(r->endpoints[0].store);
	repair(r, VERIFY_PRESENCE, &v);
	assert_true(v.ok);
	assert_int_equal(json_count(v.at[0].repaired), json_count(names));
	assert_whole(r);
}

/* Overwritten, then deleted: what is behind the marker is no good. */
static void
what_is_bad_behind_its_marker_is_put_again(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = open_alone(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(json_freep) struct json *overwritten = attack_all(r, false);
	SCOPED(json_freep) struct json *hidden = attack_all(r, true);

	assert_int_equal(json_count(overwritten), json_count(hidden));
	repair(r, VERIFY_PRESENCE, &v);
	assert_true(v.ok);
	assert_int_equal(json_count(v.at[0].repaired), json_count(hidden));
	assert_whole(r);
}

static void
one_endpoints_versions_heal_another_endpoint(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct fixture_names packs;
	struct err e = ERR_INIT;

	fixture_name_packs(g, PACK_DATA, &packs);
	r->endpoints[2].store = versions_new(r->endpoints[2].store);
	for (size_t i = 0; i < 2; i++)
		fixture_damage(g, i, packs.one, FIXTURE_DELETE, NULL);
	fixture_must(
	    store_put(r->endpoints[2].store, packs.one, "over", 4, 0, &e), &e);
	repair(r, VERIFY_HASH, &v);
	assert_true(v.ok);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		assert_int_equal(fixture_times(v.at[i].repaired, packs.one), 1);
	fixture_assert_same(g);
}

static void
a_locked_foreign_object_stays_a_finding(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = open_alone(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(verify_result_free) struct verify_result w = { .ok = false };
	struct store *s = r->endpoints[0].store;
	struct err e = ERR_INIT;

	fixture_must(store_put(s, "keys/evil", "x", 1, 0, &e), &e);
	repair(r, VERIFY_PRESENCE, &v);
	assert_false(v.ok);
	assert_int_equal(fixture_times(v.at[0].foreign, "keys/evil"), 1);
	versions_hide(s, "keys/evil");
	repair(r, VERIFY_PRESENCE, &w);
	assert_true(w.ok);
	assert_true(versions_are_hidden(s, "keys/evil"));
}

/* --- who writes --- */

/* Whoever deletes a later writer's record makes no writer of the earlier. */
static void
a_later_writer_that_was_hidden_still_stops_this_machine(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = open_alone(fixture_rig(state), REPO_WRITE);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct store *s = r->endpoints[0].store;
	struct writer w = { .epoch = 2, .started = clock_now(), .id = { 1 } };
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	writer_name(&w, name);
	writer_encode(r->keys, &w, &object);
	fixture_must(store_put(s, name, object.p, object.n, 0, &e), &e);
	versions_hide(s, name);
	assert_int_equal(repo_check_endpoint(r, &r->endpoints[0], &e), -1);
	assert_int_equal(e.kind, ERR_TAKEN_OVER);
	err_clear(&e);
	fixture_must(store_put(s, name, "over", 4, 0, &e), &e);
	assert_int_equal(repo_check_endpoint(r, &r->endpoints[0], &e), -1);
	assert_int_equal(e.kind, ERR_TAKEN_OVER);
}

/* --- recovery --- */

/* A new state, filled from r's endpoint alone; what repo_open would give. */
static void
recover_from(const struct rig *g, struct repo *r, struct repo *fresh,
    struct recover_result *out)
{
	SCOPED(scope_free) char *folder = rig_path(g, "fresh");
	SCOPED(recover_bad_free) struct bad_copies bad = { .n = 0 };
	struct recovery v = {
		.repo = fresh, .bad = &bad, .ep = &r->endpoints[0], .out = out
	};
	const char *const names[] = { "e0" };
	uint8_t number;
	struct err e = ERR_INIT;

	*fresh = *r;
	fresh->epoch = 0;
	fixture_must(state_create(folder, keys_repo(r->keys), &e), &e);
	fresh->state = state_open(folder, keys_repo(r->keys), &e);
	fixture_must(fresh->state == NULL, &e);
	fixture_must(
	    state_configure(fresh->state, names, 1, true, &number, &e), &e);
	assert_int_equal(number, r->endpoints[0].number);
	fixture_must(recover_endpoint(&v, &e), &e);
	fixture_must(recover_mark_bad(fresh, &bad, &e), &e);
	fixture_must(recover_fill_result(fresh, out, &e), &e);
}

static void
recover_and_compare(void **state, bool hides, bool twice)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = open_alone(g, REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(keys_freep) struct keys *k = NULL;
	SCOPED(json_freep) struct json *names = attack_all(r, hides);
	struct verify_conf conf = { .depth = VERIFY_HASH };
	struct repo fresh;
	struct err e = ERR_INIT;

	if (twice)
		json_free(attack_all(r, true));
	k = keys_load_restore(g->settings.restore_key, &e);
	fixture_must(k == NULL, &e);
	fixture_must(recover_keys(r->endpoints[0].store, k, &e), &e);
	recover_from(g, r, &fresh, &out);
	assert_int_equal(out.epoch, 1);
	assert_int_equal(out.backups, 2);
	assert_int_equal(out.damaged, 0);
	fixture_verify_with(&fresh, &conf, &v);
	assert_false(v.ok);
	assert_int_equal(json_count(v.at[0].missing),
	    hides || twice ? json_count(names) : 0);
	assert_int_equal(json_count(v.at[0].damaged),
	    hides || twice ? 0 : json_count(names));
	state_free(fresh.state);
}

static void
a_bare_machine_recovers_from_what_was_overwritten(void **state)
{
	recover_and_compare(state, false, false);
}

static void
a_bare_machine_recovers_from_what_was_deleted(void **state)
{
	recover_and_compare(state, true, false);
}

static void
a_bare_machine_recovers_from_what_was_overwritten_and_deleted(void **state)
{
	recover_and_compare(state, false, true);
}

static void
a_hidden_slot_opens(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = open_alone(fixture_rig(state), REPO_READ);
	SCOPED(secret_free) struct secret good = SECRET_INIT, bad = SECRET_INIT;
	SCOPED(keys_freep) struct keys *k = NULL;
	struct store *s = r->endpoints[0].store;
	struct err e = ERR_INIT;

	secret_copy(&good, "a passphrase", 12);
	secret_copy(&bad, "no passphrase", 13);
	json_free(attack_all(r, true));
	assert_null(recover_keys_by_passphrase(s, &bad, &e));
	assert_int_equal(e.kind, ERR_KEY);
	err_clear(&e);
	k = recover_keys_by_passphrase(s, &good, &e);
	fixture_must(k == NULL, &e);
}

/* A slot in the place of another: the old passphrase is not tried on it. */
static void
a_replaced_slots_old_passphrase_opens_nothing(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = open_alone(g, REPO_WRITE);
	SCOPED(secret_free) struct secret old = SECRET_INIT;
	struct err e = ERR_INIT;

	fixture_add_slot(r, "one", "a newer one");
	fixture_send(r, 0, NULL);
	secret_copy(&old, "a passphrase", 12);
	assert_null(
	    recover_keys_by_passphrase(r->endpoints[0].store, &old, &e));
	assert_int_equal(e.kind, ERR_KEY);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_that_was_overwritten_heals_from_what_was_first),
		TEST(what_was_deleted_is_missing_at_every_depth),
		TEST(what_was_deleted_is_brought_back_from_behind_its_marker),
		TEST(where_unhiding_is_denied_it_is_put_again),
		TEST(what_is_bad_behind_its_marker_is_put_again),
		TEST(one_endpoints_versions_heal_another_endpoint),
		TEST(a_locked_foreign_object_stays_a_finding),
		TEST(a_later_writer_that_was_hidden_still_stops_this_machine),
		TEST(a_bare_machine_recovers_from_what_was_overwritten),
		TEST(a_bare_machine_recovers_from_what_was_deleted),
		TEST(
		    a_bare_machine_recovers_from_what_was_overwritten_and_deleted),
		TEST(a_hidden_slot_opens),
		TEST(a_replaced_slots_old_passphrase_opens_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
