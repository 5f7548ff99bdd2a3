/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A rule's text is looked through once, from left to right; names are found in
 * the catalog and quoted, so that a rule reads the same for every schema and
 * says by itself which columns it needs.
 */
#include "restore/neutralize_place.h"

#include <ctype.h>
#include <string.h>

const struct neutralize_table *
neutralize_place_table(const struct neutralize_place *place, const char *path)
{
	const char *dot = strchr(path, '.');
	SCOPED(scope_free) char *schema = NULL;

	if (dot == NULL)
		return (place->odoo == NULL
			? NULL
			: neutralize_catalog_table(
			      place->catalog, place->odoo->schema, path));
	schema = mem_string(path);
	schema[dot - path] = '\0';
	return (neutralize_catalog_table(place->catalog, schema, dot + 1));
}

/* TABLE, TABLE.COLUMN or SCHEMA.TABLE.COLUMN, as guards name them. */
static bool
is_there(const struct neutralize_place *place, const char *path)
{
	const char *last = strrchr(path, '.');
	SCOPED(scope_free) char *table = mem_string(path);
	const struct neutralize_table *t;

	if (last != NULL)
		table[last - path] = '\0';
	t = neutralize_place_table(place, table);
	if (t == NULL || last == NULL)
		return (t != NULL);
	return (neutralize_catalog_column(t, last + 1) != NULL);
}

bool
neutralize_place_holds(
    const struct neutralize_place *place, const struct rules_guard *g)
{
	bool found = g->modules.n == 0;

	for (size_t i = 0; i < g->needs.n; i++)
		if (!is_there(place, g->needs.p[i]))
			return (false);
	for (size_t i = 0; i < g->lacks.n; i++)
		if (is_there(place, g->lacks.p[i]))
			return (false);
	for (size_t i = 0; !found && i < g->modules.n; i++)
		found = place->odoo != NULL &&
		    neutralize_catalog_has_module(place->odoo, g->modules.p[i]);
	return (found);
}

static size_t
name_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return (isdigit((unsigned char)p[0]) ? 0 : n);
}

/* $NAME at p; returns what it took. 0: no name; -1: an unknown one. */
static int
add_value(const struct neutralize_place *place, const char *p, struct buf *out,
    struct err *e)
{
	size_t n = name_length(p + 1);
	SCOPED(scope_free) char *name = NULL;
	const struct neutralize_value *v = place->values;

	if (n == 0)
		return (0);
	name = mem_printf("%.*s", (int)n, p + 1);
	while (v->name != NULL && strcmp(v->name, name) != 0)
		v++;
	if (v->name == NULL)
		return (err_set(e, ERR_CONFIG, "unknown value $%s", name));
	if (v->text == NULL)
		buf_add_string(out, "NULL::text");
	else
		pg_add_literal(out, v->text);
	return ((int)n + 1);
}

/* {COLUMN} or {.TABLE} at p; returns what it took. 0: not one of these.
 * *missing is set when the database does not have it. */
static int
add_object(const struct neutralize_place *place,
    const struct neutralize_table *t, const char *p, struct buf *out,
    bool *missing, struct err *e)
{
	bool is_table = p[1] == '.';
	const char *start = p + 1 + is_table;
	size_t n = name_length(start);
	SCOPED(scope_free) char *name = NULL;
	const struct neutralize_table *other;

	if (n == 0 || start[n] != '}')
		return (0);
	name = mem_printf("%.*s", (int)n, start);
	if (is_table) {
		if ((other = neutralize_place_table(place, name)) == NULL)
			*missing = true;
		else
			pg_add_qualified(out, other->schema, other->name);
	} else if (t == NULL) {
		return (err_set(
		    e, ERR_CONFIG, "no table to have a column {%s}", name));
	} else {
		if (neutralize_catalog_column(t, name) == NULL)
			*missing = true;
		buf_add_string(out, "t.");
		pg_add_name(out, name);
	}
	return ((int)(n + 2 + is_table));
}

int
neutralize_place_expand(const struct neutralize_place *place,
    const struct neutralize_table *t, const char *text, struct buf *out,
    struct err *e)
{
	bool missing = false, quoted = false;

	for (const char *p = text; *p != '\0';) {
		int took = 0;

		if (*p == '\'')
			quoted = !quoted;
		else if (!quoted && *p == '$')
			took = add_value(place, p, out, e);
		else if (!quoted && *p == '{')
			took = add_object(place, t, p, out, &missing, e);
		if (took < 0)
			return (-1);
		if (took == 0)
			buf_add(out, p++, 1);
		p += took;
	}
	return (!missing);
}
