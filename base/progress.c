/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers add numbers, a printer takes a look; both under one lock, which is
 * held for a few additions at a time. A worker that has nobody to tell passes
 * NULL.
 */
#include "base/progress.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/scope.h"
#include "base/stage.h"
#include "base/text.h"

#define ENDED_MAX 16

struct progress {
	pthread_mutex_t lock;
	/* guarded by lock */
	struct progress_view view; /* but for ms */
	uint64_t began_ms;
	struct progress_view ended[ENDED_MAX]; /* oldest first */
	size_t nended;
};

struct progress *
progress_new(void)
{
	struct progress *p = mem_new(sizeof(*p));

	(void)pthread_mutex_init(&p->lock, NULL);
	p->began_ms = clock_ticks_ms();
	return (p);
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

/* text into room bytes, cut where a letter ends. */
static void
put_text(char *out, size_t room, const char *text)
{
	(void)snprintf(out, room, "%s", text);
	text_mend_end(out);
	text_clean(out);
}

/* With the lock held: keeps how the phase ended. */
static void
end_phase(struct progress *p)
{
	struct progress_view *last;

	if (p->view.phase[0] == '\0')
		return;
	if (p->nended == ENDED_MAX) {
		p->nended--;
		memmove(&p->ended[0], &p->ended[1],
		    p->nended * sizeof(p->ended[0]));
	}
	last = &p->ended[p->nended++];
	*last = p->view;
	last->ms = clock_ticks_ms() - p->began_ms;
}

void
progress_phase(struct progress *p, const char *phase, uint64_t total)
{
	char stage[PROGRESS_PHASE + sizeof("phase ")];

	(void)snprintf(stage, sizeof(stage), "phase %s", phase);
	stage_reached(stage);
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	end_phase(p);
	put_text(p->view.phase, sizeof(p->view.phase), phase);
	p->view.done = 0;
	p->view.total = total;
	p->view.phase_bytes = 0;
	p->began_ms = clock_ticks_ms();
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_total(struct progress *p, uint64_t total)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->view.total = total;
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_grow(struct progress *p, int64_t by)
{
	uint64_t less = by < 0 ? (uint64_t)-by : 0;

	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	if (p->view.total > 0)
		p->view.total = less > 0
		    ? (p->view.total > less ? p->view.total - less : 1)
		    : p->view.total + (uint64_t)by;
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_add(struct progress *p, uint64_t done, uint64_t bytes, uint64_t items)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->view.done += done;
	p->view.bytes += bytes;
	p->view.phase_bytes += bytes;
	p->view.items += items;
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_note(struct progress *p, const char *note)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	put_text(p->view.note, sizeof(p->view.note), note != NULL ? note : "");
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_look(struct progress *p, struct progress_view *out)
{
	if (p == NULL) {
		memset(out, 0, sizeof(*out));
		return;
	}
	(void)pthread_mutex_lock(&p->lock);
	*out = p->view;
	out->ms = clock_ticks_ms() - p->began_ms;
	(void)pthread_mutex_unlock(&p->lock);
}

bool
progress_next_ended(struct progress *p, struct progress_view *out)
{
	bool found;

	if (p == NULL)
		return (false);
	(void)pthread_mutex_lock(&p->lock);
	if ((found = p->nended > 0)) {
		*out = p->ended[0];
		p->nended--;
		memmove(&p->ended[0], &p->ended[1],
		    p->nended * sizeof(p->ended[0]));
	}
	(void)pthread_mutex_unlock(&p->lock);
	return (found);
}
