/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of one table, as COPY text goes over the line, into one stream.
 */
#ifndef BACKUPD_COPY_TABLE_H
#define BACKUPD_COPY_TABLE_H

#include "backupd/table_list.h"

struct run;

/*
 * Copies t over c, whose transaction reads in the snapshot and holds the table.
 * On success t->is_copied is true with rows, columns and recipe filled; or the
 * server can't give its rows whole (rights, row security, a damaged or
 * oversized row): t->is_unreadable is true, the backup becomes incomplete, and
 * c's transaction may have failed.
 * Fails: ERR_DATABASE naming the table; ERR_AGAIN when its schema was renamed
 * meanwhile; ERR_FULL, ERR_STOPPED, … of the ingest.
 * After failure: c can only be closed.
 */
int copy_table(
    struct run *run, PGconn *c, struct table *t, struct err *e) MUST_USE;

/* Is an SQLSTATE one that is about this table's contents alone? */
bool copy_table_is_about_rows(const char *sqlstate);

#endif
