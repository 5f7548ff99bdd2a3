/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One query gives a text for each: its name for people, a tab, its oid and, of
 * an enum, its labels. Names and labels are what the server takes from the
 * present when it renders a definition or a row; the definitions themselves,
 * tried for views and functions, come from the snapshot. Temporary ones come
 * and go, and are nobody's. The list goes back to the server as it came, which
 * finds what isn't there any more.
 */
#include "backupd/definitions.h"

#include "backupd/run.h"

/* Schemas that are not the system's: n is pg_namespace. */
#define OURS "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

#define LIST                                                                   \
	"SELECT pg_catalog.format(E'%s %s.%s\\t%s',"                           \
	"  CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'view' END,"           \
	"  n.nspname, c.relname, c.oid) AS one"                                \
	" FROM pg_catalog.pg_class c"                                          \
	" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"            \
	" WHERE c.relkind IN ('v', 'm', 'S') AND " OURS                        \
	" UNION ALL SELECT pg_catalog.format("                                 \
	"  E'function %s.%s\\t%s', n.nspname, p.proname, p.oid)"               \
	" FROM pg_catalog.pg_proc p"                                           \
	" JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"            \
	" WHERE " OURS " UNION ALL SELECT pg_catalog.format("                  \
	"  E'type %s.%s\\t%s %s', n.nspname, t.typname, t.oid,"                \
	"  (SELECT pg_catalog.string_agg(l.enumlabel, ' ' ORDER BY l.oid)"     \
	"   FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid))"             \
	" FROM pg_catalog.pg_type t"                                           \
	" JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"            \
	" WHERE t.typtype IN ('d', 'e', 'r') AND " OURS                        \
	" UNION ALL SELECT pg_catalog.format("                                 \
	"  E'schema %s\\t%s', n.nspname, n.oid)"                               \
	" FROM pg_catalog.pg_namespace n WHERE " OURS

static const char read_sql[] =
    "SELECT coalesce(pg_catalog.array_agg(one), '{}') FROM (" LIST ") l";

static const char changed_sql[] =
    "SELECT pg_catalog.split_part(one, E'\\t', 1) FROM"
    " (SELECT pg_catalog.unnest($1::text[]) AS one"
    "  EXCEPT (" LIST ")) l ORDER BY 1 LIMIT 1";

char *
definitions_read(PGconn *c, struct err *e)
{
	char *list = pg_value(c, read_sql, 0, NULL, e);

	if (list == NULL)
		(void)err_within(e, "list views and functions");
	return (list);
}

int
definitions_compare(struct run *run, const char *before, struct err *e)
{
	SCOPED(pg_closep) PGconn *c = NULL;
	SCOPED(scope_free) char *changed = NULL;
	const char *params[1] = { before };

	if ((c = pg_connect(run->branch->database, NULL, e)) == NULL)
		return (-1);
	changed = pg_value(c, changed_sql, 1, params, e);
	if (changed != NULL)
		return (err_set(e, ERR_AGAIN,
		    "%s was changed, renamed or dropped meanwhile", changed));
	return (e->kind == ERR_NONE ? 0 : -1);
}
