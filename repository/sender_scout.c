/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scout of a sender: it learns what its endpoint holds that this machine
 * doesn't know, and then lists it, while the sender sends packs already: on a
 * long line the many small calls of a listing take as long as tens of
 * megabytes. What always holds: no audit entry and no manifest goes before its
 * scout is back.
 */
#include "base/log.h"
#include "repository/recover.h"
#include "repository/replicate_impl.h"

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	enum state_seen what;

	return (state_listing_entry(arg, entry, &what, e));
}

/* What the endpoint says it has. */
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

void
sender_set_known(struct sender *s)
{
	atomic_store(&s->known, true);
	state_wake(s->rep->repo->state);
}

void
sender_set_listed(struct sender *s)
{
	atomic_store(&s->listed, true);
	sender_set_known(s);
}

static int
look_around(struct sender *s, struct err *e)
{
	if (learn(s, e) < 0)
		return (-1);
	sender_set_known(s);
	if ((s->rep->flags & REPLICATE_AUDIT_ONLY) == 0 &&
	    list_endpoint(s, e) < 0)
		return (-1);
	atomic_store(&s->looked, true);
	sender_set_listed(s);
	sender_count_in(s);
	return (0);
}

static void *
scout(void *arg)
{
	struct sender *s = arg;

	if (look_around(s, &s->scouted) < 0) {
		atomic_store(&s->scout_failed, true);
		state_wake(s->rep->repo->state);
	}
	return (NULL);
}

int
sender_scout_start(struct sender *s, struct err *e)
{
	err_clear(&s->scouted);
	atomic_store(&s->scout_failed, false);
	atomic_store(&s->looked, false);
	if ((s->rep->flags & (REPLICATE_AUDIT_ONLY | REPLICATE_LEARN)) ==
	    REPLICATE_AUDIT_ONLY) {
		atomic_store(&s->looked, true);
		sender_set_listed(s);
		sender_count_in(s);
		return (0);
	}
	if (pthread_create(&s->scout, NULL, scout, s) != 0)
		return (err_set(e, ERR_SYSTEM, "cannot start a thread"));
	s->has_scout = true;
	return (0);
}

int
sender_scout_join(struct sender *s, struct err *e)
{
	if (s->has_scout)
		(void)pthread_join(s->scout, NULL);
	s->has_scout = false;
	if (!atomic_load(&s->scout_failed))
		return (0);
	if (e->kind == ERR_NONE)
		*e = s->scouted;
	return (-1);
}
