/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a chunk's name to its plaintext, from wherever a good copy is: the
 * spool, the staging area, then the endpoints, best first. A copy that is
 * damaged or missing at one endpoint is reported and read from the next; it
 * fails only when no good copy is left. Thread: all calls, any number.
 */
#ifndef RESTORE_FETCH_H
#define RESTORE_FETCH_H

#include "repository/recipe.h"
#include "repository/repo.h"
#include "restore/remarks.h"

struct fetch;

/*
 * folder is for what is looked up again during the run; it must be there. The
 * staging area is <state>/cache, of the size that the settings say. remarks
 * outlives it.
 */
struct fetch *fetch_new(struct repo *r, const char *folder,
    struct remarks *remarks, struct err *e) MUST_USE;
/* quick: stores of one try each for r's endpoints, the caller's. For tests. */
struct fetch *fetch_new_by(struct repo *r, const char *folder,
    struct remarks *remarks, struct store *const *quick,
    struct err *e) MUST_USE;
/* Waits for calls under way that nobody needs any more: a second when the
 * program is stopped, else at most an endpoint's timeout. */
void fetch_free(struct fetch *f); /* keeps whole packs for the next restore */
void fetch_freep(struct fetch **f);
/* The restore is done: what was staged is removed when f is freed. */
void fetch_forget_staged(struct fetch *f);

/* These chunks will be wanted: from it comes whether packs are fetched whole.
 * Call it for everything before the first byte is fetched. One thread. */
int fetch_expect(struct fetch *f, const struct name *names, size_t n,
    struct err *e) MUST_USE;
int fetch_expect_recipe(
    struct fetch *f, const struct recipe *r, struct err *e) MUST_USE;

/* All of what was expected so far will be fetched: packs of it are brought from
 * now on, before they are asked for. */
void fetch_ahead(struct fetch *f);

/*
 * A chunk's plaintext, checked against its name, replacing out's contents.
 * Fails: ERR_CORRUPT (no good copy is left, or the index does not know it),
 * ERR_NETWORK and the like (no endpoint that has it answers), ERR_KEY,
 * ERR_STOPPED.
 */
int fetch_chunk(struct fetch *f, const struct name *name, struct buf *out,
    struct err *e) MUST_USE;

/* A whole stream, chunk by chunk, to sink (which fails by -1), then its
 * checksum. */
int fetch_stream(struct fetch *f, const struct recipe *r,
    int (*sink)(void *arg, const uint8_t *p, size_t n, struct err *e),
    void *arg, struct err *e) MUST_USE;

struct fetch_totals {
	uint64_t fetched[SETTINGS_ENDPOINTS_MAX]; /* from r->endpoints[i] */
	unsigned away; /* endpoints that last failed to answer: a bit each */
	uint64_t to_fetch, objects; /* of what was expected: bytes that must
				       come from endpoints, packs */
};
void fetch_totals(struct fetch *f, struct fetch_totals *out);

#endif
