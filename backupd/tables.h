/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All rows of a snapshot: each table a stream, largest first, over as many
 * connections as the settings' jobs; pg_dump's archive beside them.
 */
#ifndef BACKUPD_TABLES_H
#define BACKUPD_TABLES_H

#include "backupd/archive.h"
#include "backupd/snapshot.h"

struct run;

/*
 * Copies the tables of s and reads the archive, which was started before.
 * Fails: as copy_table and archive_read; whichever came first.
 */
int tables_copy(struct run *run, struct snapshot *s, struct archive *a,
    struct err *e) MUST_USE;
/* Adds recipes and tree entries by schema and name. */
int tables_add(
    struct run *run, const struct snapshot *s, struct err *e) MUST_USE;

#endif
