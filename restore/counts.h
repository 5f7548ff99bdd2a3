/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is everything there? The counts of the manifest's facts against the made
 * database: indexes and constraints show what counts of rows do not.
 */
#ifndef RESTORE_COUNTS_H
#define RESTORE_COUNTS_H

#include "base/pg.h"
#include "restore/remarks.h"

struct json;

/*
 * Fails: ERR_CORRUPT "1381 of 1402 indexes". Where an extension has another
 * version here than at the source, or the backup isn't whole (said otherwise),
 * other numbers are remarked only.
 */
int counts_check(PGconn *c, const struct json *facts, bool whole,
    struct remarks *remarks, struct err *e) MUST_USE;

#endif
