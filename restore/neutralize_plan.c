/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules become SQL. Every statement names its tables with their schema, since
 * search_path is empty, and calls the table it changes "t". Values are
 * compared before they are set, so that doing it again changes nothing and
 * the count is that of real changes.
 */
#include "restore/neutralize_plan.h"

#include <stdlib.h>
#include <string.h>

#define PARAMETERS "ir_config_parameter"

/* What the functions below hand round. */
struct work {
	struct neutralize_plan *plan;
	const struct neutralize_place *place;
	const struct rules_rule *rule;
	const struct rules_action *action;
};

static int
expand(const struct work *w, const struct neutralize_table *t, const char *text,
    struct buf *out, struct err *e)
{
	int ok = neutralize_place_expand(w->place, t, text, out, e);

	if (ok < 0)
		(void)err_within(e, "%s:%u", w->rule->file, w->action->line);
	return (ok);
}

/* The action's condition in brackets, "true" when it has none. */
static int
expand_where(const struct work *w, const struct neutralize_table *t,
    struct buf *out, struct err *e)
{
	int ok;

	if (w->action->where == NULL) {
		buf_add_string(out, "true");
		return (1);
	}
	buf_add_u8(out, '(');
	ok = expand(w, t, w->action->where, out, e);
	buf_add_u8(out, ')');
	return (ok);
}

static struct neutralize_step *
add_step(const struct work *w, const struct neutralize_table *t)
{
	struct neutralize_plan *plan = w->plan;

	plan->steps = mem_grow(
	    plan->steps, plan->n + 1, sizeof(plan->steps[0]));
	plan->steps[plan->n] = (struct neutralize_step){
		.kind = w->action->kind,
		.action = w->action,
		.table = t,
	};
	return (&plan->steps[plan->n++]);
}

static void
add_from(struct buf *sql, const char *verb, const struct neutralize_table *t)
{
	buf_printf(sql, "%s ", verb);
	pg_add_qualified(sql, t->schema, t->name);
	buf_add_string(sql, " AS t");
}

/* "SELECT count(*) FROM t WHERE where", handed out. */
static char *
count_where(const struct neutralize_table *t, struct buf *where)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	add_from(&sql, "SELECT count(*) FROM", t);
	buf_printf(&sql, " WHERE %s", buf_text(where));
	return (mem_string(buf_text(&sql)));
}

/* A statement that changes rows, made to say how many. */
static char *
counted(struct buf *sql)
{
	return (mem_printf(
	    "WITH changed AS (%s RETURNING 1) SELECT count(*) FROM changed",
	    buf_text(sql)));
}

/* delete, report and the two checks: rows that match, counted or removed. */
static int
plan_rows(const struct work *w, const struct neutralize_table *t, struct err *e)
{
	SCOPED(buf_free) struct buf where = BUF_INIT, sql = BUF_INIT;
	struct neutralize_step *step;
	int ok = expand_where(w, t, &where, e);

	if (ok <= 0)
		return (ok);
	step = add_step(w, t);
	step->left = count_where(t, &where);
	if (w->action->kind == RULES_DELETE) {
		add_from(&sql, "DELETE FROM", t);
		buf_printf(&sql, " WHERE %s", buf_text(&where));
		step->change = counted(&sql);
	}
	return (0);
}

/* What an UPDATE is made of, gathered column by column. */
struct update {
	struct buf sets;   /* "c" = v, … */
	struct buf differ; /* one of them is not so yet */
	struct buf filled; /* one count for each cleared column */
	const struct neutralize_column **touched, **cleared;
	size_t ntouched, ncleared;
};

static void
update_free(struct update *u)
{
	buf_free(&u->sets);
	buf_free(&u->differ);
	buf_free(&u->filled);
	free(u->touched);
	free(u->cleared);
}

static void
add_column(const struct neutralize_column ***list, size_t *n,
    const struct neutralize_column *column)
{
	*list = mem_grow(
	    *list, *n + 1, sizeof(const struct neutralize_column *));
	(*list)[(*n)++] = column;
}

/* Between one column's part and the next, in both lists. */
static void
update_next(struct update *u, const struct neutralize_column *column)
{
	if (u->sets.n > 0) {
		buf_add_string(&u->sets, ", ");
		buf_add_string(&u->differ, " OR ");
	}
	add_column(&u->touched, &u->ntouched, column);
}

static void
update_set(
    struct update *u, const struct neutralize_column *column, const char *value)
{
	const char *cast = column->class == CLASS_JSON ? "::text" : "";

	update_next(u, column);
	pg_add_name(&u->sets, column->name);
	buf_printf(&u->sets, " = %s", value);
	buf_add_string(&u->differ, "t.");
	pg_add_name(&u->differ, column->name);
	buf_printf(&u->differ, "%s IS DISTINCT FROM (%s)%s", cast, value, cast);
}

static void
update_clear(struct update *u, const struct neutralize_column *column)
{
	bool by_value = column->not_null &&
	    !neutralize_class_holds_secrets(column->class);

	if (by_value) {
		update_set(u, column, neutralize_empty(column));
		return;
	}
	update_next(u, column);
	pg_add_name(&u->sets, column->name);
	buf_printf(&u->sets, " = %s", neutralize_empty(column));
	neutralize_add_filled(&u->differ, column);
	if (u->ncleared > 0)
		buf_add_string(&u->filled, ", ");
	buf_add_string(&u->filled, "count(*) FILTER (WHERE ");
	neutralize_add_filled(&u->filled, column);
	buf_add_string(&u->filled, ")");
	add_column(&u->cleared, &u->ncleared, column);
}

/* The finished UPDATE as a step; u's cleared columns go with it. */
static int
plan_update_step(const struct work *w, const struct neutralize_table *t,
    struct update *u, struct err *e)
{
	SCOPED(buf_free)
	struct buf where = BUF_INIT, both = BUF_INIT, sql = BUF_INIT,
		   filled = BUF_INIT;
	struct neutralize_step *step;
	int ok = u->sets.n == 0 ? 0 : expand_where(w, t, &where, e);

	if (ok <= 0)
		return (ok);
	buf_printf(
	    &both, "%s AND (%s)", buf_text(&where), buf_text(&u->differ));
	add_from(&sql, "UPDATE", t);
	buf_printf(
	    &sql, " SET %s WHERE %s", buf_text(&u->sets), buf_text(&both));
	step = add_step(w, t);
	step->change = counted(&sql);
	step->left = count_where(t, &both);
	if (u->ncleared > 0) {
		buf_printf(&filled, "SELECT %s ", buf_text(&u->filled));
		add_from(&filled, "FROM", t);
		buf_printf(&filled, " WHERE %s", buf_text(&where));
		step->filled = mem_string(buf_text(&filled));
	}
	step->ntouched = u->ntouched;
	step->touched = TAKE(u->touched);
	step->ncleared = u->ncleared;
	step->cleared = TAKE(u->cleared);
	return (0);
}

static int
plan_update(
    const struct work *w, const struct neutralize_table *t, struct err *e)
{
	SCOPED(update_free) struct update u = { .ncleared = 0 };

	for (size_t i = 0; i < w->action->nsets; i++) {
		const struct rules_set *set = &w->action->sets[i];
		const struct neutralize_column
		    *column = neutralize_catalog_column(t, set->column);
		SCOPED(buf_free) struct buf value = BUF_INIT;
		int ok;

		if (column == NULL || column->generated)
			continue;
		if (set->value == NULL) {
			update_clear(&u, column);
			continue;
		}
		if ((ok = expand(w, t, set->value, &value, e)) < 0)
			return (-1);
		if (ok > 0)
			update_set(&u, column, buf_text(&value));
	}
	return (plan_update_step(w, t, &u, e));
}

static bool
is_excepted(const struct rules_words *except, const char *column)
{
	for (size_t i = 0; i < except->n; i++)
		if (rules_glob(except->p[i], column))
			return (true);
	return (false);
}

/* Columns of one table that are named like credentials, cleared. */
static int
plan_clear_table(const struct work *w, const struct neutralize_table *t,
    const struct rules_words *fragments, struct err *e)
{
	SCOPED(update_free) struct update u = { .ncleared = 0 };

	for (size_t i = 0; i < t->n; i++) {
		const struct neutralize_column *column = &t->columns[i];

		if (!column->generated &&
		    neutralize_class_holds_secrets(column->class) &&
		    neutralize_name_matches(column->name, fragments) &&
		    !is_excepted(&w->action->words, column->name))
			update_clear(&u, column);
	}
	return (plan_update_step(w, t, &u, e));
}

static void
split_words(const char *text, struct rules_words *out)
{
	while (*text != '\0') {
		size_t n = strcspn(text, " \t\n");

		if (n > 0) {
			out->p = mem_grow(
			    out->p, out->n + 1, sizeof(out->p[0]));
			out->p[out->n] = mem_string(text);
			out->p[out->n++][n] = '\0';
		}
		text += n + (text[n] != '\0');
	}
}

static void
words_free(struct rules_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->p[i]);
	free(w->p);
}

static int
plan_clear_matching(const struct work *w, struct err *e)
{
	SCOPED(words_free) struct rules_words own = { .n = 0 };
	const struct rules_words *fragments = NULL;
	const struct neutralize_catalog *cat = w->place->catalog;
	const char *name = w->action->table;
	bool all = strcmp(name, "*") == 0;
	bool transient = strcmp(name, "~transient") == 0;
	const struct neutralize_table *t;

	if (w->action->pattern != NULL) {
		split_words(w->action->pattern, &own);
		fragments = &own;
	}
	if (!all && !transient) {
		if ((t = neutralize_place_table(w->place, name)) == NULL)
			return (0);
		return (plan_clear_table(w, t, fragments, e));
	}
	for (size_t i = 0; w->place->odoo != NULL && i < cat->n; i++) {
		t = &cat->tables[i];
		if (strcmp(t->schema, w->place->odoo->schema) != 0 ||
		    (transient && !t->transient))
			continue;
		if (plan_clear_table(w, t, fragments, e) < 0)
			return (-1);
	}
	return (0);
}

static int
plan_insert(
    const struct work *w, const struct neutralize_table *t, struct err *e)
{
	SCOPED(buf_free)
	struct buf names = BUF_INIT, values = BUF_INIT, unless = BUF_INIT,
		   sql = BUF_INIT, left = BUF_INIT;
	struct neutralize_step *step;
	int ok = expand_where(w, t, &unless, e);

	if (ok <= 0)
		return (ok);
	for (size_t i = 0; i < w->action->nsets; i++) {
		const struct rules_set *set = &w->action->sets[i];
		const struct neutralize_column
		    *column = neutralize_catalog_column(t, set->column);

		if (column == NULL || column->generated)
			continue;
		if (names.n > 0) {
			buf_add_string(&names, ", ");
			buf_add_string(&values, ", ");
		}
		pg_add_name(&names, set->column);
		if ((ok = expand(w, t, set->value, &values, e)) <= 0)
			return (ok);
	}
	add_from(&left, "SELECT FROM", t);
	buf_printf(&left, " WHERE %s", buf_text(&unless));
	buf_add_string(&sql, "INSERT INTO ");
	pg_add_qualified(&sql, t->schema, t->name);
	buf_printf(&sql, " (%s) SELECT %s WHERE NOT EXISTS (%s)",
	    buf_text(&names), buf_text(&values), buf_text(&left));
	step = add_step(w, t);
	step->change = counted(&sql);
	step->left = mem_printf(
	    "SELECT CASE WHEN EXISTS (%s) THEN 0 ELSE 1 END", buf_text(&left));
	return (0);
}

/* The row that a new system parameter is: later versions have a type. */
static void
add_parameter_row(const struct neutralize_table *t, const char *key,
    const char *value, struct buf *names, struct buf *values)
{
	static const struct {
		const char *column;
		const char *value;
	} more[] = {
		{ "type", "'str'" },
		{ "create_date", "now() AT TIME ZONE 'UTC'" },
		{ "write_date", "now() AT TIME ZONE 'UTC'" },
	};

	buf_add_string(names, "\"key\", \"value\"");
	buf_printf(values, "%s, %s", key, value);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		if (neutralize_catalog_column(t, more[i].column) == NULL)
			continue;
		buf_printf(names, ", \"%s\"", more[i].column);
		buf_printf(values, ", %s", more[i].value);
	}
}

/* Change a parameter where it stands, add it where it does not, in one. */
static int
plan_parameter(
    const struct work *w, const struct neutralize_table *t, struct err *e)
{
	SCOPED(buf_free)
	struct buf where = BUF_INIT, value = BUF_INIT, key = BUF_INIT,
		   sql = BUF_INIT, names = BUF_INIT, row = BUF_INIT,
		   absent = BUF_INIT;
	struct neutralize_step *step;
	int ok;

	pg_add_literal(&key, w->action->words.p[0]);
	buf_printf(&where, "t.\"key\" = %s AND ", buf_text(&key));
	if ((ok = expand_where(w, t, &where, e)) <= 0 ||
	    (ok = expand(w, t, w->action->text, &value, e)) <= 0)
		return (ok);
	buf_printf(
	    &where, " AND t.\"value\" IS DISTINCT FROM (%s)", buf_text(&value));
	add_from(&absent, "NOT EXISTS (SELECT FROM", t);
	buf_printf(&absent, " WHERE t.\"key\" = %s)%s", buf_text(&key),
	    w->action->only_present ? " AND false" : "");
	add_parameter_row(t, buf_text(&key), buf_text(&value), &names, &row);

	add_from(&sql, "WITH u AS (UPDATE", t);
	buf_printf(&sql, " SET \"value\" = %s WHERE %s RETURNING 1), ",
	    buf_text(&value), buf_text(&where));
	buf_add_string(&sql, "i AS (INSERT INTO ");
	pg_add_qualified(&sql, t->schema, t->name);
	buf_printf(&sql,
	    " (%s) SELECT %s WHERE %s RETURNING 1) SELECT"
	    " (SELECT count(*) FROM u) + (SELECT count(*) FROM i)",
	    buf_text(&names), buf_text(&row), buf_text(&absent));
	step = add_step(w, t);
	step->change = mem_string(buf_text(&sql));
	sql.n = 0;
	add_from(&sql, "SELECT (SELECT count(*) FROM", t);
	buf_printf(&sql, " WHERE %s) + CASE WHEN %s THEN 1 ELSE 0 END",
	    buf_text(&where), buf_text(&absent));
	step->left = mem_string(buf_text(&sql));
	return (0);
}

/* "key LIKE 'web!_%' ESCAPE '!'": only * is special in our patterns. */
static void
add_key_is(struct buf *sql, const char *pattern)
{
	SCOPED(buf_free) struct buf like = BUF_INIT;

	if (strchr(pattern, '*') == NULL) {
		buf_add_string(sql, "t.\"key\" = ");
		pg_add_literal(sql, pattern);
		return;
	}
	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p == '_' || *p == '%' || *p == '!')
			buf_add_u8(&like, '!');
		buf_add_u8(&like, *p == '*' ? '%' : (uint8_t)*p);
	}
	buf_add_string(sql, "t.\"key\" LIKE ");
	pg_add_literal(sql, buf_text(&like));
	buf_add_string(sql, " ESCAPE '!'");
}

static int
plan_forget(const struct work *w, const struct neutralize_table *t)
{
	SCOPED(buf_free) struct buf where = BUF_INIT, sql = BUF_INIT;
	struct neutralize_step *step;

	for (size_t i = 0; i < w->action->words.n; i++) {
		buf_add_string(&where, i > 0 ? " OR " : "(");
		add_key_is(&where, w->action->words.p[i]);
	}
	buf_add_string(&where, ")");
	add_from(&sql, "DELETE FROM", t);
	buf_printf(&sql, " WHERE %s", buf_text(&where));
	step = add_step(w, t);
	step->change = counted(&sql);
	step->left = count_where(t, &where);
	return (0);
}

static int
plan_sql(const struct work *w, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	int ok = expand(w, NULL, w->action->text, &sql, e);

	if (ok <= 0)
		return (ok);
	add_step(w, NULL)->change = mem_string(buf_text(&sql));
	return (0);
}

/* The system parameters' table, when it is as all versions have it. */
static const struct neutralize_table *
parameters_of(const struct neutralize_place *place)
{
	const struct neutralize_table *t = neutralize_place_table(
	    place, PARAMETERS);

	if (t == NULL || neutralize_catalog_column(t, "key") == NULL ||
	    neutralize_catalog_column(t, "value") == NULL)
		return (NULL);
	return (t);
}

static int
plan_action(const struct work *w, struct err *e)
{
	enum rules_kind kind = w->action->kind;
	const struct neutralize_table *t;

	if (kind == RULES_SQL)
		return (plan_sql(w, e));
	if (kind == RULES_CLEAR_MATCHING)
		return (plan_clear_matching(w, e));
	t = kind == RULES_PARAMETER || kind == RULES_FORGET
	    ? parameters_of(w->place)
	    : neutralize_place_table(w->place, w->action->table);
	if (t == NULL)
		return (0);
	if (kind == RULES_PARAMETER)
		return (plan_parameter(w, t, e));
	if (kind == RULES_FORGET)
		return (plan_forget(w, t));
	if (kind == RULES_UPDATE)
		return (plan_update(w, t, e));
	if (kind == RULES_INSERT)
		return (plan_insert(w, t, e));
	return (plan_rows(w, t, e));
}

int
neutralize_plan_add(struct neutralize_plan *plan,
    const struct neutralize_place *place, const struct rules_rule *rule,
    struct err *e)
{
	struct work w = { .plan = plan, .place = place, .rule = rule };

	if (!neutralize_place_holds(place, &rule->guard))
		return (0);
	for (size_t i = 0; i < rule->n; i++) {
		w.action = &rule->actions[i];
		if (neutralize_place_holds(place, &w.action->guard) &&
		    plan_action(&w, e) < 0)
			return (-1);
	}
	return (0);
}

void
neutralize_plan_free(struct neutralize_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->steps[i].change);
		free(plan->steps[i].left);
		free(plan->steps[i].filled);
		free(plan->steps[i].touched);
		free(plan->steps[i].cleared);
	}
	free(plan->steps);
	*plan = (struct neutralize_plan){ .n = 0 };
}
