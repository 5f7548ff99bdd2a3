/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a backup needs: packs that no index object describes flow in, index
 * objects flow out; then, from the packs that were used, the closure: which
 * index objects, and which of their packs. Packs that an earlier run left in
 * the spool are described here too, so that none stays without for long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "repository/index_object.h"
#include "repository/ingest_impl.h"
#include "repository/spool.h"

/* Of directories, encoded, in one index object: in memory a directory takes
 * some four times that. Far below INDEX_MAX, also sealed and padded. */
#define GROUP_BYTES ((size_t)8 << 20)
#define ID_BYTES    8

static_assert(2 * GROUP_BYTES + GROUP_BYTES / 2 <= INDEX_MAX,
    "a group, and one directory more, sealed and padded");

/* --- index objects --- */

/* One that is written, and not known yet. */
struct written {
	char object[OBJECT_NAME_TEXT];
	struct sha256 sha;
	uint64_t bytes;
	size_t n;
	uint64_t *packs; /* owned */
};

struct indexing {
	struct ingest *in;
	uint64_t sequence;
	/* the group that grows */
	size_t n;
	size_t bytes; /* encoded */
	uint64_t *packs;
	struct directory *directories;
	/* finished ones */
	size_t nwritten;
	struct written *written;
};

static void
empty_group(struct indexing *x)
{
	for (size_t i = 0; i < x->n; i++)
		directory_free(&x->directories[i]);
	free(x->directories);
	free(x->packs);
	x->directories = NULL;
	x->packs = NULL;
	x->n = x->bytes = 0;
}

static void
indexing_free(struct indexing *x)
{
	empty_group(x);
	for (size_t i = 0; i < x->nwritten; i++)
		free(x->written[i].packs);
	free(x->written);
}

/* Writes the group as one object's file. */
static int
write_group(struct indexing *x, struct err *e)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct repo *r = x->in->r;
	char id[2 * ID_BYTES + 1];
	struct written *w;

	if (x->n == 0)
		return (0);
	x->written = mem_grow(x->written, x->nwritten + 1, sizeof(*x->written));
	w = &x->written[x->nwritten];
	memset(w, 0, sizeof(*w));
	random_hex(id, ID_BYTES);
	index_object_name(r->epoch, x->sequence, id, w->object);
	index_object_encode(
	    r->keys, w->object, x->directories, x->n, NULL, &object);
	if (object.n > INDEX_MAX)
		return (err_set(
		    e, ERR_SYSTEM, "an index object of %zu bytes", object.n));
	if (spool_wait_room(r, object.n, e) < 0 ||
	    spool_save(r->state, w->object, object.p, object.n, e) < 0)
		return (-1);
	hash_of(HASH_IS_SHA256, object.p, object.n, w->sha.b);
	w->bytes = object.n;
	w->n = x->n;
	w->packs = TAKE(x->packs);
	x->nwritten++;
	empty_group(x);
	return (0);
}

static size_t
encoded_bytes(const struct directory *d)
{
	size_t n = 64 + d->nslots * SEAL_KEY_SLOT;

	for (size_t i = 0; i < d->n; i++)
		n += 44 + (size_t)d->records[i].record.nbases * NAME_BYTES;
	return (n);
}

/* Takes the directory over into the group. */
static int
take_directory(uint64_t pack, struct directory *d, void *arg, struct err *e)
{
	struct indexing *x = arg;
	size_t more = encoded_bytes(d);

	if ((x->n == INDEX_PACKS_MAX || x->bytes + more > GROUP_BYTES) &&
	    write_group(x, e) < 0)
		return (-1);
	x->packs = mem_grow(x->packs, x->n + 1, sizeof(*x->packs));
	x->directories = mem_grow(
	    x->directories, x->n + 1, sizeof(*x->directories));
	x->packs[x->n] = pack;
	x->directories[x->n++] = *d;
	x->bytes += more;
	*d = (struct directory)DIRECTORY_INIT;
	return (0);
}

/* All of them become known in one transaction. One that a crash keeps from it
 * leaves a file, which spool_recover removes, and its packs undescribed. */
static int
make_known(struct indexing *x, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	uint64_t bytes = 0;

	if (x->nwritten == 0)
		return (0);
	if ((t = state_begin(x->in->r->state, e)) == NULL)
		return (-1);
	for (size_t i = 0; i < x->nwritten; i++) {
		const struct written *w = &x->written[i];
		uint64_t number;

		if (state_add_index(t, w->object, &w->sha, w->bytes, true,
			w->packs, w->n, &number, e) < 0)
			return (-1);
		bytes += w->bytes;
	}
	if (state_commit(&t, e) < 0)
		return (-1);
	pthread_mutex_lock(&x->in->lock);
	x->in->totals.bytes_stored += bytes;
	pthread_mutex_unlock(&x->in->lock);
	return (0);
}

int
ingest_write_indexes(struct ingest *in, uint64_t sequence, struct err *e)
{
	SCOPED(indexing_free)
	struct indexing x = { .in = in, .sequence = sequence };

	if (state_undescribed(in->r->state, take_directory, &x, e) != 0 ||
	    write_group(&x, e) < 0)
		return (-1);
	return (make_known(&x, e));
}

/* --- the closure --- */

/* A bit for each index object that describes a used pack. */
static int
find_indexes(
    struct ingest *in, uint64_t last, struct number_bits *out, struct err *e)
{
	for (uint64_t pack = 1; pack <= last; pack++) {
		uint64_t index;

		if (!number_bits_has(&in->used, pack))
			continue;
		if (state_described_by(in->r->state, pack, &index, e) < 0)
			return (-1);
		if (index == 0)
			return (err_set(e, ERR_AGAIN,
			    "a pack that this backup needs has been lost "
			    "meanwhile; run it again"));
		number_bits_set(out, index);
	}
	return (0);
}

static int
add_ref(struct ingest *in, struct manifest *m, uint64_t index, struct err *e)
{
	SCOPED(scope_free) uint64_t *packs = NULL;
	struct state_object o;
	struct index_ref *ref;
	size_t n;

	if (state_get(in->r->state, index, &o, e) < 0 ||
	    state_index_packs(in->r->state, index, &packs, &n, e) < 0)
		return (-1);
	if (m->nindexes == MANIFEST_INDEXES_MAX)
		return (err_set(
		    e, ERR_SYSTEM, "the closure spans too many index objects"));
	m->indexes = mem_grow(m->indexes, m->nindexes + 1, sizeof(*ref));
	ref = &m->indexes[m->nindexes++];
	memset(ref, 0, sizeof(*ref));
	memcpy(ref->object, o.name, sizeof(ref->object));
	ref->sha = o.sha;
	ref->bytes = o.bytes;
	buf_add_zeros(&ref->used, (n + 7) / 8);
	for (size_t i = 0; i < n; i++) {
		if (!number_bits_has(&in->used, packs[i]))
			continue;
		ref->used.p[i / 8] |= (uint8_t)(1U << (i % 8));
		if (state_get(in->r->state, packs[i], &o, e) < 0)
			return (-1);
		m->closure_packs++;
		m->closure_bytes += o.bytes;
	}
	return (0);
}

int
ingest_fill_closure(struct ingest *in, struct manifest *m, struct err *e)
{
	SCOPED(number_bits_free) struct number_bits indexes = { .n = 0 };
	uint64_t last;

	if (state_highest(in->r->state, &last, e) < 0 ||
	    find_indexes(in, last, &indexes, e) < 0)
		return (-1);
	/* By number: the newest last. */
	for (uint64_t i = 1; i <= last; i++)
		if (number_bits_has(&indexes, i) && add_ref(in, m, i, e) < 0)
			return (-1);
	return (0);
}
