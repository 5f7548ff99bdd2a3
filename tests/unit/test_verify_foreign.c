/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/*
 * What an endpoint holds and local state does not know: foreign when our keys
 * don't vouch for it, and then removed; unknown when they do, and then left.
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
#include "base/hash.h"
#include "repository/audit_log.h"
#include "repository/config_object.h"
#include "retention/remove.h"
#include "storage-drivers/store_impl.h"
#include "tests/unit/known.h"
#include "tests/unit/repo_fixture.h"

/* --- putting things there --- */

static void
put(struct repo *r, size_t i, const char *name, const void *p, size_t n)
{
	struct err e = ERR_INIT;

	fixture_must(store_put(r->endpoints[i].store, name, p, n, 0, &e), &e);
}

static bool
is_there(struct repo *r, size_t i, const char *name)
{
	struct err e = ERR_INIT;
	uint64_t bytes;

	return (store_stat(r->endpoints[i].store, name, &bytes, &e) == 0);
}

/* Bytes under the name that is their hash: only opening them tells. */
static void
put_named_by_hash(struct repo *r, size_t i, const void *p, size_t n,
    char name[OBJECT_NAME_TEXT])
{
	struct sha256 h;

	hash_of(HASH_IS_SHA256, p, n, h.b);
	format_pack_name(&h, name);
	put(r, i, name, p, n);
}

/* A pack of ours that no backup names, as a run that was killed leaves. */
static void
put_orphan(struct repo *r, size_t i, char name[OBJECT_NAME_TEXT])
{
	SCOPED(pack_key_freep) struct pack_key *key = pack_key_new(r->keys);
	SCOPED(pack_freep)
	struct pack *pack = pack_new(r->keys, key, PACK_DATA);
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	SCOPED(buf_free) struct buf box = BUF_INIT, bytes = BUF_INIT;
	struct record record = {
		.kind = RECORD_DATA, .codec = CODEC_RAW, .plain_bytes = 5
	};

	seal_name(r->keys, "plain", 5, &record.name);
	seal_box(r->keys, key, &record, "plain", 5, &box);
	pack_add(pack, &record, box.p);
	pack_end(pack, &bytes, &d);
	format_pack_name(&d.pack, name);
	put(r, i, name, bytes.p, bytes.n);
}

static void
put_writer(
    struct repo *r, size_t i, uint32_t epoch, char name[OBJECT_NAME_TEXT])
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct writer w = { .epoch = epoch, .started = 1, .id = { 7 } };

	writer_name(&w, name);
	writer_encode(r->keys, &w, &object);
	put(r, i, name, object.p, object.n);
}

static void
put_slot(
    struct repo *r, size_t i, const char *slot, char name[OBJECT_NAME_TEXT])
{
	static const struct slot_cost least = { 1, 65536 };
	SCOPED(secret_free) struct secret secret = SECRET_INIT;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct err e = ERR_INIT;

	secret_copy(&secret, "a third one", 11);
	fixture_must(
	    slot_encode(r->keys, slot, &secret, &least, &object, &e), &e);
	slot_object(slot, name);
	put(r, i, name, object.p, object.n);
}

/* --- verifying with a remover --- */

static void
verify(struct repo *r, enum verify_depth depth, struct verify_result *v)
{
	struct verify_conf conf = { .depth = depth };

	fixture_verify_with(r, &conf, v);
}

static void
repair(struct repo *r, struct verify_result *v)
{
	SCOPED(remover_freep) struct remover *m = remover_new(r);
	struct verify_conf conf = { .depth = VERIFY_HASH,
		.repair = true,
		.remove = remover_drop,
		.unhide = remover_unhide,
		.arg = m };

	fixture_verify_with(r, &conf, v);
}

/* At each depth: these names at endpoint i are foreign, and nothing else is
 * found anywhere. */
static void
assert_foreign(struct repo *r, size_t i, const char *const names[], size_t n)
{
	for (int depth = VERIFY_PRESENCE; depth <= VERIFY_DATA; depth++) {
		SCOPED(verify_result_free)
		struct verify_result v = { .ok = false };

		verify(r, (enum verify_depth)depth, &v);
		assert_int_equal(v.ok, n == 0);
		for (size_t k = 0; k < n; k++)
			if (fixture_times(v.at[i].foreign, names[k]) != 1)
				fail_msg("%s is not foreign", names[k]);
		assert_int_equal(json_count(v.at[i].foreign), n);
		assert_int_equal(json_count(v.at[(i + 1) % 3].foreign), 0);
		assert_int_equal(fixture_found(&v), 0);
	}
}

/* --- what is foreign --- */

static void
names_that_no_object_has_are_foreign(void **state)
{
	static const char *const names[] = { "packs/zz/nonsense", "packs/x",
		"packs/aa/bb00000000000000000000000000000000000000000000000000000000000000",
		"index/x", "index/1-1-0123456789abcdef", "backups/foo",
		"backups/20260101T000000Z-0123456", "audit/1",
		"audit/1-1-0123456789abcdef", "writers/1",
		"writers/1-0123456789abcdef", "keys/A", "keys/a.b",
		"keys/three/four" };
	const size_t n = sizeof(names) / sizeof(names[0]);
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);

	for (size_t i = 0; i < n; i++)
		put(r, 1, names[i], "nonsense", 8);
	assert_foreign(r, 1, names, n);
}

static void
names_outside_our_places_are_others_business(void **state)
{
	static const char *const names[] = { "README", "probe-12", "config.old",
		"lost/found", "indexes/1", "pack" };
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(r, 0, names[i], "hello", 5);
	assert_foreign(r, 0, names, 0);
	repair(r, &v);
	assert_true(v.ok);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(is_there(r, 0, names[i]));
}

static void
a_pack_named_by_its_hash_must_open_too(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(scope_free) uint8_t *p = mem_new(5000);
	SCOPED(buf_free) struct buf ours = BUF_INIT;
	char junk[OBJECT_NAME_TEXT], cut[OBJECT_NAME_TEXT],
	    name[OBJECT_NAME_TEXT], flipped[OBJECT_NAME_TEXT];
	const char *names[] = { junk, cut, flipped };
	struct err e = ERR_INIT;

	known_noise(p, 5000, 1);
	put_named_by_hash(r, 2, p, 5000, junk);
	fixture_name(r, "packs/", 0, name);
	fixture_must(
	    store_load(r->endpoints[0].store, name, PACK_MAX, &ours, &e), &e);
	put_named_by_hash(r, 2, ours.p, ours.n / 2, cut);
	ours.p[ours.n - 20] ^= 1; /* in the directory's box */
	put_named_by_hash(r, 2, ours.p, ours.n, flipped);
	assert_foreign(r, 2, names, 3);
}

struct copying {
	struct repo *to;
	struct store *from;
	struct json *names;
};

static int
copy_one(const struct store_entry *entry, void *arg, struct err *e)
{
	const struct copying *c = arg;
	SCOPED(buf_free) struct buf b = BUF_INIT;

	if (strcmp(entry->name, CONFIG_OBJECT_NAME) == 0)
		return (0);
	fixture_must(
	    store_load(c->from, entry->name, STORE_OBJECT_MAX, &b, e), e);
	put(c->to, 0, entry->name, b.p, b.n);
	json_append_string(c->names, entry->name);
	return (0);
}

/* All of it is authentic, packs are named by their hashes, and it is not ours.
 */
static void
another_repositorys_objects_are_foreign(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(json_freep) struct json *names = json_array();
	const char *v[100] = { NULL };
	struct rig other;
	struct err e = ERR_INIT;

	fixture_open(&other);
	{
		SCOPED(repo_freep)
		struct repo *o = rig_repo(&other, REPO_WRITE);
		struct copying c = { r, o->endpoints[0].store, names };

		fixture_add_slot(o, "three", "a passphrase");
		fixture_backup(o, 9, NULL);
		fixture_send(o, 0, NULL);
		fixture_must(store_list(c.from, "", copy_one, &c, &e) != 0, &e);
	}
	fixture_close(&other);
	/* a writer, a slot, packs of both kinds, index, manifest, audit */
	assert_in_range(json_count(names), 7, 100);
	for (size_t i = 0; i < json_count(names); i++)
		v[i] = json_text(json_at(names, i));
	assert_foreign(r, 0, v, json_count(names));
}

/* --- what is not --- */

static void
what_our_keys_vouch_for_is_unknown_and_left(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result seen = { .ok = false };
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	char names[3][OBJECT_NAME_TEXT];

	put_orphan(r, 1, names[0]);
	put_writer(r, 1, 1, names[1]);
	put_slot(r, 1, "three", names[2]);
	verify(r, VERIFY_HASH, &seen);
	assert_true(seen.ok);
	assert_int_equal(seen.at[1].unknown, 3);
	assert_int_equal(json_count(seen.at[1].foreign), 0);
	repair(r, &v);
	assert_true(v.ok);
	assert_int_equal(v.at[1].unknown, 3);
	assert_int_equal(json_count(v.at[1].repaired), 0);
	for (size_t i = 0; i < 3; i++)
		assert_true(is_there(r, 1, names[i]));
}

/* Damaged or not: this machine can't tell any more. */
static void
a_later_writers_objects_are_never_foreign(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_WRITE);
	SCOPED(remover_freep) struct remover *m = remover_new(r);
	SCOPED(verify_result_free) struct verify_result seen = { .ok = false };
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct verify_conf conf = {
		.repair = true, .remove = remover_drop, .arg = m
	};
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	put(r, 0, "index/2-1-0123456789abcdef", "damaged", 7);
	put(r, 0, "backups/20260101T000000Z-01234567", "damaged", 7);
	put_writer(r, 0, 2, name);
	verify(r, VERIFY_HASH, &seen);
	assert_true(seen.ok);
	assert_int_equal(json_count(seen.at[0].foreign), 0);
	assert_int_equal(seen.at[0].unknown, 3);
	assert_int_equal(verify_run(r, &conf, &v, &e), -1);
	assert_int_equal(e.kind, ERR_TAKEN_OVER);
	assert_true(is_there(r, 0, "index/2-1-0123456789abcdef"));
	assert_true(is_there(r, 0, name));
}

static void
wrap_in_faults(
    struct repo *r, size_t i, const struct store_fault *rules, size_t n)
{
	r->endpoints[i].store = store_with_faults(
	    r->endpoints[i].store, rules, n);
}

static void
what_cannot_be_read_is_not_judged(void **state)
{
	static const struct store_fault denied = { "*", "backups/2026", 0, 1000,
		FAULT_FAIL, ERR_DENIED };
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };

	put(r, 0, "backups/20260101T000000Z-01234567", "x", 1);
	put(r, 0, "keys/-", "x", 1);
	wrap_in_faults(r, 0, &denied, 1);
	verify(r, VERIFY_PRESENCE, &v);
	assert_true(v.at[0].reached);
	assert_int_equal(json_count(v.at[0].foreign), 1);
	assert_int_equal(fixture_times(v.at[0].foreign, "keys/-"), 1);
	assert_int_equal(v.at[0].unknown, 0);
}

static void
one_bad_answer_costs_no_object(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	char name[OBJECT_NAME_TEXT];
	struct store_fault flip = { "get", name, 0, 1, FAULT_FLIP, ERR_NONE };

	put_orphan(r, 0, name);
	wrap_in_faults(r, 0, &flip, 1);
	repair(r, &v);
	assert_true(v.ok);
	assert_int_equal(json_count(v.at[0].repaired), 0);
	assert_true(is_there(r, 0, name));
}

/* --- repair --- */

static int
keep_heal(const struct audit_entry *a, void *arg, struct err *e)
{
	struct json **detail = arg;

	(void)e;
	if (strcmp(a->event, "heal") != 0)
		return (0);
	json_free(*detail);
	*detail = json_ref(a->detail);
	return (0);
}

static void
repair_removes_them_and_the_audit_log_says_so(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(json_freep) struct json *heal = NULL;
	struct fixture_names packs;
	struct err e = ERR_INIT;

	fixture_name_packs(fixture_rig(state), PACK_DATA, &packs);
	put(r, 1, "packs/zz/nonsense", "nonsense", 8);
	put(r, 1, "keys/evil", "nonsense", 8);
	put(r, 1, "writers/1-0123456789abcdef", "nonsense", 8);
	fixture_damage(fixture_rig(state), 1, packs.one, FIXTURE_FLIP, NULL);
	repair(r, &v);
	assert_true(v.ok);
	assert_int_equal(json_count(v.at[1].repaired), 4);
	assert_int_equal(json_count(v.at[1].foreign), 0);
	assert_int_equal(fixture_times(v.at[1].repaired, "keys/evil"), 1);
	fixture_assert_same(fixture_rig(state));
	fixture_must(audit_log_each(r, keep_heal, &heal, &e), &e);
	assert_int_equal(
	    json_count(json_get(json_get(heal, "removed"), "e1")), 3);
	assert_int_equal(
	    fixture_times(
		json_get(json_get(heal, "removed"), "e1"), "packs/zz/nonsense"),
	    1);
	assert_int_equal(
	    json_count(json_get(json_get(heal, "objects"), "e1")), 1);
	assert_int_equal(
	    fixture_times(json_get(json_get(heal, "objects"), "e1"), packs.one),
	    1);
}

static void
without_leave_to_remove_they_stay_findings(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct verify_conf conf = { .depth = VERIFY_HASH, .repair = true };

	put(r, 1, "backups/foo", "nonsense", 8);
	fixture_verify_with(r, &conf, &v);
	assert_false(v.ok);
	assert_int_equal(json_count(v.at[1].foreign), 1);
	assert_int_equal(json_count(v.at[1].repaired), 0);
}

/* A locked one is passed over; where deleting is denied, nothing more is
 * asked. */
static void
what_the_endpoint_keeps_stays_a_finding(void **state)
{
	static const struct store_fault rules[] = {
		{ "drop", "keys/a", 0, 1000, FAULT_FAIL, ERR_LOCKED },
		{ "drop", "", 1, 1, FAULT_FAIL, ERR_DENIED }
	};
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_WRITE);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(verify_result_free) struct verify_result w = { .ok = false };

	put(r, 0, "keys/a", "nonsense", 8);
	put(r, 0, "keys/b", "nonsense", 8);
	put(r, 0, "keys/c", "nonsense", 8);
	put(r, 0, "keys/d", "nonsense", 8);
	wrap_in_faults(r, 0, rules, 2);
	repair(r, &v);
	assert_false(v.ok);
	assert_int_equal(json_count(v.at[0].repaired), 1);
	assert_int_equal(json_count(v.at[0].foreign), 3);
	assert_int_equal(fixture_times(v.at[0].foreign, "keys/a"), 1);
	repair(r, &w);
	assert_false(w.ok);
	assert_int_equal(json_count(w.at[0].repaired), 2);
	assert_int_equal(json_count(w.at[0].foreign), 1);
	assert_int_equal(fixture_times(w.at[0].foreign, "keys/a"), 1);
}

static void
the_login_for_deleting_is_used_where_there_is_one(void **state)
{
	static const struct store_fault denied = { "drop", "", 0, 1000,
		FAULT_FAIL, ERR_DENIED };
	struct rig *g = &((struct fixture_pair *)*state)->g;
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(repo_freep) struct repo *r = NULL;
	char user[] = "someone who may";

	g->endpoints[2].delete_user = user;
	r = rig_repo(g, REPO_WRITE);
	put(r, 2, "keys/a", "nonsense", 8);
	wrap_in_faults(r, 2, &denied, 1);
	repair(r, &v);
	assert_true(v.ok);
	assert_false(is_there(r, 2, "keys/a"));
	g->endpoints[2].delete_user = NULL;
}

/* --- an older local state --- */

static void
copy_database(const struct rig *g, const char *from, const char *to)
{
	SCOPED(scope_free) char *source = rig_path(g, from);
	SCOPED(scope_free) char *target = rig_path(g, to);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	fixture_must(file_load(source, (size_t)64 << 20, &b, &e), &e);
	fixture_must(file_save(target, 0600, b.p, b.n, &e), &e);
}

/* Its only copies: one bad bit must not cost all the other chunks. */
static void
a_damaged_pack_that_the_state_forgot_is_healed(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(repo_freep) struct repo *r = NULL;
	char pack[OBJECT_NAME_TEXT];

	copy_database(g, "state/db/data.mdb", "older");
	fixture_backup_everywhere(g, 3, NULL);
	r = rig_repo(g, REPO_READ);
	fixture_pack(r, PACK_DATA, 2, pack);
	repo_freep(&r);
	copy_database(g, "older", "state/db/data.mdb");
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		fixture_damage(
		    g, i, pack, i == 1 ? FIXTURE_CUT : FIXTURE_FLIP, NULL);
	fixture_damage(g, 0, pack, FIXTURE_FLIP, NULL); /* as it was */
	r = rig_repo(g, REPO_WRITE);
	repair(r, &v);
	assert_true(v.ok);
	assert_true(is_there(r, 1, pack));
	assert_int_equal(json_count(v.at[1].foreign), 0);
	fixture_assert_same(g);
	assert_int_equal(fixture_restorable(g, 2), 3);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_that_no_object_has_are_foreign),
		TEST(names_outside_our_places_are_others_business),
		TEST(a_pack_named_by_its_hash_must_open_too),
		TEST(another_repositorys_objects_are_foreign),
		TEST(what_our_keys_vouch_for_is_unknown_and_left),
		TEST(a_later_writers_objects_are_never_foreign),
		TEST(what_cannot_be_read_is_not_judged),
		TEST(one_bad_answer_costs_no_object),
		TEST(repair_removes_them_and_the_audit_log_says_so),
		TEST(without_leave_to_remove_they_stay_findings),
		TEST(what_the_endpoint_keeps_stays_a_finding),
		TEST(the_login_for_deleting_is_used_where_there_is_one),
		TEST(a_damaged_pack_that_the_state_forgot_is_healed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
