/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions of local state, and entries within them: every read and write of
 * the databases goes through here, and so does every answer of LMDB's. What
 * always holds: a transaction holds the map shared from its begin to its end,
 * and the map is resized only while it is held exclusively.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "repository/state_impl.h"

#define ROOM_LEAST ((uint64_t)1 << 20) /* less is a full disk */

const char *const state_db_names[DB_COUNT] = { "meta", "endpoints", "names",
	"objects", "pending", "bodies", "chunks", "packs", "directories",
	"indexes", "manifests", "closures", "audit", "marks", "files", "locks",
	"condemned", "deleting", "claims", "received" };

int
state_damaged(struct err *e, const char *what)
{
	state_note_damage();
	err_set(e, ERR_CORRUPT, "local state is damaged: %s", what);
	return (err_hint(e,
	    "run the command again: it sets the damaged state aside and "
	    "rebuilds it from the endpoints, as 'triplicate recover' would"));
}

int
state_fail(struct err *e, int rc, const char *what)
{
	switch (rc) {
	case MDB_MAP_FULL:
		return (err_set(e, ERR_FULL, "local state: %s: no room", what));
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_PANIC:
	case MDB_INVALID:
	case MDB_INCOMPATIBLE:
	case MDB_NOTFOUND:
	case MDB_BAD_VALSIZE:
	case MDB_BAD_DBI:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
	case MDB_BAD_TXN: return (state_damaged(e, mdb_strerror(rc)));
	case MDB_VERSION_MISMATCH:
		return (err_set(e, ERR_VERSION,
		    "local state: %s: another version of LMDB", what));
	case MDB_READERS_FULL:
		return (err_set(
		    e, ERR_AGAIN, "local state: %s: too many readers", what));
	default:
		if (rc < 0)
			return (err_set(e, ERR_SYSTEM, "local state: %s: %s",
			    what, mdb_strerror(rc)));
		errno = rc;
		return (err_errno(e, "local state: %s", what));
	}
}

int
state_fail_write(const struct state *s, struct err *e, int rc, const char *what)
{
	struct err ignored = ERR_INIT;
	uint64_t left;

	/* LMDB calls a write that was cut short an I/O error. */
	if (rc == EIO && file_free_space(s->folder, &left, &ignored) == 0 &&
	    left < ROOM_LEAST)
		rc = ENOSPC;
	(void)state_fail(e, rc, what);
	return (err_within(e, "%s", s->folder));
}

/* --- transactions --- */

/* Another process made the map larger: take its size over. */
static int
follow_size(struct state *s)
{
	int rc;

	pthread_rwlock_wrlock(&s->map);
	rc = mdb_env_set_mapsize(s->env, 0);
	pthread_rwlock_unlock(&s->map);
	return (rc);
}

int
state_txn_open(struct state *s, unsigned flags, MDB_txn **out, struct err *e)
{
	int rc;

	for (unsigned tries = 0;; tries++) {
		pthread_rwlock_rdlock(&s->map);
		rc = mdb_txn_begin(s->env, NULL, flags, out);
		if (rc == 0)
			return (0);
		pthread_rwlock_unlock(&s->map);
		if (rc != MDB_MAP_RESIZED || tries == 10)
			return (state_fail(e, rc, "begin"));
		if ((rc = follow_size(s)) != 0)
			return (state_fail(e, rc, "resize"));
	}
}

/* The map is held by the caller, one way or the other. */
static bool
is_nearly_full(struct state *s, size_t *map_bytes)
{
	MDB_envinfo info;
	MDB_stat st;

	if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &st) != 0)
		return (false);
	*map_bytes = info.me_mapsize;
	return (
	    (info.me_last_pgno + 1) * st.ms_psize > info.me_mapsize / 4 * 3);
}

/* Doubles the map when it is three quarters full. */
static int
grow(struct state *s, struct err *e)
{
	size_t map_bytes;
	bool is_full;
	int rc = 0;

	pthread_rwlock_rdlock(&s->map);
	is_full = is_nearly_full(s, &map_bytes);
	pthread_rwlock_unlock(&s->map);
	if (!is_full)
		return (0);
	pthread_rwlock_wrlock(&s->map);
	if (is_nearly_full(s, &map_bytes))
		rc = mdb_env_set_mapsize(s->env, map_bytes * 2);
	pthread_rwlock_unlock(&s->map);
	return (rc == 0 ? 0 : state_fail(e, rc, "grow"));
}

struct state_txn *
state_begin(struct state *s, struct err *e)
{
	MDB_txn *txn;
	struct state_txn *t;

	if (grow(s, e) < 0 || state_txn_open(s, 0, &txn, e) < 0)
		return (NULL);
	t = mem_new(sizeof(*t));
	t->s = s;
	t->txn = txn;
	return (t);
}

int
state_commit(struct state_txn **t, struct err *e)
{
	struct state_txn *open = TAKE(*t);
	struct state *s = open->s;
	bool wake = open->changed;
	int rc;

	file_step("state commit");
	rc = mdb_txn_commit(open->txn);
	pthread_rwlock_unlock(&s->map);
	free(open);
	if (rc != 0)
		return (state_fail_write(s, e, rc, "commit"));
	file_step("state committed");
	if (wake)
		state_wake(s);
	return (0);
}

void
state_abort(struct state_txn *t)
{
	if (t == NULL)
		return;
	mdb_txn_abort(t->txn);
	pthread_rwlock_unlock(&t->s->map);
	free(t);
}

void
state_abortp(struct state_txn **t)
{
	state_abort(*t);
	*t = NULL;
}

int
state_read(struct state *s, struct state_txn *t, struct err *e)
{
	MDB_txn *txn;

	if (state_txn_open(s, MDB_RDONLY, &txn, e) < 0)
		return (-1);
	t->s = s;
	t->txn = txn;
	return (0);
}

void
state_read_end(struct state_txn *t)
{
	if (t->s == NULL)
		return;
	mdb_txn_abort(t->txn);
	pthread_rwlock_unlock(&t->s->map);
	t->s = NULL;
}

/* --- entries --- */

/* LMDB takes keys and values it only reads without const. */
static MDB_val
val(const void *p, size_t n)
{
	MDB_val v;
	union {
		const void *in;
		void *out;
	} same = { .in = p };

	v.mv_data = same.out;
	v.mv_size = n;
	return (v);
}

int
state_db_get(struct state_txn *t, enum state_db db, const void *key,
    size_t key_bytes, struct bytes *value, bool *found, struct err *e)
{
	MDB_val k = val(key, key_bytes), v;
	int rc = mdb_get(t->txn, t->s->dbi[db], &k, &v);

	*found = rc == 0;
	if (rc == MDB_NOTFOUND)
		return (0);
	if (rc != 0)
		return (state_fail(e, rc, state_db_names[db]));
	*value = bytes_of(v.mv_data, v.mv_size);
	return (0);
}

int
state_db_put(struct state_txn *t, enum state_db db, const void *key,
    size_t key_bytes, const void *p, size_t n, struct err *e)
{
	MDB_val k = val(key, key_bytes), v = val(p, n);
	unsigned flags = db == DB_CHUNKS ? MDB_NODUPDATA : 0;
	int rc = mdb_put(t->txn, t->s->dbi[db], &k, &v, flags);

	if (rc == MDB_KEYEXIST)
		return (0);
	return (rc == 0 ? 0 : state_fail(e, rc, state_db_names[db]));
}

int
state_db_drop(struct state_txn *t, enum state_db db, const void *key,
    size_t key_bytes, struct err *e)
{
	MDB_val k = val(key, key_bytes);
	int rc = mdb_del(t->txn, t->s->dbi[db], &k, NULL);

	if (rc == 0 || rc == MDB_NOTFOUND)
		return (0);
	return (state_fail(e, rc, state_db_names[db]));
}

int
state_db_next(
    struct state_txn *t, struct state_walk *w, bool *found, struct err *e)
{
	MDB_val k = val(w->key.p, w->key.n), v;
	MDB_cursor *c;
	int rc;

	if ((rc = mdb_cursor_open(t->txn, t->s->dbi[w->db], &c)) != 0)
		return (state_fail(e, rc, state_db_names[w->db]));
	rc = mdb_cursor_get(
	    c, &k, &v, w->key.n == 0 ? MDB_FIRST : MDB_SET_RANGE);
	if (rc == 0 && k.mv_size == w->key.n &&
	    memcmp(k.mv_data, w->key.p, w->key.n) == 0)
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	*found = rc == 0;
	if (rc == 0) {
		w->key.n = w->value.n = 0;
		buf_add(&w->key, k.mv_data, k.mv_size);
		buf_add(&w->value, v.mv_data, v.mv_size);
	}
	mdb_cursor_close(c);
	if (rc == 0 || rc == MDB_NOTFOUND)
		return (0);
	return (state_fail(e, rc, state_db_names[w->db]));
}

void
state_walk_free(struct state_walk *w)
{
	buf_free(&w->key);
	buf_free(&w->value);
}

void
state_number_key(uint64_t number, uint8_t key[NUMBER_KEY])
{
	for (size_t i = 0; i < NUMBER_KEY; i++)
		key[i] = (uint8_t)(number >> (8 * (NUMBER_KEY - 1 - i)));
}

uint64_t
state_key_number(const uint8_t key[NUMBER_KEY])
{
	uint64_t number = 0;

	for (size_t i = 0; i < NUMBER_KEY; i++)
		number = number << 8 | key[i];
	return (number);
}

int
state_meta_get(struct state_txn *t, const char *name, void *out, size_t n,
    bool *found, struct err *e)
{
	struct bytes v;

	if (state_db_get(t, DB_META, name, strlen(name), &v, found, e) < 0)
		return (-1);
	if (!*found)
		return (0);
	if (v.n != n)
		return (state_damaged(e, name));
	bytes_copy(&v, out, n);
	return (0);
}

int
state_meta_put(struct state_txn *t, const char *name, const void *p, size_t n,
    struct err *e)
{
	return (state_db_put(t, DB_META, name, strlen(name), p, n, e));
}
