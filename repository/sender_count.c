/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that were sent flow in, progress flows out. The phase that is shown,
 * "endpoints", begins when nothing more is coming, so only what is sent from
 * then on counts; its total changes as listings tell what is missing, and as
 * endpoints are set aside.
 */
#include "repository/replicate_impl.h"

void
sender_count_sent(struct sender *s, uint64_t bytes)
{
	struct replicate *rep = s->rep;

	(void)pthread_mutex_lock(&rep->lock);
	if (atomic_load(&rep->finishing)) {
		s->counted += bytes;
		progress_add(rep->repo->progress, bytes, bytes, 1);
	}
	(void)pthread_mutex_unlock(&rep->lock);
}

/* With the lock held. */
static void
tell_total(struct replicate *rep)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < rep->n; i++)
		sum += rep->senders[i].expected;
	progress_total(rep->repo->progress, sum);
}

void
sender_count_in(struct sender *s)
{
	struct replicate *rep = s->rep;
	struct state_tally tally;
	struct err ignored = ERR_INIT;

	(void)pthread_mutex_lock(&rep->lock);
	s->has_ended = false;
	if (atomic_load(&rep->finishing) &&
	    state_tally(rep->repo->state, &tally, &ignored) == 0) {
		s->expected = tally.pending_bytes[s->ep->number];
		tell_total(rep);
	}
	(void)pthread_mutex_unlock(&rep->lock);
}

void
sender_count_out(struct sender *s)
{
	struct replicate *rep = s->rep;

	(void)pthread_mutex_lock(&rep->lock);
	s->has_ended = true;
	if (atomic_load(&rep->finishing)) {
		s->expected = s->counted;
		tell_total(rep);
	}
	(void)pthread_mutex_unlock(&rep->lock);
}

void
sender_begin_last_phase(struct replicate *rep)
{
	struct state_tally tally = { .spool_packs = 0 };
	struct err ignored = ERR_INIT;

	progress_phase(rep->repo->progress, "endpoints", 0);
	(void)pthread_mutex_lock(&rep->lock);
	(void)!state_tally(rep->repo->state, &tally, &ignored);
	for (size_t i = 0; i < rep->n; i++) {
		struct sender *s = &rep->senders[i];

		if (!s->is_wanted || s->has_ended)
			continue;
		s->expected = tally.pending_bytes[s->ep->number];
	}
	tell_total(rep);
	atomic_store(&rep->finishing, true);
	(void)pthread_mutex_unlock(&rep->lock);
}
