/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is pending for an endpoint flows in, in the order of classes, so that a
 * manifest comes last; objects that are there and confirmed flow out. The queue
 * is in local state: nothing in memory is needed to go on after a crash.
 */
#include "base/gate.h"
#include "base/stage.h"
#include "base/stop.h"
#include "repository/object.h"
#include "repository/replicate_impl.h"
#include "repository/spool.h"
#include "repository/state_backups.h"

/* An object may wait for others: a manifest for its closure. */
static int
may_go(struct sender *s, const struct state_object *o, bool *may, struct err *e)
{
	uint64_t missing = 0;

	*may = true;
	if (o->class != STATE_MANIFEST)
		return (0);
	if (state_closure_missing(
		s->rep->repo->state, o->number, s->ep->number, &missing, e) < 0)
		return (-1);
	*may = missing == 0;
	/* Whoever took over meanwhile must not find a manifest of ours. */
	return (*may ? repo_check_endpoint(s->rep->repo, s->ep, e) : 0);
}

/* The bytes, from this machine or, when asked for, from another endpoint.
 * *found false: nowhere now, it stays pending. */
static int
find_bytes(struct sender *s, const struct state_object *o, struct buf *bytes,
    bool *found, struct err *e)
{
	struct repo *r = s->rep->repo;

	*found = true;
	if ((s->rep->flags & REPLICATE_FROM_OTHERS) != 0) {
		if (object_find(r, o, s->ep->number, bytes, NULL, e) == 0)
			return (0);
	} else if (!o->spooled) {
		*found = false;
		return (0);
	} else if (spool_load(r->state, o, bytes, e) == 0)
		return (0);
	*found = false;
	if (e->kind != ERR_MISSING && e->kind != ERR_CORRUPT)
		return (-1);
	s->report.error = *e;
	err_clear(e);
	return (0);
}

static int
send_bytes(
    struct sender *s, const struct state_object *o, bool *sent, struct err *e)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	bool found;

	if (find_bytes(s, o, &bytes, &found, e) < 0)
		return (-1);
	if (!found)
		return (0);
	if (o->class == STATE_MANIFEST)
		stage_reached("manifest to be sent");
	if (object_store(s->rep->repo, s->ep, o, &bytes, e) < 0)
		return (-1);
	*sent = true;
	s->report.packs += o->class == STATE_PACK;
	s->report.bytes_sent += bytes.n;
	sender_count_sent(s, bytes.n);
	return (0);
}

static int
send_one(
    struct sender *s, const struct state_object *o, bool *sent, struct err *e)
{
	bool may;
	int rc;

	*sent = false;
	if (may_go(s, o, &may, e) < 0)
		return (-1);
	if (!may)
		return (0);
	if (gate_enter(s->rep->transfers, e) < 0)
		return (-1);
	rc = send_bytes(s, o, sent, e);
	gate_leave(s->rep->transfers);
	return (rc);
}

static int
may_go_on(const struct replicate *rep, struct err *e)
{
	if (atomic_load(&rep->taken_over))
		return (err_set(e, ERR_TAKEN_OVER,
		    "another machine took this repository over, as another endpoint says"));
	return (atomic_load(&rep->abandoned) ? -1 : stop_check(e));
}

/* Of audit entries alone, those that are new: what was found damaged or missing
 * is healed by who was asked to. */
static bool
is_asked_for(const struct sender *s, const struct state_object *o)
{
	uint32_t bad = (o->damaged | o->missing) & (1U << s->ep->number);

	return ((s->rep->flags & REPLICATE_AUDIT_ONLY) == 0 ||
	    (o->class == STATE_AUDIT && bad == 0));
}

/* One pass over what is pending; *any tells whether something was sent. */
static int
send_pending(struct sender *s, bool *any, struct err *e)
{
	struct state_object o, after;
	const struct state_object *from = NULL;

	*any = false;
	for (;;) {
		bool found, sent;

		if (may_go_on(s->rep, e) < 0)
			return (-1);
		if (state_next_pending(s->rep->repo->state, s->ep->number, from,
			&o, &found, e) < 0)
			return (-1);
		if (!found)
			return (0);
		if (is_asked_for(s, &o)) {
			if (send_one(s, &o, &sent, e) < 0)
				return (-1);
			*any |= sent;
		}
		after = o;
		from = &after;
	}
}

static bool
all_listed(const struct replicate *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		if (rep->senders[i].started &&
		    !atomic_load(&rep->senders[i].listed))
			return (false);
	return (true);
}

/* Until nothing is left that can be sent and nothing more is coming, from the
 * backup or from an endpoint that knew more than this machine. */
int
sender_send_all(struct sender *s, struct err *e)
{
	struct state *state = s->rep->repo->state;

	for (;;) {
		bool last = atomic_load(&s->rep->finishing) &&
		    all_listed(s->rep);
		bool any;
		uint64_t seen = state_changes(state);

		err_clear(&s->report.error);
		if (send_pending(s, &any, e) < 0)
			return (-1);
		if (any)
			continue;
		if (last)
			return (0);
		if (state_wait(state, seen, REPLICATE_WAIT_MS, e) < 0)
			return (-1);
	}
}
