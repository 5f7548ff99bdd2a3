/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread an endpoint: it checks that the endpoint is ours, lists it, and
 * then sends what is pending for it in the order of classes, so that a manifest
 * comes last. What flows in is the durable queue in local state; nothing in
 * memory is needed to go on after a crash. A failed call (the driver has
 * retried it already) sets the endpoint aside for this run.
 */
#include "repository/replicate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/gate.h"
#include "base/log.h"
#include "base/stage.h"
#include "base/stop.h"
#include "repository/endpoint.h"
#include "repository/object.h"
#include "repository/recover.h"
#include "repository/spool.h"
#include "repository/state_backups.h"

#define WAIT_MS 500

struct sender {
	struct replicate *rep;
	struct endpoint *ep;
	struct endpoint_report report; /* the thread's until it is joined */
	pthread_t thread;
	bool started;
	/* guarded by the replicate's lock */
	bool has_ended;
	uint64_t expected, counted; /* bytes, after nothing more is coming */
	atomic_bool known; /* what the endpoint holds is, or it was set aside */
	atomic_bool listed; /* and where: others may have it from there */
};

struct replicate {
	struct repo *repo;
	unsigned flags;
	atomic_bool finishing;	/* nothing more is coming */
	atomic_bool abandoned;	/* do not even send what is there */
	atomic_bool taken_over; /* a sender has met a later writer */
	struct gate *transfers; /* an object in memory each */
	pthread_mutex_t lock;
	size_t n;
	struct sender senders[SETTINGS_ENDPOINTS_MAX];
};

/* --- the listing: what the endpoint says it has --- */

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	enum state_seen what;

	return (state_listing_see(arg, entry->name, entry->bytes, &what, e));
}

static int
list_endpoint(struct sender *s, struct err *e)
{
	struct state *state = s->rep->repo->state;
	struct state_listing_result result;
	SCOPED(state_listing_freep)
	struct state_listing *listing = state_listing_open(
	    state, s->ep->number, e);

	if (listing == NULL ||
	    store_list(s->ep->store, "", see, listing, e) < 0 ||
	    state_listing_apply(listing, &result, e) < 0)
		return (-1);
	if (result.lost > 0)
		log_warning(
		    "endpoint %s: %llu objects are missing or cut there, sending them again",
		    s->ep->conf->name, (unsigned long long)result.lost);
	return (0);
}

/* What the endpoint holds and this machine does not know. */
static int
learn(struct sender *s, struct err *e)
{
	struct repo *r = s->rep->repo;
	uint64_t n;

	if (recover_learn(r, s->ep, &n, e) < 0)
		return (-1);
	if (n > 0)
		log_warning(
		    "endpoint %s holds %llu objects that this machine did not know: taken in",
		    s->ep->conf->name, (unsigned long long)n);
	return (0);
}

static int
put_root(const struct state_object *o, void *arg, struct err *e)
{
	struct sender *s = arg;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct repo *r = s->rep->repo;

	if (spool_load(r->state, o, &bytes, e) < 0)
		return (-1);
	return (object_store(r, s->ep, o, &bytes, e));
}

/*
 * Is the endpoint there, and ours? With REPLICATE_PREPARE an empty one is taken
 * and a damaged config, writer or slot is written again; another repository's
 * never is. Asked again afterwards: a later writer may have been hidden behind
 * the damage.
 */
static int
prepare_endpoint(struct sender *s, struct err *e)
{
	struct repo *r = s->rep->repo;
	bool prepare = (s->rep->flags & REPLICATE_PREPARE) != 0;

	if (prepare && store_prepare(s->ep->store, e) < 0)
		return (-1);
	if (repo_check_endpoint(r, s->ep, e) == 0)
		return (0);
	if (!prepare || (e->kind != ERR_CORRUPT && e->kind != ERR_MISSING))
		return (-1);
	err_clear(e);
	if (endpoint_check_owner(s->ep->store, r->keys, e) < 0 ||
	    state_each(r->state, STATE_ROOT, put_root, s, e) != 0)
		return (-1);
	return (repo_check_endpoint(r, s->ep, e));
}

/* --- sending --- */

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

/* The work that "endpoints" shows begins when nothing more is coming. */
static void
count_sent(struct sender *s, uint64_t bytes)
{
	struct replicate *rep = s->rep;

	(void)pthread_mutex_lock(&rep->lock);
	if (atomic_load(&rep->finishing)) {
		s->counted += bytes;
		progress_add(rep->repo->progress, bytes, bytes, 1);
	}
	(void)pthread_mutex_unlock(&rep->lock);
}

/* With the lock held. */
static void
tell_total(struct replicate *rep)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < rep->n; i++)
		sum += rep->senders[i].expected;
	progress_total(rep->repo->progress, sum);
}

/* Its listing has told what is missing there. */
static void
count_in(struct sender *s)
{
	struct replicate *rep = s->rep;
	struct state_tally tally;
	struct err ignored = ERR_INIT;

	(void)pthread_mutex_lock(&rep->lock);
	if (atomic_load(&rep->finishing) &&
	    state_tally(rep->repo->state, &tally, &ignored) == 0) {
		s->expected = tally.pending_bytes[s->ep->number];
		tell_total(rep);
	}
	(void)pthread_mutex_unlock(&rep->lock);
}

/* What it has not sent, nobody will in this run. */
static void
count_out(struct sender *s)
{
	struct replicate *rep = s->rep;

	(void)pthread_mutex_lock(&rep->lock);
	s->has_ended = true;
	if (atomic_load(&rep->finishing)) {
		s->expected = s->counted;
		tell_total(rep);
	}
	(void)pthread_mutex_unlock(&rep->lock);
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
	count_sent(s, bytes.n);
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
all_known(const struct replicate *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		if (rep->senders[i].started &&
		    !atomic_load(&rep->senders[i].known))
			return (false);
	return (true);
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
static int
send_all(struct sender *s, struct err *e)
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
		if (state_wait(state, seen, WAIT_MS, e) < 0)
			return (-1);
	}
}

static void
set_known(struct sender *s)
{
	atomic_store(&s->known, true);
	state_wake(s->rep->repo->state);
}

static void
set_listed(struct sender *s)
{
	atomic_store(&s->listed, true);
	set_known(s);
}

static int
work(struct sender *s, struct err *e)
{
	bool audit_only = (s->rep->flags & REPLICATE_AUDIT_ONLY) != 0;

	if (prepare_endpoint(s, e) < 0 || (!audit_only && learn(s, e) < 0))
		return (-1);
	set_known(s);
	if (!audit_only && list_endpoint(s, e) < 0)
		return (-1);
	set_listed(s);
	s->report.reached = true;
	count_in(s);
	return (send_all(s, e));
}

static void *
run_sender(void *arg)
{
	struct sender *s = arg;
	struct repo *r = s->rep->repo;
	struct err e = ERR_INIT, ignored = ERR_INIT;

	spool_sender(r, s->ep, true);
	if (work(s, &e) < 0)
		s->report.error = e;
	if (e.kind == ERR_TAKEN_OVER)
		atomic_store(&s->rep->taken_over, true);
	if (state_note_endpoint(r->state, s->ep->number,
		s->report.error.kind != ERR_NONE ? s->report.error.text : "",
		&ignored) < 0)
		log_debug("%s", ignored.text);
	spool_sender(r, s->ep, false);
	count_out(s);
	set_listed(s);
	return (NULL);
}

/* --- start and end --- */

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
		if (!is_wanted(which, i))
			continue;
		if (pthread_create(&s->thread, NULL, run_sender, s) != 0) {
			(void)err_set(
			    e, ERR_SYSTEM, "cannot start a sender thread");
			return (NULL);
		}
		s->started = true;
	}
	return (TAKE(rep));
}

static void
join_all(struct replicate *rep)
{
	for (size_t i = 0; i < rep->n; i++) {
		if (!rep->senders[i].started)
			continue;
		(void)pthread_join(rep->senders[i].thread, NULL);
		rep->senders[i].started = false;
	}
}

int
replicate_wait_known(struct replicate *rep, struct err *e)
{
	struct state *state = rep->repo->state;

	for (;;) {
		uint64_t seen = state_changes(state);

		if (all_known(rep))
			return (0);
		if (state_wait(state, seen, WAIT_MS, e) < 0)
			return (-1);
	}
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
		reports[i].up_to_date = tally.pending_objects[number] == 0 &&
		    reports[i].reached;
	}
	return (0);
}

/* Nothing more is coming: what is left to send is the last phase. */
static void
begin_last_phase(struct replicate *rep)
{
	struct state_tally tally = { .spool_packs = 0 };
	struct err ignored = ERR_INIT;

	progress_phase(rep->repo->progress, "endpoints", 0);
	(void)pthread_mutex_lock(&rep->lock);
	(void)!state_tally(rep->repo->state, &tally, &ignored);
	for (size_t i = 0; i < rep->n; i++) {
		struct sender *s = &rep->senders[i];

		if (!s->started || s->has_ended)
			continue;
		s->expected = tally.pending_bytes[s->ep->number];
	}
	tell_total(rep);
	atomic_store(&rep->finishing, true);
	(void)pthread_mutex_unlock(&rep->lock);
}

int
replicate_finish(
    struct replicate *rep, struct endpoint_report reports[], struct err *e)
{
	begin_last_phase(rep);
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
replicate_audit(struct repo *r, struct err *e)
{
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX] = {
		{ .packs = 0 }
	};
	SCOPED(replicate_freep)
	struct replicate *rep = replicate_start(r, 0, REPLICATE_AUDIT_ONLY, e);

	return (rep == NULL ? -1 : replicate_finish(rep, reports, e));
}
