/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A database from a backup: made in the dark, filled, checked, neutralized and
 * proven, and then put in the place of the branch's, in one transaction.
 */
#ifndef RESTORE_REBUILD_H
#define RESTORE_REBUILD_H

#include "restore/make.h"
#include "restore/restoring.h"

struct rebuild {
	struct restoring *j;
	struct target *t; /* the caller's */
	struct restore_result *out;
	struct journal *journal; /* the caller's; saved at each phase */
	bool from_template;
	struct hidden hidden;
	struct toc toc;
	struct make make;
	char *archive; /* file */
	bool made;     /* the hidden database may be there */
	bool shut;     /* the branch's was closed */
	bool swapped;
};

/* The fields down to from_template were filled; the rest is zero. */
void rebuild_free(struct rebuild *b); /* also for SCOPED */
/* What will be read is expected of fetch. */
int rebuild_plan(struct restoring *j, struct err *e) MUST_USE;
/* The pg_dump archive, whole, in a file (0600). */
int rebuild_archive(
    struct restoring *j, const char *path, struct err *e) MUST_USE;
/* Archive, list, the empty database, and what to leave out. */
int rebuild_prepare(struct rebuild *b, struct err *e) MUST_USE;
/* Up to the proof. Fails: as restore_run. */
int rebuild_make(struct rebuild *b, struct err *e) MUST_USE;
/*
 * Closes the branch's database and its sessions, and swaps. Before that, what
 * a kept copy of it needs of the filestore is listed in kept (a file; NULL:
 * nothing is kept). now is the time of the swap; the journal has the name for
 * the replaced one.
 */
int rebuild_swap(
    struct rebuild *b, int64_t now, const char *kept, struct err *e) MUST_USE;
/* After a failure before the swap: drops what was made, opens the branch's
 * database again. What it can't do is remarked. */
void rebuild_abandon(struct rebuild *b);

#endif
