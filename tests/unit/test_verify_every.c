/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/*
 * Every direction of healing: each endpoint alone heals the two others, and the
 * spool heals endpoints when no other is there; at each depth, every class of
 * object, in every way that it can be damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "retention/remove.h"
#include "tests/unit/repo_fixture.h"

#define FOREIGN "keys/foreign"

/* An object of each class, and the one that it is exchanged with: of the same
 * class where there are two. */
struct victims {
	size_t n, alone; /* those to be exchanged, and more behind them */
	struct fixture_names v[8];
};

static void
name_victims(const struct rig *g, struct victims *out)
{
	struct fixture_names config, writer;

	fixture_name_two(g, "config", false, &config);
	fixture_name_two(g, "writers/", false, &writer);
	memcpy(config.other, writer.one, sizeof(config.other));
	out->v[0] = config;
	fixture_name_two(g, "keys/", true, &out->v[1]);
	fixture_name_packs(g, PACK_DATA, &out->v[2]);
	fixture_name_packs(g, PACK_META, &out->v[3]);
	fixture_name_two(g, "index/", true, &out->v[4]);
	fixture_name_two(g, "backups/", true, &out->v[5]);
	fixture_name_two(g, "audit/", true, &out->v[6]);
	out->n = 7;
	out->alone = 1; /* the writer; exchanged it is with config */
	out->v[7] = writer;
}

/* How many of these the damage makes bad at an endpoint. */
static size_t
damage_all(const struct rig *g, size_t i, const struct victims *all,
    enum fixture_damage how)
{
	SCOPED(scope_free) char *path = file_join(g->endpoints[i].url, FOREIGN);
	size_t n = all->n + (how == FIXTURE_SWAP ? 0 : all->alone);
	struct err e = ERR_INIT;

	for (size_t k = 0; k < n; k++)
		fixture_damage(g, i, all->v[k].one, how, all->v[k].other);
	fixture_must(file_save(path, 0600, "nonsense", 8, &e), &e);
	return (how == FIXTURE_SWAP ? 2 * n : n);
}

static void
verify_at(const struct rig *g, unsigned which, enum verify_depth depth,
    bool repair, struct verify_result *v)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(g, repair ? REPO_WRITE : REPO_READ);
	SCOPED(remover_freep) struct remover *m = remover_new(r);
	struct verify_conf conf = { .depth = depth,
		.repair = repair,
		.which = which,
		.remove = remover_drop,
		.unhide = remover_unhide,
		.arg = m };

	fixture_verify_with(r, &conf, v);
}

static void
assert_found(const struct verify_endpoint *at, enum fixture_damage how,
    const struct victims *all, size_t bad)
{
	const struct json *names = how == FIXTURE_DELETE ? at->missing
							 : at->damaged;

	assert_true(at->reached);
	assert_int_equal(
	    json_count(at->missing) + json_count(at->damaged), bad);
	for (size_t k = 0; k < all->n; k++)
		if (fixture_times(names, all->v[k].one) != 1)
			fail_msg("%s is not found", all->v[k].one);
	assert_int_equal(json_count(at->foreign), 1);
	assert_int_equal(fixture_times(at->foreign, FOREIGN), 1);
}

static void
assert_healed(
    const struct verify_endpoint *at, const struct victims *all, size_t bad)
{
	assert_int_equal(json_count(at->repaired), bad + 1);
	for (size_t k = 0; k < all->n; k++)
		assert_int_equal(fixture_times(at->repaired, all->v[k].one), 1);
	assert_int_equal(fixture_times(at->repaired, FOREIGN), 1);
}

/* Endpoints in which (a bit each) are damaged, found so, and healed, when those
 * in asked (0: all) are looked at. */
static void
damage_and_heal(const struct rig *g, const struct victims *all, unsigned which,
    unsigned asked, enum verify_depth depth, enum fixture_damage how)
{
	SCOPED(verify_result_free) struct verify_result seen = { .ok = false };
	SCOPED(verify_result_free) struct verify_result done = { .ok = false };
	size_t bad = 0;

	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		if ((which & (1U << i)) != 0)
			bad = damage_all(g, i, all, how);
	verify_at(g, asked, depth, false, &seen);
	verify_at(g, asked, depth, true, &done);
	assert_false(seen.ok);
	assert_true(done.ok);
	assert_int_equal(fixture_found(&done), 0);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++) {
		if ((which & (1U << i)) == 0) {
			assert_int_equal(json_count(done.at[i].repaired), 0);
			continue;
		}
		assert_found(&seen.at[i], how, all, bad);
		assert_healed(&done.at[i], all, bad);
	}
}

/* Every endpoint in turn is the only one that is whole. */
static void
heal_from_each(void **state, enum verify_depth depth, enum fixture_damage how)
{
	const struct rig *g = fixture_rig(state);
	struct victims all;

	name_victims(g, &all);
	for (size_t from = 0; from < RIG_ENDPOINTS; from++) {
		damage_and_heal(g, &all, 7U & ~(1U << from), 0, depth, how);
		fixture_assert_same(g);
	}
	fixture_assert_whole(g, VERIFY_DATA);
}

static void
presence_heals_what_is_gone_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_PRESENCE, FIXTURE_DELETE);
}

static void
presence_heals_what_is_cut_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_PRESENCE, FIXTURE_CUT);
}

static void
hash_heals_what_is_gone_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_HASH, FIXTURE_DELETE);
}

static void
hash_heals_what_is_cut_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_HASH, FIXTURE_CUT);
}

static void
hash_heals_a_changed_bit_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_HASH, FIXTURE_FLIP);
}

static void
hash_heals_what_was_exchanged_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_HASH, FIXTURE_SWAP);
}

static void
data_heals_what_is_gone_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_DATA, FIXTURE_DELETE);
}

static void
data_heals_what_is_cut_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_DATA, FIXTURE_CUT);
}

static void
data_heals_a_changed_bit_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_DATA, FIXTURE_FLIP);
}

static void
data_heals_what_was_exchanged_from_each_endpoint(void **state)
{
	heal_from_each(state, VERIFY_DATA, FIXTURE_SWAP);
}

/* --- the spool --- */

/* In pairs of one class. */
static int
take_spooled(const struct state_object *o, void *arg, struct err *e)
{
	struct victims *out = arg;
	struct fixture_names *names = &out->v[out->n];

	(void)e;
	if (!o->spooled)
		return (0);
	if (names->one[0] == '\0') {
		memcpy(names->one, o->name, sizeof(names->one));
		return (0);
	}
	memcpy(names->other, o->name, sizeof(names->other));
	out->n++;
	return (1);
}

/* Packs and index objects of two more backups, which an endpoint that is away
 * keeps in the spool; all else local state holds always. */
static void
name_spooled(const struct rig *g, struct victims *out)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct err e = ERR_INIT;

	fixture_backup(r, 3, NULL);
	fixture_backup(r, 4, NULL);
	fixture_send(r, 0, NULL);
	memset(out, 0, sizeof(*out));
	assert_int_equal(
	    state_each(r->state, STATE_PACK, take_spooled, out, &e), 1);
	assert_int_equal(
	    state_each(r->state, STATE_INDEX, take_spooled, out, &e), 1);
	assert_int_equal(
	    state_each(r->state, STATE_MANIFEST, take_spooled, out, &e), 1);
	assert_int_equal(
	    state_each(r->state, STATE_AUDIT, take_spooled, out, &e), 1);
}

/* Both endpoints that are there are damaged, the third one is away. */
static void
heal_from_the_spool(void **state, enum verify_depth depth)
{
	static const enum fixture_damage ways[] = { FIXTURE_DELETE, FIXTURE_CUT,
		FIXTURE_FLIP, FIXTURE_SWAP };
	const size_t n = depth == VERIFY_PRESENCE ? 2 : 4;
	const struct rig *g = fixture_rig(state);
	struct victims all;

	fixture_unmount(g, 2);
	name_spooled(g, &all);
	for (size_t i = 0; i < n; i++)
		damage_and_heal(g, &all, 3, 3, depth, ways[i]);
	assert_int_equal(fixture_restorable(g, 0), 4);
	assert_int_equal(fixture_restorable(g, 1), 4);
}

static void
presence_heals_from_the_spool_where_no_endpoint_can(void **state)
{
	heal_from_the_spool(state, VERIFY_PRESENCE);
}

static void
hash_heals_from_the_spool_where_no_endpoint_can(void **state)
{
	heal_from_the_spool(state, VERIFY_HASH);
}

static void
data_heals_from_the_spool_where_no_endpoint_can(void **state)
{
	heal_from_the_spool(state, VERIFY_DATA);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(presence_heals_what_is_gone_from_each_endpoint),
		TEST(presence_heals_what_is_cut_from_each_endpoint),
		TEST(hash_heals_what_is_gone_from_each_endpoint),
		TEST(hash_heals_what_is_cut_from_each_endpoint),
		TEST(hash_heals_a_changed_bit_from_each_endpoint),
		TEST(hash_heals_what_was_exchanged_from_each_endpoint),
		TEST(data_heals_what_is_gone_from_each_endpoint),
		TEST(data_heals_what_is_cut_from_each_endpoint),
		TEST(data_heals_a_changed_bit_from_each_endpoint),
		TEST(data_heals_what_was_exchanged_from_each_endpoint),
		TEST(presence_heals_from_the_spool_where_no_endpoint_can),
		TEST(hash_heals_from_the_spool_where_no_endpoint_can),
		TEST(data_heals_from_the_spool_where_no_endpoint_can),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
