/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packs flow from the staging area's list of what is expected to the pool, as
 * many at a time as its window and our slots allow. What always holds: a slot's
 * pack is held; it is brought by us or, when left, waits for one who needs it.
 */
#include "restore/ahead.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/stop.h"

#define SLOTS	 16 /* packs on their way at a time */
#define LEFT_MAX 4  /* then nothing new is begun: something is wrong */

enum slot_state {
	SLOT_FREE,
	SLOT_COMING,
	SLOT_ENDING, /* the thread checks it */
	SLOT_LEFT
};

struct slot {
	enum slot_state state;
	struct staged *staged;
	struct bringing *bringing;
};

struct ahead {
	struct bring_with with;
	pthread_t thread;
	pthread_mutex_t lock;
	/* guarded by lock */
	bool has_started, is_closing;
	struct slot slots[SLOTS];
};

struct ahead *
ahead_new(const struct bring_with *with)
{
	struct ahead *a = mem_new(sizeof(*a));

	a->with = *with;
	(void)pthread_mutex_init(&a->lock, NULL);
	return (a);
}

static void
empty(struct ahead *a, struct slot *slot)
{
	staging_let_go(a->with.staging, slot->staged);
	*slot = (struct slot){ .state = SLOT_FREE };
}

void
ahead_free(struct ahead *a)
{
	size_t i;

	if (a == NULL)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->is_closing = true;
	(void)pthread_mutex_unlock(&a->lock);
	if (a->has_started)
		(void)pthread_join(a->thread, NULL);
	for (i = 0; i < SLOTS; i++)
		if (a->slots[i].state != SLOT_FREE) {
			bring_abandon(a->slots[i].bringing);
			empty(a, &a->slots[i]);
		}
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

/* --- the thread; the lock is held --- */

static struct slot *
free_slot(struct ahead *a)
{
	struct slot *found = NULL;
	size_t i, left = 0;

	for (i = 0; i < SLOTS; i++) {
		left += a->slots[i].state == SLOT_LEFT;
		if (a->slots[i].state == SLOT_FREE)
			found = &a->slots[i];
	}
	return (left < LEFT_MAX ? found : NULL);
}

static void
begin_more(struct ahead *a)
{
	struct staging_pack pack;
	struct err ignored = ERR_INIT;
	struct slot *slot;

	while ((slot = free_slot(a)) != NULL &&
	    (slot->staged = staging_begin_ahead(a->with.staging, &pack)) !=
		NULL) {
		slot->bringing = bring_begin(
		    &a->with, slot->staged, &pack, false, &ignored);
		if (slot->bringing == NULL) {
			empty(a, slot);
			return;
		}
		slot->state = SLOT_COMING;
	}
}

/* Looks after what has come. The lock is let go while bytes are checked: nobody
 * touches it then. True: there was something. */
static bool
end_some(struct ahead *a)
{
	struct slot *slot;
	bool some = false, ended;
	size_t i;

	for (i = 0; i < SLOTS; i++) {
		slot = &a->slots[i];
		if (slot->state != SLOT_COMING ||
		    !bring_is_settled(slot->bringing))
			continue;
		some = true;
		slot->state = SLOT_ENDING;
		(void)pthread_mutex_unlock(&a->lock);
		ended = bring_end_at_once(slot->bringing);
		(void)pthread_mutex_lock(&a->lock);
		if (ended) {
			empty(a, slot);
			continue;
		}
		slot->state = SLOT_LEFT;
		staging_leave(a->with.staging, slot->staged);
	}
	return (some);
}

static void *
run(void *arg)
{
	struct ahead *a = arg;

	(void)pthread_mutex_lock(&a->lock);
	while (!a->is_closing && !stop_is_requested()) {
		begin_more(a);
		if (end_some(a))
			continue;
		(void)pthread_mutex_unlock(&a->lock);
		pull_wait_any(a->with.pull);
		(void)pthread_mutex_lock(&a->lock);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return (NULL);
}

/* --- what others ask --- */

void
ahead_go(struct ahead *a)
{
	staging_allow_ahead(a->with.staging);
	(void)pthread_mutex_lock(&a->lock);
	/* Without the thread packs are brought when they are asked for. */
	if (!a->has_started)
		a->has_started = pthread_create(&a->thread, NULL, run, a) == 0;
	(void)pthread_mutex_unlock(&a->lock);
}

static struct slot *
slot_of(struct ahead *a, const struct staged *p)
{
	size_t i;

	for (i = 0; i < SLOTS; i++)
		if (a->slots[i].state != SLOT_FREE && a->slots[i].staged == p)
			return (&a->slots[i]);
	return (NULL);
}

void
ahead_hurry(struct ahead *a, const struct staged *p)
{
	struct slot *slot;

	(void)pthread_mutex_lock(&a->lock);
	if ((slot = slot_of(a, p)) != NULL && slot->state == SLOT_COMING)
		bring_hurry(slot->bringing);
	(void)pthread_mutex_unlock(&a->lock);
}

struct bringing *
ahead_take_left(struct ahead *a, const struct staged *p)
{
	struct bringing *x = NULL;
	struct slot *slot;

	(void)pthread_mutex_lock(&a->lock);
	if ((slot = slot_of(a, p)) != NULL && slot->state == SLOT_LEFT) {
		x = slot->bringing;
		bring_hurry(x);
		empty(a, slot);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return (x);
}
