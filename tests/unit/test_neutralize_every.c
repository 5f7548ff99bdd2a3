/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base restore */
/*
 * Every rule of the binary on tables made from its own words, since few of us
 * have all those modules at hand: it must be valid SQL for the types that its
 * words suggest, leave nothing to do, and do nothing the second time. Without
 * PGHOST in the environment nothing is tested.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "restore/rules.h"
#include "tests/unit/neutralize_world.h"

#define MARKER "S3CRET-MARKER"

static const char *
type_of(const char *column, const char *value)
{
	static const char *const booleans[] = { "active", "enabled",
		"prod_environment", "website_published", "cdn_activated",
		"scheduled", "live", "jobenabled", "sub_enabled" };
	static const char *const numbers[] = { "id", "res_id", "smtp_port",
		"sequence", "failure_count", "mail_server_id",
		"owner_user_id" };

	if (value != NULL &&
	    (strcmp(value, "true") == 0 || strcmp(value, "false") == 0))
		return ("boolean");
	for (size_t i = 0; i < sizeof(booleans) / sizeof(booleans[0]); i++)
		if (strcmp(column, booleans[i]) == 0)
			return ("boolean");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(column, numbers[i]) == 0)
			return ("integer");
	if (strcmp(column, "schedule_date") == 0 ||
	    strcmp(column, "first_failure_date") == 0)
		return ("timestamp");
	return ("text");
}

/* "s.t" or "t", which is in public. */
static void
add_table(struct world *w, const char *table)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	const char *dot = strchr(table, '.');

	if (dot != NULL)
		buf_printf(&sql, "CREATE SCHEMA IF NOT EXISTS %.*s;",
		    (int)(dot - table), table);
	buf_printf(&sql, "CREATE TABLE IF NOT EXISTS %s%s (id serial)",
	    dot == NULL ? "public." : "", table);
	world_sql(w->c, buf_text(&sql));
}

static void
add_column(struct world *w, const char *table, const char *column,
    const char *value, bool not_null)
{
	const char *type = type_of(column, value);
	SCOPED(scope_free) char *sql = NULL;
	const char *none = strcmp(type, "boolean") == 0 ? "false"
	    : strcmp(type, "integer") == 0		? "0"
	    : strcmp(type, "timestamp") == 0		? "'epoch'"
							: "''";

	sql = mem_printf(
	    "ALTER TABLE %s%s ADD COLUMN IF NOT EXISTS \"%s\" %s%s%s",
	    strchr(table, '.') == NULL ? "public." : "", table, column, type,
	    not_null ? " NOT NULL DEFAULT " : "", not_null ? none : "");
	world_sql(w->c, sql);
}

/* The {COLUMN}s of a text. */
static void
add_named(struct world *w, const char *table, const char *text, bool not_null)
{
	while (text != NULL && (text = strchr(text, '{')) != NULL) {
		size_t n = strcspn(++text, "}");
		SCOPED(scope_free)
		char *name = mem_printf("%.*s", (int)n, text);

		if (islower((unsigned char)name[0]))
			add_column(w, table, name, NULL, not_null);
	}
}

static void
add_needed(struct world *w, const struct rules_guard *g, bool not_null)
{
	for (size_t i = 0; i < g->needs.n; i++) {
		const char *dot = strrchr(g->needs.p[i], '.');
		SCOPED(scope_free) char *table = NULL;

		if (dot == NULL)
			continue;
		table = mem_printf(
		    "%.*s", (int)(dot - g->needs.p[i]), g->needs.p[i]);
		add_table(w, table);
		add_column(w, table, dot + 1, NULL, not_null);
	}
	for (size_t i = 0; i < g->modules.n; i++) {
		const char *params[] = { g->modules.p[i] };
		PGresult *r = pg_query(w->c,
		    "INSERT INTO public.ir_module_module (name, state) VALUES"
		    " ($1, 'installed') RETURNING 1",
		    1, params, &w->e);

		assert_non_null(r);
		PQclear(r);
	}
}

static void
add_action(struct world *w, const struct rules_action *a, bool not_null)
{
	add_needed(w, &a->guard, not_null);
	if (a->table == NULL || a->table[0] == '*' || a->table[0] == '~')
		return;
	add_table(w, a->table);
	for (size_t i = 0; i < a->nsets; i++) {
		add_column(
		    w, a->table, a->sets[i].column, a->sets[i].value, not_null);
		add_named(w, a->table, a->sets[i].value, not_null);
	}
	add_named(w, a->table, a->where, not_null);
	if (a->kind == RULES_CLEAR_MATCHING)
		add_column(w, a->table, "some_token", NULL, not_null);
}

/* Two rows in every table that has none: all marked, and nothing in it. */
static void
fill_tables(struct world *w)
{
	world_sql(w->c,
	    "DO $do$ DECLARE t record; c text; v text; BEGIN"
	    " FOR t IN SELECT n.nspname, r.relname, r.oid FROM pg_class r"
	    " JOIN pg_namespace n ON n.oid = r.relnamespace"
	    " WHERE r.relkind = 'r' AND n.nspname !~ '^pg_'"
	    " AND n.nspname <> 'information_schema'"
	    " AND r.relname <> 'ir_module_module' LOOP"
	    " SELECT string_agg(quote_ident(attname), ', '),"
	    " string_agg(CASE format_type(atttypid, NULL)"
	    " WHEN 'boolean' THEN 'true' WHEN 'integer' THEN '7'"
	    " WHEN 'text' THEN quote_literal('" MARKER "')"
	    " ELSE 'now()' END, ', ') INTO c, v FROM pg_attribute"
	    " WHERE attrelid = t.oid AND attnum > 0 AND attname <> 'id';"
	    " EXECUTE format('INSERT INTO %I.%I DEFAULT VALUES', t.nspname,"
	    " t.relname); IF c IS NOT NULL THEN EXECUTE format("
	    "'INSERT INTO %I.%I (%s) VALUES (%s)', t.nspname, t.relname, c, v);"
	    " END IF; END LOOP; END $do$");
}

static void
make_all_tables(struct world *w, bool not_null)
{
	SCOPED(rules_freep) struct rules *r = rules_new();

	world_sql(w->c,
	    "CREATE TABLE public.ir_module_module (id serial, name text,"
	    " state text);"
	    "CREATE TABLE public.ir_config_parameter (id serial, key text,"
	    " value text, type text, create_date timestamp,"
	    " write_date timestamp);"
	    "CREATE TABLE public.ir_model (id serial, model text,"
	    " transient boolean);"
	    "CREATE TABLE public.wiz_ard (id serial, new_passwd text)");
	assert_int_equal(rules_add_embedded(r, &w->e), 0);
	for (size_t i = 0; i < r->n; i++) {
		add_needed(w, &r->rules[i].guard, not_null);
		for (size_t k = 0; k < r->rules[i].n; k++)
			add_action(w, &r->rules[i].actions[k], not_null);
	}
	world_sql(w->c,
	    "ALTER TABLE public.ir_mail_server ADD server_env_defaults text");
	fill_tables(w);
	world_sql(w->c,
	    "DELETE FROM public.ir_config_parameter WHERE key IS NULL;"
	    "INSERT INTO public.ir_model (model, transient)"
	    " VALUES ('wiz.ard', true)");
}

static void
assert_every_rule_applies(bool not_null)
{
	/* 16 and before, while the tables are as in 17 and later. */
	static const char *const elsewhere = "einvoicing-proxy-demo";
	WORLD(NULL);

	make_all_tables(w, not_null);
	if (world_run(w) < 0)
		fail_msg("%s", w->e.text);
	for (size_t i = 0; i < w->report.nrules; i++) {
		const struct neutralize_rule *r = &w->report.rules[i];
		bool is_ours = strncmp(r->name, "postgres-", 9) != 0;

		if (r->state == NEUTRALIZE_FAILED)
			fail_msg("%s: %s", r->name, r->message);
		if (is_ours && r->state == NEUTRALIZE_ABSENT &&
		    strcmp(r->name, elsewhere) != 0)
			fail_msg("%s does not apply", r->name);
	}
	if (world_prove(w) < 0)
		fail_msg("%s: %s", w->e.text,
		    world_check(w, "credentials")->ok ? "" : "credentials");
	assert_int_equal(w->report.nunknown, 0);
	assert_int_equal(world_run(w), 0);
	assert_int_equal(world_changed(w), 0);
}

static void
every_rule_runs_on_tables_of_its_own_words(void **state)
{
	(void)state;
	assert_every_rule_applies(false);
}

static void
every_rule_runs_where_nothing_may_be_null(void **state)
{
	(void)state;
	assert_every_rule_applies(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_runs_on_tables_of_its_own_words),
		cmocka_unit_test(every_rule_runs_where_nothing_may_be_null),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
