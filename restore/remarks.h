/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a restore has to tell besides its figures: warnings from any thread,
 * each once, and the two marks that make the exit status.
 */
#ifndef RESTORE_REMARKS_H
#define RESTORE_REMARKS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

struct json;

#define REMARKS_MAX 200 /* then only counted */

struct remarks {
	pthread_mutex_t lock;
	struct json *list; /* guarded by lock; array, owned */
	unsigned left_out; /* guarded by lock */
	bool look_at;	   /* guarded by lock: exit 3 */
	bool damage;	   /* guarded by lock */
};

void remarks_init(struct remarks *r);
void remarks_free(struct remarks *r); /* also a SCOPED releaser */
void remarks_warn(struct remarks *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A warning that makes the exit status 3. */
void remarks_look_at(struct remarks *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A warning about an object that was damaged or missing somewhere. */
void remarks_damage(struct remarks *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Moves all of it to the end of the array; r is then empty. */
void remarks_move(struct remarks *r, struct json *array);

#endif
