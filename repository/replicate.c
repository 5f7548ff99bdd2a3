/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts and ends senders, and tells what came of them. What flows in is the
 * durable queue in local state, what flows out is a report an endpoint.
 */
#include "repository/replicate_impl.h"

#include <stdlib.h>

#include "base/gate.h"
#include "base/stop.h"
#include "repository/spool.h"

static bool
is_wanted(unsigned which, size_t i)
{
	return (which == 0 || (which & (1U << i)) != 0);
}

struct replicate *
replicate_start(struct repo *r, unsigned which, unsigned flags, struct err *e)
{
	SCOPED(replicate_freep) struct replicate *rep = mem_new(sizeof(*rep));

	rep->repo = r;
	rep->flags = flags;
	rep->n = r->nendpoints;
	(void)pthread_mutex_init(&rep->lock, NULL);
	rep->transfers = gate_new(r->settings->transfers);
	for (size_t i = 0; i < rep->n; i++) {
		struct sender *s = &rep->senders[i];

		s->rep = rep;
		s->ep = &r->endpoints[i];
		s->is_wanted = is_wanted(which, i);
	}
	for (size_t i = 0; i < rep->n; i++) {
		struct sender *s = &rep->senders[i];

		if (!s->is_wanted)
			continue;
		if (pthread_create(&s->thread, NULL, sender_run, s) != 0) {
			(void)err_set(
			    e, ERR_SYSTEM, "cannot start a sender thread");
			return (NULL);
		}
		s->has_thread = true;
	}
	return (TAKE(rep));
}

static void
join_all(struct replicate *rep)
{
	for (size_t i = 0; i < rep->n; i++) {
		if (!rep->senders[i].has_thread)
			continue;
		(void)pthread_join(rep->senders[i].thread, NULL);
		rep->senders[i].has_thread = false;
	}
}

static bool
all_known(const struct replicate *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		if (rep->senders[i].is_wanted &&
		    !atomic_load(&rep->senders[i].known))
			return (false);
	return (true);
}

int
replicate_wait_known(struct replicate *rep, struct err *e)
{
	struct state *state = rep->repo->state;

	for (;;) {
		uint64_t seen = state_changes(state);

		if (all_known(rep))
			return (0);
		if (state_wait(state, seen, REPLICATE_WAIT_MS, e) < 0)
			return (-1);
	}
}

/* An entry that another process has written since, a prune or a restore, is no
 * arrears: it goes with that one's. */
static bool
nothing_is_left(
    const struct state_tally *t, uint8_t number, const struct err *error)
{
	if (error->kind != ERR_NONE)
		return (t->pending_objects[number] == 0);
	return (t->pending_objects[number] == t->pending_audits[number]);
}

int
replicate_check(struct replicate *rep, struct err *e)
{
	if (!atomic_load(&rep->taken_over))
		return (0);
	(void)pthread_mutex_lock(&rep->lock);
	*e = rep->overtaken;
	(void)pthread_mutex_unlock(&rep->lock);
	return (-1);
}

static int
fill_reports(
    struct replicate *rep, struct endpoint_report reports[], struct err *e)
{
	struct state_tally tally;

	if (state_tally(rep->repo->state, &tally, e) < 0)
		return (-1);
	for (size_t i = 0; i < rep->n; i++) {
		uint8_t number = rep->senders[i].ep->number;

		reports[i] = rep->senders[i].report;
		reports[i].behind_packs = tally.pending_packs[number];
		reports[i].behind_bytes = tally.pending_bytes[number];
		reports[i].up_to_date = reports[i].reached &&
		    nothing_is_left(&tally, number, &reports[i].error);
	}
	return (0);
}

int
replicate_finish(
    struct replicate *rep, struct endpoint_report reports[], struct err *e)
{
	sender_begin_last_phase(rep);
	state_wake(rep->repo->state);
	join_all(rep);
	if (stop_check(e) < 0 ||
	    ((rep->flags & REPLICATE_AUDIT_ONLY) == 0 &&
		spool_sweep(rep->repo->state, e) < 0))
		return (-1);
	return (fill_reports(rep, reports, e));
}

void
replicate_free(struct replicate *rep)
{
	if (rep == NULL)
		return;
	atomic_store(&rep->abandoned, true);
	atomic_store(&rep->finishing, true);
	state_wake(rep->repo->state);
	join_all(rep);
	gate_free(rep->transfers);
	(void)pthread_mutex_destroy(&rep->lock);
	free(rep);
}

void
replicate_freep(struct replicate **rep)
{
	replicate_free(*rep);
	*rep = NULL;
}

int
replicate_audit(struct repo *r, unsigned without, struct err *e)
{
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX] = {
		{ .packs = 0 }
	};
	unsigned which = ((1U << r->nendpoints) - 1) & ~without;
	SCOPED(replicate_freep) struct replicate *rep = NULL;

	if (which == 0) /* which would mean all */
		return (0);
	rep = replicate_start(r, which, REPLICATE_AUDIT_ONLY, e);
	return (rep == NULL ? -1 : replicate_finish(rep, reports, e));
}
