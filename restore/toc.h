/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of what is in a pg_dump archive, as pg_restore --list gives it: what
 * each entry is, whose, and what it needs (--verbose tells that, and lists all
 * sections whatever it is asked for; so a run a section tells its section).
 * What must not be made at the target is marked here, before anything is
 * created; what is left goes back to pg_restore as lists of numbers.
 *
 *   11625; 0 0 ACL - SCHEMA public pg_database_owner
 *   ;	depends on: 7
 *   216; 1259 16480 TABLE public account_account odoo
 */
#ifndef RESTORE_TOC_H
#define RESTORE_TOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define TOC_TEXT_MAX	((size_t)256 << 20) /* bytes of text */
#define TOC_ENTRIES_MAX ((size_t)1 << 22)

enum toc_section { TOC_NONE, TOC_PRE, TOC_DATA, TOC_POST };

struct toc_entry {
	int id; /* its number in the archive */
	enum toc_section section;
	uint32_t class_oid, oid; /* at the source; 0 where there is none */
	const char *desc;	 /* "FK CONSTRAINT"; static or in line */
	const char *what;	 /* "public sale_order x_fkey odoo"; in line */
	char *line;		 /* after the number; owned */
	int *needs;		 /* numbers of entries; owned */
	size_t nneeds;
	bool left_out;
};

struct toc {
	size_t n, cap;
	struct toc_entry *v; /* in the archive's order; owned */
	size_t nplaces;
	size_t *places; /* by id: index into v + 1, 0 for none; owned */
};
#define TOC_INIT                                                               \
	{                                                                      \
		.n = 0                                                         \
	}
void toc_free(struct toc *l); /* also for SCOPED */

/* Runs pg_restore four times. Fails: ERR_DATABASE, ERR_CORRUPT. */
int toc_read(const char *pg_restore, const char *archive, struct toc *out,
    struct err *e) MUST_USE;
/* Appends what a verbose run wrote. Fails: ERR_CORRUPT. */
int toc_parse(
    struct toc *l, const char *text, size_t n, struct err *e) MUST_USE;
/* Entries that a run for one section wrote belong to it. */
int toc_parse_section(struct toc *l, enum toc_section section, const char *text,
    size_t n, struct err *e) MUST_USE;

/* The entry with that number, or NULL. */
struct toc_entry *toc_find(const struct toc *l, int id);
bool toc_entry_is(const struct toc_entry *a, const char *desc);
/* Does what it is end with one of these owners? The longest that fits, or "".
 */
const char *toc_entry_owner(
    const struct toc_entry *a, size_t nroles, const char *const *roles);

/* Leaves out whatever needs something that is left out. */
void toc_spread(struct toc *l);

/* Appends a line for pg_restore's --use-list. */
void toc_entry_select(const struct toc_entry *a, struct buf *out);

#endif
