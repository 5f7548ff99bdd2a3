/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests flow out to the best endpoint, bytes and times flow back and make
 * the next choice. What always holds: an endpoint is asked once for one
 * object in one way, one whose answer was wrong is reported before the next is
 * asked, and of one that is set aside at most one probe is under way.
 */
#include "restore/endpoints.h"

#include <stdlib.h>

#include "base/clock.h"
#include "repository/endpoint.h"
#include "restore/endpoints_impl.h"

#define MEASURED      ((uint64_t)1 << 20)  /* bytes before a rate is believed */
#define REMEMBERED    ((uint64_t)32 << 20) /* of a rate; older ones fade */
#define SLOWER	      16 /* than the best: left out while that one can */
#define GREETINGS     2
#define SLOW_AGAIN_MS 30000 /* then it may show once that it is faster now */
#define LIES_MAX      3	    /* wrong answers before others are asked first */

struct endpoints *
endpoints_new(struct repo *r, struct remarks *remarks,
    struct store *const *quick, struct err *e)
{
	struct endpoints *p = mem_new(sizeof(*p));
	size_t i;

	p->r = r;
	p->remarks = remarks;
	p->owns_quick = quick == NULL;
	(void)pthread_mutex_init(&p->lock, NULL);
	for (i = 0; i < r->nendpoints; i++) {
		p->quick[i] = quick != NULL
		    ? quick[i]
		    : endpoint_open_store(r->endpoints[i].conf, 0, e);
		if (p->quick[i] == NULL) {
			endpoints_free(p);
			return (NULL);
		}
	}
	return (p);
}

void
endpoints_free(struct endpoints *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < SETTINGS_ENDPOINTS_MAX && p->owns_quick; i++)
		store_free(p->quick[i]);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

unsigned
endpoints_parallel(const struct endpoints *p, unsigned i)
{
	return (store_parallel(p->quick[i]));
}

struct repo *
endpoints_repo(const struct endpoints *p)
{
	return (p->r);
}

size_t
endpoints_count(const struct endpoints *p)
{
	return (p->r->nendpoints);
}

/* --- choosing; the lock is held --- */

/* Bytes a second, or 0 when too few were measured. */
static double
rate(const struct endpoints *p, size_t i)
{
	if (p->at[i].rate_bytes < MEASURED)
		return (0);
	return ((double)p->at[i].rate_bytes * 1000.0 /
	    (double)(p->at[i].rate_ms + 1));
}

/* What a new request may hope for. One that was hardly used is hoped to be the
 * fastest, so that all get measured. */
static double
hope(const struct endpoints *p, size_t i)
{
	double measured = rate(p, i);

	return ((measured > 0 ? measured : 1e18) / (1.0 + p->at[i].busy));
}

bool
endpoints_is_aside(const struct endpoints *p, size_t i, uint64_t now)
{
	return (p->at[i].pause_ms > 0 && now < p->at[i].until_ms);
}

static bool
is_open(const struct endpoints *p, size_t i, uint64_t now)
{
	return (p->at[i].pause_ms == 0 ||
	    (now >= p->at[i].until_ms && p->at[i].busy == 0));
}

static bool
is_slow(const struct endpoints *p, size_t i, double best, uint64_t now)
{
	double measured = rate(p, i);

	return (measured > 0 && measured * SLOWER < best &&
	    now - p->at[i].last_ms < SLOW_AGAIN_MS);
}

/* Is endpoint i to be asked before endpoint j? */
static bool
is_better(const struct endpoints *p, unsigned sure, size_t i, size_t j)
{
	bool sure_i = (sure >> i & 1) != 0, sure_j = (sure >> j & 1) != 0;

	if (sure_i != sure_j)
		return (sure_i);
	if (p->at[i].pause_ms != p->at[j].pause_ms)
		return (p->at[i].pause_ms < p->at[j].pause_ms);
	if (p->at[i].damage != p->at[j].damage)
		return (p->at[i].damage < p->at[j].damage);
	return (hope(p, i) > hope(p, j));
}

/* The best one that was not asked yet, or -1. */
static int
best(struct endpoints *p, const struct asking *a, bool only_open)
{
	uint64_t now = clock_ticks_ms();
	size_t i;
	int found = -1;

	for (i = 0; i < p->r->nendpoints; i++)
		if ((a->asked >> i & 1) == 0 &&
		    (!only_open || is_open(p, i, now)) &&
		    (found < 0 || is_better(p, a->sure, i, (size_t)found)))
			found = (int)i;
	return (found);
}

/* --- one try --- */

struct endpoints_ready
endpoints_look(struct endpoints *p)
{
	struct endpoints_ready ready = { .open = 0 };
	uint64_t now = clock_ticks_ms();
	double fastest = 0;
	size_t i;

	(void)pthread_mutex_lock(&p->lock);
	for (i = 0; i < p->r->nendpoints; i++) {
		if (endpoints_is_aside(p, i, now))
			ready.aside |= 1U << i;
		if (!is_open(p, i, now))
			continue;
		ready.open |= 1U << i;
		if (p->at[i].pause_ms > 0)
			ready.probe |= 1U << i;
		if (rate(p, i) > fastest)
			fastest = rate(p, i);
	}
	for (i = 0; i < p->r->nendpoints; i++)
		if ((ready.open >> i & 1) != 0 && p->at[i].lies < LIES_MAX &&
		    !is_slow(p, i, fastest, now))
			ready.good |= 1U << i;
	(void)pthread_mutex_unlock(&p->lock);
	return (ready);
}

bool
endpoints_claim(struct endpoints *p, unsigned i)
{
	bool mine;

	(void)pthread_mutex_lock(&p->lock);
	if ((mine = is_open(p, i, clock_ticks_ms())))
		p->at[i].busy++;
	(void)pthread_mutex_unlock(&p->lock);
	return (mine);
}

int
endpoints_next_open(struct endpoints *p, struct asking *a)
{
	int found;

	(void)pthread_mutex_lock(&p->lock);
	if ((found = best(p, a, true)) >= 0)
		p->at[found].busy++;
	(void)pthread_mutex_unlock(&p->lock);
	if (found >= 0)
		a->asked |= 1U << found;
	return (found);
}

/* A call of endpoint i, which is counted busy, has ended. */
static void
measure(struct endpoints *p, unsigned i, uint64_t began, size_t n, bool well)
{
	uint64_t now = clock_ticks_ms();

	(void)pthread_mutex_lock(&p->lock);
	p->at[i].busy--;
	if (well) {
		p->at[i].bytes += n;
		/* The first calls of each lane greet the server, too. */
		if (p->at[i].calls++ >= GREETINGS) {
			p->at[i].rate_bytes += n;
			p->at[i].rate_ms += now - began;
		}
		if (p->at[i].rate_bytes > REMEMBERED) {
			p->at[i].rate_bytes /= 2;
			p->at[i].rate_ms /= 2;
		}
		p->at[i].last_ms = now;
		p->at[i].pause_ms = 0;
	} else {
		p->at[i].lost_ms = now - began;
	}
	(void)pthread_mutex_unlock(&p->lock);
	if (well)
		progress_add(p->r->progress, 0, n, 0);
}

int
endpoints_try(struct endpoints *p, unsigned i, const char *object, uint64_t off,
    void *bytes, size_t n, struct err *e)
{
	uint64_t began = clock_ticks_ms();
	int rc = store_get(p->quick[i], object, off, bytes, n, e);

	measure(p, i, began, n, rc == 0);
	return (rc);
}

/* --- patiently --- */

int
endpoints_next(struct endpoints *p, struct asking *a)
{
	int found;

	(void)pthread_mutex_lock(&p->lock);
	found = best(p, a, false);
	(void)pthread_mutex_unlock(&p->lock);
	if (found >= 0)
		a->asked |= 1U << found;
	return (found);
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
	measure(p, i, began, n, rc == 0);
	return (rc);
}
