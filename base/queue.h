/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded queue of pointers between threads that block. Closing it is how a
 * flow ends or stops: after it, puts fail and gets empty the rest, then fail.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stddef.h>

#include "base/err.h"

struct queue;

struct queue *queue_new(size_t limit);
/* Items still inside are the caller's to free: empty it first. */
void queue_free(struct queue *q);
/* Waits for room. Fails: ERR_STOPPED after queue_close. */
int queue_put(struct queue *q, void *item, struct err *e) MUST_USE;
/* Waits for an item. Fails: ERR_STOPPED when closed and empty. */
int queue_get(struct queue *q, void **item, struct err *e) MUST_USE;
void queue_close(struct queue *q); /* from any thread, any number of times */

#endif
