/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One moment of a database, held open: the leading connection's transaction
 * holds every table against change (ACCESS SHARE) and has exported the snapshot
 * in which pg_dump and the copying connections then read.
 */
#ifndef BACKUPD_SNAPSHOT_H
#define BACKUPD_SNAPSHOT_H

#include "backupd/guard.h"
#include "backupd/table_list.h"

struct run;

#define SNAPSHOT_SERVER_LEAST 100000 /* PostgreSQL 10 */

struct snapshot {
	PGconn *leader; /* in its transaction; used by one thread at a time */
	char *id;	/* for SET TRANSACTION SNAPSHOT and pg_dump */
	struct table_list tables;
	struct guard guard; /* taken before the snapshot, after the locks */
	bool is_open;
};

/*
 * Waits for locks that others hold as long as yield-to-ddl says, then fails;
 * starts over, three times in all, when tables change between the lists.
 * Fails: ERR_DATABASE, ERR_MISSING (no such database), ERR_DENIED, ERR_STOPPED.
 */
int snapshot_take(
    struct run *run, struct snapshot *out, struct err *e) MUST_USE;
/*
 * Ends the transaction, and so lets the tables go. Fails when the leading
 * connection was lost meanwhile: then nobody held the tables, and what was read
 * is not one moment.
 */
int snapshot_end(struct snapshot *s, struct err *e) MUST_USE;
/* Was the leading connection lost while it held the snapshot? Then that is why
 * the backup failed, with e or anything else, and e says so. */
bool snapshot_is_lost(struct snapshot *s, struct err *e);
void snapshot_free(struct snapshot *s); /* also a SCOPED releaser */

/* The LOCK TABLE command for the next of a list's tables, from *i on, which it
 * moves; empty when there is none left to lock. */
void snapshot_add_lock(const struct table_list *l, size_t *i, struct buf *sql);

#endif
