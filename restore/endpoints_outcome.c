/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failures flow in; an endpoint that is set aside, damage noted in local state,
 * warnings and the last error flow out. What always holds: damage is told of
 * an object, silence of an endpoint, and each endpoint's silence once.
 */
#include <string.h>

#include "base/clock.h"
#include "restore/endpoints_impl.h"

#define REMARKS_EACH   10 /* objects named of one endpoint's damage */
#define PAUSE_FIRST_MS 1000
#define PAUSE_MOST_MS  60000
#define TOLD_MS	       5000 /* a call that was lost after so long is told */

/* Does this failure say that the object itself is bad there? A missing
 * endpoint is not a missing object. */
static bool
is_damage(struct endpoints *p, unsigned i, const struct err *why)
{
	struct err probe = ERR_INIT;

	if (why->kind == ERR_CORRUPT)
		return (true);
	return (
	    why->kind == ERR_MISSING && store_probe(p->quick[i], &probe) == 0);
}

/* How long it is left alone, after so long a pause before. A line that is cut
 * takes its timeout to show it: then at least as long. The lock is held. */
static unsigned
next_pause(const struct endpoints *p, unsigned i)
{
	uint64_t pause = (uint64_t)p->at[i].pause_ms * 2;

	if (pause == 0)
		pause = PAUSE_FIRST_MS;
	if (pause < p->at[i].lost_ms)
		pause = p->at[i].lost_ms;
	return (pause < PAUSE_MOST_MS ? (unsigned)pause : PAUSE_MOST_MS);
}

/* One that gave something before may have a hiccup: it is told of when that
 * took long, or when it fails again at its probe. True: now. */
static bool
set_aside(struct endpoints *p, unsigned i)
{
	uint64_t now = clock_ticks_ms();
	bool tell, again;

	(void)pthread_mutex_lock(&p->lock);
	again = p->at[i].pause_ms > 0 && !endpoints_is_aside(p, i, now);
	/* Calls that were under way together fail together: that is once. */
	if (!endpoints_is_aside(p, i, now)) {
		p->at[i].pause_ms = next_pause(p, i);
		p->at[i].until_ms = now + p->at[i].pause_ms;
	}
	tell = !p->at[i].is_warned &&
	    (p->at[i].bytes == 0 || again || p->at[i].lost_ms >= TOLD_MS);
	p->at[i].is_warned |= tell;
	(void)pthread_mutex_unlock(&p->lock);
	return (tell);
}

void
endpoints_failed(struct endpoints *p, struct asking *a, unsigned i,
    const char *object, const struct err *why)
{
	if (why->kind == ERR_MISSING && (a->sure >> i & 1) == 0) {
		/* Nobody said that it would be there. */
		if (a->last.kind == ERR_NONE)
			a->last = *why;
		return;
	}
	if (!is_damage(p, i, why)) {
		a->last = *why;
		if (set_aside(p, i))
			remarks_warn(p->remarks,
			    "endpoint %s could not be read: %s",
			    p->r->endpoints[i].conf->name, why->text);
		return;
	}
	a->damaged |= 1U << i;
	lookup_report_damage(
	    p->r, &p->r->endpoints[i], object, why->kind == ERR_MISSING);
	(void)pthread_mutex_lock(&p->lock);
	p->at[i].damage++;
	p->at[i].lies += why->kind == ERR_CORRUPT;
	(void)pthread_mutex_unlock(&p->lock);
}

void
endpoints_served(
    struct endpoints *p, const struct asking *a, unsigned i, const char *object)
{
	const char *from = p->r->endpoints[i].conf->name, *name;
	unsigned count;
	size_t j;

	for (j = 0; j < p->r->nendpoints; j++) {
		if ((a->damaged >> j & 1) == 0)
			continue;
		name = p->r->endpoints[j].conf->name;
		(void)pthread_mutex_lock(&p->lock);
		count = p->at[j].damage;
		(void)pthread_mutex_unlock(&p->lock);
		if (count <= REMARKS_EACH)
			remarks_damage(p->remarks,
			    "%s was read from %s: the copy at %s is damaged or "
			    "missing",
			    object, from, name);
		else
			remarks_damage(p->remarks,
			    "more objects are damaged or missing at %s; "
			    "'triplicate verify' lists them",
			    name);
	}
}

int
endpoints_none(const struct endpoints *p, const struct asking *a,
    const char *object, struct err *e)
{
	char names[200] = "";
	size_t i, n = 0;

	for (i = 0; i < p->r->nendpoints; i++)
		if ((a->damaged >> i & 1) != 0 && n < sizeof(names))
			n += (size_t)snprintf(names + n, sizeof(names) - n,
			    "%s%s", n > 0 ? ", " : "",
			    p->r->endpoints[i].conf->name);
	if (a->damaged == 0 && a->last.kind != ERR_NONE) {
		*e = a->last;
		return (err_within(e, "%s", object));
	}
	if (a->last.kind == ERR_NONE)
		(void)err_set(e, ERR_CORRUPT,
		    "%s is damaged or missing at every endpoint (%s)", object,
		    names);
	else
		(void)err_set(e, ERR_CORRUPT,
		    "%s is damaged or missing at %s, and no other endpoint "
		    "answers: %s",
		    object, names, a->last.text);
	return (err_hint(e,
	    "run 'triplicate verify --repair' when all endpoints can be "
	    "reached"));
}

void
endpoints_fetched(struct endpoints *p, uint64_t fetched[SETTINGS_ENDPOINTS_MAX],
    unsigned *away)
{
	size_t i;

	*away = 0;
	(void)pthread_mutex_lock(&p->lock);
	for (i = 0; i < SETTINGS_ENDPOINTS_MAX; i++) {
		fetched[i] = p->at[i].bytes;
		if (p->at[i].pause_ms > 0)
			*away |= 1U << i;
	}
	(void)pthread_mutex_unlock(&p->lock);
}
