/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks the catalog first, then the tables: an absent table or column must not
 * fail the transaction that holds the snapshot.
 */
#include "backupd/odoo.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The schema with Odoo's module list, "public" first; whether we may read it,
 * and whether its ir_attachment is there, with the columns that we need, and
 * all its rows can be read. */
static const char find_sql[] =
    "SELECT n.nspname,"
    " EXISTS (SELECT 1 FROM pg_catalog.pg_class t"
    "  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid"
    "  WHERE t.relnamespace = n.oid AND t.relname = 'ir_attachment'"
    "  AND t.relkind = 'r' AND NOT a.attisdropped"
    "  AND a.attname IN ('store_fname', 'file_size')"
    "  AND pg_catalog.has_table_privilege(t.oid, 'SELECT')"
    "  AND NOT pg_catalog.row_security_active(t.oid)"
    "  HAVING count(*) = 2)"
    " FROM pg_catalog.pg_class m"
    " JOIN pg_catalog.pg_namespace n ON n.oid = m.relnamespace"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = m.oid"
    " WHERE m.relname = 'ir_module_module' AND m.relkind = 'r'"
    " AND n.nspname !~ '^pg_' AND NOT a.attisdropped"
    " AND a.attname IN ('name', 'state', 'latest_version')"
    " AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
    " AND pg_catalog.has_table_privilege(m.oid, 'SELECT')"
    " AND NOT pg_catalog.row_security_active(m.oid)"
    " GROUP BY n.oid, n.nspname HAVING count(*) = 3"
    " ORDER BY n.nspname <> 'public', n.nspname COLLATE \"C\" LIMIT 1";

static const char parameters_sql[] =
    "SELECT 1 FROM pg_catalog.pg_class t"
    " JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid"
    " WHERE n.nspname = $1 AND t.relname = 'ir_config_parameter'"
    " AND t.relkind = 'r' AND NOT a.attisdropped"
    " AND a.attname IN ('key', 'value')"
    " AND pg_catalog.has_table_privilege(t.oid, 'SELECT')"
    " AND NOT pg_catalog.row_security_active(t.oid)"
    " HAVING count(*) = 2";

bool
odoo_parse_version(
    const char *text, char *version, size_t size, unsigned *major)
{
	const char *at = text;
	size_t n;

	if (strncmp(at, "saas", strlen("saas")) == 0 &&
	    (at[4] == '~' || at[4] == '-'))
		at += strlen("saas~");
	if (!isdigit((unsigned char)*at))
		return (false);
	*major = (unsigned)strtoul(at, NULL, 10);
	at += strspn(at, "0123456789");
	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	n = (size_t)(at - text);
	if (n >= size)
		return (false);
	memcpy(version, text, n);
	version[n] = '\0';
	return (true);
}

/* A query over one of Odoo's tables, with its schema's name put in. */
static PGresult *
ask(PGconn *c, const struct odoo *o, const char *select, const char *table,
    const char *rest, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	buf_printf(&sql, "SELECT %s FROM ", select);
	pg_add_qualified(&sql, o->schema, table);
	buf_printf(&sql, " %s", rest);
	return (pg_query(c, buf_text(&sql), 0, NULL, e));
}

int
odoo_find(PGconn *c, struct odoo *out, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL, *base = NULL;

	*out = (struct odoo){ .is_there = false };
	if ((r = pg_query(c, find_sql, 0, NULL, e)) == NULL)
		return (err_within(e, "look for Odoo"));
	if (PQntuples(r) == 0)
		return (0);
	out->is_there = true;
	out->schema = mem_string(PQgetvalue(r, 0, 0));
	out->has_attachments = PQgetvalue(r, 0, 1)[0] == 't';
	base = ask(c, out, "latest_version::text", "ir_module_module",
	    "WHERE name::text = 'base' AND latest_version IS NOT NULL", e);
	if (base == NULL)
		return (err_within(e, "look for Odoo's version"));
	if (PQntuples(base) == 1)
		(void)odoo_parse_version(PQgetvalue(base, 0, 0), out->version,
		    sizeof(out->version), &out->major);
	return (0);
}

void
odoo_free(struct odoo *o)
{
	free(o->schema);
	*o = (struct odoo){ .is_there = false };
}

static int
add_modules(PGconn *c, const struct odoo *o, struct json *into, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;
	struct json *modules = json_object();

	json_set(into, "modules", modules);
	r = ask(c, o, "name::text, latest_version::text", "ir_module_module",
	    "WHERE state IN ('installed', 'to upgrade', 'to remove')"
	    " ORDER BY name::text COLLATE \"C\"",
	    e);
	if (r == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++)
		json_set_string(modules, PQgetvalue(r, i, 0),
		    PQgetisnull(r, i, 1) ? NULL : PQgetvalue(r, i, 1));
	return (0);
}

static int
add_parameters(
    PGconn *c, const struct odoo *o, struct json *into, struct err *e)
{
	static const char *const keys[][2] = { { "uuid", "database.uuid" },
		{ "secret", "database.secret" },
		{ "base_url", "web.base.url" } };
	SCOPED(pg_clearp) PGresult *there = NULL, *r = NULL;
	const char *params[1] = { o->schema };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_set_null(into, keys[i][0]);
	if ((there = pg_query(c, parameters_sql, 1, params, e)) == NULL)
		return (-1);
	if (PQntuples(there) == 0)
		return (0);
	r = ask(c, o, "key::text, value::text", "ir_config_parameter",
	    "WHERE key IN ('database.uuid', 'database.secret', 'web.base.url')",
	    e);
	if (r == NULL)
		return (-1);
	for (int row = 0; row < PQntuples(r); row++)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (strcmp(PQgetvalue(r, row, 0), keys[i][1]) == 0)
				json_set_string(
				    into, keys[i][0], PQgetvalue(r, row, 1));
	return (0);
}

struct json *
odoo_facts(PGconn *c, const struct odoo *o, struct err *e)
{
	SCOPED(json_freep) struct json *j = NULL;

	if (!o->is_there)
		return (json_null());
	j = json_object();
	json_set_string(
	    j, "version", o->version[0] != '\0' ? o->version : NULL);
	if (add_modules(c, o, j, e) < 0 || add_parameters(c, o, j, e) < 0) {
		(void)err_within(e, "read Odoo's modules and parameters");
		return (NULL);
	}
	return (TAKE(j));
}
