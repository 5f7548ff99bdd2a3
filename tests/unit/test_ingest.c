/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* The way in: what was ingested comes back byte for byte, is stored once, and
 * is known by its manifest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/stop.h"
#include "repository/audit_log.h"
#include "repository/index_object.h"
#include "repository/lookup.h"
#include "repository/spool.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

#define MIB ((size_t)1 << 20)

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

	rig_open_repository(g, 3);
	*arg = g;
	return (0);
}

static int
teardown(void **arg)
{
	stop_reset();
	rig_close(*arg);
	free(*arg);
	return (0);
}

static struct ingest *
begin(struct repo *r)
{
	struct err e = ERR_INIT;
	struct ingest *in = ingest_open(r, &e);

	must(in == NULL, &e);
	return (in);
}

/* Appends one chunk as a restore would read it from the spool. */
static void
read_chunk(
    struct repo *r, struct opener *o, const struct name *name, struct buf *out)
{
	SCOPED(buf_free) struct buf pack = BUF_INIT, plain = BUF_INIT;
	struct copy copies[LOOKUP_COPIES_MAX];
	char object[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;
	bool found;

	assert_true(lookup_copies(r, name, copies, &e) > 0);
	format_pack_name(&copies[0].pack, object);
	must(lookup_spooled(r, object, &pack, &found, &e), &e);
	assert_true(found && copies[0].in_spool);
	must(opener_open(
		 o, &copies[0], pack.p + copies[0].offset, NULL, &plain, &e),
	    &e);
	buf_add(out, plain.p, plain.n);
}

static void
expect_stream(
    struct repo *r, const struct recipe *recipe, const uint8_t *p, size_t n)
{
	SCOPED(opener_freep) struct opener *o = opener_new(r->keys);
	SCOPED(buf_free) struct buf out = BUF_INIT;

	for (size_t i = 0; i < recipe->n; i++)
		read_chunk(r, o, &recipe->parts[i].name, &out);
	assert_int_equal(out.n, n);
	if (n > 0)
		assert_memory_equal(out.p, p, n);
}

/* --- there and back --- */

static void
streams_come_back_byte_for_byte(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	static const size_t sizes[] = { 0, 1, 100000, 5 * MIB, 10 * MIB };
	struct recipe recipes[10];
	uint8_t *bytes[10];
	struct manifest m;

	for (size_t i = 0; i < 10; i++) {
		size_t n = sizes[i / 2];

		bytes[i] = mem_new(n + 1);
		if (i % 2 == 0)
			known_noise(bytes[i], n, (uint32_t)i);
		else
			known_rows(bytes[i], n, (uint32_t)i);
		rig_ingest(in, "public.t", bytes[i], n, &recipes[i]);
		assert_int_equal(recipes[i].bytes, n);
		rig_add(in, &recipes[i], "public.t");
	}
	rig_commit(in, "production", 0, &m);
	for (size_t i = 0; i < 10; i++) {
		expect_stream(r, &recipes[i], bytes[i], sizes[i / 2]);
		recipe_free(&recipes[i]);
		free(bytes[i]);
	}
	assert_int_equal(m.streams, 10);
	assert_int_equal(m.tree_entries, 10);
	manifest_free(&m);
}

static void
the_recipe_stream_gives_the_recipes_back(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(opener_freep) struct opener *o = opener_new(r->keys);
	SCOPED(buf_free) struct buf out = BUF_INIT;
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	struct manifest m;
	struct bytes b;
	struct err e = ERR_INIT;
	bool more;

	rig_backup(r, "production", 1, 3 * MIB, &m);
	for (size_t i = 0; i < m.recipes.n; i++)
		read_chunk(r, o, &m.recipes.v[i], &out);
	assert_int_equal(out.n, m.recipe_bytes);
	b = bytes_of(out.p, out.n);
	must(recipe_decode(&b, &recipe, &more, &e), &e);
	assert_int_equal(recipe.bytes, 3 * MIB);
	assert_int_equal(recipe.kind, STREAM_TABLE);
	assert_int_equal(b.n, 0);
	manifest_free(&m);
}

static void
a_small_file_is_one_chunk_and_an_empty_one_none(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	SCOPED(recipe_free) struct recipe big = RECIPE_INIT;
	SCOPED(recipe_free) struct recipe none = RECIPE_INIT;
	SCOPED(scope_free) uint8_t *p = mem_new(CHUNK_MAX);
	struct err e = ERR_INIT;

	known_noise(p, CHUNK_MAX, 1);
	must(ingest_small(in, STREAM_FILE, "production", "ab/ab12", p,
		 CHUNK_MAX, &big, &e),
	    &e);
	must(ingest_small(
		 in, STREAM_FILE, "production", "cd/cd12", p, 0, &none, &e),
	    &e);
	assert_int_equal(big.n, 1);
	assert_int_equal(big.bytes, CHUNK_MAX);
	assert_true(name_equals(&big.checksum, &big.parts[0].name));
	assert_int_equal(none.n, 0);
	assert_int_equal(none.bytes, 0);
}

static void
a_cut_begins_a_new_chunk_and_the_checksum_stays(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	SCOPED(stream_freep) struct stream *s = NULL;
	SCOPED(recipe_free) struct recipe cut = RECIPE_INIT;
	SCOPED(seal_sum_freep) struct seal_sum *sum = seal_sum_new(r->keys);
	struct name expected;
	struct err e = ERR_INIT;

	s = stream_open(in, STREAM_ARCHIVE, "production", "dump", &e);
	must(s == NULL, &e);
	must(stream_write(s, "head", 4, &e), &e);
	must(stream_cut(s, &e), &e);
	must(stream_cut(s, &e), &e); /* nothing to cut */
	must(stream_write(s, "the rest", 8, &e), &e);
	must(stream_end(s, &cut, &e), &e);
	assert_int_equal(cut.n, 2);
	assert_int_equal(cut.parts[0].plain_bytes, 4);
	seal_sum_add(sum, "headthe rest", 12);
	seal_sum_end(sum, &expected);
	assert_true(name_equals(&cut.checksum, &expected));
}

static void
a_cut_at_the_end_leaves_one_chunk_whose_name_is_the_sum(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	SCOPED(stream_freep) struct stream *s = NULL;
	SCOPED(recipe_free) struct recipe one = RECIPE_INIT;
	struct err e = ERR_INIT;

	s = stream_open(in, STREAM_ARCHIVE, "production", "dump", &e);
	must(s == NULL, &e);
	must(stream_write(s, "head", 4, &e), &e);
	must(stream_cut(s, &e), &e);
	must(stream_end(s, &one, &e), &e);
	assert_int_equal(one.n, 1);
	assert_true(name_equals(&one.checksum, &one.parts[0].name));
}

/* --- stored once --- */

static void
the_same_data_again_stores_no_data_pack(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = NULL;
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	SCOPED(scope_free) uint8_t *p = mem_new(10 * MIB);
	struct ingest_totals totals;
	struct manifest m;
	size_t packs;

	rig_backup(r, "production", 1, 10 * MIB, &m);
	manifest_free(&m);
	packs = rig_count(r, STATE_PACK);
	in = begin(r);
	known_noise(p, 10 * MIB, 1);
	rig_ingest(in, "public.noise", p, 10 * MIB, &recipe);
	rig_add(in, &recipe, "public.noise");
	rig_commit(in, "production", 0, &m);
	/* Also the recipes and the tree are the same. */
	assert_int_equal(rig_count(r, STATE_PACK), packs);
	ingest_totals(in, &totals);
	assert_int_equal(totals.bytes_read, 10 * MIB);
	assert_int_equal(totals.bytes_new, 0);
	assert_int_equal(totals.chunks_new, 0);
	assert_int_equal(totals.chunks, recipe.n);
	assert_true(totals.bytes_stored < 4096);
	assert_int_equal(m.nindexes, 1);
	manifest_free(&m);
}

struct job {
	struct ingest *in;
	const uint8_t *p;
	size_t n;
	struct recipe recipe;
};

static void *
run_job(void *arg)
{
	struct job *job = arg;

	rig_ingest(job->in, "public.t", job->p, job->n, &job->recipe);
	return (NULL);
}

static void
threads_with_the_same_data_store_it_once(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	SCOPED(scope_free) uint8_t *p = mem_new(40 * MIB);
	struct ingest_totals totals;
	pthread_t threads[4];
	struct job jobs[4];
	struct manifest m;

	known_noise(p, 40 * MIB, 1);
	for (size_t i = 0; i < 4; i++) {
		jobs[i] = (struct job){ .in = in, .p = p, .n = 40 * MIB };
		assert_int_equal(
		    pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		rig_add(in, &jobs[i].recipe, "public.t");
	}
	rig_commit(in, "production", 0, &m);
	ingest_totals(in, &totals);
	assert_int_equal(totals.bytes_read, 160 * MIB);
	assert_int_equal(totals.bytes_new, 40 * MIB);
	assert_int_equal(totals.chunks_new, jobs[0].recipe.n);
	/* Which boxes meet in a pack is the threads' luck, and so is how much
	 * each of 4 packs is padded: at most 512 KiB at this size. */
	assert_true(totals.bytes_stored < 43 * MIB);
	assert_true(rig_count(r, STATE_PACK) >= 3);
	for (size_t i = 0; i < 4; i++) {
		if (i == 3)
			expect_stream(r, &jobs[i].recipe, p, 40 * MIB);
		recipe_free(&jobs[i].recipe);
	}
	manifest_free(&m);
}

/* --- manifests --- */

struct closure_sum {
	uint64_t packs, bytes;
};

static int
sum_closure(const struct state_object *o, void *arg, struct err *e)
{
	struct closure_sum *sum = arg;

	(void)e;
	sum->packs += o->class == STATE_PACK;
	sum->bytes += o->class == STATE_PACK ? o->bytes : 0;
	return (0);
}

static void
expect_closure(struct repo *r, const struct manifest *m)
{
	struct closure_sum sum = { .packs = 0 };
	char name[OBJECT_NAME_TEXT];
	struct state_object o;
	struct err e = ERR_INIT;
	bool found;

	manifest_name(m->id, name);
	must(state_find(r->state, name, &o, &found, &e), &e);
	assert_true(found);
	must(state_closure_each(r->state, o.number, sum_closure, &sum, &e), &e);
	assert_int_equal(sum.packs, m->closure_packs);
	assert_int_equal(sum.bytes, m->closure_bytes);
}

static void
manifests_are_chained_and_name_their_closure(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = NULL;
	SCOPED(recipe_free) struct recipe old = RECIPE_INIT;
	SCOPED(scope_free) uint8_t *p = mem_new(MIB);
	struct manifest first, second, third;

	rig_backup(r, "production", 1, MIB, &first);
	rig_backup(r, "production", 2, MIB, &second);
	assert_int_equal(first.sequence, 1);
	assert_int_equal(second.sequence, 2);
	assert_int_equal(first.audit_seq, 1); /* that of init */
	assert_int_equal(second.audit_seq, 2);
	assert_int_equal(first.nindexes, 1);
	/* Its tree is that of the first, byte for byte. */
	assert_int_equal(second.nindexes, 2);
	assert_string_equal(first.indexes[0].object, second.indexes[0].object);
	/* One that uses chunks of the first and new ones. */
	in = begin(r);
	known_noise(p, MIB, 1);
	rig_ingest(in, "public.noise", p, MIB, &old);
	rig_add(in, &old, "public.noise");
	rig_add(in, &old, "public.again");
	rig_commit(in, "production", 0, &third);
	assert_int_equal(third.nindexes, 2);
	assert_string_equal(third.indexes[0].object, first.indexes[0].object);
	expect_closure(r, &first);
	expect_closure(r, &second);
	expect_closure(r, &third);
	manifest_free(&first);
	manifest_free(&second);
	manifest_free(&third);
}

static void
a_manifest_of_local_state_opens_and_its_index_objects_too(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;
	SCOPED(manifest_free) struct manifest again;
	struct manifest m;
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;
	bool found;

	rig_backup(r, "production", 1, MIB, &m);
	manifest_name(m.id, name);
	must(lookup_spooled(r, name, &object, &found, &e), &e);
	assert_true(found);
	manifest_init(&again);
	must(
	    manifest_decode(r->keys, m.id, object.p, object.n, &again, &e), &e);
	assert_string_equal(again.branch, "production");
	assert_true(again.has_private);
	assert_int_equal(json_get_integer(again.counts, "bytes_new", 0), MIB);
	must(lookup_spooled(r, again.indexes[0].object, &object, &found, &e),
	    &e);
	assert_true(found);
	must(index_object_decode(
		 r->keys, again.indexes[0].object, object.p, object.n, &x, &e),
	    &e);
	assert_int_equal(x.n, 2); /* one data pack, one meta pack */
	manifest_free(&m);
}

static void
a_backup_of_nothing_is_a_backup(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	struct manifest m;

	rig_commit(in, "production", 0, &m);
	assert_int_equal(m.streams, 0);
	assert_int_equal(m.nindexes, 0);
	expect_closure(r, &m);
	assert_int_equal(rig_send(r, 0), 2); /* audit entry, manifest */
	manifest_free(&m);
}

static void
everything_committed_is_pending_everywhere_then_sent_then_let_go(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(scope_free) char *packs = rig_path(g, "state/spool/packs");
	SCOPED(scope_free) char *indexes = rig_path(g, "state/spool/index");
	struct manifest m;

	rig_backup(r, "production", 1, MIB, &m);
	manifest_free(&m);
	assert_int_equal(rig_files(packs), 2);
	assert_int_equal(rig_files(indexes), 1);
	/* two packs, index, audit entry, manifest; config, writer and its
	 * own audit entry are there since init */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(rig_send(r, i), 5);
	assert_int_equal(rig_files(packs), 0);
	assert_int_equal(rig_files(indexes), 0);
}

static void
an_endpoint_that_missed_a_backup_gets_the_next_manifest_after_it(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	struct manifest m;
	char name[OBJECT_NAME_TEXT];
	struct state_object o, pack;
	uint64_t missing;
	struct err e = ERR_INIT;
	bool found;

	rig_backup(r, "production", 1, MIB, &m);
	manifest_free(&m);
	rig_send(r, 0);
	rig_backup(r, "production", 1, MIB, &m); /* nothing new */
	manifest_name(m.id, name);
	manifest_free(&m);
	must(state_find(r->state, name, &o, &found, &e), &e);
	must(state_closure_missing(
		 r->state, o.number, r->endpoints[1].number, &missing, &e),
	    &e);
	assert_int_equal(missing, 3);
	must(state_closure_missing(
		 r->state, o.number, r->endpoints[0].number, &missing, &e),
	    &e);
	assert_int_equal(missing, 0);
	must(state_next_pending(
		 r->state, r->endpoints[1].number, NULL, &pack, &found, &e),
	    &e);
	assert_int_equal(pack.class, STATE_PACK);
	rig_send(r, 1);
	must(state_closure_missing(
		 r->state, o.number, r->endpoints[1].number, &missing, &e),
	    &e);
	assert_int_equal(missing, 0);
}

/* --- known files --- */

static void
remember(struct ingest *in, const char *branch, const char *path,
    const struct recipe *recipe)
{
	struct file_memory m = { .size = 5 };
	struct err e = ERR_INIT;

	must(ingest_remember(in, branch, path, &m, recipe, &e), &e);
}

static bool
is_remembered(struct ingest *in, const char *branch, const char *path)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	struct file_memory m;

	return (ingest_recall(in, branch, path, &m, &r));
}

/* More of them than are looked at, or forgotten, at a time. */
static void
files_that_went_are_forgotten(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	struct err e = ERR_INIT;
	char path[32];
	int i, left = 0;

	must(ingest_small(in, STREAM_FILE, "production", "ab/ab", "12345", 5,
		 &recipe, &e),
	    &e);
	for (i = 0; i < 70000; i++) {
		(void)snprintf(path, sizeof(path), "%d", i);
		remember(in, "production", path, &recipe);
	}
	remember(in, "staging", "0", &recipe);
	must(ingest_forget_others(in, "production", &e), &e); /* none */
	ingest_free(in);
	in = begin(r);
	remember(in, "production", "1", &recipe);
	ingest_still_there(in, "production", "2");
	must(ingest_forget_others(in, "production", &e), &e);
	assert_true(is_remembered(in, "production", "1"));
	assert_true(is_remembered(in, "production", "2"));
	assert_true(is_remembered(in, "staging", "0"));
	for (i = 3; i < 70000; i++) {
		(void)snprintf(path, sizeof(path), "%d", i);
		left += is_remembered(in, "production", path);
	}
	assert_int_equal(left, 0);
	ingest_free(in);
	in = begin(r);
	must(ingest_forget_others(in, "production", &e), &e);
	assert_false(is_remembered(in, "production", "1"));
	assert_true(is_remembered(in, "staging", "0"));
}

static void
remembered_files_are_recalled_and_their_chunks_asked_for(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	SCOPED(recipe_free) struct recipe again = RECIPE_INIT;
	struct file_memory m = {
		.size = 5, .inode = 6, .mtime = -7, .matches_name = true
	};
	struct file_memory got;
	struct ingest_totals totals;
	struct manifest manifest;
	struct err e = ERR_INIT;

	must(ingest_small(in, STREAM_FILE, "production", "ab/ab", "12345", 5,
		 &recipe, &e),
	    &e);
	must(ingest_remember(in, "production", "ab/ab", &m, &recipe, &e), &e);
	rig_add(in, &recipe, "ab/ab");
	rig_commit(in, "production", 0, &manifest);
	manifest_free(&manifest);
	ingest_free(in);
	in = begin(r);
	assert_false(ingest_recall(in, "production", "ab/cd", &got, &again));
	assert_false(ingest_recall(in, "staging", "ab/ab", &got, &again));
	assert_true(ingest_recall(in, "production", "ab/ab", &got, &again));
	assert_int_equal(got.size, 5);
	assert_int_equal(got.mtime, -7);
	assert_true(got.matches_name);
	assert_true(ingest_knows(in, &again));
	ingest_count_known(in, &again);
	rig_add(in, &again, "ab/ab");
	rig_commit(in, "production", 0, &manifest);
	assert_int_equal(manifest.nindexes, 1);
	expect_closure(r, &manifest);
	ingest_totals(in, &totals);
	assert_int_equal(totals.bytes_read, 5);
	assert_int_equal(totals.chunks_new, 0);
	manifest_free(&manifest);
}

static void
a_recipe_of_unknown_chunks_is_not_known_and_not_taken(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	struct name name = { { 1 } };
	uint32_t stream;
	struct err e = ERR_INIT;

	recipe_add(&recipe, &name, 100);
	assert_false(ingest_knows(in, &recipe));
	assert_int_equal(ingest_add_recipe(in, &recipe, &stream, &e), -1);
	assert_int_equal(e.kind, ERR_AGAIN);
}

/* --- what goes wrong --- */

static void
an_abandoned_backup_leaves_packs_that_the_next_one_uses(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	struct ingest *in = begin(r);
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	SCOPED(scope_free) uint8_t *p = mem_new(40 * MIB);
	struct ingest_totals totals;
	struct manifest m;

	known_noise(p, 40 * MIB, 1);
	rig_ingest(in, "public.t", p, 40 * MIB, &recipe);
	ingest_free(in);
	assert_int_equal(rig_count(r, STATE_PACK), 2);
	assert_int_equal(rig_count(r, STATE_MANIFEST), 0);
	recipe_free(&recipe);
	in = begin(r);
	rig_ingest(in, "public.t", p, 40 * MIB, &recipe);
	rig_add(in, &recipe, "public.t");
	rig_commit(in, "production", 0, &m);
	ingest_totals(in, &totals);
	assert_true(totals.bytes_new < 20 * MIB);
	assert_int_equal(m.nindexes, 1); /* it describes the old ones too */
	expect_closure(r, &m);
	expect_stream(r, &recipe, p, 40 * MIB);
	manifest_free(&m);
	ingest_free(in);
}

static void
a_stop_ends_the_streams(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(ingest_freep) struct ingest *in = begin(r);
	SCOPED(stream_freep) struct stream *s = NULL;
	SCOPED(scope_free) uint8_t *p = mem_new(5 * MIB);
	struct err e = ERR_INIT;

	s = stream_open(in, STREAM_LOG, "production", "log", &e);
	must(s == NULL, &e);
	stop_request();
	assert_int_equal(stream_write(s, p, 5 * MIB, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
}

static void
a_full_spool_without_senders_fails_every_stream(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(ingest_freep) struct ingest *in = NULL;
	SCOPED(stream_freep) struct stream *s = NULL;
	SCOPED(scope_free) uint8_t *p = mem_new(60 * MIB);
	struct err e = ERR_INIT;

	g->settings.spool_limit = 20 * MIB;
	r = rig_repo(g, REPO_WRITE);
	in = begin(r);
	known_noise(p, 60 * MIB, 1);
	s = stream_open(in, STREAM_TABLE, "production", "t", &e);
	must(s == NULL, &e);
	assert_int_equal(stream_write(s, p, 60 * MIB, &e), -1);
	assert_int_equal(e.kind, ERR_FULL);
	assert_non_null(strstr(e.text, "spool"));
	err_clear(&e);
	assert_null(stream_open(in, STREAM_TABLE, "production", "u", &e));
	assert_int_equal(e.kind, ERR_FULL);
	/* What was stored stays, and the next one goes on from there. */
	assert_int_equal(rig_count(r, STATE_PACK), 1);
}

static void
a_repository_open_for_reading_takes_no_backup(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_READ);
	struct err e = ERR_INIT;

	assert_null(ingest_open(r, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(streams_come_back_byte_for_byte),
		RIG_TEST(the_recipe_stream_gives_the_recipes_back),
		RIG_TEST(a_small_file_is_one_chunk_and_an_empty_one_none),
		RIG_TEST(a_cut_begins_a_new_chunk_and_the_checksum_stays),
		RIG_TEST(
		    a_cut_at_the_end_leaves_one_chunk_whose_name_is_the_sum),
		RIG_TEST(the_same_data_again_stores_no_data_pack),
		RIG_TEST(threads_with_the_same_data_store_it_once),
		RIG_TEST(manifests_are_chained_and_name_their_closure),
		RIG_TEST(
		    a_manifest_of_local_state_opens_and_its_index_objects_too),
		RIG_TEST(a_backup_of_nothing_is_a_backup),
		RIG_TEST(
		    everything_committed_is_pending_everywhere_then_sent_then_let_go),
		RIG_TEST(
		    an_endpoint_that_missed_a_backup_gets_the_next_manifest_after_it),
		RIG_TEST(
		    remembered_files_are_recalled_and_their_chunks_asked_for),
		RIG_TEST(files_that_went_are_forgotten),
		RIG_TEST(a_recipe_of_unknown_chunks_is_not_known_and_not_taken),
		RIG_TEST(
		    an_abandoned_backup_leaves_packs_that_the_next_one_uses),
		RIG_TEST(a_stop_ends_the_streams),
		RIG_TEST(a_full_spool_without_senders_fails_every_stream),
		RIG_TEST(a_repository_open_for_reading_takes_no_backup),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
