/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups and claims flow in, what nobody needs flows out: condemned first,
 * going after the grace. All decisions of a sweep are one write transaction,
 * which is also where a claim is made (state_claims.c): either sees the other's
 * whole work or nothing of it.
 */
#include "repository/state_sweep.h"

#include <string.h>

#include "base/clock.h"
#include "repository/number_bits.h"
#include "repository/state_backups.h"
#include "repository/state_impl.h"

#define CLAIM_KEY ((size_t)2 * NUMBER_KEY)

/* --- since when --- */

/* Since when it is condemned, or goes; *since is 0 for neither. */
int
state_get_since(
    struct state_txn *t, uint64_t number, int64_t *since, struct err *e)
{
	uint8_t key[NUMBER_KEY];
	struct bytes v;
	bool found;

	*since = 0;
	state_number_key(number, key);
	if (state_db_get(t, DB_CONDEMNED, key, sizeof(key), &v, &found, e) < 0)
		return (-1);
	if (!found)
		return (0);
	*since = bytes_i64(&v);
	return (bytes_done(&v) ? 0 : state_damaged(e, "a condemned object"));
}

int
state_put_since(
    struct state_txn *t, uint64_t number, int64_t now, struct err *e)
{
	SCOPED(buf_free) struct buf v = BUF_INIT;
	uint8_t key[NUMBER_KEY];

	state_number_key(number, key);
	buf_add_i64(&v, now);
	return (state_db_put(t, DB_CONDEMNED, key, sizeof(key), v.p, v.n, e));
}

/* --- manifests --- */

static int
get_removed(struct state_txn *t, uint64_t *n, struct err *e)
{
	uint8_t raw[8] = { 0 };
	struct bytes b = bytes_of(raw, sizeof(raw));
	bool found;

	if (state_meta_get(t, "removed", raw, sizeof(raw), &found, e) < 0)
		return (-1);
	*n = bytes_u64(&b);
	return (0);
}

static int
put_removed(struct state_txn *t, uint64_t n, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	buf_add_u64(&b, n);
	return (state_meta_put(t, "removed", b.p, b.n, e));
}

static int
count_removed(struct state_txn *t, struct err *e)
{
	uint64_t n;

	return (get_removed(t, &n, e) < 0 ? -1 : put_removed(t, n + 1, e));
}

int
state_removed_since(struct state *s, uint64_t *n, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	return (state_read(s, &t, e) < 0 ? -1 : get_removed(&t, n, e));
}

int
state_looked_at_removed(struct state *s, uint64_t n, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	uint64_t now;

	if (t == NULL || get_removed(t, &now, e) < 0 ||
	    put_removed(t, now > n ? now - n : 0, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/* Nowhere any more, and to be deleted wherever it may be. */
static int
let_it_go(struct state_txn *t, const struct state_object *was, int64_t now,
    struct err *e)
{
	struct state_object o = *was;

	o.is_going = true;
	o.deleting = was->confirmed | was->pending | was->damaged |
	    was->missing;
	o.confirmed = o.pending = o.damaged = o.missing = 0;
	if (state_object_has_file(was))
		o.spooled = false;
	if (state_object_put(t, was, &o, e) < 0 ||
	    (o.class == STATE_MANIFEST && count_removed(t, e) < 0))
		return (-1);
	return (state_put_since(t, o.number, now, e));
}

int
state_remove_manifest(
    struct state_txn *t, const char *backup, int64_t now, struct err *e)
{
	char name[OBJECT_NAME_TEXT];
	struct state_object o;
	bool found;

	manifest_name(backup, name);
	if (state_object_find(t, name, &o, &found, e) < 0)
		return (-1);
	if (!found)
		return (
		    err_set(e, ERR_MISSING, "there is no backup %s", backup));
	return (o.is_going ? 0 : let_it_go(t, &o, now, e));
}

/* One that this machine never had, or has forgotten. */
static int
add_going(struct state_txn *t, const char *name, uint64_t bytes, uint32_t bit,
    int64_t now, struct err *e)
{
	struct state_object o;
	bool known;

	if (state_object_add(t, name, STATE_MANIFEST, &o, &known, e) < 0)
		return (-1);
	o.bytes = bytes;
	o.pending = 0;
	o.is_going = true;
	o.deleting = bit;
	if (state_object_put(t, NULL, &o, e) < 0)
		return (-1);
	return (state_put_since(t, o.number, now, e));
}

int
state_remove_manifest_at(struct state *s, const char *backup, uint64_t bytes,
    uint8_t endpoint, int64_t now, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	uint32_t bit = (uint32_t)1 << endpoint;
	char name[OBJECT_NAME_TEXT];
	struct state_object was, o;
	bool found;

	manifest_name(backup, name);
	if (t == NULL || state_object_find(t, name, &was, &found, e) < 0)
		return (-1);
	if (found && (!was.is_going || (was.deleting & bit) != 0))
		return (0);
	o = was;
	o.deleting |= bit;
	if ((found ? state_object_put(t, &was, &o, e)
		   : add_going(t, name, bytes, bit, now, e)) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/* --- who needs what --- */

struct removed_walk {
	int (*each)(const char *backup, const struct state_marks *marks,
	    void *arg, struct err *e);
	void *arg;
	struct state *s;
};

static int
look_whether_removed(const struct state_object *o, const void *p, size_t n,
    void *arg, struct err *e)
{
	struct removed_walk *w = arg;
	const char *slash = strchr(o->name, '/');
	struct state_marks marks;

	(void)p;
	(void)n;
	if (o->is_going || slash == NULL)
		return (0);
	if (state_get_marks(w->s, slash + 1, &marks, e) < 0)
		return (-1);
	return (marks.removed ? w->each(slash + 1, &marks, w->arg, e) : 0);
}

int
state_each_removed_elsewhere(struct state *s,
    int (*each)(const char *backup, const struct state_marks *marks, void *arg,
	struct err *e),
    void *arg, struct err *e)
{
	struct removed_walk w = { each, arg, s };

	return (state_each_manifest(s, look_whether_removed, &w, e));
}

int
state_let_lock_end(
    struct state *s, const char *backup, bool ends, int64_t now, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	uint8_t key[NUMBER_KEY];
	char name[OBJECT_NAME_TEXT];
	struct state_object o;
	int64_t since;
	bool found;

	manifest_name(backup, name);
	if (t == NULL || state_object_find(t, name, &o, &found, e) < 0)
		return (-1);
	if (!found || o.is_going)
		return (0);
	if (state_get_since(t, o.number, &since, e) < 0)
		return (-1);
	if ((since != 0) == ends)
		return (0);
	state_number_key(o.number, key);
	if ((ends ? state_put_since(t, o.number, now, e)
		  : state_db_drop(t, DB_CONDEMNED, key, sizeof(key), e)) < 0)
		return (-1);
	return (state_commit(&t, e));
}

static bool
is_without(const struct state_sweep *sweep, const char *id)
{
	for (size_t i = 0; i < sweep->nwithout; i++)
		if (strcmp(sweep->without[i], id) == 0)
			return (true);
	return (false);
}

/* One manifest: everything it needs, unless it goes. One whose removal this
 * machine learnt from an endpoint begins to. */
static int
mark_backup(struct state_txn *t, const struct state_walk *w,
    struct number_bits *needed, struct state_sweep *sweep, struct err *e)
{
	char id[BACKUP_ID_TEXT] = "";
	struct state_marks marks;
	struct state_object o;
	bool is_whole = true;

	if (w->value.n != NUMBER_KEY || w->key.n >= sizeof(id))
		return (state_damaged(e, "a manifest's number"));
	memcpy(id, w->key.p, w->key.n);
	if (state_object_must(t, state_key_number(w->value.p), &o, e) < 0 ||
	    state_marks_read(t, id, &marks, e) < 0)
		return (-1);
	if (o.is_going || is_without(sweep, id))
		return (0);
	if (marks.removed)
		return (let_it_go(t, &o, sweep->now, e));
	if (state_closure_mark(t, o.number, needed, &is_whole, e) < 0)
		return (-1);
	if (is_whole || sweep->unread[0] != '\0')
		return (0);
	memcpy(sweep->unread, id, sizeof(id));
	return (0);
}

static int
mark_backups(struct state_txn *t, struct number_bits *needed,
    struct state_sweep *sweep, struct err *e)
{
	SCOPED(state_walk_free) struct state_walk w = { .db = DB_MANIFESTS };
	bool found = true;

	while (found)
		if (state_db_next(t, &w, &found, e) < 0 ||
		    (found && mark_backup(t, &w, needed, sweep, e) < 0))
			return (-1);
	return (0);
}

static int
mark_claims(struct state_txn *t, struct number_bits *needed, struct err *e)
{
	SCOPED(state_walk_free) struct state_walk w = { .db = DB_CLAIMS };
	bool found;

	for (;;) {
		uint64_t number, index;

		if (state_db_next(t, &w, &found, e) < 0)
			return (-1);
		if (!found)
			return (0);
		if (w.key.n != CLAIM_KEY)
			return (state_damaged(e, "a claim"));
		number = state_key_number(w.key.p + NUMBER_KEY);
		number_bits_set(needed, number);
		if (state_index_of(t, number, &index, e) < 0)
			return (-1);
		if (index != 0)
			number_bits_set(needed, index);
	}
}

/* --- condemned, and going --- */

static int
forgive(struct state_txn *t, uint64_t number, struct err *e)
{
	uint8_t key[NUMBER_KEY];

	state_number_key(number, key);
	return (state_db_drop(t, DB_CONDEMNED, key, sizeof(key), e));
}

static void
count_going(struct state_sweep *sweep, const struct state_object *o)
{
	if (o->class == STATE_PACK) {
		sweep->going++;
		sweep->going_bytes += o->bytes;
	}
	if (!state_object_has_file(o))
		return;
	sweep->files++;
	buf_add(&sweep->spooled, o->name, strlen(o->name) + 1);
}

/* Nobody needs it. A date in the future comes from a clock that was wrong: the
 * grace begins again. */
static int
judge_unneeded(struct state_txn *t, const struct state_object *o,
    struct state_sweep *sweep, struct err *e)
{
	int64_t since;

	if (state_get_since(t, o->number, &since, e) < 0)
		return (-1);
	if (since == 0 || since > sweep->now) {
		if (state_put_since(t, o->number, sweep->now, e) < 0)
			return (-1);
		since = sweep->now;
	}
	if ((uint64_t)(sweep->now - since) < sweep->grace_s) {
		sweep->condemned += o->class == STATE_PACK;
		sweep->condemned_bytes += o->class == STATE_PACK ? o->bytes : 0;
		return (0);
	}
	count_going(sweep, o);
	return (let_it_go(t, o, sweep->now, e));
}

/* An endpoint that was away has shown a backup that needs it: what was not yet
 * deleted stays. Where that is, the next listing tells: a DELETE is also due
 * where it never was. */
static int
revive(struct state_txn *t, const struct state_object *was, struct err *e)
{
	struct state_object o = *was;
	uint32_t configured;

	if (state_mask(t, &configured, e) < 0)
		return (-1);
	o.is_going = false;
	o.confirmed = was->deleting & ~configured;
	o.deleting = 0;
	o.pending = configured;
	if (state_object_put(t, was, &o, e) < 0)
		return (-1);
	return (forgive(t, o.number, e));
}

static int
judge_one(struct state_txn *t, const struct state_object *o, bool is_needed,
    struct state_sweep *sweep, struct err *e)
{
	if (o->is_going)
		return (is_needed ? revive(t, o, e) : 0);
	return (is_needed ? forgive(t, o->number, e)
			  : judge_unneeded(t, o, sweep, e));
}

static int
judge_all(struct state_txn *t, const struct number_bits *needed,
    struct state_sweep *sweep, struct err *e)
{
	uint64_t last;

	if (state_object_highest(t, &last, e) < 0)
		return (-1);
	for (uint64_t number = 1; number <= last; number++) {
		struct state_object o;
		bool found;

		if (state_object_get(t, number, &o, &found, e) < 0)
			return (-1);
		if (!found || (o.class != STATE_PACK && o.class != STATE_INDEX))
			continue;
		if (judge_one(
			t, &o, number_bits_has(needed, number), sweep, e) < 0)
			return (-1);
	}
	return (0);
}

int
state_sweep(struct state *s, struct state_sweep *sweep, struct err *e)
{
	SCOPED(number_bits_free) struct number_bits needed = NUMBER_BITS_INIT;
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);

	if (t == NULL || mark_backups(t, &needed, sweep, e) < 0 ||
	    mark_claims(t, &needed, e) < 0)
		return (-1);
	if (sweep->unread[0] != '\0')
		return (0);
	if (judge_all(t, &needed, sweep, e) < 0)
		return (-1);
	return (sweep->only_looks ? 0 : state_commit(&t, e));
}

static int
drop_if_absent(struct state_txn *t, const struct state_object *o, int64_t now,
    struct err *e)
{
	struct state_object gone = *o;

	if (o->is_going || o->spooled || o->confirmed != 0 ||
	    (o->class != STATE_PACK && o->class != STATE_INDEX))
		return (0);
	gone.pending = 0; /* nothing to delete anywhere */
	if (state_object_put(t, o, &gone, e) < 0)
		return (-1);
	return (let_it_go(t, &gone, now, e));
}

int
state_drop_absent(struct state *s, int64_t now, struct err *e)
{
	SCOPED(number_bits_free) struct number_bits needed = NUMBER_BITS_INIT;
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	struct state_sweep sweep = { .now = now };
	uint64_t last;

	if (t == NULL || mark_backups(t, &needed, &sweep, e) < 0 ||
	    state_object_highest(t, &last, e) < 0)
		return (-1);
	if (sweep.unread[0] != '\0')
		return (0);
	for (uint64_t number = 1; number <= last; number++) {
		struct state_object o;
		bool found;

		if (state_object_get(t, number, &o, &found, e) < 0)
			return (-1);
		if (found && !number_bits_has(&needed, number) &&
		    drop_if_absent(t, &o, now, e) < 0)
			return (-1);
	}
	return (state_commit(&t, e));
}

void
state_sweep_free(struct state_sweep *sweep)
{
	buf_free(&sweep->spooled);
}

int
state_is_condemned(struct state *s, uint64_t number, bool *is, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	int64_t since;

	if (state_read(s, &t, e) < 0 ||
	    state_get_since(&t, number, &since, e) < 0)
		return (-1);
	*is = since != 0;
	return (0);
}

/* --- DELETE --- */

int
state_next_deleting(struct state *s, uint8_t endpoint, enum state_class class,
    uint64_t after, struct state_object *out, bool *found, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	SCOPED(state_walk_free) struct state_walk w = { .db = DB_DELETING };
	uint8_t key[PENDING_KEY];

	state_pending_key(endpoint, (uint8_t) class, after, key);
	buf_add(&w.key, key, sizeof(key));
	if (state_read(s, &t, e) < 0 || state_db_next(&t, &w, found, e) < 0)
		return (-1);
	if (!*found || w.key.n != PENDING_KEY || w.key.p[0] != endpoint ||
	    w.key.p[1] != class) {
		*found = false;
		return (0);
	}
	return (state_object_must(&t, state_key_number(w.key.p + 2), out, e));
}

int
state_deleted(struct state *s, uint64_t number, uint8_t endpoint, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	struct state_object was, o;
	bool found;

	if (t == NULL || state_object_get(t, number, &was, &found, e) < 0)
		return (-1);
	if (!found)
		return (0);
	o = was;
	o.deleting &= ~((uint32_t)1 << endpoint);
	if (state_object_put(t, &was, &o, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}
