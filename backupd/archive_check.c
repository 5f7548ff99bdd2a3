/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_dump was told what to leave out by patterns. A pattern that matched too
 * much would lose rows without an error (a wildcard loses sequence values); one
 * that matched too little would give rows twice. So its list is compared, entry
 * by entry, with the catalog.
 */
#include "backupd/archive_check.h"

#include <stdlib.h>
#include <string.h>

#define SEQUENCES_MAX 10000000

enum column {
	COLUMN_SCHEMA,
	COLUMN_NAME,
	COLUMN_EXTENSION,
	COLUMN_ALLOWED,
	COLUMN_TABLE /* that owns it */
};

static const char sequences_sql[] =
    "SELECT n.nspname, c.relname,"
    " EXISTS (SELECT 1 FROM pg_catalog.pg_depend d"
    "  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    "  AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'"
    "  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass),"
    " coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
    "  AND pg_catalog.has_sequence_privilege(c.oid, 'SELECT'), false),"
    " coalesce((SELECT d.refobjid FROM pg_catalog.pg_depend d"
    "  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    "  AND d.refclassid = d.classid AND d.objid = c.oid"
    "  AND d.objsubid = 0 AND d.deptype IN ('a', 'i') LIMIT 1), 0)"
    " FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'S' AND c.relpersistence <> 't'"
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

static int
by_oid(const void *a, const void *b)
{
	uint32_t left = (*(const struct table *const *)a)->oid,
		 right = (*(const struct table *const *)b)->oid;

	return ((left > right) - (left < right));
}

static int
by_name(const void *a, const void *b)
{
	const struct sequence *left = a, *right = b;
	int rc = strcmp(left->schema, right->schema);

	return (rc != 0 ? rc : strcmp(left->name, right->name));
}

/* The place of a table in k->tables, or k->ntables. */
static size_t
find_table(const struct archive_check *k, uint32_t oid)
{
	const struct table key = { .oid = oid }, *pkey = &key, **found;

	found = bsearch(
	    &pkey, k->tables, k->ntables, sizeof(struct table *), by_oid);
	return (found != NULL ? (size_t)(found - k->tables) : k->ntables);
}

static void
fill(struct archive_check *k, const PGresult *r, int row)
{
	size_t owner = find_table(
	    k, (uint32_t)strtoul(PQgetvalue(r, row, COLUMN_TABLE), NULL, 10));
	bool is_extensions = PQgetvalue(r, row, COLUMN_EXTENSION)[0] == 't',
	     is_allowed = PQgetvalue(r, row, COLUMN_ALLOWED)[0] == 't',
	     is_owner_lost = owner < k->ntables && k->tables[owner]->is_denied;

	k->sequences[row] = (struct sequence){ .schema = mem_string(PQgetvalue(
						   r, row, COLUMN_SCHEMA)),
		.name = mem_string(PQgetvalue(r, row, COLUMN_NAME)),
		.is_expected = !is_extensions && is_allowed && !is_owner_lost,
		.is_denied = !is_extensions && !is_allowed };
}

int
archive_check_init(struct archive_check *k, PGconn *c,
    const struct table_list *tables, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;
	int n;

	*k = (struct archive_check){ .ntables = tables->n };
	k->tables = mem_array(tables->n + 1, sizeof(struct table *));
	k->is_found = mem_array(tables->n + 1, sizeof(bool));
	for (size_t i = 0; i < tables->n; i++)
		k->tables[i] = &tables->v[i];
	qsort(k->tables, k->ntables, sizeof(struct table *), by_oid);
	if ((r = pg_query(c, sequences_sql, 0, NULL, e)) == NULL)
		return (err_within(e, "list the sequences"));
	n = PQntuples(r);
	if (n > SEQUENCES_MAX)
		return (err_set(e, ERR_DATABASE,
		    "%d sequences are more than we can bear", n));
	k->sequences = mem_array((size_t)n + 1, sizeof(*k->sequences));
	k->nsequences = (size_t)n;
	for (int i = 0; i < n; i++)
		fill(k, r, i);
	return (0);
}

static int
check_sequence(
    struct archive_check *k, const struct archive_entry *a, struct err *e)
{
	char schema[ARCHIVE_LIST_NAME_MAX], name[ARCHIVE_LIST_NAME_MAX];
	struct sequence key = { .schema = schema, .name = name }, *found;

	(void)snprintf(schema, sizeof(schema), "%s", a->schema);
	(void)snprintf(name, sizeof(name), "%s", a->tag);
	found = bsearch(&key, k->sequences, k->nsequences,
	    sizeof(struct sequence), by_name);
	if (found == NULL || found->is_found)
		return (err_set(e, ERR_DATABASE,
		    "pg_dump's archive holds sequence %s.%s, %s", a->schema,
		    a->tag,
		    found != NULL ? "twice"
				  : "which the snapshot doesn't have"));
	found->is_found = true;
	return (0);
}

int
archive_check_entry(
    struct archive_check *k, const struct archive_entry *a, struct err *e)
{
	bool is_data = strcmp(a->what, "TABLE DATA") == 0;
	char text[TABLE_TEXT];
	size_t i;

	if (strcmp(a->what, "SEQUENCE SET") == 0)
		return (check_sequence(k, a, e));
	if (!is_data && strcmp(a->what, "TABLE") != 0)
		return (0);
	if ((i = find_table(k, a->oid)) == k->ntables)
		return (0); /* a foreign table */
	if (is_data && table_is_ours(k->tables[i]))
		return (err_set(e, ERR_DATABASE,
		    "pg_dump's archive holds the rows of table %s, which it was told to leave out",
		    table_text(k->tables[i], text)));
	if (!is_data)
		k->is_found[i] = true;
	return (0);
}

int
archive_check_end(const struct archive_check *k, struct err *e)
{
	const struct table *t;
	char text[TABLE_TEXT];

	for (size_t i = 0; i < k->nsequences; i++)
		if (k->sequences[i].is_expected && !k->sequences[i].is_found)
			return (err_set(e, ERR_DATABASE,
			    "pg_dump's archive lacks the value of sequence %s.%s",
			    k->sequences[i].schema, k->sequences[i].name));
	for (size_t i = 0; i < k->ntables; i++) {
		t = k->tables[i];
		if (!k->is_found[i] && !t->is_denied && !t->is_extensions)
			return (err_set(e, ERR_DATABASE,
			    "pg_dump's archive lacks the definition of table %s",
			    table_text(t, text)));
	}
	return (0);
}

void
archive_check_free(struct archive_check *k)
{
	for (size_t i = 0; i < k->nsequences; i++) {
		free(k->sequences[i].schema);
		free(k->sequences[i].name);
	}
	free(k->sequences);
	free(k->tables);
	free(k->is_found);
	*k = (struct archive_check){ .nsequences = 0 };
}
