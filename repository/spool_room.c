/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Back-pressure: ingest waits here while the spool is over its limit. Room is
 * made by senders, which confirm; and, for endpoints that no sender works for,
 * by letting go of what a quorum of the others has.
 */
#include "base/log.h"
#include "repository/spool_impl.h"
#include "repository/state_impl.h"

#define WAIT_MS 1000

void
spool_sender(struct repo *r, const struct endpoint *ep, bool works)
{
	state_set_sender(r->state, ep->number, works);
}

/* Does an endpoint that is being sent to still wait for something? */
static int
has_progress(struct repo *r, uint32_t senders, bool *yes, struct err *e)
{
	*yes = false;
	for (size_t i = 0; i < r->nendpoints && !*yes; i++) {
		struct state_object o;

		if ((senders & (uint32_t)1 << r->endpoints[i].number) == 0)
			continue;
		if (state_next_pending(
			r->state, r->endpoints[i].number, NULL, &o, yes, e) < 0)
			return (-1);
	}
	return (0);
}

struct letting_go {
	struct repo *r;
	uint32_t without;
	uint64_t wanted; /* bytes */
	uint64_t freed;
};

static int
let_go(const struct state_object *o, void *arg, struct err *e)
{
	struct letting_go *l = arg;
	bool gone;

	if (!state_object_has_file(o) || o->confirmed == 0)
		return (0);
	if (state_let_go(l->r->state, o->number, l->r->settings->write_quorum,
		l->without, &gone, e) < 0)
		return (-1);
	if (!gone)
		return (0);
	l->freed += o->bytes;
	if (spool_remove(l->r->state, o->name, e) < 0)
		return (-1);
	return (l->freed >= l->wanted);
}

/* Oldest first, and some more than is needed now, since it takes a walk. */
static int
make_room(struct repo *r, uint32_t senders, uint64_t over, uint64_t *freed,
    struct err *e)
{
	struct letting_go l = { .r = r, .without = ~senders };

	l.wanted = over + r->settings->spool_limit / 10;
	if (state_each(r->state, -1, let_go, &l, e) < 0)
		return (-1);
	if (l.freed > 0)
		log_info("spool: let go of %llu bytes that a quorum has; "
			 "endpoints that are away will copy from others",
		    (unsigned long long)l.freed);
	*freed = l.freed;
	return (0);
}

int
spool_wait_room(struct repo *r, uint64_t bytes, struct err *e)
{
	uint64_t limit = r->settings->spool_limit;

	for (;;) {
		uint64_t seen = state_changes(r->state), used, freed;
		uint32_t senders = state_senders(r->state);
		bool progress;

		if (state_spool_bytes(r->state, &used, e) < 0)
			return (-1);
		if (limit == 0 || used == 0 || used + bytes <= limit)
			return (0);
		/* Asked before letting go: what a sender confirms between the
		 * two is let go of then. */
		if (has_progress(r, senders, &progress, e) < 0 ||
		    make_room(r, senders, used + bytes - limit, &freed, e) < 0)
			return (-1);
		if (freed > 0)
			continue;
		if (!progress) {
			err_set(e, ERR_FULL,
			    "the spool is full (%llu of %llu bytes) and no "
			    "endpoint takes anything from it",
			    (unsigned long long)used,
			    (unsigned long long)limit);
			return (err_hint(e,
			    "see 'triplicate status' for the endpoints' "
			    "errors, or raise spool-limit"));
		}
		if (state_wait(r->state, seen, WAIT_MS, e) < 0)
			return (-1);
	}
}
