/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Definitions flow through a scratch database, rows straight into the target's.
 * What always holds: the live tables are not named in any statement here.
 */
#include "restore/side_tables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/stage.h"
#include "restore/rebuild.h"
#include "restore/rows.h"

/* --- the scratch database --- */

/* Leaves everything out but a table and what it needs. */
static void
want_entry(struct toc *toc, int id)
{
	struct toc_entry *a = toc_find(toc, id);
	size_t i;

	if (a == NULL || a->section != TOC_PRE || !a->left_out)
		return;
	a->left_out = false;
	for (i = 0; i < a->nneeds; i++)
		want_entry(toc, a->needs[i]);
}

static int
want_table(struct toc *toc, const struct stored_table *t, struct err *e)
{
	size_t i;

	for (i = 0; i < toc->n; i++)
		if (toc_entry_is(&toc->v[i], "TABLE") &&
		    toc->v[i].oid == (uint32_t)t->oid) {
			want_entry(toc, toc->v[i].id);
			return (0);
		}
	return (err_set(e, ERR_CORRUPT, "the archive does not have table %s.%s",
	    t->schema, t->name));
}

/* Definitions alone, in the dark like any restore. */
static int
make_scratch(struct rebuild *b, const struct stored_table *tables,
    const size_t *places, struct err *e)
{
	size_t i;

	if (rebuild_prepare(b, e) < 0)
		return (-1);
	b->make.source_owners = false;
	for (i = 0; i < b->toc.n; i++)
		b->toc.v[i].left_out = true;
	for (i = 0; i < b->j->conf->ntables; i++)
		if (want_table(&b->toc, &tables[places[i]], e) < 0)
			return (-1);
	return (make_pre_data(&b->make, e));
}

/* --- the side table --- */

/* A type as text where the target does not have it. */
static int
add_type(PGconn *live, const char *type, const char *column,
    const struct stored_table *t, struct remarks *remarks, struct buf *sql,
    struct err *e)
{
	const char *params[] = { type };
	SCOPED(scope_free)
	char *found = pg_value(live,
	    "SELECT pg_catalog.to_regtype($1)::pg_catalog.text", 1, params, e);

	if (found == NULL && e->kind != ERR_NONE)
		return (-1);
	if (found != NULL) {
		buf_add_string(sql, type);
		return (0);
	}
	buf_add_string(sql, "pg_catalog.text");
	remarks_warn(remarks,
	    "column %s of %s.%s is text: the target does not have type %s",
	    column, t->schema, t->name, type);
	return (0);
}

/* "name type" of one column, as the scratch database knows it. */
static int
add_column(PGconn *scratch, PGconn *live, const struct stored_table *t,
    const char *column, struct remarks *remarks, struct buf *sql, struct err *e)
{
	SCOPED(buf_free) struct buf table = BUF_INIT;
	const char *params[2] = { NULL, column };
	SCOPED(scope_free) char *type = NULL;

	pg_add_qualified(&table, t->schema, t->name);
	params[0] = buf_text(&table);
	type = pg_value(scratch,
	    "SELECT pg_catalog.format_type(atttypid, atttypmod) "
	    "FROM pg_catalog.pg_attribute WHERE attrelid = "
	    "pg_catalog.to_regclass($1) AND attname = $2 "
	    "AND NOT attisdropped",
	    2, params, e);
	if (type == NULL)
		return (e->kind != ERR_NONE
			? -1
			: err_set(e, ERR_CORRUPT,
			      "the archive's table %s.%s has no column %s",
			      t->schema, t->name, column));
	pg_add_name(sql, column);
	buf_add_string(sql, " ");
	return (add_type(live, type, column, t, remarks, sql, e));
}

static int
make_table(PGconn *scratch, PGconn *live, const struct stored_table *t,
    const char *schema, struct remarks *remarks, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	size_t i;

	buf_add_string(&sql, "CREATE TABLE ");
	pg_add_qualified(&sql, schema, t->name);
	buf_add_string(&sql, " (");
	for (i = 0; i < t->ncolumns; i++) {
		if (i > 0)
			buf_add_string(&sql, ", ");
		if (add_column(
			scratch, live, t, t->columns[i], remarks, &sql, e) < 0)
			return (-1);
	}
	buf_add_string(&sql, ")");
	return (pg_exec(live, e, "%s", buf_text(&sql)));
}

static int
begin(PGconn *live, const struct target *t, const char *schema, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	/* The tables are to be the owner's, like the live ones. */
	buf_add_string(&sql, "BEGIN; SET LOCAL ROLE ");
	pg_add_name(&sql, t->old_owner);
	buf_add_string(&sql, "; CREATE SCHEMA ");
	pg_add_name(&sql, schema);
	return (pg_exec(live, e, "%s", buf_text(&sql)));
}

static int
copy_tables(struct rebuild *b, PGconn *live, const struct stored_table *tables,
    const size_t *places, struct err *e)
{
	struct restoring *j = b->j;
	uint64_t rows;
	size_t i;

	if (begin(live, b->t, b->out->schema, e) < 0)
		return (-1);
	for (i = 0; i < j->conf->ntables; i++) {
		const struct stored_table *t = &tables[places[i]];

		if (make_table(b->hidden.conns[0], live, t, b->out->schema,
			j->remarks, e) < 0 ||
		    rows_copy(live, j->fetch, j->contents, t, b->out->schema,
			&rows, e) < 0)
			return (-1);
		b->out->tables++;
		b->out->rows += rows;
	}
	stage_reached("side tables filled");
	if (pg_exec(live, e, "COMMIT") < 0)
		return (-1);
	stage_reached("side tables committed");
	return (0);
}

/* Tables of one name in two schemas would meet in one. */
static int
check_names(const struct restoring *j, const struct stored_table *tables,
    const size_t *places, struct err *e)
{
	size_t i, k, n = j->conf->ntables;

	for (i = 0; i < n; i++) {
		if (tables[places[i]].unreadable)
			return (err_set(e, ERR_USAGE,
			    "the rows of table %s.%s could not be read when "
			    "the backup was made",
			    tables[places[i]].schema, tables[places[i]].name));
		for (k = 0; k < i; k++)
			if (strcmp(tables[places[i]].name,
				tables[places[k]].name) == 0)
				return (err_set(e, ERR_USAGE,
				    "two tables are called %s: restore one "
				    "after the other",
				    tables[places[i]].name));
	}
	return (0);
}

/* "restored_20261122t023000z", of the first second from now on that no other
 * restore has taken. */
static int
name_schema(PGconn *live, char out[64], struct err *e)
{
	int64_t now = clock_now();
	char stamp[CLOCK_TEXT];

	for (;;) {
		const char *params[] = { out };
		SCOPED(scope_free) char *taken = NULL;

		clock_stamp(now++, stamp);
		for (size_t i = 0; stamp[i] != '\0'; i++)
			stamp[i] = (char)tolower((unsigned char)stamp[i]);
		(void)snprintf(out, 64, "restored_%s", stamp);
		taken = pg_value(live,
		    "SELECT pg_catalog.to_regnamespace($1)::pg_catalog.text", 1,
		    params, e);
		if (taken == NULL)
			return (e->kind == ERR_NONE ? 0 : -1);
	}
}

int
side_tables_restore(struct restoring *j, struct target *t, const size_t *places,
    struct journal *journal, struct restore_result *out, struct err *e)
{
	SCOPED(rebuild_free)
	struct rebuild b = { .j = j, .t = t, .out = out, .journal = journal };
	SCOPED(pg_closep) PGconn *live = NULL;
	const struct stored_table *tables;
	size_t n;
	int rc;

	if (contents_tables(j->contents, &tables, &n, e) < 0 ||
	    check_names(j, tables, places, e) < 0)
		return (-1);
	if (!t->exists)
		return (err_set(e, ERR_MISSING,
		    "there is no database %s to put tables into", t->name));
	live = pg_connect(t->branch->database, t->name, e);
	if (live == NULL || name_schema(live, out->schema, e) < 0)
		return (-1);
	progress_phase(j->r->progress, "tables", 0);
	rc = make_scratch(&b, tables, places, e);
	if (rc == 0)
		rc = copy_tables(&b, live, tables, places, e);
	rebuild_abandon(&b);
	if (rc < 0)
		return (-1);
	out->has_database = true;
	(void)snprintf(out->database, sizeof(out->database), "%s", t->name);
	if (j->conf->to->stage != STAGE_PRODUCTION)
		remarks_warn(j->remarks,
		    "the tables in schema %s are as in the backup: they are "
		    "not neutralized",
		    out->schema);
	return (0);
}
