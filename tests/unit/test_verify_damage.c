/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * Verification meets every kind of damage to every kind of object: it is named,
 * healed where a whole copy is left, and stays named where none is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "repository/config_object.h"
#include "repository/lookup.h"
#include "tests/unit/repo_fixture.h"

/* --- every kind of object, every kind of damage --- */

static void
damage_and_heal(const struct rig *g, const struct fixture_names *p,
    enum fixture_damage how, size_t i)
{
	SCOPED(verify_result_free) struct verify_result seen = { .ok = false };
	SCOPED(verify_result_free) struct verify_result done = { .ok = false };
	const struct json *names;

	fixture_damage(g, i, p->one, how, p->other);
	fixture_verify(g, VERIFY_HASH, false, &seen);
	names = how == FIXTURE_DELETE ? seen.at[i].missing : seen.at[i].damaged;
	assert_false(seen.ok);
	assert_int_equal(fixture_times(names, p->one), 1);
	assert_int_equal(fixture_found(&seen), how == FIXTURE_SWAP ? 2 : 1);
	if (how == FIXTURE_SWAP)
		assert_int_equal(fixture_times(names, p->other), 1);
	assert_true(seen.at[i].reached);

	fixture_heal(g, &done);
	assert_int_equal(fixture_times(done.at[i].repaired, p->one), 1);
	assert_int_equal(
	    json_count(done.at[i].repaired), how == FIXTURE_SWAP ? 2 : 1);
	assert_int_equal(json_count(done.at[(i + 1) % 3].repaired), 0);
}

static void
damage_every_way(const struct rig *g, const struct fixture_names *p)
{
	damage_and_heal(g, p, FIXTURE_FLIP, 0);
	damage_and_heal(g, p, FIXTURE_CUT, 1);
	damage_and_heal(g, p, FIXTURE_DELETE, 2);
	if (p->other[0] != '\0')
		damage_and_heal(g, p, FIXTURE_SWAP, 0);
	fixture_assert_whole(g, VERIFY_HASH);
}

static void
verify_names_and_heals_any_damage_to_config(void **state)
{
	struct fixture_names p;

	fixture_name_two(fixture_rig(state), "config", false, &p);
	damage_every_way(fixture_rig(state), &p);
}

static void
verify_names_and_heals_any_damage_to_a_writer(void **state)
{
	struct fixture_names p;

	fixture_name_two(fixture_rig(state), "writers/", false, &p);
	damage_every_way(fixture_rig(state), &p);
}

static void
verify_names_and_heals_any_damage_to_a_slot(void **state)
{
	struct fixture_names p;

	fixture_name_two(fixture_rig(state), "keys/", true, &p);
	damage_every_way(fixture_rig(state), &p);
}

static void
verify_names_and_heals_any_damage_to_a_data_pack(void **state)
{
	struct fixture_names p;

	fixture_name_packs(fixture_rig(state), PACK_DATA, &p);
	damage_every_way(fixture_rig(state), &p);
}

static void
verify_names_and_heals_any_damage_to_a_meta_pack(void **state)
{
	struct fixture_names p;

	fixture_name_packs(fixture_rig(state), PACK_META, &p);
	damage_every_way(fixture_rig(state), &p);
}

static void
verify_names_and_heals_any_damage_to_an_index_object(void **state)
{
	struct fixture_names p;

	fixture_name_two(fixture_rig(state), "index/", true, &p);
	damage_every_way(fixture_rig(state), &p);
}

static void
verify_names_and_heals_any_damage_to_a_manifest(void **state)
{
	struct fixture_names p;

	fixture_name_two(fixture_rig(state), "backups/", true, &p);
	damage_every_way(fixture_rig(state), &p);
}

static void
verify_names_and_heals_any_damage_to_an_audit_entry(void **state)
{
	struct fixture_names p;

	fixture_name_two(fixture_rig(state), "audit/", true, &p);
	damage_every_way(fixture_rig(state), &p);
}

/* Every byte of the header counts, the repository's id as well. */
static void
verify_names_and_heals_each_header_byte_of_config(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(scope_free)
	char *path = file_join(g->endpoints[1].url, "config");
	struct err e = ERR_INIT;

	for (size_t at = 0; at < FORMAT_HEADER + 8; at += 3) {
		SCOPED(verify_result_free)
		struct verify_result v = { .ok = false };
		SCOPED(buf_free) struct buf b = BUF_INIT;

		fixture_must(file_load(path, CONFIG_MAX, &b, &e), &e);
		b.p[at] ^= 0x10;
		fixture_must(file_save(path, 0600, b.p, b.n, &e), &e);
		fixture_heal(g, &v);
		assert_int_equal(fixture_times(v.at[1].repaired, "config"), 1);
	}
}

/* An older, or another, valid state of an object is not the one it should be.
 */
static void
verify_names_a_valid_config_that_is_not_the_written_one(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result seen = { .ok = false };
	SCOPED(verify_result_free) struct verify_result done = { .ok = false };
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(buf_free) struct buf other = BUF_INIT;
	struct err e = ERR_INIT;

	fixture_must(config_encode(r->keys, 7, &other, &e), &e);
	fixture_must(store_put(r->endpoints[0].store, CONFIG_OBJECT_NAME,
			 other.p, other.n, 0, &e),
	    &e);
	repo_freep(&r);
	fixture_verify(g, VERIFY_HASH, false, &seen);
	assert_int_equal(fixture_times(seen.at[0].damaged, "config"), 1);
	fixture_heal(g, &done);
}

/* --- what heals, and what does not --- */

static void
verify_heals_different_objects_at_different_endpoints(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct fixture_names packs, indexes, manifests;

	fixture_name_packs(g, PACK_DATA, &packs);
	fixture_name_two(g, "index/", true, &indexes);
	fixture_name_two(g, "backups/", true, &manifests);
	fixture_damage(g, 0, packs.one, FIXTURE_FLIP, NULL);
	fixture_damage(g, 1, packs.other, FIXTURE_DELETE, NULL);
	fixture_damage(g, 1, indexes.one, FIXTURE_CUT, NULL);
	fixture_damage(g, 2, manifests.one, FIXTURE_FLIP, NULL);
	/* Of this one, only the copy at endpoint 2 is left. */
	fixture_damage(g, 0, indexes.other, FIXTURE_FLIP, NULL);
	fixture_damage(g, 1, indexes.other, FIXTURE_DELETE, NULL);
	fixture_heal(g, &v);
	assert_int_equal(json_count(v.at[0].repaired), 2);
	assert_int_equal(json_count(v.at[1].repaired), 3);
	assert_int_equal(json_count(v.at[2].repaired), 1);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		assert_int_equal(fixture_restorable(g, i), 2);
}

static void
verify_does_not_heal_what_is_bad_everywhere(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(verify_result_free) struct verify_result again = { .ok = false };
	struct fixture_names packs;

	fixture_name_packs(g, PACK_DATA, &packs);
	fixture_damage(g, 0, packs.one, FIXTURE_FLIP, NULL);
	fixture_damage(g, 1, packs.one, FIXTURE_DELETE, NULL);
	fixture_damage(g, 2, packs.one, FIXTURE_CUT, NULL);
	fixture_damage(g, 2, packs.other, FIXTURE_CUT, NULL);
	fixture_verify(g, VERIFY_HASH, true, &v);
	assert_false(v.ok);
	assert_int_equal(fixture_times(v.at[0].damaged, packs.one), 1);
	assert_int_equal(fixture_times(v.at[1].missing, packs.one), 1);
	assert_int_equal(fixture_times(v.at[2].damaged, packs.one), 1);
	assert_int_equal(fixture_found(&v), 3);
	assert_int_equal(fixture_times(v.at[2].repaired, packs.other), 1);
	fixture_verify(g, VERIFY_PRESENCE, false, &again);
	assert_false(again.ok);
	assert_int_equal(fixture_found(&again), 3);
}

static void
verify_gives_no_manifest_back_before_what_it_needs(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct fixture_names packs, manifests;

	fixture_name_packs(g, PACK_DATA, &packs);
	fixture_name_two(g, "backups/", true, &manifests);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		fixture_damage(g, i, packs.one, FIXTURE_FLIP, NULL);
	fixture_damage(g, 0, manifests.one, FIXTURE_DELETE, NULL);
	fixture_verify(g, VERIFY_HASH, true, &v);
	assert_false(v.ok);
	assert_int_equal(fixture_times(v.at[0].missing, manifests.one), 1);
	assert_int_equal(fixture_objects(g, 0, "backups/"), 1);
}

static void
verify_heals_from_the_spool(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	char pack[OBJECT_NAME_TEXT];

	fixture_unmount(g, 2);
	{
		SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);

		fixture_backup(r, 3, NULL);
		fixture_send(r, 0, NULL);
		fixture_pack(r, PACK_DATA, 2, pack);
	}
	fixture_damage(g, 0, pack, FIXTURE_FLIP, NULL);
	fixture_damage(g, 1, pack, FIXTURE_DELETE, NULL);
	fixture_verify(g, VERIFY_HASH, false, &v);
	assert_int_equal(fixture_found(&v), 2);
	verify_result_free(&v);
	fixture_mount(g, 2);
	fixture_verify(g, VERIFY_HASH, true, &v);
	assert_true(v.ok);
	assert_int_equal(fixture_times(v.at[0].repaired, pack), 1);
	assert_int_equal(fixture_times(v.at[1].repaired, pack), 1);
	assert_int_equal(fixture_restorable(g, 0), 3);
}

static void
verify_repair_fills_a_folder_that_is_gone(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };

	fixture_unmount(g, 1);
	fixture_heal(g, &v);
	assert_true(v.at[1].reached);
	assert_int_equal(fixture_restorable(g, 1), 2);
}

/* A write-only host heals all of it: damage is found by hash and signature. */
static void
verify_heals_without_the_restore_key(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(scope_free)
	char *away = mem_printf("%s.away", g->settings.restore_key);

	assert_int_equal(rename(g->settings.restore_key, away), 0);
	fixture_empty(g, 0);
	fixture_damage(g, 1, "config", FIXTURE_FLIP, NULL);
	fixture_damage(g, 1, "keys/one", FIXTURE_SWAP, "keys/two");
	fixture_heal(g, &v);
	assert_int_equal(json_count(v.at[1].repaired), 3);
	assert_int_equal(rename(away, g->settings.restore_key), 0);
	assert_int_equal(fixture_restorable(g, 0), 2);
}

static void
verify_heals_what_a_reader_met(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct fixture_names packs;

	fixture_name_packs(g, PACK_DATA, &packs);
	fixture_damage(g, 0, packs.one, FIXTURE_FLIP, NULL);
	{
		SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);

		lookup_report_damage(r, &r->endpoints[0], packs.one, false);
	}
	fixture_verify(g, VERIFY_PRESENCE, true, &v);
	assert_true(v.ok);
	assert_int_equal(fixture_times(v.at[0].repaired, packs.one), 1);
	fixture_assert_same(g);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verify_names_and_heals_any_damage_to_config),
		TEST(verify_names_and_heals_any_damage_to_a_writer),
		TEST(verify_names_and_heals_any_damage_to_a_slot),
		TEST(verify_names_and_heals_any_damage_to_a_data_pack),
		TEST(verify_names_and_heals_any_damage_to_a_meta_pack),
		TEST(verify_names_and_heals_any_damage_to_an_index_object),
		TEST(verify_names_and_heals_any_damage_to_a_manifest),
		TEST(verify_names_and_heals_any_damage_to_an_audit_entry),
		TEST(verify_names_and_heals_each_header_byte_of_config),
		TEST(verify_names_a_valid_config_that_is_not_the_written_one),
		TEST(verify_heals_different_objects_at_different_endpoints),
		TEST(verify_does_not_heal_what_is_bad_everywhere),
		TEST(verify_gives_no_manifest_back_before_what_it_needs),
		TEST(verify_heals_from_the_spool),
		TEST(verify_repair_fills_a_folder_that_is_gone),
		TEST(verify_heals_without_the_restore_key),
		TEST(verify_heals_what_a_reader_met),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
