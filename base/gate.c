/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads come in while there are places and wait otherwise; who waits looks
 * for a stop now and then. What always holds: inside <= most.
 */
#include "base/gate.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/stop.h"

#define LOOK_MS 200

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t left;
	unsigned most;
	unsigned inside; /* guarded by lock */
};

struct gate *
gate_new(unsigned most)
{
	struct gate *g = mem_new(sizeof(*g));

	g->most = most > 0 ? most : 1;
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->left, NULL);
	return (g);
}

void
gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	(void)pthread_cond_destroy(&g->left);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

int
gate_enter(struct gate *g, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&g->lock);
	while (rc == 0 && g->inside == g->most) {
		clock_wait(&g->left, &g->lock, LOOK_MS);
		rc = stop_check(e);
	}
	if (rc == 0)
		g->inside++;
	(void)pthread_mutex_unlock(&g->lock);
	return (rc);
}

void
gate_leave(struct gate *g)
{
	(void)pthread_mutex_lock(&g->lock);
	g->inside--;
	(void)pthread_cond_signal(&g->left);
	(void)pthread_mutex_unlock(&g->lock);
}
