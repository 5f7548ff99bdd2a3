/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rolling horizon of Object Lock: each put is locked for lock-days, and
 * what is still needed when two thirds of them are over is locked anew for as
 * many. The dates that this machine set are in local state, others count as
 * over.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "repository/endpoint.h"
#include "repository/replicate_impl.h"
#include "repository/state_locks.h"
#include "repository/state_sweep.h"

#define DAY_S	  ((int64_t)86400)
#define KEPT_PART 3 /* of lock-days: what is left when it is time */

struct renewal {
	struct sender *s;
	int64_t now, until;
	uint64_t n;
};

static int
renew_one(const struct state_object *o, void *arg, struct err *e)
{
	struct renewal *job = arg;
	const struct endpoint *ep = job->s->ep;
	struct state *state = job->s->rep->repo->state;
	int64_t left = (int64_t)ep->conf->lock_days * DAY_S / KEPT_PART, is;
	bool condemned;

	if ((o->confirmed & (uint32_t)1 << ep->number) == 0)
		return (0);
	if (stop_check(e) < 0 ||
	    state_get_lock(state, o->number, ep->number, &is, e) < 0 ||
	    state_is_condemned(state, o->number, &condemned, e) < 0)
		return (-1);
	if (condemned || is >= job->now + left)
		return (0);
	if (store_lock(ep->store, o->name, job->until, e) < 0)
		return (-1);
	job->n++;
	return (state_set_lock(state, o->number, ep->number, job->until, e));
}

int
sender_renew_locks(struct sender *s, struct err *e)
{
	const struct endpoint *ep = s->ep;
	struct renewal job = { .s = s, .now = clock_now() };

	if (!endpoint_locks(ep->conf))
		return (0);
	job.until = job.now + (int64_t)ep->conf->lock_days * DAY_S;
	if (state_each(s->rep->repo->state, -1, renew_one, &job, e) != 0)
		return (-1);
	if (job.n > 0)
		log_info("endpoint %s: %llu objects are locked anew",
		    ep->conf->name, (unsigned long long)job.n);
	return (0);
}
