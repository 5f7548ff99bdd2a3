/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One query lists the tables, without any function that opens a relation: such
 * a function would wait behind an ALTER TABLE, for as long as that takes. The
 * order is that of bytes, whatever the database's collation is, so that two
 * lists can be compared side by side and recipes keep their places.
 */
#include "backupd/table_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TABLES_MAX 1000000

enum column {
	COLUMN_OID,
	COLUMN_FILE_NODE,
	COLUMN_KIND,
	COLUMN_SCHEMA,
	COLUMN_NAME,
	COLUMN_EXTENSION,
	COLUMN_ALLOWED,
	COLUMN_ROW_SECURITY
};

static const char list_sql[] =
    "SELECT c.oid, c.relfilenode, c.relkind, n.nspname, c.relname,"
    " EXISTS (SELECT 1 FROM pg_catalog.pg_depend d"
    "  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    "  AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'"
    "  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass),"
    " coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
    "  AND pg_catalog.has_table_privilege(c.oid, 'SELECT'), false),"
    " coalesce(pg_catalog.row_security_active(c.oid), false)"
    " FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/* Not pg_table_size: it opens TOAST's index, where a REINDEX would hold it up.
 */
static const char weigh_sql[] =
    "SELECT c.oid, pg_catalog.pg_relation_size(c.oid)"
    " + coalesce(pg_catalog.pg_relation_size(nullif(c.reltoastrelid, 0)), 0),"
    /* the planner's estimate */
    " CASE WHEN c.reltuples > 0 AND c.relpages > 0 THEN (c.reltuples"
    "  / c.relpages * (pg_catalog.pg_relation_size(c.oid)"
    "  / pg_catalog.current_setting('block_size')::int8))::int8 ELSE 0 END"
    " FROM pg_catalog.pg_class c"
    " WHERE c.oid = ANY ($1::oid[]) AND c.relkind = 'r'";

static uint32_t
number_at(const PGresult *r, int row, int column)
{
	return ((uint32_t)strtoul(PQgetvalue(r, row, column), NULL, 10));
}

static bool
truth_at(const PGresult *r, int row, int column)
{
	return (PQgetvalue(r, row, column)[0] == 't');
}

static void
fill(struct table *t, const PGresult *r, int row)
{
	*t = (struct table){ .oid = number_at(r, row, COLUMN_OID),
		.file_node = number_at(r, row, COLUMN_FILE_NODE),
		.kind = PQgetvalue(r, row, COLUMN_KIND)[0],
		.is_extensions = truth_at(r, row, COLUMN_EXTENSION),
		.is_denied = !truth_at(r, row, COLUMN_ALLOWED),
		.has_hidden_rows = truth_at(r, row, COLUMN_ROW_SECURITY),
		.schema = mem_string(PQgetvalue(r, row, COLUMN_SCHEMA)),
		.name = mem_string(PQgetvalue(r, row, COLUMN_NAME)) };
}

int
table_list_read(PGconn *c, struct table_list *out, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;
	int n;

	if ((r = pg_query(c, list_sql, 0, NULL, e)) == NULL)
		return (err_within(e, "list the tables"));
	n = PQntuples(r);
	if (n > TABLES_MAX)
		return (err_set(
		    e, ERR_DATABASE, "%d tables are more than we can bear", n));
	out->v = mem_array((size_t)n + 1, sizeof(*out->v));
	out->n = (size_t)n;
	for (int i = 0; i < n; i++)
		fill(&out->v[i], r, i);
	return (0);
}

void
table_list_free(struct table_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].schema);
		free(l->v[i].name);
		free(l->v[i].columns);
		recipe_free(&l->v[i].recipe);
	}
	free(l->v);
	*l = (struct table_list){ .n = 0 };
}

static int
by_oid(const void *a, const void *b)
{
	uint32_t left = (*(struct table *const *)a)->oid,
		 right = (*(struct table *const *)b)->oid;

	return ((left > right) - (left < right));
}

/* All weighable tables by oid; the caller frees the array. */
static struct table **
sort_by_oid(struct table_list *l, size_t *n)
{
	struct table **sorted = mem_array(l->n + 1, sizeof(*sorted));

	*n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].is_denied)
			sorted[(*n)++] = &l->v[i];
	qsort(sorted, *n, sizeof(struct table *), by_oid);
	return (sorted);
}

int
table_list_weigh(PGconn *c, struct table_list *l, struct err *e)
{
	SCOPED(scope_free) struct table **sorted = NULL;
	SCOPED(buf_free) struct buf oids = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;
	struct table key, *pkey = &key, **found;
	const char *params[1];
	size_t n;

	sorted = sort_by_oid(l, &n);
	for (size_t i = 0; i < n; i++)
		buf_printf(&oids, "%c%u", i == 0 ? '{' : ',', sorted[i]->oid);
	buf_add_string(&oids, n == 0 ? "{}" : "}");
	params[0] = buf_text(&oids);
	if ((r = pg_query(c, weigh_sql, 1, params, e)) == NULL)
		return (err_within(e, "measure the tables"));
	for (int i = 0; i < PQntuples(r); i++) {
		key.oid = number_at(r, i, 0);
		found = bsearch(
		    &pkey, sorted, n, sizeof(struct table *), by_oid);
		if (found == NULL)
			continue;
		(*found)->bytes = strtoull(PQgetvalue(r, i, 1), NULL, 10);
		(*found)->rows_expected = strtoull(
		    PQgetvalue(r, i, 2), NULL, 10);
	}
	return (0);
}

static bool
is_same(const struct table *a, const struct table *b)
{
	return (a->oid == b->oid && a->file_node == b->file_node &&
	    a->kind == b->kind && a->is_extensions == b->is_extensions &&
	    a->is_denied == b->is_denied &&
	    a->has_hidden_rows == b->has_hidden_rows &&
	    strcmp(a->schema, b->schema) == 0 && strcmp(a->name, b->name) == 0);
}

const struct table *
table_list_difference(const struct table_list *a, const struct table_list *b)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n; i++)
		if (!is_same(&a->v[i], &b->v[i]))
			return (&b->v[i]);
	if (i < b->n)
		return (&b->v[i]);
	return (i < a->n ? &a->v[i] : NULL);
}

bool
table_is_ours(const struct table *t)
{
	return (t->kind == 'r' && !t->is_extensions);
}

void
table_add_name(const struct table *t, struct buf *b)
{
	pg_add_qualified(b, t->schema, t->name);
}

const char *
table_text(const struct table *t, char out[TABLE_TEXT])
{
	(void)snprintf(out, TABLE_TEXT, "%s.%s", t->schema, t->name);
	text_mend_end(out);
	text_clean(out);
	return (out);
}
