/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests flow out to the best endpoint, bytes and times flow back and make
 * the next choice. What always holds: an endpoint is asked once for one
 * object, and one whose answer was wrong is reported before the next is asked.
 */
#include "restore/endpoints.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define REMARKS_EACH 10 /* objects named of one endpoint's damage */
#define MEASURED     ((uint64_t)1 << 20) /* bytes before a rate is believed */

struct endpoints {
	struct repo *r;
	struct remarks *remarks;
	pthread_mutex_t lock;
	/* guarded by lock */
	struct {
		unsigned errors; /* calls that failed */
		unsigned damage; /* objects */
		unsigned busy;	 /* calls under way */
		uint64_t bytes, ms;
	} at[SETTINGS_ENDPOINTS_MAX];
};

struct endpoints *
endpoints_new(struct repo *r, struct remarks *remarks)
{
	struct endpoints *p = mem_new(sizeof(*p));

	p->r = r;
	p->remarks = remarks;
	(void)pthread_mutex_init(&p->lock, NULL);
	return (p);
}

void
endpoints_free(struct endpoints *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

/* Bytes a second that a new request may hope for. One that was hardly used is
 * hoped to be the fastest, so that all get measured. */
static double
hope(const struct endpoints *p, size_t i)
{
	double rate = 1e18;

	if (p->at[i].bytes >= MEASURED)
		rate = (double)p->at[i].bytes * 1000.0 /
		    (double)(p->at[i].ms + 1);
	return (rate / (1.0 + p->at[i].busy));
}

/* Is endpoint i to be asked before endpoint j? */
static bool
is_better(const struct endpoints *p, unsigned sure, size_t i, size_t j)
{
	bool sure_i = (sure >> i & 1) != 0, sure_j = (sure >> j & 1) != 0;
	unsigned bad_i = p->at[i].errors + p->at[i].damage,
		 bad_j = p->at[j].errors + p->at[j].damage;

	if (sure_i != sure_j)
		return (sure_i);
	if (bad_i != bad_j)
		return (bad_i < bad_j);
	return (hope(p, i) > hope(p, j));
}

int
endpoints_next(struct endpoints *p, struct asking *a)
{
	size_t i;
	int best = -1;

	(void)pthread_mutex_lock(&p->lock);
	for (i = 0; i < p->r->nendpoints; i++)
		if ((a->asked >> i & 1) == 0 &&
		    (best < 0 || is_better(p, a->sure, i, (size_t)best)))
			best = (int)i;
	(void)pthread_mutex_unlock(&p->lock);
	if (best >= 0)
		a->asked |= 1U << best;
	return (best);
}

int
endpoints_get(struct endpoints *p, unsigned i, const char *object, uint64_t off,
    void *bytes, size_t n, struct err *e)
{
	uint64_t began = clock_ticks_ms();
	int rc;

	(void)pthread_mutex_lock(&p->lock);
	p->at[i].busy++;
	(void)pthread_mutex_unlock(&p->lock);
	rc = store_get(p->r->endpoints[i].store, object, off, bytes, n, e);
	(void)pthread_mutex_lock(&p->lock);
	p->at[i].busy--;
	if (rc == 0) {
		p->at[i].bytes += n;
		p->at[i].ms += clock_ticks_ms() - began;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return (rc);
}

/* Does this failure say that the object itself is bad there? A missing
 * endpoint is not a missing object. */
static bool
is_damage(struct endpoints *p, unsigned i, const struct err *why)
{
	struct err probe = ERR_INIT;

	if (why->kind == ERR_CORRUPT)
		return (true);
	return (why->kind == ERR_MISSING &&
	    store_probe(p->r->endpoints[i].store, &probe) == 0);
}

void
endpoints_failed(struct endpoints *p, struct asking *a, unsigned i,
    const char *object, const struct err *why)
{
	const char *name = p->r->endpoints[i].conf->name;
	bool first_error;

	if (why->kind == ERR_MISSING && (a->sure >> i & 1) == 0) {
		/* Nobody said that it would be there. */
		if (a->last.kind == ERR_NONE)
			a->last = *why;
		return;
	}
	if (!is_damage(p, i, why)) {
		a->last = *why;
		(void)pthread_mutex_lock(&p->lock);
		first_error = p->at[i].errors++ == 0;
		(void)pthread_mutex_unlock(&p->lock);
		if (first_error)
			remarks_warn(p->remarks,
			    "endpoint %s could not be read: %s", name,
			    why->text);
		return;
	}
	a->damaged |= 1U << i;
	lookup_report_damage(
	    p->r, &p->r->endpoints[i], object, why->kind == ERR_MISSING);
	(void)pthread_mutex_lock(&p->lock);
	p->at[i].damage++;
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
endpoints_fetched(struct endpoints *p, uint64_t fetched[SETTINGS_ENDPOINTS_MAX])
{
	size_t i;

	(void)pthread_mutex_lock(&p->lock);
	for (i = 0; i < SETTINGS_ENDPOINTS_MAX; i++)
		fetched[i] = p->at[i].bytes;
	(void)pthread_mutex_unlock(&p->lock);
}
