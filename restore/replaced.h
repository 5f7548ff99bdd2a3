/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Databases that a restore replaced and that are kept for a while, closed, as
 * NAME_replaced_TIME; with each a list of the files that it needs, in
 * <state>/replaced/DATABASE.paths.
 */
#ifndef RESTORE_REPLACED_H
#define RESTORE_REPLACED_H

#include "restore/remarks.h"
#include "restore/target.h"

struct repo;

/* Where the list of a kept database is. Allocated; its folder is made. */
char *replaced_paths(
    const struct repo *r, const char *database, struct err *e) MUST_USE;
/* Is a database that is replaced at when still kept now? newest: no later one
 * is there. */
bool replaced_is_kept(const struct branch_settings *branch, int64_t when,
    bool newest, int64_t now);
/* What replaced_sweep tells, each with the list of one database's files; a
 * non-zero answer ends it. NULL: nobody asks. */
struct replaced_calls {
	int (*stays)(const char *paths, void *arg, struct err *e);
	int (*goes)(const char *paths, void *arg, struct err *e);
	void *arg;
};
/*
 * Drops those that the branch's keep-replaced lets go. Their lists are removed
 * unless goes is given. What can't be dropped stays and is remarked.
 */
int replaced_sweep(struct repo *r, struct target *t, unsigned *dropped,
    const struct replaced_calls *calls, struct remarks *remarks,
    struct err *e) MUST_USE;

#endif
