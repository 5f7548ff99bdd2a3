/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the bytes are: by branch and its parts, by backup, by endpoint, and
 * what nobody needs. All of it is told by local state; no endpoint is asked and
 * no secret of the restore key is used.
 *
 * Three sizes: logical is what was read, as the sources have it; stored is what
 * a backup added when it was made, sealed; needed is what it takes to restore
 * it, shared with others or not. Sizes are of one copy, but for those at
 * endpoints.
 *
 * Memory: five bits an object of the repository, and the heading of each
 * backup. Time: each closure is looked through three times.
 */
#ifndef RETENTION_STORAGE_H
#define RETENTION_STORAGE_H

#include "repository/catalog.h"
#include "repository/state.h"

enum storage_part {
	STORAGE_DATABASE,
	STORAGE_FILESTORE,
	STORAGE_LOGS,
	STORAGE_STREAMS /* from standard input */
};
#define STORAGE_PARTS 4
const char *storage_part_text(enum storage_part part);

/* Sums over a branch's backups, as their manifests count. */
struct storage_share {
	size_t backups; /* that have something of it */
	uint64_t bytes_logical;
	uint64_t bytes_new;    /* of it, that no backup before it had */
	uint64_t bytes_stored; /* these sealed, without the packs around them */
};

struct storage_backup {
	const struct catalog_entry *entry; /* in storage.catalog */
	uint64_t bytes_needed;
	uint64_t bytes_alone; /* of it, needed by no other backup */
};

struct storage_branch {
	char name[64];
	size_t backups;
	uint64_t bytes_logical, bytes_stored; /* sums over its backups */
	uint64_t bytes_needed; /* by any of them: each object once */
	uint64_t bytes_alone;  /* of it, needed by no other branch */
	struct storage_share parts[STORAGE_PARTS];
};

struct storage_endpoint {
	uint64_t objects[STATE_CLASSES], bytes[STATE_CLASSES]; /* that it has */
	uint64_t pending_objects, pending_bytes; /* that it lacks */
};

struct storage {
	struct catalog catalog;
	struct storage_backup *backups; /* of catalog.v[i]; owned */
	size_t nbranches;
	struct storage_branch *branches; /* by name; owned */
	struct storage_endpoint
	    endpoints[SETTINGS_ENDPOINTS_MAX]; /* at
						  r->endpoints[i]
						*/
	uint64_t bytes_logical, bytes_stored;  /* sums over all backups */
	uint64_t bytes_needed;		       /* by any of them */
	/* Packs that no backup needs, also none that this machine can't read:
	 * what a sweep may free. Those that a backup which is being made, or
	 * never ended, left without an index object are not among them. */
	uint64_t reclaimable_packs, reclaimable_bytes;
	uint64_t unfinished_packs, unfinished_bytes;
	uint64_t spool_packs, spool_objects, spool_bytes;
};

/* Fails: as catalog_read. */
int storage_read(struct repo *r, struct storage *out, struct err *e) MUST_USE;
void storage_free(struct storage *s); /* also a SCOPED releaser */

#endif
