/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A branch's database in a backup: one snapshot, from which come the archive,
 * the rows, the facts, and the list of attachments.
 */
#ifndef BACKUPD_DATABASE_H
#define BACKUPD_DATABASE_H

#include "backupd/archive.h"
#include "backupd/odoo.h"
#include "backupd/proof.h"
#include "backupd/snapshot.h"

struct run;
struct watch;

struct database {
	struct snapshot snapshot;
	struct watch *watch;
	struct archive archive;
	struct odoo odoo;
	struct proof proof; /* empty without Odoo's attachments */
	char *name;
	char server_version[32];
	uint64_t bytes, tables, rows;
	uint32_t archive_stream;
};

/*
 * Reads all of it and adds recipes and entries; facts gets its keys. After it
 * the tables are free again, and only ir_attachment is still held against
 * Odoo's garbage collection, until database_release.
 * Fails: ERR_DATABASE, ERR_DENIED, ERR_CONFIG; the ingest's errors.
 */
int database_copy(struct run *run, struct database *db, struct json *facts,
    struct err *e) MUST_USE;
/* Lets go of the last lock. */
void database_release(struct database *db);
void database_free(struct database *db); /* also a SCOPED releaser */
/* counts "database". */
struct json *database_counts(const struct database *db);

#endif
