/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One query a fact. Nothing here opens a relation or renders a definition, so
 * nothing waits for a lock. Names of columns are names of keys.
 */
#include "backupd/facts.h"

#include <stdlib.h>
#include <string.h>

#define TYPE_BOOL 16
#define TYPE_INT8 20
#define TYPE_INT2 21
#define TYPE_INT4 23
#define TYPE_OID  26

#define VERSION_PROVIDER 150000 /* pg_database.datlocprovider */
#define VERSION_LOCALE	 170000 /* daticulocale became datlocale */

/* Schemas that are not the system's: n is pg_namespace. */
#define OURS "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
#define HERE "d.datname = pg_catalog.current_database()"

static const char database_sql[] =
    "SELECT d.datname AS name,"
    " pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,"
    " d.datcollate AS collate, d.datctype AS ctype,"
    " %s AS provider, %s AS icu_locale,"
    " pg_catalog.pg_get_userbyid(d.datdba) AS owner,"
    " d.datconnlimit AS connection_limit, d.datacl::text AS acl,"
    " pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,"
    " pg_catalog.pg_database_size(d.oid) AS bytes"
    " FROM pg_catalog.pg_database d WHERE " HERE;

static const char settings_sql[] =
    "SELECT CASE WHEN s.setrole <> 0"
    " THEN pg_catalog.pg_get_userbyid(s.setrole) END,"
    " pg_catalog.unnest(s.setconfig)"
    " FROM pg_catalog.pg_db_role_setting s"
    " JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase WHERE " HERE
    " ORDER BY s.setrole";

static const char extensions_sql[] =
    "SELECT x.extname AS name, x.extversion AS version, n.nspname AS schema"
    " FROM pg_catalog.pg_extension x"
    " JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace"
    " ORDER BY x.extname";

/*
 * Functions of extensions that were altered after CREATE EXTENSION. The catalog
 * doesn't keep what the extension said, so this knows the ones that people do
 * alter: unaccent's are STABLE, and IMMUTABLE where somebody indexes them.
 */
static const char altered_sql[] =
    "SELECT x.extname AS extension, p.oid::regprocedure::text AS identity,"
    " p.provolatile::text AS volatility"
    " FROM pg_catalog.pg_extension x"
    " JOIN pg_catalog.pg_depend d ON d.refobjid = x.oid AND d.deptype = 'e'"
    "  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"
    "  AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass"
    " JOIN pg_catalog.pg_proc p ON p.oid = d.objid"
    " WHERE (x.extname, p.proname, p.provolatile) IN"
    "  (('unaccent', 'unaccent', 'i'), ('unaccent', 'unaccent', 'v'))"
    " ORDER BY 2";

/* Functions of extensions, and those that come along with a type, are as many
 * as the server's version makes them. */
static const char counts_sql[] =
    "SELECT"
    " (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace"
    "  n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND " OURS
    ") AS tables,"
    " (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace"
    "  n ON n.oid = c.relnamespace WHERE c.relkind IN ('i', 'I') AND " OURS
    ") AS indexes,"
    " (SELECT count(*) FROM pg_catalog.pg_constraint c"
    "  JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace"
    "  WHERE c.contype <> 'n' AND " OURS ") AS constraints,"
    " (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace"
    "  n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND " OURS
    ") AS sequences,"
    " (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace"
    "  n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND " OURS
    ") AS views,"
    " (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace"
    "  n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND " OURS
    ") AS materialized_views,"
    " (SELECT count(*) FROM pg_catalog.pg_trigger t"
    "  JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid"
    "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    "  WHERE NOT t.tgisinternal AND " OURS ") AS triggers,"
    " (SELECT count(*) FROM pg_catalog.pg_proc p"
    "  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
    "  WHERE " OURS " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d"
    "   WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass"
    "   AND d.objid = p.oid AND d.deptype IN ('e', 'i'))) AS own_functions,"
    " (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata)"
    "  AS large_objects";

static const char foreign_keys_sql[] =
    "SELECT n.nspname AS schema, c.relname AS table, k.conname AS name,"
    " rn.nspname AS ref_schema, rc.relname AS ref_table"
    " FROM pg_catalog.pg_constraint k"
    " JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_class rc ON rc.oid = k.confrelid"
    " JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace"
    " WHERE k.contype = 'f' AND " OURS
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\","
    " k.conname COLLATE \"C\"";

/* Owners and grantees by the dependencies that the server keeps for DROP ROLE;
 * the bootstrap superuser has none there, so owners are added. */
static const char roles_sql[] =
    "SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.oid IN ("
    " SELECT s.refobjid FROM pg_catalog.pg_shdepend s"
    "  JOIN pg_catalog.pg_database d ON " HERE
    "   AND (s.dbid = d.oid OR (s.dbid = 0 AND s.objid = d.oid"
    "    AND s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass))"
    "  WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass"
    " UNION SELECT d.datdba FROM pg_catalog.pg_database d WHERE " HERE
    " UNION SELECT c.relowner FROM pg_catalog.pg_class c"
    "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE " OURS
    " UNION SELECT p.proowner FROM pg_catalog.pg_proc p"
    "  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE " OURS
    " UNION SELECT s.setrole FROM pg_catalog.pg_db_role_setting s"
    "  JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase WHERE " HERE
    ") ORDER BY r.rolname COLLATE \"C\"";

static const char tablespaces_sql[] =
    "SELECT t.spcname FROM pg_catalog.pg_tablespace t"
    " WHERE t.spcname NOT IN ('pg_default', 'pg_global') AND t.oid IN ("
    " SELECT c.reltablespace FROM pg_catalog.pg_class c"
    " UNION SELECT d.dattablespace FROM pg_catalog.pg_database d WHERE " HERE
    ") ORDER BY t.spcname COLLATE \"C\"";

static void
set_value(struct json *o, const PGresult *r, int row, int column)
{
	const char *key = PQfname(r, column), *v = PQgetvalue(r, row, column);

	if (PQgetisnull(r, row, column)) {
		json_set_null(o, key);
		return;
	}
	switch (PQftype(r, column)) {
	case TYPE_BOOL: json_set_bool(o, key, v[0] == 't'); break;
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
	case TYPE_OID: json_set_integer(o, key, strtoll(v, NULL, 10)); break;
	default: json_set_name(o, key, v); break;
	}
}

static struct json *
row_object(const PGresult *r, int row)
{
	struct json *o = json_object();

	for (int i = 0; i < PQnfields(r); i++)
		set_value(o, r, row, i);
	return (o);
}

struct json *
facts_rows(const PGresult *r)
{
	struct json *rows = json_array();

	for (int i = 0; i < PQntuples(r); i++)
		json_append(rows, row_object(r, i));
	return (rows);
}

void
facts_server_version(PGconn *c, char *out, size_t size)
{
	const char *text = PQparameterStatus(c, "server_version");

	if (text == NULL)
		text = "";
	(void)snprintf(out, size, "%.*s", (int)strcspn(text, " "), text);
}

/* A list of objects under key. */
static int
add_list(PGconn *c, const char *key, const char *sql, struct json *into,
    struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;

	if ((r = pg_query(c, sql, 0, NULL, e)) == NULL)
		return (-1);
	json_set(into, key, facts_rows(r));
	return (0);
}

/* A list of names under key. */
static int
add_names(PGconn *c, const char *key, const char *sql, struct json *into,
    struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;
	struct json *names = json_array();

	json_set(into, key, names);
	if ((r = pg_query(c, sql, 0, NULL, e)) == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++)
		json_append_name(names, PQgetvalue(r, i, 0));
	return (0);
}

/* ALTER DATABASE … SET and ALTER ROLE … IN DATABASE … SET. */
static int
add_settings(PGconn *c, struct json *database, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;
	struct json *all = json_array(), *one, *config = NULL;
	const char *role, *before = NULL;

	json_set(database, "settings", all);
	if ((r = pg_query(c, settings_sql, 0, NULL, e)) == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++) {
		role = PQgetisnull(r, i, 0) ? "" : PQgetvalue(r, i, 0);
		if (before == NULL || strcmp(role, before) != 0) {
			one = json_object();
			json_set_name(one, "role", *role != '\0' ? role : NULL);
			config = json_array();
			json_set(one, "config", config);
			json_append(all, one);
			before = role;
		}
		json_append_name(config, PQgetvalue(r, i, 1));
	}
	return (0);
}

static int
add_database(PGconn *c, struct json *into, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	int version = PQserverVersion(c);
	struct json *database;

	buf_printf(&sql, database_sql,
	    version >= VERSION_PROVIDER ? "d.datlocprovider::text" : "'c'",
	    version >= VERSION_LOCALE	      ? "d.datlocale"
		: version >= VERSION_PROVIDER ? "d.daticulocale"
					      : "NULL::text");
	if ((r = pg_query(c, buf_text(&sql), 0, NULL, e)) == NULL)
		return (-1);
	if (PQntuples(r) != 1)
		return (
		    err_set(e, ERR_DATABASE, "pg_database lacks our database"));
	database = row_object(r, 0);
	json_set(into, "database", database);
	return (add_settings(c, database, e));
}

static int
add_counts(PGconn *c, struct json *into, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;

	if ((r = pg_query(c, counts_sql, 0, NULL, e)) == NULL)
		return (-1);
	json_set(into, "counts", row_object(r, 0));
	return (0);
}

int
facts_read(PGconn *c, struct json *into, struct err *e)
{
	struct json *server = json_object();
	char version[32];

	facts_server_version(c, version, sizeof(version));
	json_set_string(server, "version", version);
	json_set_integer(server, "version_num", PQserverVersion(c));
	json_set(into, "server", server);
	if (add_database(c, into, e) < 0 ||
	    add_list(c, "extensions", extensions_sql, into, e) < 0 ||
	    add_list(c, "altered", altered_sql, into, e) < 0 ||
	    add_counts(c, into, e) < 0 ||
	    add_list(c, "foreign_keys", foreign_keys_sql, into, e) < 0 ||
	    add_names(c, "roles", roles_sql, into, e) < 0 ||
	    add_names(c, "tablespaces", tablespaces_sql, into, e) < 0)
		return (err_within(e, "read the facts of the database"));
	return (0);
}
