/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backups that this machine knows, from local state alone: summaries for
 * everyone, private parts where the restore key is open.
 */
#ifndef REPOSITORY_CATALOG_H
#define REPOSITORY_CATALOG_H

#include "repository/manifest.h"
#include "repository/repo.h"

enum copy_state {
	COPY_STORED,
	COPY_PENDING,
	COPY_DAMAGED,
	COPY_MISSING,
	COPY_FAILED
};
const char *copy_state_text(enum copy_state s);

/* A backup and what happened to it since. */
struct catalog_entry {
	struct manifest m; /* as manifest_shorten leaves it, but for
			      catalog_fill */
	uint64_t manifest_bytes;
	enum copy_state at[SETTINGS_ENDPOINTS_MAX]; /* at r->endpoints[i] */
	unsigned stored;			    /* at how many */
	bool pending; /* complete or degraded, but at fewer than write-quorum
			 endpoints */
	bool pinned;
	char comment[256];
	int64_t verified; /* newest verification that found it whole, 0 never */
	char verified_depth[12];
	int64_t
	    drilled; /* newest successful drill or proven restore, 0 never */
};
void catalog_entry_free(struct catalog_entry *c);
/* "complete", "degraded", "incomplete" or "pending" */
const char *catalog_state(const struct catalog_entry *c);

struct catalog {
	size_t n;
	struct catalog_entry *v; /* newest first; owned */
};
/* branch NULL: all. */
int catalog_read(struct repo *r, const char *branch, struct catalog *out,
    struct err *e) MUST_USE;
void catalog_free(struct catalog *c); /* also a SCOPED releaser */
/*
 * Reads one entry's manifest whole, with its private part when the keys allow:
 * of many backups at once that would be more than memory holds. Fails:
 * ERR_MISSING, or as manifest_decode.
 */
int catalog_fill(struct repo *r, struct catalog *c,
    const struct catalog_entry *entry, struct err *e) MUST_USE;

/*
 * The one backup that text means: an id, a unique prefix, "latest", "latest~2",
 * a date prefix ("2026-11-22T02"), each with "BRANCH/" in front or not.
 * Fails: ERR_MISSING, ERR_USAGE when it is ambiguous (naming the candidates).
 * The answer points into c.
 */
const struct catalog_entry *catalog_find(const struct catalog *c,
    const struct settings *s, const char *text, struct err *e) MUST_USE;

#endif
