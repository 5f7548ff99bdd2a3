/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A listing of an endpoint against local state. Four bits an object are kept
 * while it runs (confirmed when it began, seen, seen with another size,
 * hidden), so a million objects take 512 KiB. An object that was confirmed only
 * after the listing began is left alone: the listing may have passed its name
 * before.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "repository/state_impl.h"
#include "storage-drivers/store.h"

struct state_listing {
	struct state *s;
	uint8_t endpoint;
	int64_t began;
	uint64_t last; /* highest number when it began */
	uint8_t *confirmed, *seen, *cut, *hidden;
};

static void
set(uint8_t *bits, uint64_t i)
{
	bits[i / 8] |= (uint8_t)(1U << (i % 8));
}

static bool
is_set(const uint8_t *bits, uint64_t i)
{
	return ((bits[i / 8] >> (i % 8) & 1) != 0);
}

static int
note_confirmed(const struct state_object *o, void *arg, struct err *e)
{
	struct state_listing *l = arg;

	(void)e;
	if (o->number <= l->last &&
	    (o->confirmed & (uint32_t)1 << l->endpoint) != 0)
		set(l->confirmed, o->number);
	return (0);
}

struct state_listing *
state_listing_open(struct state *s, uint8_t endpoint, struct err *e)
{
	SCOPED(state_listing_freep)
	struct state_listing *l = mem_new(sizeof(*l));
	size_t n;

	l->s = s;
	l->endpoint = endpoint;
	l->began = clock_now();
	if (state_highest(s, &l->last, e) < 0)
		return (NULL);
	n = (size_t)(l->last / 8 + 1);
	l->confirmed = mem_new(n);
	l->seen = mem_new(n);
	l->cut = mem_new(n);
	l->hidden = mem_new(n);
	if (state_each(s, -1, note_confirmed, l, e) != 0)
		return (NULL);
	return (TAKE(l));
}

void
state_listing_free(struct state_listing *l)
{
	if (l == NULL)
		return;
	free(l->confirmed);
	free(l->seen);
	free(l->cut);
	free(l->hidden);
	free(l);
}

void
state_listing_freep(struct state_listing **l)
{
	state_listing_free(*l);
	*l = NULL;
}

static int
see(struct state_listing *l, const char *name, uint64_t bytes,
    enum state_seen *what, struct err *e)
{
	struct state_object o;
	bool found;

	*what = STATE_SEEN_UNKNOWN;
	if (state_find(l->s, name, &o, &found, e) < 0)
		return (-1);
	if (!found)
		return (0);
	*what = o.bytes == bytes ? STATE_SEEN : STATE_SEEN_DAMAGED;
	if (o.number <= l->last)
		set(*what == STATE_SEEN ? l->seen : l->cut, o.number);
	return (0);
}

static int
note_hidden(struct state_listing *l, const char *name, struct err *e)
{
	struct state_object o;
	bool found;

	if (state_find(l->s, name, &o, &found, e) < 0)
		return (-1);
	if (found && o.number <= l->last)
		set(l->hidden, o.number);
	return (0);
}

int
state_listing_entry(struct state_listing *l, const struct store_entry *entry,
    enum state_seen *what, struct err *e)
{
	if (!entry->is_hidden)
		return (see(l, entry->name, entry->bytes, what, e));
	*what = STATE_SEEN_HIDDEN;
	return (note_hidden(l, entry->name, e));
}

/* It was never confirmed, as on a machine that was recovered, and yet it was
 * there: its bytes are kept. True when its record changes. */
static bool
judge_hidden(const struct state_listing *l, struct state_object *o)
{
	uint32_t bit = (uint32_t)1 << l->endpoint;

	if (!is_set(l->hidden, o->number) ||
	    ((o->confirmed | o->damaged | o->missing) & bit) != 0)
		return (false);
	o->missing |= bit;
	o->pending |= bit;
	return (true);
}

/* What the listing says of one object. True when its record changes. */
static bool
judge(const struct state_listing *l, struct state_object *o,
    struct state_listing_result *out)
{
	uint32_t bit = (uint32_t)1 << l->endpoint;

	if (o->is_going) {
		/* Put there by an upload that ended late. */
		if (!is_set(l->seen, o->number) || (o->deleting & bit) != 0)
			return (false);
		o->deleting |= bit;
		return (true);
	}
	if (is_set(l->seen, o->number)) {
		if ((o->confirmed & bit) != 0 || (o->damaged & bit) != 0)
			return (false);
		o->confirmed |= bit;
		o->pending &= ~bit;
		o->missing &= ~bit;
		out->confirmed++;
		return (true);
	}
	if (!is_set(l->confirmed, o->number) || (o->confirmed & bit) == 0)
		return (judge_hidden(l, o));
	o->confirmed &= ~bit;
	o->pending |= bit;
	if (is_set(l->cut, o->number))
		o->damaged |= bit;
	else
		o->missing |= bit;
	out->lost++;
	return (true);
}

/*
 * A backup that an entry removes, another writer's, is missed nowhere: where it
 * is not listed it has gone, and when that is everywhere it goes here, too.
 */
static int
judge_removed(const struct state_listing *l, struct state_txn *t,
    struct state_object *o, bool *is, struct err *e)
{
	uint32_t bit = (uint32_t)1 << l->endpoint;
	const char *slash = strchr(o->name, '/');
	struct state_marks marks;

	*is = false;
	if (o->class != STATE_MANIFEST || o->is_going || slash == NULL ||
	    is_set(l->seen, o->number))
		return (0);
	if (state_marks_read(t, slash + 1, &marks, e) < 0)
		return (-1);
	*is = marks.removed;
	if (!*is)
		return (0);
	o->confirmed &= ~bit;
	o->pending &= ~bit;
	o->damaged &= ~bit;
	o->missing &= ~bit;
	if (o->confirmed != 0)
		return (0);
	o->is_going = true;
	o->pending = o->damaged = o->missing = 0;
	return (state_put_since(t, o->number, l->began, e));
}

static int
apply_one(const struct state_listing *l, struct state_txn *t,
    const struct state_object *was, struct state_listing_result *out,
    struct err *e)
{
	struct state_object o = *was;
	bool changed;

	if (judge_removed(l, t, &o, &changed, e) < 0)
		return (-1);
	if (!changed)
		changed = judge(l, &o, out);
	return (changed ? state_object_put(t, was, &o, e) : 0);
}

int
state_listing_apply(
    struct state_listing *l, struct state_listing_result *out, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(l->s, e);

	memset(out, 0, sizeof(*out));
	if (t == NULL)
		return (-1);
	for (uint64_t number = 1; number <= l->last; number++) {
		struct state_object o;
		bool found;

		if (state_object_get(t, number, &o, &found, e) < 0 ||
		    (found && apply_one(l, t, &o, out, e) < 0))
			return (-1);
	}
	if (state_endpoint_listed(t, l->endpoint, l->began, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}
