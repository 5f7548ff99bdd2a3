/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pieces of packs, brought from several endpoints at once: each endpoint has
 * up to two lanes (threads), and a lane takes the first piece that its endpoint
 * may give and has not failed yet. So a fast endpoint gives many pieces and a
 * slow one holds up its own alone, and no piece is asked of two at once. Each
 * asks once, without trying again; a piece that nobody gave so is stuck, and
 * its owner's to bring. What came is not checked here.
 * Thread: all calls, from any number of threads; one owner for each pulling.
 */
#ifndef RESTORE_PULL_H
#define RESTORE_PULL_H

#include "restore/endpoints.h"

struct pull;
struct pulling; /* one pack on its way */

/*
 * memory is the ceiling of the whole program: all pieces together take no more
 * than a sixteenth of it. Threads start with the first pack.
 */
struct pull *pull_new(struct endpoints *endpoints, uint64_t memory);
/* Joins the lanes; every pulling has ended. Waits for calls under way, at most
 * an endpoint's timeout, a second when the program is stopped. */
void pull_free(struct pull *p);

struct pull_pack {
	const char *object;
	uint64_t bytes; /* at most PACK_MAX */
	unsigned sure;	/* endpoints that have it: a bit each */
	int fd;		/* the caller's, open until pull_end */
};
/* first: somebody waits for it, so it goes before those that are ahead of time.
 */
struct pulling *pull_begin(
    struct pull *p, const struct pull_pack *pack, bool first);
/* Now somebody waits for it. */
void pull_hurry(struct pull *p, struct pulling *x);
/* Gives up what did not come, waits for what is under way, and frees. */
void pull_end(struct pull *p, struct pulling *x);

struct pull_piece {
	unsigned number;
	uint64_t offset;
	size_t n;
};
enum pull_news {
	PULL_COMING,
	PULL_HERE,  /* all of it */
	PULL_STUCK, /* no endpoint gave a piece; more may be coming */
	PULL_OURS   /* it could not be written: pull_end is left */
};
/* How far it is; piece is the first that is stuck. */
enum pull_news pull_look(
    struct pull *p, struct pulling *x, struct pull_piece *piece);
/* Waits until it is no longer coming. A stuck piece is the caller's then: it
 * ends with pull_given, or pull_end. Fails: ERR_STOPPED. */
int pull_wait(struct pull *p, struct pulling *x, enum pull_news *news,
    struct pull_piece *piece, struct err *e) MUST_USE;
/* Waits a little for news of any of them. */
void pull_wait_any(struct pull *p);

/* The owner has brought a stuck piece, from an endpoint. */
void pull_given(
    struct pull *p, struct pulling *x, unsigned number, unsigned from);
/* Adds to a whom the lanes met without the object or damaged, and the last
 * failure. */
void pull_met(struct pull *p, struct pulling *x, struct asking *a);

/* The largest piece, and the pieces of a pack in their order. */
size_t pull_piece_bytes(const struct pull *p);
unsigned pull_pieces(const struct pulling *x);
struct pull_piece pull_piece(const struct pulling *x, unsigned number);
/* Who gave it, when all is here. */
unsigned pull_giver(const struct pulling *x, unsigned number);

#endif
