/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system catalogs' rows, in order, become sorted lists of tables and
 * columns, which rules are then looked up in. Partitions are left out, since
 * their parent stands for them, and foreign tables, since changing one would
 * change another server.
 */
#include "restore/neutralize_catalog.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* %s: how a server of this age tells a generated column. */
#define COLUMNS_QUERY                                                          \
	"SELECT n.nspname, c.relname, a.attname, b.typname, b.typcategory,"    \
	" COALESCE(el.typcategory, ''), a.attnotnull, %s"                      \
	" FROM pg_catalog.pg_class c"                                          \
	" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"            \
	" JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"                \
	" AND a.attnum > 0 AND NOT a.attisdropped"                             \
	" JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"                     \
	" JOIN pg_catalog.pg_type b ON b.oid ="                                \
	" CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END"         \
	" LEFT JOIN pg_catalog.pg_type el ON el.oid = b.typelem"               \
	" AND b.typcategory = 'A'"                                             \
	" WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"              \
	" AND c.relpersistence <> 't' AND n.nspname <> 'information_schema'"   \
	" AND n.nspname !~ '^pg_'"                                             \
	" ORDER BY n.nspname, c.relname, a.attname"

static enum neutralize_class
class_of(const char *type, char category, char element)
{
	static const struct {
		const char *type;
		enum neutralize_class class;
	} named[] = {
		{ "json", CLASS_JSON },
		{ "jsonb", CLASS_JSONB },
		{ "bytea", CLASS_BYTES },
		{ "uuid", CLASS_UUID },
		{ "bool", CLASS_BOOL },
	};

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (strcmp(type, named[i].type) == 0)
			return (named[i].class);
	switch (category) {
	case 'S': return (CLASS_TEXT);
	case 'N': return (CLASS_NUMBER);
	case 'D': return (CLASS_TIME);
	case 'A': return (element == 'S' ? CLASS_ARRAY : CLASS_OTHER);
	default: return (CLASS_OTHER);
	}
}

static bool
is_true(const PGresult *r, int row, int column)
{
	return (PQgetvalue(r, row, column)[0] == 't');
}

/* The table of the given row: the last one, or a new one after it. */
static struct neutralize_table *
table_of_row(struct neutralize_catalog *cat, const PGresult *r, int row)
{
	const char *schema = PQgetvalue(r, row, 0),
		   *name = PQgetvalue(r, row, 1);
	struct neutralize_table *t;

	if (cat->n > 0) {
		t = &cat->tables[cat->n - 1];
		if (strcmp(t->schema, schema) == 0 &&
		    strcmp(t->name, name) == 0)
			return (t);
	}
	cat->tables = mem_grow(cat->tables, cat->n + 1, sizeof(cat->tables[0]));
	t = &cat->tables[cat->n++];
	*t = (struct neutralize_table){
		.schema = mem_string(schema),
		.name = mem_string(name),
	};
	return (t);
}

static int
read_columns(PGconn *c, struct neutralize_catalog *cat, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;

	buf_printf(&sql, COLUMNS_QUERY,
	    pg_server_major(c) >= 12 ? "a.attgenerated <> ''" : "false");
	if ((r = pg_query(c, buf_text(&sql), 0, NULL, e)) == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++) {
		struct neutralize_table *t = table_of_row(cat, r, i);

		t->columns = mem_grow(
		    t->columns, t->n + 1, sizeof(t->columns[0]));
		t->columns[t->n++] = (struct neutralize_column){
			.name = mem_string(PQgetvalue(r, i, 2)),
			.class = class_of(PQgetvalue(r, i, 3),
			    PQgetvalue(r, i, 4)[0], PQgetvalue(r, i, 5)[0]),
			.not_null = is_true(r, i, 6),
			.generated = is_true(r, i, 7),
		};
	}
	return (0);
}

static struct neutralize_table *
find_table(
    const struct neutralize_catalog *cat, const char *schema, const char *name)
{
	size_t low = 0, high = cat->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct neutralize_table *t = &cat->tables[middle];
		int order = strcmp(schema, t->schema);

		if (order == 0)
			order = strcmp(name, t->name);
		if (order == 0)
			return (t);
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return (NULL);
}

const struct neutralize_table *
neutralize_catalog_table(
    const struct neutralize_catalog *cat, const char *schema, const char *name)
{
	return (find_table(cat, schema, name));
}

const struct neutralize_column *
neutralize_catalog_column(const struct neutralize_table *t, const char *name)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, t->columns[middle].name);

		if (order == 0)
			return (&t->columns[middle]);
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return (NULL);
}

bool
neutralize_catalog_has_module(
    const struct neutralize_odoo *odoo, const char *name)
{
	for (size_t i = 0; i < odoo->modules.n; i++)
		if (strcmp(odoo->modules.p[i], name) == 0)
			return (true);
	return (false);
}

static int
read_modules(PGconn *c, struct neutralize_odoo *odoo, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;

	buf_add_string(&sql, "SELECT name FROM ");
	pg_add_qualified(&sql, odoo->schema, "ir_module_module");
	buf_add_string(&sql,
	    " WHERE state IN ('installed', 'to upgrade', 'to remove')"
	    " AND name IS NOT NULL ORDER BY name COLLATE pg_catalog.\"C\"");
	if ((r = pg_query(c, buf_text(&sql), 0, NULL, e)) == NULL)
		return (-1);
	odoo->modules.p = mem_array(
	    (size_t)PQntuples(r) + 1, sizeof(odoo->modules.p[0]));
	for (int i = 0; i < PQntuples(r); i++)
		odoo->modules.p[odoo->modules.n++] = mem_string(
		    PQgetvalue(r, i, 0));
	return (0);
}

/* Marks the tables of transient models: "res.config.settings" is kept in
 * res_config_settings. */
static int
read_transients(PGconn *c, struct neutralize_catalog *cat, const char *schema,
    struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;
	const struct neutralize_table *models = find_table(
	    cat, schema, "ir_model");

	if (models == NULL ||
	    neutralize_catalog_column(models, "transient") == NULL)
		return (0);
	buf_add_string(
	    &sql, "SELECT pg_catalog.replace(model, '.', '_') FROM ");
	pg_add_qualified(&sql, schema, "ir_model");
	buf_add_string(&sql, " WHERE transient");
	if ((r = pg_query(c, buf_text(&sql), 0, NULL, e)) == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++) {
		struct neutralize_table *t = find_table(
		    cat, schema, PQgetvalue(r, i, 0));

		if (t != NULL)
			t->transient = true;
	}
	return (0);
}

/* Every schema with Odoo's table of modules is an Odoo. */
static int
find_odoos(PGconn *c, struct neutralize_catalog *cat, struct err *e)
{
	for (size_t i = 0; i < cat->n; i++) {
		const struct neutralize_table *t = &cat->tables[i];
		struct neutralize_odoo *odoo;

		if (strcmp(t->name, "ir_module_module") != 0 ||
		    neutralize_catalog_column(t, "name") == NULL ||
		    neutralize_catalog_column(t, "state") == NULL)
			continue;
		cat->odoos = mem_grow(
		    cat->odoos, cat->nodoos + 1, sizeof(cat->odoos[0]));
		odoo = &cat->odoos[cat->nodoos++];
		*odoo = (struct neutralize_odoo){ .schema = mem_string(
						      t->schema) };
		if (read_modules(c, odoo, e) < 0 ||
		    read_transients(c, cat, odoo->schema, e) < 0)
			return (-1);
	}
	return (0);
}

struct neutralize_catalog *
neutralize_catalog_read(PGconn *c, struct err *e)
{
	SCOPED(neutralize_catalog_freep)
	struct neutralize_catalog *cat = mem_new(sizeof(*cat));

	if (read_columns(c, cat, e) < 0 || find_odoos(c, cat, e) < 0) {
		(void)err_within(e, "reading the catalog");
		return (NULL);
	}
	return (TAKE(cat));
}

void
neutralize_catalog_free(struct neutralize_catalog *cat)
{
	if (cat == NULL)
		return;
	for (size_t i = 0; i < cat->n; i++) {
		for (size_t k = 0; k < cat->tables[i].n; k++)
			free(cat->tables[i].columns[k].name);
		free(cat->tables[i].columns);
		free(cat->tables[i].schema);
		free(cat->tables[i].name);
	}
	for (size_t i = 0; i < cat->nodoos; i++) {
		for (size_t k = 0; k < cat->odoos[i].modules.n; k++)
			free(cat->odoos[i].modules.p[k]);
		free(cat->odoos[i].modules.p);
		free(cat->odoos[i].schema);
	}
	free(cat->odoos);
	free(cat->tables);
	free(cat);
}

void
neutralize_catalog_freep(struct neutralize_catalog **cat)
{
	neutralize_catalog_free(*cat);
	*cat = NULL;
}

/* How credentials are named, in Odoo's modules and in others. */
static const char *const credential_fragments[] = { "passw", "_pass$",
	"passphrase", "pwd$", "secret", "token", "apikey", "api_key",
	"access_key", "private_key", "_key$", "_keys$", "hmac", "credential",
	"client_id", "salt$", "pin$", "webhook", "bearer", "sha_in", "sha_out",
	"sha_request", "sha_response", "shakey", "_sip_", "merchant" };

static char
folded(char c)
{
	if (c == '.' || c == '-')
		return ('_');
	return ((char)tolower((unsigned char)c));
}

static bool
fragment_is_at(const char *at, const char *fragment)
{
	for (; *fragment != '\0'; at++, fragment++) {
		if (*fragment == '$' && fragment[1] == '\0')
			return (*at == '\0');
		if (*at == '\0' || folded(*at) != *fragment)
			return (false);
	}
	return (true);
}

bool
neutralize_name_holds(const char *name, const char *fragment)
{
	if (fragment[0] == '_' && fragment_is_at(name, fragment + 1))
		return (true);
	for (; *name != '\0'; name++)
		if (fragment_is_at(name, fragment))
			return (true);
	return (false);
}

bool
neutralize_name_matches(const char *name, const struct rules_words *fragments)
{
	if (fragments != NULL) {
		for (size_t i = 0; i < fragments->n; i++)
			if (neutralize_name_holds(name, fragments->p[i]))
				return (true);
		return (false);
	}
	for (size_t i = 0;
	     i < sizeof(credential_fragments) / sizeof(credential_fragments[0]);
	     i++)
		if (neutralize_name_holds(name, credential_fragments[i]))
			return (true);
	return (false);
}

bool neutralize_class_holds_secrets(enum neutralize_class class)
{
	return (class == CLASS_TEXT || class == CLASS_JSON ||
	    class == CLASS_JSONB || class == CLASS_BYTES ||
	    class == CLASS_ARRAY);
}

/* What a column compares with, or is counted by, differs with its type. */
void
neutralize_add_filled(struct buf *sql, const struct neutralize_column *column)
{
	SCOPED(buf_free) struct buf name = BUF_INIT;
	const char *t;

	buf_add_string(&name, "t.");
	pg_add_name(&name, column->name);
	t = buf_text(&name);
	if (column->class == CLASS_TEXT)
		buf_printf(sql, "%s <> ''", t);
	else if (column->class == CLASS_JSON)
		buf_printf(sql,
		    "%s::text NOT IN ('', '{}', '[]', '\"\"', 'null', 'false')",
		    t);
	else if (column->class == CLASS_JSONB)
		/* One value a language or a company; all must be empty. */
		buf_printf(sql,
		    "CASE pg_catalog.jsonb_typeof(%s) WHEN 'object' THEN EXISTS"
		    " (SELECT FROM pg_catalog.jsonb_each_text(%s) AS j(k, v)"
		    " WHERE j.v NOT IN ('', '{}', '[]', 'false')) ELSE %s"
		    " NOT IN ('\"\"', '[]', 'null', 'false') END",
		    t, t, t);
	else if (column->class == CLASS_BYTES)
		buf_printf(sql, "pg_catalog.octet_length(%s) > 0", t);
	else if (column->class == CLASS_ARRAY)
		buf_printf(sql, "pg_catalog.cardinality(%s) > 0", t);
	else
		buf_printf(sql, "%s IS NOT NULL", t);
}

const char *
neutralize_empty(const struct neutralize_column *column)
{
	static const char *const of_class[] = {
		[CLASS_TEXT] = "''",
		[CLASS_JSON] = "'{}'",
		[CLASS_JSONB] = "'{}'",
		[CLASS_BYTES] = "''",
		[CLASS_ARRAY] = "'{}'",
		[CLASS_BOOL] = "false",
		[CLASS_NUMBER] = "0",
		[CLASS_TIME] = "'epoch'",
		[CLASS_UUID] = "'00000000-0000-0000-0000-000000000000'",
		[CLASS_OTHER] = "NULL", /* fails, which is what it should */
	};

	return (column->not_null ? of_class[column->class] : "NULL");
}
