/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A database of its own for each test of neutralization.
 */
#include "tests/unit/neutralize_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
world_sql(PGconn *c, const char *sql)
{
	struct err e = ERR_INIT;

	if (pg_exec(c, &e, "%s", sql) < 0)
		fail_msg("%s: %s", e.text, sql);
}

int64_t
world_count(struct world *w, const char *sql)
{
	struct err e = ERR_INIT;
	SCOPED(scope_free) char *value = pg_value(w->c, sql, 0, NULL, &e);

	if (value == NULL)
		fail_msg("%s: %s", e.text, sql);
	return (value != NULL ? strtoll(value, NULL, 10) : -1);
}

bool
world_has_role(PGconn *c, const char *role)
{
	const char *params[] = { role };
	struct err e = ERR_INIT;
	SCOPED(scope_free)
	char *found = pg_value(c,
	    "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", 1, params,
	    &e);

	return (found != NULL);
}

/* owner NULL: the role that libpq's variables name. */
struct world *
world_new(const char *owner)
{
	static unsigned made;
	struct world *w = mem_new(sizeof(*w));
	SCOPED(scope_free) char *conninfo = NULL;
	SCOPED(scope_free) char *make = NULL;

	neutralize_report_init(&w->report);
	(void)snprintf(w->name, sizeof(w->name), "test_neutralize_%ld_%u",
	    (long)getpid(), made++);
	if ((w->server = pg_connect("", NULL, &w->e)) == NULL)
		fail_msg("%s", w->e.text);
	make = mem_printf("CREATE DATABASE %s TEMPLATE template0%s%s", w->name,
	    owner != NULL ? " OWNER " : "", owner != NULL ? owner : "");
	world_sql(w->server, make);
	conninfo = owner != NULL ? mem_printf("user=%s", owner)
				 : mem_string("");
	if ((w->c = pg_connect(conninfo, w->name, &w->e)) == NULL)
		fail_msg("%s", w->e.text);
	world_sql(w->c, "SET client_min_messages = error");
	return (w);
}

void
world_freep(struct world **w)
{
	SCOPED(scope_free)
	char *drop = mem_printf("DROP DATABASE %s", (*w)->name);

	pg_close((*w)->c);
	world_sql((*w)->server, drop);
	pg_close((*w)->server);
	neutralize_report_free(&(*w)->report);
	free(*w);
	*w = NULL;
}

int
world_run(struct world *w)
{
	neutralize_report_free(&w->report);
	err_clear(&w->e);
	return (neutralize_run(w->c, &w->conf, &w->report, &w->e));
}

int
world_prove(struct world *w)
{
	err_clear(&w->e);
	return (neutralize_prove(w->c, &w->conf, &w->report, &w->e));
}

const struct neutralize_rule *
world_rule(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->report.nrules; i++)
		if (strcmp(w->report.rules[i].name, name) == 0)
			return (&w->report.rules[i]);
	fail_msg("no rule %s in the report", name);
	return (NULL);
}

const struct neutralize_check *
world_check(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->report.nproof; i++)
		if (strcmp(w->report.proof[i].name, name) == 0)
			return (&w->report.proof[i]);
	fail_msg("no check %s in the report", name);
	return (NULL);
}

/* Rows changed by all rules. */
int64_t
world_changed(const struct world *w)
{
	int64_t rows = 0;

	for (size_t i = 0; i < w->report.nrules; i++)
		rows += w->report.rules[i].rows;
	return (rows);
}

/* Neutralizes and proves; once more changes nothing. */
void
world_assert_neutralized(struct world *w)
{
	if (world_run(w) < 0 || world_prove(w) < 0)
		fail_msg("%s", w->e.text);
	assert_true(world_changed(w) > 0);
	assert_true(neutralize_report_ok(&w->report));
	if (world_run(w) < 0 || world_prove(w) < 0)
		fail_msg("again: %s", w->e.text);
	assert_int_equal(world_changed(w), 0);
}
