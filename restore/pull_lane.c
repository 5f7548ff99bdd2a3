/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lane takes a piece from the queue, asks its endpoint for it, and puts it
 * into its place in the pack's file. What always holds: a lane holds one piece
 * in memory; nobody holds the lock while an endpoint or the disk is waited for.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "restore/pull_impl.h"

unsigned
pull_lanes_of(const struct pull *p, unsigned endpoint)
{
	unsigned parallel = endpoints_parallel(p->endpoints, endpoint);

	return (parallel < PULL_LANES_EACH ? parallel : PULL_LANES_EACH);
}

/*
 * May an endpoint take this piece? Those that have the pack for sure come
 * first, of them the good ones; the others when none of these is left.
 */
static bool
may_take(const struct pulling *x, const struct piece *piece,
    const struct endpoints_ready *ready, unsigned endpoint)
{
	unsigned left = ready->open & ~piece->failed & ~x->gone;

	if (piece->state != PIECE_WAITING)
		return (false);
	/* Nobody should have to wait for a probe. */
	if (x->first && (left & ~ready->probe) != 0)
		left &= ~ready->probe;
	if ((left & x->pack.sure) != 0)
		left &= x->pack.sure;
	if ((left & ready->good) != 0)
		left &= ready->good;
	return ((left >> endpoint & 1) != 0);
}

/* The first piece for this endpoint; the last one for a probe, since that may
 * take long to fail, unless nobody else can give what is waited for. The lock
 * is held. */
static struct pulling *
find_piece(struct pull *p, unsigned endpoint, unsigned *number)
{
	struct endpoints_ready ready = endpoints_look(p->endpoints);
	bool is_probe = (ready.probe >> endpoint & 1) != 0;
	struct pulling *x, *found = NULL;
	unsigned i;

	/* An endpoint without a lane can't be waited for. */
	ready.open &= p->served;
	for (x = p->queue; x != NULL; x = x->next)
		for (i = 0; i < x->npieces && !x->is_ours; i++) {
			if (!may_take(x, &x->pieces[i], &ready, endpoint))
				continue;
			*number = i;
			found = x;
			if (!is_probe || x->first)
				return (found);
		}
	return (found);
}

/* Waits for a piece and takes it. NULL: it is over. The lock is held. */
static struct pulling *
take(struct pull *p, unsigned endpoint, unsigned *number)
{
	struct pulling *x;

	while (!p->is_closing) {
		x = stop_is_requested() ? NULL
					: find_piece(p, endpoint, number);
		if (x != NULL && endpoints_claim(p->endpoints, endpoint)) {
			x->pieces[*number].state = PIECE_COMING;
			x->ncoming++;
			return (x);
		}
		clock_wait(&p->work, &p->lock, PULL_WAIT_MS);
	}
	return (NULL);
}

static bool
write_at(int fd, const uint8_t *p, size_t n, uint64_t offset)
{
	ssize_t done;

	for (; n > 0; p += done, n -= (size_t)done, offset += (uint64_t)done) {
		done = pwrite(fd, p, n, (off_t)offset);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return (false);
	}
	return (true);
}

/* What the endpoint's answer says of the pack as a whole. The lock is held. */
static void
note_failure(struct pulling *x, unsigned endpoint, const struct asking *a,
    const struct err *why)
{
	bool is_sure = (x->pack.sure >> endpoint & 1) != 0;

	x->met.damaged |= a->damaged;
	if (a->last.kind != ERR_NONE &&
	    (is_sure || x->met.last.kind == ERR_NONE))
		x->met.last = a->last;
	if (a->damaged != 0 || (why->kind == ERR_MISSING && !is_sure))
		x->gone |= 1U << endpoint;
}

/* Brings what was taken. The lock is held, and let go meanwhile. */
static void
bring(struct lane *lane, struct pulling *x, unsigned number)
{
	struct pull *p = lane->pull;
	struct pull_piece part = pull_piece(x, number);
	struct piece *piece = &x->pieces[number];
	struct asking a = { .sure = x->pack.sure };
	struct err why = ERR_INIT;
	bool given, kept = false;

	(void)pthread_mutex_unlock(&p->lock);
	given = endpoints_try(p->endpoints, lane->endpoint, x->object,
		    part.offset, lane->bytes, part.n, &why) == 0;
	if (given)
		kept = write_at(x->pack.fd, lane->bytes, part.n, part.offset);
	else if (why.kind != ERR_STOPPED)
		endpoints_failed(
		    p->endpoints, &a, lane->endpoint, x->object, &why);
	(void)pthread_mutex_lock(&p->lock);
	x->ncoming--;
	piece->state = kept ? PIECE_HERE : PIECE_WAITING;
	piece->from = lane->endpoint;
	x->nhere += kept;
	x->is_ours |= given && !kept;
	if (!given && why.kind != ERR_STOPPED) {
		piece->failed |= 1U << lane->endpoint;
		note_failure(x, lane->endpoint, &a, &why);
	}
	(void)pthread_cond_broadcast(&p->news);
	(void)pthread_cond_broadcast(&p->work);
}

static void *
run(void *arg)
{
	struct lane *lane = arg;
	struct pull *p = lane->pull;
	struct pulling *x;
	unsigned number;

	(void)pthread_mutex_lock(&p->lock);
	while ((x = take(p, lane->endpoint, &number)) != NULL)
		bring(lane, x, number);
	(void)pthread_mutex_unlock(&p->lock);
	return (NULL);
}

void
pull_start_lanes(struct pull *p)
{
	unsigned endpoint, i;

	p->has_started = true;
	for (endpoint = 0; endpoint < endpoints_count(p->endpoints); endpoint++)
		for (i = 0; i < pull_lanes_of(p, endpoint); i++) {
			struct lane *lane = &p->lanes[p->nlanes];

			*lane = (struct lane){ .pull = p,
				.endpoint = endpoint,
				.bytes = mem_new(p->piece_bytes) };
			if (pthread_create(&lane->thread, NULL, run, lane) !=
			    0) {
				free(lane->bytes);
				break;
			}
			p->served |= 1U << endpoint;
			p->nlanes++;
		}
}

void
pull_join_lanes(struct pull *p)
{
	size_t i;

	for (i = 0; i < p->nlanes; i++) {
		(void)pthread_join(p->lanes[i].thread, NULL);
		free(p->lanes[i].bytes);
	}
}
