/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that are nowhere any more flow in, and everything that local state
 * knows of them goes: their records at once, the chunks of their packs in a
 * walk over all chunks, some thousand at a time. Until that has come to an end
 * stale copies do no harm: a number is never given twice, and a pack without a
 * record is not alive.
 */
#include <string.h>

#include "base/stop.h"
#include "repository/state_chunks.h"
#include "repository/state_impl.h"
#include "repository/state_sweep.h"

#define FORGET_STEP 256	 /* objects in one transaction */
#define PURGE_STEP  8192 /* chunks looked at in one transaction */

/* --- records --- */

static int
forget_locks(struct state_txn *t, uint64_t number, struct err *e)
{
	uint8_t key[1 + NUMBER_KEY];

	state_number_key(number, key + 1);
	for (uint8_t i = 0; i < STATE_ENDPOINTS_MAX; i++) {
		key[0] = i;
		if (state_db_drop(t, DB_LOCKS, key, sizeof(key), e) < 0)
			return (-1);
	}
	return (0);
}

static int
forget_one(struct state_txn *t, const struct state_object *o, struct err *e)
{
	static const enum state_db by_number[] = { DB_OBJECTS, DB_BODIES,
		DB_PACKS, DB_DIRECTORIES, DB_INDEXES, DB_CLOSURES, DB_CONDEMNED,
		DB_RECEIVED, DB_COVERS };
	const char *id = strchr(o->name, '/');
	uint8_t key[NUMBER_KEY];

	state_number_key(o->number, key);
	for (size_t i = 0; i < sizeof(by_number) / sizeof(by_number[0]); i++)
		if (state_db_drop(t, by_number[i], key, sizeof(key), e) < 0)
			return (-1);
	if (o->class == STATE_MANIFEST && id != NULL &&
	    state_db_drop(t, DB_MANIFESTS, id + 1, strlen(id + 1), e) < 0)
		return (-1);
	if (forget_locks(t, o->number, e) < 0)
		return (-1);
	return (state_db_drop(t, DB_NAMES, o->name, strlen(o->name), e));
}

/* An old index object lists a pack that was replaced: closures come by it, and
 * learn from its record what stands for it. */
static int
is_still_named(
    struct state_txn *t, const struct state_object *o, bool *is, struct err *e)
{
	struct state_object index;
	uint64_t by, replacement;

	*is = false;
	if (o->class != STATE_PACK)
		return (0);
	if (state_replacement(t, o, NULL, &replacement, e) < 0 ||
	    state_index_of(t, o->number, &by, e) < 0)
		return (-1);
	if (replacement == 0 || by == 0)
		return (0);
	return (state_object_get(t, by, &index, is, e));
}

/* Some of them, from *number on; *packs becomes true when one was a pack. */
static int
forget_some(struct state *s, uint64_t *number, uint64_t last, int64_t before,
    uint64_t *n, bool *packs, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	unsigned done = 0;

	if (t == NULL)
		return (-1);
	for (; *number <= last && done < FORGET_STEP; (*number)++) {
		struct state_object o;
		int64_t since;
		bool found;

		if (state_object_get(t, *number, &o, &found, e) < 0)
			return (-1);
		if (!found || !o.is_going || o.deleting != 0)
			continue;
		if (state_get_since(t, o.number, &since, e) < 0)
			return (-1);
		if (since >= before)
			continue;
		if (is_still_named(t, &o, &found, e) < 0)
			return (-1);
		if (found)
			continue;
		if (forget_one(t, &o, e) < 0)
			return (-1);
		*packs |= o.class == STATE_PACK;
		done++;
	}
	*n += done;
	return (done == 0 ? 0 : state_commit(&t, e));
}

/* --- chunks of packs that are gone --- */

struct purge {
	MDB_cursor *at;
	struct buf name, copy; /* the last one looked at */
};

static bool
is_begun(const struct purge *p)
{
	return (p->name.n > 0);
}

/* A copy begins is-delta:u8 pack:u64. */
static int
is_stale(struct state_txn *t, const MDB_val *copy, bool *stale, struct err *e)
{
	struct state_object o;
	bool found;

	if (copy->mv_size < 1 + NUMBER_KEY)
		return (state_damaged(e, "a chunk's copy"));
	if (state_object_get(t,
		state_key_number((const uint8_t *)copy->mv_data + 1), &o,
		&found, e) < 0)
		return (-1);
	*stale = !found;
	return (0);
}

/* Where the last step ended: behind what it looked at, which may be gone. */
static int
resume(struct purge *p, MDB_val *k, MDB_val *v)
{
	int rc;

	if (!is_begun(p))
		return (mdb_cursor_get(p->at, k, v, MDB_FIRST));
	*k = (MDB_val){ p->name.n, p->name.p };
	*v = (MDB_val){ p->copy.n, p->copy.p };
	rc = mdb_cursor_get(p->at, k, v, MDB_GET_BOTH_RANGE);
	if (rc != MDB_NOTFOUND)
		return (rc);
	*k = (MDB_val){ p->name.n, p->name.p };
	rc = mdb_cursor_get(p->at, k, v, MDB_SET_RANGE);
	if (rc == 0 && k->mv_size == p->name.n &&
	    memcmp(k->mv_data, p->name.p, p->name.n) == 0)
		rc = mdb_cursor_get(p->at, k, v, MDB_NEXT_NODUP);
	return (rc);
}

/* Looks at the next ones; *left is false at the end. */
static int
purge_some(struct state_txn *t, struct purge *p, bool *left, struct err *e)
{
	MDB_val k, v;
	int rc = resume(p, &k, &v);

	for (unsigned i = 0; rc == 0 && i < PURGE_STEP; i++) {
		bool stale = false;

		p->name.n = p->copy.n = 0;
		buf_add(&p->name, k.mv_data, k.mv_size);
		buf_add(&p->copy, v.mv_data, v.mv_size);
		if (is_stale(t, &v, &stale, e) < 0)
			return (-1);
		if (stale && (rc = mdb_cursor_del(p->at, 0)) != 0)
			break;
		rc = mdb_cursor_get(p->at, &k, &v, MDB_NEXT);
	}
	*left = rc == 0;
	if (rc != 0 && rc != MDB_NOTFOUND)
		return (state_fail(e, rc, "chunks"));
	return (0);
}

static int
purge_step(struct state *s, struct purge *p, bool *left, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	int rc;

	if (t == NULL)
		return (-1);
	if ((rc = mdb_cursor_open(t->txn, s->dbi[DB_CHUNKS], &p->at)) != 0)
		return (state_fail(e, rc, "chunks"));
	rc = purge_some(t, p, left, e);
	mdb_cursor_close(p->at);
	return (rc < 0 ? -1 : state_commit(&t, e));
}

static int
purge_chunks(struct state *s, struct err *e)
{
	struct purge p = { .at = NULL };
	bool left = true;
	int rc = 0;

	while (left && rc == 0)
		rc = stop_check(e) < 0 ? -1 : purge_step(s, &p, &left, e);
	buf_free(&p.name);
	buf_free(&p.copy);
	return (rc);
}

int
state_forget_gone(struct state *s, int64_t before, uint64_t *n, struct err *e)
{
	uint64_t number = 1, last;
	bool packs = false;

	*n = 0;
	if (state_highest(s, &last, e) < 0)
		return (-1);
	while (number <= last)
		if (forget_some(s, &number, last, before, n, &packs, e) < 0)
			return (-1);
	return (packs ? purge_chunks(s, e) : 0);
}
