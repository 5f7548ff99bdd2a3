/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Databases that a restore replaced and that are kept for a while, closed, as
 * NAME_replaced_TIME; with each a list of the files that it needs, in
 * <state>/replaced/<branch>/.
 */
#ifndef RESTORE_REPLACED_H
#define RESTORE_REPLACED_H

#include "restore/remarks.h"
#include "restore/target.h"

struct repo;

/* Where the list of a branch's kept database is. Allocated; its folder is made.
 */
char *replaced_paths(const struct repo *r, const struct branch_settings *branch,
    const char *database, struct err *e) MUST_USE;
/* Calls each with every list of a branch's. A non-zero answer ends it. */
int replaced_each(const struct repo *r, const struct branch_settings *branch,
    int (*each)(const char *paths, void *arg, struct err *e), void *arg,
    struct err *e) MUST_USE;
/* Is a database that was replaced at when still kept now? newest: no later one
 * is there. */
bool replaced_is_kept(const struct branch_settings *branch, int64_t when,
    bool newest, int64_t now);
/*
 * Drops those that the branch's keep-replaced lets go. goes is called with each
 * list whose database is not there (any more), and sees to its going (NULL: it
 * is removed here). What can't be dropped stays and is remarked. The caller has
 * the branch's lock.
 */
int replaced_sweep(struct repo *r, struct target *t, unsigned *dropped,
    int (*goes)(const char *paths, void *arg, struct err *e), void *arg,
    struct remarks *remarks, struct err *e) MUST_USE;

/*
 * The name for what is replaced now: its second is later than that of every
 * kept copy, so that two restores within one second do not meet, and the newest
 * by name is the newest also after the clock was set back.
 */
int replaced_name(struct target *t, int64_t now, char out[TARGET_NAME_MAX + 1],
    struct err *e) MUST_USE;

#endif
