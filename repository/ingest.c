/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One backup being made, from its first stream to its manifest. Streams come in
 * by ingest_stream.c, packs go out by ingest_pack.c; here are the meta streams
 * and the end. What always holds: everything that a manifest needs is durable
 * and known to local state before the transaction that adds the manifest.
 *
 * Peak memory: 3 packs of at most 22 MiB (two open, one being written; 16 MiB
 * each as a rule), for each stream that is open at a time a workspace of 3
 * chunks (12 MiB) and zstd's own, about 4 MiB at level 3, and the pages that a
 * transaction of local state changes, 16 MiB. At the end, with no stream open:
 * one index object and its directories, about 48 MiB. Measured with one stream
 * at a time, 200,000 files and a 300 MB table: 80 MB of anonymous memory.
 */
#include "repository/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/stop.h"
#include "repository/audit_log.h"
#include "repository/ingest_impl.h"
#include "repository/state_backups.h"

#define ID_DIGITS 4 /* random bytes of a backup's id */

/* --- begin and abandon --- */

static void
open_lanes(struct ingest *in)
{
	static const struct lane lanes[LANES] = {
		[LANE_DATA] = { .record_kind = RECORD_DATA, .pack = PACK_DATA },
		[LANE_RECIPES] = { .record_kind = RECORD_RECIPE,
		    .slot = SEAL_BY_INDEX_KEY,
		    .pack = PACK_META },
		[LANE_TREE] = { .record_kind = RECORD_TREE, .pack = PACK_META }
	};

	for (size_t i = 0; i < LANES; i++) {
		in->lanes[i] = lanes[i];
		chunker_init(&in->lanes[i].start, in->r->keys,
		    i == LANE_DATA ? &chunk_data : &chunk_meta);
	}
}

struct ingest *
ingest_open(struct repo *r, struct err *e)
{
	struct ingest *in;

	if (r->epoch == 0 || r->lock < 0) {
		err_set(
		    e, ERR_REFUSED, "the repository is not open for writing");
		return (NULL);
	}
	in = mem_new(sizeof(*in));
	if (state_job_begin(r->state, &in->job, e) < 0) {
		state_job_end(&in->job);
		free(in);
		return (NULL);
	}
	in->r = r;
	in->key = pack_key_new(r->keys);
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->moved, NULL);
	pthread_mutex_init(&in->memory_lock, NULL);
	open_lanes(in);
	in->recipes = stream_open_meta(in, LANE_RECIPES);
	in->tree = stream_open_meta(in, LANE_TREE);
	return (in);
}

void
ingest_free(struct ingest *in)
{
	if (in == NULL)
		return;
	stream_free(in->recipes);
	stream_free(in->tree);
	workspace_free_all(in->pool);
	for (size_t i = 0; i < PACKS; i++)
		pack_free(in->open[i]);
	name_set_free(&in->on_way);
	number_bits_free(&in->used);
	number_bits_free(&in->claimed);
	state_job_end(&in->job);
	buf_free(&in->remembered);
	free(in->seen);
	pack_key_free(in->key);
	pthread_mutex_destroy(&in->memory_lock);
	pthread_cond_destroy(&in->moved);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

void
ingest_freep(struct ingest **in)
{
	ingest_free(*in);
	*in = NULL;
}

void
ingest_totals(struct ingest *in, struct ingest_totals *out)
{
	pthread_mutex_lock(&in->lock);
	*out = in->totals;
	pthread_mutex_unlock(&in->lock);
}

/* --- known streams, and the meta streams --- */

/* Asked in this order, a chunk that is committed meanwhile is not missed. */
static int
is_known(struct ingest *in, const struct name *name, bool *known, struct err *e)
{
	struct state_use use;

	if (ingest_is_on_way(in, name, RECORD_DATA)) {
		*known = true;
		return (0);
	}
	if (state_knows(in->r->state, name, RECORD_DATA, &use, known, e) < 0)
		return (-1);
	return (*known ? ingest_use(in, &use, known, e) : 0);
}

bool
ingest_knows(struct ingest *in, const struct recipe *r)
{
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < r->n; i++) {
		bool known;

		if (is_known(in, &r->parts[i].name, &known, &ignored) < 0 ||
		    !known)
			return (false);
	}
	return (true);
}

void
ingest_count_known(struct ingest *in, const struct recipe *r)
{
	pthread_mutex_lock(&in->lock);
	in->totals.bytes_read += r->bytes;
	in->totals.shares[r->kind].bytes_read += r->bytes;
	in->totals.chunks += r->n;
	pthread_mutex_unlock(&in->lock);
}

/* The closure is what these recipes need, so each chunk is looked up once
 * more: also one of a stream that was not read again. */
static int
use_parts(struct ingest *in, const struct recipe *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		bool known;

		if (is_known(in, &r->parts[i].name, &known, e) < 0)
			return (-1);
		if (!known)
			return (err_set(e, ERR_AGAIN,
			    "a chunk that was there has been lost during this "
			    "backup; the next one stores it again"));
	}
	return (0);
}

int
ingest_add_recipe(
    struct ingest *in, const struct recipe *r, uint32_t *stream, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	if (in->streams == RECIPE_STREAMS_MAX)
		return (err_set(e, ERR_SOURCE,
		    "more than %zu streams in one backup", RECIPE_STREAMS_MAX));
	if (use_parts(in, r, e) < 0)
		return (-1);
	recipe_encode(r, &b);
	if (stream_write(in->recipes, b.p, b.n, e) < 0)
		return (-1);
	*stream = (uint32_t)in->streams++;
	return (0);
}

int
ingest_add_entry(struct ingest *in, const struct tree_entry *t, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	tree_encode(t, &b);
	in->entries++;
	return (stream_write(in->tree, b.p, b.n, e));
}

int
ingest_cut_recipes(struct ingest *in, struct err *e)
{
	return (stream_cut(in->recipes, e));
}

/* --- the end --- */

static int
end_meta(
    struct stream *s, struct name_list *names, uint64_t *bytes, struct err *e)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;

	if (stream_end(s, &r, e) < 0)
		return (-1);
	if (r.n > MANIFEST_NAMES_MAX)
		return (err_set(e, ERR_SOURCE,
		    "more streams than one backup can describe"));
	for (size_t i = 0; i < r.n; i++)
		name_list_add(names, &r.parts[i].name);
	*bytes = r.bytes;
	return (0);
}

static int
end_streams(struct ingest *in, struct manifest *m, struct err *e)
{
	if (end_meta(in->recipes, &m->recipes, &m->recipe_bytes, e) < 0 ||
	    end_meta(in->tree, &m->tree, &m->tree_bytes, e) < 0)
		return (-1);
	m->streams = in->streams;
	m->tree_entries = in->entries;
	m->has_private = true;
	return (ingest_close_packs(in, e));
}

/* "sizes": what storage tells of a branch's parts; those that there are. */
static struct json *
sizes_of(const struct ingest_totals *totals)
{
	static const struct {
		const char *name;
		uint8_t kinds[2]; /* enum stream_kind, or 0 */
	} parts[] = { { "database", { STREAM_ARCHIVE, STREAM_TABLE } },
		{ "filestore", { STREAM_FILE } }, { "logs", { STREAM_LOG } },
		{ "streams", { STREAM_STDIN } } };
	struct json *sizes = json_object();

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct ingest_share
		    *a = &totals->shares[parts[i].kinds[0]],
		    *b = &totals->shares[parts[i].kinds[1]];
		struct json *j;

		if (a->bytes_read + b->bytes_read == 0)
			continue;
		j = json_object();
		json_set_integer(j, "bytes_logical",
		    (int64_t)(a->bytes_read + b->bytes_read));
		json_set_integer(
		    j, "bytes_new", (int64_t)(a->bytes_new + b->bytes_new));
		json_set_integer(j, "bytes_stored",
		    (int64_t)(a->bytes_stored + b->bytes_stored));
		json_set(sizes, parts[i].name, j);
	}
	return (sizes);
}

/* What only is known now that all is stored. The manifest cannot hold its own
 * size: bytes_stored is that of the objects before it. */
static void
fill_counts(struct ingest *in, struct manifest *m)
{
	struct ingest_totals totals;

	ingest_totals(in, &totals);
	if (m->counts == NULL)
		m->counts = json_object();
	json_set_integer(m->counts, "bytes_read", (int64_t)totals.bytes_read);
	json_set_integer(m->counts, "bytes_new", (int64_t)totals.bytes_new);
	json_set_integer(
	    m->counts, "bytes_stored", (int64_t)totals.bytes_stored);
	json_set_integer(m->counts, "chunks", (int64_t)totals.chunks);
	json_set_integer(m->counts, "chunks_new", (int64_t)totals.chunks_new);
	json_set_integer(
	    m->counts, "chunks_delta", (int64_t)totals.chunks_delta);
	json_set(m->counts, "sizes", sizes_of(&totals));
}

static int
choose_id(struct ingest *in, struct manifest *m, struct err *e)
{
	char stamp[CLOCK_TEXT], hex[2 * ID_DIGITS + 1], name[OBJECT_NAME_TEXT];
	struct state_object o;
	bool taken = true;

	clock_stamp(m->started, stamp);
	while (taken) {
		random_hex(hex, ID_DIGITS);
		snprintf(m->id, sizeof(m->id), "%.16s-%s", stamp, hex);
		manifest_name(m->id, name);
		if (state_find(in->r->state, name, &o, &taken, e) < 0)
			return (-1);
	}
	return (0);
}

static int
fill_chain(
    struct ingest *in, struct state_txn *t, struct manifest *m, struct err *e)
{
	struct state_manifest_head head;
	struct state_audit_head audit;

	if (state_manifest_head(t, &head, e) < 0 ||
	    state_audit_head(t, &audit, e) < 0)
		return (-1);
	m->epoch = in->r->epoch;
	m->sequence = head.sequence + 1;
	m->previous = head.sha;
	m->audit_seq = audit.seq;
	m->audit_head = audit.sha;
	return (0);
}

static int
add_audit_entry(struct ingest *in, struct state_txn *t,
    const struct manifest *m, struct err *e)
{
	SCOPED(audit_entry_free) struct audit_entry a;
	struct json *detail = json_object();
	uint64_t bytes;

	json_set_string(detail, "state", m->state);
	json_set_string(detail, "type", m->type);
	json_set_integer(detail, "sequence", (int64_t)m->sequence);
	audit_log_fill(&a, "backup", m->id, m->branch, detail);
	return (audit_log_append(in->r, t, &a, &bytes, e));
}

/* Manifest and audit entry become known together. */
static int
commit_manifest(struct ingest *in, struct manifest *m, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	SCOPED(buf_free) struct buf object = BUF_INIT;

	if ((t = state_begin(in->r->state, e)) == NULL ||
	    fill_chain(in, t, m, e) < 0 ||
	    manifest_encode(in->r->keys, m, &object, e) < 0)
		return (-1);
	if (object.n > MANIFEST_MAX)
		return (err_set(e, ERR_SOURCE,
		    "the backup's description is longer than %zu bytes",
		    MANIFEST_MAX));
	if (state_add_manifest(t, m, object.p, object.n, e) < 0 ||
	    add_audit_entry(in, t, m, e) < 0 || state_commit(&t, e) < 0)
		return (-1);
	pthread_mutex_lock(&in->lock);
	in->totals.bytes_stored += object.n;
	pthread_mutex_unlock(&in->lock);
	return (0);
}

static int
next_sequence(struct ingest *in, uint64_t *sequence, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(in->r->state, e);
	struct state_manifest_head head;

	if (t == NULL || state_manifest_head(t, &head, e) < 0)
		return (-1);
	*sequence = head.sequence + 1;
	return (0);
}

int
ingest_commit(struct ingest *in, struct manifest *m, struct err *e)
{
	uint64_t sequence;

	if (stop_check(e) < 0 || ingest_check(in, e) < 0 ||
	    end_streams(in, m, e) < 0 || ingest_flush_memory(in, e) < 0 ||
	    next_sequence(in, &sequence, e) < 0 ||
	    ingest_write_indexes(in, sequence, e) < 0 ||
	    ingest_fill_closure(in, m, e) < 0)
		return (-1);
	fill_counts(in, m);
	if (choose_id(in, m, e) < 0)
		return (-1);
	return (commit_manifest(in, m, e));
}
