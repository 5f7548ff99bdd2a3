/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gets flow through to another store; what was told of them is done on the way.
 */
#include "tests/unit/giver.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/stop.h"

#define WAIT_MS 50

void
givers_init(struct givers *all)
{
	*all = (struct givers){ .released = false };
	(void)pthread_mutex_init(&all->lock, NULL);
	(void)pthread_cond_init(&all->changed, NULL);
}

void
givers_free(struct givers *all)
{
	(void)pthread_mutex_destroy(&all->lock);
	(void)pthread_cond_destroy(&all->changed);
}

void
givers_release(struct givers *all)
{
	(void)pthread_mutex_lock(&all->lock);
	all->released = true;
	(void)pthread_cond_broadcast(&all->changed);
	(void)pthread_mutex_unlock(&all->lock);
}

/* The lock is held. */
static void
meet(struct giver *g)
{
	g->all->present++;
	(void)pthread_cond_broadcast(&g->all->changed);
	while (g->all->present < g->meets && !stop_is_requested())
		clock_wait(&g->all->changed, &g->all->lock, WAIT_MS);
}

/* The lock is held. */
static int
stall(struct giver *g, struct err *e)
{
	while (!g->all->released) {
		if (stop_check(e) < 0)
			return (-1);
		clock_wait(&g->all->changed, &g->all->lock, WAIT_MS);
	}
	return (err_set(e, ERR_NETWORK, "the line was silent"));
}

/* What is done on this get's way there. The lock is held. */
static int
on_the_way(struct giver *g, unsigned number, struct err *e)
{
	if (number == 1 && g->meets > 0)
		meet(g);
	if (number == g->stalls)
		return (stall(g, e));
	if (g->fails_from > 0 && number >= g->fails_from &&
	    (g->fails_to == 0 || number <= g->fails_to))
		return (err_set(e, g->kind, "get %u fails", number));
	return (0);
}

static int
giver_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	struct giver *g = (struct giver *)s;
	unsigned number;
	int rc;

	(void)pthread_mutex_lock(&g->all->lock);
	number = ++g->gets;
	rc = on_the_way(g, number, e);
	(void)pthread_mutex_unlock(&g->all->lock);
	if (rc < 0 || store_get(g->inner, name, off, p, n, e) < 0)
		return (-1);
	if (number == g->lies)
		((uint8_t *)p)[n / 2] ^= 0x10;
	(void)pthread_mutex_lock(&g->all->lock);
	g->given += n;
	if (g->ngave < GIVER_GETS) {
		g->gave[g->ngave].off = off;
		g->gave[g->ngave].n = n;
		g->ngave++;
	}
	(void)pthread_cond_broadcast(&g->all->changed);
	(void)pthread_mutex_unlock(&g->all->lock);
	return (0);
}

/* store_probe looks for an object. */
static int
giver_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	return (store_stat(((struct giver *)s)->inner, name, bytes, e));
}

static int
giver_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	return (store_list(((struct giver *)s)->inner, prefix, each, arg, e));
}

static void
free_nothing(struct store *s)
{
	(void)s;
}

static const struct store_ops ONE_CALL = {
	.scheme = "giver",
	.parallel = 1,
	.get = giver_get,
	.stat = giver_stat,
	.list = giver_list,
	.free = free_nothing,
};

static const struct store_ops TWO_CALLS = {
	.scheme = "giver",
	.parallel = 2,
	.get = giver_get,
	.stat = giver_stat,
	.list = giver_list,
	.free = free_nothing,
};

struct giver *
giver_new(struct givers *all, struct store *inner, unsigned parallel)
{
	struct giver *g = mem_new(sizeof(*g));

	g->store = (struct store){ .ops = parallel > 1 ? &TWO_CALLS : &ONE_CALL,
		.name = mem_string(store_name(inner)) };
	g->inner = inner;
	g->all = all;
	g->kind = ERR_NETWORK;
	return (g);
}

void
giver_free(struct giver *g)
{
	if (g == NULL)
		return;
	free(g->store.name);
	free(g);
}

unsigned
giver_gets(struct giver *g)
{
	unsigned gets;

	(void)pthread_mutex_lock(&g->all->lock);
	gets = g->gets;
	(void)pthread_mutex_unlock(&g->all->lock);
	return (gets);
}

uint64_t
giver_given(struct giver *g)
{
	uint64_t given;

	(void)pthread_mutex_lock(&g->all->lock);
	given = g->given;
	(void)pthread_mutex_unlock(&g->all->lock);
	return (given);
}

unsigned
giver_times(struct giver *g, uint64_t off)
{
	unsigned i, times = 0;

	(void)pthread_mutex_lock(&g->all->lock);
	for (i = 0; i < g->ngave; i++)
		times += g->gave[i].off == off;
	(void)pthread_mutex_unlock(&g->all->lock);
	return (times);
}
