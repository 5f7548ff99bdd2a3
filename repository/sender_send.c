/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is pending for an endpoint flows in, in the order of classes, so that a
 * manifest comes last; objects that are there and confirmed flow out. The queue
 * is in local state: nothing in memory is needed to go on after a crash.
 */
#include "base/gate.h"
#include "base/stage.h"
#include "base/stop.h"
#include "repository/lanes.h"
#include "repository/object.h"
#include "repository/replicate_impl.h"
#include "repository/spool.h"
#include "repository/state_backups.h"

/* Until its scout has told what the endpoint has, only packs and index objects
 * go that this machine has: others may be there. A manifest waits for its
 * closure. */
static int
may_go(struct sender *s, const struct state_object *o, bool *may, struct err *e)
{
	uint64_t missing = 0;

	*may = atomic_load(&s->looked) ||
	    (o->spooled && (o->class == STATE_PACK || o->class == STATE_INDEX));
	if (!*may || o->class != STATE_MANIFEST)
		return (0);
	if (state_closure_missing(
		s->rep->repo->state, o->number, s->ep->number, &missing, e) < 0)
		return (-1);
	*may = missing == 0;
	/* Whoever took over meanwhile must not find a manifest of ours. */
	return (*may ? repo_check_again(s->rep->repo, s->ep, e) : 0);
}

static int
may_go_on(const struct sender *s, struct err *e)
{
	const struct replicate *rep = s->rep;

	if (atomic_load(&s->scout_failed))
		return (-1); /* and says why when it is joined */
	if (atomic_load(&rep->taken_over))
		return (err_set(e, ERR_TAKEN_OVER,
		    "another machine took this repository over, as another endpoint says"));
	return (atomic_load(&rep->abandoned) ? -1 : stop_check(e));
}

/* What an object's bytes are read into: a view of this machine's own, or a
 * buffer for what comes from another endpoint. */
struct source {
	struct spool_view view;
	struct buf from_other;
	const struct buf *bytes; /* one of them, or NULL: nowhere now */
};

static void
source_free(struct source *src)
{
	spool_view_free(&src->view);
	buf_free(&src->from_other);
}

/* It stays pending, and why is what the report says. */
static int
not_now(struct sender *s, struct err *e)
{
	if (e->kind != ERR_MISSING && e->kind != ERR_CORRUPT)
		return (-1);
	(void)pthread_mutex_lock(&s->rep->lock);
	s->report.error = *e;
	(void)pthread_mutex_unlock(&s->rep->lock);
	err_clear(e);
	return (0);
}

static int
find_bytes(struct sender *s, const struct state_object *o, struct source *src,
    struct err *e)
{
	struct repo *r = s->rep->repo;

	if (o->spooled) {
		if (spool_view(r->state, o, &src->view, e) == 0) {
			src->bytes = &src->view.bytes;
			return (0);
		}
		if (not_now(s, e) < 0)
			return (-1);
	}
	if ((s->rep->flags & REPLICATE_FROM_OTHERS) == 0)
		return (0);
	if (object_find(r, o, s->ep->number, &src->from_other, NULL, e) < 0)
		return (not_now(s, e));
	src->bytes = &src->from_other;
	return (0);
}

static void
count(struct sender *s, const struct state_object *o, uint64_t bytes)
{
	(void)pthread_mutex_lock(&s->rep->lock);
	s->any = true;
	s->report.packs += o->class == STATE_PACK;
	s->report.bytes_sent += bytes;
	(void)pthread_mutex_unlock(&s->rep->lock);
	sender_count_sent(s, bytes);
}

static int
send_bytes(struct sender *s, const struct state_object *o, struct err *e)
{
	SCOPED(source_free) struct source src = { .bytes = NULL };

	if (find_bytes(s, o, &src, e) < 0)
		return (-1);
	if (src.bytes == NULL)
		return (0);
	if (o->class == STATE_MANIFEST)
		stage_reached("manifest to be sent");
	if (object_store(s->rep->repo, s->ep, o, src.bytes, e) < 0)
		return (-1);
	count(s, o, src.bytes->n);
	return (0);
}

/* From any lane. What comes from another endpoint takes memory of its own. */
static int
send_one(void *arg, const struct state_object *o, struct err *e)
{
	struct sender *s = arg;
	bool may;
	int rc;

	if (may_go_on(s, e) < 0 || may_go(s, o, &may, e) < 0)
		return (-1);
	if (!may)
		return (0);
	if (o->spooled || (s->rep->flags & REPLICATE_FROM_OTHERS) == 0)
		return (send_bytes(s, o, e));
	if (gate_enter(s->rep->transfers, e) < 0)
		return (-1);
	rc = send_bytes(s, o, e);
	gate_leave(s->rep->transfers);
	return (rc);
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

/* Packs and index objects may pass each other; the rest keeps its order, behind
 * all of them: the audit log is a chain, a manifest needs its closure. */
static int
send_in_order(struct sender *s, struct lanes *l, const struct state_object *o,
    struct err *e)
{
	if (o->class == STATE_PACK || o->class == STATE_INDEX)
		return (lanes_give(l, o, e));
	return (lanes_drain(l, e) < 0 ? -1 : send_one(s, o, e));
}

/* While packs are under way a backup may finish the next one, whose lane
 * should not stand idle: is it too early to go beyond from? */
static bool
may_come_more(struct lanes *l, const struct state_object *from, int next_class)
{
	return (next_class > STATE_INDEX &&
	    (from == NULL || from->class <= STATE_INDEX) && lanes_are_busy(l));
}

/* One pass over what is pending; s->any tells whether something was sent. */
static int
send_pending(struct sender *s, struct lanes *l, struct err *e)
{
	struct state *state = s->rep->repo->state;
	struct state_object o, after;
	const struct state_object *from = NULL;
	bool found;

	s->any = false;
	for (;;) {
		uint64_t seen = state_changes(state);

		if (may_go_on(s, e) < 0 ||
		    state_next_pending(
			state, s->ep->number, from, &o, &found, e) < 0)
			return (-1);
		if (may_come_more(l, from, found ? o.class : STATE_CLASSES)) {
			if (state_wait(state, seen, REPLICATE_WAIT_MS, e) < 0)
				return (-1);
			continue;
		}
		if (!found)
			return (lanes_drain(l, e));
		if (is_asked_for(s, &o) && send_in_order(s, l, &o, e) < 0)
			return (-1);
		after = o;
		from = &after;
	}
}

static bool
all_listed(const struct replicate *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		if (rep->senders[i].is_wanted &&
		    !atomic_load(&rep->senders[i].listed))
			return (false);
	return (true);
}

static unsigned
lanes_of(const struct sender *s)
{
	unsigned n = store_parallel(s->ep->store);

	return (n < LANES_MAX ? n : LANES_MAX);
}

/* Until nothing is left that can be sent and nothing more is coming, from the
 * backup or from an endpoint that knew more than this machine. */
int
sender_send_all(struct sender *s, struct err *e)
{
	struct state *state = s->rep->repo->state;
	SCOPED(lanes_freep)
	struct lanes *l = lanes_new(lanes_of(s), send_one, s);

	for (;;) {
		bool last = atomic_load(&s->rep->finishing) &&
		    all_listed(s->rep) && atomic_load(&s->looked);
		uint64_t seen = state_changes(state);

		err_clear(&s->report.error);
		if (send_pending(s, l, e) < 0)
			return (-1);
		if (s->any)
			continue;
		if (last)
			return (0);
		if (state_wait(state, seen, REPLICATE_WAIT_MS, e) < 0)
			return (-1);
	}
}
