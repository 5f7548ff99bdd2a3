/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What staging.c (whose turn it is) and staging_room.c (what may be here)
 * share. Everything but folder and run is guarded by lock.
 */
#ifndef RESTORE_STAGING_IMPL_H
#define RESTORE_STAGING_IMPL_H

#include <pthread.h>

#include "restore/staging.h"

#define STAGING_BUCKETS 1024

struct range {
	uint32_t offset, n;
	bool here; /* else somebody is bringing it */
};

struct staged {
	struct staged *next;
	struct staged
	    *next_expected; /* in the order of the first expectation */
	struct sha256 pack;
	uint64_t bytes;
	uint64_t expected, read;
	unsigned sure; /* endpoints that have it: a bit each */
	unsigned users;
	uint64_t used; /* tick of its last use */
	uint64_t stored;
	bool whole, ranges_only, found;
	bool bringing; /* somebody brings the whole of it */
	bool left;     /* who did so left it to the next that needs it */
	bool ahead; /* brought ahead of time, not read yet: it counts there */
	unsigned bringing_ranges;
	size_t nranges, cap;
	struct range *ranges; /* by offset */
};

struct staging {
	char *folder;
	char run[17];
	pthread_mutex_t lock;
	pthread_cond_t turned;
	uint64_t limit, stored, tick;
	uint64_t ahead; /* bytes of what is not read yet */
	struct staged *first_expected, *last_expected;
	struct staged *cursor; /* the last one that was looked at for bringing
				  ahead, or NULL */
	struct staged *end;    /* the last one that may be */
	struct staged *packs[STAGING_BUCKETS];
};

/* The file of a pack, or of its parts. Allocated. */
char *staging_path(const struct staging *s, const struct staged *p, bool whole);
/* The caller holds the lock. */
struct staged *staging_find(
    struct staging *s, const struct sha256 *pack, uint64_t bytes);
bool staging_wants_whole(const struct staged *p);
/* Removes what is stored of it. */
void staging_drop(struct staging *s, struct staged *p);
/* Makes room for more bytes and counts them as stored. What nobody will read
 * again goes first, then what was used longest ago; all_read: nothing else
 * goes. False: there is no room. */
bool staging_make_room(struct staging *s, uint64_t more, bool all_read);
/* It was read, or is no longer there: no longer ahead. */
void staging_not_ahead(struct staging *s, struct staged *p);

#endif
