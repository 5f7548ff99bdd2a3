/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where: objects confirmed at, pending for, damaged or missing at an
 * endpoint, and the sums of it.
 */
#include <string.h>

#include "repository/state_backups.h"
#include "repository/state_impl.h"

/* An upload that was under way when the object began to go: it goes there,
 * too. */
static int
note_late(struct state_txn **t, const struct state_object *was, uint32_t bit,
    struct err *e)
{
	struct state_object o = *was;

	o.deleting |= bit;
	if (state_object_put(*t, was, &o, e) < 0)
		return (-1);
	return (state_commit(t, e));
}

int
state_confirm(struct state *s, uint64_t number, uint8_t endpoint, bool *let_go,
    struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	uint32_t bit = (uint32_t)1 << endpoint, configured;
	struct state_object was, o;
	bool found;

	if ((t = state_begin(s, e)) == NULL ||
	    state_object_get(t, number, &was, &found, e) < 0 ||
	    state_mask(t, &configured, e) < 0)
		return (-1);
	if (let_go != NULL)
		*let_go = false;
	if (!found)
		return (0);
	o = was;
	if (o.is_going)
		return (note_late(&t, &was, bit, e));
	o.confirmed |= bit;
	o.pending &= ~bit;
	o.damaged &= ~bit;
	o.missing &= ~bit;
	if (state_object_has_file(&o) && (configured & ~o.confirmed) == 0)
		o.spooled = false;
	if (state_object_put(t, &was, &o, e) < 0 || state_commit(&t, e) < 0)
		return (-1);
	if (let_go != NULL)
		*let_go = was.spooled && !o.spooled;
	return (0);
}

int
state_mark(struct state *s, uint64_t number, uint8_t endpoint,
    enum state_mark mark, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	uint32_t bit = (uint32_t)1 << endpoint;
	struct state_object was, o;
	bool found;

	if ((t = state_begin(s, e)) == NULL ||
	    state_object_get(t, number, &was, &found, e) < 0)
		return (-1);
	if (!found || was.is_going)
		return (0);
	o = was;
	o.confirmed &= ~bit;
	o.pending |= bit;
	if (mark == STATE_DAMAGED) {
		o.damaged |= bit;
		o.missing &= ~bit;
	} else {
		o.missing |= bit;
		o.damaged &= ~bit;
	}
	if (state_object_put(t, &was, &o, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

int
state_set_spooled(struct state *s, uint64_t number, bool spooled, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct state_object was, o;
	bool found;

	if ((t = state_begin(s, e)) == NULL ||
	    state_object_get(t, number, &was, &found, e) < 0)
		return (-1);
	if (!found || was.is_going)
		return (0);
	o = was;
	o.spooled = spooled;
	if (state_object_put(t, &was, &o, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

int
state_let_go(struct state *s, uint64_t number, unsigned least, uint32_t without,
    bool *let_go, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct state_object was, o;
	uint32_t configured, have;
	bool found;

	*let_go = false;
	if ((t = state_begin(s, e)) == NULL ||
	    state_object_get(t, number, &was, &found, e) < 0 ||
	    state_mask(t, &configured, e) < 0)
		return (-1);
	if (!found)
		return (0);
	have = was.confirmed & configured;
	if (!state_object_has_file(&was) || have == 0 ||
	    (unsigned)__builtin_popcount(have) < least ||
	    (configured & ~have & ~without) != 0)
		return (0);
	o = was;
	o.spooled = false;
	if (state_object_put(t, &was, &o, e) < 0 || state_commit(&t, e) < 0)
		return (-1);
	*let_go = true;
	return (0);
}

/* A manifest with a removal entry does not come back. */
static int
is_removed(struct state_txn *t, const struct state_object *o, bool *removed,
    struct err *e)
{
	const char *slash = strrchr(o->name, '/');
	struct state_marks marks;

	*removed = false;
	if (o->class != STATE_MANIFEST || slash == NULL)
		return (0);
	if (state_marks_read(t, slash + 1, &marks, e) < 0)
		return (-1);
	*removed = marks.removed;
	return (0);
}

int
state_next_pending(struct state *s, uint8_t endpoint,
    const struct state_object *after, struct state_object *out, bool *found,
    struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	SCOPED(state_walk_free) struct state_walk w = { .db = DB_PENDING };
	uint8_t key[PENDING_KEY];
	bool removed = true;

	/* Numbers begin at 1: nothing is pending under 0. */
	state_pending_key(endpoint, after == NULL ? 0 : after->class,
	    after == NULL ? 0 : after->number, key);
	buf_add(&w.key, key, sizeof(key));
	if (state_read(s, &t, e) < 0)
		return (-1);
	while (removed) {
		if (state_db_next(&t, &w, found, e) < 0)
			return (-1);
		if (!*found || w.key.n != PENDING_KEY ||
		    w.key.p[0] != endpoint) {
			*found = false;
			return (0);
		}
		if (state_object_must(
			&t, state_key_number(w.key.p + 2), out, e) < 0 ||
		    is_removed(&t, out, &removed, e) < 0)
			return (-1);
	}
	return (0);
}

static int
tally_object(const struct state_object *o, void *arg, struct err *e)
{
	struct state_tally *sum = arg;

	(void)e;
	for (uint8_t i = 0; i < STATE_ENDPOINTS_MAX; i++) {
		uint32_t bit = (uint32_t)1 << i;

		if (o->confirmed & bit) {
			sum->objects[i]++;
			sum->bytes[i] += o->bytes;
		}
		if (o->pending & bit) {
			sum->pending_packs[i] += o->class == STATE_PACK;
			sum->pending_objects[i]++;
			sum->pending_audits[i] += o->class == STATE_AUDIT;
			sum->pending_bytes[i] += o->bytes;
			if (sum->pending_since[i] == 0 ||
			    o->created < sum->pending_since[i])
				sum->pending_since[i] = o->created;
		}
		sum->damaged[i] += (o->damaged & bit) != 0;
		sum->missing[i] += (o->missing & bit) != 0;
	}
	if (state_object_has_file(o)) {
		sum->spool_packs += o->class == STATE_PACK;
		sum->spool_objects++;
		sum->spool_bytes += o->bytes;
	}
	return (0);
}

int
state_tally(struct state *s, struct state_tally *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	return (state_each(s, -1, tally_object, out, e));
}
