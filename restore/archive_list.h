/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of what is in a pg_dump archive, as pg_restore --list --verbose
 * gives it, a run a section: what each entry is, whose, and what it needs. What
 * must not be made at the target is marked here, before anything is created;
 * what is left goes back to pg_restore as lists of numbers.
 *
 *   11625; 0 0 ACL - SCHEMA public pg_database_owner
 *   ;	depends on: 7
 *   216; 1259 16480 TABLE public account_account odoo
 */
#ifndef RESTORE_ARCHIVE_LIST_H
#define RESTORE_ARCHIVE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define ARCHIVE_LIST_MAX    ((size_t)256 << 20) /* bytes of text */
#define ARCHIVE_ENTRIES_MAX ((size_t)1 << 22)

enum archive_section { ARCHIVE_PRE, ARCHIVE_DATA, ARCHIVE_POST };

struct archive_entry {
	int id; /* its number in the archive */
	enum archive_section section;
	uint32_t class_oid, oid; /* at the source; 0 where there is none */
	const char *desc;	 /* "FK CONSTRAINT"; static or in line */
	const char *what;	 /* "public sale_order x_fkey odoo"; in line */
	char *line;		 /* after the number; owned */
	int *needs;		 /* numbers of entries; owned */
	size_t nneeds;
	bool left_out;
};

struct archive_list {
	size_t n, cap;
	struct archive_entry *v; /* in the archive's order; owned */
	size_t nplaces;
	size_t *places; /* by id: index into v + 1, 0 for none; owned */
};
#define ARCHIVE_LIST_INIT                                                      \
	{                                                                      \
		.n = 0                                                         \
	}
void archive_list_free(struct archive_list *l); /* also for SCOPED */

/* Runs pg_restore thrice. Fails: ERR_DATABASE, ERR_CORRUPT. */
int archive_list_read(const char *pg_restore, const char *archive,
    struct archive_list *out, struct err *e) MUST_USE;
/* Appends what one run wrote. Fails: ERR_CORRUPT. */
int archive_list_parse(struct archive_list *l, enum archive_section section,
    const char *text, size_t n, struct err *e) MUST_USE;

/* The entry with that number, or NULL. */
struct archive_entry *archive_list_find(const struct archive_list *l, int id);
bool archive_entry_is(const struct archive_entry *a, const char *desc);
/* Does what it is end with one of these owners? The longest that fits, or "".
 */
const char *archive_entry_owner(
    const struct archive_entry *a, size_t nroles, const char *const *roles);

/* Leaves out whatever needs something that is left out. */
void archive_list_spread(struct archive_list *l);

/* Appends a line for pg_restore's --use-list. */
void archive_entry_select(const struct archive_entry *a, struct buf *out);

#endif
