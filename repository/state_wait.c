/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for local state to change, within this process: senders wait for
 * objects, ingest waits for room in the spool. Also which endpoints are being
 * sent to, since waiting for room makes sense only while someone makes it.
 */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/stop.h"
#include "repository/state_impl.h"

#define WAIT_SLICE 200 /* ms; how late a stop is noticed */

uint64_t
state_changes(struct state *s)
{
	uint64_t changes;

	pthread_mutex_lock(&s->lock);
	changes = s->changes;
	pthread_mutex_unlock(&s->lock);
	return (changes);
}

void
state_wake(struct state *s)
{
	pthread_mutex_lock(&s->lock);
	s->changes++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* In slices: a signal's stop flag wakes nobody. */
int
state_wait(struct state *s, uint64_t seen, unsigned wait_ms, struct err *e)
{
	uint64_t until = clock_ticks_ms() + wait_ms;

	for (;;) {
		uint64_t now = clock_ticks_ms();
		bool is_new;
		unsigned slice;

		if (stop_check(e) < 0)
			return (-1);
		if (now >= until)
			return (0);
		slice = (unsigned)(until - now);
		if (slice > WAIT_SLICE)
			slice = WAIT_SLICE;
		pthread_mutex_lock(&s->lock);
		if (s->changes == seen)
			clock_wait(&s->changed, &s->lock, slice);
		is_new = s->changes != seen;
		pthread_mutex_unlock(&s->lock);
		if (is_new)
			return (0);
	}
}

void
state_set_sender(struct state *s, uint8_t endpoint, bool works)
{
	uint32_t bit = (uint32_t)1 << endpoint;

	pthread_mutex_lock(&s->lock);
	s->senders = works ? s->senders | bit : s->senders & ~bit;
	pthread_mutex_unlock(&s->lock);
	state_wake(s);
}

uint32_t
state_senders(struct state *s)
{
	uint32_t senders;

	pthread_mutex_lock(&s->lock);
	senders = s->senders;
	pthread_mutex_unlock(&s->lock);
	return (senders);
}
