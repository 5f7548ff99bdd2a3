/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The post-data section, dealt to several sessions at once so that they can
 * neither deadlock nor work in vain: what needs a table alone (a key, a foreign
 * key, a trigger) gets it alone, indexes of one table go together, nothing
 * begins before what it needs is there, large tables go first, small things
 * many at a time. Pure: no clock, no threads; the caller says what is done.
 */
#ifndef RESTORE_DEALING_H
#define RESTORE_DEALING_H

#include "restore/toc.h"

#define DEALING_BATCH 64 /* entries given at once, at most */

struct dealing;

/*
 * l outlives it. bytes gives the size of the table with that oid at the source,
 * 0 when unknown. Entries that are left out, and those that DEALING_LATER
 * names, count as done.
 */
struct dealing *dealing_new(
    const struct toc *l, uint64_t (*bytes)(uint32_t oid, void *arg), void *arg);
void dealing_free(struct dealing *d);
void dealing_freep(struct dealing **d);

/* Those that come after everything: refreshing materialized views, event
 * triggers, privileges. */
bool dealing_is_later(const struct toc_entry *a);

struct deal {
	size_t n;
	size_t entries[DEALING_BATCH]; /* places in l->v, in order */
	uint64_t cost;
	size_t items[DEALING_BATCH]; /* dealing's own */
};
enum dealing_answer {
	DEALING_GIVEN, /* out is to be done; then dealing_done */
	DEALING_WAIT,  /* nothing now: ask again after a dealing_done */
	DEALING_END    /* all is given */
};
enum dealing_answer dealing_next(struct dealing *d, struct deal *out);
void dealing_done(struct dealing *d, const struct deal *deal);

#endif
