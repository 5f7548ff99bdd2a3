/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which chunks are still needed: those in the recipes of every backup that is
 * here, and the bases of their deltas. Recipes are under the index key, so a
 * write-only host can tell.
 */
#ifndef RETENTION_LIVE_H
#define RETENTION_LIVE_H

#include "repository/name_filter.h"
#include "repository/repo.h"

struct live {
	struct name_filter *names;   /* owned */
	size_t n;		     /* of the backups that were looked at */
	char (*ids)[BACKUP_ID_TEXT]; /* owned */
};
void live_free(struct live *l); /* also for SCOPED */

/*
 * Reads every chunk of recipes once, from the spool or any endpoint, onto this
 * machine's disk (state/), and goes through all backups' recipes there. Memory:
 * one pack, a filter of at most 64 MiB (2 to 4 bytes a chunk), 48 bytes for
 * each chunk of recipes. Fails: ERR_CORRUPT, ERR_MISSING when a recipe can't be
 * had; ERR_STOPPED; as the disk does.
 */
int live_read(struct repo *r, struct live *out, struct err *e) MUST_USE;

#endif
