/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packs wait in a queue, those that somebody waits for in front; lanes take
 * pieces of them (pull_lane.c), and owners ask how far their packs are. What
 * always holds: a piece is on one lane at most, or with its owner, and once it
 * is here it is not asked for again.
 */
#include "restore/pull.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/stop.h"
#include "restore/pull_impl.h"

#define PIECE_MOST  ((size_t)2 << 20)
#define PIECE_LEAST ((size_t)64 << 10)
#define MEMORY_PART 16 /* of memory, for all pieces together */

/*
 * Memory: lanes times the size of a piece. With `memory = 256M` and three
 * endpoints that take two calls at a time this is 6 * 2 MiB = 12 MiB of the 16
 * that are allowed, with 128M 6 * 1 MiB of 8; sixteen such endpoints have 32
 * lanes, and pieces of 256 KiB with 128M.
 */
struct pull *
pull_new(struct endpoints *endpoints, uint64_t memory)
{
	struct pull *p = mem_new(sizeof(*p));
	size_t lanes = 0;
	unsigned i;

	p->endpoints = endpoints;
	for (i = 0; i < endpoints_count(endpoints); i++)
		lanes += pull_lanes_of(p, i);
	p->piece_bytes = PIECE_MOST;
	while (p->piece_bytes > PIECE_LEAST &&
	    lanes * p->piece_bytes > memory / MEMORY_PART)
		p->piece_bytes /= 2;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->work, NULL);
	(void)pthread_cond_init(&p->news, NULL);
	return (p);
}

void
pull_free(struct pull *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->is_closing = true;
	(void)pthread_cond_broadcast(&p->work);
	(void)pthread_mutex_unlock(&p->lock);
	pull_join_lanes(p);
	(void)pthread_cond_destroy(&p->news);
	(void)pthread_cond_destroy(&p->work);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

/* --- packs --- */

/* Behind the others that are as urgent. The lock is held. */
static void
enqueue(struct pull *p, struct pulling *x)
{
	struct pulling **at = &p->queue;

	while (*at != NULL && (!x->first || (*at)->first))
		at = &(*at)->next;
	x->next = *at;
	*at = x;
}

static void
dequeue(struct pull *p, struct pulling *x)
{
	struct pulling **at = &p->queue;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
}

struct pulling *
pull_begin(struct pull *p, const struct pull_pack *pack, bool first)
{
	size_t n = (size_t)((pack->bytes + p->piece_bytes - 1) /
	    p->piece_bytes);
	struct pulling *x = mem_new(sizeof(*x) + n * sizeof(x->pieces[0]));

	x->pack = *pack;
	(void)snprintf(x->object, sizeof(x->object), "%s", pack->object);
	x->pack.object = x->object;
	x->piece_bytes = p->piece_bytes;
	x->npieces = (unsigned)n;
	x->first = first;
	(void)pthread_mutex_lock(&p->lock);
	if (!p->has_started)
		pull_start_lanes(p);
	enqueue(p, x);
	(void)pthread_cond_broadcast(&p->work);
	(void)pthread_mutex_unlock(&p->lock);
	return (x);
}

void
pull_hurry(struct pull *p, struct pulling *x)
{
	(void)pthread_mutex_lock(&p->lock);
	if (!x->first) {
		dequeue(p, x);
		x->first = true;
		enqueue(p, x);
	}
	(void)pthread_mutex_unlock(&p->lock);
}

void
pull_end(struct pull *p, struct pulling *x)
{
	(void)pthread_mutex_lock(&p->lock);
	dequeue(p, x);
	while (x->ncoming > 0)
		clock_wait(&p->news, &p->lock, PULL_WAIT_MS);
	(void)pthread_mutex_unlock(&p->lock);
	free(x);
}

/* --- how far it is --- */

/* Nobody is left who may give it, or those that are left are set aside: who
 * waits for it is better off asking patiently than waiting for their time. */
static bool
is_stuck(const struct pull *p, const struct pulling *x,
    const struct piece *piece, unsigned aside)
{
	unsigned failed = piece->failed | x->gone;
	unsigned left = p->served & ~failed;

	return (piece->state == PIECE_WAITING &&
	    (left == 0 || ((x->first || failed != 0) && (left & ~aside) == 0)));
}

/* The lock is held. */
static enum pull_news
look(struct pull *p, const struct pulling *x, struct pull_piece *piece)
{
	struct endpoints_ready ready;
	unsigned i;

	if (x->is_ours)
		return (PULL_OURS);
	if (x->nhere == x->npieces)
		return (PULL_HERE);
	ready = endpoints_look(p->endpoints);
	for (i = 0; i < x->npieces; i++)
		if (is_stuck(p, x, &x->pieces[i], ready.aside)) {
			*piece = pull_piece(x, i);
			return (PULL_STUCK);
		}
	return (PULL_COMING);
}

enum pull_news
pull_look(struct pull *p, struct pulling *x, struct pull_piece *piece)
{
	enum pull_news news;

	(void)pthread_mutex_lock(&p->lock);
	news = look(p, x, piece);
	(void)pthread_mutex_unlock(&p->lock);
	return (news);
}

int
pull_wait(struct pull *p, struct pulling *x, enum pull_news *news,
    struct pull_piece *piece, struct err *e)
{
	int rc;

	(void)pthread_mutex_lock(&p->lock);
	while ((rc = stop_check(e)) == 0 &&
	    (*news = look(p, x, piece)) == PULL_COMING)
		clock_wait(&p->news, &p->lock, PULL_WAIT_MS);
	if (rc == 0 && *news == PULL_STUCK)
		x->pieces[piece->number].state = PIECE_COMING;
	(void)pthread_mutex_unlock(&p->lock);
	return (rc);
}

void
pull_wait_any(struct pull *p)
{
	(void)pthread_mutex_lock(&p->lock);
	clock_wait(&p->news, &p->lock, PULL_WAIT_MS);
	(void)pthread_mutex_unlock(&p->lock);
}

void
pull_given(struct pull *p, struct pulling *x, unsigned number, unsigned from)
{
	(void)pthread_mutex_lock(&p->lock);
	x->pieces[number].state = PIECE_HERE;
	x->pieces[number].from = from;
	x->nhere++;
	(void)pthread_mutex_unlock(&p->lock);
}

void
pull_met(struct pull *p, struct pulling *x, struct asking *a)
{
	(void)pthread_mutex_lock(&p->lock);
	a->damaged |= x->met.damaged;
	if (x->met.last.kind != ERR_NONE)
		a->last = x->met.last;
	(void)pthread_mutex_unlock(&p->lock);
}

size_t
pull_piece_bytes(const struct pull *p)
{
	return (p->piece_bytes);
}

unsigned
pull_pieces(const struct pulling *x)
{
	return (x->npieces);
}

struct pull_piece
pull_piece(const struct pulling *x, unsigned number)
{
	struct pull_piece part = { .number = number,
		.offset = (uint64_t)number * x->piece_bytes,
		.n = x->piece_bytes };

	if (x->pack.bytes - part.offset < part.n)
		part.n = (size_t)(x->pack.bytes - part.offset);
	return (part);
}

unsigned
pull_giver(const struct pulling *x, unsigned number)
{
	return (x->pieces[number].from);
}
