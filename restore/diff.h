/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What differs between two backups: tables by schema and name, files, logs and
 * streams by path. Both trees are read as streams, in whatever order they
 * stand; what is known of the first is noted on disk (notes.h), so memory does
 * not grow with the number of files. Folders are left out: an empty one is no
 * difference.
 */
#ifndef RESTORE_DIFF_H
#define RESTORE_DIFF_H

#include "restore/named.h"
#include "restore/remarks.h"

enum diff_change { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };
#define DIFF_CHANGES 3
#define DIFF_KINDS   (NAMED_STREAM + 1) /* tables, files, logs, streams */

/* One difference; valid during the call. */
struct diff_item {
	enum diff_change change;
	const struct named *named;
	const struct tree_entry *entry; /* the later one, where both have it */
	/* 0 where there is none */
	uint64_t bytes_before, bytes_after;
	int64_t rows_before, rows_after;
};

struct diff_conf {
	const struct manifest *from, *to; /* with their private parts */
	struct remarks *remarks;	  /* outlives the run */
	/* Tables first as a rule; all that is removed comes last. Fails by -1.
	 */
	int (*tell)(const struct diff_item *item, void *arg, struct err *e);
	void *arg;
};

struct diff_totals {
	uint64_t n[DIFF_KINDS][DIFF_CHANGES];
	/* Definitions, sequences, large objects: what a dump has beside rows.
	 */
	bool has_definitions; /* both backups are of a database */
	bool definitions_changed;
};

/*
 * Compares contents by the checksums that the backups keep: nothing but trees
 * and recipes is fetched. A table whose rows lie in another order counts as
 * changed. Fails: ERR_KEY, ERR_CORRUPT (also a tree with a name twice), and as
 * fetch_chunk.
 */
int diff_run(struct repo *r, const struct diff_conf *conf,
    struct diff_totals *out, struct err *e) MUST_USE;

#endif
