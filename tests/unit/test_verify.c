/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * Verification: its depths, and what it looks at of endpoints and backups, also
 * beside another process. Damage of every kind is in test_verify_damage.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/stop.h"
#include "repository/catalog.h"
#include "repository/config_object.h"
#include "repository/delta.h"
#include "repository/spool.h"
#include "repository/state_chunks.h"
#include "tests/unit/known.h"
#include "tests/unit/repo_fixture.h"

/* --- depths --- */

static void
verify_by_presence_finds_what_is_gone_or_cut(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct fixture_names packs, manifests;

	fixture_name_packs(g, PACK_DATA, &packs);
	fixture_name_two(g, "backups/", true, &manifests);
	fixture_assert_whole(g, VERIFY_PRESENCE);
	fixture_damage(g, 0, packs.one, FIXTURE_DELETE, NULL);
	fixture_damage(g, 1, packs.one, FIXTURE_CUT, NULL);
	fixture_damage(g, 2, manifests.one, FIXTURE_DELETE, NULL);
	/* Reading is what finds this one. */
	fixture_damage(g, 2, packs.other, FIXTURE_FLIP, NULL);
	fixture_verify(g, VERIFY_PRESENCE, false, &v);
	assert_false(v.ok);
	assert_int_equal(fixture_times(v.at[0].missing, packs.one), 1);
	assert_int_equal(fixture_times(v.at[1].damaged, packs.one), 1);
	assert_int_equal(fixture_times(v.at[2].missing, manifests.one), 1);
	assert_int_equal(fixture_found(&v), 3);
}

static void
verify_to_the_data_needs_the_restore_key(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct verify_conf conf = { .depth = VERIFY_DATA };
	struct err e = ERR_INIT;
	SCOPED(repo_freep)
	struct repo *r = repo_open(&g->settings, REPO_READ, 0, &e);

	assert_non_null(r);
	assert_int_equal(verify_run(r, &conf, &v, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	repo_freep(&r);
	fixture_assert_whole(g, VERIFY_DATA);
}

/* A pack of one record that says it is name, and holds these bytes. */
static void
add_pack(struct repo *r, struct record *record, const void *p, size_t n,
    char object[OBJECT_NAME_TEXT])
{
	SCOPED(pack_key_freep) struct pack_key *key = pack_key_new(r->keys);
	SCOPED(pack_freep)
	struct pack *pack = pack_new(r->keys, key, PACK_DATA);
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	SCOPED(buf_free) struct buf box = BUF_INIT, bytes = BUF_INIT;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct err e = ERR_INIT;
	uint64_t number;

	record->kind = RECORD_DATA;
	seal_box(r->keys, key, record, p, n, &box);
	pack_add(pack, record, box.p);
	pack_end(pack, &bytes, &d);
	format_pack_name(&d.pack, object);
	fixture_must(spool_save(r->state, object, bytes.p, bytes.n, &e), &e);
	t = state_begin(r->state, &e);
	fixture_must(t == NULL, &e);
	fixture_must(state_add_pack(t, &d, true, true, &number, &e), &e);
	fixture_must(state_commit(&t, &e), &e);
}

static void
verify_to_the_data_finds_a_chunk_under_another_name(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct record record = { .codec = CODEC_RAW, .plain_bytes = 5 };
	char object[OBJECT_NAME_TEXT];

	{
		SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);

		seal_name(r->keys, "right", 5, &record.name);
		add_pack(r, &record, "wrong", 5, object);
	}
	fixture_backup_everywhere(g, 3, NULL);
	fixture_assert_whole(g, VERIFY_HASH);
	fixture_verify(g, VERIFY_DATA, false, &v);
	assert_false(v.ok);
	assert_int_equal(fixture_found(&v), 3);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		assert_int_equal(fixture_times(v.at[i].damaged, object), 1);
}

/* A delta against the first stream's first chunk, made by hand. */
static void
add_delta(struct repo *r, const struct record *base, const void *base_bytes,
    char object[OBJECT_NAME_TEXT])
{
	SCOPED(scope_free) uint8_t *p = mem_new(base->plain_bytes);
	SCOPED(buf_free) struct buf small = BUF_INIT;
	struct err e = ERR_INIT;
	struct record record = { .codec = CODEC_DELTA,
		.nbases = 1,
		.plain_bytes = base->plain_bytes };

	memcpy(p, base_bytes, base->plain_bytes);
	p[base->plain_bytes / 2] ^= 1;
	seal_name(r->keys, p, base->plain_bytes, &record.name);
	record.bases[0] = base->name;
	fixture_must(delta_encode(3, p, base->plain_bytes, base_bytes,
			 base->plain_bytes, &small, &e),
	    &e);
	add_pack(r, &record, small.p, small.n, object);
}

static void
verify_to_the_data_opens_deltas_from_their_bases(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(scope_free) uint8_t *plain = mem_new(200000);
	struct record base = { .codec = CODEC_RAW, .plain_bytes = 200000 };
	char base_object[OBJECT_NAME_TEXT], delta_object[OBJECT_NAME_TEXT];

	known_noise(plain, 200000, 99);
	{
		SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);

		seal_name(r->keys, plain, 200000, &base.name);
		add_pack(r, &base, plain, 200000, base_object);
		add_delta(r, &base, plain, delta_object);
	}
	fixture_backup_everywhere(g, 3, NULL);
	fixture_assert_whole(g, VERIFY_DATA);
	/* Without its base at one endpoint, the delta itself is still whole. */
	fixture_damage(g, 1, base_object, FIXTURE_DELETE, NULL);
	fixture_verify(g, VERIFY_DATA, false, &v);
	assert_false(v.ok);
	assert_int_equal(fixture_times(v.at[1].missing, base_object), 1);
	assert_int_equal(fixture_found(&v), 1);
}

/* --- endpoints, backups, other processes --- */

static void
verify_takes_an_endpoint_that_is_away_for_no_damage(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };

	fixture_unmount(g, 1);
	fixture_verify(g, VERIFY_HASH, false, &v);
	assert_true(v.ok);
	assert_false(v.at[1].reached);
	assert_int_equal(v.at[1].error.kind, ERR_MISSING);
	assert_int_equal(v.at[1].objects, 0);
	assert_int_equal(fixture_found(&v), 0);
	assert_true(v.at[0].reached && v.at[2].reached);
	assert_false(file_exists(g->endpoints[1].url));
	fixture_mount(g, 1);
	fixture_assert_whole(g, VERIFY_HASH);
}

static void
verify_looks_at_the_endpoints_that_were_asked_for(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	struct verify_conf conf = { .depth = VERIFY_HASH, .which = 1U << 2 };
	char name[OBJECT_NAME_TEXT];

	fixture_name(r, "index/", 0, name);
	fixture_damage(g, 0, name, FIXTURE_DELETE, NULL);
	fixture_verify_with(r, &conf, &v);
	assert_true(v.ok);
	assert_true(v.at[2].reached);
	assert_int_equal(v.at[0].objects, 0);
}

static void
verify_never_touches_another_repository(void **state)
{
	struct fixture_pair *b = *state;
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct rig other;
	size_t had;

	fixture_open(&other);
	had = fixture_objects(&other, 0, "");
	free(b->g.endpoints[1].url);
	b->g.endpoints[1].url = mem_string(other.endpoints[0].url);
	fixture_verify(&b->g, VERIFY_HASH, true, &v);
	assert_false(v.at[1].reached);
	assert_int_equal(v.at[1].error.kind, ERR_KEY);
	assert_int_equal(fixture_found(&v), 0);
	assert_int_equal(fixture_objects(&other, 0, ""), had);
	fixture_close(&other);
}

static void
verify_repair_stops_when_another_machine_took_over(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct verify_conf conf = { .depth = VERIFY_HASH, .repair = true };
	struct writer w = { .epoch = 2, .started = clock_now(), .id = { 1 } };
	char name[OBJECT_NAME_TEXT], index[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;
	size_t had;

	writer_name(&w, name);
	writer_encode(r->keys, &w, &object);
	fixture_must(
	    store_put(r->endpoints[2].store, name, object.p, object.n, 0, &e),
	    &e);
	fixture_name(r, "index/", 0, index);
	fixture_damage(g, 0, index, FIXTURE_DELETE, NULL);
	had = fixture_objects(g, 0, "");
	assert_int_equal(verify_run(r, &conf, &v, &e), -1);
	assert_int_equal(e.kind, ERR_TAKEN_OVER);
	assert_int_equal(fixture_objects(g, 0, ""), had);
}

static void
verify_of_some_backups_looks_at_what_they_need(void **state)
{
	struct fixture_pair *b = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(&b->g, REPO_READ);
	const char *ids[] = { b->ids[0] };
	struct verify_conf conf = {
		.depth = VERIFY_HASH, .nbackups = 1, .backups = ids
	};
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(verify_result_free) struct verify_result w = { .ok = false };
	char manifest[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	manifest_name(b->ids[1], manifest);
	fixture_damage(&b->g, 0, manifest, FIXTURE_FLIP, NULL);
	fixture_verify_with(r, &conf, &v);
	assert_true(v.ok);
	/* one manifest, one index object, a data pack and meta packs */
	assert_in_range(v.at[0].objects, 4, 6);
	ids[0] = b->ids[1];
	fixture_verify_with(r, &conf, &w);
	assert_false(w.ok);
	assert_int_equal(fixture_times(w.at[0].damaged, manifest), 1);
	verify_result_free(&w);
	ids[0] = "20200101T000000Z-00000000";
	assert_int_equal(verify_run(r, &conf, &w, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
}

static void
verify_marks_the_backups_that_it_found_whole(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	struct err e = ERR_INIT;
	SCOPED(repo_freep) struct repo *r = NULL;

	fixture_assert_whole(g, VERIFY_HASH);
	r = rig_repo(g, REPO_WRITE);
	fixture_backup(r, 3, NULL); /* is nowhere yet, and not looked at */
	{
		SCOPED(verify_result_free)
		struct verify_result v = { .ok = false };
		struct verify_conf conf = { .depth = VERIFY_DATA };

		fixture_verify_with(r, &conf, &v);
		assert_true(v.ok);
	}
	fixture_must(catalog_read(r, NULL, &all, &e), &e);
	assert_int_equal(all.n, 3);
	for (size_t i = 0; i < all.n; i++) {
		bool is_new = strcmp(all.v[i].m.comment, "3") == 0;

		assert_true((all.v[i].verified == 0) == is_new);
		if (!is_new)
			assert_string_equal(all.v[i].verified_depth, "data");
	}
}

/* The child holds the writer's lock until it is killed. */
static pid_t
start_writer(const struct rig *g)
{
	int ends[2];
	pid_t child;
	char c = 0;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct err e = ERR_INIT;
		struct repo *r = repo_open(&g->settings, REPO_WRITE, 0, &e);

		c = r != NULL ? 1 : 0;
		if (write(ends[1], &c, 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(c, 1);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return (child);
}

static void
verify_reads_while_another_process_writes(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct err e = ERR_INIT;
	pid_t child = start_writer(g);

	assert_null(repo_open(&g->settings, REPO_WRITE, 0, &e));
	assert_int_equal(e.kind, ERR_LOCKED);
	fixture_verify(g, VERIFY_HASH, false, &v);
	assert_true(v.ok);
	assert_true(v.at[0].objects > 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void
verify_ends_when_asked_to_stop(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	struct verify_conf conf = { .depth = VERIFY_HASH };
	struct err e = ERR_INIT;

	stop_request();
	assert_int_equal(verify_run(r, &conf, &v, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verify_by_presence_finds_what_is_gone_or_cut),
		TEST(verify_to_the_data_needs_the_restore_key),
		TEST(verify_to_the_data_finds_a_chunk_under_another_name),
		TEST(verify_to_the_data_opens_deltas_from_their_bases),
		TEST(verify_takes_an_endpoint_that_is_away_for_no_damage),
		TEST(verify_looks_at_the_endpoints_that_were_asked_for),
		TEST(verify_never_touches_another_repository),
		TEST(verify_repair_stops_when_another_machine_took_over),
		TEST(verify_of_some_backups_looks_at_what_they_need),
		TEST(verify_marks_the_backups_that_it_found_whole),
		TEST(verify_reads_while_another_process_writes),
		TEST(verify_ends_when_asked_to_stop),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
