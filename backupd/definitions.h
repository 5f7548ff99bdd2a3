/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the snapshot's locks do not hold still: views, sequences, functions,
 * types, schemas. The server names them as they are when it is asked, not as
 * they were in the snapshot, and one that was dropped it can't describe at all:
 * a backup during which that happens fails, or would be of two moments.
 */
#ifndef BACKUPD_DEFINITIONS_H
#define BACKUPD_DEFINITIONS_H

#include "base/pg.h"

struct run;

/* Their list as c's transaction sees it, for definitions_changed. Allocated;
 * NULL on failure. */
char *definitions_read(PGconn *c, struct err *e) MUST_USE;
/*
 * Compares it with the present, over a connection of its own. Fails with
 * ERR_AGAIN naming one that was changed, renamed or dropped since; new ones
 * don't matter. Fails: ERR_AGAIN; ERR_DATABASE.
 */
int definitions_compare(
    struct run *run, const char *before, struct err *e) MUST_USE;

#endif
