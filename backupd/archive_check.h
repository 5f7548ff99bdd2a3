/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What pg_dump's archive must hold, and what it must not, told by the catalog
 * of the same snapshot: the definition of every table, one SEQUENCE SET for
 * every sequence, and no rows of a table that we copy ourselves.
 */
#ifndef BACKUPD_ARCHIVE_CHECK_H
#define BACKUPD_ARCHIVE_CHECK_H

#include "backupd/archive_list.h"
#include "backupd/table_list.h"

struct sequence {
	char *schema, *name; /* owned */
	bool is_expected;    /* neither an extension's nor a denied table's */
	bool is_denied;	     /* we may not read its value */
	bool is_found;
};
struct archive_check {
	size_t nsequences;
	struct sequence *sequences; /* by schema and name, as bytes; owned */
	size_t ntables;
	const struct table **tables; /* by oid; the array is owned */
	bool *is_found;		     /* of tables; owned */
};

int archive_check_init(struct archive_check *k, PGconn *c,
    const struct table_list *tables, struct err *e) MUST_USE;
/* Fails: ERR_DATABASE when the entry must not be there. */
int archive_check_entry(struct archive_check *k, const struct archive_entry *a,
    struct err *e) MUST_USE;
/* Fails: ERR_DATABASE naming what the archive lacks. */
int archive_check_end(const struct archive_check *k, struct err *e) MUST_USE;
void archive_check_free(struct archive_check *k); /* also a SCOPED releaser */

#endif
