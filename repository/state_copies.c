/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All copies of local state, some thousand at a time, so that no reader keeps
 * old pages for long: what changes meanwhile may be seen or not.
 */
#include <stdlib.h>
#include <string.h>

#include "repository/state_chunks.h"
#include "repository/state_impl.h"

#define STEP 4096

struct copy_walk {
	struct buf name, copy; /* the last one seen */
	size_t n;
	struct state_copy v[STEP];
};

static void
walk_free(struct copy_walk **w)
{
	buf_free(&(*w)->name);
	buf_free(&(*w)->copy);
	free(*w);
}

/* The first, or the one behind the last one seen, which may be gone. */
static int
resume(MDB_cursor *at, const struct copy_walk *w, MDB_val *k, MDB_val *v)
{
	int rc;

	if (w->name.n == 0)
		return (mdb_cursor_get(at, k, v, MDB_FIRST));
	*k = (MDB_val){ w->name.n, w->name.p };
	*v = (MDB_val){ w->copy.n, w->copy.p };
	rc = mdb_cursor_get(at, k, v, MDB_GET_BOTH_RANGE);
	if (rc == 0 && v->mv_size == w->copy.n &&
	    memcmp(v->mv_data, w->copy.p, w->copy.n) == 0) {
		*k = (MDB_val){ w->name.n, w->name.p };
		return (mdb_cursor_get(at, k, v, MDB_NEXT));
	}
	if (rc == 0) {
		*k = (MDB_val){ w->name.n, w->name.p };
		return (0);
	}
	*k = (MDB_val){ w->name.n, w->name.p };
	rc = mdb_cursor_get(at, k, v, MDB_SET_RANGE);
	if (rc == 0 && k->mv_size == w->name.n &&
	    memcmp(k->mv_data, w->name.p, w->name.n) == 0)
		rc = mdb_cursor_get(at, k, v, MDB_NEXT_NODUP);
	return (rc);
}

static int
take(struct copy_walk *w, const MDB_val *k, const MDB_val *v, struct err *e)
{
	struct bytes b = bytes_of(v->mv_data, v->mv_size);
	struct name name;

	if (k->mv_size != sizeof(name))
		return (state_damaged(e, "a chunk's name"));
	memcpy(name.b, k->mv_data, sizeof(name.b));
	w->name.n = w->copy.n = 0;
	buf_add(&w->name, k->mv_data, k->mv_size);
	buf_add(&w->copy, v->mv_data, v->mv_size);
	return (state_copy_decode(&name, &b, &w->v[w->n++], e));
}

static int
fill(MDB_cursor *at, struct copy_walk *w, struct err *e)
{
	MDB_val k, v;
	int rc = resume(at, w, &k, &v);

	for (w->n = 0; rc == 0 && w->n < STEP;
	     rc = mdb_cursor_get(at, &k, &v, MDB_NEXT))
		if (take(w, &k, &v, e) < 0)
			return (-1);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return (state_fail(e, rc, "chunks"));
	return (0);
}

static int
next_copies(struct state *s, struct copy_walk *w, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	MDB_cursor *at;
	int rc;

	if (state_read(s, &t, e) < 0)
		return (-1);
	if ((rc = mdb_cursor_open(t.txn, s->dbi[DB_CHUNKS], &at)) != 0)
		return (state_fail(e, rc, "chunks"));
	rc = fill(at, w, e);
	mdb_cursor_close(at);
	return (rc);
}

int
state_each_copy(struct state *s,
    int (*each)(const struct state_copy *c, void *arg, struct err *e),
    void *arg, struct err *e)
{
	SCOPED(walk_free) struct copy_walk *w = mem_new(sizeof(*w));

	for (;;) {
		if (next_copies(s, w, e) < 0)
			return (-1);
		if (w->n == 0)
			return (0);
		for (size_t i = 0; i < w->n; i++) {
			int answer = each(&w->v[i], arg, e);

			if (answer != 0)
				return (answer);
		}
	}
}

int
state_count_copies(struct state *s, uint64_t *n, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	MDB_stat st;
	int rc;

	if (state_read(s, &t, e) < 0)
		return (-1);
	if ((rc = mdb_stat(t.txn, s->dbi[DB_CHUNKS], &st)) != 0)
		return (state_fail(e, rc, "chunks"));
	*n = st.ms_entries;
	return (0);
}
