/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that need not be read again: opaque values by identity. Forgetting
 * looks through all of them in short transactions, so that nobody waits long.
 */
#include "repository/state_chunks.h"
#include "repository/state_impl.h"

#define IDENTITY     16
#define FORGET_MOST  4096  /* a transaction: each may dirty a page of its own */
#define FORGET_LOOKS 65536 /* in one view of the database */

int
state_recall(struct state *s, const uint8_t identity[16], struct buf *out,
    bool *found, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct bytes v;

	if (state_read(s, &t, e) < 0 ||
	    state_db_get(&t, DB_FILES, identity, IDENTITY, &v, found, e) < 0)
		return (-1);
	if (*found)
		buf_add(out, v.p, v.n);
	return (0);
}

int
state_remember(struct state_txn *t, const uint8_t identity[16], const void *p,
    size_t n, struct err *e)
{
	return (state_db_put(t, DB_FILES, identity, IDENTITY, p, n, e));
}

/* Reads on from where w stands, and lists up to FORGET_MOST that go. */
static int
list_going(struct state *s, struct state_walk *w,
    bool (*goes)(
	const uint8_t identity[16], const struct bytes *value, void *arg),
    void *arg, struct buf *list, bool *more, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct bytes value;
	size_t looks;

	if (state_read(s, &t, e) < 0)
		return (-1);
	*more = true;
	for (looks = 0; looks < FORGET_LOOKS && *more; looks++) {
		if (list->n >= (size_t)FORGET_MOST * IDENTITY)
			return (0);
		if (state_db_next(&t, w, more, e) < 0)
			return (-1);
		value = bytes_of(w->value.p, w->value.n);
		if (*more && w->key.n == IDENTITY &&
		    goes(w->key.p, &value, arg))
			buf_add(list, w->key.p, IDENTITY);
	}
	return (0);
}

int
state_forget(struct state *s,
    bool (*goes)(
	const uint8_t identity[16], const struct bytes *value, void *arg),
    void *arg, struct err *e)
{
	SCOPED(state_walk_free) struct state_walk w = { .db = DB_FILES };
	SCOPED(buf_free) struct buf list = BUF_INIT;
	bool more = true;

	while (more) {
		SCOPED(state_abortp) struct state_txn *t = NULL;

		list.n = 0;
		if (list_going(s, &w, goes, arg, &list, &more, e) < 0)
			return (-1);
		if (list.n == 0)
			continue;
		if ((t = state_begin(s, e)) == NULL)
			return (-1);
		for (size_t i = 0; i < list.n; i += IDENTITY)
			if (state_db_drop(
				t, DB_FILES, list.p + i, IDENTITY, e) < 0)
				return (-1);
		if (state_commit(&t, e) < 0)
			return (-1);
	}
	return (0);
}
