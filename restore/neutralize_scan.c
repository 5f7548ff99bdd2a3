/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The catalog's columns, less what rules deal with and what may stay, counted
 * with one query a table; then the places where Odoo keeps values outside of
 * columns. The module is asked for only where something was found.
 */
#include "restore/neutralize_scan.h"

#include <stdlib.h>
#include <string.h>

#include "restore/neutralize_report.h"

#define NOT_ALLOWED "SQLSTATE 42501" /* insufficient privilege */

struct scan {
	struct neutralize_job *job;
	const struct neutralize_place *place;
	const struct neutralize_plan *plan;
};

static bool
is_listed(const struct rules_words *globs, const char *name)
{
	for (size_t i = 0; i < globs->n; i++)
		if (rules_glob(globs->p[i], name))
			return (true);
	return (false);
}

/* Whether a step sets the column, or empties the whole table. */
static bool
is_dealt_with(const struct scan *s, const struct neutralize_table *t,
    const struct neutralize_column *column)
{
	for (size_t i = 0; i < s->plan->n; i++) {
		const struct neutralize_step *step = &s->plan->steps[i];

		if (step->table != t)
			continue;
		if (step->kind == RULES_DELETE && step->action->where == NULL)
			return (true);
		for (size_t k = 0; k < step->ntouched; k++)
			if (step->touched[k] == column)
				return (true);
	}
	return (false);
}

static bool
parameter_is_dealt_with(const struct scan *s, const char *key)
{
	for (size_t i = 0; i < s->plan->n; i++) {
		const struct neutralize_step *step = &s->plan->steps[i];

		if ((step->kind == RULES_FORGET ||
			step->kind == RULES_PARAMETER) &&
		    is_listed(&step->action->words, key))
			return (true);
	}
	return (is_listed(&s->job->rules->keep_parameters, key));
}

/* A column that nothing says anything about although it looks like one. */
static bool
is_suspect(const struct scan *s, const struct neutralize_table *t,
    const struct neutralize_column *column)
{
	SCOPED(scope_free) char *path = NULL;

	if (!neutralize_class_holds_secrets(column->class) ||
	    !neutralize_name_matches(column->name, NULL))
		return (false);
	path = mem_printf("%s.%s", t->name, column->name);
	return (!is_listed(&s->job->rules->keep, path) &&
	    !is_dealt_with(s, t, column));
}

/* Whether the Odoo at hand has a table with these two columns. */
static const struct neutralize_table *
table_with(const struct scan *s, const char *name, const char *a, const char *b)
{
	const struct neutralize_table *t = neutralize_place_table(
	    s->place, name);

	if (t == NULL || neutralize_catalog_column(t, a) == NULL ||
	    neutralize_catalog_column(t, b) == NULL)
		return (NULL);
	return (t);
}

/* The modules that define a field, or "". */
static char *
module_of(
    const struct scan *s, const char *table, const char *column, struct err *e)
{
	const struct neutralize_table *fields = table_with(
	    s, "ir_model_fields", "model", "name");
	const struct neutralize_table *data = table_with(
	    s, "ir_model_data", "module", "res_id");
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	const char *params[] = { table, column };
	char *module;

	if (fields == NULL || data == NULL)
		return (mem_string(""));
	buf_add_string(
	    &sql, "SELECT pg_catalog.string_agg(DISTINCT d.module, ' ') FROM ");
	pg_add_qualified(&sql, fields->schema, fields->name);
	buf_add_string(&sql, " f JOIN ");
	pg_add_qualified(&sql, data->schema, data->name);
	buf_add_string(&sql,
	    " d ON d.res_id = f.id AND d.model = 'ir.model.fields'"
	    " WHERE pg_catalog.replace(f.model, '.', '_') = $1"
	    " AND f.name = $2");
	module = pg_value(s->job->c, buf_text(&sql), 2, params, e);
	if (module == NULL && e->kind == ERR_NONE)
		module = mem_string("");
	return (module);
}

static int
report_column(const struct scan *s, const char *table, const char *column,
    int64_t count, struct err *e)
{
	SCOPED(scope_free) char *module = NULL;

	if (count == 0)
		return (0);
	if ((module = module_of(s, table, column, e)) == NULL)
		return (-1);
	neutralize_report_unknown(s->job->out, module, table, column, count);
	return (0);
}

/*
 * Asks in a savepoint. What our role may not read is a warning, not a failure:
 * then *r is NULL and 0 is returned.
 */
static int
ask(const struct scan *s, const char *table, const char *sql, PGresult **r,
    struct err *e)
{
	struct err cause = ERR_INIT;

	if (neutralize_job_mark(s->job, e) < 0)
		return (-1);
	if ((*r = pg_query(s->job->c, sql, 0, NULL, &cause)) != NULL)
		return (neutralize_job_keep(s->job, e));
	if (neutralize_job_is_over(s->job, &cause) ||
	    strstr(cause.text, NOT_ALLOWED) == NULL) {
		*e = cause;
		return (-1);
	}
	neutralize_report_warn(s->job->out,
	    "%s was not looked at for credentials: %s", table, cause.text);
	return (neutralize_job_forget(s->job, e));
}

/* One query for all suspects of a table. */
static int
scan_table(
    const struct scan *s, const struct neutralize_table *t, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;
	int suspects = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (!is_suspect(s, t, &t->columns[i]))
			continue;
		buf_add_string(&sql,
		    suspects++ == 0 ? "SELECT count(*) FILTER (WHERE "
				    : ", count(*) FILTER (WHERE ");
		neutralize_add_filled(&sql, &t->columns[i]);
		buf_add_string(&sql, ") AS ");
		pg_add_name(&sql, t->columns[i].name);
	}
	if (suspects == 0)
		return (0);
	buf_add_string(&sql, " FROM ");
	pg_add_qualified(&sql, t->schema, t->name);
	buf_add_string(&sql, " AS t");
	if (ask(s, t->name, buf_text(&sql), &r, e) < 0)
		return (-1);
	for (int i = 0; r != NULL && i < PQnfields(r); i++)
		if (report_column(s, t->name, PQfname(r, i),
			strtoll(PQgetvalue(r, 0, i), NULL, 10), e) < 0)
			return (-1);
	return (0);
}

/*
 * Rows of names and counts: each name that looks like a credential is
 * reported. table NULL: the table is in the row as well, as a model's name.
 */
static int
scan_names(
    const struct scan *s, const char *sql, const char *table, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;

	if (ask(s, table != NULL ? table : "ir_attachment", sql, &r, e) < 0)
		return (-1);
	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		const char *name = PQgetvalue(r, i, 0);
		const char *of = table != NULL ? table : PQgetvalue(r, i, 2);
		SCOPED(scope_free) char *path = mem_printf("%s.%s", of, name);

		if (neutralize_name_matches(name, NULL) &&
		    !is_listed(&s->job->rules->keep, path) &&
		    report_column(s, of, name,
			strtoll(PQgetvalue(r, i, 1), NULL, 10), e) < 0)
			return (-1);
	}
	return (0);
}

/* Values of a company, up to Odoo 17. */
static int
scan_properties(const struct scan *s, struct err *e)
{
	const struct neutralize_table *t = table_with(
	    s, "ir_property", "name", "value_text");
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	if (t == NULL)
		return (0);
	buf_add_string(&sql, "SELECT name, count(*) FROM ");
	pg_add_qualified(&sql, t->schema, t->name);
	buf_add_string(&sql,
	    " WHERE value_text <> '' AND name IS NOT NULL GROUP BY name"
	    " ORDER BY name");
	return (scan_names(s, buf_text(&sql), "ir_property", e));
}

/* Binary fields are attachments of their record. */
static int
scan_attachments(const struct scan *s, struct err *e)
{
	const struct neutralize_table *t = table_with(
	    s, "ir_attachment", "res_model", "res_field");
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	if (t == NULL)
		return (0);
	buf_add_string(&sql,
	    "SELECT res_field, count(*), pg_catalog.replace(res_model, '.',"
	    " '_') FROM ");
	pg_add_qualified(&sql, t->schema, t->name);
	buf_add_string(&sql,
	    " WHERE res_field IS NOT NULL AND res_model IS NOT NULL"
	    " GROUP BY 1, 3 ORDER BY 3, 1");
	return (scan_names(s, buf_text(&sql), NULL, e));
}

/* Keys with a value that is more than a switch or a small number, or with a
 * URL that has a password in it, whatever the key is called. */
static int
scan_parameters(const struct scan *s, struct err *e)
{
	const struct neutralize_table *t = table_with(
	    s, "ir_config_parameter", "key", "value");
	const struct neutralize_table *data = table_with(
	    s, "ir_model_data", "module", "res_id");
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;

	if (t == NULL || data == NULL)
		return (0);
	buf_add_string(&sql,
	    "SELECT p.key, p.value ~ '://[^/@[:space:]]*:[^/@[:space:]]+@',"
	    " COALESCE((SELECT pg_catalog.min(d.module) FROM ");
	pg_add_qualified(&sql, data->schema, data->name);
	buf_add_string(&sql,
	    " d WHERE d.model = 'ir.config_parameter'"
	    " AND d.res_id = p.id), '') FROM ");
	pg_add_qualified(&sql, t->schema, t->name);
	buf_add_string(&sql,
	    " p WHERE p.value <> '' AND p.key IS NOT NULL"
	    " AND p.value !~* '^(true|false|none|[0-9]{1,6})$' ORDER BY 1");
	if (ask(s, t->name, buf_text(&sql), &r, e) < 0)
		return (-1);
	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		const char *key = PQgetvalue(r, i, 0);

		if ((neutralize_name_matches(key, NULL) ||
			PQgetvalue(r, i, 1)[0] == 't') &&
		    !parameter_is_dealt_with(s, key))
			neutralize_report_unknown(
			    s->job->out, PQgetvalue(r, i, 2), t->name, key, 1);
	}
	return (0);
}

int
neutralize_scan(struct neutralize_job *job,
    const struct neutralize_place *place, const struct neutralize_plan *plan,
    struct err *e)
{
	struct scan s = { .job = job, .place = place, .plan = plan };
	const struct neutralize_catalog *cat = place->catalog;

	if (place->odoo == NULL)
		return (0);
	for (size_t i = 0; i < cat->n; i++)
		if (strcmp(cat->tables[i].schema, place->odoo->schema) == 0 &&
		    scan_table(&s, &cat->tables[i], e) < 0)
			return (-1);
	if (scan_parameters(&s, e) < 0 || scan_properties(&s, e) < 0)
		return (-1);
	return (scan_attachments(&s, e));
}
