/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pointers go in at one end and come out at the other, in order; a full queue
 * holds the putting threads back, an empty one the getting threads. Always
 * holds: count <= limit, and after close nothing is added.
 */
#include "base/queue.h"

#include <pthread.h>
#include <stdlib.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t has_room;
	pthread_cond_t has_item;
	/* guarded by lock */
	void **items; /* a ring */
	size_t limit, first, count;
	bool closed;
};

struct queue *
queue_new(size_t limit)
{
	struct queue *q = mem_new(sizeof(*q));

	q->limit = limit > 0 ? limit : 1;
	q->items = mem_array(q->limit, sizeof(*q->items));
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->has_room, NULL);
	(void)pthread_cond_init(&q->has_item, NULL);
	return (q);
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	(void)pthread_cond_destroy(&q->has_item);
	(void)pthread_cond_destroy(&q->has_room);
	(void)pthread_mutex_destroy(&q->lock);
	free(q->items);
	free(q);
}

int
queue_put(struct queue *q, void *item, struct err *e)
{
	bool closed;

	(void)pthread_mutex_lock(&q->lock);
	while (!q->closed && q->count == q->limit)
		(void)pthread_cond_wait(&q->has_room, &q->lock);
	closed = q->closed;
	if (!closed) {
		q->items[(q->first + q->count) % q->limit] = item;
		q->count++;
		(void)pthread_cond_signal(&q->has_item);
	}
	(void)pthread_mutex_unlock(&q->lock);
	return (closed ? err_set(e, ERR_STOPPED, "queue closed") : 0);
}

int
queue_get(struct queue *q, void **item, struct err *e)
{
	bool empty;

	(void)pthread_mutex_lock(&q->lock);
	while (!q->closed && q->count == 0)
		(void)pthread_cond_wait(&q->has_item, &q->lock);
	empty = q->count == 0;
	if (!empty) {
		*item = q->items[q->first];
		q->first = (q->first + 1) % q->limit;
		q->count--;
		(void)pthread_cond_signal(&q->has_room);
	}
	(void)pthread_mutex_unlock(&q->lock);
	return (empty ? err_set(e, ERR_STOPPED, "queue closed") : 0);
}

void
queue_close(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	q->closed = true;
	(void)pthread_cond_broadcast(&q->has_room);
	(void)pthread_cond_broadcast(&q->has_item);
	(void)pthread_mutex_unlock(&q->lock);
}
