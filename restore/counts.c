/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts flow in, the same questions go to the made database, differences flow
 * out as a failure. The questions are those of the backup, word for word: see
 * "counts" among the manifest's facts.
 */
#include "restore/counts.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define OURS "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
#define RELATIONS(kinds)                                                       \
	"SELECT count(*) FROM pg_catalog.pg_class c JOIN "                     \
	"pg_catalog.pg_namespace n ON n.oid = c.relnamespace "                 \
	"WHERE c.relkind IN (" kinds ") AND " OURS

static const struct {
	const char *name, *sql;
} questions[] = {
	{ "tables", RELATIONS("'r', 'p'") },
	{ "indexes", RELATIONS("'i', 'I'") },
	{ "constraints",
	    "SELECT count(*) FROM pg_catalog.pg_constraint c JOIN "
	    "pg_catalog.pg_namespace n ON n.oid = c.connamespace "
	    "WHERE c.contype <> 'n' AND " OURS },
	{ "sequences", RELATIONS("'S'") },
	{ "views", RELATIONS("'v'") },
	{ "materialized_views", RELATIONS("'m'") },
	{ "triggers",
	    "SELECT count(*) FROM pg_catalog.pg_trigger t JOIN "
	    "pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN "
	    "pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
	    "WHERE NOT t.tgisinternal AND " OURS },
	{ "own_functions",
	    "SELECT count(*) FROM pg_catalog.pg_proc p JOIN "
	    "pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
	    "WHERE " OURS " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d "
	    "WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass "
	    "AND d.objid = p.oid AND d.deptype IN ('e', 'i'))" },
	{ "large_objects",
	    "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata" },
};

/* Has every extension the version that it had at the source? */
static int
same_extensions(PGconn *c, const struct json *facts, bool *same, struct err *e)
{
	const struct json *list = json_get(facts, "extensions");
	size_t i, n = json_count(list);

	*same = true;
	for (i = 0; i < n && *same; i++) {
		const char *params[] = { json_get_string(
					     json_at(list, i), "name"),
			json_get_string(json_at(list, i), "version") };
		SCOPED(scope_free) char *found = NULL;

		if (params[0] == NULL || params[1] == NULL)
			continue;
		found = pg_value(c,
		    "SELECT 'same' FROM pg_catalog.pg_extension "
		    "WHERE extname = $1 AND extversion = $2",
		    2, params, e);
		if (found == NULL && e->kind != ERR_NONE)
			return (-1);
		*same = found != NULL;
	}
	return (0);
}

static int
check_one(PGconn *c, const char *name, const char *sql, int64_t expected,
    bool strict, struct remarks *remarks, struct err *e)
{
	SCOPED(scope_free) char *text = pg_value(c, sql, 0, NULL, e);
	long long found;

	if (text == NULL)
		return (e->kind != ERR_NONE
			? -1
			: err_set(e, ERR_DATABASE, "no count of %s", name));
	found = strtoll(text, NULL, 10);
	if (found == expected)
		return (0);
	if (strict)
		return (err_set(e, ERR_CORRUPT,
		    "the restored database has %lld of %lld %s", found,
		    (long long)expected, name));
	remarks_look_at(remarks,
	    "the restored database has %lld %s, the source had %lld: the backup "
	    "isn't whole, or extensions have other versions here",
	    found, name, (long long)expected);
	return (0);
}

int
counts_check(PGconn *c, const struct json *facts, bool whole,
    struct remarks *remarks, struct err *e)
{
	const struct json *counts = json_get(facts, "counts");
	int64_t expected;
	bool strict;
	size_t i;

	if (same_extensions(c, facts, &strict, e) < 0)
		return (-1);
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		expected = json_get_integer(counts, questions[i].name, -1);
		if (expected >= 0 &&
		    check_one(c, questions[i].name, questions[i].sql, expected,
			strict && whole, remarks, e) < 0)
			return (-1);
	}
	return (0);
}
