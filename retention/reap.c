/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that go flow in, DELETEs flow out, and what was deleted is noted one by
 * one, so that whoever is killed here goes on where he was.
 */
#include "retention/reap.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/stage.h"
#include "base/stop.h"
#include "repository/lanes.h"
#include "repository/number_bits.h"
#include "repository/state_sweep.h"

#define ASK_AGAIN_MS 2000

struct reaped {
	pthread_mutex_t lock;
	/* guarded by lock */
	struct number_bits counted; /* packs that went somewhere already */
	uint64_t packs, bytes;
};

struct reaped *
reaped_new(void)
{
	struct reaped *x = mem_new(sizeof(*x));

	(void)pthread_mutex_init(&x->lock, NULL);
	return (x);
}

void
reaped_free(struct reaped *x)
{
	if (x == NULL)
		return;
	number_bits_free(&x->counted);
	(void)pthread_mutex_destroy(&x->lock);
	free(x);
}

void
reaped_freep(struct reaped **x)
{
	reaped_free(*x);
	*x = NULL;
}

void
reaped_count(struct reaped *x, uint64_t *packs, uint64_t *bytes)
{
	(void)pthread_mutex_lock(&x->lock);
	*packs = x->packs;
	*bytes = x->bytes;
	(void)pthread_mutex_unlock(&x->lock);
}

struct reaping {
	struct repo *r;
	struct remover *m;
	struct reaped *x;
	struct endpoint *ep;
	uint64_t told;
	struct prune_endpoint *out; /* guarded by x's lock */
	pthread_mutex_t asking;
	uint64_t asked_ms; /* when nobody had taken over; guarded by asking */
};

static void
count(struct reaping *job, const struct state_object *o)
{
	struct reaped *x = job->x;

	(void)pthread_mutex_lock(&x->lock);
	job->out->backups += o->class == STATE_MANIFEST;
	job->out->packs += o->class == STATE_PACK;
	if (o->class == STATE_PACK &&
	    !number_bits_has(&x->counted, o->number)) {
		number_bits_set(&x->counted, o->number);
		x->packs++;
		x->bytes += o->bytes;
	}
	(void)pthread_mutex_unlock(&x->lock);
	progress_add(job->r->progress, 1, 0, 1);
}

static int
not_yet(struct reaping *job, struct err *e)
{
	(void)pthread_mutex_lock(&job->x->lock);
	job->out->locked++;
	job->out->error = *e;
	(void)pthread_mutex_unlock(&job->x->lock);
	err_clear(e);
	return (0);
}

/* Whoever takes over may count on what is about to go, so a long batch asks
 * again and again, and other lanes wait for the answer. */
static int
is_still_ours(struct reaping *job, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&job->asking);
	if (job->asked_ms == 0 ||
	    clock_ticks_ms() - job->asked_ms >= ASK_AGAIN_MS) {
		rc = repo_check_again(job->r, job->ep, e);
		if (rc == 0)
			job->asked_ms = clock_ticks_ms();
	}
	(void)pthread_mutex_unlock(&job->asking);
	return (rc);
}

/* From any lane. */
static int
delete_one(void *arg, const struct state_object *o, struct err *e)
{
	struct reaping *job = arg;

	if (stop_check(e) < 0)
		return (-1);
	stage_reached("object to be deleted");
	if (is_still_ours(job, e) < 0)
		return (-1);
	if (remover_drop(job->m, job->ep, o->name, e) < 0)
		return (e->kind == ERR_LOCKED ? not_yet(job, e) : -1);
	if (state_deleted(job->r->state, o->number, job->ep->number, e) < 0)
		return (-1);
	count(job, o);
	return (0);
}

static int
delete_class(
    struct reaping *job, struct lanes *l, enum state_class class, struct err *e)
{
	struct state_object o = { .number = 0 };
	bool found;

	job->asked_ms = 0; /* no lane is under way */
	for (;;) {
		if (state_next_deleting(job->r->state, job->ep->number, class,
			o.number, &o, &found, e) < 0)
			return (-1);
		if (!found)
			return (lanes_drain(l, e));
		if (lanes_give(l, &o, e) < 0)
			return (-1);
	}
}

/* The entries that tell of removals must be there first. */
static int
may_delete_backups(const struct reaping *job, bool *may, struct err *e)
{
	struct state_object o = { .class = STATE_AUDIT }, next;
	bool found;

	/* From the first audit entry on: o is none. */
	if (state_next_pending(
		job->r->state, job->ep->number, &o, &next, &found, e) < 0)
		return (-1);
	*may = !found || next.class != STATE_AUDIT || next.number > job->told;
	return (0);
}

static int
is_left(struct reaping *job, enum state_class class, bool *left, struct err *e)
{
	struct state_object o;

	return (state_next_deleting(
	    job->r->state, job->ep->number, class, 0, &o, left, e));
}

static unsigned
lanes_of(const struct endpoint *ep)
{
	unsigned n = store_parallel(ep->store);

	return (n < LANES_MAX ? n : LANES_MAX);
}

static int
delete_all(struct reaping *job, struct err *e)
{
	SCOPED(lanes_freep)
	struct lanes *l = lanes_new(lanes_of(job->ep), delete_one, job);
	bool may, left;

	if (repo_check_endpoint(job->r, job->ep, e) < 0)
		return (-1);
	job->asked_ms = clock_ticks_ms();
	if (may_delete_backups(job, &may, e) < 0)
		return (-1);
	if (!may)
		return (err_set(e, ERR_AGAIN,
		    "endpoint %s: the audit entries about what goes are not there yet, so nothing is deleted",
		    job->ep->conf->name));
	if (delete_class(job, l, STATE_MANIFEST, e) < 0 ||
	    is_left(job, STATE_MANIFEST, &left, e) < 0)
		return (-1);
	if (left) /* whoever lists it must find all that it needs */
		return (0);
	if (delete_class(job, l, STATE_PACK, e) < 0)
		return (-1);
	return (delete_class(job, l, STATE_INDEX, e));
}

int
/* NOLINTNEXTLINE(readability-function-size): an endpoint, and what is shared */
reap(struct repo *r, struct remover *m, struct reaped *x, uint64_t told,
    struct prune_endpoint *out, struct endpoint *ep, struct err *e)
{
	struct reaping job = {
		.r = r, .m = m, .x = x, .ep = ep, .told = told, .out = out
	};
	bool left = false;
	int rc;

	for (int class = 0; class < STATE_CLASSES && !left; class ++)
		if (is_left(&job, (enum state_class) class, &left, e) < 0)
			return (-1);
	if (!left)
		return (0);
	(void)pthread_mutex_init(&job.asking, NULL);
	rc = delete_all(&job, e);
	(void)pthread_mutex_destroy(&job.asking);
	return (rc);
}
