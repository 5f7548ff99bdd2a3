/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Only "another machine took over" counts here. An endpoint that does not
 * answer, or isn't ours, is the senders' affair: they ask again before each
 * manifest, and report it.
 */
#include "backupd/fence.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"

#define MOMENT_MS 2000
#define NAP_MS	  10

struct question {
	struct fence *fence;
	struct endpoint *ep;
	pthread_t thread;
};

struct fence {
	struct repo *r;
	size_t n; /* threads that run or wait to be joined */
	struct question questions[SETTINGS_ENDPOINTS_MAX];
	atomic_size_t answered;
	atomic_bool is_taken_over;
	pthread_mutex_t lock;
	struct err why; /* guarded by lock */
};

static void *
thread_main(void *arg)
{
	const struct question *q = arg;
	struct fence *f = q->fence;
	struct err e = ERR_INIT;

	if (repo_check_ahead(f->r, q->ep, &e) < 0 && e.kind == ERR_TAKEN_OVER) {
		(void)pthread_mutex_lock(&f->lock);
		f->why = e;
		(void)pthread_mutex_unlock(&f->lock);
		atomic_store(&f->is_taken_over, true);
	}
	(void)atomic_fetch_add(&f->answered, 1);
	return (NULL);
}

struct fence *
fence_start(struct repo *r, struct err *e)
{
	SCOPED(fence_freep) struct fence *f = mem_new(sizeof(*f));
	uint64_t begin = clock_ticks_ms();
	struct question *q;

	f->r = r;
	(void)pthread_mutex_init(&f->lock, NULL);
	for (size_t i = 0; i < r->nendpoints; i++) {
		q = &f->questions[f->n];
		q->fence = f;
		q->ep = &r->endpoints[i];
		if (pthread_create(&q->thread, NULL, thread_main, q) != 0) {
			(void)err_set(
			    e, ERR_SYSTEM, "no thread could be started");
			return (NULL);
		}
		f->n++;
	}
	while (atomic_load(&f->answered) < f->n &&
	    clock_ticks_ms() - begin < MOMENT_MS)
		if (clock_sleep_ms(NAP_MS, e) < 0)
			return (NULL);
	return (TAKE(f));
}

int
fence_check(struct fence *f, struct err *e)
{
	if (!atomic_load(&f->is_taken_over))
		return (0);
	(void)pthread_mutex_lock(&f->lock);
	*e = f->why;
	(void)pthread_mutex_unlock(&f->lock);
	return (-1);
}

static void
join_all(struct fence *f)
{
	while (f->n > 0)
		(void)pthread_join(f->questions[--f->n].thread, NULL);
}

int
fence_wait(struct fence *f, struct err *e)
{
	join_all(f);
	return (fence_check(f, e));
}

void
fence_free(struct fence *f)
{
	if (f == NULL)
		return;
	join_all(f);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

void
fence_freep(struct fence **f)
{
	fence_free(*f);
	*f = NULL;
}
