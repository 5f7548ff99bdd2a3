/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealed boxes of all threads flow in, packs flow out into the spool. What
 * always holds: a name is on its way from before its box is sealed until its
 * pack is committed to local state, so whoever asks first here and then there
 * never stores a chunk twice; and at most one full pack is being written while
 * one of each kind is filled, which bounds memory however slow the disk is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/stage.h"
#include "repository/ingest_impl.h"
#include "repository/spool.h"

/* --- names on their way --- */

bool
ingest_claim(struct ingest *in, const struct name *name, uint8_t kind)
{
	bool is_ours;

	pthread_mutex_lock(&in->lock);
	is_ours = name_set_add(&in->on_way, name, kind);
	pthread_mutex_unlock(&in->lock);
	return (is_ours);
}

void
ingest_release(struct ingest *in, const struct name *name, uint8_t kind)
{
	pthread_mutex_lock(&in->lock);
	name_set_remove(&in->on_way, name, kind);
	pthread_mutex_unlock(&in->lock);
}

bool
ingest_is_on_way(struct ingest *in, const struct name *name, uint8_t kind)
{
	bool has;

	pthread_mutex_lock(&in->lock);
	has = name_set_has(&in->on_way, name, kind);
	pthread_mutex_unlock(&in->lock);
	return (has);
}

/* --- packs in use --- */

/* With the lock held: what is claimed need not be claimed again. */
static bool
use_claimed(struct ingest *in, const struct state_use *use)
{
	for (size_t i = 0; i < use->n; i++)
		if (!number_bits_has(&in->claimed, use->packs[i]))
			return (false);
	for (size_t i = 0; i < use->n; i++)
		number_bits_set(&in->used, use->packs[i]);
	return (true);
}

int
ingest_use(
    struct ingest *in, const struct state_use *use, bool *got, struct err *e)
{
	SCOPED(number_bits_free) struct number_bits more = NUMBER_BITS_INIT;

	pthread_mutex_lock(&in->lock);
	*got = use_claimed(in, use);
	pthread_mutex_unlock(&in->lock);
	if (*got)
		return (0);
	stage_reached("chunk known");
	if (state_claim(&in->job, use->packs, use->n, &more, got, e) < 0)
		return (-1);
	if (!*got)
		return (0);
	stage_reached("pack claimed");
	pthread_mutex_lock(&in->lock);
	number_bits_join(&in->claimed, &more);
	*got = use_claimed(in, use);
	pthread_mutex_unlock(&in->lock);
	return (0);
}

/* --- failing once for all --- */

/* With the lock held. */
static int
check_locked(const struct ingest *in, struct err *e)
{
	if (in->failed.kind == ERR_NONE)
		return (0);
	*e = in->failed;
	return (-1);
}

int
ingest_check(struct ingest *in, struct err *e)
{
	int failed;

	pthread_mutex_lock(&in->lock);
	failed = check_locked(in, e);
	pthread_mutex_unlock(&in->lock);
	return (failed);
}

/* --- writing a full pack --- */

/* The file first, then the transaction that makes it known. */
static int
store_pack(struct ingest *in, const struct buf *bytes,
    const struct directory *d, uint64_t *number, struct err *e)
{
	struct state *s = in->r->state;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	char object[OBJECT_NAME_TEXT];

	format_pack_name(&d->pack, object);
	if (spool_wait_room(in->r, bytes->n, e) < 0 ||
	    spool_save(s, object, bytes->p, bytes->n, e) < 0 ||
	    (t = state_begin(s, e)) == NULL ||
	    state_add_pack(t, d, true, true, number, e) < 0 ||
	    state_claim_new(&in->job, t, *number, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

static int
finish_pack(struct ingest *in, struct pack *p, struct err *e)
{
	SCOPED(pack_freep) struct pack *full = p;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	uint64_t number;
	int failed;

	pack_end(full, &bytes, &d);
	failed = store_pack(in, &bytes, &d, &number, e);
	pthread_mutex_lock(&in->lock);
	if (failed < 0)
		in->failed = *e;
	else {
		number_bits_set(&in->used, number);
		number_bits_set(&in->claimed, number);
		in->totals.bytes_stored += bytes.n;
		for (size_t i = 0; i < d.n; i++)
			name_set_remove(&in->on_way, &d.records[i].record.name,
			    d.records[i].record.kind);
	}
	pthread_mutex_unlock(&in->lock);
	return (failed);
}

/*
 * With the lock held, which is let go of meanwhile: takes the pack of a kind
 * out, when no other is being written, and writes it.
 */
static int
take_out(struct ingest *in, size_t kind, struct err *e)
{
	struct pack *p;
	int failed;

	while (in->finishing && in->failed.kind == ERR_NONE)
		pthread_cond_wait(&in->moved, &in->lock);
	if (check_locked(in, e) < 0)
		return (-1);
	in->finishing = true;
	p = TAKE(in->open[kind]);
	pthread_cond_broadcast(&in->moved);
	pthread_mutex_unlock(&in->lock);
	failed = finish_pack(in, p, e);
	pthread_mutex_lock(&in->lock);
	in->finishing = false;
	pthread_cond_broadcast(&in->moved);
	return (failed);
}

/* With the lock held. */
static int
add_locked(struct ingest *in, enum pack_kind pack_kind, const struct record *r,
    const void *box, struct err *e)
{
	size_t kind = pack_kind == PACK_DATA ? 0 : 1;

	/* A full one is somebody's, who waits to take it out. */
	while (in->open[kind] != NULL && pack_is_full(in->open[kind]) &&
	    in->failed.kind == ERR_NONE)
		pthread_cond_wait(&in->moved, &in->lock);
	if (check_locked(in, e) < 0)
		return (-1);
	if (in->open[kind] == NULL)
		in->open[kind] = pack_new(in->r->keys, in->key, pack_kind);
	pack_add(in->open[kind], r, box);
	return (pack_is_full(in->open[kind]) ? take_out(in, kind, e) : 0);
}

int
ingest_add_box(struct ingest *in, enum pack_kind kind, const struct record *r,
    const void *box, struct err *e)
{
	int failed;

	pthread_mutex_lock(&in->lock);
	failed = add_locked(in, kind, r, box, e);
	pthread_mutex_unlock(&in->lock);
	return (failed);
}

int
ingest_close_packs(struct ingest *in, struct err *e)
{
	int failed = 0;

	pthread_mutex_lock(&in->lock);
	for (size_t kind = 0; kind < PACKS && failed == 0; kind++)
		if (in->open[kind] != NULL && pack_count(in->open[kind]) > 0)
			failed = take_out(in, kind, e);
	pthread_mutex_unlock(&in->lock);
	return (failed);
}
