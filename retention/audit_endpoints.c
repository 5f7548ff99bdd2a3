/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each endpoint holds of the backups that are kept, and how long it can't
 * be deleted there: from local state alone.
 */
#include <stdlib.h>
#include <string.h>

#include "repository/endpoint.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "repository/state_locks.h"
#include "retention/audit_impl.h"

/* --- backups --- */

static void
count_backup(struct audit_endpoint *at, const struct plan_entry *entry,
    enum copy_state state)
{
	switch (state) {
	case COPY_STORED:
		at->whole++;
		if (at->newest == NULL ||
		    entry->known.started > at->newest->known.started)
			at->newest = entry;
		if (at->oldest == NULL ||
		    entry->known.started < at->oldest->known.started)
			at->oldest = entry;
		return;
	case COPY_DAMAGED: at->damaged++; return;
	case COPY_MISSING: at->missing++; return;
	case COPY_PENDING:
	case COPY_FAILED: at->pending++; return;
	}
}

static void
count_backups(struct audit_facts *f, size_t i)
{
	for (size_t k = 0; k < f->plan.n; k++) {
		const struct plan_branch *p = &f->plan.v[k];

		for (size_t m = 0; m < p->n; m++)
			count_backup(
			    &f->endpoints[i], &p->v[m], p->v[m].backup->at[i]);
	}
}

/* --- locks --- */

/* Objects that kept backups need, a bit a number. */
struct needed {
	struct repo *r;
	uint64_t highest;
	uint8_t *bits;
	struct audit_facts *f;
	int64_t now;
};

static void
needed_free(struct needed *n)
{
	free(n->bits);
}

static int
need_object(const struct state_object *o, void *arg, struct err *e)
{
	struct needed *n = arg;

	(void)e;
	if (o->number <= n->highest)
		n->bits[o->number / 8] |= (uint8_t)(1U << (o->number % 8));
	return (0);
}

static int
need_backup(struct needed *n, const char *id, struct err *e)
{
	char name[OBJECT_NAME_TEXT];
	struct state_object o;
	bool found;

	manifest_name(id, name);
	if (state_find(n->r->state, name, &o, &found, e) < 0)
		return (-1);
	if (!found) /* removed since the plan was read */
		return (0);
	(void)need_object(&o, n, e);
	return (state_closure_each(n->r->state, o.number, need_object, n, e));
}

static int
look_at_lock(const struct state_object *o, void *arg, struct err *e)
{
	const struct needed *n = arg;

	if (o->number > n->highest ||
	    (n->bits[o->number / 8] >> (o->number % 8) & 1) == 0)
		return (0);
	for (size_t i = 0; i < n->f->nendpoints; i++) {
		struct audit_endpoint *at = &n->f->endpoints[i];
		int64_t until;

		if (!at->locks ||
		    (o->confirmed & (uint32_t)1 << at->ep->number) == 0)
			continue;
		if (state_get_lock(
			n->r->state, o->number, at->ep->number, &until, e) < 0)
			return (-1);
		if (until <= n->now)
			at->unlocked++;
		else if (at->weakest == 0 || until < at->weakest)
			at->weakest = until;
	}
	return (0);
}

static bool
any_locks(const struct audit_facts *f)
{
	for (size_t i = 0; i < f->nendpoints; i++)
		if (f->endpoints[i].locks)
			return (true);
	return (false);
}

static int
look_at_locks(struct repo *r, struct audit_facts *f, struct err *e)
{
	SCOPED(needed_free)
	struct needed n = { .r = r, .f = f, .now = f->now };

	if (!any_locks(f))
		return (0);
	if (state_highest(r->state, &n.highest, e) < 0)
		return (-1);
	n.bits = mem_new((size_t)(n.highest / 8 + 1));
	for (size_t i = 0; i < f->plan.n; i++)
		for (size_t k = 0; k < f->plan.v[i].n; k++)
			if (need_backup(&n, f->plan.v[i].v[k].known.id, e) < 0)
				return (-1);
	return (state_each(r->state, -1, look_at_lock, &n, e));
}

/* --- the whole --- */

int
audit_endpoints_fill(struct repo *r, struct audit_facts *f, struct err *e)
{
	struct state_tally tally;

	if (state_tally(r->state, &tally, e) < 0)
		return (-1);
	for (size_t i = 0; i < f->nendpoints; i++) {
		struct audit_endpoint *at = &f->endpoints[i];
		struct state_endpoint known;

		if (state_get_endpoint(r->state, at->ep->number, &known, e) < 0)
			return (-1);
		at->reached = known.reached;
		at->locks = endpoint_locks(at->ep->conf);
		at->objects = tally.objects[at->ep->number];
		at->bytes = tally.bytes[at->ep->number];
		at->behind = tally.pending_objects[at->ep->number];
		at->behind_since = tally.pending_since[at->ep->number];
		count_backups(f, i);
	}
	return (look_at_locks(r, f, e));
}
