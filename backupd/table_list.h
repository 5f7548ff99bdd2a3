/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of a database as they are at one moment: what the snapshot locks
 * and compares, what is copied, and what pg_dump is told to leave to us.
 */
#ifndef BACKUPD_TABLE_LIST_H
#define BACKUPD_TABLE_LIST_H

#include "base/pg.h"
#include "repository/recipe.h"

struct table {
	/* of the catalog */
	uint32_t oid, file_node;
	char kind;	      /* 'r', or 'p' partitioned: has no rows itself */
	bool is_extensions;   /* an extension's own: left to pg_dump */
	bool is_denied;	      /* we may not even lock it */
	bool has_hidden_rows; /* row security would hide some from us */
	char *schema, *name;  /* owned, in the database's encoding */
	uint64_t bytes;	      /* on disk, with TOAST; for order and progress */
	uint64_t rows_expected; /* about; 0: nobody knows */
	/* of the copy; filled by copy_table */
	bool is_copied;
	bool is_unreadable; /* some of its rows can't be read: not stored */
	uint64_t rows;
	uint64_t largest_row; /* bytes */
	char *columns;	      /* JSON array of the names copied; owned */
	struct recipe recipe;
};
struct table_list {
	size_t n;
	struct table *v; /* by schema and name, as bytes; owned */
};

/*
 * Tables and partitioned tables outside the system's and temporary schemas.
 * Waits for no lock, so that it can be called before any is held; sizes are
 * zero.
 */
int table_list_read(PGconn *c, struct table_list *out, struct err *e) MUST_USE;
/* Fills in the sizes; the tables must be locked, or this may wait. */
int table_list_weigh(PGconn *c, struct table_list *l, struct err *e) MUST_USE;
void table_list_free(struct table_list *l); /* also a SCOPED releaser */

/* The first table in which two lists differ (oid, file, kind, name, rights), or
 * NULL when they agree. */
const struct table *table_list_difference(
    const struct table_list *a, const struct table_list *b);
/* True for those whose rows we copy, or should. */
bool table_is_ours(const struct table *t);
/* "schema"."name" appended to b. */
void table_add_name(const struct table *t, struct buf *b);
/* schema.name for messages, cut and cleaned. */
#define TABLE_TEXT 160
const char *table_text(const struct table *t, char out[TABLE_TEXT]);

#endif
