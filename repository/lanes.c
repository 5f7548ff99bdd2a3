/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects flow in one at a time, each to a thread that is free. The first
 * failure is kept until it has been told, and nothing is begun after it.
 */
#include "repository/lanes.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/scope.h"

struct lane {
	struct lanes *all;
	pthread_t thread;
	/* guarded by the lanes' lock */
	bool has_object;
	struct state_object object;
};

struct lanes {
	int (*work)(void *arg, const struct state_object *o, struct err *e);
	void *arg;
	unsigned n; /* threads that run */
	pthread_mutex_t lock;
	pthread_cond_t given, freed;
	/* guarded by lock */
	bool closed;
	unsigned nbusy;
	struct err error; /* the first one, or of kind ERR_NONE */
	struct lane lane[LANES_MAX];
};

static void
end_object(struct lanes *l, struct lane *mine, int rc, const struct err *e)
{
	mine->has_object = false;
	l->nbusy--;
	if (rc < 0 && l->error.kind == ERR_NONE)
		l->error = *e;
	(void)pthread_cond_signal(&l->freed);
}

static void *
run_lane(void *arg)
{
	struct lane *mine = arg;
	struct lanes *l = mine->all;

	(void)pthread_mutex_lock(&l->lock);
	for (;;) {
		struct err e = ERR_INIT;
		int rc;

		while (!mine->has_object && !l->closed)
			(void)pthread_cond_wait(&l->given, &l->lock);
		if (!mine->has_object)
			break;
		(void)pthread_mutex_unlock(&l->lock);
		rc = l->work(l->arg, &mine->object, &e);
		(void)pthread_mutex_lock(&l->lock);
		end_object(l, mine, rc, &e);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return (NULL);
}

/* A thread that can't be had is done without; without any, the giver works. */
struct lanes *
lanes_new(unsigned n,
    int (*work)(void *arg, const struct state_object *o, struct err *e),
    void *arg)
{
	struct lanes *l = mem_new(sizeof(*l));

	l->work = work;
	l->arg = arg;
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_cond_init(&l->given, NULL);
	(void)pthread_cond_init(&l->freed, NULL);
	/* One lane is the giver's own thread. */
	for (unsigned i = 0; n > 1 && i < n && i < LANES_MAX; i++) {
		l->lane[i].all = l;
		if (pthread_create(
			&l->lane[i].thread, NULL, run_lane, &l->lane[i]) != 0)
			break;
		l->n++;
	}
	return (l);
}

void
lanes_free(struct lanes *l)
{
	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&l->lock);
	l->closed = true;
	(void)pthread_cond_broadcast(&l->given);
	(void)pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < l->n; i++)
		(void)pthread_join(l->lane[i].thread, NULL);
	(void)pthread_mutex_destroy(&l->lock);
	(void)pthread_cond_destroy(&l->given);
	(void)pthread_cond_destroy(&l->freed);
	free(l);
}

void
lanes_freep(struct lanes **l)
{
	lanes_free(*l);
	*l = NULL;
}

/* With the lock held. */
static void
begin_object(struct lanes *l, const struct state_object *o)
{
	unsigned i = 0;

	while (l->lane[i].has_object)
		i++;
	l->lane[i].object = *o;
	l->lane[i].has_object = true;
	l->nbusy++;
	(void)pthread_cond_broadcast(&l->given);
}

int
lanes_give(struct lanes *l, const struct state_object *o, struct err *e)
{
	int rc = 0;

	if (l->n == 0)
		return (l->work(l->arg, o, e));
	(void)pthread_mutex_lock(&l->lock);
	while (l->nbusy == l->n && l->error.kind == ERR_NONE)
		(void)pthread_cond_wait(&l->freed, &l->lock);
	if (l->error.kind == ERR_NONE) {
		begin_object(l, o);
	} else {
		*e = l->error;
		rc = -1;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return (rc);
}

bool
lanes_are_busy(struct lanes *l)
{
	bool busy;

	(void)pthread_mutex_lock(&l->lock);
	busy = l->nbusy > 0;
	(void)pthread_mutex_unlock(&l->lock);
	return (busy);
}

int
lanes_drain(struct lanes *l, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&l->lock);
	while (l->nbusy > 0)
		(void)pthread_cond_wait(&l->freed, &l->lock);
	if (l->error.kind != ERR_NONE) {
		*e = l->error;
		err_clear(&l->error);
		rc = -1;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return (rc);
}
