/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/* Where the bytes are: who needs what, alone or with others, and what nobody
 * does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/audit_log.h"
#include "repository/state_backups.h"
#include "repository/state_sweep.h"
#include "retention/storage.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

#define SIZE ((size_t)300 << 10)

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

static int
setup(void **arg)
{
	struct rig *g = mem_new(sizeof(*g));

	rig_open_repository(g, 2);
	*arg = g;
	return (0);
}

static int
teardown(void **arg)
{
	rig_close(*arg);
	free(*arg);
	return (0);
}

/* A stream of its own for each seed, and the sources as they were. */
static void
add_noise(struct ingest *in, enum stream_kind kind, uint32_t seed)
{
	SCOPED(scope_free) uint8_t *p = mem_new(SIZE);
	SCOPED(scope_free) char *name = mem_printf("noise %u", seed);
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	struct err e = ERR_INIT;

	known_noise(p, SIZE, seed);
	must(ingest_small(in, kind, "production", name, p, SIZE, &r, &e), &e);
	rig_add(in, &r, name);
}

/* A backup of two streams; bytes_logical as backupd counts it. */
static void
back_up(struct repo *r, const char *branch, uint32_t table, uint32_t file,
    char id[BACKUP_ID_TEXT])
{
	SCOPED(ingest_freep) struct ingest *in = NULL;
	struct manifest m;
	struct err e = ERR_INIT;

	in = ingest_open(r, &e);
	must(in == NULL, &e);
	add_noise(in, STREAM_TABLE, table);
	add_noise(in, STREAM_FILE, file);
	manifest_init(&m);
	(void)snprintf(m.branch, sizeof(m.branch), "%s", branch);
	(void)snprintf(m.stage, sizeof(m.stage), "production");
	(void)snprintf(m.type, sizeof(m.type), "manual");
	(void)snprintf(m.state, sizeof(m.state), "complete");
	m.started = (int64_t)1795314600 + table;
	m.finished = m.started + 1;
	m.counts = json_object();
	m.facts = json_object();
	json_set_integer(m.counts, "bytes_logical", (int64_t)(2 * SIZE));
	must(ingest_commit(in, &m, &e), &e);
	if (id != NULL)
		memcpy(id, m.id, BACKUP_ID_TEXT);
	manifest_free(&m);
}

static void
look(struct repo *r, struct storage *s)
{
	struct err e = ERR_INIT;

	must(storage_read(r, s, &e), &e);
}

/* Of a seed's noise and of what stands around it, sealed. */
static void
assert_about(uint64_t bytes, unsigned noises)
{
	assert_in_range(bytes, noises * SIZE, noises * SIZE + (64 << 10));
}

static void
shares_are_counted_by_branch_and_part(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(storage_free) struct storage s = { .nbranches = 0 };
	const struct storage_branch *b;

	back_up(r, "shop", 1, 2, NULL);
	back_up(r, "production", 3, 2, NULL);
	back_up(r, "production", 4, 2, NULL);
	look(r, &s);
	assert_int_equal(s.nbranches, 2);
	assert_string_equal(s.branches[0].name, "production");
	assert_string_equal(s.branches[1].name, "shop");
	b = &s.branches[0];
	assert_int_equal(b->backups, 2);
	assert_int_equal(b->bytes_logical, 4 * SIZE);
	assert_int_equal(b->parts[STORAGE_DATABASE].backups, 2);
	assert_int_equal(b->parts[STORAGE_DATABASE].bytes_logical, 2 * SIZE);
	assert_int_equal(b->parts[STORAGE_DATABASE].bytes_new, 2 * SIZE);
	assert_about(b->parts[STORAGE_DATABASE].bytes_stored, 2);
	/* The file is the shop's already. */
	assert_int_equal(b->parts[STORAGE_FILESTORE].bytes_logical, 2 * SIZE);
	assert_int_equal(b->parts[STORAGE_FILESTORE].bytes_new, 0);
	assert_int_equal(b->parts[STORAGE_FILESTORE].bytes_stored, 0);
	assert_int_equal(b->parts[STORAGE_LOGS].backups, 0);
	assert_int_equal(s.bytes_logical, 6 * SIZE);
	assert_about(s.bytes_needed, 4);
}

static void
what_is_needed_alone_is_told_from_what_is_shared(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(storage_free) struct storage s = { .nbranches = 0 };

	back_up(r, "shop", 1, 2, NULL); /* its pack is everyone's */
	back_up(r, "production", 3, 2, NULL);
	back_up(r, "production", 4, 2, NULL);
	look(r, &s);
	/* Newest first. */
	assert_int_equal(s.catalog.n, 3);
	assert_about(s.backups[0].bytes_needed, 3);
	assert_about(s.backups[0].bytes_alone, 1);
	assert_about(s.backups[1].bytes_alone, 1);
	assert_about(s.backups[2].bytes_needed, 2);
	assert_true(s.backups[2].bytes_alone < SIZE);
	assert_about(s.branches[0].bytes_needed, 4);
	assert_about(s.branches[0].bytes_alone, 2);
	assert_about(s.branches[1].bytes_needed, 2);
	assert_true(s.branches[1].bytes_alone < SIZE);
	assert_int_equal(s.reclaimable_packs, 0);
}

static void
let_go(struct repo *r, const char *id)
{
	struct err e = ERR_INIT;
	SCOPED(state_abortp) struct state_txn *t = state_begin(r->state, &e);

	must(t == NULL, &e);
	must(state_remove_manifest(t, id, 1, &e), &e);
	must(state_commit(&t, &e), &e);
}

static void
a_removed_backup_leaves_what_it_alone_needed(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(storage_free) struct storage s = { .nbranches = 0 };
	char id[BACKUP_ID_TEXT];

	back_up(r, "production", 1, 2, NULL);
	back_up(r, "production", 3, 2, id);
	look(r, &s);
	assert_int_equal(s.reclaimable_bytes, 0);
	storage_free(&s);
	let_go(r, id);
	look(r, &s);
	assert_int_equal(s.catalog.n, 1);
	assert_int_equal(s.reclaimable_packs, 2); /* of rows, and of names */
	assert_about(s.reclaimable_bytes, 1);
	assert_about(s.bytes_needed, 2);
	assert_int_equal(s.unfinished_packs, 0);
}

static int
spoil(struct repo *r, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(r->state, e);
	struct manifest m;
	int rc;

	if (t == NULL)
		return (-1);
	manifest_init(&m);
	memcpy(m.id, "20261122T023000Z-0badbeef", BACKUP_ID_TEXT);
	rc = state_add_manifest(t, &m, "no manifest", 11, e);
	manifest_free(&m);
	return (rc < 0 ? -1 : state_commit(&t, e));
}

/* That it is left out of the list does not make it rubbish. */
static void
a_manifest_that_cannot_be_read_needs_what_it_needs(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(storage_free) struct storage s = { .nbranches = 0 };
	SCOPED(keys_freep) struct keys *others = known_keys(5);
	struct keys *ours = r->keys;
	struct err e = ERR_INIT;

	back_up(r, "production", 1, 2, NULL);
	must(spoil(r, &e), &e);
	r->keys = others; /* none of them can be read now */
	look(r, &s);
	r->keys = ours;
	assert_int_equal(s.catalog.n, 0);
	assert_int_equal(s.nbranches, 0);
	assert_int_equal(s.reclaimable_packs, 0);
	assert_about(s.bytes_needed, 2);
}

static void
packs_of_a_backup_that_never_ended_are_told_apart(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(storage_free) struct storage s = { .nbranches = 0 };
	SCOPED(ingest_freep) struct ingest *in = NULL;
	struct err e = ERR_INIT;

	in = ingest_open(r, &e);
	must(in == NULL, &e);
	for (uint32_t seed = 100; seed < 170; seed++)
		add_noise(in, STREAM_FILE, seed);
	look(r, &s);
	assert_int_equal(s.unfinished_packs, 1);
	assert_true(s.unfinished_bytes > (uint64_t)15 << 20);
	assert_int_equal(s.reclaimable_packs, 0);
	assert_int_equal(s.bytes_needed, 0);
}

static uint64_t
bytes_there(const struct storage *s, size_t i)
{
	uint64_t sum = 0;

	for (size_t class = 0; class < STATE_CLASSES; class ++)
		sum += s->endpoints[i].bytes[class];
	return (sum);
}

static void
endpoints_and_spool_are_told_as_the_tally_has_them(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(storage_free) struct storage s = { .nbranches = 0 };
	struct state_tally t;
	struct err e = ERR_INIT;

	back_up(r, "production", 1, 2, NULL);
	rig_send(r, 0);
	look(r, &s);
	must(state_tally(r->state, &t, &e), &e);
	for (size_t i = 0; i < 2; i++) {
		uint8_t n = r->endpoints[i].number;

		assert_int_equal(bytes_there(&s, i), t.bytes[n]);
		assert_int_equal(
		    s.endpoints[i].pending_bytes, t.pending_bytes[n]);
		assert_int_equal(
		    s.endpoints[i].pending_objects, t.pending_objects[n]);
	}
	assert_about(s.endpoints[0].bytes[STATE_PACK], 2);
	assert_int_equal(s.endpoints[0].objects[STATE_MANIFEST], 1);
	assert_int_equal(s.endpoints[1].objects[STATE_PACK], 0);
	assert_int_equal(s.spool_bytes, t.spool_bytes);
	assert_int_equal(s.spool_packs, t.spool_packs);
	assert_int_equal(s.spool_objects, t.spool_objects);
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(shares_are_counted_by_branch_and_part),
		RIG_TEST(what_is_needed_alone_is_told_from_what_is_shared),
		RIG_TEST(a_removed_backup_leaves_what_it_alone_needed),
		RIG_TEST(a_manifest_that_cannot_be_read_needs_what_it_needs),
		RIG_TEST(packs_of_a_backup_that_never_ended_are_told_apart),
		RIG_TEST(endpoints_and_spool_are_told_as_the_tally_has_them),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
