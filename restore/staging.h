/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The staging area of a restore, <state>/cache: packs and parts of packs as
 * they came from an endpoint, still sealed, so that no byte range is fetched
 * twice while there is room. Packs that were read as often as expected go
 * first, then those used longest ago. Whole packs stay when a restore fails,
 * and serve the next one.
 * Thread: all calls, from any number of threads; two never bring the same
 * bytes at once.
 */
#ifndef RESTORE_STAGING_H
#define RESTORE_STAGING_H

#include "repository/format.h"

struct staging;
struct staged; /* one pack in it */

/* limit: bytes that it may hold, 0 for nothing at all. */
struct staging *staging_new(
    const char *folder, uint64_t limit, struct err *e) MUST_USE;
/* keep: leave whole packs for the next restore, else remove all. */
void staging_free(struct staging *s, bool keep);

/* A pack of that name and size; to be let go. Never NULL. */
struct staged *staging_hold(
    struct staging *s, const struct sha256 *pack, uint64_t pack_bytes);
void staging_let_go(struct staging *s, struct staged *p);
/* Counts bytes of the pack that will be wanted. sure: endpoints that have it, a
 * bit each. */
void staging_expect(
    struct staging *s, struct staged *p, uint64_t bytes, unsigned sure);
/* Calls each for every pack of which something is expected; to_fetch is what is
 * not here of it. */
void staging_each(struct staging *s,
    void (*each)(const struct sha256 *pack, uint64_t to_fetch, void *arg),
    void *arg);

enum staging_turn {
	STAGING_HERE,  /* staging_read has it */
	STAGING_WHOLE, /* the caller brings the pack: staging_begin_whole, then
			staging_end_whole */
	STAGING_RANGE  /* the caller brings the range: staging_end_range */
};
/*
 * Whose turn it is to bring a range; waits while another brings it. Whole packs
 * are asked for when at least half of one is expected, or when it is small.
 * Fails: ERR_STOPPED.
 */
int staging_turn(struct staging *s, struct staged *p, uint32_t offset,
    uint32_t n, enum staging_turn *turn, struct err *e) MUST_USE;
/* Replaces out's contents. Fails when the file went or is short. */
int staging_read(struct staging *s, struct staged *p, uint32_t offset,
    uint32_t n, struct buf *out, struct err *e) MUST_USE;
/* An empty file to write the pack to; its descriptor, which the caller closes.
 */
int staging_begin_whole(
    struct staging *s, struct staged *p, struct err *e) MUST_USE;
/* good: its bytes were checked against its name; else it is removed, and only
 * ranges of this pack are asked for from now on. */
void staging_end_whole(struct staging *s, struct staged *p, bool good);
/* bytes NULL: it could not be brought. Keeping them is best effort. */
void staging_end_range(struct staging *s, struct staged *p, uint32_t offset,
    uint32_t n, const void *bytes);
/*
 * --- ahead of time ---
 * Packs that will be asked for whole are brought before somebody asks, in the
 * order in which they were first expected, while there is room: what waits to
 * be read is at most 256 MiB and half of the limit.
 */

/* What was expected so far may be brought; it is sure to be read. */
void staging_allow_ahead(struct staging *s);
struct staging_pack {
	struct sha256 pack;
	uint64_t bytes;
	unsigned sure;
};
/* The next one, held: to be brought as at STAGING_WHOLE and let go. NULL: there
 * is none, or no room now. */
struct staged *staging_begin_ahead(
    struct staging *s, struct staging_pack *pack);
/* Instead of staging_end_whole: whoever asks for it next goes on with it
 * (STAGING_WHOLE). It stays held. */
void staging_leave(struct staging *s, struct staged *p);

/* What staging_read gave is not what it should be: the pack's bytes are
 * dropped, to be brought again. */
void staging_forget(struct staging *s, struct staged *p);

#endif
